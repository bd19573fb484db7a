//! Payouts as the digest of a run holds them.

use std::collections::HashMap;

use domain::{
    Money,
    payout::{
        PayoutKind,
        digest::{DigestLine, NO_STATEMENT, sha256},
    },
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::record::PayoutRecord;
use crate::{StoreError, convert::corrupt, entities::statements};

/// What the frozen payouts of a run come to.
pub(super) struct Frozen {
    pub(super) digest: String,
    pub(super) total: Money,
    pub(super) payouts: u64,
}

/// Payouts as a digest holds them, with the hashes of the bytes of their statements.
pub(super) async fn lines_of(
    connection: &impl ConnectionTrait,
    payouts: Vec<PayoutRecord>,
) -> Result<Vec<DigestLine>, StoreError> {
    let ids = payouts.iter().map(|payout| payout.payout_id.as_str());
    let rows = statements::Entity::find().filter(statements::Column::PayoutId.is_in(ids)).all(connection).await?;
    let mut hashes: HashMap<String, String> =
        rows.into_iter().map(|row| (row.payout_id, sha256(row.content.as_bytes()))).collect();
    let line = |payout: PayoutRecord| {
        let hash = match payout.kind {
            PayoutKind::Seller => hashes.remove(payout.payout_id.as_str()),
            PayoutKind::Sweep => Some(NO_STATEMENT.to_owned()),
        };
        Ok(DigestLine {
            statement_sha256: hash.ok_or_else(|| corrupt("no statement of a payout", &payout.payout_id))?,
            payout_id: payout.payout_id,
            seller: payout.seller,
            amount: payout.amount,
            destination: payout.destination,
        })
    };
    payouts.into_iter().map(line).collect()
}
