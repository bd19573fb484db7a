//! Money in suspense: line by line it belongs to a break, and nothing else may rest there.

use std::collections::BTreeMap;

use domain::{Currency, ledger::Account};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, QuerySelect, sea_query::Func,
};

use crate::{
    StoreError,
    books::audit::findings::{Check, Findings, Fold},
    convert::from_column_currency,
    entities::breaks,
};

#[derive(FromQueryResult)]
struct Row {
    currency: String,
    suspense: i64,
}

/// What breaks hold in suspense, by currency, in minor units: credits less debits.
pub(crate) async fn held_by_breaks(connection: &impl ConnectionTrait) -> Result<BTreeMap<Currency, i64>, StoreError> {
    let sum = Func::sum(sea_orm::sea_query::Expr::col(breaks::Column::Suspense)).cast_as("bigint");
    let rows = breaks::Entity::find()
        .select_only()
        .column(breaks::Column::Currency)
        .column_as(sum, "suspense")
        .filter(breaks::Column::Suspense.ne(0))
        .group_by(breaks::Column::Currency)
        .into_model::<Row>()
        .all(connection)
        .await?;
    rows.into_iter().map(|row| Ok((from_column_currency(&row.currency)?, row.suspense))).collect()
}

/// Compares the account with the breaks.
pub(super) async fn compare(
    connection: &impl ConnectionTrait,
    fold: &Fold,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let held = held_by_breaks(connection).await?;
    for currency in Currency::ALL {
        let (debits, credits) = fold.accounts.get(&(Account::Suspense, currency)).copied().unwrap_or_default();
        let held = held.get(&currency).copied().unwrap_or_default();
        let subject = format!("suspense {currency}");
        findings.compare(Check::Suspense, subject, "the sum of breaks", held.into(), credits - debits);
    }
    Ok(())
}
