//! One address space for checkouts and payment orders: `/v1/payments/{id}` names either, so no id may name both.
//!
//! Every new checkout and every new payment order claims its id in one table. A trigger repeats the claim, so that a
//! process of an older version cannot pass it by while both versions run. Rows that clash already stay as they are;
//! the API refuses to act on such an id.

use sea_orm_migration::{async_trait, prelude::*, schema::*, sea_orm::DbBackend};

use crate::make_first_insert_stay;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden, Clone, Copy)]
enum PaymentIds {
    Table,
    Id,
    Kind,
}

/// A table whose rows claim an id when they are inserted.
struct Claimant {
    table: &'static str,
    column: &'static str,
    kind: &'static str,
}

/// A checkout keeps an id that both kinds have already: the first one wins the claim.
const CLAIMANTS: [Claimant; 2] = [
    Claimant { table: "payment_events", column: "checkout_id", kind: "checkout" },
    Claimant { table: "payment_orders", column: "payment_order_id", kind: "payment_order" },
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(payment_ids()).await?;
        let connection = manager.get_connection();
        let is_sqlite = manager.get_database_backend() == DbBackend::Sqlite;
        for claimant in &CLAIMANTS {
            connection.execute_unprepared(&claimant.claims_of_old_rows()).await?;
            let triggers = if is_sqlite { vec![claimant.sqlite_trigger()] } else { claimant.postgres_trigger() };
            for trigger in triggers {
                connection.execute_unprepared(&trigger).await?;
            }
        }
        make_first_insert_stay(manager, "payment_ids").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let is_sqlite = manager.get_database_backend() == DbBackend::Sqlite;
        for Claimant { table, .. } in &CLAIMANTS {
            let removals = if is_sqlite {
                vec![format!("DROP TRIGGER {table}_claim_id")]
            } else {
                vec![format!("DROP TRIGGER {table}_claim_id ON {table}"), format!("DROP FUNCTION {table}_claim_id()")]
            };
            for removal in removals {
                connection.execute_unprepared(&removal).await?;
            }
        }
        manager.drop_table(Table::drop().table(PaymentIds::Table).to_owned()).await
    }
}

fn payment_ids() -> TableCreateStatement {
    let kinds = CLAIMANTS.map(|claimant| claimant.kind);
    Table::create()
        .table(PaymentIds::Table)
        .col(text(PaymentIds::Id).primary_key())
        .col(text(PaymentIds::Kind).check(Expr::col(PaymentIds::Kind).is_in(kinds)))
        .to_owned()
}

impl Claimant {
    fn claims_of_old_rows(&self) -> String {
        let Self { table, column, kind } = self;
        format!(
            "INSERT INTO payment_ids (id, kind) SELECT {column}, '{kind}' FROM {table} \
             WHERE NOT EXISTS (SELECT 1 FROM payment_ids WHERE id = {table}.{column})"
        )
    }

    /// Inserts nothing where the key is taken: a statement's own `ON CONFLICT` would reach into the trigger.
    fn sqlite_trigger(&self) -> String {
        let Self { table, column, kind } = self;
        format!(
            "CREATE TRIGGER {table}_claim_id BEFORE INSERT ON {table} BEGIN \
             INSERT INTO payment_ids (id, kind) SELECT NEW.{column}, '{kind}' \
             WHERE NOT EXISTS (SELECT 1 FROM payment_ids WHERE id = NEW.{column}); \
             SELECT RAISE(ABORT, 'the payment id is taken') \
             WHERE NOT EXISTS (SELECT 1 FROM payment_ids WHERE id = NEW.{column} AND kind = '{kind}'); END"
        )
    }

    fn postgres_trigger(&self) -> Vec<String> {
        let Self { table, column, kind } = self;
        let function = format!(
            "CREATE FUNCTION {table}_claim_id() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             INSERT INTO payment_ids (id, kind) VALUES (NEW.{column}, '{kind}') ON CONFLICT (id) DO NOTHING; \
             IF NOT EXISTS (SELECT 1 FROM payment_ids WHERE id = NEW.{column} AND kind = '{kind}') THEN \
             RAISE EXCEPTION 'the payment id is taken' USING ERRCODE = 'unique_violation'; END IF; \
             RETURN NEW; END $$"
        );
        let trigger = format!(
            "CREATE TRIGGER {table}_claim_id BEFORE INSERT ON {table} \
             FOR EACH ROW EXECUTE FUNCTION {table}_claim_id()"
        );
        vec![function, trigger]
    }
}
