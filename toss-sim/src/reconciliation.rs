//! What reconciliation asks for: transactions the same day, settlements from the next.
//!
//! Toss's test environment has no settlements; here they exist, so that a settlement run can be tried.
//! The fee and the cycle are those of [`Contract`]: unless it says otherwise 2.7 % plus VAT, sold daily, paid out two
//! business days later.

use chrono::{Datelike, Days, NaiveDate, TimeDelta, Weekday};
use serde_json::{Value, json};

use crate::codes::{Code, Language};
use crate::currency::Currency;
use crate::exchange::{Exchanged, FeeTaken};
use crate::options::{Contract, SettlementCycle};
use crate::payment::Status;
use crate::payment_json::{Setting, cancel_json, with_methods};
use crate::plants::{Plant, PlantKind};
use crate::till::{Kept, Transaction};
use crate::time::{Instant, korean_date, parse, with_offset};
use crate::world::{FIRST, World};

/// How many rows a page of a list has.
#[derive(Clone, Copy)]
pub(crate) struct PageSize {
    /// When the request does not say.
    pub(crate) usual: usize,
    /// At most.
    pub(crate) most: usize,
}

/// How many days a row comes late that is planted to be late.
pub(crate) const LATE_DAYS: u64 = 2;

const PAGE: PageSize = PageSize { usual: 100, most: 5_000 };

/// A query string's value, percent-decoded.
pub(crate) fn field(query: &str, name: &str) -> Option<String> {
    let address = reqwest::Url::parse(&format!("http://query/?{query}")).ok()?;
    let found = address.query_pairs().find(|(key, _)| key == name)?;
    Some(found.1.into_owned())
}

/// A query string with another value of a field.
pub(crate) fn with_field(query: &str, name: &str, value: &str) -> String {
    let Ok(mut address) = reqwest::Url::parse(&format!("http://query/?{query}")) else { return query.to_owned() };
    let others = address.query_pairs().filter(|(key, _)| key != name);
    let others: Vec<(String, String)> = others.map(|(key, value)| (key.into_owned(), value.into_owned())).collect();
    address.query_pairs_mut().clear().extend_pairs(others).append_pair(name, value);
    address.query().unwrap_or_default().to_owned()
}

/// Which page of settlements a query asks for, from 1.
pub(crate) fn page_number(query: &str) -> Result<usize, Code> {
    field(query, "page").map_or(Ok(1), |text| text.parse()).map_err(|_| Code::InvalidRequest)
}

pub(crate) fn limit(query: &str, name: &str, page: PageSize) -> Result<usize, Code> {
    let Some(text) = field(query, name) else { return Ok(page.usual) };
    let limit: usize = text.parse().map_err(|_| Code::InvalidRequest)?;
    match limit {
        0 => Err(Code::InvalidRequest),
        limit if limit <= page.most => Ok(limit),
        _ => Err(Code::ExceedMaxQueryLimit),
    }
}

/// The rows after the one `startingAfter` names, or all of them.
///
/// # Errors
/// `INVALID_PAGING_KEY`: no row is named so.
pub(crate) fn paged<T>(mut rows: Vec<T>, query: &str, name: impl Fn(&T) -> &str) -> Result<Vec<T>, Code> {
    if let Some(after) = field(query, "startingAfter") {
        let index = rows.iter().position(|row| name(row) == after);
        rows.drain(..=index.ok_or(Code::InvalidPagingKey)?);
    }
    Ok(rows)
}

fn instant(query: &str, name: &str) -> Result<Instant, Code> {
    let text = field(query, name).ok_or(Code::InvalidRequest)?;
    parse(&text).ok_or(Code::InvalidIsoDateFormat)
}

fn rows(world: &World, merchant: usize) -> impl Iterator<Item = (&Transaction, &Kept)> {
    world
        .till
        .transactions()
        .filter(move |transaction| transaction.merchant == merchant)
        .filter_map(|transaction| Some((transaction, world.till.get(&transaction.payment_key)?)))
}

/// `GET /v1/transactions`: one row per approval, per cancel, and of nothing per virtual account, by `transactionAt`.
///
/// # Errors
/// Toss's code for what is wrong with the query.
pub(crate) fn transactions(world: &World, merchant: usize, query: &str, language: Language) -> Result<Value, Code> {
    let (start, end) = (instant(query, "startDate")?, instant(query, "endDate")?);
    let limit = limit(query, "limit", PAGE)?;
    let at = |transaction: &Transaction, kept: &Kept| listed_at(world, transaction, kept);
    let listed =
        rows(world, merchant).filter(|(transaction, kept)| (start..=end).contains(&at(transaction, kept))).collect();
    let listed = paged(listed, query, |(transaction, _)| transaction.key.as_str())?;
    let public_url = &world.public_url;
    let shown = listed.into_iter().take(limit).map(|(transaction, kept)| {
        let merchant_id = world.setting(merchant, language, transaction.at).merchant_id;
        let plant = planted(world, kept);
        let is_other = plant == Some(PlantKind::OtherMethod);
        let method = kept.payment.method.map(|method| if is_other { method.other() } else { method });
        json!({
            "mId": merchant_id,
            "transactionKey": transaction.key,
            "paymentKey": transaction.payment_key,
            "orderId": kept.payment.order_id,
            "method": method.map(|method| method.name(language)),
            "customerKey": kept.payment.customer_key,
            "useEscrow": plant == Some(PlantKind::Escrow) || kept.payment.terms.use_escrow,
            "receiptUrl": format!("{public_url}/_window/receipts/{}", transaction.payment_key),
            "status": transaction.status.name(),
            "transactionAt": with_offset(at(transaction, kept)),
            "currency": kept.payment.currency.code(),
            "amount": kept.payment.currency.number(transaction.amount),
        })
    });
    Ok(Value::Array(shown.collect()))
}

fn planted(world: &World, kept: &Kept) -> Option<PlantKind> {
    world.plants.of_order(&kept.payment.order_id).map(|plant| plant.kind)
}

/// When the list says that a transaction was.
fn listed_at(world: &World, transaction: &Transaction, kept: &Kept) -> Instant {
    let is_approval = transaction.status == Status::Done;
    if is_approval && planted(world, kept) == Some(PlantKind::OtherDay) {
        transaction.at - TimeDelta::days(1)
    } else {
        transaction.at
    }
}

/// `GET /v1/settlements`: rows exist from the day after the transaction.
///
/// # Errors
/// Toss's code for what is wrong with the query.
pub(crate) fn settlements(
    world: &World,
    merchant: usize,
    query: &str,
    language: Language,
    now: Instant,
) -> Result<Value, Code> {
    let start = korean_date(instant(query, "startDate")?);
    let end = korean_date(instant(query, "endDate")?);
    let size = limit(query, "size", PAGE)?;
    let by_payout = match field(query, "dateType").as_deref() {
        None | Some("soldDate") => false,
        Some("paidOutDate") => true,
        Some(_) => return Err(Code::InvalidRequest),
    };
    let skipped = page_number(query)?.checked_sub(1).ok_or(Code::InvalidRequest)?.saturating_mul(size);
    let today = korean_date(now);
    let listed = settlement_rows(world, merchant).filter(|row| {
        let wanted = if by_payout { row.paid_out } else { row.sold };
        row.appears <= today && start <= wanted && wanted <= end
    });
    let listed = listed.flat_map(|row| std::iter::repeat_n(row.clone(), row.copies));
    let setting = world.setting(merchant, language, now);
    let shown = listed.skip(skipped).take(size).map(|row| row.json(setting));
    Ok(Value::Array(shown.collect()))
}

/// Won that settlements pay out on the days that are wanted; less than nothing when more was cancelled. Payouts are
/// won: what is settled in another currency goes to the merchant's bank, and what is exchanged into won to the balance
/// of the contract in won.
pub(crate) fn settled(world: &World, merchant: usize, is_wanted: impl Fn(NaiveDate) -> bool) -> i64 {
    // A row that is late is paid late.
    let paid = |row: &SettlementRow<'_>| row.paid_out.max(row.appears_late.unwrap_or(row.paid_out));
    let is_in_won = world.merchant_in(Currency::Krw) == Some(merchant);
    let has_exchanged =
        |other: &usize| *other == merchant || is_in_won && world.exchanges.knows(world.currency_of(*other));
    let merchants = (0..world.merchants.len()).filter(has_exchanged);
    let rows = merchants.flat_map(|other| settlement_rows(world, other));
    rows.filter(|row| is_wanted(paid(row))).map(|row| row.paid_in_won()).sum()
}

/// One row of the settlement list.
#[derive(Clone)]
struct SettlementRow<'a> {
    transaction_key: &'a str,
    payment_key: &'a str,
    order_id: &'a str,
    /// The payment; a lump has none.
    kept: Option<&'a Kept>,
    /// Of every amount.
    currency: Currency,
    settled: Settled,
    /// What it was exchanged into, in won.
    exchanged: Option<Exchanged>,
    sold: NaiveDate,
    paid_out: NaiveDate,
    /// The first day on which the row is listed.
    appears: NaiveDate,
    appears_late: Option<NaiveDate>,
    copies: usize,
}

/// Every row there is or will be: one for each approval and cancel, and what was planted.
fn settlement_rows(world: &World, merchant: usize) -> impl Iterator<Item = SettlementRow<'_>> {
    // The row of an account that was opened settles nothing.
    let of_payments = rows(world, merchant)
        .filter(|(transaction, _)| transaction.amount > 0)
        .filter_map(|(transaction, kept)| SettlementRow::of_transaction(world, transaction, kept));
    let lumps = world.plants.lumps().filter(move |_| merchant == FIRST);
    of_payments.chain(lumps.map(|plant| SettlementRow::of_lump(world, plant)))
}

impl<'a> SettlementRow<'a> {
    /// The row of an approval or a cancel; none if it is planted to be missing.
    fn of_transaction(world: &World, transaction: &'a Transaction, kept: &'a Kept) -> Option<Self> {
        let mut settled = Settled::of(transaction, kept, &world.contract);
        let sold = world.contract.sold(korean_date(transaction.at));
        let (mut appears_late, mut copies) = (None, 1);
        // What is wrong is wrong with the approval's row, but for a fee that is kept.
        let plant = world.plants.of_order(&kept.payment.order_id);
        let plant = plant.filter(|plant| (settled.sign > 0) != (plant.kind == PlantKind::FeeKept));
        match plant.map(|plant| (plant.kind, plant.amount)) {
            Some((PlantKind::MissingRow, _)) => return None,
            Some((PlantKind::WrongFee, too_high)) => settled.fee = (settled.fee + too_high).min(settled.amount),
            Some((PlantKind::LateRow, _)) => {
                appears_late = korean_date(transaction.at).checked_add_days(Days::new(1 + LATE_DAYS));
            }
            Some((PlantKind::RowTwice, _)) => copies = 2,
            Some((PlantKind::FeeKept, _)) => settled.fee = 0,
            Some((PlantKind::WrongAmount, too_high)) => {
                settled.amount += too_high;
                settled.fee = world.contract.fee_on(settled.amount);
            }
            Some((
                PlantKind::Lump
                | PlantKind::ForeignPayment
                | PlantKind::OtherMethod
                | PlantKind::Escrow
                | PlantKind::OtherDay,
                _,
            ))
            | None => {}
        }
        let exchange = world.exchanges.at(kept.payment.currency, transaction.at);
        let exchanged = exchange.map(|exchange| {
            let fee_of = |amount: u64| if settled.fee == 0 { 0 } else { world.contract.fee_on(amount) };
            if exchange.fee == FeeTaken::Before {
                return exchange.of(settled.amount.saturating_sub(settled.fee), fee_of);
            }
            let exchanged = exchange.of(settled.amount, fee_of);
            settled.fee = 0;
            exchanged
        });
        Some(Self {
            transaction_key: &transaction.key,
            payment_key: &transaction.payment_key,
            order_id: &kept.payment.order_id,
            kept: Some(kept),
            currency: kept.payment.currency,
            settled,
            exchanged,
            sold,
            paid_out: world.contract.paid_out(sold),
            appears: appears_late.unwrap_or_else(|| day_after(korean_date(transaction.at))),
            appears_late,
            copies,
        })
    }

    fn of_lump(world: &World, plant: &'a Plant) -> Self {
        let day = korean_date(plant.planted_at);
        let sold = world.contract.sold(day);
        Self {
            transaction_key: &plant.key,
            payment_key: &plant.key,
            order_id: &plant.order_id,
            kept: None,
            currency: Currency::Krw,
            settled: Settled { sign: 1, amount: plant.amount, fee: 0 },
            exchanged: None,
            sold,
            paid_out: world.contract.paid_out(sold),
            appears: day_after(day),
            appears_late: None,
            copies: 1,
        }
    }

    /// Won that it pays into the balance.
    fn paid_in_won(&self) -> i64 {
        match (&self.exchanged, self.currency) {
            (Some(exchanged), _) => self.given(exchanged).pay_out(),
            (None, Currency::Krw) => self.settled.pay_out(),
            (None, Currency::Usd | Currency::Jpy) => 0,
        }
    }

    /// What an exchange gave, with the sign of the row.
    const fn given(&self, exchanged: &Exchanged) -> Settled {
        Settled { sign: self.settled.sign, amount: exchanged.amount, fee: exchanged.fee }
    }

    /// What an exchange gave, in the names of a row.
    fn exchange_json(&self, exchanged: &Exchanged) -> Value {
        let given = self.given(exchanged);
        json!({
            "currency": Currency::Krw.code(),
            "rate": exchanged.rate.number(),
            "amount": given.signed(given.amount),
            "fee": given.signed(given.fee),
            "supplyAmount": given.signed(given.fee - given.vat()),
            "vat": given.signed(given.vat()),
            "payOutAmount": given.pay_out(),
        })
    }

    fn json(&self, setting: Setting<'_>) -> Value {
        let payment = self.kept.map(|kept| &kept.payment);
        let cancels = payment.map(|payment| payment.cancels.as_slice()).unwrap_or_default();
        let cancel = cancels.iter().find(|cancel| cancel.transaction_key == self.transaction_key);
        let settled = &self.settled;
        let number = |minor| self.currency.signed_number(minor);
        let mut shown = json!({
            "mId": setting.merchant_id,
            "paymentKey": self.payment_key,
            "transactionKey": self.transaction_key,
            "orderId": self.order_id,
            "currency": self.currency.code(),
            "method": payment.and_then(|payment| payment.method).map(|method| method.name(setting.language)),
            "amount": number(settled.signed(settled.amount)),
            "interestFee": 0,
            "fees": [{ "type": "BASE", "fee": number(settled.signed(settled.fee)) }],
            "fee": number(settled.signed(settled.fee)),
            "supplyAmount": number(settled.signed(settled.fee - settled.vat())),
            "vat": number(settled.signed(settled.vat())),
            "payOutAmount": number(settled.pay_out()),
            "approvedAt": payment.and_then(|payment| payment.approved_at).map(with_offset),
            "soldDate": self.sold.to_string(),
            "paidOutDate": self.paid_out.to_string(),
            "cancel": cancel.map(|cancel| cancel_json(cancel, self.currency)),
        });
        if let (Some(exchanged), Some(fields)) = (&self.exchanged, shown.as_object_mut()) {
            fields.insert("exchange".to_owned(), self.exchange_json(exchanged));
        }
        match payment {
            Some(payment) => with_methods(shown, payment, setting),
            None => shown,
        }
    }
}

fn day_after(day: NaiveDate) -> NaiveDate {
    day.succ_opt().unwrap_or(day)
}

impl Contract {
    /// The fee on an amount, its tax included. The rate is in thousandths without the tax of a tenth.
    const fn fee_on(&self, amount: u64) -> u64 {
        amount * self.fee_per_mille * 11 / 10_000
    }

    /// The `soldDate` of a payment of that day.
    fn sold(&self, paid: NaiveDate) -> NaiveDate {
        let last = match self.cycle {
            SettlementCycle::Daily => Some(paid),
            SettlementCycle::Weekly => {
                paid.checked_add_days(Days::new((7 - u64::from(paid.weekday().num_days_from_sunday())) % 7))
            }
            SettlementCycle::Monthly => paid.with_day(u32::from(paid.num_days_in_month())),
        };
        last.unwrap_or(paid)
    }

    /// The `paidOutDate` of what was sold on that day.
    fn paid_out(&self, sold: NaiveDate) -> NaiveDate {
        let business_days =
            sold.iter_days().skip(1).filter(|day| !matches!(day.weekday(), Weekday::Sat | Weekday::Sun));
        let days = usize::try_from(self.payout_days).unwrap_or(usize::MAX);
        days.checked_sub(1).and_then(|index| business_days.into_iter().nth(index)).unwrap_or(sold)
    }
}

/// What one transaction comes to, in minor units: below nothing when it undoes an approval.
#[derive(Clone)]
struct Settled {
    sign: i64,
    amount: u64,
    /// The fee with its value added tax.
    fee: u64,
}

impl Settled {
    fn of(transaction: &Transaction, kept: &Kept, contract: &Contract) -> Self {
        let is_cancel = kept.payment.cancels.iter().any(|cancel| cancel.transaction_key == transaction.key);
        // A cancel, or a bank that takes a deposit back, undoes what the approval paid out.
        let is_reversal = is_cancel || transaction.status == Status::WaitingForDeposit;
        let fee = contract.fee_on(transaction.amount);
        Self { sign: if is_reversal { -1 } else { 1 }, amount: transaction.amount, fee }
    }

    fn signed(&self, amount: u64) -> i64 {
        i64::try_from(amount).map_or(i64::MAX, |amount| amount) * self.sign
    }

    /// The value added tax of the fee: an eleventh, rounded half up, as the recorded rows of Toss have it.
    fn vat(&self) -> u64 {
        (2 * self.fee + 11) / 22
    }

    fn pay_out(&self) -> i64 {
        self.signed(self.amount.saturating_sub(self.fee))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two recorded rows of Toss.
    #[test]
    fn the_tax_is_an_eleventh_of_the_fee() {
        for (amount, fee, supply, vat, pay_out) in [(99_800, 2_250, 2_045, 205, 97_550), (34_000, 860, 782, 78, 33_140)]
        {
            let settled = Settled { sign: 1, amount, fee };
            assert_eq!((settled.fee - settled.vat(), settled.vat(), settled.pay_out()), (supply, vat, pay_out));
        }
    }

    #[test]
    fn sold_and_paid_out_by_the_contract() {
        let date = |text: &str| text.parse::<NaiveDate>().unwrap();
        let (daily, weekly, monthly) = (SettlementCycle::Daily, SettlementCycle::Weekly, SettlementCycle::Monthly);
        for (cycle, payout_days, paid, sold, paid_out) in [
            // A Saturday.
            (daily, 2, "2026-11-21", "2026-11-21", "2026-11-24"),
            (daily, 0, "2026-11-21", "2026-11-21", "2026-11-21"),
            (daily, 2, "2026-11-17", "2026-11-17", "2026-11-19"),
            (weekly, 2, "2026-11-21", "2026-11-22", "2026-11-24"),
            (weekly, 2, "2026-11-22", "2026-11-22", "2026-11-24"),
            (weekly, 2, "2026-11-23", "2026-11-29", "2026-12-01"),
            (monthly, 3, "2026-02-03", "2026-02-28", "2026-03-04"),
            (monthly, 1, "2026-12-31", "2026-12-31", "2027-01-01"),
        ] {
            let contract = Contract { cycle, payout_days, ..Contract::default() };
            assert_eq!(contract.sold(date(paid)), date(sold), "{cycle:?} {paid}");
            assert_eq!(contract.paid_out(date(sold)), date(paid_out), "{cycle:?} {paid}");
        }
    }
}
