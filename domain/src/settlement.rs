//! Settlements: what the PSP pays us for each approval and each cancellation, and what it keeps.
//!
//! Every amount of a row has the sign that the PSP wrote. A cancellation is a row of its own with amounts below zero;
//! it is booked by its own signs, never as the reverse of the approval, because each row is rounded by itself.

use alloc::{format, string::String, vec, vec::Vec};
use core::fmt::Display;

use crate::{
    Currency, Money, Timestamp,
    calendar::Day,
    ledger::{Account, Entry, EntryError, EntryFields, Posting, PostingFields, Reason},
    money::MoneyError,
};

/// The parts of a fee with value-added tax of which the tax is one part. Source: recorded rows of Toss; 205 of 2,250.
const VAT_PARTS: u64 = 11;
/// The parts of an amount in which a rate is written.
const BASIS_POINTS: u64 = 10_000;
/// How far the PSP's rounding may take the fee of one row from the contract, in minor units.
const FEE_ROUNDING: u64 = 1;

/// An amount with the direction in which it moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Towards us.
    In(Money),
    /// Away from us.
    Out(Money),
}

impl Flow {
    /// Reads minor units with a sign.
    pub fn of_signed(minor: i64, currency: Currency) -> Result<Self, MoneyError> {
        let amount = Money::try_from_minor(minor.unsigned_abs(), currency)?;
        Ok(if minor < 0 { Self::Out(amount) } else { Self::In(amount) })
    }

    /// How much it is, whichever way it moves.
    pub const fn amount(self) -> Money {
        match self {
            Self::In(amount) | Self::Out(amount) => amount,
        }
    }

    /// The amount as a decimal text, with a minus sign where it moves away from us.
    pub fn to_decimal_string(self) -> String {
        let sign = if self.signed() < 0 { "-" } else { "" };
        format!("{sign}{}", self.amount().to_decimal_string())
    }

    /// Minor units; below zero where it moves away from us.
    pub const fn signed(self) -> i64 {
        // Money is at most 2^53 − 1.
        let minor = self.amount().minor().cast_signed();
        match self {
            Self::In(_) => minor,
            Self::Out(_) => -minor,
        }
    }

    /// The same amount in the other direction.
    pub const fn reversed(self) -> Self {
        match self {
            Self::In(amount) => Self::Out(amount),
            Self::Out(amount) => Self::In(amount),
        }
    }
}

/// What a row settles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowKind {
    /// A payment that was approved.
    Approval,
    /// A cancellation, or a deposit that the bank took back.
    Cancel,
}

impl RowKind {
    /// The kind as the database writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approval => "APPROVAL",
            Self::Cancel => "CANCEL",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Approval, Self::Cancel].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// The account on the other side of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter {
    /// A payment of ours, which the PSP owed us.
    Receivable,
    /// Nothing of ours explains the row.
    Suspense,
}

impl Counter {
    /// The counter account as the database writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Receivable => "RECEIVABLE",
            Self::Suspense => "SUSPENSE",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Receivable, Self::Suspense].into_iter().find(|counter| counter.as_str() == text)
    }

    const fn account(self) -> Account {
        match self {
            Self::Receivable => Account::PspReceivable,
            Self::Suspense => Account::Suspense,
        }
    }
}

/// A row as the PSP wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettlementRow {
    /// The PSP's name of the row: the key under which it is booked once.
    pub transaction_key: String,
    /// The PSP's name of the payment.
    pub payment_key: String,
    /// The order that the payment names: a checkout of ours, or nothing of ours.
    pub order: String,
    /// What the row settles.
    pub kind: RowKind,
    /// What the buyer paid, or got back.
    pub amount: Flow,
    /// What the PSP pays us of it.
    pub pay_out: Flow,
    /// The fee without its tax.
    pub supply: Flow,
    /// The value-added tax of the fee.
    pub vat: Flow,
    /// The day that the row counts for, by contract.
    pub sold_on: Day,
    /// The day on which the PSP pays.
    pub paid_out_on: Day,
    /// When the buyer paid.
    pub approved_at: Option<Timestamp>,
    /// How the buyer paid, in the PSP's words.
    pub method: Option<String>,
    /// The PSP's name of the merchant.
    pub merchant_id: Option<String>,
}

/// Why a row cannot be booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// Amounts of two currencies.
    #[error("the amounts of the row are in two currencies")]
    MixedCurrencies,
    /// Payout, fee and tax are not the amount.
    #[error("payout, fee and tax of the row do not add up to its amount")]
    DoesNotAddUp,
}

impl SettlementRow {
    /// Checks that the row explains its amount to the minor unit.
    pub fn check(&self) -> Result<(), RowError> {
        let currency = self.currency();
        let parts = [self.pay_out, self.supply, self.vat];
        if parts.iter().any(|part| part.amount().currency() != currency) {
            return Err(RowError::MixedCurrencies);
        }
        let sum: i64 = parts.iter().map(|part| part.signed()).sum();
        if sum == self.amount.signed() { Ok(()) } else { Err(RowError::DoesNotAddUp) }
    }

    /// The currency of all amounts.
    pub const fn currency(&self) -> Currency {
        self.amount.amount().currency()
    }

    /// The whole fee with its tax, in minor units with a sign.
    pub const fn fee(&self) -> i64 {
        self.supply.signed() + self.vat.signed()
    }

    /// The key of the entry of a row that is booked by itself.
    pub fn entry_key(transaction_key: &str) -> String {
        Reason::PspSettled.key(transaction_key)
    }

    /// Whether the row moves no money, so that there is nothing to book.
    pub const fn moves_nothing(&self) -> bool {
        self.pay_out.amount().is_zero() && self.supply.amount().is_zero() && self.vat.amount().is_zero()
    }
}

/// The entry of rows that are booked together, each by its own signs: what comes in and what goes out is summed apart.
/// Nothing where no row moves anything.
///
/// A row by itself gives the entry its name, `psp_settled:KEY`; several are named by the day of sale, the first of them
/// and their number, `psp_settled:DAY.KEY.NUMBER`: a row is booked once, so no other entry has that name.
pub fn entry_of(rows: &[&SettlementRow], counter: Counter, settled_at: Timestamp) -> Result<Option<Entry>, EntryError> {
    let Some(first) = rows.first() else { return Ok(None) };
    let other = counter.account();
    let parts: [(Account, fn(&SettlementRow) -> Flow); 3] = [
        (Account::PspPayoutBalance, |row| row.pay_out),
        (Account::PspFees, |row| row.supply),
        (Account::InputVat, |row| row.vat),
    ];
    let mut postings = Vec::with_capacity(2 * parts.len());
    for (account, part) in parts {
        let (mut comes_in, mut goes_out) = (Money::zero(first.currency()), Money::zero(first.currency()));
        for row in rows {
            let (sum, amount) = match part(row) {
                Flow::In(amount) => (&mut comes_in, amount),
                Flow::Out(amount) => (&mut goes_out, amount),
            };
            *sum = sum.plus(amount).map_err(sum_error)?;
        }
        let directions = [(comes_in, &account, &other), (goes_out, &other, &account)];
        for (amount, debit, credit) in directions.into_iter().filter(|(amount, ..)| !amount.is_zero()) {
            let (debit, credit) = (debit.clone(), credit.clone());
            postings.push(Posting::try_new(PostingFields { debit, credit, amount, order: None })?);
        }
    }
    if postings.is_empty() {
        return Ok(None);
    }
    let key = match rows {
        [alone] => SettlementRow::entry_key(&alone.transaction_key),
        several => SettlementRow::entry_key(&format!("{}.{}.{}", first.sold_on, first.transaction_key, several.len())),
    };
    // About no checkout: what the PSP settles does not change what it took and gave back.
    let entry = Entry::try_new(EntryFields {
        key,
        reason: Reason::PspSettled,
        checkout_id: None,
        reverses: None,
        occurred_at: settled_at,
        postings,
    })?;
    Ok(Some(entry))
}

const fn sum_error(error: MoneyError) -> EntryError {
    match error {
        MoneyError::MixedCurrencies(..) => EntryError::MixedCurrencies,
        _ => EntryError::TooLarge,
    }
}

/// The rows of a payment whose amounts come to nothing: it was given back in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CanceledRows {
    /// How many rows it has.
    pub rows: u64,
    /// What their fees without tax come to, in minor units with a sign.
    pub supply: i64,
    /// What the tax of their fees comes to.
    pub vat: i64,
}

impl CanceledRows {
    /// What rounding left over of the fees: each row is rounded by itself, so it is at most one minor unit of each row.
    /// More than that is a fee that was kept.
    pub const fn residue(self) -> Option<i64> {
        let is_rounding = self.supply.unsigned_abs() <= self.rows && self.vat.unsigned_abs() <= self.rows;
        if is_rounding && self.supply != 0 { Some(self.supply) } else { None }
    }
}

/// The entry that moves what rounding left over of the PSP's fees. The tax stays where the PSP's invoice says.
pub fn rounding_entry(reference: impl Display, residue: Flow, at: Timestamp) -> Result<Entry, EntryError> {
    let (debit, credit) = match residue {
        Flow::In(_) => (Account::Rounding, Account::PspFees),
        Flow::Out(_) => (Account::PspFees, Account::Rounding),
    };
    Entry::try_new(EntryFields {
        key: Reason::RoundingBooked.key(reference),
        reason: Reason::RoundingBooked,
        checkout_id: None,
        reverses: None,
        occurred_at: at,
        postings: vec![Posting::try_new(PostingFields { debit, credit, amount: residue.amount(), order: None })?],
    })
}

/// The value-added tax in a fee: an eleventh, rounded half up. Source: two recorded rows of Toss.
pub const fn vat_in(fee_minor: u64) -> u64 {
    (2 * fee_minor + VAT_PARTS) / (2 * VAT_PARTS)
}

/// The fee of the contract with the PSP, its tax included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeeContract {
    /// Ten-thousandths of the amount.
    pub bps: u32,
}

impl FeeContract {
    /// Whether a row's fee is the contract's, but for the rounding of one row.
    pub fn explains(self, row: &SettlementRow) -> bool {
        let expected = row.amount.amount().share(u64::from(self.bps), BASIS_POINTS).minor().cast_signed();
        let expected = match row.amount {
            Flow::In(_) => expected,
            Flow::Out(_) => -expected,
        };
        row.fee().abs_diff(expected) <= FEE_ROUNDING
    }
}
