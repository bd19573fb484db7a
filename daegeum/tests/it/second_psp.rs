//! A second PSP behind the same workflows: it implements the ports `psp.*` of a payment and knows nothing of Toss.
//!
//! docs/how-to/add-a-psp.md says what a real one needs besides.
#![expect(
    unreachable_pub,
    dead_code,
    reason = "`#[activities]` asks for a public type, and makes a constant of each method"
)]

use std::{
    collections::HashMap,
    str::FromStr,
    sync::{Arc, Mutex},
};

use domain::{
    Money, Timestamp,
    charge::{Capture, Charge, ReceiptNumbers},
    failure::Failure,
    id::{CheckoutId, PaymentKey, RefundId},
    inquiry::Doubt,
    refund::{Executed, RefundAnswer, RefundReport},
};
use serde_json::json;
use store::{Database, DatabaseUrl, Reader, Writer};
use temporalio_macros::activities;
use temporalio_sdk::{
    ApplicationFailure, Runtime, Worker, WorkerOptions,
    activities::{ActivityContext, ActivityError},
};
use workflows::{
    checkout::CheckoutWorkflow,
    ports::{
        Cancel, CancelCharge, Confirm, ConfirmCharge, DOUBT, Find, FindCharge, FoundCharge, LookUp, LookUpCharge,
        LookUpRefund, Refund, RefundCharge, RefundQuestion,
    },
    refund::RefundWorkflow,
    refunds::RefundsWorkflow,
};

use crate::{
    database::Kind,
    on_both_databases,
    roles::{Roles, temporal_at},
    stack::{insist, until},
};

on_both_databases!(a_checkout_is_paid_and_refunded_at_another_psp);

/// A payment at the other PSP.
#[derive(Debug, Clone)]
struct Held {
    payment_key: PaymentKey,
    paid: Money,
    refunds: Vec<(RefundId, Executed)>,
}

impl Held {
    fn left(&self) -> Money {
        self.refunds.iter().fold(self.paid, |left, (_, refund)| left.minus(refund.amount).unwrap())
    }

    fn charge(&self) -> Charge {
        if self.left().is_zero() {
            return Charge::Returned;
        }
        Charge::Captured(Capture {
            amount: self.left(),
            captured_at: now(),
            method: Some("fake".to_owned()),
            receipt_url: None,
            receipt_numbers: ReceiptNumbers::default(),
        })
    }
}

fn now() -> Timestamp {
    Timestamp::from_epoch_ms(chrono::Utc::now().timestamp_millis())
}

/// The answer is lost: only a question finds out what became of the request.
fn lost() -> ActivityError {
    let failure = ApplicationFailure::builder("the answer was lost".to_owned())
        .type_name(DOUBT.to_owned())
        .non_retryable(true)
        .details(Doubt::answered("the answer was lost".to_owned()))
        .build();
    ActivityError::application(failure)
}

/// The other PSP, which loses the answer to each first request about a payment.
#[derive(Debug, Clone, Default)]
pub struct FakePsp {
    payments: Arc<Mutex<HashMap<CheckoutId, Held>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl FakePsp {
    fn asked(&self, what: &str, checkout: &CheckoutId) -> usize {
        let (mut asked, line) = (self.asked.lock().unwrap(), format!("{what} {checkout}"));
        asked.push(line.clone());
        asked.iter().filter(|one| **one == line).count()
    }
}

#[activities]
impl FakePsp {
    #[activity(definition = Confirm)]
    pub async fn confirm(
        self: Arc<Self>,
        _ctx: ActivityContext,
        charge: ConfirmCharge,
    ) -> Result<Charge, ActivityError> {
        self.asked("confirm", &charge.checkout_id);
        if charge.payment_key.as_str().starts_with("declined") {
            return Ok(Charge::Refused(Failure::new("NO_MONEY", "The fake card has no money.")));
        }
        let held = Held { payment_key: charge.payment_key.clone(), paid: charge.amount, refunds: Vec::new() };
        self.payments.lock().unwrap().entry(charge.checkout_id).or_insert(held);
        Err(lost())
    }

    #[activity(definition = LookUp)]
    pub async fn look_up(
        self: Arc<Self>,
        _ctx: ActivityContext,
        charge: LookUpCharge,
    ) -> Result<Charge, ActivityError> {
        self.asked("look_up", &charge.checkout_id);
        Ok(self.payments.lock().unwrap().get(&charge.checkout_id).map_or(Charge::Absent, Held::charge))
    }

    #[activity(definition = Find)]
    pub async fn find(
        self: Arc<Self>,
        _ctx: ActivityContext,
        wanted: FindCharge,
    ) -> Result<Option<FoundCharge>, ActivityError> {
        self.asked("find", &wanted.checkout_id);
        let found = |held: &Held| FoundCharge { payment_key: held.payment_key.clone(), charge: held.charge() };
        Ok(self.payments.lock().unwrap().get(&wanted.checkout_id).map(found))
    }

    #[activity(definition = Cancel)]
    pub async fn cancel(self: Arc<Self>, _ctx: ActivityContext, charge: CancelCharge) -> Result<Charge, ActivityError> {
        self.asked("cancel", &charge.checkout_id);
        self.payments.lock().unwrap().remove(&charge.checkout_id);
        Ok(Charge::Returned)
    }

    #[activity(definition = Refund)]
    pub async fn refund(
        self: Arc<Self>,
        _ctx: ActivityContext,
        charge: RefundCharge,
    ) -> Result<RefundAnswer, ActivityError> {
        let time = self.asked("refund", &charge.checkout_id);
        let mut payments = self.payments.lock().unwrap();
        let held = payments.get_mut(&charge.checkout_id).unwrap();
        let executed = Executed { amount: charge.amount, executed_at: now(), transaction_key: None };
        if !held.refunds.iter().any(|(id, _)| *id == charge.refund_id) {
            assert_eq!(held.left(), charge.held);
            held.refunds.push((charge.refund_id, executed.clone()));
        }
        if time == 1 { Err(lost()) } else { Ok(RefundAnswer::Executed(executed)) }
    }

    #[activity(definition = LookUpRefund)]
    pub async fn look_up_refund(
        self: Arc<Self>,
        _ctx: ActivityContext,
        question: RefundQuestion,
    ) -> Result<RefundReport, ActivityError> {
        self.asked("look_up_refund", &question.checkout_id);
        let payments = self.payments.lock().unwrap();
        let held = payments.get(&question.checkout_id).unwrap();
        let ours = held.refunds.iter().find(|(id, _)| *id == question.refund_id).map(|(_, refund)| refund.clone());
        Ok(RefundReport { ours, left: held.left(), lookalike: false, complete: true })
    }
}

/// The worker of a marketplace that pays at the other PSP: the same workflows, the same rows and books.
async fn worker(roles: &Roles, psp: FakePsp) -> Worker {
    let url = DatabaseUrl::from_str(&roles.database_url()).unwrap();
    let writer = Writer::new(Database::connect(&url).await.unwrap());
    let reader = Reader::new(Database::connect_read_only(&url).await.unwrap());
    let ledger = activities::ledger::Ledger {
        writer: writer.clone(),
        release_rule: Default::default(),
        paid: Default::default(),
    };
    let risk = activities::risk::Risk { writer: writer.clone(), rules: Default::default(), hook: None, keyring: None };
    let options = WorkerOptions::new(workflows::TASK_QUEUE)
        .register_workflow::<CheckoutWorkflow>()
        .unwrap()
        .register_workflow::<RefundsWorkflow>()
        .unwrap()
        .register_workflow::<RefundWorkflow>()
        .unwrap()
        .register_activities(activities::checkout::Checkouts { writer: writer.clone(), reader })
        .register_activities(activities::dead_letter::DeadLetters { writer: writer.clone() })
        .register_activities(ledger)
        .register_activities(risk)
        .register_activities(activities::refund::Refunds { writer })
        .register_activities(psp)
        .build();
    let runtime = Runtime::from_current_tokio(Default::default()).unwrap();
    Worker::new(&runtime, temporal_at(&roles.temporal).await, options).unwrap()
}

async fn a_checkout_is_paid_and_refunded_at_another_psp(database: Kind) {
    let roles = Roles::start(database).await;
    let (shop, psp) = (roles.shop.clone(), FakePsp::default());
    let mut worker = worker(&roles, psp.clone()).await;
    let story = async {
        shop.create("elsewhere").await;
        let (status, declined) = insist(shop.confirmation("elsewhere", "declined-1", "23000")).await;
        assert_eq!((status, &declined["code"]), (402, &json!("payment_declined")), "{declined}");
        // The answer to the charge is lost: the PSP is asked, and nothing is charged twice.
        let (status, answer) = insist(shop.confirmation("elsewhere", "fake-payment-2", "23000")).await;
        assert!([200, 202].contains(&status), "{status} {answer}");
        until("the checkout is paid", || async { shop.status("elsewhere").await == "SUCCESS" }).await;
        assert_eq!(shop.receivable().await, 23_000);
        for (key, body, end) in [
            ("part", json!({ "amount": "5000", "reason": "변심" }), "PARTIALLY_REFUNDED"),
            ("rest", json!({ "reason": "변심" }), "REFUNDED"),
        ] {
            let (status, answer) = insist(shop.cancellation("elsewhere", key, &body)).await;
            assert!([200, 202].contains(&status), "{status} {answer}");
            until(&format!("the {key} is refunded"), || async { shop.status("elsewhere").await == end }).await;
        }
        assert_eq!(shop.receivable().await, 0);
    };
    tokio::select! {
        ended = worker.run() => panic!("the worker ended: {ended:?}"),
        () = story => {}
    }
    let payments = psp.payments.lock().unwrap().clone();
    let [held] = payments.values().collect::<Vec<_>>()[..] else { panic!("{payments:?}") };
    assert_eq!((held.left().minor(), held.refunds.len()), (0, 2));
    let asked = psp.asked.lock().unwrap().clone();
    assert!(asked.contains(&"look_up elsewhere".to_owned()), "a lost answer is asked about: {asked:?}");
    assert!(asked.contains(&"look_up_refund elsewhere".to_owned()), "{asked:?}");
    // Toss heard nothing of it.
    assert!(shop.calls().await.iter().all(|call| call["orderId"] != "elsewhere"));
    roles.verify_books();
}
