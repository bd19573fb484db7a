//! What the event log costs: a change of a row with its event and without, the sequencer, and a reader that catches up.
//!
//! `make bench` runs it on a PostgreSQL of its own with fsync on. Figures of one run are comparable with each other;
//! those of two machines are not.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark prints, and stops at what is wrong"
)]
#![expect(clippy::float_arithmetic, reason = "rates are no money")]

use std::{
    str::FromStr,
    time::{Duration, Instant},
};

use migrations::{Migrator, MigratorTrait};
use sea_orm::ConnectionTrait;
use store::{Database, DatabaseUrl, EventQuery, EventRetention, EventsRead, Reader, Writer};

/// How long one figure is measured.
const SLICE: Duration = Duration::from_secs(3);
/// How often; the median counts.
const REPEATS: usize = 3;
const IN_FLIGHT: [usize; 3] = [1, 8, 64];
/// How far behind the reader is that catches up.
const BEHIND: u64 = 100_000;
/// The statements of a status change of a checkout, in this bench: the row, the history and the order.
const CHANGE: &str = "UPDATE changed SET version = version + 1 WHERE id = $1; \
                      INSERT INTO changes SELECT id, version, now() FROM changed WHERE id = $1; \
                      UPDATE parts SET version = version + 1 WHERE id = $1;";
/// About as large as the event of a checkout of two sellers.
const EVENT: &str = "INSERT INTO events (type, object_id, version, occurred_at, recorded_at, data) \
                     SELECT 'checkout.paid', 'o-' || id, version, now(), now(), repeat('x', 800) FROM changed \
                     WHERE id = $1 ON CONFLICT (object_id, version, type) DO NOTHING;";
const KEPT: EventRetention = EventRetention(Duration::from_secs(24 * 60 * 60));

#[tokio::main]
async fn main() {
    let Ok(url) = std::env::var("BENCH_POSTGRES_URL") else {
        panic!("BENCH_POSTGRES_URL is not set; run `make bench`, which starts a PostgreSQL");
    };
    let url = DatabaseUrl::from_str(&url).unwrap();
    let database = Database::connect(&url).await.unwrap();
    Migrator::up(database.connection(), None).await.unwrap();
    let reader = Reader::new(Database::connect_read_only(&url).await.unwrap());
    prepare(&database).await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let sequencing = tokio::spawn(Writer::new(database.clone()).sequencer(KEPT).run(async {
        let _ = stopped.await;
    }));

    println!("status changes per second with their event and without, the sequencer beside; median of {REPEATS} runs");
    println!("{:>10} {:>12} {:>12} {:>12}", "in flight", "without", "with", "cost");
    for in_flight in IN_FLIGHT {
        let (mut without, mut with) = (Vec::new(), Vec::new());
        for _ in 0..REPEATS {
            without.push(changes(&url, in_flight, "").await);
            with.push(changes(&url, in_flight, EVENT).await);
        }
        let (without, with) = (median(without), median(with));
        println!("{in_flight:>10} {without:>12.0} {with:>12.0} {:>10.1} %", (1.0 - with / without) * 100.0);
    }

    sequenced(&reader).await;
    let appended = "INSERT INTO events (type, object_id, version, occurred_at, recorded_at, data) \
                    SELECT 'checkout.paid', 'b-' || n, 0, now(), now(), repeat('x', 800) \
                    FROM generate_series(1, $1) AS n";
    let began = Instant::now();
    database.connection().execute_unprepared(&appended.replace("$1", &BEHIND.to_string())).await.unwrap();
    sequenced(&reader).await;
    let rate = BEHIND as f64 / began.elapsed().as_secs_f64();
    println!("the sequencer gives {rate:.0} positions per second to {BEHIND} events that are there at once");
    let end = reader.event_log().await.unwrap().last_position;
    let (began, mut after) = (Instant::now(), end - BEHIND);
    while after < end {
        let query = EventQuery { after: Some(after), limit: 500, types: Vec::new() };
        let EventsRead::Page(page) = reader.events_after(&query).await.unwrap() else { panic!("no page") };
        after = page.next_after;
    }
    println!("a reader catches up {:.0} events per second", BEHIND as f64 / began.elapsed().as_secs_f64());
    stop.send(()).unwrap();
    sequencing.await.unwrap();
}

async fn prepare(database: &Database) {
    for statement in [
        "CREATE TABLE changed (id integer PRIMARY KEY, version integer NOT NULL)",
        "CREATE TABLE parts (id integer PRIMARY KEY, version integer NOT NULL)",
        "CREATE TABLE changes (id integer, version integer, at timestamptz, PRIMARY KEY (id, version))",
        "INSERT INTO changed SELECT n, 0 FROM generate_series(0, 9999) AS n",
        "INSERT INTO parts SELECT n, 0 FROM generate_series(0, 9999) AS n",
    ] {
        database.connection().execute_unprepared(statement).await.unwrap();
    }
}

/// Waits until every event has its position.
async fn sequenced(reader: &Reader) {
    while reader.unsequenced().await.unwrap().facts > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Changes per second, each in a transaction of its own, with what is appended to each.
async fn changes(url: &DatabaseUrl, in_flight: usize, appended: &'static str) -> f64 {
    let database = Database::connect(url).await.unwrap();
    let began = Instant::now();
    let tasks: Vec<_> = (0..in_flight)
        .map(|place| {
            let connection = database.connection().clone();
            tokio::spawn(async move {
                let mut changed = 0_u32;
                while began.elapsed() < SLICE {
                    let id = (place * 150 + changed as usize % 150).to_string();
                    let statements = format!("BEGIN; {CHANGE} {appended} COMMIT;").replace("$1", &id);
                    connection.execute_unprepared(&statements).await.unwrap();
                    changed += 1;
                }
                changed
            })
        })
        .collect();
    let mut changed = 0;
    for task in tasks {
        changed += task.await.unwrap();
    }
    f64::from(changed) / began.elapsed().as_secs_f64()
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}
