//! What the formats share: the sides of a posting, references, and the names of accounts.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    Currency,
    ledger::{Account, AccountClass, Entry},
};
use store::BookedEntry;

/// The accounts that were ever moved, each with its currencies.
pub(super) type Accounts = BTreeMap<Account, BTreeSet<Currency>>;

/// One side of a posting: whose balance changes, and by how much; a credit is below zero.
pub(super) struct Change<'a> {
    pub(super) account: &'a Account,
    pub(super) amount: String,
    pub(super) order: Option<&'a str>,
}

/// Both sides of each posting.
pub(super) fn changes(booked: &BookedEntry) -> impl Iterator<Item = Change<'_>> {
    booked.entry.fields().postings.iter().flat_map(|posting| {
        let posting = posting.fields();
        let order = posting.order.as_ref().map(|order| order.as_str());
        let amount = posting.amount.to_string();
        let credit = Change { account: &posting.credit, amount: format!("-{amount}"), order };
        [Change { account: &posting.debit, amount, order }, credit]
    })
}

/// An entry's key without its reason.
pub(super) fn reference(entry: &Entry) -> &str {
    let fields = entry.fields();
    let rest = fields.key.strip_prefix(fields.reason.as_str()).and_then(|rest| rest.strip_prefix(':'));
    rest.unwrap_or(&fields.key)
}

/// An account in the grammar of Beancount, which is the narrower one: parts begin with a capital letter or a digit
/// and hold letters, digits and `-`. `seller:seller-a:pending` is `Liabilities:Seller-seller-a:Pending`.
pub(super) fn ledger_name(account: &Account) -> String {
    let class = match account.class() {
        AccountClass::Asset => "Assets",
        AccountClass::Liability => "Liabilities",
        AccountClass::Income => "Income",
        AccountClass::Expense => "Expenses",
        AccountClass::Equity => "Equity",
    };
    let rest = match account {
        Account::PspReceivable => "Psp:Receivable".to_owned(),
        Account::Bank => "Bank".to_owned(),
        Account::PspPayoutBalance => "Psp:PayoutBalance".to_owned(),
        Account::InputVat => "Vat:Input".to_owned(),
        Account::OutputVat => "Vat:Output".to_owned(),
        Account::SweepInTransit => "Platform:SweepInTransit".to_owned(),
        Account::Rounding => "Recon:Rounding".to_owned(),
        Account::FxTrading => "Fx:Trading".to_owned(),
        Account::SellerDebt(seller) => format!("Seller-{}:Debt", part(seller.as_str())),
        Account::SellerPending(seller) => format!("Seller-{}:Pending", part(seller.as_str())),
        Account::SellerAvailable(seller) => format!("Seller-{}:Available", part(seller.as_str())),
        Account::SellerHeld(seller) => format!("Seller-{}:Held", part(seller.as_str())),
        Account::PayoutInTransit(seller) => format!("Seller-{}:InTransit", part(seller.as_str())),
        Account::RefundsPayable => "Refunds:Payable".to_owned(),
        Account::Suspense => "Suspense".to_owned(),
        Account::PlatformCommission => "Platform:Commission".to_owned(),
        Account::PspFees => "Psp:Fees".to_owned(),
    };
    format!("{class}:{rest}")
}

/// A seller's name without the characters that are not allowed: `_` is `Zu`, `.` is `Zd`, and `Z` itself `Zz`, so
/// that two names never become one.
fn part(seller: &str) -> String {
    let mut text = String::with_capacity(seller.len());
    for character in seller.chars() {
        match character {
            '_' => text.push_str("Zu"),
            '.' => text.push_str("Zd"),
            'Z' => text.push_str("Zz"),
            plain => text.push(plain),
        }
    }
    text
}
