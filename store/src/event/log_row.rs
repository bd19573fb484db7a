//! The only row of `event_log`. Its lock is the right to change the log's positions.

use sea_orm::{
    EntityTrait, QuerySelect,
    sea_query::{LockBehavior, LockType},
};

use crate::{StoreError, entities::event_log, transaction::Transaction};

/// The id of the row.
pub(super) const LOG: i32 = 1;

/// Locks the row. Returns nothing where another transaction holds the lock.
pub(super) async fn lock(transaction: &Transaction) -> Result<Option<event_log::Model>, StoreError> {
    let log = event_log::Entity::find_by_id(LOG).lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    Ok(log.one(transaction).await?)
}
