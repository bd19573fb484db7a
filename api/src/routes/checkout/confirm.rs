//! Confirming a payment: the buyer came back from the PSP's window.
//!
//! The record decides what is answered, before and after the workflow is asked; `domain` decides what the
//! record means. So the same claim gets the same answer from the redirect, from a second tab and a year
//! later. A browser proves by the confirmation token that it is the buyer's: a checkout's id is told to many, and proves
//! nothing. The marketplace confirms by its API key.

use std::time::Duration;

use domain::{
    Money, Timestamp,
    charge::Failure,
    checkout::{ConfirmRefusal, Confirmable, Confirmation, Status, check_confirmation},
    id::{CheckoutId, PaymentKey, WorkflowId},
};
use sha2::{Digest, Sha256};
use store::{CheckoutRecord, ConfirmToken};
use temporalio_client::{WorkflowExecuteUpdateOptions, errors::WorkflowUpdateError};
use tokio::time::{Instant, sleep, timeout_at};
use workflows::checkout::CheckoutWorkflow;

use super::unknown;
use service::{IsForBuyer, checkout::proves, now, temporal};

use crate::{
    Api,
    http::{
        body::{FieldErrors, JsonBody},
        caller::Confirmer,
        problem::{Code, FieldCode, Problem},
    },
};

/// The fields of the body.
const FIELDS: &[&str] = &["payment_key", "order_id", "amount", "token"];
/// The most characters of a token.
const MAX_TOKEN_CHARS: usize = 100;
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

/// What a request to confirm holds.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) claim: Claim,
    /// What the buyer's browser proves.
    pub(super) token: Option<ConfirmToken>,
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
    /// No: it takes another payment, or is about to come to rest.
    Refused,
    /// Nothing any more: it has closed.
    Closed,
    /// Nothing in time, or that a person is asked.
    Nothing,
}

/// Reads the body.
pub(super) fn read(body: &JsonBody) -> Result<Sent, Problem> {
    let mut errors = FieldErrors::default();
    let fields = body.fields();
    fields.refuse_others(FIELDS, &mut errors);
    let payment_key = fields.required("payment_key", PaymentKey::parse, &mut errors);
    let order_id = fields.text("order_id", &mut errors);
    let amount = fields.amount("amount", &mut errors);
    let token = fields.optional("token", token, &mut errors);
    let claim = payment_key.zip(order_id).zip(amount).map(|((payment_key, order_id), amount)| Claim {
        payment_key,
        order_id: order_id.to_owned(),
        amount: amount.to_owned(),
    });
    errors.finish(claim.map(|claim| Sent { claim, token }))
}

fn token(text: &str) -> Result<ConfirmToken, String> {
    if text.len() <= MAX_TOKEN_CHARS {
        return Ok(ConfirmToken::sent(text));
    }
    Err(format!("must have at most {MAX_TOKEN_CHARS} characters"))
}

/// Lets the marketplace confirm, and a browser that proves to be the buyer's. A missing or wrong token is a failed
/// authentication and is counted as one; who has proved to be the buyer passes whatever came from the address before, and
/// has quotas of their own.
pub(super) async fn admit(
    api: &Api,
    confirmer: &Confirmer,
    id: &CheckoutId,
    token: Option<&ConfirmToken>,
) -> Result<(), Problem> {
    let Confirmer::Browser(visit) = confirmer else { return Ok(()) };
    let record = api.reader.checkout(id).await?.ok_or_else(unknown)?;
    if !proves(&record, token) {
        let refusal = Problem::confirm_token(token.is_some());
        return Err(visit.as_ref().map_or_else(|| refusal.clone(), |visit| visit.count_failure(refusal.clone())));
    }
    visit.as_ref().map_or(Ok(()), |visit| visit.count_confirmation(id))
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
        // What is told where the record allows it and the workflow does not take it: an operator ended the workflow.
        let mut refusal: fn(Status) -> Problem = Problem::not_confirmable;
        for _ in 0..ASKED_AT_MOST {
            let record = self.record(id).await?;
            let confirmation = claim.over(&record)?;
            match self.answer(&record, &confirmation).await? {
                Answer::Known => return Ok(Outcome::Known(record)),
                Answer::Accepted | Answer::Nothing => {}
            }
            match self.ask(&record.workflow_id, confirmation, deadline).await? {
                Said::Answered => {}
                said @ (Said::Refused | Said::Closed) => {
                    refusal = match said {
                        Said::Refused => Problem::confirmation_under_way,
                        Said::Answered | Said::Closed | Said::Nothing => Problem::not_confirmable,
                    };
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Said::Nothing => return self.conclude(id, claim, not_accepted).await,
            }
        }
        self.conclude(id, claim, refusal).await
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
        match self.answer(&record, &claim.over(&record)?).await? {
            Answer::Known => Ok(Outcome::Known(record)),
            Answer::Accepted => Ok(Outcome::NotKnownYet(record)),
            Answer::Nothing => Err(otherwise(record.status)),
        }
    }

    /// What the record says to a confirmation. A payment that was declined before another one began has its answer too.
    async fn answer(&self, record: &CheckoutRecord, confirmation: &Confirmation) -> Result<Answer, Problem> {
        let is_for_buyer = self.api.is_for_buyer;
        let answer = answer(record, confirmation, now(), is_for_buyer);
        let bound = record.psp.as_ref().map(|psp| &psp.payment_key);
        if bound.is_none_or(|bound| *bound == confirmation.payment_key) || is_mismatch(&answer) {
            return answer;
        }
        match self.api.reader.decline(&record.checkout_id, &confirmation.payment_key).await? {
            Some(failure) => declined_before(record, failure, is_for_buyer),
            None => answer,
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
            Ok(Ok(Status::Stuck)) => Ok(Said::Nothing),
            Ok(Ok(_)) => Ok(Said::Answered),
            Ok(Err(WorkflowUpdateError::Failed(_))) => Ok(Said::Refused),
            Ok(Err(WorkflowUpdateError::NotFound(_))) => Ok(Said::Closed),
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

fn answer(
    record: &CheckoutRecord,
    confirmation: &Confirmation,
    now: Timestamp,
    is_for_buyer: IsForBuyer,
) -> Result<Answer, Problem> {
    let standing_at = (record.status, record.takes_retry(now));
    let bound = record.psp.as_ref().map(|psp| &psp.payment_key);
    match check_confirmation((&record.checkout_id, record.total), standing_at, bound, confirmation) {
        Ok(Confirmable::Begins) => Ok(Answer::Nothing),
        Ok(Confirmable::Joins) => standing(record, is_for_buyer),
        Err(ConfirmRefusal::NotConfirmable) if is_under_way(record.status) => {
            Err(Problem::confirmation_under_way(record.status))
        }
        Err(refusal) => Err(Problem::from(refusal).about(record.status)),
    }
}

/// Whether a payment is being confirmed that may still come to nothing.
fn is_under_way(status: Status) -> bool {
    match status {
        Status::Executing | Status::Unknown | Status::Stuck => true,
        Status::NotStarted
        | Status::WaitingForDeposit
        | Status::Success
        | Status::Failed
        | Status::Expired
        | Status::Canceled
        | Status::PartiallyRefunded
        | Status::Refunded => false,
    }
}

fn standing(record: &CheckoutRecord, is_for_buyer: IsForBuyer) -> Result<Answer, Problem> {
    match record.status {
        Status::Success | Status::PartiallyRefunded | Status::Refunded | Status::WaitingForDeposit => Ok(Answer::Known),
        Status::Failed => {
            let problem = Problem::declined(record.failure.clone(), is_for_buyer, now());
            Err(problem.about(record.status).retryable(record.takes_retry(now())))
        }
        Status::Expired | Status::Canceled => Err(Problem::not_confirmable(record.status)),
        Status::NotStarted | Status::Executing | Status::Unknown | Status::Stuck => Ok(Answer::Accepted),
    }
}

/// The answer to a payment that was declined before another one began: the same as then while nothing is paid, and the
/// paid checkout afterwards.
fn declined_before(record: &CheckoutRecord, failure: Failure, is_for_buyer: IsForBuyer) -> Result<Answer, Problem> {
    match record.status {
        Status::Success | Status::PartiallyRefunded | Status::Refunded | Status::WaitingForDeposit => Ok(Answer::Known),
        Status::NotStarted | Status::Failed | Status::Expired | Status::Canceled => {
            let problem = Problem::declined(Some(failure), is_for_buyer, now());
            Err(problem.about(record.status).retryable(record.takes_retry(now())))
        }
        Status::Executing | Status::Unknown | Status::Stuck => Err(Problem::confirmation_under_way(record.status)),
    }
}

fn is_mismatch(answer: &Result<Answer, Problem>) -> bool {
    let code = answer.as_ref().err().map(Problem::code);
    matches!(code, Some(Code::OrderMismatch | Code::AmountMismatch))
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
    use domain::{Currency, id::BuyerId};
    use store::PspRecord;

    use super::*;

    const NOW: Timestamp = Timestamp::from_epoch_ms(0);

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
            failure: Some(Failure::new("REJECTED", "No.")),
            psp: bound.map(|key| PspRecord {
                payment_key: PaymentKey::parse(key).unwrap(),
                method: None,
                approved_at: None,
                receipt_url: None,
                virtual_account: None,
            }),
            success_url: None,
            fail_url: None,
            metadata: None,
            confirm_token_hash: None,
            created_at: Timestamp::from_epoch_ms(0),
            expires_at: Timestamp::from_epoch_ms(1),
        }
    }

    /// What a body is answered without asking the workflow; `None` when it has to be asked.
    fn check(body: &str, record: &CheckoutRecord) -> Option<Result<Status, Code>> {
        let claim = read(&JsonBody::parse(body.as_bytes()).unwrap());
        let answered = claim.and_then(|sent| answer(record, &sent.claim.over(record)?, NOW, |_| true));
        match answered {
            Err(problem) => Some(Err(problem.code())),
            Ok(Answer::Accepted | Answer::Nothing) => None,
            Ok(Answer::Known) => Some(Ok(record.status)),
        }
    }

    #[test]
    fn only_what_the_record_names_is_accepted() {
        let accepted = |record: &CheckoutRecord| {
            let claim = read(&JsonBody::parse(GOOD.as_bytes()).unwrap()).unwrap().claim;
            matches!(answer(record, &claim.over(record).unwrap(), NOW, |_| true), Ok(Answer::Accepted))
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
            let busy = matches!(status, Status::Executing | Status::Unknown | Status::Stuck);
            let expected = if busy { Code::ConfirmationUnderWay } else { Code::NotConfirmable };
            assert_eq!(check(GOOD, &record(status, Some("other"))), Some(Err(expected)), "{status}");
        }
        assert_eq!(check(GOOD, &record(Status::NotStarted, None)), None);
        assert_eq!(check(GOOD, &record(Status::Expired, None)), Some(Err(Code::NotConfirmable)));
    }

    #[test]
    fn after_a_decline_another_payment_is_asked_for_and_the_first_keeps_its_answer() {
        let declined = |failure| CheckoutRecord { failure: Some(failure), ..record(Status::Failed, Some("other")) };
        let retryable = declined(Failure::new("REJECTED", "No.").and_retry());
        assert_eq!(check(GOOD, &retryable), None);
        let expired = CheckoutRecord { expires_at: NOW, ..retryable };
        assert_eq!(check(GOOD, &expired), Some(Err(Code::NotConfirmable)));
        for status in Status::ALL {
            let answer = declined_before(&record(status, Some("other")), Failure::new("REJECTED", "No."), |_| true);
            let answer = answer.map_err(|problem| problem.code());
            let expected = match status {
                Status::NotStarted | Status::Failed | Status::Expired | Status::Canceled => Err(Code::PaymentDeclined),
                Status::Executing | Status::Unknown | Status::Stuck => Err(Code::ConfirmationUnderWay),
                Status::WaitingForDeposit | Status::Success | Status::PartiallyRefunded | Status::Refunded => {
                    Ok(Answer::Known)
                }
            };
            assert_eq!(answer, expected, "{status}");
        }
    }

    #[test]
    fn only_the_token_of_the_checkout_proves_the_buyer() {
        let token = ConfirmToken::sent("ct_of-this-checkout");
        let record = CheckoutRecord { confirm_token_hash: Some(token.hash()), ..record(Status::NotStarted, None) };
        assert!(proves(&record, Some(&token)));
        for wrong in [None, Some(ConfirmToken::sent("")), Some(ConfirmToken::sent("ct_of-another"))] {
            assert!(!proves(&record, wrong.as_ref()));
        }
        let before_tokens = CheckoutRecord { confirm_token_hash: None, ..record };
        assert!(proves(&before_tokens, None) && proves(&before_tokens, Some(&token)));
    }

    #[test]
    fn one_payment_key_is_one_update() {
        let id = |key: &str| update_id(&PaymentKey::parse(key).unwrap());
        assert_eq!(id("key"), id("key"));
        assert_ne!(id("key"), id("other"));
        assert!(!id("key").contains("key"));
    }
}
