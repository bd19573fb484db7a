//! What a buyer is asked to pay, and to whom it goes.

use alloc::{collections::BTreeSet, string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::{
    Money,
    cash_receipt::ReceiptPreset,
    id::{BuyerId, CardFingerprint, CheckoutId, ConfirmTokenHash, PaymentOrderId, SellerAccount},
    money::MoneyError,
    tax::{TaxParts, tax_free_of_refund, tax_free_of_refunded},
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
    /// The part of the amount without value-added tax; where it is not told, all of it is taxed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_free: Option<Money>,
    /// What was bought, 1 to 100 characters; where it is not told, the name of the checkout stands for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Order {
    /// What the amount is made of.
    pub fn tax_parts(&self) -> TaxParts {
        TaxParts::of(self.amount, self.untaxed())
    }

    /// What is left of each part after so much was given back.
    pub fn tax_parts_after(&self, refunded: Money) -> TaxParts {
        let zero = Money::zero(self.amount.currency());
        let gone = tax_free_of_refunded(self.amount, self.untaxed(), refunded);
        let left = self.amount.minus(refunded).unwrap_or(zero);
        TaxParts::of(left, self.untaxed().minus(gone).unwrap_or(zero))
    }

    /// The part of a refund without tax, of an order of which so much is given back with that refund.
    pub fn untaxed_of_refund(&self, refunded: Money, part: Money) -> Money {
        tax_free_of_refund(self.amount, self.untaxed(), refunded, part)
    }

    fn untaxed(&self) -> Money {
        self.tax_free.unwrap_or(Money::zero(self.amount.currency()))
    }
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
    /// What the payment window is asked for besides the amount.
    #[serde(default, skip_serializing_if = "WindowTerms::are_usual")]
    pub window: WindowTerms,
}

/// What the payment window is asked for besides the amount.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowTerms {
    /// Whether a bank keeps the payment until the buyer has the goods (에스크로). Only methods that have escrow are
    /// offered then.
    #[serde(default)]
    pub use_escrow: bool,
    /// The cash receipt that is chosen when the window opens; where it is not told, the window decides.
    #[serde(default)]
    pub cash_receipt: Option<ReceiptPreset>,
}

impl WindowTerms {
    fn are_usual(&self) -> bool {
        *self == Self::default()
    }
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
    /// The name of what was bought is empty, too long, or has control characters.
    #[error("what was bought has a name of 1 to {MAX_ORDER_NAME_CHARS} characters and no control characters")]
    ItemName {
        /// Which order.
        index: usize,
    },
    /// An order over nothing.
    #[error("an amount must be above zero")]
    ZeroAmount {
        /// Which order.
        index: usize,
    },
    /// A part without tax that is more than its order, or in another currency.
    #[error("the part without tax is a part of the amount")]
    TaxFree {
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
        if !is_name(&fields.order_name) {
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

/// The part of some orders without value-added tax; nothing where none is told.
pub fn tax_free_of<'a>(orders: impl IntoIterator<Item = &'a Order>) -> Option<Money> {
    let mut told = orders.into_iter().filter_map(|order| order.tax_free);
    let first = told.next()?;
    told.try_fold(first, |sum, part| sum.plus(part).ok())
}

fn is_name(text: &str) -> bool {
    (1..=MAX_ORDER_NAME_CHARS).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

fn total(orders: &[Order]) -> Result<Money, PlanError> {
    let first = orders.first().ok_or(PlanError::NoOrders)?;
    let mut total = Money::zero(first.amount.currency());
    let mut seen = BTreeSet::new();
    for (index, order) in orders.iter().enumerate() {
        if order.amount.is_zero() {
            return Err(PlanError::ZeroAmount { index });
        }
        if order.tax_free.is_some_and(|part| order.amount.minus(part).is_err()) {
            return Err(PlanError::TaxFree { index });
        }
        if !order.name.as_deref().is_none_or(is_name) {
            return Err(PlanError::ItemName { index });
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
