//! What the database itself refuses, whoever asks; and that a refusal leaves nothing behind.

use domain::{Currency::Krw, Money, checkout::Status};
use migrations::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, Statement};
use store::Database;

use crate::{
    database::Fresh,
    on_both_databases,
    writing::{begin, change, pending, plan, post, record},
};

on_both_databases!(
    a_post_that_fails_half_way_leaves_nothing,
    amounts_of_nothing_are_refused_by_the_schema,
    rows_of_no_checkout_are_refused_by_the_schema,
    a_reader_can_neither_insert_nor_change_the_schema,
    a_reopened_database_still_has_everything,
    every_migration_goes_down_alone_and_up_again,
    a_migration_that_fails_half_way_leaves_nothing,
);

/// Whether the database refuses a statement on the writer's own connection.
async fn refuses(fresh: &Fresh, statement: &str) -> bool {
    fresh.database.connection().execute_unprepared(statement).await.is_err()
}

/// The status is written first, then the entry, whose key is taken: all of it has to go.
async fn a_post_that_fails_half_way_leaves_nothing(fresh: Fresh) {
    let plan = plan("checkout-1", &[("o-1", "seller-a", 15_000), ("o-2", "seller-b", 8_000)]);
    record(&fresh, "key", &plan).await;
    begin(&fresh, &plan).await.unwrap();
    post(&fresh, &plan, 2).await.unwrap();
    let before = fresh.reader.checkout(plan.checkout_id()).await.unwrap();
    let books = fresh.reader.trial_balance().await.unwrap();
    for _ in 0..2 {
        post(&fresh, &plan, 3).await.unwrap_err();
        assert_eq!(fresh.reader.checkout(plan.checkout_id()).await.unwrap(), before);
        assert_eq!(fresh.reader.history(plan.checkout_id()).await.unwrap().len(), 3);
        assert_eq!(fresh.reader.trial_balance().await.unwrap(), books);
        assert_eq!((pending(&fresh, "seller-a").await, pending(&fresh, "seller-b").await), (15_000, 8_000));
    }
    // The refusals have not broken the way to the next change.
    fresh.writer.advance(&change(&plan, 3, Status::Stuck)).await.unwrap();
}

async fn amounts_of_nothing_are_refused_by_the_schema(fresh: Fresh) {
    let plan = plan("checkout-1", &[("o-1", "seller-a", 10)]);
    record(&fresh, "key", &plan).await;
    begin(&fresh, &plan).await.unwrap();
    post(&fresh, &plan, 2).await.unwrap();
    let posting = "INSERT INTO ledger_postings (sequence, line, debit_account, credit_account, amount, currency) \
                   VALUES (1, 2,";
    for statement in [
        "UPDATE payment_events SET amount = 0",
        "UPDATE payment_events SET amount = -1",
        "UPDATE payment_events SET revision = -1",
        "UPDATE payment_orders SET amount = 0",
        "UPDATE payment_orders SET refunded_amount = 11",
        "UPDATE payment_orders SET refunded_amount = -1",
        "UPDATE wallets SET pending = -1",
        "UPDATE wallets SET available = -1",
        "UPDATE wallets SET paid_out = -1",
        &format!("{posting} 'psp:receivable', 'seller:seller-a:pending', 0, 'KRW')"),
        &format!("{posting} 'psp:receivable', 'seller:seller-a:pending', -1, 'KRW')"),
        &format!("{posting} 'psp:receivable', 'psp:receivable', 1, 'KRW')"),
    ] {
        assert!(refuses(&fresh, statement).await, "{statement}");
    }
    // The statements are refused for what they say, and not for how they are written.
    assert!(!refuses(&fresh, "UPDATE payment_orders SET refunded_amount = 10").await);
    let posting = format!("{posting} 'psp:receivable', 'seller:seller-a:pending', 1, 'KRW')");
    assert!(!refuses(&fresh, &posting).await);
    let stored = fresh.reader.checkout(plan.checkout_id()).await.unwrap().unwrap();
    assert_eq!(stored.orders[0].refunded, Money::try_from_minor(10, Krw).unwrap());
}

async fn rows_of_no_checkout_are_refused_by_the_schema(fresh: Fresh) {
    let now = "'2026-01-01 00:00:00+00:00'";
    for statement in [
        format!(
            "INSERT INTO payment_status_history (checkout_id, revision, status, occurred_at, recorded_at) \
             VALUES ('nowhere', 0, 'NOT_STARTED', {now}, {now})"
        ),
        "INSERT INTO payment_orders (payment_order_id, checkout_id, line, seller_account, amount, currency, \
         payment_order_status, wallet_updated, ledger_updated) \
         VALUES ('o', 'nowhere', 0, 's', 1, 'KRW', 'NOT_STARTED', false, false)"
            .to_owned(),
        "INSERT INTO ledger_postings (sequence, line, debit_account, credit_account, amount, currency) \
         VALUES (77, 0, 'psp:receivable', 'seller:a:pending', 1, 'KRW')"
            .to_owned(),
    ] {
        let refusal = fresh.database.connection().execute_unprepared(&statement).await.unwrap_err().to_string();
        assert!(refusal.to_lowercase().contains("foreign key"), "{refusal}");
    }
}

async fn a_reader_can_neither_insert_nor_change_the_schema(fresh: Fresh) {
    for statement in [
        "INSERT INTO wallets (seller_account, currency, pending, available, paid_out, updated_at) \
         VALUES ('seller-a', 'KRW', 1, 0, 0, '2026-01-01 00:00:00+00:00')",
        "UPDATE api_keys SET scope = 'ops'",
        "DROP TABLE wallets",
        "CREATE TABLE mine (id text)",
    ] {
        let refusal = fresh.reading.connection().execute_unprepared(statement).await.unwrap_err().to_string();
        assert!(refusal.to_lowercase().replace('-', "").contains("readonly"), "{refusal}");
    }
    assert_eq!(pending(&fresh, "seller-a").await, 0);
}

async fn a_reopened_database_still_has_everything(fresh: Fresh) {
    let plan = plan("checkout-1", &[("o-1", "seller-a", 15_000)]);
    record(&fresh, "key", &plan).await;
    begin(&fresh, &plan).await.unwrap();
    post(&fresh, &plan, 2).await.unwrap();
    fresh.database.clone().close().await.unwrap();
    assert!(fresh.database.ping().await.is_err());
    let reopened = Database::connect(&fresh.url).await.unwrap();
    Migrator::up(reopened.connection(), None).await.unwrap();
    assert_eq!(pending(&fresh, "seller-a").await, 15_000);
}

async fn every_migration_goes_down_alone_and_up_again(fresh: Fresh) {
    let connection = fresh.database.connection();
    let count = Migrator::migrations().len();
    for _ in 0..count {
        Migrator::down(connection, Some(1)).await.unwrap();
    }
    assert_eq!(Migrator::get_pending_migrations(connection).await.unwrap().len(), count);
    for _ in 0..count {
        Migrator::up(connection, Some(1)).await.unwrap();
    }
    Migrator::up(connection, None).await.unwrap();
    let plan = plan("checkout-1", &[("o-1", "seller-a", 15_000)]);
    record(&fresh, "key", &plan).await;
    begin(&fresh, &plan).await.unwrap();
    post(&fresh, &plan, 2).await.unwrap();
    assert_eq!(pending(&fresh, "seller-a").await, 15_000);
    assert!(refuses(&fresh, "DELETE FROM ledger_entries").await, "append only, also the second time");
    assert!(refuses(&fresh, "DELETE FROM checkout_requests").await, "append only, also the second time");
}

/// A table of another stands where one of ours belongs: the tables before it must not stay.
async fn a_migration_that_fails_half_way_leaves_nothing(fresh: Fresh) {
    let connection = fresh.database.connection();
    Migrator::down(connection, None).await.unwrap();
    connection.execute_unprepared("CREATE TABLE payment_status_history (mine text)").await.unwrap();
    Migrator::up(connection, None).await.unwrap_err();
    assert!(refuses(&fresh, "SELECT 1 FROM checkout_requests").await, "a part of the migration stayed");
    connection.execute_unprepared("DROP TABLE payment_status_history").await.unwrap();
    Migrator::up(connection, None).await.unwrap();
    assert_eq!(pending(&fresh, "seller-a").await, 0);
}

/// SQLite replaces a row without a word to its DELETE trigger: by a unique key, and by the row id alone.
#[tokio::test]
async fn sqlite_replaces_nothing_that_only_grows() {
    let fresh = crate::database::sqlite().await;
    let plan = plan("checkout-1", &[("o-1", "seller-a", 15_000)]);
    record(&fresh, "key", &plan).await;
    begin(&fresh, &plan).await.unwrap();
    post(&fresh, &plan, 2).await.unwrap();
    let connection = fresh.database.connection();
    for (table, forge) in [
        ("payment_status_history", "status = 'FAILED'"),
        ("ledger_entries", "reason = 'forged'"),
        ("ledger_postings", "amount = 1"),
    ] {
        assert!(number(&fresh, &format!("SELECT count(*) FROM {table}")).await > 0);
        let forged = format!("CREATE TEMP TABLE forged AS SELECT * FROM {table}; UPDATE forged SET {forge}");
        connection.execute_unprepared(&forged).await.unwrap();
        for way in ["INSERT OR REPLACE", "REPLACE", "INSERT"] {
            let statement = format!("{way} INTO {table} SELECT * FROM forged");
            let refusal = connection.execute_unprepared(&statement).await.unwrap_err().to_string();
            assert!(refusal.contains("append only"), "{statement}: {refusal}");
        }
        assert_eq!(number(&fresh, &format!("SELECT count(*) FROM {table} WHERE {forge}")).await, 0, "{table}");
        connection.execute_unprepared("DROP TABLE forged").await.unwrap();
    }
    // Here the first row stays, and nothing is said.
    for (key, row) in [("workflow_id", "NULL"), ("workflow_id || 'b'", "rowid")] {
        let values = format!("{row}, {key}, api_key_id, 'forged', checkout_id, accepted, recorded_at");
        let columns = "rowid, workflow_id, api_key_id, fingerprint, checkout_id, accepted, recorded_at";
        let statement =
            format!("INSERT OR REPLACE INTO checkout_requests ({columns}) SELECT {values} FROM checkout_requests");
        connection.execute_unprepared(&statement).await.unwrap();
        assert_eq!(number(&fresh, "SELECT count(*) FROM checkout_requests").await, 1);
        assert_eq!(number(&fresh, "SELECT count(*) FROM checkout_requests WHERE fingerprint = 'forged'").await, 0);
    }
    assert!(record(&fresh, "key", &plan).await, "a repeated recording is answered as before");
}

async fn number(fresh: &Fresh, query: &str) -> i64 {
    let connection = fresh.database.connection();
    let statement = Statement::from_string(connection.get_database_backend(), query);
    connection.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}
