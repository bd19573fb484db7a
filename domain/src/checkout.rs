//! The life of a checkout: what a buyer is asked to pay, and every status on the way.

mod change;

use alloc::{collections::BTreeSet, string::String, vec::Vec};
use core::fmt;

pub use change::{Change, DepositReturn, DepositSeen, NewCheckout, Payment, SeenDuring, State, Withdrawn};
use serde::{Deserialize, Serialize};

use crate::{
    Money,
    id::{BuyerId, CardFingerprint, CheckoutId, ConfirmTokenHash, PaymentKey, PaymentOrderId, SellerAccount},
    money::MoneyError,
};

/// The largest checkout in minor units: far above any purchase, and so far below the largest amount of money that
/// the sums over all of them stay money.
pub const MAX_TOTAL_MINOR: u64 = 1_000_000_000_000;
/// The most payment orders in one checkout.
pub const MAX_ORDERS: usize = 100;
/// The most characters in an order name. Source: Toss Payments, field `orderName`.
pub const MAX_ORDER_NAME_CHARS: usize = 100;
/// The most bytes of metadata, as compact JSON.
pub const MAX_METADATA_BYTES: usize = 4096;
/// The most payment keys that one checkout tries and the PSP does not know as its own. Each costs about a dozen
/// history events; after the last one the checkout takes no payment any more and expires.
pub const MAX_REJECTED_KEYS: u32 = 500;
/// The most payments of one checkout that may be declined. Each costs about a dozen history events; after the last
/// one the checkout takes no payment any more.
pub const MAX_DECLINES: u32 = 20;
/// How long a checkout takes no other payment key after one was rejected, in milliseconds.
pub const REJECTION_PAUSE_MS: u64 = 1_000;
/// The most bytes of a return address.
pub const MAX_URL_BYTES: usize = 1024;

/// One seller's part of a checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its id, unique over all checkouts.
    pub id: PaymentOrderId,
    /// Whose wallet it credits.
    pub seller: SellerAccount,
    /// What it costs; never zero.
    pub amount: Money,
}

/// What a buyer is asked to pay, and to whom it goes. Valid by construction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "PlanFields", into = "PlanFields")]
pub struct Plan {
    fields: PlanFields,
    total: Money,
}

/// The parts of a [`Plan`], not checked yet. This is also its form in workflow histories.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanFields {
    /// The checkout.
    pub checkout_id: CheckoutId,
    /// What the buyer reads in the payment window, 1 to 100 characters.
    pub order_name: String,
    /// The buyer. No name, address or number: those are not needed to move money.
    pub buyer_id: BuyerId,
    /// One order per seller and delivery, 1 to 100.
    pub orders: Vec<Order>,
    /// Where the buyer's browser goes after paying.
    #[serde(default)]
    pub success_url: Option<String>,
    /// Where it goes when the payment did not happen.
    #[serde(default)]
    pub fail_url: Option<String>,
    /// The marketplace's own notes: a JSON object as compact text.
    #[serde(default)]
    pub metadata: Option<String>,
    /// The card that the marketplace knows the buyer to pay with, never as the PSP's own token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<CardFingerprint>,
    /// What the buyer's browser proves when it confirms; never the token itself. A checkout without a hash was made
    /// before there were tokens, and needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_token_hash: Option<ConfirmTokenHash>,
}

/// Why some fields are no [`Plan`]. `index` counts payment orders from zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Empty, too long, or with control characters.
    #[error("the order name must have 1 to {MAX_ORDER_NAME_CHARS} characters and no control characters")]
    OrderName,
    /// No payment order at all.
    #[error("a checkout has at least one payment order")]
    NoOrders,
    /// More payment orders than [`MAX_ORDERS`].
    #[error("a checkout has at most {MAX_ORDERS} payment orders")]
    TooManyOrders,
    /// An order over nothing.
    #[error("an amount must be above zero")]
    ZeroAmount {
        /// Which order.
        index: usize,
    },
    /// An order in another currency than the first.
    #[error("all payment orders of a checkout have one currency")]
    MixedCurrencies {
        /// Which order.
        index: usize,
    },
    /// Two orders with one id.
    #[error("the payment order id stands twice in this checkout")]
    DuplicateOrder {
        /// Which order.
        index: usize,
    },
    /// The sum is beyond [`MAX_TOTAL_MINOR`].
    #[error("the amounts add up to more than {MAX_TOTAL_MINOR} minor units")]
    TotalTooLarge,
    /// A return address that is not http(s) or too long.
    #[error("a return address starts with http:// or https:// and has at most {MAX_URL_BYTES} bytes")]
    Url {
        /// Whether it is the address for success rather than for failure.
        success: bool,
    },
    /// Too much metadata.
    #[error("metadata takes at most {MAX_METADATA_BYTES} bytes")]
    Metadata,
}

impl Plan {
    /// Checks the fields, in order, and adds up the total.
    pub fn try_new(fields: PlanFields) -> Result<Self, PlanError> {
        let name_chars = fields.order_name.chars().count();
        if !(1..=MAX_ORDER_NAME_CHARS).contains(&name_chars) || fields.order_name.chars().any(char::is_control) {
            return Err(PlanError::OrderName);
        }
        if fields.orders.len() > MAX_ORDERS {
            return Err(PlanError::TooManyOrders);
        }
        for (address, success) in [(&fields.success_url, true), (&fields.fail_url, false)] {
            if !address.as_deref().is_none_or(is_return_address) {
                return Err(PlanError::Url { success });
            }
        }
        if fields.metadata.as_ref().is_some_and(|text| text.len() > MAX_METADATA_BYTES) {
            return Err(PlanError::Metadata);
        }
        let total = total(&fields.orders)?;
        Ok(Self { fields, total })
    }

    /// The same plan, whose buyer proves a token of this hash.
    #[must_use]
    pub fn with_confirm_token_hash(mut self, hash: ConfirmTokenHash) -> Self {
        self.fields.confirm_token_hash = Some(hash);
        self
    }

    /// The checkout.
    pub const fn checkout_id(&self) -> &CheckoutId {
        &self.fields.checkout_id
    }

    /// The payment orders, at least one.
    pub fn orders(&self) -> &[Order] {
        &self.fields.orders
    }

    /// What the buyer pays: the sum of all orders.
    pub const fn total(&self) -> Money {
        self.total
    }

    /// Everything else.
    pub const fn fields(&self) -> &PlanFields {
        &self.fields
    }
}

fn total(orders: &[Order]) -> Result<Money, PlanError> {
    let first = orders.first().ok_or(PlanError::NoOrders)?;
    let mut total = Money::zero(first.amount.currency());
    let mut seen = BTreeSet::new();
    for (index, order) in orders.iter().enumerate() {
        if order.amount.is_zero() {
            return Err(PlanError::ZeroAmount { index });
        }
        if !seen.insert(&order.id) {
            return Err(PlanError::DuplicateOrder { index });
        }
        total = total.plus(order.amount).map_err(|error| match error {
            MoneyError::MixedCurrencies(..) => PlanError::MixedCurrencies { index },
            MoneyError::TooLarge
            | MoneyError::UnknownCurrency
            | MoneyError::Malformed
            | MoneyError::TooManyDecimals(_)
            | MoneyError::BelowZero
            | MoneyError::NoWeights => PlanError::TotalTooLarge,
        })?;
        if total.minor() > MAX_TOTAL_MINOR {
            return Err(PlanError::TotalTooLarge);
        }
    }
    Ok(total)
}

/// Whether a buyer's browser can be led to an address: http or https, in visible ASCII, of at most [`MAX_URL_BYTES`].
pub fn is_return_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    text.len() <= MAX_URL_BYTES
        && text.bytes().all(|byte| byte.is_ascii_graphic())
        && rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
}

impl TryFrom<PlanFields> for Plan {
    type Error = PlanError;

    fn try_from(fields: PlanFields) -> Result<Self, PlanError> {
        Self::try_new(fields)
    }
}

impl From<Plan> for PlanFields {
    fn from(plan: Plan) -> Self {
        plan.fields
    }
}

/// Where a checkout, or one of its payment orders, stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Recorded; the buyer has not paid yet.
    NotStarted,
    /// The PSP is being asked to capture the money.
    Executing,
    /// The PSP was asked and the outcome is not known yet; it is being found out.
    Unknown,
    /// A virtual account was issued; the buyer has to pay into it.
    WaitingForDeposit,
    /// Paid.
    Success,
    /// Not paid, and no money is held.
    Failed,
    /// The time to pay ran out before the buyer paid.
    Expired,
    /// Given up before the buyer paid.
    Canceled,
    /// Paid, and a part of it given back.
    PartiallyRefunded,
    /// Paid, and all of it given back.
    Refunded,
    /// A person is needed; the workflow is open and can be resumed.
    Stuck,
}

/// What happened to a checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The buyer came back from the payment window with a payment to confirm.
    ConfirmRequested,
    /// The PSP's answer was lost or does not tell what happened.
    OutcomeUnknown,
    /// The PSP issued a virtual account.
    DepositAwaited,
    /// The PSP holds the money for us.
    Paid,
    /// The bank took the deposit back: the virtual account waits again.
    DepositTakenBack,
    /// The attempt ended and no money is held.
    Declined,
    /// The time to pay ran out.
    DeadlinePassed,
    /// Given up before payment.
    Canceled,
    /// A part was given back.
    PartRefunded,
    /// The last part was given back.
    Refunded,
    /// Nothing more can be done without a person.
    HelpNeeded,
}

/// An event that cannot happen in a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{event:?} cannot happen to a checkout that is {status}")]
pub struct IllegalChange {
    /// Where it stood.
    pub status: Status,
    /// What was said to have happened.
    pub event: Event,
}

impl Status {
    /// Every status there is.
    pub const ALL: [Self; 11] = [
        Self::NotStarted,
        Self::Executing,
        Self::Unknown,
        Self::WaitingForDeposit,
        Self::Success,
        Self::Failed,
        Self::Expired,
        Self::Canceled,
        Self::PartiallyRefunded,
        Self::Refunded,
        Self::Stuck,
    ];

    /// The status after an event. This is the whole state machine.
    pub const fn after(self, event: Event) -> Result<Self, IllegalChange> {
        use Status::{
            Canceled, Executing, Expired, Failed, NotStarted, PartiallyRefunded, Refunded, Stuck, Success, Unknown,
            WaitingForDeposit,
        };
        let illegal = Err(IllegalChange { status: self, event });
        let next = match event {
            Event::ConfirmRequested => match self {
                // A declined buyer may try again.
                NotStarted | Failed | Stuck => Executing,
                Executing | Unknown | WaitingForDeposit | Success | Expired | Canceled | PartiallyRefunded
                | Refunded => {
                    return illegal;
                }
            },
            Event::OutcomeUnknown => match self {
                Executing | Stuck => Unknown,
                NotStarted | Unknown | WaitingForDeposit | Success | Failed | Expired | Canceled
                | PartiallyRefunded | Refunded => return illegal,
            },
            Event::DepositAwaited => match self {
                Executing | Unknown | Stuck => WaitingForDeposit,
                NotStarted | WaitingForDeposit | Success | Failed | Expired | Canceled | PartiallyRefunded
                | Refunded => return illegal,
            },
            Event::Paid => match self {
                Executing | Unknown | WaitingForDeposit | Stuck => Success,
                NotStarted | Success | Failed | Expired | Canceled | PartiallyRefunded | Refunded => return illegal,
            },
            Event::DepositTakenBack => match self {
                Success | Stuck => WaitingForDeposit,
                NotStarted | Executing | Unknown | WaitingForDeposit | Failed | Expired | Canceled
                | PartiallyRefunded | Refunded => return illegal,
            },
            Event::Declined => match self {
                Executing | Unknown | Stuck => Failed,
                // An account that can no longer be paid into has expired, whatever ended it.
                WaitingForDeposit => Expired,
                NotStarted | Success | Failed | Expired | Canceled | PartiallyRefunded | Refunded => return illegal,
            },
            Event::DeadlinePassed => match self {
                NotStarted | WaitingForDeposit | Stuck => Expired,
                Executing | Unknown | Success | Failed | Expired | Canceled | PartiallyRefunded | Refunded => {
                    return illegal;
                }
            },
            Event::Canceled => match self {
                NotStarted | Stuck => Canceled,
                // It stays what it is, and takes no other payment.
                Failed => Failed,
                Executing | Unknown | WaitingForDeposit | Success | Expired | Canceled | PartiallyRefunded
                | Refunded => {
                    return illegal;
                }
            },
            Event::PartRefunded => match self {
                Success | PartiallyRefunded | Stuck => PartiallyRefunded,
                NotStarted | Executing | Unknown | WaitingForDeposit | Failed | Expired | Canceled | Refunded => {
                    return illegal;
                }
            },
            Event::Refunded => match self {
                Success | PartiallyRefunded | Stuck => Refunded,
                NotStarted | Executing | Unknown | WaitingForDeposit | Failed | Expired | Canceled | Refunded => {
                    return illegal;
                }
            },
            Event::HelpNeeded => match self {
                NotStarted | Executing | Unknown | WaitingForDeposit | Success | Failed | Expired | Canceled
                | PartiallyRefunded | Refunded => Stuck,
                Stuck => return illegal,
            },
        };
        Ok(next)
    }

    /// Whether the buyer's money was captured and not all of it given back since, or all of it was.
    pub const fn is_payment_done(self) -> bool {
        match self {
            Self::Success | Self::PartiallyRefunded | Self::Refunded => true,
            Self::NotStarted
            | Self::Executing
            | Self::Unknown
            | Self::WaitingForDeposit
            | Self::Failed
            | Self::Expired
            | Self::Canceled
            | Self::Stuck => false,
        }
    }

    /// Whether the attempt to pay has come to rest: paid, not paid, or waiting for the buyer's deposit.
    pub const fn is_answer(self) -> bool {
        match self {
            Self::NotStarted | Self::Executing | Self::Unknown | Self::Stuck => false,
            Self::WaitingForDeposit
            | Self::Success
            | Self::Failed
            | Self::Expired
            | Self::Canceled
            | Self::PartiallyRefunded
            | Self::Refunded => true,
        }
    }

    /// Whether something at the PSP may bring it on: its webhooks are worth a question.
    pub const fn heeds_psp(self) -> bool {
        match self {
            Self::Executing | Self::Unknown | Self::WaitingForDeposit | Self::Stuck => true,
            Self::NotStarted
            | Self::Success
            | Self::Failed
            | Self::Expired
            | Self::Canceled
            | Self::PartiallyRefunded
            | Self::Refunded => false,
        }
    }

    /// The status in the API, the database and the Temporal UI: `NOT_STARTED`, `SUCCESS` …
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotStarted => "NOT_STARTED",
            Self::Executing => "EXECUTING",
            Self::Unknown => "UNKNOWN",
            Self::WaitingForDeposit => "WAITING_FOR_DEPOSIT",
            Self::Success => "SUCCESS",
            Self::Failed => "FAILED",
            Self::Expired => "EXPIRED",
            Self::Canceled => "CANCELED",
            Self::PartiallyRefunded => "PARTIALLY_REFUNDED",
            Self::Refunded => "REFUNDED",
            Self::Stuck => "STUCK",
        }
    }

    /// The status written as [`Status::as_str`] writes it.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A buyer's return from the payment window: what the browser says was agreed there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// What the PSP calls this attempt.
    pub payment_key: PaymentKey,
    /// The checkout it is said to be for.
    pub checkout_id: CheckoutId,
    /// The amount it is said to be over.
    pub amount: Money,
}

/// What a confirmation does to a checkout that takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmable {
    /// It starts the payment.
    Begins,
    /// This very payment has begun already; the answer is the same.
    Joins,
}

/// Why a confirmation is refused. Nothing is sent to the PSP then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum ConfirmRefusal {
    /// It names another checkout.
    #[error("the payment is for another order than this checkout")]
    OrderMismatch,
    /// It is over another amount.
    #[error("the amount differs from the amount of this checkout")]
    AmountMismatch,
    /// The checkout does not wait for a payment, or waits for another one.
    #[error("this checkout takes no payment any more, or is taking another one")]
    NotConfirmable,
}

/// Decides whether a checkout over `total` that stands at `status`, and whose payment so far is `bound`,
/// takes a confirmation. One that failed takes another payment where it is `retryable`. The order of the refusals
/// is part of the API.
pub fn check_confirmation(
    (checkout_id, total): (&CheckoutId, Money),
    (status, retryable): (Status, bool),
    bound: Option<&PaymentKey>,
    confirmation: &Confirmation,
) -> Result<Confirmable, ConfirmRefusal> {
    if confirmation.checkout_id != *checkout_id {
        return Err(ConfirmRefusal::OrderMismatch);
    }
    if confirmation.amount != total {
        return Err(ConfirmRefusal::AmountMismatch);
    }
    match bound {
        Some(payment_key) if *payment_key == confirmation.payment_key => Ok(Confirmable::Joins),
        None if status == Status::NotStarted => Ok(Confirmable::Begins),
        Some(_) | None if status == Status::Failed && retryable => Ok(Confirmable::Begins),
        Some(_) | None => Err(ConfirmRefusal::NotConfirmable),
    }
}
