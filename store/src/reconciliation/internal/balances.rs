//! Balances of accounts against wallets, holds and payouts.

use domain::{
    Currency, Timestamp,
    hold::HoldStatus,
    payout::{PayoutKind, PayoutStatus, status::MoneyAt},
};

use super::comparison::{Comparison, open_subjects};

/// A part of a wallet: its column, the end of its account, and what the ledger says of it.
const PARTS: [(&str, &str, &str); 5] = [
    ("pending", "pending", "credits - b.debits"),
    ("available", "available", "credits - b.debits"),
    ("held", "held", "credits - b.debits"),
    ("in_transit", "in_transit", "credits - b.debits"),
    ("debt", "debt", "debits - b.credits"),
];

/// What holds say of a part of a wallet: the status, and the column of the amount.
const HELD: [(&str, HoldStatus, &str); 2] =
    [("held", HoldStatus::Reserved, "amount"), ("in_transit", HoldStatus::InTransit, "captured_amount")];

/// A difference of two amounts.
const NOTHING_SAID: &str = "CAST(NULL AS text) AS beside_says, CAST(NULL AS text) AS ledger_says, \
                            CAST(NULL AS text) AS checkout_id, CAST(NULL AS text) AS workflow_id";

/// What is compared in full, whatever moved.
pub(super) fn comparisons() -> Vec<Comparison> {
    let mut all = vec![sums()];
    for (column, end, ledger) in PARTS {
        all.extend([wallets(column, end, ledger), accounts_without_wallet(end, ledger)]);
    }
    for (end, status, amount) in HELD {
        all.extend([holds(end, status, amount), accounts_without_hold(end, status)]);
    }
    all
}

fn full(sql: String) -> Comparison {
    Comparison { sql, times: Vec::new() }
}

fn sums() -> Comparison {
    full(format!(
        "SELECT 'sums ' || currency AS subject, currency, CAST(SUM(debits) AS bigint) AS beside, \
           CAST(SUM(credits) AS bigint) AS ledger, {NOTHING_SAID} \
         FROM ledger_balances GROUP BY currency HAVING SUM(debits) <> SUM(credits)"
    ))
}

fn wallets(column: &str, end: &str, ledger: &str) -> Comparison {
    full(format!(
        "SELECT 'wallet ' || w.seller_account || ' {column}' AS subject, w.currency AS currency, w.{column} AS beside, \
           COALESCE(b.{ledger}, 0) AS ledger, {NOTHING_SAID} \
         FROM wallets w \
         LEFT JOIN ledger_balances b \
           ON b.account = 'seller:' || w.seller_account || ':{end}' AND b.currency = w.currency \
         WHERE w.{column} <> COALESCE(b.{ledger}, 0)"
    ))
}

/// The seller that an account of sellers names.
fn seller_of(end: &str) -> String {
    format!("substr(b.account, 8, length(b.account) - {})", "seller:".len() + 1 + end.len())
}

fn accounts_without_wallet(end: &str, ledger: &str) -> Comparison {
    let seller = seller_of(end);
    full(format!(
        "SELECT 'wallet ' || {seller} || ' {end}' AS subject, b.currency AS currency, CAST(NULL AS bigint) AS beside, \
           b.{ledger} AS ledger, {NOTHING_SAID} \
         FROM ledger_balances b \
         WHERE b.account LIKE 'seller:%:{end}' AND b.credits <> b.debits \
           AND NOT EXISTS (SELECT 1 FROM wallets w WHERE w.seller_account = {seller} AND w.currency = b.currency)"
    ))
}

fn holds(end: &str, status: HoldStatus, amount: &str) -> Comparison {
    let status = status.as_str();
    full(format!(
        "SELECT 'holds of ' || h.seller_account || ' {end}' AS subject, h.currency AS currency, h.amount AS beside, \
           COALESCE(b.credits - b.debits, 0) AS ledger, {NOTHING_SAID} \
         FROM (SELECT seller_account, currency, CAST(SUM({amount}) AS bigint) AS amount FROM wallet_holds \
               WHERE status = '{status}' GROUP BY seller_account, currency) h \
         LEFT JOIN ledger_balances b \
           ON b.account = 'seller:' || h.seller_account || ':{end}' AND b.currency = h.currency \
         WHERE h.amount <> COALESCE(b.credits - b.debits, 0)"
    ))
}

fn accounts_without_hold(end: &str, status: HoldStatus) -> Comparison {
    let (seller, status) = (seller_of(end), status.as_str());
    full(format!(
        "SELECT 'holds of ' || {seller} || ' {end}' AS subject, b.currency AS currency, \
           CAST(NULL AS bigint) AS beside, b.credits - b.debits AS ledger, {NOTHING_SAID} \
         FROM ledger_balances b \
         WHERE b.account LIKE 'seller:%:{end}' AND b.credits <> b.debits \
           AND NOT EXISTS (SELECT 1 FROM wallet_holds h WHERE h.seller_account = {seller} \
                           AND h.currency = b.currency AND h.status = '{status}')"
    ))
}

/// Payouts against the holds that their money moves by, which are compared with the ledger: those that are under way,
/// and those that ended lately. A sweep has no hold.
pub(super) fn payouts(since: Timestamp) -> Comparison {
    let expected: String = PayoutStatus::ALL
        .into_iter()
        .filter_map(|status| Some((status, hold_of(status)?)))
        .map(|(status, hold)| format!("WHEN '{}' THEN '{}' ", status.as_str(), hold.as_str()))
        .collect();
    let (sweep, paid) = (PayoutKind::Sweep.as_str(), PayoutStatus::Paid.as_str());
    let open = open_subjects("payout ");
    let currency = Currency::Krw.code();
    let sql = format!(
        "SELECT 'payout ' || p.payout_id AS subject, '{currency}' AS currency, p.amount AS beside, \
           CASE WHEN h.status = p.expected THEN h.amount END AS ledger, 'payout ' || p.status AS beside_says, \
           'hold ' || COALESCE(h.status, 'missing') AS ledger_says, CAST(NULL AS text) AS checkout_id, \
           CAST(NULL AS text) AS workflow_id \
         FROM (SELECT payout_id, ref_payout_id, amount, status, CASE status {expected}END AS expected FROM payouts \
               WHERE kind <> '{sweep}' AND (status <> '{paid}' OR ended_at >= $1 OR payout_id IN ({open}))) p \
         LEFT JOIN wallet_holds h ON h.hold_id = p.ref_payout_id \
         WHERE p.expected IS NOT NULL AND (h.hold_id IS NULL OR h.status <> p.expected OR h.amount <> p.amount)"
    );
    Comparison { sql, times: vec![since] }
}

/// The status of the hold of a payout whose money is not free again.
const fn hold_of(status: PayoutStatus) -> Option<HoldStatus> {
    match status.money() {
        MoneyAt::Held => Some(HoldStatus::Reserved),
        MoneyAt::InTransit => Some(HoldStatus::InTransit),
        MoneyAt::SellerBank => Some(HoldStatus::PaidOut),
        MoneyAt::Free => None,
    }
}
