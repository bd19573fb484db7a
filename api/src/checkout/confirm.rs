//! Confirming a payment: the buyer came back from the PSP's window.
//!
//! The record decides what is answered, before and after the workflow is asked; `domain` decides what the
//! record means. So the same claim gets the same answer from the redirect, from a second tab and a year
//! later. No API key is needed: whoever knows the payment key is the buyer.

use std::time::Duration;

use domain::{
    Money,
    checkout::{ConfirmRefusal, Confirmable, Confirmation, Status, check_confirmation},
    id::{CheckoutId, PaymentKey, WorkflowId},
};
use sha2::{Digest, Sha256};
use store::CheckoutRecord;
use temporalio_client::{WorkflowExecuteUpdateOptions, errors::WorkflowUpdateError};
use tokio::time::{Instant, sleep, timeout_at};
use workflows::checkout::CheckoutWorkflow;

use super::unknown;
use crate::{
    Api, IsForBuyer,
    body::{FieldErrors, JsonBody},
    problem::{Code, FieldCode, Problem},
    temporal,
};

/// The fields of the body.
const FIELDS: &[&str] = &["payment_key", "order_id", "amount"];
/// How often a workflow is asked that refuses what the record allows: it is a moment ahead of the record or
/// behind it.
const ASKED_AT_MOST: u32 = 12;
/// The pause before it is asked again the first time; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// How many characters of the payment key's hash make an update id.
const UPDATE_ID_CHARS: usize = 32;

/// What the buyer's browser says was agreed in the PSP's window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    payment_key: PaymentKey,
    /// A text that is no checkout id is another order's, not a malformed field.
    order_id: String,
    amount: String,
}

/// What came of a confirmation.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Paid, or waiting for the buyer's deposit.
    Known(CheckoutRecord),
    /// Nobody knows yet; the workflow goes on.
    NotKnownYet(CheckoutRecord),
}

/// What the record says to a confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// It holds what came of it.
    Known,
    /// It was accepted, and nothing has come of it yet.
    Accepted,
    /// Nothing yet: the workflow has to be asked.
    Nothing,
}

/// What a workflow said.
enum Said {
    /// The payment has come to rest.
    Answered,
    /// No; or it has closed.
    Refused,
    /// Nothing in time.
    Nothing,
}

/// Reads the body.
pub(super) fn read(body: &JsonBody) -> Result<Claim, Problem> {
    let mut errors = FieldErrors::default();
    let fields = body.fields();
    fields.refuse_others(FIELDS, &mut errors);
    let payment_key = fields.required("payment_key", PaymentKey::parse, &mut errors);
    let order_id = fields.text("order_id", &mut errors);
    let amount = fields.amount("amount", &mut errors);
    let claim = payment_key.zip(order_id).zip(amount).map(|((payment_key, order_id), amount)| Claim {
        payment_key,
        order_id: order_id.to_owned(),
        amount: amount.to_owned(),
    });
    errors.finish(claim)
}

/// Confirms payments.
pub(super) struct Confirmations<'a> {
    api: &'a Api,
}

impl<'a> Confirmations<'a> {
    /// With everything that it reaches.
    pub(super) const fn new(api: &'a Api) -> Self {
        Self { api }
    }

    /// Confirms a payment, and waits for what comes of it.
    pub(super) async fn confirm(&self, id: &CheckoutId, claim: &Claim) -> Result<Outcome, Problem> {
        let deadline = Instant::now() + self.api.settings.confirm_wait;
        let mut pause = FIRST_PAUSE;
        for _ in 0..ASKED_AT_MOST {
            let record = self.record(id).await?;
            let confirmation = claim.over(&record)?;
            match answer(&record, &confirmation, self.api.is_for_buyer)? {
                Answer::Known => return Ok(Outcome::Known(record)),
                Answer::Accepted | Answer::Nothing => {}
            }
            match self.ask(&record.workflow_id, confirmation, deadline).await? {
                Said::Answered => {}
                Said::Refused => {
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Said::Nothing => return self.conclude(id, claim, not_accepted).await,
            }
        }
        // The record allows it and the workflow does not take it: an operator ended the workflow.
        self.conclude(id, claim, Problem::not_confirmable).await
    }

    /// The last word on a confirmation. Only what the record shows to be accepted is said to go on: Temporal
    /// keeps no update that no worker took.
    async fn conclude(
        &self,
        id: &CheckoutId,
        claim: &Claim,
        otherwise: fn(Status) -> Problem,
    ) -> Result<Outcome, Problem> {
        let record = self.record(id).await?;
        match answer(&record, &claim.over(&record)?, self.api.is_for_buyer)? {
            Answer::Known => Ok(Outcome::Known(record)),
            Answer::Accepted => Ok(Outcome::NotKnownYet(record)),
            Answer::Nothing => Err(otherwise(record.status)),
        }
    }

    async fn record(&self, id: &CheckoutId) -> Result<CheckoutRecord, Problem> {
        self.api.reader.checkout(id).await?.ok_or_else(unknown)
    }

    async fn ask(&self, id: &WorkflowId, confirmation: Confirmation, by: Instant) -> Result<Said, Problem> {
        let checkout = self.api.temporal.get_workflow_handle::<CheckoutWorkflow>(id.as_str());
        let options = WorkflowExecuteUpdateOptions::builder()
            .update_id(update_id(&confirmation.payment_key))
            .rpc_options(temporal::rpc_options())
            .build();
        match timeout_at(by, checkout.execute_update(CheckoutWorkflow::confirm, confirmation, options)).await {
            Err(_) => Ok(Said::Nothing),
            Ok(Ok(Status::NotStarted)) => Err(Problem::payment_not_found()),
            Ok(Ok(_)) => Ok(Said::Answered),
            Ok(Err(WorkflowUpdateError::Failed(_) | WorkflowUpdateError::NotFound(_))) => Ok(Said::Refused),
            Ok(Err(error @ WorkflowUpdateError::PayloadConversion(_))) => Err(Problem::internal(&error)),
            Ok(Err(error)) => Err(Problem::temporal(&error)),
        }
    }
}

impl Claim {
    /// The claim in the terms of the checkout that it is made of.
    fn over(&self, record: &CheckoutRecord) -> Result<Confirmation, Problem> {
        let checkout_id = CheckoutId::parse(self.order_id.as_str())
            .map_err(|_| Problem::from(ConfirmRefusal::OrderMismatch).about(record.status))?;
        let amount = Money::parse(&self.amount, record.total.currency())
            .map_err(|error| Problem::of_field("amount", FieldCode::Invalid, error))?;
        Ok(Confirmation { payment_key: self.payment_key.clone(), checkout_id, amount })
    }
}

fn answer(record: &CheckoutRecord, confirmation: &Confirmation, is_for_buyer: IsForBuyer) -> Result<Answer, Problem> {
    let bound = record.psp.as_ref().map(|psp| &psp.payment_key);
    match check_confirmation((&record.checkout_id, record.total), record.status, bound, confirmation) {
        Ok(Confirmable::Begins) => Ok(Answer::Nothing),
        Ok(Confirmable::Joins) => standing(record, is_for_buyer),
        Err(refusal) => Err(Problem::from(refusal).about(record.status)),
    }
}

fn standing(record: &CheckoutRecord, is_for_buyer: IsForBuyer) -> Result<Answer, Problem> {
    match record.status {
        Status::Success | Status::PartiallyRefunded | Status::Refunded | Status::WaitingForDeposit => Ok(Answer::Known),
        Status::Failed => Err(Problem::declined(record.failure.clone(), is_for_buyer).about(record.status)),
        Status::Expired | Status::Canceled => Err(Problem::not_confirmable(record.status)),
        Status::NotStarted | Status::Executing | Status::Unknown | Status::Stuck => Ok(Answer::Accepted),
    }
}

fn not_accepted(status: Status) -> Problem {
    let detail = "Nobody took it up in time, and nothing is known to have been sent to the payment provider. Send the \
                  same request again.";
    Problem::new(Code::ConfirmNotAccepted, detail).about(status)
}

/// One payment key, one update: a second tab and a repeated request join the first.
fn update_id(payment_key: &PaymentKey) -> String {
    let hash = hex::encode(Sha256::digest(payment_key.as_str().as_bytes()));
    format!("confirm-{}", &hash[..UPDATE_ID_CHARS])
}

#[cfg(test)]
mod tests {
    use domain::{Currency, Timestamp, charge::Failure, id::BuyerId};
    use store::PspRecord;

    use super::*;
    use crate::problem::Code;

    fn record(status: Status, bound: Option<&str>) -> CheckoutRecord {
        CheckoutRecord {
            checkout_id: CheckoutId::parse("checkout-1").unwrap(),
            workflow_id: WorkflowId::parse("w").unwrap(),
            order_name: "T".to_owned(),
            buyer_id: BuyerId::parse("buyer-1").unwrap(),
            total: Money::try_from_minor(15_000, Currency::Krw).unwrap(),
            status,
            revision: 0,
            orders: Vec::new(),
            failure: Some(Failure { code: "REJECTED".to_owned(), message: "No.".to_owned() }),
            psp: bound.map(|key| PspRecord {
                payment_key: PaymentKey::parse(key).unwrap(),
                method: None,
                approved_at: None,
                receipt_url: None,
            }),
            success_url: None,
            fail_url: None,
            metadata: None,
            created_at: Timestamp::from_epoch_ms(0),
            expires_at: Timestamp::from_epoch_ms(1),
        }
    }

    /// What a body is answered without asking the workflow; `None` when it has to be asked.
    fn check(body: &str, record: &CheckoutRecord) -> Option<Result<Status, Code>> {
        let claim = read(&JsonBody::parse(body.as_bytes()).unwrap());
        let answered = claim.and_then(|claim| answer(record, &claim.over(record)?, |_| true));
        match answered {
            Err(problem) => Some(Err(problem.code())),
            Ok(Answer::Accepted | Answer::Nothing) => None,
            Ok(Answer::Known) => Some(Ok(record.status)),
        }
    }

    #[test]
    fn only_what_the_record_names_is_accepted() {
        let accepted = |record: &CheckoutRecord| {
            let claim = read(&JsonBody::parse(GOOD.as_bytes()).unwrap()).unwrap();
            matches!(answer(record, &claim.over(record).unwrap(), |_| true), Ok(Answer::Accepted))
        };
        for status in [Status::Executing, Status::Unknown, Status::Stuck] {
            assert!(accepted(&record(status, Some("key"))), "{status}");
            assert!(!accepted(&record(status, Some("other"))), "{status}");
        }
        assert!(!accepted(&record(Status::NotStarted, None)));
    }

    const GOOD: &str = r#"{"payment_key": "key", "order_id": "checkout-1", "amount": "15000"}"#;

    #[test]
    fn a_claim_is_refused_before_anything_is_sent() {
        let cases = [
            (r#"{"payment_key": "key", "order_id": "checkout-2", "amount": "15000"}"#, Code::OrderMismatch),
            (r#"{"payment_key": "key", "order_id": "?", "amount": "15000"}"#, Code::OrderMismatch),
            (r#"{"payment_key": "key", "order_id": "checkout-1", "amount": "15001"}"#, Code::AmountMismatch),
            (r#"{"payment_key": "key", "order_id": "checkout-1", "amount": "15000.5"}"#, Code::ValidationFailed),
            (r#"{"payment_key": "key", "order_id": "checkout-1", "amount": 15000}"#, Code::ValidationFailed),
            (r#"{"payment_key": "", "order_id": "checkout-1", "amount": "15000"}"#, Code::ValidationFailed),
            (r#"{"order_id": "checkout-1", "amount": "15000"}"#, Code::ValidationFailed),
        ];
        for (body, code) in cases {
            assert_eq!(check(body, &record(Status::NotStarted, None)), Some(Err(code)), "{body}");
        }
    }

    #[test]
    fn every_status_has_its_answer() {
        for status in Status::ALL {
            let expected = match status {
                Status::NotStarted | Status::Executing | Status::Unknown | Status::Stuck => None,
                Status::Failed => Some(Err(Code::PaymentDeclined)),
                Status::Expired | Status::Canceled => Some(Err(Code::NotConfirmable)),
                Status::WaitingForDeposit | Status::Success | Status::PartiallyRefunded | Status::Refunded => {
                    Some(Ok(status))
                }
            };
            assert_eq!(check(GOOD, &record(status, Some("key"))), expected, "{status}");
            assert_eq!(check(GOOD, &record(status, Some("other"))), Some(Err(Code::NotConfirmable)), "{status}");
        }
        assert_eq!(check(GOOD, &record(Status::NotStarted, None)), None);
        assert_eq!(check(GOOD, &record(Status::Expired, None)), Some(Err(Code::NotConfirmable)));
    }

    #[test]
    fn one_payment_key_is_one_update() {
        let id = |key: &str| update_id(&PaymentKey::parse(key).unwrap());
        assert_eq!(id("key"), id("key"));
        assert_ne!(id("key"), id("other"));
        assert!(!id("key").contains("key"));
    }
}
