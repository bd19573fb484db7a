//! Double entry: accounts, postings and entries, balanced by construction.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    Money, Timestamp,
    checkout::Plan,
    id::{CheckoutId, PaymentOrderId, SellerAccount},
};

/// The most postings in one entry.
pub const MAX_POSTINGS: usize = 1000;

/// The chart of accounts. Every account exists once per currency.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Account {
    /// What the PSP has captured for us and not settled yet. An asset.
    PspReceivable,
    /// What a seller has earned and cannot be paid out yet. A liability.
    SellerPending(SellerAccount),
}

/// On which side an account grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormalSide {
    /// Assets and expenses.
    Debit,
    /// Liabilities and income.
    Credit,
}

impl Account {
    /// On which side the account grows.
    pub const fn normal_side(&self) -> NormalSide {
        match self {
            Self::PspReceivable => NormalSide::Debit,
            Self::SellerPending(_) => NormalSide::Credit,
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PspReceivable => f.write_str("psp:receivable"),
            Self::SellerPending(seller) => write!(f, "seller:{seller}:pending"),
        }
    }
}

/// A text that names no account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such account; accounts are psp:receivable and seller:<account>:pending")]
pub struct UnknownAccount;

impl FromStr for Account {
    type Err = UnknownAccount;

    fn from_str(text: &str) -> Result<Self, UnknownAccount> {
        if text == "psp:receivable" {
            return Ok(Self::PspReceivable);
        }
        let seller = text.strip_prefix("seller:").and_then(|rest| rest.strip_suffix(":pending"));
        SellerAccount::parse(seller.ok_or(UnknownAccount)?).map(Self::SellerPending).map_err(|_| UnknownAccount)
    }
}

impl TryFrom<String> for Account {
    type Error = UnknownAccount;

    fn try_from(text: String) -> Result<Self, UnknownAccount> {
        text.parse()
    }
}

impl From<Account> for String {
    fn from(account: Account) -> Self {
        account.to_string()
    }
}

/// Why postings are no entry. All are mistakes of the caller: nothing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// A posting over nothing.
    #[error("a posting moves more than nothing")]
    ZeroAmount,
    /// A posting from an account to itself.
    #[error("a posting moves money between two accounts")]
    SameAccount,
    /// No posting at all.
    #[error("an entry has at least one posting")]
    NoPostings,
    /// More than [`MAX_POSTINGS`].
    #[error("an entry has at most {MAX_POSTINGS} postings")]
    TooManyPostings,
    /// Postings of two currencies.
    #[error("all postings of an entry have one currency")]
    MixedCurrencies,
}

/// One debit and one credit of the same money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "PostingFields", into = "PostingFields")]
pub struct Posting(PostingFields);

/// The parts of a [`Posting`], not checked yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostingFields {
    /// The account that is debited.
    pub debit: Account,
    /// The account that is credited.
    pub credit: Account,
    /// How much; never zero.
    pub amount: Money,
    /// The payment order it is about, if it is about one.
    #[serde(default)]
    pub order: Option<PaymentOrderId>,
}

impl Posting {
    /// Checks the parts.
    pub fn try_new(fields: PostingFields) -> Result<Self, EntryError> {
        if fields.amount.is_zero() {
            return Err(EntryError::ZeroAmount);
        }
        if fields.debit == fields.credit {
            return Err(EntryError::SameAccount);
        }
        Ok(Self(fields))
    }

    /// Its parts.
    pub const fn fields(&self) -> &PostingFields {
        &self.0
    }
}

impl TryFrom<PostingFields> for Posting {
    type Error = EntryError;

    fn try_from(fields: PostingFields) -> Result<Self, EntryError> {
        Self::try_new(fields)
    }
}

impl From<Posting> for PostingFields {
    fn from(posting: Posting) -> Self {
        posting.0
    }
}

/// Why money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A buyer's payment was captured.
    PaymentCaptured,
}

impl Reason {
    /// The reason as the books write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PaymentCaptured => "payment_captured",
        }
    }
}

/// A movement in the books: a reason, a reference and at least one posting. Append only; a correction is
/// another entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "EntryFields", into = "EntryFields")]
pub struct Entry(EntryFields);

/// The parts of an [`Entry`], not checked yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryFields {
    /// Derived from the business reference, so that posting twice is posting once.
    pub key: String,
    /// Why money moved.
    pub reason: Reason,
    /// The checkout it is about.
    pub checkout_id: CheckoutId,
    /// When it happened, which is not when it was booked.
    pub occurred_at: Timestamp,
    /// What moved; never empty, all of one currency.
    pub postings: Vec<Posting>,
}

impl Entry {
    /// Checks the parts.
    pub fn try_new(fields: EntryFields) -> Result<Self, EntryError> {
        let first = fields.postings.first().ok_or(EntryError::NoPostings)?;
        if fields.postings.len() > MAX_POSTINGS {
            return Err(EntryError::TooManyPostings);
        }
        let currency = first.fields().amount.currency();
        if fields.postings.iter().any(|posting| posting.fields().amount.currency() != currency) {
            return Err(EntryError::MixedCurrencies);
        }
        Ok(Self(fields))
    }

    /// The entry for a captured payment: for each order the PSP owes us its amount and we owe it to the seller.
    pub fn of_captured_payment(plan: &Plan, captured_at: Timestamp) -> Result<Self, EntryError> {
        let postings = plan.orders().iter().map(|order| {
            Posting::try_new(PostingFields {
                debit: Account::PspReceivable,
                credit: Account::SellerPending(order.seller.clone()),
                amount: order.amount,
                order: Some(order.id.clone()),
            })
        });
        Self::try_new(EntryFields {
            key: format!("payment_captured:{}", plan.checkout_id()),
            reason: Reason::PaymentCaptured,
            checkout_id: plan.checkout_id().clone(),
            occurred_at: captured_at,
            postings: postings.collect::<Result<_, _>>()?,
        })
    }

    /// Its parts.
    pub const fn fields(&self) -> &EntryFields {
        &self.0
    }
}

impl TryFrom<EntryFields> for Entry {
    type Error = EntryError;

    fn try_from(fields: EntryFields) -> Result<Self, EntryError> {
        Self::try_new(fields)
    }
}

impl From<Entry> for EntryFields {
    fn from(entry: Entry) -> Self {
        entry.0
    }
}
