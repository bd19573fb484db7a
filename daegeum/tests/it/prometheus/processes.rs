//! Processes that are slow, wrong or gone.

use std::time::Duration;

use nix::sys::signal::Signal;
use sea_orm_migration::sea_orm::ConnectionTrait as _;
use store::{Database, DatabaseUrl};

use super::{Prometheus, measured_worker};
use crate::{
    database::Kind,
    roles::Roles,
    stack::{Shop, checkout},
};

pub(super) const CAUSED: &[&str] = &[
    "DaegeumClockOff",
    "DaegeumDown",
    "DaegeumNoWorker",
    "DaegeumServerErrors",
    "DaegeumTemporalUnreachable",
    "DaegeumWorkersSlow",
];
/// How long the worker is frozen. Its open polls take a task each; what comes later waits.
const FROZEN: Duration = Duration::from_secs(12);
/// More checkouts than the worker has open polls.
const CHECKOUTS: usize = 40;

/// Requests that fail on our side while something is away.
async fn knock(shop: &Shop) {
    for _ in 0..3 {
        let _ = shop.http.get(format!("{}/readyz", shop.api)).send().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_are_slow_or_gone_are_told() {
    let mut roles = Roles::start(Kind::Sqlite).await;
    let (worker, metrics) = measured_worker(&roles, "measured", "").await;
    let shop = roles.shop.clone();
    shop.create("alarm-1").await;
    let key = shop.authorize("alarm-1").await;
    assert_eq!(shop.confirm("alarm-1", &key, "23000").await.0, 200);
    let mut prometheus = Prometheus::start(&shop, &[&shop.api, &metrics]).await;
    prometheus.is_silent(CAUSED).await;

    worker.signal(Signal::SIGSTOP);
    let bodies: Vec<_> =
        (0..CHECKOUTS).map(|number| (format!("slow-{number}"), checkout(&format!("slow-{number}")))).collect();
    let created = futures::future::join_all(bodies.iter().map(|(key, body)| shop.post(key, body)));
    tokio::join!(created, tokio::time::sleep(FROZEN));
    worker.signal(Signal::SIGCONT);
    prometheus.fires(&["DaegeumWorkersSlow"]).await;

    // The newest entry of the books says that this machine's clock is behind.
    let database = Database::connect(&roles.database_url().parse::<DatabaseUrl>().unwrap()).await.unwrap();
    let write = async |sql: &str| database.connection().execute_unprepared(sql).await.unwrap();
    write("UPDATE ledger_head SET booked_at = '2100-01-01 00:00:00.000000+00:00'").await;
    prometheus.fires_while(&["DaegeumClockOff", "DaegeumServerErrors"], || knock(&shop)).await;
    write("UPDATE ledger_head SET booked_at = '2026-01-01 00:00:00.000000+00:00'").await;
    prometheus.ends("DaegeumClockOff").await;

    drop(worker);
    prometheus.reads(&[&shop.api]);
    prometheus.fires(&["DaegeumNoWorker"]).await;
    roles.stop_temporal();
    prometheus.fires(&["DaegeumTemporalUnreachable"]).await;
    roles.kill_api();
    prometheus.fires(CAUSED).await;
}
