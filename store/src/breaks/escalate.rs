//! Breaks that grew too old are raised, once for each step.

use domain::{
    Timestamp,
    event::EventType,
    reconciliation::{BreakClass, BreakStatus, BreakType, DueEscalation},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr};

use crate::{
    StoreError,
    breaks::see::{Happened, RUN, Sighting},
    convert::{corrupt, from_column_revision, to_column_time},
    entities::{break_history, breaks},
    event::append_break,
    transaction::Transaction,
};

/// What the history of a break calls it.
pub(crate) const ESCALATION: &str = "escalate";
/// The most breaks that one run escalates; the next run escalates more.
const MOST: u64 = 1_000;

/// Escalates what has reached a step and was not escalated to it before. A break that waits for a day is left alone
/// until then, and so is one that was opened since the run began. The step stands in the row, so a run that comes
/// again, or a second one, finds nothing left to do.
pub(crate) async fn escalate(
    transaction: &Transaction,
    due: &[DueEscalation],
    began_at: Timestamp,
    sighting: Sighting<'_>,
) -> Result<u64, StoreError> {
    use breaks::Column;
    let mut escalated = 0;
    for DueEscalation { step, types, expected_by } in due {
        let rows = breaks::Entity::find()
            .filter(Column::Status.eq(BreakStatus::Open.as_str()))
            .filter(Column::Day.lte(expected_by.to_string()))
            .filter(Column::BreakType.is_in(types.iter().copied().map(BreakType::as_str)))
            .filter(Column::Escalation.lt(i32::from(*step)))
            // What this run opened, rules and people have not seen.
            .filter(Column::OpenedAt.lt(to_column_time(began_at)))
            .order_by_asc(Column::Day)
            .order_by_asc(Column::BreakId)
            .limit(MOST.saturating_sub(escalated))
            .all(transaction)
            .await?;
        for row in rows {
            escalated += u64::from(raise(transaction, &row, *step, sighting).await?);
        }
    }
    Ok(escalated)
}

/// Answers whether the break stood where it was read.
async fn raise(
    transaction: &Transaction,
    row: &breaks::Model,
    step: u16,
    sighting: Sighting<'_>,
) -> Result<bool, StoreError> {
    use breaks::Column;
    let before = BreakClass::parse(&row.class).ok_or_else(|| corrupt("a class", &row.class))?;
    let (class, number) = (before.escalated(), row.version + 1);
    let raised = breaks::Entity::update_many()
        .col_expr(Column::Escalation, Expr::value(i32::from(step)))
        .col_expr(Column::EscalatedAt, Expr::value(to_column_time(sighting.at)))
        .col_expr(Column::Class, Expr::value(class.as_str()))
        .col_expr(Column::Version, Expr::value(number))
        .filter(Column::BreakId.eq(row.break_id.as_str()))
        .filter(Column::Version.eq(row.version))
        .exec(transaction)
        .await?;
    if raised.rows_affected == 0 {
        return Ok(false);
    }
    let queue =
        if class == before { String::new() } else { format!(", from {} to {}", before.as_str(), class.as_str()) };
    let happened = Happened {
        break_id: &row.break_id,
        number,
        act: ESCALATION,
        actor: RUN,
        reason: "",
        reason_code: None,
        detail: Some(format!("step {step}{queue}")),
        at: sighting.at,
    };
    break_history::Entity::insert(happened.to_row()).exec_without_returning(transaction).await?;
    let version = from_column_revision(number)?;
    append_break(transaction, EventType::BreakEscalated, &row.break_id, version, sighting.at).await?;
    Ok(true)
}
