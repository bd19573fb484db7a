//! What a checkout costs on a cluster: the one of `make cluster`, which `make bench ARGS=cluster` starts and ends.
//!
//! Everything runs on this one machine, so the rates are no cluster's. What a checkout costs each process is: from that
//! follows what a million a day need.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sea_orm_migration::sea_orm::{ConnectionTrait, Statement};
use store::{Database, DatabaseUrl};

use crate::{
    IN_FLIGHT, Plan,
    ceiling::Ceiling,
    figure,
    figures::{Load, saturate},
    latency,
    stack::{ConfirmedBy, Shop, processor_seconds},
};

/// Where the cluster that is up tells of itself.
const DIRECTORY: &str = "BENCH_CLUSTER";
/// One of the two processes of daegeum, as the cluster calls it.
const SECOND_SERVE: &str = "serve-2";
/// Requests that a worker waits with for work end after a minute: a worker that stands still gets none afterwards.
const LAST_TASK: Duration = Duration::from_secs(75);
const PAYMENTS_A_DAY: f64 = 1_000_000.0;
/// How much busier the busiest hour is than the mean one.
const PEAK: f64 = 4.0;
/// The share of its processors that a machine is to be busy with.
const BUSY: f64 = 0.6;
const DAY_S: f64 = 24.0 * 60.0 * 60.0;
const KIB: f64 = 1024.0;

/// The marketplace's backend: it confirms with its key, whatever address the buyers come from.
#[derive(Clone)]
struct Backend(Shop);

impl Load for Backend {
    async fn once(&self, number: u64) -> Vec<Duration> {
        self.0.pay(&format!("cluster-{number}"), ConfirmedBy::Backend).await
    }
}

/// A cluster that is up.
struct Cluster {
    directory: PathBuf,
    environment: BTreeMap<String, String>,
}

impl Cluster {
    fn find() -> Self {
        let Some(directory) = std::env::var_os(DIRECTORY).map(PathBuf::from) else {
            panic!("{DIRECTORY} is not set; run `make bench ARGS=cluster`, which starts a cluster");
        };
        let text = std::fs::read_to_string(directory.join("environment")).unwrap();
        let lines = text.lines().filter_map(|line| line.split_once('='));
        let environment = lines.map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned())).collect();
        Self { directory, environment }
    }

    fn setting(&self, name: &str) -> &str {
        self.environment.get(name).unwrap_or_else(|| panic!("the cluster does not tell {name}"))
    }

    fn shop(&self) -> Shop {
        let (api, simulator) = (self.setting("DAEGEUM_PUBLIC_URL"), self.setting("TOSS_BASE_URL"));
        Shop::at(api.to_owned(), simulator.to_owned()).with_key(self.setting("DAEGEUM_API_KEY").to_owned())
    }

    async fn database(&self) -> Database {
        Database::connect(&self.setting("DAEGEUM_DATABASE_URL").parse::<DatabaseUrl>().unwrap()).await.unwrap()
    }

    /// Each process with its id.
    fn processes(&self) -> Vec<(String, u32)> {
        let listed = std::fs::read_to_string(self.directory.join("processes")).unwrap();
        let named = listed.lines().filter_map(|line| line.trim().split_once(' '));
        named.map(|(id, name)| (name.trim().to_owned(), id.parse().unwrap())).collect()
    }

    /// Seconds of processor time by what a process is, its children's included.
    fn processor_time(&self) -> BTreeMap<String, f64> {
        let mut by_kind = BTreeMap::new();
        for (name, id) in self.processes() {
            *by_kind.entry(kind(&name)).or_insert(0.0) += processor_seconds(id);
        }
        by_kind
    }

    /// Sends a signal to a process.
    fn signal(&self, name: &str, signal: Signal) {
        let processes = self.processes();
        let (_, id) = processes.iter().find(|(process, _)| process == name).unwrap_or_else(|| panic!("no {name}"));
        kill(Pid::from_raw(i32::try_from(*id).unwrap()), signal).unwrap();
    }
}

/// What a process is: its name without its number, with its role.
fn kind(name: &str) -> String {
    let (name, role) = name.split_once(' ').unwrap_or((name, ""));
    let name = name.trim_end_matches(|end: char| end.is_ascii_digit() || "-_".contains(end));
    [name, role].join(" ").trim().to_owned()
}

/// What stands on the disk, and what was written to the log, in bytes.
struct Written {
    log: f64,
    databases: BTreeMap<String, f64>,
}

async fn written(database: &Database) -> Written {
    let rows = async |sql: &str| {
        let statement = Statement::from_string(sea_orm_migration::sea_orm::DbBackend::Postgres, sql);
        database.connection().query_all_raw(statement).await.unwrap()
    };
    let log = &rows("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8").await[0];
    let sizes = "SELECT datname::text, pg_database_size(datname)::float8 FROM pg_database WHERE NOT datistemplate";
    let databases = rows(sizes)
        .await
        .into_iter()
        .map(|row| (row.try_get_by_index::<String>(0).unwrap(), row.try_get_by_index::<f64>(1).unwrap()));
    Written { log: log.try_get_by_index(0).unwrap(), databases: databases.collect() }
}

/// Measures with both workers, and with one of them alone.
pub(crate) async fn measure(plan: &Plan) {
    let cluster = Cluster::find();
    let backend = Backend(cluster.shop());
    let namespace = cluster.setting("TEMPORAL_NAMESPACE");
    let (ceiling, mut worker) = Ceiling::start(cluster.setting("TEMPORAL_ADDRESS"), namespace).await;
    let measured = async {
        // What the first ones pay for (connections, caches) is not what is measured.
        saturate(&backend, 4, Duration::from_secs(5)).await;
        let seconds = with_workers(plan, &cluster, &backend, &ceiling, 2).await;
        cluster.signal(SECOND_SERVE, Signal::SIGSTOP);
        tokio::time::sleep(LAST_TASK).await;
        with_workers(plan, &cluster, &backend, &ceiling, 1).await;
        cluster.signal(SECOND_SERVE, Signal::SIGCONT);
        needs(&seconds);
    };
    tokio::select! {
        () = measured => {}
        ended = worker.run() => panic!("the worker of the ceiling ended: {ended:?}"),
    }
}

/// Answers the seconds of processor time that a checkout took, by process.
async fn with_workers(
    plan: &Plan,
    cluster: &Cluster,
    backend: &Backend,
    ceiling: &Ceiling,
    workers: usize,
) -> BTreeMap<String, f64> {
    let database = cluster.database().await;
    let nothing = saturate(ceiling, IN_FLIGHT, plan.slice).await.per_second;
    let (spent, stood) = (cluster.processor_time(), written(&database).await);
    let checkouts = saturate(backend, IN_FLIGHT, plan.slice).await;
    let (spent_then, stood_then) = (cluster.processor_time(), written(&database).await);
    let paid = checkouts.times.len() as f64;
    figure(&format!("(m) cluster, {workers} x serve: no-op workflows"), nothing, "/s");
    figure("    paid checkouts", checkouts.per_second, "/s");
    figure("    ratio to no-op workflows", checkouts.per_second / nothing, "");
    latency("    create at saturation", &checkouts.times, 0);
    latency("    confirm to paid at saturation", &checkouts.times, 1);
    let per_checkout = spent_then.into_iter().map(|(name, seconds)| {
        let before = spent.get(&name).copied().unwrap_or_default();
        (name, (seconds - before) / paid)
    });
    let per_checkout: BTreeMap<String, f64> = per_checkout.collect();
    for (name, seconds) in &per_checkout {
        figure(&format!("    CPU per checkout, {name}"), seconds * 1_000.0, "ms");
    }
    figure("    write-ahead log per checkout", (stood_then.log - stood.log) / paid / KIB, "KiB");
    for (name, bytes) in &stood_then.databases {
        let before = stood.databases.get(name).copied().unwrap_or_default();
        figure(&format!("    database {name} grows per checkout"), (bytes - before) / paid / KIB, "KiB");
    }
    per_checkout
}

/// What a million payments a day need, from what one costs.
fn needs(per_checkout: &BTreeMap<String, f64>) {
    let at_peak = PAYMENTS_A_DAY / DAY_S * PEAK;
    figure("    a million a day at the peak hour", at_peak, "/s");
    for (name, seconds) in per_checkout {
        figure(&format!("    processors for that, {name}"), seconds * at_peak / BUSY, "");
    }
}
