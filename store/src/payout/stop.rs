//! Whether payouts are stopped: the PSP lists a payout that we never asked for, and nobody has resolved its break.
//!
//! A break is opened by a booking, which holds the end of the ledger as every decision on payouts does. So no run is
//! approved and no batch begins beside the transaction that opens the break.

use domain::reconciliation::{BreakStatus, BreakType};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::{Reader, StoreError, Writer, entities::breaks};

impl Reader {
    /// Whether no run is approved or sent.
    pub async fn are_payouts_stopped(&self) -> Result<bool, StoreError> {
        is_stopped(self.connection()).await
    }
}

impl Writer {
    /// Whether no run is approved or sent, as it is now.
    pub async fn are_payouts_stopped(&self) -> Result<bool, StoreError> {
        is_stopped(self.connection()).await
    }
}

pub(super) async fn is_stopped(connection: &impl ConnectionTrait) -> Result<bool, StoreError> {
    let stopping = BreakType::ALL.into_iter().filter(|one| one.stops_payouts()).map(BreakType::as_str);
    let unresolved = [BreakStatus::Open, BreakStatus::Waiting].map(BreakStatus::as_str);
    let count = breaks::Entity::find()
        .filter(breaks::Column::Status.is_in(unresolved))
        .filter(breaks::Column::BreakType.is_in(stopping))
        .count(connection)
        .await?;
    Ok(count > 0)
}
