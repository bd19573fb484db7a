//! The event log: facts without a position, positions that are given after the commit, a floor that only rises, and the
//! cursors of those who read it.

use sea_orm_migration::{async_trait, prelude::*, schema::*, sea_orm::DbBackend};

use crate::taken_keys;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum Events {
    Table,
    AppendId,
    Position,
    Type,
    ObjectId,
    Version,
    OccurredAt,
    RecordedAt,
    Data,
}

#[derive(DeriveIden)]
enum EventLog {
    Table,
    Id,
    LogId,
    LastPosition,
    Floor,
    BeganAt,
}

#[derive(DeriveIden)]
enum EventCursors {
    Table,
    Name,
    Position,
    UpdatedAt,
}

/// Facts that have no position yet: few, in the order in which they were written.
const UNSEQUENCED: &str = "CREATE INDEX events_unsequenced ON events (append_id) WHERE position IS NULL";
/// What an UPDATE of an event may not touch.
const FACT: [&str; 7] = ["append_id", "type", "object_id", "version", "occurred_at", "recorded_at", "data"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(events()).await?;
        manager.create_table(event_log()).await?;
        manager.create_table(event_cursors()).await?;
        let mut position = Index::create().name("events_by_position").table(Events::Table).unique().to_owned();
        manager.create_index(position.col(Events::Position).to_owned()).await?;
        let mut fact = Index::create().name("events_by_object").table(Events::Table).unique().to_owned();
        fact.col(Events::ObjectId).col(Events::Version).col(Events::Type);
        manager.create_index(fact).await?;
        let connection = manager.get_connection();
        connection.execute_unprepared(UNSEQUENCED).await?;
        let log_id = match manager.get_database_backend() {
            DbBackend::Sqlite => "lower(hex(randomblob(8)))",
            _ => "substr(replace(gen_random_uuid()::text, '-', ''), 1, 16)",
        };
        connection
            .execute_unprepared(&format!(
                "INSERT INTO event_log (id, log_id, last_position, floor, began_at) \
                 VALUES (1, {log_id}, 0, 1, CURRENT_TIMESTAMP)"
            ))
            .await?;
        match manager.get_database_backend() {
            DbBackend::Sqlite => guard_sqlite(manager).await,
            _ => guard_postgres(manager).await,
        }
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(EventCursors::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(Events::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(EventLog::Table).to_owned()).await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            let functions = "DROP FUNCTION guard_event(), guard_event_log()";
            manager.get_connection().execute_unprepared(functions).await?;
        }
        Ok(())
    }
}

fn events() -> TableCreateStatement {
    Table::create()
        .table(Events::Table)
        .col(big_integer(Events::AppendId).primary_key().auto_increment())
        .col(big_integer_null(Events::Position).check(Expr::col(Events::Position).gt(0)))
        .col(text(Events::Type))
        .col(text(Events::ObjectId))
        .col(integer(Events::Version).check(Expr::col(Events::Version).gte(0)))
        .col(timestamp_with_time_zone(Events::OccurredAt))
        .col(timestamp_with_time_zone(Events::RecordedAt))
        .col(text(Events::Data).check(Expr::cust("length(data) <= 18000")))
        .to_owned()
}

fn event_log() -> TableCreateStatement {
    Table::create()
        .table(EventLog::Table)
        .col(integer(EventLog::Id).primary_key().check(Expr::col(EventLog::Id).eq(1)))
        .col(text(EventLog::LogId))
        .col(big_integer(EventLog::LastPosition).check(Expr::col(EventLog::LastPosition).gte(0)))
        .col(big_integer(EventLog::Floor).check(Expr::col(EventLog::Floor).gte(1)))
        .col(timestamp_with_time_zone(EventLog::BeganAt))
        .check(Expr::cust("floor <= last_position + 1"))
        .to_owned()
}

fn event_cursors() -> TableCreateStatement {
    Table::create()
        .table(EventCursors::Table)
        .col(text(EventCursors::Name).primary_key())
        .col(big_integer(EventCursors::Position).check(Expr::col(EventCursors::Position).gte(0)))
        .col(timestamp_with_time_zone(EventCursors::UpdatedAt))
        .to_owned()
}

/// A position is given once and stays; nothing else of an event changes; an event goes only once the floor is above it.
/// The log's own row stays, and what it counts only rises.
async fn guard_sqlite(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let changed = FACT.map(|column| format!("NEW.{column} IS NOT OLD.{column}")).join(" OR ");
    // A fact that stands there already stays as it is: `INSERT OR REPLACE` would delete the row in its way.
    let taken = taken_keys(manager, "events").await?;
    let triggers = [
        format!(
            "CREATE TRIGGER events_no_update BEFORE UPDATE ON events \
             WHEN OLD.position IS NOT NULL OR NEW.position IS NULL OR {changed} \
             BEGIN SELECT RAISE(ABORT, 'events is append only'); END"
        ),
        "CREATE TRIGGER events_no_delete BEFORE DELETE ON events \
         WHEN OLD.position IS NULL OR OLD.position >= (SELECT floor FROM event_log) \
         BEGIN SELECT RAISE(ABORT, 'events is append only'); END"
            .to_owned(),
        format!(
            "CREATE TRIGGER events_no_replace BEFORE INSERT ON events \
             WHEN EXISTS (SELECT 1 FROM events WHERE {taken}) BEGIN SELECT RAISE(IGNORE); END"
        ),
        "CREATE TRIGGER event_log_rises BEFORE UPDATE ON event_log \
         WHEN NEW.last_position < OLD.last_position OR NEW.floor < OLD.floor OR NEW.log_id <> OLD.log_id \
         BEGIN SELECT RAISE(ABORT, 'event_log only rises'); END"
            .to_owned(),
        "CREATE TRIGGER event_log_stays BEFORE DELETE ON event_log \
         BEGIN SELECT RAISE(ABORT, 'event_log only rises'); END"
            .to_owned(),
        "CREATE TRIGGER event_log_is_one BEFORE INSERT ON event_log \
         BEGIN SELECT RAISE(ABORT, 'event_log only rises'); END"
            .to_owned(),
    ];
    for trigger in triggers {
        manager.get_connection().execute_unprepared(&trigger).await?;
    }
    Ok(())
}

/// As [`guard_sqlite`].
async fn guard_postgres(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let row = |of: &str| FACT.map(|column| format!("{of}.{column}")).join(", ");
    let (new, old) = (row("NEW"), row("OLD"));
    let statements = [
        format!(
            "CREATE FUNCTION guard_event() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF TG_OP = 'UPDATE' AND OLD.position IS NULL AND NEW.position IS NOT NULL \
                AND ({new}) IS NOT DISTINCT FROM ({old}) THEN RETURN NEW; END IF; \
             IF TG_OP = 'DELETE' AND OLD.position < (SELECT floor FROM event_log) THEN RETURN OLD; END IF; \
             RAISE EXCEPTION 'events is append only'; END $$"
        ),
        "CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON events \
         FOR EACH ROW EXECUTE FUNCTION guard_event()"
            .to_owned(),
        "CREATE TRIGGER events_no_truncate BEFORE TRUNCATE ON events \
         FOR EACH STATEMENT EXECUTE FUNCTION guard_event()"
            .to_owned(),
        "CREATE FUNCTION guard_event_log() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         IF TG_OP = 'UPDATE' AND NEW.last_position >= OLD.last_position AND NEW.floor >= OLD.floor \
            AND NEW.log_id = OLD.log_id THEN RETURN NEW; END IF; \
         RAISE EXCEPTION 'event_log only rises'; END $$"
            .to_owned(),
        "CREATE TRIGGER event_log_rises BEFORE UPDATE OR DELETE OR INSERT ON event_log \
         FOR EACH ROW EXECUTE FUNCTION guard_event_log()"
            .to_owned(),
        "CREATE TRIGGER event_log_no_truncate BEFORE TRUNCATE ON event_log \
         FOR EACH STATEMENT EXECUTE FUNCTION guard_event_log()"
            .to_owned(),
    ];
    for statement in statements {
        manager.get_connection().execute_unprepared(&statement).await?;
    }
    Ok(())
}
