//! What the PSP exchanged: its rows against `fx:trading`, and the two entries of a row against each other.

use domain::ledger::Account;
use sea_orm::ConnectionTrait;

use crate::{
    StoreError,
    books::audit::findings::{Check, Findings, Fold, MAX_NAMED},
    settlement::{torn_exchanges, trading_totals},
};

pub(super) async fn compare(
    connection: &impl ConnectionTrait,
    fold: &Fold,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    for total in trading_totals(connection).await? {
        let moved = fold.accounts.get(&(Account::FxTrading, total.currency)).copied();
        let (debits, credits) = moved.unwrap_or_default();
        let subject = format!("{} {}", Account::FxTrading, total.currency);
        findings.compare(Check::Exchanges, subject, "the sum of exchanged rows", total.rows.into(), debits - credits);
    }
    for key in torn_exchanges(connection, MAX_NAMED).await? {
        let problem = "of its two entries one stands and the other does not";
        findings.add(Check::Exchanges, format_args!("settlement row {key}"), problem);
    }
    Ok(())
}
