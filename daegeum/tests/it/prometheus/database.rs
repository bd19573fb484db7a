//! A PostgreSQL that is locked, crowded or does not write.

use std::time::Duration;

use nix::sys::signal::Signal;
use sea_orm_migration::sea_orm::{ConnectionTrait as _, DatabaseTransaction, TransactionTrait as _};
use store::{Database, DatabaseUrl};

use super::{Prometheus, measured_worker};
use crate::{database::Kind, roles::Roles, stack::Shop};

pub(super) const CAUSED: &[&str] = &["DaegeumDatabaseNotWritable", "DaegeumDatabasePoolFull", "DaegeumWatchStuck"];
/// More requests than the reader has connections.
const READERS: usize = 12;
/// How long the worker is frozen: the sequencer's next round may be overdue for 30 seconds.
const FROZEN: Duration = Duration::from_secs(34);

/// Readers that wait for a lock.
async fn crowd(shop: &Shop) {
    let one = async || {
        let request = shop.http.get(format!("{}/v1/payments?limit=1", shop.api)).bearer_auth(&shop.api_key);
        let _ = request.timeout(Duration::from_secs(3)).send().await;
    };
    futures::future::join_all((0..READERS).map(|_| one())).await;
}

/// A transaction that nobody ends, with a table that nobody else reads meanwhile.
async fn forgotten(database: &Database, table: &str) -> DatabaseTransaction {
    let transaction = database.connection().begin().await.unwrap();
    let patient = "SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL statement_timeout = 0";
    transaction.execute_unprepared(patient).await.unwrap();
    transaction.execute_unprepared(&format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")).await.unwrap();
    transaction
}

mod postgres {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_database_that_is_locked_or_does_not_write_is_told() {
        let roles = Roles::start(Kind::Postgres).await;
        let (worker, metrics) = measured_worker(&roles, "measured", "").await;
        let shop = &roles.shop;
        let mut prometheus = Prometheus::start_slow(shop, &[&shop.api, &metrics]).await;
        prometheus.is_silent(CAUSED).await;
        let database = Database::connect(&roles.database_url().parse::<DatabaseUrl>().unwrap()).await.unwrap();
        let write = async |sql: &str| database.connection().execute_unprepared(sql).await.unwrap();

        write(
            "CREATE FUNCTION only_reads() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             RAISE EXCEPTION USING ERRCODE = '25006', MESSAGE = 'read-only'; END $$; \
             CREATE TRIGGER only_reads BEFORE UPDATE ON readiness_probe EXECUTE FUNCTION only_reads()",
        )
        .await;
        prometheus.fires(&["DaegeumDatabaseNotWritable"]).await;
        write("DROP TRIGGER only_reads ON readiness_probe").await;
        prometheus.ends("DaegeumDatabaseNotWritable").await;

        let payments = forgotten(&database, "payment_events").await;
        prometheus.fires_while(&["DaegeumDatabasePoolFull"], || crowd(shop)).await;
        payments.rollback().await.unwrap();
        prometheus.ends("DaegeumDatabasePoolFull").await;

        // The machine of the worker stood still, and its first round afterwards waits for a lock.
        worker.signal(Signal::SIGSTOP);
        let log = forgotten(&database, "event_log").await;
        tokio::time::sleep(FROZEN).await;
        worker.signal(Signal::SIGCONT);
        prometheus.fires(CAUSED).await;
        log.rollback().await.unwrap();
        prometheus.ends("DaegeumWatchStuck").await;
    }
}
