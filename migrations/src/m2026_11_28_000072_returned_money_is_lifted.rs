//! Money of payouts that came back is listed among the holds of its seller, where a principal lifts it. Before, it was
//! reserved in the wallet and stood in no list.

use sea_orm_migration::{async_trait, prelude::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

/// The principal who confirmed the return placed the hold; of a return from before two said so, who decided on the run.
const LIST: &str = "\
    INSERT INTO seller_holds (hold_id, seller_account, amount, currency, reason, placed_by, placed_at) \
    SELECT held.hold_id, held.seller_account, held.amount, held.currency, \
        'The payout ' || payouts.payout_id || ' came back', \
        COALESCE(payouts.confirmed_by, payouts.answered_by, payout_runs.decided_by, payout_runs.frozen_by), \
        held.reserved_at \
    FROM wallet_holds AS held \
    JOIN payouts ON held.hold_id = payouts.payout_id || '-returned' \
    JOIN payout_runs ON payout_runs.run_id = payouts.run_id \
    WHERE held.hold_id NOT IN (SELECT hold_id FROM seller_holds)";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(LIST).await.map(|_| ())
    }

    /// The rows are true of an earlier version too.
    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }
}
