//! Payouts: what their rows say, their statements, and the holds that their money moves by. A sweep has neither: it
//! is in transit until a statement of our bank shows it.

use std::collections::HashMap;

use domain::{
    Currency,
    hold::HoldStatus,
    id::PayoutId,
    ledger::Account,
    payout::{PayoutKind, PayoutStatus, digest::sha256, statement::Statement, status::MoneyAt},
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::{
    StoreError,
    books::audit::{
        findings::{Check, Findings, Fold},
        rows,
    },
    entities::{payouts, statements, wallet_holds},
    payout::sweep::not_received,
};

/// How many payouts are read at once.
const PAGE: u64 = 1000;

/// Compares the payouts with their statements and their holds, which are compared with the postings.
pub(super) async fn compare(
    connection: &impl ConnectionTrait,
    fold: &Fold,
    findings: &mut Findings,
) -> Result<u64, StoreError> {
    let (debits, credits) = fold.accounts.get(&(Account::SweepInTransit, Currency::Krw)).copied().unwrap_or_default();
    let expected = not_received(connection).await?;
    findings.compare(Check::Payouts, "sweeps KRW", "in transit", expected.into(), debits - credits);
    let (mut count, mut after) = (0, String::new());
    loop {
        let page = payouts::Entity::find()
            .filter(payouts::Column::PayoutId.gt(&after))
            .order_by_asc(payouts::Column::PayoutId)
            .limit(PAGE);
        let page = rows::rows::<_, String>(page, "payout_id", connection).await?;
        let Some(last) = page.last() else { return Ok(count) };
        after.clone_from(&last.key);
        count += page.len() as u64;
        let page: Vec<payouts::Model> = page.into_iter().filter_map(|row| row.or_name("payout", findings)).collect();
        let statements = statements_of(connection, &page).await?;
        let holds = holds_of(connection, &page).await?;
        for payout in page {
            let subject = format!("payout {}", payout.payout_id);
            if payout.kind == PayoutKind::Sweep.as_str() {
                continue;
            }
            compare_statement(&payout, statements.get(&payout.payout_id), &subject, findings);
            compare_hold(&payout, holds.get(&payout.ref_payout_id), &subject, findings);
        }
    }
}

fn compare_statement(
    payout: &payouts::Model,
    statement: Option<&statements::Model>,
    subject: &str,
    findings: &mut Findings,
) {
    let Some(row) = statement else { return findings.add(Check::Payouts, subject, "its statement is missing") };
    let hash = sha256(row.content.as_bytes());
    // The id stands in the keys of the payout's entries, so the hash chain vouches for it.
    if hash != row.sha256 || PayoutId::of_statement(&hash).as_str() != payout.payout_id {
        findings.add(Check::Payouts, subject, "its statement is not the one that was frozen");
    }
    match serde_json::from_str::<Statement>(&row.content) {
        Ok(statement) => {
            let paid = statement.fields().payout.minor();
            findings.compare(Check::Payouts, subject, "its amount", payout.amount.into(), paid.into());
        }
        Err(error) => findings.add(Check::Payouts, subject, format_args!("its statement: {error}")),
    }
    if row.voided_at.is_some() != payout.is_void {
        findings.add(Check::Payouts, subject, "it and its statement differ on whether they are void");
    }
}

fn compare_hold(payout: &payouts::Model, hold: Option<&wallet_holds::Model>, subject: &str, findings: &mut Findings) {
    let Some(status) = PayoutStatus::parse(&payout.status) else {
        return findings.add(Check::Reading, subject, format_args!("{:?} is no status", payout.status));
    };
    let Some(hold) = hold else { return findings.add(Check::Payouts, subject, "its hold is missing") };
    let expected: &[HoldStatus] = match status.money() {
        MoneyAt::Held => &[HoldStatus::Reserved],
        MoneyAt::InTransit => &[HoldStatus::InTransit],
        MoneyAt::SellerBank => &[HoldStatus::PaidOut],
        MoneyAt::Free => &[HoldStatus::Released, HoldStatus::PayoutFailed],
    };
    if !expected.iter().any(|expected| expected.as_str() == hold.status) {
        findings.add(Check::Payouts, subject, format_args!("it is {status}, and its hold {}", hold.status));
    }
    findings.compare(Check::Payouts, subject, "its amount", payout.amount.into(), hold.amount.into());
}

async fn statements_of(
    connection: &impl ConnectionTrait,
    page: &[payouts::Model],
) -> Result<HashMap<String, statements::Model>, StoreError> {
    let ids = page.iter().map(|payout| payout.payout_id.as_str());
    let rows = statements::Entity::find().filter(statements::Column::PayoutId.is_in(ids)).all(connection).await?;
    Ok(rows.into_iter().map(|row| (row.payout_id.clone(), row)).collect())
}

async fn holds_of(
    connection: &impl ConnectionTrait,
    page: &[payouts::Model],
) -> Result<HashMap<String, wallet_holds::Model>, StoreError> {
    let ids = page.iter().map(|payout| payout.ref_payout_id.as_str());
    let rows = wallet_holds::Entity::find().filter(wallet_holds::Column::HoldId.is_in(ids)).all(connection).await?;
    Ok(rows.into_iter().map(|row| (row.hold_id.clone(), row)).collect())
}
