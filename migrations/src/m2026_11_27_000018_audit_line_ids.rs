//! Each line of the audit log has an id of its own: a line whose answer was lost is written again and stands once.

use sea_orm_migration::{async_trait, prelude::*, schema::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum AuditLog {
    Table,
    LineId,
}

/// The unique key of the ids. Lines from before have none.
const INDEX: &str = "audit_log_by_line_id";
/// On SQLite the first line of an id stays: a second one is left out, as `ON CONFLICT DO NOTHING` does on PostgreSQL,
/// and replaces nothing.
const TRIGGER: &str = "audit_log_first_line_stays";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = Table::alter().table(AuditLog::Table).add_column(text_null(AuditLog::LineId)).to_owned();
        manager.alter_table(column).await?;
        let index = Index::create().name(INDEX).table(AuditLog::Table).col(AuditLog::LineId).unique().to_owned();
        manager.create_index(index).await?;
        if manager.get_database_backend() == DbBackend::Sqlite {
            let trigger = format!(
                "CREATE TRIGGER {TRIGGER} BEFORE INSERT ON audit_log \
                 WHEN EXISTS (SELECT 1 FROM audit_log WHERE line_id = NEW.line_id) BEGIN SELECT RAISE(IGNORE); END"
            );
            manager.get_connection().execute_unprepared(&trigger).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Sqlite {
            manager.get_connection().execute_unprepared(&format!("DROP TRIGGER {TRIGGER}")).await?;
        }
        manager.drop_index(Index::drop().name(INDEX).table(AuditLog::Table).to_owned()).await?;
        manager.alter_table(Table::alter().table(AuditLog::Table).drop_column(AuditLog::LineId).to_owned()).await
    }
}
