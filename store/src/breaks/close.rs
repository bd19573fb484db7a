//! What a run no longer sees is closed by the run itself, and stays on record.

use domain::{
    calendar::Day,
    event::EventType,
    reconciliation::{BreakStatus, BreakType, Layer},
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect};

use crate::{
    StoreError,
    breaks::see::{Happened, RUN, Sighting},
    convert::{corrupt, to_column_time},
    entities::{break_history, breaks},
    event::append_break,
    transaction::Transaction,
};

/// The most breaks that one run closes; the next run closes more.
const MOST: u64 = 1_000;

/// Which breaks a run has looked at anew.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CloseScope {
    pub(crate) layer: Layer,
    /// The first and the last day that the run compared; nothing where the layer is about now.
    pub(crate) days: Option<(Day, Day)>,
}

/// Closes what the run looked at and did not see. Money in suspense keeps its break open: a person says whose it is.
/// Some types are closed by people alone.
pub(crate) async fn close_unseen(
    transaction: &Transaction,
    scope: CloseScope,
    sighting: Sighting<'_>,
) -> Result<u64, StoreError> {
    use breaks::Column;
    let days = scope
        .days
        .map(|(from, to)| Condition::all().add(Column::Day.gte(from.to_string())).add(Column::Day.lte(to.to_string())));
    let of_people = BreakType::ALL.into_iter().filter(|one| one.is_closed_by_people()).map(BreakType::as_str);
    let unseen = breaks::Entity::find()
        .filter(Column::Layer.eq(scope.layer.as_str()))
        .filter(Column::Status.ne(BreakStatus::Resolved.as_str()))
        .filter(Column::LastSeenRun.ne(sighting.run_id))
        .filter(Column::Suspense.eq(0))
        .filter(Column::BreakType.is_not_in(of_people))
        .filter(Condition::all().add_option(days))
        .limit(MOST)
        .all(transaction)
        .await?;
    let closed = unseen.len() as u64;
    for row in unseen {
        let break_type = BreakType::parse(&row.break_type).ok_or_else(|| corrupt("a type", &row.break_type))?;
        let (break_id, number) = (row.break_id.clone(), row.version + 1);
        let reason_code = break_type.reason_code().as_str();
        let mut changed: breaks::ActiveModel = row.into();
        changed.status = Set(BreakStatus::Resolved.as_str().to_owned());
        changed.wait_until = Set(None);
        changed.proposed_by = Set(None);
        changed.proposed_template = Set(None);
        changed.reason_code = Set(Some(reason_code.to_owned()));
        changed.resolved_by = Set(Some(RUN.to_owned()));
        changed.resolved_at = Set(Some(to_column_time(sighting.at)));
        changed.version = Set(number);
        changed.update(transaction).await?;
        let happened = Happened {
            break_id: &break_id,
            number,
            act: "resolve",
            actor: RUN,
            reason: "both sides agree now",
            reason_code: Some(reason_code),
            detail: Some(sighting.run_id.to_owned()),
            at: sighting.at,
        };
        break_history::Entity::insert(happened.to_row()).exec_without_returning(transaction).await?;
        let version = u32::try_from(number).unwrap_or(u32::MAX);
        append_break(transaction, EventType::BreakResolved, &break_id, version, sighting.at).await?;
    }
    Ok(closed)
}
