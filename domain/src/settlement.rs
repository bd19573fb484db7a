//! Settlements: what the PSP pays us for each approval and each cancellation, and what it keeps.
//!
//! Every amount of a row has the sign that the PSP wrote. A cancellation is a row of its own with amounts below zero;
//! it is booked by its own signs, never as the reverse of the approval, because each row is rounded by itself.
//!
//! A sale in one currency that the PSP pays in another is two entries with one reference, one in each currency, because
//! an entry has one currency. Between them stands `fx:trading`: in the currency of the sale what the PSP took to
//! exchange it, in the other what it gave for that. The amounts are the PSP's; no rate of ours has a part in them.

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

/// What the PSP gave for what it took of a sale in another currency: the amount, and what became of it. All amounts are
/// in the currency that the PSP pays in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exchange {
    /// What the PSP gave for [`SettlementRow::pay_out`].
    pub amount: Flow,
    /// What the PSP pays us of it.
    pub pay_out: Flow,
    /// The fee without its tax, where the PSP takes its fee after the exchange.
    pub supply: Flow,
    /// The value-added tax of that fee.
    pub vat: Flow,
}

impl Exchange {
    /// The currency of all amounts.
    pub const fn currency(&self) -> Currency {
        self.amount.amount().currency()
    }

    /// The fee that was taken after the exchange, with its tax, in minor units with a sign.
    pub const fn fee(&self) -> i64 {
        self.supply.signed() + self.vat.signed()
    }
}

/// A fee, and the amount that it was taken of: both in the currency in which the PSP took the fee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenFee {
    /// What the fee was taken of.
    pub of: Flow,
    /// The fee with its tax, in minor units with a sign.
    pub minor: i64,
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
    /// What the PSP pays us of it, or exchanges.
    pub pay_out: Flow,
    /// The fee without its tax.
    pub supply: Flow,
    /// The value-added tax of the fee.
    pub vat: Flow,
    /// What the PSP made of it in another currency, where it pays in another than the buyer.
    pub exchange: Option<Exchange>,
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
    /// An exchange of a currency for itself.
    #[error("the row is exchanged into its own currency")]
    ExchangedForItself,
    /// An exchange that gives, or takes, in both currencies.
    #[error("the exchange of the row moves both currencies in one direction")]
    OneSidedExchange,
    /// A fee in both currencies.
    #[error("the fee of the row is taken before the exchange and after it")]
    FeeTwice,
}

impl SettlementRow {
    /// Checks that the row explains its amounts to the minor unit.
    pub fn check(&self) -> Result<(), RowError> {
        add_up(self.amount, [self.pay_out, self.supply, self.vat])?;
        let Some(exchange) = &self.exchange else { return Ok(()) };
        add_up(exchange.amount, [exchange.pay_out, exchange.supply, exchange.vat])?;
        if exchange.currency() == self.currency() {
            return Err(RowError::ExchangedForItself);
        }
        let [taken, given] = [self.pay_out, exchange.amount].map(|flow| flow.signed().signum());
        if given != 0 && given != taken {
            return Err(RowError::OneSidedExchange);
        }
        if self.fee() != 0 && exchange.fee() != 0 { Err(RowError::FeeTwice) } else { Ok(()) }
    }

    /// The currency in which the buyer paid: of all amounts but those of the exchange.
    pub const fn currency(&self) -> Currency {
        self.amount.amount().currency()
    }

    /// The fee in the currency of the sale with its tax, in minor units with a sign.
    pub const fn fee(&self) -> i64 {
        self.supply.signed() + self.vat.signed()
    }

    /// The fee, in the currency in which the PSP took it.
    pub fn taken_fee(&self) -> TakenFee {
        match &self.exchange {
            Some(exchange) if exchange.fee() != 0 => TakenFee { of: exchange.amount, minor: exchange.fee() },
            Some(_) | None => TakenFee { of: self.amount, minor: self.fee() },
        }
    }

    /// The key of the entry of a row that is booked by itself.
    pub fn entry_key(transaction_key: &str) -> String {
        Reason::PspSettled.key(transaction_key)
    }

    /// When the row counts as settled. A contract may sell a payment on a day that has not come yet.
    pub fn settled_at(&self, now: Timestamp) -> Timestamp {
        self.sold_on.start().min(now)
    }

    /// Whether the row moves no money, so that there is nothing to book.
    pub const fn moves_nothing(&self) -> bool {
        self.pay_out.amount().is_zero() && self.supply.amount().is_zero() && self.vat.amount().is_zero()
    }

    /// The entry of the row in the currency that the PSP pays in, where that is another one. Both entries of a row are
    /// booked in one transaction.
    pub fn exchange_entry(&self, settled_at: Timestamp) -> Result<Option<Entry>, EntryError> {
        let Some(exchange) = &self.exchange else { return Ok(None) };
        let parts = [
            (Account::PspPayoutBalance, vec![exchange.pay_out]),
            (Account::PspFees, vec![exchange.supply]),
            (Account::InputVat, vec![exchange.vat]),
        ];
        let postings = postings(&parts, &Account::FxTrading, exchange.currency())?;
        entry_with(Reason::PspExchanged.key(&self.transaction_key), Reason::PspExchanged, postings, settled_at)
    }
}

/// The entry of rows that are booked together in the currency of the sale, each by its own signs: what comes in and
/// what goes out is summed apart. Nothing where no row moves anything. A row that is exchanged is booked by itself.
///
/// A row by itself gives the entry its name, `psp_settled:KEY`; several are named by the day of sale, the first of them
/// and their number, `psp_settled:DAY.KEY.NUMBER`: a row is booked once, so no other entry has that name.
pub fn entry_of(rows: &[&SettlementRow], counter: Counter, settled_at: Timestamp) -> Result<Option<Entry>, EntryError> {
    let Some(first) = rows.first() else { return Ok(None) };
    let paid_into = if first.exchange.is_some() { Account::FxTrading } else { Account::PspPayoutBalance };
    let parts = [
        (paid_into, rows.iter().map(|row| row.pay_out).collect()),
        (Account::PspFees, rows.iter().map(|row| row.supply).collect()),
        (Account::InputVat, rows.iter().map(|row| row.vat).collect()),
    ];
    let postings = postings(&parts, &counter.account(), first.currency())?;
    let key = match rows {
        [alone] => SettlementRow::entry_key(&alone.transaction_key),
        several => SettlementRow::entry_key(&format!("{}.{}.{}", first.sold_on, first.transaction_key, several.len())),
    };
    entry_with(key, Reason::PspSettled, postings, settled_at)
}

/// The postings of each account against another: one for all that comes in, and one for all that goes out.
fn postings(parts: &[(Account, Vec<Flow>)], counter: &Account, currency: Currency) -> Result<Vec<Posting>, EntryError> {
    let mut postings = Vec::with_capacity(2 * parts.len());
    for (account, flows) in parts {
        let (mut comes_in, mut goes_out) = (Money::zero(currency), Money::zero(currency));
        for flow in flows {
            let (sum, amount) = match flow {
                Flow::In(amount) => (&mut comes_in, *amount),
                Flow::Out(amount) => (&mut goes_out, *amount),
            };
            *sum = sum.plus(amount).map_err(sum_error)?;
        }
        let directions = [(comes_in, account, counter), (goes_out, counter, account)];
        for (amount, debit, credit) in directions.into_iter().filter(|(amount, ..)| !amount.is_zero()) {
            let (debit, credit) = (debit.clone(), credit.clone());
            postings.push(Posting::try_new(PostingFields { debit, credit, amount, order: None })?);
        }
    }
    Ok(postings)
}

/// About no checkout: what the PSP settles does not change what it took and gave back.
fn entry_with(
    key: String,
    reason: Reason,
    postings: Vec<Posting>,
    occurred_at: Timestamp,
) -> Result<Option<Entry>, EntryError> {
    if postings.is_empty() {
        return Ok(None);
    }
    Entry::try_new(EntryFields { key, reason, checkout_id: None, reverses: None, occurred_at, postings }).map(Some)
}

const fn sum_error(error: MoneyError) -> EntryError {
    match error {
        MoneyError::MixedCurrencies(..) => EntryError::MixedCurrencies,
        _ => EntryError::TooLarge,
    }
}

/// Refuses parts that are not their amount.
fn add_up(amount: Flow, parts: [Flow; 3]) -> Result<(), RowError> {
    let currency = amount.amount().currency();
    if parts.iter().any(|part| part.amount().currency() != currency) {
        return Err(RowError::MixedCurrencies);
    }
    let sum: i64 = parts.iter().map(|part| part.signed()).sum();
    if sum == amount.signed() { Ok(()) } else { Err(RowError::DoesNotAddUp) }
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

/// The fee of a contract with the PSP, its tax included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeeContract {
    /// Ten-thousandths of the amount.
    pub bps: u32,
}

impl FeeContract {
    /// The fee on an amount, in minor units with its sign.
    pub fn fee_on(self, amount: Flow) -> i64 {
        let fee = amount.amount().share(u64::from(self.bps), BASIS_POINTS).minor().cast_signed();
        match amount {
            Flow::In(_) => fee,
            Flow::Out(_) => -fee,
        }
    }

    /// Whether a row's fee is the contract's, but for the rounding of one row.
    pub fn explains(self, row: &SettlementRow) -> bool {
        let fee = row.taken_fee();
        fee.minor.abs_diff(self.fee_on(fee.of)) <= FEE_ROUNDING
    }
}

/// The contracts with the PSP: there is one for each currency in which buyers pay. Of a currency without one, fees are
/// not judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FeeContracts([Option<FeeContract>; Currency::ALL.len()]);

impl FeeContracts {
    /// These, and a contract in a currency.
    #[must_use]
    pub const fn with(mut self, currency: Currency, contract: FeeContract) -> Self {
        self.0[currency as usize] = Some(contract);
        self
    }

    /// The contract in the currency of a sale.
    pub const fn of(self, currency: Currency) -> Option<FeeContract> {
        self.0[currency as usize]
    }
}
