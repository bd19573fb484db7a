//! The state machine by table: from each status, what each transition does.

use chrono::{DateTime, TimeDelta};

use super::{Confirmed, Fresh, Method, Payment, RefundAccount, Status, Twist};
use crate::cancel::CancelRequest;
use crate::cash_receipt::{FreshReceipt, ReceiptKind, ReceiptWish, left, standing};
use crate::codes::Code;
use crate::currency::Money;
use crate::terms::{Terms, TimeToPay};
use crate::time::Instant;

const START: Instant = DateTime::UNIX_EPOCH;
const AMOUNT: u64 = 10_000;

fn fresh() -> Fresh {
    Fresh {
        transaction_key: "T".repeat(32),
        secret: "ps_secret".to_owned(),
        approve_number: "00000000".to_owned(),
        account_number: "X0000000000000".to_owned(),
        receipt: FreshReceipt { key: "receipt".to_owned(), issue_number: "123456789".to_owned() },
    }
}

fn account() -> RefundAccount {
    RefundAccount { bank_code: "88".to_owned(), number: "1".to_owned(), holder: "김".to_owned() }
}

fn ready(amount: u64) -> Payment {
    Payment::ready("key".to_owned(), "order-1".to_owned(), "책".to_owned(), Money::won(amount), START)
}

/// A payment of that method, taken as far as that status by legal steps alone.
fn reached(status: Status, method: Method) -> Payment {
    let mut payment = ready(AMOUNT);
    if status == Status::Ready {
        return payment;
    }
    assert_eq!(payment.authenticate(method, None, START), Ok(()));
    match status {
        Status::Ready | Status::InProgress => return payment,
        Status::Expired => {
            assert!(payment.expire(START + TimeDelta::minutes(10)));
            return payment;
        }
        Status::Aborted => {
            let twist = Twist { decline: Some(Code::RejectCardPayment), overcharge: 0 };
            payment.confirm("order-1", AMOUNT, twist, START, fresh());
            return payment;
        }
        Status::WaitingForDeposit | Status::Done | Status::Canceled | Status::PartialCanceled => {}
    }
    payment.confirm("order-1", AMOUNT, Twist::default(), START, fresh());
    if method == Method::VirtualAccount && status != Status::WaitingForDeposit {
        assert_eq!(payment.deposit(START, fresh()), Ok(()));
    }
    let part = match status {
        Status::Canceled => None,
        Status::PartialCanceled => Some(4_000),
        Status::Ready
        | Status::InProgress
        | Status::WaitingForDeposit
        | Status::Done
        | Status::Aborted
        | Status::Expired => {
            assert_eq!(payment.status, status);
            return payment;
        }
    };
    let request = CancelRequest { amount: part, refund_account: Some(account()), ..CancelRequest::default() };
    assert_eq!(payment.cancel(&request, START, fresh()), Ok(()));
    assert_eq!(payment.status, status);
    payment
}

#[test]
fn confirm_by_status() {
    let refused = Confirmed::Refused;
    let cases = [
        (Status::Ready, refused(Code::PayProcessAborted)),
        (Status::InProgress, Confirmed::Captured),
        (Status::Done, refused(Code::AlreadyProcessedPayment)),
        (Status::Canceled, refused(Code::AlreadyProcessedPayment)),
        (Status::PartialCanceled, refused(Code::AlreadyProcessedPayment)),
        (Status::Aborted, refused(Code::AlreadyProcessedPayment)),
        (Status::Expired, refused(Code::NotFoundPaymentSession)),
    ];
    for (status, wanted) in cases {
        let mut payment = reached(status, Method::Card);
        assert_eq!(payment.confirm("order-1", AMOUNT, Twist::default(), START, fresh()), wanted, "{status:?}");
        let is_left_alone = matches!(wanted, Confirmed::Refused(_));
        assert_eq!(payment.status == status, is_left_alone, "{status:?}");
    }
}

#[test]
fn confirm_by_method_and_amount() {
    let cases = [
        (Method::Card, 100, Confirmed::Captured, Status::Done),
        (Method::Card, 99, Confirmed::Refused(Code::BelowMinimumAmount), Status::InProgress),
        (Method::EasyPay, 100, Confirmed::Captured, Status::Done),
        (Method::Transfer, 199, Confirmed::Refused(Code::BelowMinimumAmount), Status::InProgress),
        (Method::Transfer, 200, Confirmed::Captured, Status::Done),
        (Method::VirtualAccount, 200, Confirmed::AccountIssued, Status::WaitingForDeposit),
    ];
    for (method, amount, wanted, status) in cases {
        let mut payment = ready(amount);
        assert_eq!(payment.authenticate(method, None, START), Ok(()));
        assert_eq!(payment.confirm("order-1", amount, Twist::default(), START, fresh()), wanted, "{method:?}");
        assert_eq!(payment.status, status, "{method:?} {amount}");
        assert_eq!(payment.captured, wanted == Confirmed::Captured, "{method:?} {amount}");
    }
}

#[test]
fn confirm_of_something_else_is_forbidden() {
    for (order_id, amount) in [("order-2", AMOUNT), ("order-1", AMOUNT + 1)] {
        let mut payment = reached(Status::InProgress, Method::Card);
        let confirmed = payment.confirm(order_id, amount, Twist::default(), START, fresh());
        assert_eq!(confirmed, Confirmed::Refused(Code::ForbiddenRequest));
        assert_eq!(payment.status, Status::InProgress);
    }
}

#[test]
fn a_decline_chosen_in_the_window_takes_no_money() {
    let mut payment = ready(AMOUNT);
    assert_eq!(payment.authenticate(Method::Card, Some(Code::RejectCardPayment), START), Ok(()));
    let confirmed = payment.confirm("order-1", AMOUNT, Twist::default(), START, fresh());
    assert_eq!(confirmed, Confirmed::Declined(Code::RejectCardPayment));
    assert_eq!((payment.status, payment.captured), (Status::Aborted, false));
    assert_eq!(payment.failure, Some(Code::RejectCardPayment));
}

#[test]
fn the_two_clocks() {
    let cases = [
        (Status::Ready, 30 * 60 - 1, false),
        (Status::Ready, 30 * 60, true),
        (Status::InProgress, 10 * 60 - 1, false),
        (Status::InProgress, 10 * 60, true),
        (Status::Done, i64::from(u32::MAX), false),
        (Status::Aborted, i64::from(u32::MAX), false),
    ];
    for (status, seconds, expires) in cases {
        let mut payment = reached(status, Method::Card);
        assert_eq!(payment.expire(START + TimeDelta::seconds(seconds)), expires, "{status:?} {seconds}");
        assert_eq!(payment.status == Status::Expired, expires);
    }
}

fn part(amount: u64) -> CancelRequest {
    CancelRequest { amount: Some(amount), ..CancelRequest::default() }
}

#[test]
fn cancel_by_status() {
    let everything = CancelRequest::default();
    let cases = [
        (Status::Ready, &everything, Err(Code::NotCancelablePayment)),
        (Status::InProgress, &everything, Err(Code::NotCancelablePayment)),
        (Status::Aborted, &everything, Err(Code::NotCancelablePayment)),
        (Status::Expired, &everything, Err(Code::NotCancelablePayment)),
        (Status::Canceled, &everything, Err(Code::AlreadyCanceledPayment)),
        (Status::Done, &everything, Ok(Status::Canceled)),
        (Status::Done, &part(AMOUNT), Ok(Status::Canceled)),
        (Status::Done, &part(1), Ok(Status::PartialCanceled)),
        (Status::Done, &part(0), Err(Code::NotCancelableAmount)),
        (Status::Done, &part(AMOUNT + 1), Err(Code::NotCancelableAmount)),
        (Status::PartialCanceled, &part(6_000), Ok(Status::PartialCanceled)),
        (Status::PartialCanceled, &everything, Ok(Status::PartialCanceled)),
        (Status::PartialCanceled, &part(6_001), Err(Code::NotCancelableAmount)),
    ];
    for (status, request, wanted) in cases {
        let mut payment = reached(status, Method::Card);
        let balance = payment.balance;
        let canceled = payment.cancel(request, START, fresh());
        assert_eq!(canceled.map(|()| payment.status), wanted, "{status:?} {request:?}");
        if wanted.is_err() {
            assert_eq!((payment.status, payment.balance), (status, balance), "a refused cancel changes nothing");
        }
    }
}

#[test]
fn a_partial_cancel_of_the_rest_keeps_its_status_and_another_is_a_wrong_amount() {
    let mut payment = reached(Status::PartialCanceled, Method::Card);
    assert_eq!(payment.cancel(&part(6_000), START, fresh()), Ok(()));
    assert_eq!((payment.status, payment.balance), (Status::PartialCanceled, 0));
    assert_eq!(payment.cancel(&CancelRequest::default(), START, fresh()), Err(Code::NotCancelableAmount));
    assert_eq!(payment.refunded(), AMOUNT);
}

#[test]
fn a_cancel_checks_what_the_caller_believes_is_left() {
    for (believed, wanted) in [(AMOUNT, Ok(())), (AMOUNT - 1, Err(Code::NotMatchesRefundableAmount))] {
        let mut payment = reached(Status::Done, Method::Card);
        let request = CancelRequest { refundable: Some(believed), ..part(1_000) };
        assert_eq!(payment.cancel(&request, START, fresh()), wanted);
    }
}

#[test]
fn a_virtual_account_is_cancelled_by_its_own_rules() {
    let with_account = CancelRequest { refund_account: Some(account()), ..CancelRequest::default() };
    let cases = [
        (Status::WaitingForDeposit, CancelRequest::default(), Ok(Status::Canceled)),
        (Status::WaitingForDeposit, part(1), Err(Code::NotAllowedPartialRefundWaitingDeposit)),
        (Status::Done, CancelRequest::default(), Err(Code::InvalidRefundAccountInfo)),
        (Status::Done, with_account, Ok(Status::Canceled)),
    ];
    for (status, request, wanted) in cases {
        let mut payment = reached(status, Method::VirtualAccount);
        assert_eq!(payment.cancel(&request, START, fresh()).map(|()| payment.status), wanted, "{status:?}");
        let took_money = status == Status::Done && wanted.is_ok();
        assert_eq!(payment.refunded(), if took_money { AMOUNT } else { 0 });
    }
}

#[test]
fn refunds_have_a_last_day() {
    let cases = [
        (Method::Card, 3_650, Ok(())),
        (Method::Transfer, 179, Ok(())),
        (Method::Transfer, 180, Err(Code::ExceedMaxRefundDue)),
        (Method::VirtualAccount, 364, Ok(())),
        (Method::VirtualAccount, 365, Err(Code::ExceedMaxRefundDue)),
    ];
    for (method, days, wanted) in cases {
        let mut payment = reached(Status::Done, method);
        let request = CancelRequest { refund_account: Some(account()), ..CancelRequest::default() };
        assert_eq!(payment.cancel(&request, START + TimeDelta::days(days), fresh()), wanted, "{method:?} {days}");
    }
}

#[test]
fn a_deposit_comes_in_time_and_may_be_taken_back() {
    let mut payment = reached(Status::WaitingForDeposit, Method::VirtualAccount);
    let due = START + TimeDelta::hours(168);
    assert!(!payment.deposit_is_overdue(due - TimeDelta::seconds(1)));
    assert!(payment.deposit_is_overdue(due));
    assert!(payment.deposit(due, fresh()).is_err());
    assert_eq!(payment.deposit(START, fresh()), Ok(()));
    assert!(payment.deposit(START, fresh()).is_err());
    assert_eq!(payment.take_deposit_back(START, fresh()), Ok(()));
    assert_eq!((payment.status, payment.captured), (Status::WaitingForDeposit, false));
    assert_eq!(payment.deposit(START, fresh()), Ok(()));
    assert!(payment.captured);
    assert!(reached(Status::Done, Method::Card).take_deposit_back(START, fresh()).is_err());
}

/// A payment of that method that is DONE, under those terms.
fn paid_under(method: Method, terms: Terms) -> Payment {
    let mut payment = ready(AMOUNT);
    payment.terms = terms;
    assert_eq!(payment.authenticate(method, None, START), Ok(()));
    payment.confirm("order-1", AMOUNT, Twist::default(), START, fresh());
    payment
}

#[test]
fn a_part_is_cancelled_with_the_tax_that_is_left() {
    let terms = || Terms { tax_free: 3_000, ..Terms::default() };
    let cases = [
        (7_000, None, Ok(3_000)),
        (7_001, None, Err(Code::InvalidRefundAmount)),
        (3_000, Some(3_000), Ok(0)),
        (3_001, Some(3_001), Err(Code::InvalidRefundAmount)),
        (1_000, Some(1_001), Err(Code::InvalidRefundAmount)),
        (AMOUNT, Some(1), Ok(0)),
    ];
    for (amount, tax_free, wanted) in cases {
        let mut payment = paid_under(Method::Card, terms());
        let request = CancelRequest { tax_free, ..part(amount) };
        let canceled = payment.cancel(&request, START, fresh());
        assert_eq!(canceled.map(|()| payment.tax_free_left()), wanted, "{amount} {tax_free:?}");
    }
}

#[test]
fn escrow_and_exempt_amounts_are_cancelled_as_a_whole() {
    for terms in [Terms { use_escrow: true, ..Terms::default() }, Terms { tax_exemption: 500, ..Terms::default() }] {
        let mut payment = paid_under(Method::Card, terms);
        assert_eq!(payment.cancel(&part(1_000), START, fresh()), Err(Code::NotAllowedPartialRefund));
        assert_eq!(payment.cancel(&part(AMOUNT), START, fresh()), Ok(()));
    }
}

#[test]
fn a_receipt_comes_with_cash_and_goes_with_a_cancel() {
    let wish = ReceiptWish { kind: ReceiptKind::Deduction, number: "01000001234".to_owned() };
    let terms = || Terms { cash_receipt: Some(wish.clone()), ..Terms::default() };
    assert_eq!(paid_under(Method::Card, terms()).receipts, [], "a card is no cash");

    let mut payment = paid_under(Method::Transfer, terms());
    assert_eq!(left(&payment.receipts, "receipt").whole, AMOUNT);
    assert_eq!(payment.cancel(&part(4_000), START, fresh()), Ok(()));
    assert_eq!(payment.cancels[0].receipt_key.as_deref(), Some("c_receipt"));
    assert_eq!(left(&payment.receipts, "receipt").whole, 6_000);

    let mut payment = paid_under(Method::VirtualAccount, terms());
    assert_eq!(payment.receipts, [], "the money is not there yet");
    assert_eq!(payment.deposit(START, fresh()), Ok(()));
    assert!(standing(&payment.receipts).is_some());
    assert_eq!(payment.take_deposit_back(START, fresh()), Ok(()));
    assert_eq!(standing(&payment.receipts), None);
}

#[test]
fn the_shop_says_until_when_a_window_and_an_account_wait() {
    let terms = Terms { time_to_pay: Some(TimeToPay::Hours(24)), ..Terms::default() };
    let account = paid_under(Method::VirtualAccount, terms).virtual_account.unwrap();
    assert_eq!(account.due, START + TimeDelta::hours(24));
    let mut window = ready(AMOUNT);
    window.terms.time_to_pay = Some(TimeToPay::Until(START + TimeDelta::minutes(5)));
    assert!(!window.expire(START + TimeDelta::minutes(5) - TimeDelta::seconds(1)));
    assert!(window.expire(START + TimeDelta::minutes(5)));
}
