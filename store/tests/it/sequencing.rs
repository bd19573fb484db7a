//! Many writers, late commits, sequencers that are killed: a reader that polls sees each event once, in order.
//!
//! A writer here does what every writer of the store does: it changes the object's row, appends, and commits.

use std::{
    collections::HashMap,
    process::{Child, Command, Stdio},
    str::FromStr,
    time::{Duration, Instant},
};

use sea_orm::{ConnectionTrait, DbBackend};
use store::{Database, DatabaseUrl, EventQuery, Tail, Writer};
use tokio::{sync::watch, task::JoinSet};

use crate::{
    database::{self, Fresh},
    events::{KEPT, read, sequence},
    writing::{plan, record},
};

/// Set in a process that is a sequencer and nothing else: the database.
const SEQUENCER_OF: &str = "TEST_SEQUENCER_OF";
/// How many events one transaction of a writer appends.
const EVENTS_EACH: usize = 10;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many sequencers die before the last transaction of each writer, where sequencers die.
const KILLS: usize = 2;

/// The objects that the writers change.
#[derive(Clone, Copy)]
struct Load {
    objects: usize,
    writers: usize,
    /// Of each writer.
    transactions: usize,
}

impl Load {
    const fn events(self) -> usize {
        self.writers * self.transactions * EVENTS_EACH
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_writers_on_postgres_leave_no_gap() {
    let load = Load { objects: 400, writers: 8, transactions: 1_000 };
    let fresh = database::postgres().await;
    let (stop, sequencers) = two_sequencers(&fresh).await;
    see_each_once(&fresh, load, &watch::channel(KILLS).1).await;
    stop.send_replace(true);
    sequencers.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_writers_on_sqlite_leave_no_gap() {
    let load = Load { objects: 40, writers: 4, transactions: 50 };
    let fresh = database::sqlite().await;
    let (stop, sequencers) = two_sequencers(&fresh).await;
    see_each_once(&fresh, load, &watch::channel(KILLS).1).await;
    stop.send_replace(true);
    sequencers.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_sequencer_on_postgres_leaves_no_gap() {
    see_each_once_while_sequencers_die(database::postgres().await, 600).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_sequencer_on_sqlite_leaves_no_gap() {
    see_each_once_while_sequencers_die(database::sqlite().await, 60).await;
}

/// Sequencers of two processes, as far as the database can tell.
async fn two_sequencers(fresh: &Fresh) -> (watch::Sender<bool>, JoinSet<()>) {
    let (stop, stopped) = watch::channel(false);
    let mut sequencers = JoinSet::new();
    for _ in 0..2 {
        let writer = Writer::new(Database::connect(&fresh.url).await.unwrap());
        let mut stopped = stopped.clone();
        sequencers.spawn(writer.sequencer(KEPT).run(async move {
            stopped.wait_for(|stop| *stop).await.unwrap();
        }));
    }
    (stop, sequencers)
}

async fn see_each_once_while_sequencers_die(fresh: Fresh, transactions: usize) {
    let load = Load { objects: 50, writers: 3, transactions };
    let url = fresh.address.clone();
    let (done, mut is_done) = watch::channel(false);
    let (killed, kills) = watch::channel(0);
    let killing = tokio::spawn(async move {
        let mut alive = start_sequencer(&url);
        while !*is_done.borrow() {
            let other = start_sequencer(&url);
            let _ = tokio::time::timeout(Duration::from_millis(400), is_done.changed()).await;
            // SIGKILL, wherever it is.
            kill(std::mem::replace(&mut alive, other));
            killed.send_modify(|killed| *killed += 1);
        }
        kill(alive);
    });
    see_each_once(&fresh, load, &kills).await;
    done.send_replace(true);
    killing.await.unwrap();
}

/// This program once more, as a process of its own that is a sequencer.
fn start_sequencer(url: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["sequencing::a_process_of_its_own", "--exact", "--nocapture"])
        .env(SEQUENCER_OF, url)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn kill(mut process: Child) {
    process.kill().unwrap();
    process.wait().unwrap();
}

/// Nothing in a run of the tests; a sequencer where another test starts this program as one.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_of_its_own() {
    let Ok(url) = std::env::var(SEQUENCER_OF) else { return };
    let database = Database::connect(&DatabaseUrl::from_str(&url).unwrap()).await.unwrap();
    let long = tokio::time::sleep(2 * PATIENCE);
    Writer::new(database).sequencer(KEPT).run(long).await;
}

/// Writes the load and polls meanwhile: each event comes once, at the next position, and at the next version of its
/// object.
async fn see_each_once(fresh: &Fresh, load: Load, kills: &watch::Receiver<usize>) {
    make_objects(fresh, load).await;
    let writing: JoinSet<()> =
        (0..load.writers).map(|number| write(fresh.url.clone(), load, number, kills.clone())).collect();
    let (began, mut seen, mut after) = (Instant::now(), 0, 0);
    let mut versions: HashMap<String, u32> = HashMap::new();
    while seen < load.events() {
        assert!(began.elapsed() < PATIENCE, "{seen} of {} were seen", load.events());
        let page = read(fresh, EventQuery { after: Some(after), limit: 500, types: Vec::new() }).await;
        for event in &page.events {
            after += 1;
            assert_eq!(event.position, after, "a position was skipped or came twice");
            let version = versions.entry(event.object_id.clone()).or_default();
            *version += 1;
            assert_eq!(event.version, *version, "{} out of order", event.object_id);
        }
        seen += page.events.len();
        if page.events.is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    writing.join_all().await;
    assert_eq!(seen, load.events());
    let figures = fresh.reader.event_figures().await.unwrap();
    assert_eq!((figures.unsequenced.facts, figures.last_position), (0, after));
}

async fn make_objects(fresh: &Fresh, load: Load) {
    let connection = fresh.database.connection();
    let table = "CREATE TABLE objects (id TEXT PRIMARY KEY, version INTEGER NOT NULL)";
    connection.execute_unprepared(table).await.unwrap();
    let rows: Vec<String> = (0..load.objects).map(|number| format!("('object-{number:04}', 0)")).collect();
    connection.execute_unprepared(&format!("INSERT INTO objects VALUES {}", rows.join(", "))).await.unwrap();
}

/// One writer with a connection of its own, and pauses of its own before its commits.
async fn write(url: DatabaseUrl, load: Load, number: usize, mut kills: watch::Receiver<usize>) {
    let database = Database::connect(&url).await.unwrap();
    let connection = database.connection();
    let is_postgres = connection.get_database_backend() == DbBackend::Postgres;
    let mut dice = u64::try_from(number).unwrap() + 1;
    for left in (0..load.transactions).rev() {
        if left == 0 {
            kills.wait_for(|killed| *killed >= KILLS).await.unwrap();
        }
        let ids: Vec<String> = (0..EVENTS_EACH)
            .map(|place| {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                // One of each tenth of the objects: no object twice.
                let tenth = load.objects / EVENTS_EACH;
                let chosen = usize::try_from(dice >> 33).unwrap() % tenth + place * tenth;
                format!("'object-{chosen:04}'")
            })
            .collect();
        let ids = ids.join(", ");
        let (begin, pause) = if is_postgres {
            let lock = format!("SELECT 1 FROM objects WHERE id IN ({ids}) ORDER BY id FOR UPDATE;");
            (format!("BEGIN; {lock}"), format!("SELECT pg_sleep(0.00{});", (dice >> 40) % 5))
        } else {
            ("BEGIN IMMEDIATE;".to_owned(), String::new())
        };
        let transaction = format!(
            "{begin} UPDATE objects SET version = version + 1 WHERE id IN ({ids}); \
             INSERT INTO events (type, object_id, version, occurred_at, recorded_at, data) \
             SELECT 'seller.updated', id, version, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, '{{}}' FROM objects \
             WHERE id IN ({ids}); {pause} COMMIT;"
        );
        connection.execute_unprepared(&transaction).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_hears_at_once_beside_the_sequencer_and_soon_elsewhere() {
    let fresh = database::sqlite().await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let sequencing = tokio::spawn(fresh.writer.sequencer(KEPT).run(async {
        let _ = stopped.await;
    }));
    let journal = fresh.writer.journal();
    let beside = Tail::new(&journal, fresh.reader.clone());
    let elsewhere = Tail::of(fresh.reader.clone());
    for number in 0..3_u64 {
        let waits = (beside.moves_beyond(number), elsewhere.moves_beyond(number));
        let order = format!("o-{number}");
        let sold = plan(&format!("checkout-{number}"), &[(&order, "seller-a", 1)]);
        let (key, began) = (format!("key-{number}"), Instant::now());
        let (_, heard) = tokio::join!(record(&fresh, &key, &sold), async {
            waits.0.await.unwrap();
            let heard = began.elapsed();
            waits.1.await.unwrap();
            heard
        });
        assert!(heard < Duration::from_millis(500), "{heard:?}");
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }
    stop.send(()).unwrap();
    sequencing.await.unwrap();
    sequence(&fresh).await;
}
