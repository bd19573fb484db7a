//! What reconciliation asks for: transactions the same day, settlements from the next.
//!
//! Toss's test environment has no settlements; here they exist, so that a settlement run can be tried.
//! The fee and the cycle are made up and constant: 2.7 % plus VAT, sold daily, paid out two days later.

use chrono::{Days, NaiveDate};
use serde_json::{Value, json};

use crate::codes::{Code, Language};
use crate::payment::Status;
use crate::payment_json::cancel_json;
use crate::till::{Kept, Transaction};
use crate::time::{Instant, korean_date, parse, with_offset};
use crate::world::World;

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 5_000;
const FEE_PER_MILLE: u64 = 27;
const DAYS_TO_PAYOUT: Days = Days::new(2);

/// A query string's value, percent-decoded.
fn field(query: &str, name: &str) -> Option<String> {
    let address = reqwest::Url::parse(&format!("http://query/?{query}")).ok()?;
    let found = address.query_pairs().find(|(key, _)| key == name)?;
    Some(found.1.into_owned())
}

fn limit(query: &str, name: &str) -> Result<usize, Code> {
    let Some(text) = field(query, name) else { return Ok(DEFAULT_LIMIT) };
    let limit: usize = text.parse().map_err(|_| Code::InvalidRequest)?;
    match limit {
        0 => Err(Code::InvalidRequest),
        1..=MAX_LIMIT => Ok(limit),
        _ => Err(Code::ExceedMaxQueryLimit),
    }
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

/// `GET /v1/transactions`: one row per approval and per cancel, by `transactionAt`.
///
/// # Errors
/// Toss's code for what is wrong with the query.
pub(crate) fn transactions(world: &World, merchant: usize, query: &str, language: Language) -> Result<Value, Code> {
    let (start, end) = (instant(query, "startDate")?, instant(query, "endDate")?);
    let limit = limit(query, "limit")?;
    let mut listed: Vec<_> =
        rows(world, merchant).filter(|(transaction, _)| start <= transaction.at && transaction.at <= end).collect();
    if let Some(after) = field(query, "startingAfter") {
        let index = listed.iter().position(|(transaction, _)| transaction.key == after);
        listed.drain(..=index.ok_or(Code::InvalidPagingKey)?);
    }
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
        let sold = korean_date(transaction.at);
        let wanted = if by_payout { paid_out(sold) } else { sold };
        sold < today && start <= wanted && wanted <= end
    });
    let shown = listed.skip(skipped).take(size).map(|(transaction, kept)| {
        let merchant_id = world.setting(merchant, language, now).merchant_id;
        settlement_json(transaction, kept, merchant_id, language)
    });
    Ok(Value::Array(shown.collect()))
}

fn paid_out(sold: NaiveDate) -> NaiveDate {
    sold.checked_add_days(DAYS_TO_PAYOUT).unwrap_or(sold)
}

fn settlement_json(transaction: &Transaction, kept: &Kept, merchant_id: &str, language: Language) -> Value {
    let payment = &kept.payment;
    let cancel = payment.cancels.iter().find(|cancel| cancel.transaction_key == transaction.key);
    let supply = transaction.amount * FEE_PER_MILLE / 1_000;
    let vat = supply / 10;
    let fee = supply + vat;
    let sold = korean_date(transaction.at);
    // A cancel, or a bank that takes a deposit back, undoes what the approval paid out.
    let is_reversal = cancel.is_some() || transaction.status == Status::WaitingForDeposit;
    let sign = if is_reversal { -1 } else { 1 };
    let signed = |amount: u64| i64::try_from(amount).map_or(i64::MAX, |amount| amount) * sign;
    json!({
        "mId": merchant_id,
        "paymentKey": transaction.payment_key,
        "transactionKey": transaction.key,
        "orderId": payment.order_id,
        "currency": "KRW",
        "method": payment.method.map(|method| method.name(language)),
        "amount": signed(transaction.amount),
        "interestFee": 0,
        "fees": [{ "type": "BASE", "fee": signed(fee) }],
        "supplyAmount": signed(supply),
        "vat": signed(vat),
        "payOutAmount": signed(transaction.amount.saturating_sub(fee)),
        "approvedAt": payment.approved_at.map(with_offset),
        "soldDate": sold.to_string(),
        "paidOutDate": paid_out(sold).to_string(),
        "card": null,
        "easyPay": null,
        "giftCertificate": null,
        "mobilePhone": null,
        "transfer": null,
        "virtualAccount": null,
        "cancel": cancel.map(cancel_json),
    })
}
