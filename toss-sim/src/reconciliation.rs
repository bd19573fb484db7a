//! What reconciliation asks for: transactions the same day, settlements from the next.
//!
//! Toss's test environment has no settlements; here they exist, so that a settlement run can be tried.
//! The fee and the cycle are those of [`Contract`]: unless it says otherwise 2.7 % plus VAT, sold daily, paid out two
//! business days later.

use chrono::{Datelike, Days, NaiveDate, Weekday};
use serde_json::{Value, json};

use crate::codes::{Code, Language};
use crate::options::{Contract, SettlementCycle};
use crate::payment::Status;
use crate::payment_json::{Setting, cancel_json, with_methods};
use crate::till::{Kept, Transaction};
use crate::time::{Instant, korean_date, parse, with_offset};
use crate::world::World;

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 5_000;

/// A query string's value, percent-decoded.
fn field(query: &str, name: &str) -> Option<String> {
    let address = reqwest::Url::parse(&format!("http://query/?{query}")).ok()?;
    let found = address.query_pairs().find(|(key, _)| key == name)?;
    Some(found.1.into_owned())
}

pub(crate) fn limit(query: &str, name: &str) -> Result<usize, Code> {
    let Some(text) = field(query, name) else { return Ok(DEFAULT_LIMIT) };
    let limit: usize = text.parse().map_err(|_| Code::InvalidRequest)?;
    match limit {
        0 => Err(Code::InvalidRequest),
        1..=MAX_LIMIT => Ok(limit),
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
    let limit = limit(query, "limit")?;
    let listed =
        rows(world, merchant).filter(|(transaction, _)| start <= transaction.at && transaction.at <= end).collect();
    let listed = paged(listed, query, |(transaction, _)| transaction.key.as_str())?;
    let public_url = &world.public_url;
    let shown = listed.into_iter().take(limit).map(|(transaction, kept)| {
        let merchant_id = world.setting(merchant, language, transaction.at).merchant_id;
        json!({
            "mId": merchant_id,
            "transactionKey": transaction.key,
            "paymentKey": transaction.payment_key,
            "orderId": kept.payment.order_id,
            "method": kept.payment.method.map(|method| method.name(language)),
            "customerKey": kept.payment.customer_key,
            "useEscrow": false,
            "receiptUrl": format!("{public_url}/_window/receipts/{}", transaction.payment_key),
            "status": transaction.status.name(),
            "transactionAt": with_offset(transaction.at),
            "currency": "KRW",
            "amount": transaction.amount,
        })
    });
    Ok(Value::Array(shown.collect()))
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
    let size = limit(query, "size")?;
    let page: usize = field(query, "page").map_or(Ok(1), |text| text.parse()).map_err(|_| Code::InvalidRequest)?;
    let by_payout = match field(query, "dateType").as_deref() {
        None | Some("soldDate") => false,
        Some("paidOutDate") => true,
        Some(_) => return Err(Code::InvalidRequest),
    };
    let skipped = page.checked_sub(1).ok_or(Code::InvalidRequest)?.saturating_mul(size);
    let today = korean_date(now);
    let listed = rows(world, merchant).filter(|(transaction, _)| {
        let sold = world.contract.sold(korean_date(transaction.at));
        let wanted = if by_payout { world.contract.paid_out(sold) } else { sold };
        // The row of an account that was opened settles nothing.
        transaction.amount > 0 && korean_date(transaction.at) < today && start <= wanted && wanted <= end
    });
    let shown = listed.skip(skipped).take(size).map(|(transaction, kept)| {
        settlement_json(transaction, kept, &world.contract, world.setting(merchant, language, now))
    });
    Ok(Value::Array(shown.collect()))
}

/// Won that settlements pay out on the days that are wanted; less than nothing when more was cancelled.
pub(crate) fn settled(world: &World, merchant: usize, is_wanted: impl Fn(NaiveDate) -> bool) -> i64 {
    rows(world, merchant)
        .filter(|(transaction, _)| is_wanted(world.contract.paid_out(world.contract.sold(korean_date(transaction.at)))))
        .map(|(transaction, kept)| Settled::of(transaction, kept, &world.contract).pay_out())
        .sum()
}

impl Contract {
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

/// What one transaction comes to, in won: below nothing when it undoes an approval.
struct Settled {
    sign: i64,
    amount: u64,
    /// Supply value of the fee.
    supply: u64,
    vat: u64,
}

impl Settled {
    fn of(transaction: &Transaction, kept: &Kept, contract: &Contract) -> Self {
        let is_cancel = kept.payment.cancels.iter().any(|cancel| cancel.transaction_key == transaction.key);
        // A cancel, or a bank that takes a deposit back, undoes what the approval paid out.
        let is_reversal = is_cancel || transaction.status == Status::WaitingForDeposit;
        let supply = transaction.amount * contract.fee_per_mille / 1_000;
        let sign = if is_reversal { -1 } else { 1 };
        Self { sign, amount: transaction.amount, supply, vat: supply / 10 }
    }

    fn signed(&self, amount: u64) -> i64 {
        i64::try_from(amount).map_or(i64::MAX, |amount| amount) * self.sign
    }

    fn fee(&self) -> u64 {
        self.supply + self.vat
    }

    fn pay_out(&self) -> i64 {
        self.signed(self.amount.saturating_sub(self.fee()))
    }
}

fn settlement_json(transaction: &Transaction, kept: &Kept, contract: &Contract, setting: Setting<'_>) -> Value {
    let payment = &kept.payment;
    let cancel = payment.cancels.iter().find(|cancel| cancel.transaction_key == transaction.key);
    let settled = Settled::of(transaction, kept, contract);
    let sold = contract.sold(korean_date(transaction.at));
    let shown = json!({
        "mId": setting.merchant_id,
        "paymentKey": transaction.payment_key,
        "transactionKey": transaction.key,
        "orderId": payment.order_id,
        "currency": "KRW",
        "method": payment.method.map(|method| method.name(setting.language)),
        "amount": settled.signed(transaction.amount),
        "interestFee": 0,
        "fees": [{ "type": "BASE", "fee": settled.signed(settled.fee()) }],
        "fee": settled.signed(settled.fee()),
        "supplyAmount": settled.signed(settled.supply),
        "vat": settled.signed(settled.vat),
        "payOutAmount": settled.pay_out(),
        "approvedAt": payment.approved_at.map(with_offset),
        "soldDate": sold.to_string(),
        "paidOutDate": contract.paid_out(sold).to_string(),
        "cancel": cancel.map(cancel_json),
    });
    with_methods(shown, payment, setting)
}

#[cfg(test)]
mod tests {
    use super::*;

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
