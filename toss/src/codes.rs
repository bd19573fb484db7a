//! Every error code, and what to do about each. The rows are in `codes/table.rs`.

mod table;

pub use table::TABLE;

/// What to do about a call that did not end in a Payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Nobody knows, or it is done already: look the payment up before anything else.
    QueryFirst,
    /// Nothing was done and nothing is wrong: ask again later, see [`crate::Error::spent_key`].
    RetryLater,
    /// Nothing was done, and only the buyer can change that: another card, another account.
    BuyerActs,
    /// Nothing was done and asking again will not help: order, request or contract is wrong.
    Permanent,
}

/// The APIs that answer with these codes; only the first three are called by this crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Confirm a payment.
    Confirm,
    /// Look a payment up, by key or by order.
    LookUp,
    /// Cancel a payment.
    Cancel,
    /// Pay with a card number.
    KeyIn,
    /// Issue a virtual account.
    VirtualAccount,
    /// Issue a billing key.
    BillingIssue,
    /// Charge a billing key.
    BillingCharge,
    /// List transactions.
    Transactions,
    /// List settlements.
    Settlements,
    /// Cash receipts.
    CashReceipts,
    /// Payouts to sellers.
    Payouts,
}

impl Operation {
    /// What is done, to be followed by its subject: "confirm order" …
    pub(crate) fn verb(self) -> &'static str {
        match self {
            Self::Confirm => "confirm order",
            Self::LookUp => "look up payment",
            Self::Cancel => "cancel payment",
            Self::KeyIn => "charge a card for order",
            Self::VirtualAccount => "issue a virtual account for order",
            Self::BillingIssue => "issue a billing key to customer",
            Self::BillingCharge => "charge a billing key for order",
            Self::Transactions => "list transactions of",
            Self::Settlements => "list settlements of",
            Self::CashReceipts => "issue a cash receipt for order",
            Self::Payouts => "pay out to seller",
        }
    }
}

/// One code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// As Toss writes it.
    pub code: &'static str,
    /// The status it comes with; `None` where no source shows it. It plays no part in the class.
    pub http_status: Option<u16>,
    /// What to do about it.
    pub class: Class,
    /// Which APIs are documented to answer it; empty where no source says.
    pub operations: &'static [Operation],
    /// Operations for which something else is to be done.
    pub exceptions: &'static [(Operation, Class)],
}

impl Row {
    /// What to do about it after `operation`.
    pub fn class_after(&self, operation: Operation) -> Class {
        self.exceptions.iter().find(|(exception, _)| *exception == operation).map_or(self.class, |(_, class)| *class)
    }
}

/// The row of a code.
pub fn row(code: &str) -> Option<&'static Row> {
    let index = TABLE.binary_search_by(|row| row.code.cmp(code)).ok()?;
    TABLE.get(index)
}

/// What to do about `code` after `operation`; `None` for a code no source names.
///
/// A code is believed also where its operation is not documented for it: Toss adds codes to an API
/// without a new version, and what a code says about the payment does not depend on who asked.
pub fn class(operation: Operation, code: &str) -> Option<Class> {
    row(code).map(|row| row.class_after(operation))
}
