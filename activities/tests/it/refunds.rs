//! Refunds: each activity twice, on a real database and a real simulator of the PSP, and when the PSP misbehaves.

use activities::{checkout::Checkouts, ledger::Ledger, psp::Psp, psp_refund::PspRefunds, refund::Refunds};
use domain::{
    Currency::Krw,
    Money, Timestamp,
    charge::Charge,
    checkout::Status,
    failure::Failure,
    id::{CheckoutId, PaymentKey, PaymentOrderId, RefundId},
    inquiry::Doubt,
    principal::Principal,
    refund::{Executed, RefundAccount, RefundAnswer, RefundScope, RefundStatus, mark},
};
use serde_json::json;
use temporalio_sdk::testing::{ActivityEnvironment, TestActivityInfoOptions};
use testkit::database::Fresh;
use toss::{CancelRequest, IdempotencyKey};
use workflows::ports::{
    ConfirmCharge, DOUBT, NewRefund, Promise, PromisedRefund, RefundChange, RefundCharge, RefundExecution,
    RefundFailure, RefundPromise, RefundQuestion, RefundRecorded,
};

use crate::{
    as_workflow_sees,
    simulator::{ANSWER_TIME, Simulator},
    writing::{NOW, begin_of, plan, post_of, record_of},
};

/// What the plan of these tests costs.
const TOTAL: u64 = 15_000;

fn won(minor: u64) -> Money {
    Money::try_from_minor(minor, Krw).unwrap()
}

fn refund_id() -> RefundId {
    RefundId::parse("refund-1").unwrap()
}

fn checkout_id() -> CheckoutId {
    plan().checkout_id().clone()
}

/// A paid checkout, here and at the PSP.
struct Paid {
    sim: Simulator,
    activities: ActivityEnvironment,
    repeated: ActivityEnvironment,
    payment_key: PaymentKey,
    database: Fresh,
}

impl Paid {
    async fn by(method: &str) -> Self {
        let sim = Simulator::start().await;
        let payment_key = sim.authorize_by(&checkout_id(), TOTAL, method).await;
        let confirm = ConfirmCharge {
            checkout_id: checkout_id(),
            payment_key: payment_key.clone(),
            amount: won(TOTAL),
            idempotency_key: "workflow.confirm.0".to_owned(),
        };
        sim.psp.run(Psp::confirm, confirm).await.unwrap();
        let database = testkit::database::sqlite().await;
        let writer = database.writer.clone();
        let at_psp = PspRefunds { toss: sim.impatient_toss(ANSWER_TIME) };
        let refunds = Refunds { writer: writer.clone() };
        let activities = ActivityEnvironment::builder()
            .register_activities(Checkouts { writer: writer.clone(), reader: database.reader.clone() })
            .register_activities(Ledger { writer, release_rule: Default::default(), paid: Default::default() })
            .register_activities(refunds)
            .register_activities(at_psp.clone())
            .build();
        let again = TestActivityInfoOptions::builder().attempt(2).build();
        let repeated = ActivityEnvironment::builder().info(again).register_activities(at_psp).build();
        let plan = plan();
        activities.run(Checkouts::record, record_of("workflow-1", &plan)).await.unwrap();
        activities.run(Checkouts::advance, begin_of(&plan)).await.unwrap();
        activities.run(Ledger::post, post_of(&plan, 2)).await.unwrap();
        Self { sim, activities, repeated, database, payment_key }
    }

    fn new_refund(wanted: &RefundScope) -> NewRefund {
        NewRefund {
            refund_id: refund_id(),
            checkout_id: checkout_id(),
            wanted: wanted.clone(),
            reason: "단순 변심".to_owned(),
            requested_by: Principal::parse("key:test").unwrap(),
            fingerprint: "00".repeat(32),
            requested_at: NOW,
        }
    }

    async fn record(&self, wanted: &RefundScope) {
        self.activities.run(Refunds::record, Self::new_refund(wanted)).await.unwrap();
    }

    async fn promise(&self, wanted: &RefundScope) -> Promise {
        let promise = RefundPromise {
            refund_id: refund_id(),
            checkout_id: checkout_id(),
            wanted: wanted.clone(),
            promised_at: NOW,
        };
        self.activities.run(Refunds::promise, promise).await.unwrap()
    }

    fn charge(&self, minor: u64, held: u64, key: &str) -> RefundCharge {
        RefundCharge {
            refund_id: refund_id(),
            checkout_id: checkout_id(),
            payment_key: self.payment_key.clone(),
            amount: won(minor),
            held: won(held),
            tax_free: None,
            reason: "단순 변심".to_owned(),
            account: None,
            idempotency_key: key.to_owned(),
        }
    }

    fn question(&self, minor: u64) -> RefundQuestion {
        RefundQuestion {
            refund_id: refund_id(),
            checkout_id: checkout_id(),
            payment_key: self.payment_key.clone(),
            amount: won(minor),
            first_sent_at: Timestamp::from_epoch_ms(chrono::Utc::now().timestamp_millis()),
        }
    }

    async fn audit(&self) {
        assert_eq!(self.database.reader.audit(&[], &mut |_| {}).await.unwrap().findings.named, []);
    }
}

fn part(minor: u64) -> RefundScope {
    RefundScope { order: None, amount: Some(won(minor)) }
}

fn given_back(answer: RefundAnswer) -> Executed {
    match answer {
        RefundAnswer::Executed(executed) => executed,
        RefundAnswer::Refused(failure) => panic!("refused: {failure:?}"),
    }
}

fn doubt(answer: Result<RefundAnswer, temporalio_sdk::testing::ActivityEnvironmentError>) -> Doubt {
    let failure = as_workflow_sees(answer);
    assert_eq!(failure.type_name(), Some(DOUBT), "{failure}");
    failure.details().unwrap().unwrap()
}

#[tokio::test]
async fn a_refund_is_recorded_promised_and_executed_once() {
    let paid = Paid::by("카드").await;
    let wanted = part(6_000);
    for _ in 0..2 {
        let recorded = paid.activities.run(Refunds::record, Paid::new_refund(&wanted)).await.unwrap();
        assert_eq!(recorded, RefundRecorded::Ours);
        let other = NewRefund { fingerprint: "11".repeat(32), ..Paid::new_refund(&wanted) };
        assert_eq!(paid.activities.run(Refunds::record, other).await.unwrap(), RefundRecorded::Others);
    }
    for _ in 0..2 {
        let Promise::Given(PromisedRefund { parts, amount, held, tax_free: None }) = paid.promise(&wanted).await else {
            panic!("not promised")
        };
        assert_eq!((amount, held), (won(6_000), won(TOTAL)));
        assert_eq!(parts.iter().map(|part| part.amount.minor()).collect::<Vec<_>>(), [4_000, 2_000]);
    }
    for status in [RefundStatus::Unknown, RefundStatus::Unknown] {
        let change = RefundChange { refund_id: refund_id(), checkout_id: checkout_id(), status, failure: None };
        paid.activities.run(Refunds::advance, change).await.unwrap();
    }
    assert_eq!(paid.database.reader.refund(&refund_id()).await.unwrap().unwrap().status, RefundStatus::Unknown);
    for _ in 0..2 {
        let executed = Executed { amount: won(6_000), executed_at: NOW, transaction_key: Some("t".to_owned()) };
        let execution =
            RefundExecution { refund_id: refund_id(), checkout_id: checkout_id(), executed, learned_at: NOW };
        paid.activities.run(Refunds::execute, execution).await.unwrap();
    }
    let checkout = paid.database.reader.checkout(&checkout_id()).await.unwrap().unwrap();
    assert_eq!((checkout.status, checkout.revision), (Status::PartiallyRefunded, 3));
    assert!(checkout.orders.iter().all(|order| order.status == Status::PartiallyRefunded));
    paid.audit().await;
}

#[tokio::test]
async fn a_refund_that_fails_leaves_no_promise() {
    let paid = Paid::by("카드").await;
    let order = RefundScope { order: Some(PaymentOrderId::parse("order-2").unwrap()), amount: None };
    paid.record(&order).await;
    let Promise::Given(PromisedRefund { amount, .. }) = paid.promise(&order).await else { panic!("not promised") };
    assert_eq!(amount, won(5_000));
    let failure = Failure::new("EXCEED_MAX_REFUND_DUE", "너무 늦음");
    for _ in 0..2 {
        let failed = RefundFailure {
            refund_id: refund_id(),
            checkout_id: checkout_id(),
            failure: failure.clone(),
            failed_at: NOW,
        };
        paid.activities.run(Refunds::fail, failed).await.unwrap();
    }
    let checkout = paid.database.reader.checkout(&checkout_id()).await.unwrap().unwrap();
    assert_eq!((checkout.status, checkout.orders[1].refunded), (Status::Success, won(0)));
    assert_eq!(paid.database.reader.refund(&refund_id()).await.unwrap().unwrap().failure, Some(failure));
    paid.audit().await;
}

#[tokio::test]
async fn more_than_was_paid_is_refused_both_times() {
    let paid = Paid::by("카드").await;
    paid.record(&part(TOTAL + 1)).await;
    for _ in 0..2 {
        let Promise::Refused(failure) = paid.promise(&part(TOTAL + 1)).await else { panic!("promised") };
        assert_eq!(failure.code.as_str(), "refund_exceeds_payment");
    }
    paid.audit().await;
}

#[tokio::test]
async fn refunding_twice_under_one_key_refunds_once() {
    let paid = Paid::by("카드").await;
    let charge = || paid.charge(4_000, TOTAL, "refund-1.0");
    let first = given_back(paid.activities.run(PspRefunds::refund, charge()).await.unwrap());
    let second = given_back(paid.activities.run(PspRefunds::refund, charge()).await.unwrap());
    assert_eq!((first.amount, &first), (won(4_000), &second));
    assert!(first.transaction_key.is_some());
    assert_eq!(paid.sim.totals().await, (TOTAL, 4_000, 1));
    for _ in 0..2 {
        let report = paid.activities.run(PspRefunds::look_up, paid.question(4_000)).await.unwrap();
        assert_eq!((report.ours.as_ref(), report.left, report.lookalike), (Some(&first), won(11_000), false));
    }
}

#[tokio::test]
async fn a_lost_answer_is_found_by_its_mark() {
    for kind in ["execute_and_stall", "execute_and_error", "garbage_after"] {
        let paid = Paid::by("카드").await;
        paid.sim.mischief(json!({ "on": "cancel", "kind": kind })).await;
        let lost = doubt(paid.activities.run(PspRefunds::refund, paid.charge(4_000, TOTAL, "refund-1.0")).await);
        assert_eq!(lost.answered, kind != "execute_and_stall", "{kind}");
        let report = paid.activities.run(PspRefunds::look_up, paid.question(4_000)).await.unwrap();
        assert_eq!(report.ours.map(|ours| ours.amount), Some(won(4_000)), "{kind}");
        // Under another key, with what we believed before, nothing more goes back.
        let again = doubt(paid.activities.run(PspRefunds::refund, paid.charge(4_000, TOTAL, "refund-1.1")).await);
        assert!(again.answered);
        assert_eq!(paid.sim.totals().await, (TOTAL, 4_000, 1), "{kind}");
    }
}

#[tokio::test]
async fn a_refusal_is_a_value_the_first_time_and_a_doubt_after_it() {
    let paid = Paid::by("카드").await;
    let too_late = json!({ "on": "cancel", "kind": "error_before", "code": "EXCEED_MAX_REFUND_DUE", "times": 2 });
    paid.sim.mischief(too_late).await;
    match paid.activities.run(PspRefunds::refund, paid.charge(4_000, TOTAL, "refund-1.0")).await.unwrap() {
        RefundAnswer::Refused(failure) => assert_eq!(failure.code.as_str(), "EXCEED_MAX_REFUND_DUE"),
        other @ RefundAnswer::Executed(_) => panic!("not refused: {other:?}"),
    }
    let later = doubt(paid.repeated.run(PspRefunds::refund, paid.charge(4_000, TOTAL, "refund-1.1")).await);
    assert_eq!(later.refusal.unwrap().code.as_str(), "EXCEED_MAX_REFUND_DUE");
    assert_eq!(paid.sim.totals().await, (TOTAL, 0, 1));
}

#[tokio::test]
async fn what_others_cancel_is_seen_and_not_taken_for_ours() {
    let paid = Paid::by("카드").await;
    let question = paid.question(4_000);
    let by_hand = |minor, reason: String| CancelRequest {
        reason,
        amount: Some(minor),
        currency: toss::Currency::Krw,
        refundable_amount: None,
        refund_account: None,
    };
    let other = mark(&RefundId::parse("refund-2").unwrap());
    for (minor, reason, left, lookalike) in [
        (1_000, "상점관리자".to_owned(), 14_000, false),
        (4_000, format!("환불 {other}"), 10_000, false),
        (4_000, "상점관리자".to_owned(), 6_000, true),
    ] {
        let key = IdempotencyKey::parse(format!("hand-{left}")).unwrap();
        paid.sim.toss().cancel(paid.payment_key.as_str(), &by_hand(minor, reason), &key).await.unwrap();
        let report = paid.activities.run(PspRefunds::look_up, question.clone()).await.unwrap();
        assert_eq!((report.ours, report.left, report.lookalike), (None, won(left), lookalike));
    }
}

#[tokio::test]
async fn what_came_into_a_virtual_account_goes_to_the_buyers() {
    let paid = Paid::by("가상계좌").await;
    paid.sim.deposit(&checkout_id()).await;
    let account = RefundAccount {
        bank: "88".to_owned(),
        account_number: "110123456789".to_owned(),
        holder_name: "김토스".to_owned(),
    };
    assert!(!format!("{account:?}").contains("110123456789"));
    match paid.activities.run(PspRefunds::refund, paid.charge(TOTAL, TOTAL, "refund-1.0")).await.unwrap() {
        RefundAnswer::Refused(failure) => assert_eq!(failure.code.as_str(), "INVALID_REFUND_ACCOUNT_INFO"),
        other @ RefundAnswer::Executed(_) => panic!("not refused: {other:?}"),
    }
    let charge = RefundCharge { account: Some(account), ..paid.charge(TOTAL, TOTAL, "refund-1.1") };
    assert_eq!(given_back(paid.activities.run(PspRefunds::refund, charge).await.unwrap()).amount, won(TOTAL));
    assert!(matches!(
        paid.sim
            .psp
            .run(
                Psp::look_up,
                workflows::ports::LookUpCharge {
                    payment_key: paid.payment_key.clone(),
                    checkout_id: checkout_id(),
                    keys_of: None
                }
            )
            .await
            .unwrap(),
        Charge::Returned
    ));
}
