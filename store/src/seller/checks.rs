//! What was said of sellers' bank accounts besides the PSP, for readers.

use std::collections::HashMap;

use domain::id::SellerAccount;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use super::record::{SellerRecord, VerifiedAccount, seller_of};
use crate::{
    StoreError,
    convert::{from_column_revision, from_column_time},
    entities::seller_account_checks,
};

pub(super) const RETURNED: &str = "RETURNED";

/// Adds what was said to the records of sellers. The last account that something was said of counts.
pub(super) async fn add_to(
    connection: &impl ConnectionTrait,
    names: &[SellerAccount],
    found: &mut HashMap<SellerAccount, SellerRecord>,
) -> Result<(), StoreError> {
    let rows = seller_account_checks::Entity::find()
        .filter(seller_account_checks::Column::SellerAccount.is_in(names.iter().map(SellerAccount::as_str)))
        .order_by_asc(seller_account_checks::Column::Account)
        .all(connection)
        .await?;
    for row in rows {
        let Some(record) = found.get_mut(&seller_of(row.seller_account.clone())?) else { continue };
        let account = from_column_revision(row.account)?;
        if row.outcome == RETURNED {
            record.checks.returned = account;
        } else {
            let at = from_column_time(row.checked_at);
            record.checks.verified = Some(VerifiedAccount { account, by: row.checked_by, reason: row.reason, at });
        }
    }
    Ok(())
}
