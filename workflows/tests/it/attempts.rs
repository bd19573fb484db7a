//! Which payment is charged, which are forgotten, and what each is answered.

use domain::{
    Currency::Krw,
    Money,
    checkout::{
        ConfirmRefusal, Confirmable, Confirmation, MAX_DECLINES, MAX_REJECTED_KEYS, Order, Plan, PlanFields, Status,
    },
    failure::Failure,
    id::{BuyerId, CheckoutId, PaymentKey, PaymentOrderId, SellerAccount},
};
use workflows::checkout::attempts::Attempts;

fn won(minor: u64) -> Money {
    Money::try_from_minor(minor, Krw).unwrap()
}

fn plan() -> Plan {
    let order = Order {
        id: PaymentOrderId::parse("order-1").unwrap(),
        seller: SellerAccount::parse("seller-a").unwrap(),
        amount: won(1_000),
        tax_free: None,
        name: None,
    };
    Plan::try_new(PlanFields {
        checkout_id: CheckoutId::parse("checkout-1").unwrap(),
        order_name: "socks".to_owned(),
        buyer_id: BuyerId::parse("buyer-1").unwrap(),
        orders: vec![order],
        success_url: None,
        fail_url: None,
        metadata: None,
        card: None,
        confirm_token_hash: None,
        window: Default::default(),
    })
    .unwrap()
}

fn key(number: u32) -> PaymentKey {
    PaymentKey::parse(format!("payment-{number}")).unwrap()
}

fn confirmation(number: u32) -> Confirmation {
    Confirmation { payment_key: key(number), checkout_id: plan().checkout_id().clone(), amount: won(1_000) }
}

fn retryable() -> Failure {
    Failure::new("REJECTED", "No.").and_retry()
}

/// Attempts of which payment number 1 is under way.
fn begun() -> Attempts {
    let mut attempts = Attempts::default();
    assert_eq!(attempts.check(&plan(), Status::NotStarted, &confirmation(1)), Ok(Confirmable::Begins));
    attempts.begin(confirmation(1));
    attempts
}

#[test]
fn a_second_window_joins_its_own_payment_and_no_other() {
    let attempts = begun();
    for status in Status::ALL {
        assert_eq!(attempts.check(&plan(), status, &confirmation(1)), Ok(Confirmable::Joins), "{status}");
        let other = attempts.check(&plan(), status, &confirmation(2));
        assert_eq!(other, Err(ConfirmRefusal::NotConfirmable), "{status}");
    }
    let cheaper = Confirmation { amount: won(999), ..confirmation(1) };
    assert_eq!(attempts.check(&plan(), Status::NotStarted, &cheaper), Err(ConfirmRefusal::AmountMismatch));
}

#[test]
fn an_answer_comes_when_the_payment_has_come_to_rest() {
    let mut attempts = begun();
    let answer = |attempts: &Attempts, status| attempts.answer(&key(1), status);
    for status in [Status::NotStarted, Status::Executing, Status::Unknown, Status::Failed, Status::Stuck] {
        assert_eq!(answer(&attempts, status), None, "{status}");
    }
    for status in [Status::WaitingForDeposit, Status::Success, Status::Expired, Status::Canceled, Status::Refunded] {
        assert_eq!(answer(&attempts, status), Some(status), "{status}");
    }
    // A buyer does not wait for a person's review.
    attempts.in_review = true;
    assert_eq!(answer(&attempts, Status::Stuck), Some(Status::Stuck));
    // A payment that nobody confirmed has not begun.
    assert_eq!(attempts.answer(&key(2), Status::Executing), Some(Status::NotStarted));
}

#[test]
fn after_a_decline_another_payment_may_begin_and_the_first_keeps_its_answer() {
    let mut attempts = begun();
    assert_eq!(attempts.number(), 0);
    attempts.decline(&retryable());
    assert_eq!((attempts.number(), attempts.next().is_none()), (1, true), "another idempotency key follows");
    assert_eq!(attempts.check(&plan(), Status::Failed, &confirmation(2)), Ok(Confirmable::Begins));
    assert_eq!(attempts.check(&plan(), Status::Failed, &confirmation(1)), Ok(Confirmable::Joins));
    attempts.begin(confirmation(2));
    assert_eq!(attempts.answer(&key(1), Status::Executing), Some(Status::Executing));
    assert_eq!(attempts.answer(&key(2), Status::Executing), None);

    let mut closed = begun();
    closed.decline(&Failure::new("REJECTED", "No."));
    let refused = closed.check(&plan(), Status::Failed, &confirmation(2));
    assert_eq!(refused, Err(ConfirmRefusal::NotConfirmable), "a decline that closes the checkout closes it");
}

#[test]
fn declines_and_rejections_have_their_limits() {
    let mut attempts = Attempts::default();
    for number in 0..MAX_DECLINES {
        attempts.begin(confirmation(number));
        assert_eq!(attempts.may_follow(), number + 1 < MAX_DECLINES, "{number}");
        attempts.decline(&retryable());
    }
    let mut attempts = Attempts::default();
    for number in 0..MAX_REJECTED_KEYS {
        attempts.begin(confirmation(number));
        assert!(attempts.next().is_some());
        assert_eq!(attempts.reject(), number + 1 < MAX_REJECTED_KEYS, "{number}");
        assert_eq!((attempts.next(), attempts.is_any_under_way()), (None, true), "it is not charged again");
        attempts.forget();
    }
    assert_eq!(attempts.number(), MAX_REJECTED_KEYS, "each attempt has an idempotency key of its own");
}
