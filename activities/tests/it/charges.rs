//! Confirm, look up, cancel: each twice, and each when the PSP misbehaves. What was really charged is asked
//! of the simulator.

use activities::psp::Psp;
use domain::{
    Currency::{Jpy, Krw, Usd},
    Money,
    charge::{Capture, Charge},
    id::{CheckoutId, PaymentKey},
    inquiry::Doubt,
};
use serde_json::json;
use temporalio_common::error::ApplicationFailure;
use temporalio_sdk::testing::ActivityEnvironmentError;
use toss::{CancelRequest, IdempotencyKey};
use workflows::ports::{CancelCharge, ConfirmCharge, DOUBT, LookUpCharge};

use crate::{
    as_workflow_sees,
    simulator::{PATIENCE, Simulator, nobody, psp_at},
};

type Answer = Result<Charge, ActivityEnvironmentError>;

const TOTAL: u64 = 15_000;

fn won(minor: u64) -> Money {
    Money::try_from_minor(minor, Krw).unwrap()
}

fn checkout() -> CheckoutId {
    CheckoutId::parse("checkout-1").unwrap()
}

fn confirm_of(payment_key: &PaymentKey) -> ConfirmCharge {
    ConfirmCharge {
        checkout_id: checkout(),
        payment_key: payment_key.clone(),
        amount: won(TOTAL),
        idempotency_key: "workflow.confirm.1".to_owned(),
    }
}

fn look_up_of(payment_key: &PaymentKey) -> LookUpCharge {
    LookUpCharge { payment_key: payment_key.clone(), checkout_id: checkout(), keys_of: None }
}

fn cancel_of(payment_key: &PaymentKey, idempotency_key: &str) -> CancelCharge {
    CancelCharge {
        payment_key: payment_key.clone(),
        checkout_id: checkout(),
        currency: Krw,
        keys_of: None,
        account: None,
        reason: "주문 취소".to_owned(),
        idempotency_key: idempotency_key.to_owned(),
    }
}

/// A simulator, and a buyer who has finished the payment window.
async fn authorized() -> (Simulator, PaymentKey) {
    let sim = Simulator::start().await;
    let payment_key = sim.authorize(&checkout(), TOTAL).await;
    (sim, payment_key)
}

/// A simulator that holds the buyer's money.
async fn paid() -> (Simulator, PaymentKey) {
    let (sim, payment_key) = authorized().await;
    captured(sim.psp.run(Psp::confirm, confirm_of(&payment_key)).await);
    (sim, payment_key)
}

fn captured(answer: Answer) -> Capture {
    match answer {
        Ok(Charge::Captured(capture)) => capture,
        other => panic!("not captured: {other:?}"),
    }
}

/// The doubt that a workflow reads from a failure; it goes back to the workflow at once.
fn doubt(answer: Answer) -> Doubt {
    let failure = as_workflow_sees(answer);
    assert_eq!(failure.type_name(), Some(DOUBT), "{failure}");
    assert!(failure.is_non_retryable());
    failure.details().unwrap().unwrap()
}

/// A failure that Temporal repeats by itself.
fn repeated(answer: Answer) -> ApplicationFailure {
    let failure = as_workflow_sees(answer);
    assert_eq!(failure.type_name(), Some("psp.try_again"), "{failure}");
    assert!(!failure.is_non_retryable());
    failure
}

/// Repeats what Temporal would repeat, until it is answered.
async fn settled(call: impl AsyncFn() -> Answer) -> Charge {
    let repeating = async {
        loop {
            match call().await {
                Ok(charge) => return charge,
                failed => repeated(failed),
            };
        }
    };
    tokio::time::timeout(PATIENCE, repeating).await.unwrap()
}

#[tokio::test]
async fn confirming_twice_under_one_key_charges_once() {
    let (sim, payment_key) = authorized().await;
    let first = captured(sim.psp.run(Psp::confirm, confirm_of(&payment_key)).await);
    let second = captured(sim.psp.run(Psp::confirm, confirm_of(&payment_key)).await);
    assert_eq!(first, second);
    assert_eq!((first.amount, first.method.as_deref()), (won(TOTAL), Some("카드")));
    assert!(first.receipt_url.is_some());
    assert_eq!(sim.totals().await, (TOTAL, 0, 1));
}

#[tokio::test]
async fn a_declined_charge_is_a_value_both_times() {
    let (sim, payment_key) = authorized().await;
    sim.mischief(json!({ "on": "confirm", "kind": "error_before", "code": "REJECT_CARD_PAYMENT" })).await;
    for _ in 0..2 {
        match sim.psp.run(Psp::confirm, confirm_of(&payment_key)).await {
            Ok(Charge::Refused(failure)) => assert_eq!(failure.code.as_str(), "REJECT_CARD_PAYMENT"),
            other => panic!("not refused: {other:?}"),
        }
    }
    assert_eq!(sim.totals().await, (0, 0, 0));
}

/// Under the same key the PSP repeats its answer, and a later attempt cannot tell whose answer it was.
#[tokio::test]
async fn a_charge_declined_to_a_repeated_attempt_is_a_doubt_that_a_look_up_ends() {
    let (sim, payment_key) = authorized().await;
    sim.mischief(json!({ "on": "confirm", "kind": "error_before", "code": "REJECT_CARD_PAYMENT" })).await;
    let doubt = doubt(sim.repeated().run(Psp::confirm, confirm_of(&payment_key)).await);
    assert_eq!(doubt.refusal.unwrap().code.as_str(), "REJECT_CARD_PAYMENT");
    let told = sim.psp.run(Psp::look_up, look_up_of(&payment_key)).await.unwrap();
    assert!(matches!(told, Charge::Refused(_)), "{told:?}");
}

#[tokio::test]
async fn who_is_not_let_in_learns_nothing_of_the_charge() {
    let (sim, payment_key) = authorized().await;
    sim.mischief(json!({ "on": "confirm", "kind": "execute_and_stall" })).await;
    assert!(!doubt(sim.psp.run(Psp::confirm, confirm_of(&payment_key)).await).answered);
    sim.mischief(json!({ "on": "confirm", "kind": "error_before", "code": "UNAUTHORIZED_KEY", "times": 2 })).await;
    for (psp, answered) in [(&sim.psp, true), (&sim.repeated(), false)] {
        let charge = ConfirmCharge { idempotency_key: format!("locked_out-{answered}"), ..confirm_of(&payment_key) };
        let doubt = doubt(psp.run(Psp::confirm, charge).await);
        assert!(doubt.locked_out && doubt.answered == answered && doubt.refusal.is_none(), "{doubt:?}");
    }
    assert_eq!(captured(sim.psp.run(Psp::look_up, look_up_of(&payment_key)).await).amount, won(TOTAL));
}

#[tokio::test]
async fn a_payment_key_that_the_psp_never_issued_is_none_of_ours_both_times() {
    let sim = Simulator::start().await;
    let invented = PaymentKey::parse("never-heard-of").unwrap();
    for _ in 0..2 {
        match sim.psp.run(Psp::confirm, confirm_of(&invented)).await {
            Ok(Charge::NotOurs(failure)) => assert_eq!(failure.code.as_str(), "NOT_FOUND_PAYMENT"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_charge_whose_answer_is_lost_is_a_doubt_that_a_look_up_ends() {
    let (sim, payment_key) = authorized().await;
    sim.mischief(json!({ "on": "confirm", "kind": "execute_and_stall" })).await;
    assert!(!doubt(sim.psp.run(Psp::confirm, confirm_of(&payment_key)).await).answered);
    for _ in 0..2 {
        assert_eq!(captured(sim.psp.run(Psp::look_up, look_up_of(&payment_key)).await).amount, won(TOTAL));
    }
    let again = settled(async || sim.psp.run(Psp::confirm, confirm_of(&payment_key)).await).await;
    assert_eq!(captured(Ok(again)).amount, won(TOTAL));
    assert_eq!(sim.totals().await, (TOTAL, 0, 1));
}

#[tokio::test]
async fn a_charge_that_stalls_unexecuted_is_a_doubt_and_may_be_sent_again() {
    let (sim, payment_key) = authorized().await;
    sim.mischief(json!({ "on": "confirm", "kind": "stall_before" })).await;
    assert!(!doubt(sim.psp.run(Psp::confirm, confirm_of(&payment_key)).await).answered);
    assert_eq!(sim.psp.run(Psp::look_up, look_up_of(&payment_key)).await.unwrap(), Charge::Open);
    let again = settled(async || sim.psp.run(Psp::confirm, confirm_of(&payment_key)).await).await;
    assert_eq!(captured(Ok(again)).amount, won(TOTAL));
    assert_eq!(sim.totals().await, (TOTAL, 0, 1));
}

#[tokio::test]
async fn an_unreadable_answer_is_a_doubt_with_an_answer() {
    let (sim, payment_key) = authorized().await;
    sim.mischief(json!({ "on": "confirm", "kind": "garbage_after" })).await;
    assert!(doubt(sim.psp.run(Psp::confirm, confirm_of(&payment_key)).await).answered);
    assert_eq!(captured(sim.psp.run(Psp::confirm, confirm_of(&payment_key)).await).amount, won(TOTAL));
    assert_eq!(sim.totals().await, (TOTAL, 0, 1));
}

#[tokio::test]
async fn an_error_after_the_charge_is_a_doubt_both_times_and_no_refusal() {
    let (sim, payment_key) = authorized().await;
    sim.mischief(json!({ "on": "confirm", "kind": "execute_and_error" })).await;
    for _ in 0..2 {
        let doubt = doubt(sim.psp.run(Psp::confirm, confirm_of(&payment_key)).await);
        let evidence = "the PSP answered FAILED_INTERNAL_SYSTEM_PROCESSING".to_owned();
        assert_eq!(doubt, Doubt::answered(evidence));
    }
    assert_eq!(captured(sim.psp.run(Psp::look_up, look_up_of(&payment_key)).await).amount, won(TOTAL));
    assert_eq!(sim.totals().await, (TOTAL, 0, 1));
}

/// The connection stood, so nobody can tell from outside that nothing was done.
#[tokio::test]
async fn a_connection_cut_without_a_byte_is_a_doubt() {
    let (sim, payment_key) = authorized().await;
    sim.mischief(json!({ "on": "confirm", "kind": "refuse_connection" })).await;
    assert!(!doubt(sim.psp.run(Psp::confirm, confirm_of(&payment_key)).await).answered);
    assert_eq!(captured(sim.psp.run(Psp::confirm, confirm_of(&payment_key)).await).amount, won(TOTAL));
    assert_eq!(sim.totals().await, (TOTAL, 0, 1));
}

#[tokio::test]
async fn where_nobody_listens_every_call_is_repeated() {
    let psp = psp_at(&nobody().await);
    let payment_key = PaymentKey::parse("payment-key").unwrap();
    for _ in 0..2 {
        repeated(psp.run(Psp::confirm, confirm_of(&payment_key)).await);
        repeated(psp.run(Psp::look_up, look_up_of(&payment_key)).await);
        repeated(psp.run(Psp::cancel, cancel_of(&payment_key, "workflow.cancel.1")).await);
    }
}

#[tokio::test]
async fn a_wrong_amount_is_told_as_it_is() {
    let (sim, payment_key) = authorized().await;
    sim.mischief(json!({ "on": "confirm", "kind": "wrong_amount" })).await;
    let charged = captured(sim.psp.run(Psp::confirm, confirm_of(&payment_key)).await).amount;
    assert_ne!(charged, won(TOTAL));
    assert_eq!(captured(sim.psp.run(Psp::look_up, look_up_of(&payment_key)).await).amount, charged);
    assert_eq!(sim.totals().await, (charged.minor(), 0, 1));
}

#[tokio::test]
async fn looking_up_tells_open_and_absent_both_times() {
    let (sim, payment_key) = authorized().await;
    let unknown = PaymentKey::parse("never-heard-of").unwrap();
    for _ in 0..2 {
        assert_eq!(sim.psp.run(Psp::look_up, look_up_of(&payment_key)).await.unwrap(), Charge::Open);
        assert_eq!(sim.psp.run(Psp::look_up, look_up_of(&unknown)).await.unwrap(), Charge::Absent);
    }
    assert_eq!(sim.totals().await, (0, 0, 0));
}

#[tokio::test]
async fn a_look_up_that_fails_is_repeated_and_never_absent() {
    let (sim, payment_key) = paid().await;
    for kind in ["error_before", "rate_limit", "refuse_connection", "stall_before", "garbage_after"] {
        sim.mischief(json!({ "on": "lookup", "kind": kind })).await;
        repeated(sim.psp.run(Psp::look_up, look_up_of(&payment_key)).await);
        assert_eq!(captured(sim.psp.run(Psp::look_up, look_up_of(&payment_key)).await).amount, won(TOTAL), "{kind}");
    }
}

#[tokio::test]
async fn a_payment_is_asked_about_by_the_keys_of_its_currency_alone() {
    let sim = Simulator::start().await;
    let payment_key = sim.authorize_in("USD", &checkout(), "12.55").await;
    let amount = Money::try_from_minor(1_255, Usd).unwrap();
    let confirm = ConfirmCharge { amount, ..confirm_of(&payment_key) };
    assert_eq!(captured(sim.psp.run(Psp::confirm, confirm.clone()).await).amount, amount);
    let look_up = async |currency| {
        sim.psp.run(Psp::look_up, LookUpCharge { keys_of: Some(currency), ..look_up_of(&payment_key) }).await
    };
    assert_eq!(captured(look_up(Usd).await).amount, amount);
    assert!(matches!(look_up(Krw).await, Ok(Charge::Absent)), "to other keys the payment does not exist");
    // Keys that are not set are no proof of anything: the payment is never called absent.
    repeated(look_up(Jpy).await);
    let in_yen = Money::try_from_minor(1_255, Jpy).unwrap();
    repeated(sim.psp.run(Psp::confirm, ConfirmCharge { amount: in_yen, ..confirm }).await);
    let cancel = |keys_of| CancelCharge { currency: Usd, keys_of, ..cancel_of(&payment_key, "workflow.cancel.1") };
    repeated(sim.psp.run(Psp::cancel, cancel(Some(Jpy))).await);
    assert!(matches!(sim.psp.run(Psp::cancel, cancel(Some(Usd))).await, Ok(Charge::Returned)));
}

#[tokio::test]
async fn an_answer_about_another_order_is_a_doubt() {
    let (sim, payment_key) = paid().await;
    let other = CheckoutId::parse("checkout-2").unwrap();
    let of_another = Doubt::answered("the PSP answered about another payment".to_owned());
    for _ in 0..2 {
        let look_up = LookUpCharge { checkout_id: other.clone(), ..look_up_of(&payment_key) };
        assert_eq!(doubt(sim.psp.run(Psp::look_up, look_up).await), of_another);
        let confirm = ConfirmCharge {
            checkout_id: other.clone(),
            idempotency_key: "workflow-2.confirm.1".to_owned(),
            ..confirm_of(&payment_key)
        };
        let confirmed = sim.psp.run(Psp::confirm, confirm).await;
        assert!(matches!(confirmed, Ok(Charge::NotOurs(_))), "{confirmed:?}");
        let cancel = CancelCharge { checkout_id: other.clone(), ..cancel_of(&payment_key, "workflow-2.cancel.1") };
        assert_eq!(doubt(sim.psp.run(Psp::cancel, cancel).await), of_another);
    }
}

#[tokio::test]
async fn canceling_twice_under_one_key_gives_back_once() {
    let (sim, payment_key) = paid().await;
    for _ in 0..2 {
        let canceled = sim.psp.run(Psp::cancel, cancel_of(&payment_key, "workflow.cancel.1")).await;
        assert_eq!(canceled.unwrap(), Charge::Returned);
    }
    assert_eq!(sim.totals().await, (TOTAL, TOTAL, 1));
}

#[tokio::test]
async fn canceling_what_is_canceled_is_a_doubt_that_a_look_up_ends() {
    let (sim, payment_key) = paid().await;
    let first = sim.psp.run(Psp::cancel, cancel_of(&payment_key, "workflow.cancel.1")).await;
    assert_eq!(first.unwrap(), Charge::Returned);
    let second = doubt(sim.psp.run(Psp::cancel, cancel_of(&payment_key, "workflow.cancel.2")).await);
    assert!(second.answered);
    assert_eq!(sim.psp.run(Psp::look_up, look_up_of(&payment_key)).await.unwrap(), Charge::Returned);
    assert_eq!(sim.totals().await, (TOTAL, TOTAL, 1));
}

#[tokio::test]
async fn a_cancellation_whose_answer_is_lost_is_a_doubt_that_a_look_up_ends() {
    for (kind, answered) in [("execute_and_stall", false), ("garbage_after", true), ("execute_and_error", true)] {
        let (sim, payment_key) = paid().await;
        sim.mischief(json!({ "on": "cancel", "kind": kind })).await;
        let lost = doubt(sim.psp.run(Psp::cancel, cancel_of(&payment_key, "workflow.cancel.1")).await);
        assert_eq!(lost.answered, answered, "{kind}");
        assert_eq!(sim.psp.run(Psp::look_up, look_up_of(&payment_key)).await.unwrap(), Charge::Returned, "{kind}");
        assert_eq!(sim.totals().await, (TOTAL, TOTAL, 1), "{kind}");
    }
}

/// The PSP says no to a cancellation: the money is still held, and only asking proves what is.
#[tokio::test]
async fn a_refused_cancellation_is_a_doubt_and_no_refused_charge() {
    let (sim, payment_key) = paid().await;
    sim.mischief(json!({ "on": "cancel", "kind": "error_before", "code": "NOT_CANCELABLE_PAYMENT" })).await;
    let doubt = doubt(sim.psp.run(Psp::cancel, cancel_of(&payment_key, "workflow.cancel.1")).await);
    assert_eq!(doubt.refusal.unwrap().code.as_str(), "NOT_CANCELABLE_PAYMENT");
    assert_eq!(captured(sim.psp.run(Psp::look_up, look_up_of(&payment_key)).await).amount, won(TOTAL));
}

#[tokio::test]
async fn what_is_left_after_a_partial_cancellation_is_captured() {
    let (sim, payment_key) = paid().await;
    let part = CancelRequest {
        reason: "부분 취소".to_owned(),
        amount: Some(5_000),
        currency: toss::Currency::Krw,
        refundable_amount: None,
        refund_account: None,
    };
    let key = IdempotencyKey::parse("by-hand").unwrap();
    sim.toss().cancel(payment_key.as_str(), &part, &key).await.unwrap();
    assert_eq!(captured(sim.psp.run(Psp::look_up, look_up_of(&payment_key)).await).amount, won(TOTAL - 5_000));
}

#[tokio::test]
async fn a_virtual_account_waits_for_its_deposit() {
    let sim = Simulator::start().await;
    let payment_key = sim.authorize_by(&checkout(), TOTAL, "가상계좌").await;
    for _ in 0..2 {
        let confirmed = sim.psp.run(Psp::confirm, confirm_of(&payment_key)).await;
        match confirmed.unwrap() {
            Charge::AwaitingDeposit { overdue: false, account: Some(account) } => {
                assert!(account.bank.len() == 2 && !account.account_number.is_empty() && account.due_date.is_some());
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(sim.totals().await, (0, 0, 0));
    sim.deposit(&checkout()).await;
    assert_eq!(captured(sim.psp.run(Psp::look_up, look_up_of(&payment_key)).await).amount, won(TOTAL));
    assert_eq!(sim.totals().await, (TOTAL, 0, 1));
}
