//! Every error code, and what to do about each. The rows are in `codes/table.rs`.

mod pause;
mod table;

pub use pause::Pause;
pub use table::TABLE;

/// What to do about a call that did not end in what was asked for.
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

/// What a code says beyond [`Class`], where a caller acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Meaning {
    /// Our key or our settings are refused. A caller with another key may have been answered otherwise, so the code
    /// says nothing of the payment, and no buyer can mend it.
    Denied,
    /// No payment is known by that name.
    UnknownPayment,
    /// The payment is another order's, or over another amount.
    AnotherPayment,
    /// Less can be given back than was asked for: an earlier cancellation took it, ours or another one.
    NothingLeft,
    /// A request under the same idempotency key is still running.
    StillRunning,
}

/// The calls of the API: what was asked decides what a code means, and each call has its own breaker
/// and its own limit of concurrency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Confirm a payment.
    Confirm,
    /// Look a payment up, by key or by order.
    LookUp,
    /// Cancel a payment.
    Cancel,
    /// Pay with a card number. This crate does not call it.
    KeyIn,
    /// Issue a virtual account.
    VirtualAccount,
    /// Issue a billing key.
    BillingIssue,
    /// Charge a billing key.
    BillingCharge,
    /// Delete a billing key.
    BillingDelete,
    /// List transactions.
    Transactions,
    /// List settlements.
    Settlements,
    /// Ask for one payment to be settled.
    SettlementRequest,
    /// Issue a cash receipt.
    CashReceiptIssue,
    /// Cancel a cash receipt.
    CashReceiptCancel,
    /// List cash receipts.
    CashReceiptList,
    /// Read the balance that can be paid out.
    Balance,
    /// Register a seller.
    SellerRegister,
    /// Change a seller.
    SellerUpdate,
    /// Delete a seller.
    SellerDelete,
    /// Look sellers up, one or all.
    SellerLookUp,
    /// Ask for payouts.
    PayoutRequest,
    /// Cancel a payout.
    PayoutCancel,
    /// Look payouts up, one or all.
    PayoutLookUp,
}

impl Operation {
    /// Every operation, in the order of declaration.
    pub const ALL: [Self; 22] = [
        Self::Confirm,
        Self::LookUp,
        Self::Cancel,
        Self::KeyIn,
        Self::VirtualAccount,
        Self::BillingIssue,
        Self::BillingCharge,
        Self::BillingDelete,
        Self::Transactions,
        Self::Settlements,
        Self::SettlementRequest,
        Self::CashReceiptIssue,
        Self::CashReceiptCancel,
        Self::CashReceiptList,
        Self::Balance,
        Self::SellerRegister,
        Self::SellerUpdate,
        Self::SellerDelete,
        Self::SellerLookUp,
        Self::PayoutRequest,
        Self::PayoutCancel,
        Self::PayoutLookUp,
    ];

    /// A permanent name for metrics: lower case, dotted.
    pub fn name(self) -> &'static str {
        match self {
            Self::Confirm => "payment.confirm",
            Self::LookUp => "payment.look_up",
            Self::Cancel => "payment.cancel",
            Self::KeyIn => "payment.key_in",
            Self::VirtualAccount => "virtual_account.issue",
            Self::BillingIssue => "billing.issue",
            Self::BillingCharge => "billing.charge",
            Self::BillingDelete => "billing.delete",
            Self::Transactions => "transaction.list",
            Self::Settlements => "settlement.list",
            Self::SettlementRequest => "settlement.request",
            Self::CashReceiptIssue => "cash_receipt.issue",
            Self::CashReceiptCancel => "cash_receipt.cancel",
            Self::CashReceiptList => "cash_receipt.list",
            Self::Balance => "balance.look_up",
            Self::SellerRegister => "seller.register",
            Self::SellerUpdate => "seller.update",
            Self::SellerDelete => "seller.delete",
            Self::SellerLookUp => "seller.look_up",
            Self::PayoutRequest => "payout.request",
            Self::PayoutCancel => "payout.cancel",
            Self::PayoutLookUp => "payout.look_up",
        }
    }

    /// What is done, to be followed by its subject: "confirm order" …
    pub(crate) fn verb(self) -> &'static str {
        match self {
            Self::Confirm => "confirm order",
            Self::LookUp => "look up payment",
            Self::Cancel => "cancel payment",
            Self::KeyIn => "charge a card for order",
            Self::VirtualAccount => "issue a virtual account for order",
            Self::BillingIssue => "issue a billing key",
            Self::BillingCharge => "charge a billing key for order",
            Self::BillingDelete => "delete a billing key",
            Self::Transactions => "list transactions",
            Self::Settlements => "list settlements",
            Self::SettlementRequest => "settle payment",
            Self::CashReceiptIssue => "issue a cash receipt for order",
            Self::CashReceiptCancel => "cancel cash receipt",
            Self::CashReceiptList => "list cash receipts",
            Self::Balance => "read the balance",
            Self::SellerRegister => "register seller",
            Self::SellerUpdate => "update seller",
            Self::SellerDelete => "delete seller",
            Self::SellerLookUp => "look up seller",
            Self::PayoutRequest => "pay out",
            Self::PayoutCancel => "cancel payout",
            Self::PayoutLookUp => "look up payout",
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
    /// Until when asking again is pointless, where the code says.
    pub pause: Option<Pause>,
    /// What else it says, where a caller acts on it.
    pub means: Option<Meaning>,
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_operation_has_its_place_and_its_name() {
        for (place, operation) in Operation::ALL.into_iter().enumerate() {
            assert_eq!(operation as usize, place, "{operation:?}");
        }
        let names: BTreeSet<&str> = Operation::ALL.into_iter().map(Operation::name).collect();
        assert_eq!(names.len(), Operation::ALL.len());
    }
}
