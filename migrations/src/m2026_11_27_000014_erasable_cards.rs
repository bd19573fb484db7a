//! The card of a risk decision can be erased. Everything else of the row stays as it was decided.

use sea_orm_migration::{async_trait, prelude::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

/// The columns that no UPDATE changes.
const KEPT: [&str; 9] =
    ["checkout_id", "attempt", "decided_by", "verdict", "reasons", "buyer_id", "amount", "currency", "decided_at"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        if manager.get_database_backend() == DbBackend::Sqlite {
            let kept = KEPT.map(|column| format!("NEW.{column} IS OLD.{column}")).join(" AND ");
            connection.execute_unprepared("DROP TRIGGER risk_decisions_no_update").await?;
            connection
                .execute_unprepared(&format!(
                    "CREATE TRIGGER risk_decisions_no_update BEFORE UPDATE ON risk_decisions \
                     WHEN NOT (NEW.card IS NULL AND {kept}) \
                     BEGIN SELECT RAISE(ABORT, 'risk_decisions is append only, but for an erased card'); END"
                ))
                .await?;
            return Ok(());
        }
        let changed = KEPT.map(|column| format!("NEW.{column} IS DISTINCT FROM OLD.{column}")).join(" OR ");
        connection.execute_unprepared("DROP TRIGGER risk_decisions_append_only ON risk_decisions").await?;
        connection
            .execute_unprepared(
                "CREATE TRIGGER risk_decisions_append_only BEFORE DELETE OR TRUNCATE ON risk_decisions \
                 FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
            )
            .await?;
        connection
            .execute_unprepared(&format!(
                "CREATE TRIGGER risk_decisions_only_erased BEFORE UPDATE ON risk_decisions \
                 FOR EACH ROW WHEN (NEW.card IS NOT NULL OR {changed}) EXECUTE FUNCTION refuse_change()"
            ))
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        if manager.get_database_backend() == DbBackend::Sqlite {
            connection.execute_unprepared("DROP TRIGGER risk_decisions_no_update").await?;
            connection
                .execute_unprepared(
                    "CREATE TRIGGER risk_decisions_no_update BEFORE UPDATE ON risk_decisions \
                     BEGIN SELECT RAISE(ABORT, 'risk_decisions is append only'); END",
                )
                .await?;
            return Ok(());
        }
        connection.execute_unprepared("DROP TRIGGER risk_decisions_only_erased ON risk_decisions").await?;
        connection.execute_unprepared("DROP TRIGGER risk_decisions_append_only ON risk_decisions").await?;
        connection
            .execute_unprepared(
                "CREATE TRIGGER risk_decisions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON risk_decisions \
                 FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
            )
            .await?;
        Ok(())
    }
}
