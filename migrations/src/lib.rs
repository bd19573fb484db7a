//! The shape of the database: one file per schema change, up and down, for SQLite and PostgreSQL alike.
//!
//! # What this crate does not do
//!
//! It reads and writes no payment: statements on data live in `store`.
//!
//! # Invariants
//!
//! * A migration happens whole or not at all.
//! * A migration that has been released is never edited; the next one changes what it made.
//! * What the types of `domain` promise, the schema repeats: amounts above zero, a debit that is not its own
//!   credit, history and books that only grow.

use std::collections::BTreeMap;

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::{
    async_trait,
    prelude::*,
    sea_orm::{ConnectionTrait, Statement},
};

pub mod grants;
mod m2026_11_21_000001_checkouts;
mod m2026_11_21_000002_ledger;
mod m2026_11_21_000003_api_keys;
mod m2026_11_21_000004_checkpoints;
mod m2026_11_21_000005_reads;
mod m2026_11_21_000006_refunds;
mod m2026_11_21_000007_risk;
mod m2026_11_21_000008_journal;
mod m2026_11_21_000009_api_keys;
mod m2026_11_21_000010_buyer_details;
mod m2026_11_27_000011_payment_ids;
mod m2026_11_27_000012_confirm_tokens;
mod m2026_11_27_000013_key_scopes;
mod m2026_11_27_000014_erasable_cards;
mod m2026_11_27_000015_watched_deposits;
mod m2026_11_27_000017_readiness_probe;
mod m2026_11_27_000018_audit_line_ids;
mod m2026_11_27_000020_account_holders;
mod m2026_11_27_000021_event_log;
mod m2026_11_27_000026_webhook_endpoints;
mod m2026_11_27_000027_event_cursor_leases;
mod m2026_11_27_000031_sellers;
mod m2026_11_27_000032_purchase_confirmations;
mod m2026_11_27_000034_payout_runs;
mod m2026_11_27_000038_settlement_rows;
mod m2026_11_27_000039_reconciliations;
mod m2026_11_27_000040_breaks;
mod m2026_11_27_000041_bank_lines;
mod m2026_11_27_000043_console_sessions;
mod m2026_11_27_000044_approvals_of_a_checkout;
mod m2026_11_27_000045_break_repairs;
mod m2026_11_27_000048_commission_vat;
mod m2026_11_27_000049_second_approvals;
mod m2026_11_27_000051_sellers_sign_in;
mod m2026_11_27_000052_sweeps;
mod m2026_11_27_000056_freezing_runs;
mod m2026_11_27_000059_settlement_totals;
mod m2026_11_27_000063_monitored_and_searched;
mod m2026_11_28_000067_seller_links;
mod m2026_11_28_000068_buyers_are_found;
mod m2026_11_28_000069_key_ends_by_age;
mod m2026_11_28_000070_bank_files;
mod m2026_11_28_000071_commission_on_refund;
mod m2026_11_28_000072_returned_money_is_lifted;
mod m2026_11_28_000073_api_key_requests;
mod m2026_11_28_000074_letter_proposals;
mod m2026_11_28_000075_receipt_numbers;
mod m2026_11_28_000076_escalated_breaks;
mod m2026_11_28_000077_payment_notes;
mod m2026_11_28_000078_event_lag;
mod m2026_11_28_000079_exchange_rates;
mod m2026_11_28_000080_parts_of_runs;
mod m2026_11_28_000081_exchanged_rows;
mod m2026_11_28_000085_ledger_reversals;
mod m2026_11_28_000087_cash_receipts;
mod m2026_11_28_000088_tax_free_amounts;
mod m2026_11_28_000090_settlements_in_order;
mod m2026_11_29_000082_saved_cards;
mod m2026_11_29_000086_window_terms;
mod m2026_11_29_000089_receipt_requests;

/// Every migration, oldest first.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            whole(m2026_11_21_000001_checkouts::Migration),
            whole(m2026_11_21_000002_ledger::Migration),
            whole(m2026_11_21_000003_api_keys::Migration),
            whole(m2026_11_21_000004_checkpoints::Migration),
            whole(m2026_11_21_000005_reads::Migration),
            whole(m2026_11_21_000006_refunds::Migration),
            whole(m2026_11_21_000007_risk::Migration),
            whole(m2026_11_21_000008_journal::Migration),
            whole(m2026_11_21_000009_api_keys::Migration),
            whole(m2026_11_21_000010_buyer_details::Migration),
            whole(m2026_11_27_000011_payment_ids::Migration),
            whole(m2026_11_27_000012_confirm_tokens::Migration),
            whole(m2026_11_27_000013_key_scopes::Migration),
            whole(m2026_11_27_000014_erasable_cards::Migration),
            whole(m2026_11_27_000015_watched_deposits::Migration),
            whole(m2026_11_27_000017_readiness_probe::Migration),
            whole(m2026_11_27_000018_audit_line_ids::Migration),
            whole(m2026_11_27_000020_account_holders::Migration),
            whole(m2026_11_27_000021_event_log::Migration),
            whole(m2026_11_27_000026_webhook_endpoints::Migration),
            whole(m2026_11_27_000027_event_cursor_leases::Migration),
            whole(m2026_11_27_000031_sellers::Migration),
            whole(m2026_11_27_000032_purchase_confirmations::Migration),
            whole(m2026_11_27_000034_payout_runs::Migration),
            whole(m2026_11_27_000038_settlement_rows::Migration),
            whole(m2026_11_27_000039_reconciliations::Migration),
            whole(m2026_11_27_000040_breaks::Migration),
            whole(m2026_11_27_000041_bank_lines::Migration),
            whole(m2026_11_27_000043_console_sessions::Migration),
            whole(m2026_11_27_000044_approvals_of_a_checkout::Migration),
            whole(m2026_11_27_000045_break_repairs::Migration),
            whole(m2026_11_27_000048_commission_vat::Migration),
            whole(m2026_11_27_000049_second_approvals::Migration),
            whole(m2026_11_27_000051_sellers_sign_in::Migration),
            whole(m2026_11_27_000052_sweeps::Migration),
            whole(m2026_11_27_000056_freezing_runs::Migration),
            whole(m2026_11_27_000059_settlement_totals::Migration),
            whole(m2026_11_27_000063_monitored_and_searched::Migration),
            whole(m2026_11_28_000067_seller_links::Migration),
            whole(m2026_11_28_000068_buyers_are_found::Migration),
            whole(m2026_11_28_000069_key_ends_by_age::Migration),
            whole(m2026_11_28_000070_bank_files::Migration),
            whole(m2026_11_28_000071_commission_on_refund::Migration),
            whole(m2026_11_28_000072_returned_money_is_lifted::Migration),
            whole(m2026_11_28_000073_api_key_requests::Migration),
            whole(m2026_11_28_000074_letter_proposals::Migration),
            whole(m2026_11_28_000075_receipt_numbers::Migration),
            whole(m2026_11_28_000076_escalated_breaks::Migration),
            whole(m2026_11_28_000077_payment_notes::Migration),
            whole(m2026_11_28_000078_event_lag::Migration),
            whole(m2026_11_28_000079_exchange_rates::Migration),
            whole(m2026_11_28_000080_parts_of_runs::Migration),
            whole(m2026_11_28_000081_exchanged_rows::Migration),
            whole(m2026_11_28_000085_ledger_reversals::Migration),
            whole(m2026_11_28_000087_cash_receipts::Migration),
            whole(m2026_11_28_000088_tax_free_amounts::Migration),
            whole(m2026_11_28_000090_settlements_in_order::Migration),
            whole(m2026_11_29_000082_saved_cards::Migration),
            whole(m2026_11_29_000086_window_terms::Migration),
            whole(m2026_11_29_000089_receipt_requests::Migration),
        ]
    }
}

/// A migration that happens whole or not at all. By itself only PostgreSQL would run it in a transaction.
struct Whole<M>(M);

fn whole<M: MigrationTrait + 'static>(migration: M) -> Box<dyn MigrationTrait> {
    Box::new(Whole(migration))
}

impl<M: MigrationName> MigrationName for Whole<M> {
    fn name(&self) -> &str {
        self.0.name()
    }
}

#[async_trait::async_trait]
impl<M: MigrationTrait> MigrationTrait for Whole<M> {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        self.0.up(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        self.0.down(manager).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

/// Makes a table refuse every UPDATE and DELETE, whoever asks, and every INSERT that would replace a row. It has
/// its unique keys already.
async fn make_append_only(manager: &SchemaManager<'_>, table: &str) -> Result<(), DbErr> {
    refuse_changes(manager, table, &format!("ABORT, '{table} is append only'")).await
}

/// The same for a table whose rows are inserted with `ON CONFLICT DO NOTHING`: where a key is taken, the first
/// row stays and nothing is said.
async fn make_first_insert_stay(manager: &SchemaManager<'_>, table: &str) -> Result<(), DbErr> {
    refuse_changes(manager, table, "IGNORE").await
}

/// `on_taken_key` is what SQLite raises when an INSERT meets a key that exists. SQLite asks before it looks at the
/// statement's own `ON CONFLICT`, and cannot tell one statement from another.
async fn refuse_changes(manager: &SchemaManager<'_>, table: &str, on_taken_key: &str) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    if manager.get_database_backend() == sea_orm_migration::sea_orm::DbBackend::Sqlite {
        for (action, name) in [("UPDATE", "update"), ("DELETE", "delete")] {
            connection
                .execute_unprepared(&format!(
                    "CREATE TRIGGER {table}_no_{name} BEFORE {action} ON {table} \
                     BEGIN SELECT RAISE(ABORT, '{table} is append only'); END"
                ))
                .await?;
        }
        // `INSERT OR REPLACE` deletes the row in its way, and fires no trigger for that unless the connection
        // asked for it; so the schema itself has to stand in the way.
        let taken = taken_keys(manager, table).await?;
        connection
            .execute_unprepared(&format!(
                "CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} \
                 WHEN EXISTS (SELECT 1 FROM {table} WHERE {taken}) BEGIN SELECT RAISE({on_taken_key}); END"
            ))
            .await?;
        return Ok(());
    }
    connection
        .execute_unprepared(
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION '% is append only', TG_TABLE_NAME; END $$",
        )
        .await?;
    connection
        .execute_unprepared(&format!(
            "CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} \
             FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        ))
        .await?;
    Ok(())
}

/// Makes a table refuse every DELETE. Its rows change, and each stays.
async fn refuse_deletes(manager: &SchemaManager<'_>, table: &str) -> Result<(), DbErr> {
    let sql = if manager.get_database_backend() == sea_orm_migration::sea_orm::DbBackend::Sqlite {
        format!(
            "CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} \
             BEGIN SELECT RAISE(ABORT, '{table} keeps its rows'); END"
        )
    } else {
        format!(
            "CREATE TRIGGER {table}_no_delete BEFORE DELETE OR TRUNCATE ON {table} \
             FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    };
    manager.get_connection().execute_unprepared(&sql).await?;
    Ok(())
}

/// The condition under which a row of an SQLite table is in the way of a new one: it has the same row id, or the
/// same values in a unique key.
async fn taken_keys(manager: &SchemaManager<'_>, table: &str) -> Result<String, DbErr> {
    let keys = "SELECT list.name AS \"index\", info.name AS \"column\" \
                FROM pragma_index_list(?) AS list, pragma_index_info(list.name) AS info \
                WHERE list.\"unique\" ORDER BY list.seq, info.seqno";
    let statement = Statement::from_sql_and_values(manager.get_database_backend(), keys, [table.into()]);
    let mut conditions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in manager.get_connection().query_all_raw(statement).await? {
        let column: String = row.try_get("", "column")?;
        conditions.entry(row.try_get("", "index")?).or_default().push(format!("{column} = NEW.{column}"));
    }
    let keys = conditions.into_values().map(|columns| format!("({})", columns.join(" AND ")));
    Ok(std::iter::once("rowid = NEW.rowid".to_owned()).chain(keys).collect::<Vec<_>>().join(" OR "))
}

/// Removes what [`make_append_only`] left behind once no table uses it any more.
async fn forget_append_only(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    if manager.get_database_backend() == sea_orm_migration::sea_orm::DbBackend::Postgres {
        manager.get_connection().execute_unprepared("DROP FUNCTION IF EXISTS refuse_change()").await?;
    }
    Ok(())
}
