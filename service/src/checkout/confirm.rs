//! Confirming a payment: the buyer came back from the PSP's window.
//!
//! The record decides what is answered, before and after the workflow is asked; `domain` decides what the
//! record means. So the same claim gets the same answer from the redirect, from a second tab and a year
//! later. A browser proves by the confirmation token that it is the buyer's: a checkout's id is told to many, and
//! proves nothing. The marketplace confirms by its API key.

use domain::{
    Money, Timestamp,
    checkout::{ConfirmRefusal, Confirmable, Confirmation, Payable, Phase, Status},
    failure::Failure,
    id::{CheckoutId, PaymentKey, WorkflowId},
    money::MoneyError,
};
use sha2::{Digest, Sha256};
use store::{CheckoutRecord, StoreError};
use temporalio_client::{WorkflowExecuteUpdateOptions, errors::WorkflowUpdateError};
use tokio::time::{Instant, timeout_at};
use workflows::checkout::CheckoutWorkflow;

use crate::{
    Fault, Service, now, temporal,
    waiting::{MAX_REQUESTS, Pauses},
};

/// How many characters of the payment key's hash make an update id.
const UPDATE_ID_CHARS: usize = 32;

/// What the buyer's browser says was agreed in the PSP's window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The PSP's name of the payment.
    pub payment_key: PaymentKey,
    /// The order number. A text that is no checkout id names another order; the field is not malformed.
    pub order_id: String,
    /// The amount, still a text: its currency is the checkout's.
    pub amount: String,
}

/// What came of a confirmation.
#[derive(Debug)]
pub enum Confirmed {
    /// Paid, or waiting for the buyer's deposit.
    Known(CheckoutRecord),
    /// The outcome is not known yet; the workflow goes on.
    NotKnownYet(CheckoutRecord),
}

/// Why a payment is not confirmed.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmError {
    /// No checkout has the id.
    #[error("No checkout has this id.")]
    Unknown,
    /// The claim and the record contradict each other, or the checkout takes no payment.
    #[error("Nothing was sent to the payment provider: {refusal}.")]
    Refused {
        /// What contradicts.
        refusal: ConfirmRefusal,
        /// The status of the checkout.
        status: Status,
    },
    /// The amount is no amount of the checkout's currency.
    #[error(transparent)]
    Amount(MoneyError),
    /// Another payment of the checkout is being confirmed.
    #[error(
        "Another payment of this checkout is being confirmed. Nothing was sent to the payment provider for this one; \
         send the same request again."
    )]
    UnderWay(Status),
    /// The checkout came to rest without a payment, or never began one.
    #[error("The checkout is {0}: {text}.", text = ConfirmRefusal::NotConfirmable)]
    NotConfirmable(Status),
    /// The PSP knows the payment as none of this checkout, which waits for another payment.
    #[error("The payment provider knows no such payment of this checkout.")]
    PaymentNotFound,
    /// The payment was declined.
    #[error("the payment was declined")]
    Declined {
        /// Why.
        failure: Option<Failure>,
        /// The status of the checkout.
        status: Status,
        /// Whether the checkout takes another payment.
        retryable: bool,
    },
    /// No worker took the confirmation in time, and the record shows none.
    #[error(
        "Nobody took it up in time, and nothing is known to have been sent to the payment provider. Send the same \
         request again."
    )]
    NotAccepted(Status),
    /// Something went wrong on our side.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for ConfirmError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

/// What the record says to a confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// The record holds the outcome.
    Known,
    /// The record holds the payment, and no outcome yet.
    Accepted,
    /// The record holds nothing of the payment: the workflow has to be asked.
    Nothing,
}

/// What a workflow answers to a confirmation.
enum Reply {
    /// The payment has come to rest.
    Ended,
    /// The workflow takes another payment, or is about to come to rest.
    Refused,
    /// The workflow has closed.
    Closed,
    /// No answer came in time, or a person is asked.
    None,
}

/// Confirms a payment, and waits for the outcome.
pub async fn confirm(service: &Service, id: &CheckoutId, claim: &Claim) -> Result<Confirmed, ConfirmError> {
    let deadline = Instant::now() + service.settings.confirm_wait;
    let mut pauses = Pauses::new();
    // The answer where the record allows the payment and the workflow does not take it: an operator ended the workflow.
    let mut refusal: fn(Status) -> ConfirmError = ConfirmError::NotConfirmable;
    for _ in 0..MAX_REQUESTS {
        let record = checkout(service, id).await?;
        let confirmation = claim.over(&record)?;
        match recorded(service, &record, &confirmation).await? {
            Recorded::Known => return Ok(Confirmed::Known(record)),
            Recorded::Accepted | Recorded::Nothing => {}
        }
        match ask(service, &record.workflow_id, confirmation, deadline).await? {
            Reply::Ended => continue,
            Reply::Refused => refusal = ConfirmError::UnderWay,
            Reply::Closed => refusal = ConfirmError::NotConfirmable,
            Reply::None => return conclude(service, id, claim, ConfirmError::NotAccepted).await,
        }
        pauses.pause().await;
    }
    conclude(service, id, claim, refusal).await
}

/// The last word on a confirmation. Only a payment that the record shows as accepted is said to go on: Temporal
/// keeps no update that no worker took.
async fn conclude(
    service: &Service,
    id: &CheckoutId,
    claim: &Claim,
    otherwise: fn(Status) -> ConfirmError,
) -> Result<Confirmed, ConfirmError> {
    let record = checkout(service, id).await?;
    match recorded(service, &record, &claim.over(&record)?).await? {
        Recorded::Known => Ok(Confirmed::Known(record)),
        Recorded::Accepted => Ok(Confirmed::NotKnownYet(record)),
        Recorded::Nothing => Err(otherwise(record.status)),
    }
}

/// What the record says to a confirmation. A payment that was declined before another one began has its answer too.
async fn recorded(
    service: &Service,
    record: &CheckoutRecord,
    confirmation: &Confirmation,
) -> Result<Recorded, ConfirmError> {
    let answer = answer(record, confirmation, now());
    let bound = record.psp.as_ref().map(|psp| &psp.payment_key);
    if bound.is_none_or(|bound| *bound == confirmation.payment_key) || is_mismatch(&answer) {
        return answer;
    }
    match service.reader.decline(&record.checkout_id, &confirmation.payment_key).await? {
        Some(failure) => declined_before(record, failure),
        None => answer,
    }
}

async fn checkout(service: &Service, id: &CheckoutId) -> Result<CheckoutRecord, ConfirmError> {
    service.reader.checkout(id).await?.ok_or(ConfirmError::Unknown)
}

async fn ask(
    service: &Service,
    id: &WorkflowId,
    confirmation: Confirmation,
    by: Instant,
) -> Result<Reply, ConfirmError> {
    let checkout = service.temporal.get_workflow_handle::<CheckoutWorkflow>(id.as_str());
    let options = WorkflowExecuteUpdateOptions::builder()
        .update_id(update_id(&confirmation.payment_key))
        .rpc_options(temporal::rpc_options())
        .build();
    match timeout_at(by, checkout.execute_update(CheckoutWorkflow::confirm, confirmation, options)).await {
        Err(_) => Ok(Reply::None),
        Ok(Ok(Status::NotStarted)) => Err(ConfirmError::PaymentNotFound),
        Ok(Ok(Status::Stuck)) => Ok(Reply::None),
        Ok(Ok(_)) => Ok(Reply::Ended),
        Ok(Err(WorkflowUpdateError::Failed(_))) => Ok(Reply::Refused),
        Ok(Err(WorkflowUpdateError::NotFound(_))) => Ok(Reply::Closed),
        Ok(Err(error)) => Err(Fault::from(error).into()),
    }
}

impl Claim {
    /// The claim in the terms of the checkout.
    fn over(&self, record: &CheckoutRecord) -> Result<Confirmation, ConfirmError> {
        let mismatch = |_| ConfirmError::Refused { refusal: ConfirmRefusal::OrderMismatch, status: record.status };
        let checkout_id = CheckoutId::parse(self.order_id.as_str()).map_err(mismatch)?;
        let amount = Money::parse(&self.amount, record.total.currency()).map_err(ConfirmError::Amount)?;
        Ok(Confirmation { payment_key: self.payment_key.clone(), checkout_id, amount })
    }
}

fn answer(record: &CheckoutRecord, confirmation: &Confirmation, now: Timestamp) -> Result<Recorded, ConfirmError> {
    // A checkout that a saved card pays takes no payment of the window.
    if record.saved_card.is_some() {
        return Err(ConfirmError::Refused { refusal: ConfirmRefusal::NotConfirmable, status: record.status });
    }
    let payable = Payable {
        checkout_id: &record.checkout_id,
        total: record.total,
        status: record.status,
        bound_to: record.psp.as_ref().map(|psp| &psp.payment_key),
        retryable: record.takes_retry(now),
    };
    match payable.check(confirmation) {
        Ok(Confirmable::Begins) => Ok(Recorded::Nothing),
        Ok(Confirmable::Joins) => of_bound_payment(record),
        Err(ConfirmRefusal::NotConfirmable) if record.status.phase().is_confirming() => {
            Err(ConfirmError::UnderWay(record.status))
        }
        Err(refusal) => Err(ConfirmError::Refused { refusal, status: record.status }),
    }
}

/// What the record says of the payment that it is bound to.
pub(crate) fn of_bound_payment(record: &CheckoutRecord) -> Result<Recorded, ConfirmError> {
    match record.status.phase() {
        Phase::Paid | Phase::Deposit => Ok(Recorded::Known),
        Phase::Declined => Err(declined(record, record.failure.clone())),
        Phase::Closed => Err(ConfirmError::NotConfirmable(record.status)),
        Phase::Open | Phase::Moving | Phase::Held => Ok(Recorded::Accepted),
    }
}

fn declined(record: &CheckoutRecord, failure: Option<Failure>) -> ConfirmError {
    ConfirmError::Declined { failure, status: record.status, retryable: record.takes_retry(now()) }
}

/// The answer to a payment that was declined before another one began: the same as then while nothing is paid, and the
/// paid checkout afterwards.
fn declined_before(record: &CheckoutRecord, failure: Failure) -> Result<Recorded, ConfirmError> {
    match record.status.phase() {
        Phase::Paid | Phase::Deposit => Ok(Recorded::Known),
        Phase::Open | Phase::Declined | Phase::Closed => Err(declined(record, Some(failure))),
        Phase::Moving | Phase::Held => Err(ConfirmError::UnderWay(record.status)),
    }
}

fn is_mismatch(answer: &Result<Recorded, ConfirmError>) -> bool {
    match answer {
        Err(ConfirmError::Refused { refusal, .. }) => {
            matches!(refusal, ConfirmRefusal::OrderMismatch | ConfirmRefusal::AmountMismatch)
        }
        Ok(_) | Err(_) => false,
    }
}

/// One payment key, one update: a second tab and a repeated request join the first.
fn update_id(payment_key: &PaymentKey) -> String {
    let hash = hex::encode(Sha256::digest(payment_key.as_str().as_bytes()));
    format!("confirm-{}", &hash[..UPDATE_ID_CHARS])
}

#[cfg(test)]
pub(super) mod tests {
    use domain::{Currency, id::BuyerId};
    use store::PspRecord;

    use super::*;

    const NOW: Timestamp = Timestamp::from_epoch_ms(0);

    pub(in crate::checkout) fn record(status: Status, bound: Option<&str>) -> CheckoutRecord {
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
                receipt_numbers: Default::default(),
                virtual_account: None,
            }),
            success_url: None,
            fail_url: None,
            metadata: None,
            confirm_token_hash: None,
            saved_card: None,
            window: Default::default(),
            created_at: Timestamp::from_epoch_ms(0),
            expires_at: Timestamp::from_epoch_ms(1),
        }
    }

    const GOOD: [&str; 3] = ["key", "checkout-1", "15000"];

    fn claim([payment_key, order_id, amount]: [&str; 3]) -> Claim {
        let payment_key = PaymentKey::parse(payment_key).unwrap();
        Claim { payment_key, order_id: order_id.to_owned(), amount: amount.to_owned() }
    }

    /// The name of a refusal.
    fn name(error: &ConfirmError) -> &'static str {
        match error {
            ConfirmError::Refused { refusal: ConfirmRefusal::OrderMismatch, .. } => "order",
            ConfirmError::Refused { refusal: ConfirmRefusal::AmountMismatch, .. } => "amount",
            ConfirmError::Refused { refusal: ConfirmRefusal::NotConfirmable, .. }
            | ConfirmError::NotConfirmable(_)
            | ConfirmError::PaymentNotFound => "not confirmable",
            ConfirmError::Amount(_) => "no amount",
            ConfirmError::UnderWay(_) => "under way",
            ConfirmError::Declined { .. } => "declined",
            ConfirmError::Unknown | ConfirmError::NotAccepted(_) | ConfirmError::Fault(_) => "another",
        }
    }

    /// The answer to a claim without asking the workflow; `None` when the workflow has to be asked.
    fn check(sent: [&str; 3], record: &CheckoutRecord) -> Option<Result<Status, &'static str>> {
        match claim(sent).over(record).and_then(|confirmation| answer(record, &confirmation, NOW)) {
            Err(error) => Some(Err(name(&error))),
            Ok(Recorded::Accepted | Recorded::Nothing) => None,
            Ok(Recorded::Known) => Some(Ok(record.status)),
        }
    }

    #[test]
    fn only_what_the_record_names_is_accepted() {
        let accepted = |record: &CheckoutRecord| {
            matches!(answer(record, &claim(GOOD).over(record).unwrap(), NOW), Ok(Recorded::Accepted))
        };
        for status in [Status::Executing, Status::Unknown, Status::Stuck] {
            assert!(accepted(&record(status, Some("key"))), "{status}");
            assert!(!accepted(&record(status, Some("other"))), "{status}");
        }
        assert!(!accepted(&record(Status::NotStarted, None)));
    }

    #[test]
    fn a_claim_is_refused_before_anything_is_sent() {
        let cases = [
            (["key", "checkout-2", "15000"], "order"),
            (["key", "?", "15000"], "order"),
            (["key", "checkout-1", "15001"], "amount"),
            (["key", "checkout-1", "15000.5"], "no amount"),
        ];
        for (sent, refusal) in cases {
            assert_eq!(check(sent, &record(Status::NotStarted, None)), Some(Err(refusal)), "{sent:?}");
        }
    }

    #[test]
    fn every_status_has_its_answer() {
        for status in Status::ALL {
            let expected = match status {
                Status::NotStarted | Status::Executing | Status::Unknown | Status::Stuck => None,
                Status::Failed => Some(Err("declined")),
                Status::Expired | Status::Canceled => Some(Err("not confirmable")),
                Status::WaitingForDeposit | Status::Success | Status::PartiallyRefunded | Status::Refunded => {
                    Some(Ok(status))
                }
            };
            assert_eq!(check(GOOD, &record(status, Some("key"))), expected, "{status}");
            let busy = matches!(status, Status::Executing | Status::Unknown | Status::Stuck);
            let expected = if busy { "under way" } else { "not confirmable" };
            assert_eq!(check(GOOD, &record(status, Some("other"))), Some(Err(expected)), "{status}");
        }
        assert_eq!(check(GOOD, &record(Status::NotStarted, None)), None);
        assert_eq!(check(GOOD, &record(Status::Expired, None)), Some(Err("not confirmable")));
    }

    #[test]
    fn after_a_decline_another_payment_is_asked_for_and_the_first_keeps_its_answer() {
        let declined = |failure| CheckoutRecord { failure: Some(failure), ..record(Status::Failed, Some("other")) };
        let retryable = declined(Failure::new("REJECTED", "No.").and_retry());
        assert_eq!(check(GOOD, &retryable), None);
        let expired = CheckoutRecord { expires_at: NOW, ..retryable };
        assert_eq!(check(GOOD, &expired), Some(Err("not confirmable")));
        for status in Status::ALL {
            let answer = declined_before(&record(status, Some("other")), Failure::new("REJECTED", "No."));
            let answer = answer.map_err(|error| name(&error));
            let expected = match status {
                Status::NotStarted | Status::Failed | Status::Expired | Status::Canceled => Err("declined"),
                Status::Executing | Status::Unknown | Status::Stuck => Err("under way"),
                Status::WaitingForDeposit | Status::Success | Status::PartiallyRefunded | Status::Refunded => {
                    Ok(Recorded::Known)
                }
            };
            assert_eq!(answer, expected, "{status}");
        }
    }

    #[test]
    fn one_payment_key_is_one_update() {
        let id = |key: &str| update_id(&PaymentKey::parse(key).unwrap());
        assert_eq!(id("key"), id("key"));
        assert_ne!(id("key"), id("other"));
        assert!(!id("key").contains("key"));
    }
}
