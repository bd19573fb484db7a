//! The terms of a cancellation: what is canceled, how it is answered, and why it is refused.

use domain::{
    Currency, Money,
    checkout::{Phase, Status},
    failure::{Failure, OurCode},
    id::{PaymentOrderId, RefundId},
    money::MoneyError,
    refund::RefundAccount,
};
use store::{ApprovalRecord, CheckoutRecord, OrderRecord, RefundRecord, Scope, StoreError};
use workflows::ports::RefundRequest;

use crate::{Fault, now};

/// What is to be canceled: a whole checkout, or one of its orders.
#[derive(Debug, Clone)]
pub struct Target {
    /// The checkout.
    pub record: CheckoutRecord,
    /// The one order, where one is named.
    pub order: Option<PaymentOrderId>,
}

/// Whether a checkout waits for a payment, or for what comes of one: it can be ended before it is paid.
pub fn is_open(record: &CheckoutRecord) -> bool {
    match record.status.phase() {
        Phase::Open | Phase::Moving | Phase::Held | Phase::Deposit => true,
        Phase::Declined => record.takes_retry(now()),
        Phase::Paid | Phase::Closed => false,
    }
}

/// What was not given back of a checkout, or of one of its orders.
pub fn left_of(record: &CheckoutRecord, order: Option<&PaymentOrderId>) -> Result<Money, MoneyError> {
    let is_meant = |of: &&OrderRecord| order.is_none_or(|id| *id == of.order.id);
    let none = Money::zero(record.total.currency());
    let mut meant = record.orders.iter().filter(is_meant);
    meant.try_fold(none, |sum, of| of.order.amount.minus(of.refunded).and_then(|left| sum.plus(left)))
}

/// How the id of a refund is made.
#[derive(Debug, Clone)]
pub enum RefundKey {
    /// From the idempotency key of the request.
    OfRequest(RefundId),
    /// From the target: however often it is asked for, all that is left goes back once.
    OfTarget,
}

/// A request to cancel, in the terms of its sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelRequest {
    /// The amount, still a text: its currency is the payment's. All that is left, where no amount is named.
    pub amount: Option<String>,
    /// Why, for the buyer.
    pub reason: String,
    /// Where the money goes, if it came into a virtual account.
    pub account: Option<RefundAccount>,
    /// SHA-256 of the request, in lower-case hex.
    pub fingerprint: String,
}

impl CancelRequest {
    /// Whether a part is asked for.
    pub const fn is_partial(&self) -> bool {
        self.amount.is_some()
    }

    /// The amount in the currency of the payment; `None` for all that is left.
    pub fn amount(&self, currency: Currency) -> Result<Option<Money>, AmountError> {
        let Some(text) = &self.amount else { return Ok(None) };
        let amount = Money::parse(text, currency)?;
        if amount.is_zero() { Err(AmountError::Zero) } else { Ok(Some(amount)) }
    }
}

/// Why a text is no amount to refund.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// The text is no amount of the currency.
    #[error(transparent)]
    Malformed(#[from] MoneyError),
    /// The amount is zero.
    #[error("must be above zero")]
    Zero,
}

/// What came of canceling.
pub enum Canceled {
    /// The checkout came to rest without money.
    GivenUp(CheckoutRecord),
    /// The workflow is giving the checkout up; its end is not known yet.
    NotGivenUpYet(CheckoutRecord),
    /// The money went back.
    Refunded {
        /// The checkout.
        record: CheckoutRecord,
        /// The refund.
        refund: RefundRecord,
        /// Whether an earlier request had asked for the refund.
        replayed: bool,
    },
    /// Nothing is asked of the payment provider before a second principal has approved the refund.
    WaitsForApproval {
        /// The checkout.
        record: CheckoutRecord,
        /// The request.
        request: Box<RefundRequest>,
        /// The approval that the request waits for.
        approval: Box<ApprovalRecord>,
    },
    /// The refund goes on.
    NotRefundedYet {
        /// The checkout.
        record: CheckoutRecord,
        /// The refund.
        refund: RefundRecord,
    },
}

impl Canceled {
    /// The checkout.
    pub const fn record(&self) -> &CheckoutRecord {
        match self {
            Self::GivenUp(record)
            | Self::NotGivenUpYet(record)
            | Self::Refunded { record, .. }
            | Self::WaitsForApproval { record, .. }
            | Self::NotRefundedYet { record, .. } => record,
        }
    }
}

/// Why nothing is canceled or refunded.
#[derive(Debug, thiserror::Error)]
pub enum RefundError {
    /// The key has not the scope that the status of the checkout asks for.
    #[error("the API key has not the scope {}", .0.as_str())]
    Forbidden(Scope),
    /// No checkout has the id.
    #[error("Neither a checkout nor a payment order has this id.")]
    UnknownCheckout,
    /// A part of a checkout that is not paid.
    #[error("A part can be given back once the checkout is paid; until then cancel it whole.")]
    PartBeforePayment(Status),
    /// One order of a checkout that is not paid.
    #[error(
        "One payment order cannot be canceled by itself before the checkout is paid: the buyer pays for all of them at \
         once. Cancel the whole checkout."
    )]
    OrderBeforePayment(Status),
    /// A checkout that ended without a payment.
    #[error("The checkout was never paid, and no money is held: there is nothing to cancel.")]
    NeverPaid(Status),
    /// The workflow is gone, and the record says that it is under way: an operator ended it.
    #[error("The checkout is under way, and nobody answers for it. An operator has to look.")]
    Unanswered(Status),
    /// All of it was given back before.
    #[error("Nothing is left to refund.")]
    AllRefunded(Status),
    /// The amount that is left is zero.
    #[error("Nothing is left to refund.")]
    NothingLeft(Status),
    /// The record holds no payment.
    #[error("Nothing is known of a payment.")]
    NoPayment(Status),
    /// The money came into a virtual account.
    #[error(
        "The buyer paid into a virtual account, so an account of the buyer's is needed. Send `POST …/cancel` with \
         `refund_account`."
    )]
    AccountRequired(Status),
    /// The money came another way than into a virtual account.
    #[error("is for what was paid into a virtual account; this money goes back the way it came")]
    AccountNotTaken,
    /// The amount is none of the payment's currency.
    #[error(transparent)]
    Amount(#[from] AmountError),
    /// No worker took the cancellation in time.
    #[error("Nobody took it up in time, and nothing is known to have been canceled. Send the same request again.")]
    NotAccepted(Status),
    /// Temporal keeps the request until a worker comes.
    #[error("No worker serves the task queue. The request is kept: send the same request again.")]
    NoWorker,
    /// A worker is about to record the refund.
    #[error("The request is being recorded. Send it again with the same key.")]
    InProgress,
    /// The idempotency key belongs to another request.
    #[error("This idempotency key came with another request before. Use a new key for a new refund.")]
    KeyReused,
    /// The key has refunded as much as it may today.
    #[error("This API key gives back at most {0} in a day, in Korea; with this refund it would be more.")]
    BeyondLimit(Money),
    /// The refund failed.
    #[error("The refund did not happen.")]
    Failed {
        /// Why.
        failure: Option<Failure>,
        /// The status of the checkout.
        status: Status,
        /// Whether an earlier request had asked for the refund.
        replayed: bool,
    },
    /// A second principal rejected the refund.
    #[error("{by} rejected the refund; ask for another one with a new key.")]
    Rejected {
        /// The second principal.
        by: String,
    },
    /// The principal that asked for the refund cannot decide on it.
    #[error("The API key that asked for a refund does not decide on it; another one has to.")]
    FourEyes,
    /// Another decision was made before.
    #[error("The refund is {0} already.")]
    Decided(&'static str),
    /// No refund of the id waits or waited for a second principal.
    #[error("No refund of this id waits or waited for a second principal.")]
    UnknownRefund,
    /// Something went wrong on our side.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for RefundError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

/// What canceling means where a checkout stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The checkout is paid: money goes back.
    Refund,
    /// The checkout is not paid yet: it is given up.
    GiveUp,
    /// The checkout was given up before.
    Done,
}

impl Target {
    /// What canceling means here.
    pub(super) fn way(&self, is_partial: bool) -> Result<Way, RefundError> {
        let status = self.record.status;
        if is_open(&self.record) {
            return match (is_partial, &self.order) {
                (true, _) => Err(RefundError::PartBeforePayment(status)),
                (false, Some(_)) => Err(RefundError::OrderBeforePayment(status)),
                (false, None) => Ok(Way::GiveUp),
            };
        }
        match status {
            Status::Success | Status::PartiallyRefunded | Status::Refunded => Ok(Way::Refund),
            Status::Canceled if !is_partial => Ok(Way::Done),
            Status::Failed | Status::Expired if self.was_given_up() && !is_partial => Ok(Way::Done),
            Status::Canceled
            | Status::Failed
            | Status::Expired
            | Status::NotStarted
            | Status::Executing
            | Status::Unknown
            | Status::WaitingForDeposit
            | Status::Stuck => Err(RefundError::NeverPaid(status)),
        }
    }

    /// Whether it ended because somebody gave it up while its payment was under way.
    fn was_given_up(&self) -> bool {
        self.record.failure.as_ref().is_some_and(|failure| failure.code == OurCode::Canceled.into())
    }

    /// All that is left to refund of it.
    pub(super) fn rest(&self) -> Result<Money, RefundError> {
        let left = left_of(&self.record, self.order.as_ref()).map_err(Fault::internal)?;
        if left.is_zero() { Err(RefundError::NothingLeft(self.record.status)) } else { Ok(left) }
    }

    /// Whether all of it is promised back, or gone.
    pub(super) fn is_all_promised(&self) -> bool {
        let mut orders = self.record.orders.iter();
        orders.all(|order| {
            let is_meant = self.order.as_ref().is_none_or(|id| *id == order.order.id);
            !is_meant || order.order.amount.minus(order.refunded).is_ok_and(Money::is_zero)
        })
    }
}
