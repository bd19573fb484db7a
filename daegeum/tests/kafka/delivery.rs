//! Every event arrives at least once, in the order of its object, whatever dies.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
    str::FromStr,
};

use nix::sys::signal::Signal;
use sea_orm_migration::sea_orm::{ConnectionTrait as _, TransactionTrait as _};
use store::{Database, DatabaseUrl};
use tempfile::TempDir;

use crate::{
    broker::{Broker, Received},
    database::Kind,
    stack::{Dev, Shop, daegeum, until},
};

/// The topic of the tests.
pub(crate) const TOPIC: &str = "daegeum.events";
/// How many checkouts a round makes; each of them has two events.
const CHECKOUTS: usize = 8;

/// A `daegeum dev` that sends to a broker, and can be started again.
pub(crate) struct Sender {
    database: Vec<String>,
    address: String,
    dev: Dev,
}

impl Sender {
    pub(crate) async fn start(database: Kind, broker: &Broker) -> Self {
        let (database, address) = (database.flags().await, broker.address.clone());
        let dev = dev(&database, &address, tempfile::tempdir().unwrap()).await;
        Self { database, address, dev }
    }

    /// `kill -9` of the process, and the same again.
    async fn killed(self) -> Self {
        let directory = {
            let killed = self.dev;
            killed.process.signal(Signal::SIGKILL);
            let Dev { process, directory, .. } = killed;
            drop(process);
            // Here the Temporal server that the process left behind ends.
            directory
        };
        let dev = dev(&self.database, &self.address, directory).await;
        Self { dev, ..self }
    }

    pub(crate) fn shop(&self) -> &Shop {
        &self.dev.shop
    }

    /// What opens its database.
    pub(crate) fn database_url(&self) -> String {
        let file = self.dev.directory.path().join("daegeum.db");
        self.database.last().cloned().unwrap_or_else(|| format!("sqlite://{}", file.display()))
    }

    /// Checkouts that are created and canceled: two events of each object.
    pub(crate) async fn sell(&self, round: &str) {
        for number in 0..CHECKOUTS {
            let id = format!("sale-{round}-{number}");
            self.shop().create(&id).await;
            let canceled = self.shop().delete(&id).await;
            assert_eq!(canceled.status, 200, "{canceled:?}");
        }
    }

    pub(crate) async fn log_ends_at(&self) -> u64 {
        self.shop().get("/v1/events?limit=1").await["last_position"].as_u64().unwrap()
    }

    /// A value of the metrics.
    async fn metric(&self, name: &str) -> u64 {
        let request = self.shop().http.get(format!("{}/metrics", self.shop().api)).bearer_auth(&self.shop().api_key);
        let text = request.send().await.unwrap().text().await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned));
        line.unwrap_or_else(|| panic!("{name} is not told: {text}")).parse().unwrap()
    }

    /// Waits until the brokers have acknowledged the whole log, and answers where it ends.
    pub(crate) async fn all_is_sent(&self, rounds: usize) -> u64 {
        let events = (rounds * CHECKOUTS * 2) as u64;
        until("every event is in the log", || async { self.log_ends_at().await == events }).await;
        until("every event is sent", || async {
            self.metric("daegeum_kafka_holds_cursor").await == 1
                && self.metric("daegeum_kafka_lag_positions").await == 0
        })
        .await;
        events
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = command(&self.database, &self.address, &self.dev.directory);
        let output = command.args(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text)
    }
}

fn command(database: &[String], address: &str, directory: &TempDir) -> Command {
    let mut command = daegeum();
    command.env("DAEGEUM_KAFKA_BROKERS", address).env("DAEGEUM_KAFKA_TOPIC", TOPIC);
    command.arg("--data-dir").arg(directory.path()).args(database);
    command
}

async fn dev(database: &[String], address: &str, directory: TempDir) -> Dev {
    let mut command = command(database, address, &directory);
    command.args(["dev", "--port", "0", "--temporal-port", "0", "--ui-port", "0", "--sim-port", "0"]);
    Dev::start_by(directory, command).await
}

/// Every position up to the end has arrived, under its key and with its headers; of each partition the first arrivals
/// are in the order of the log.
fn check(received: &[Received], end: u64) {
    let mut by_position: BTreeMap<u64, &Received> = BTreeMap::new();
    let mut reached: BTreeMap<i32, u64> = BTreeMap::new();
    for message in received {
        let position = message.position();
        assert_eq!(message.key, message.event["object"]["id"].as_str().unwrap());
        assert_eq!(message.headers["position"], position.to_string());
        assert_eq!(message.headers["id"], message.event["id"].as_str().unwrap());
        assert_eq!(message.headers["type"], message.event["type"].as_str().unwrap());
        match by_position.get(&position) {
            Some(first) => assert_eq!(*first, message, "a repetition is the same message"),
            None => {
                let reached = reached.entry(message.partition).or_default();
                assert!(*reached < position, "position {position} first arrives behind {reached}");
                *reached = position;
                by_position.insert(position, message);
            }
        }
    }
    assert_eq!(by_position.keys().copied().collect::<BTreeSet<_>>(), (1..=end).collect());
}

/// A cursor moves only while a lock of the test is free; its lease is renewed all the same.
const HELD_CURSOR: [&str; 2] = [
    "CREATE FUNCTION hold_cursor() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
     IF NEW.position > OLD.position THEN PERFORM pg_advisory_xact_lock(16); END IF; RETURN NEW; END $$",
    "CREATE TRIGGER hold_cursor BEFORE UPDATE ON event_cursors FOR EACH ROW EXECUTE FUNCTION hold_cursor()",
];

/// The brokers acknowledge, the cursor cannot move, and the process dies.
#[tokio::test(flavor = "multi_thread")]
async fn kafka_gets_again_what_was_acknowledged_and_not_stored_postgres() {
    let broker = Broker::start();
    let sender = Sender::start(Kind::Postgres, &broker).await;
    let (is_well, told) = sender.command(&["doctor"]);
    assert!(!is_well && told.contains("Kafka has no topic daegeum.events"), "{told}");
    broker.create(TOPIC).await;
    sender.sell("first").await;
    sender.all_is_sent(1).await;
    let (_, told) = sender.command(&["doctor"]);
    assert!(told.contains("has 3 partitions, and 0 events wait to be sent"), "{told}");

    let url = DatabaseUrl::from_str(&sender.database[1]).unwrap();
    let database = Database::connect(&url).await.unwrap();
    let lock = database.connection().begin().await.unwrap();
    for statement in HELD_CURSOR {
        database.connection().execute_unprepared(statement).await.unwrap();
    }
    lock.execute_unprepared("SET LOCAL idle_in_transaction_session_timeout = 0").await.unwrap();
    lock.execute_unprepared("SELECT pg_advisory_xact_lock(16)").await.unwrap();
    sender.sell("second").await;
    let (stored, end) = ((CHECKOUTS * 2) as u64, (2 * CHECKOUTS * 2) as u64);
    until("Kafka has what the cursor does not know of", || async {
        broker.all(TOPIC).iter().any(|message| message.position() > stored)
    })
    .await;
    sender.dev.process.signal(Signal::SIGKILL);
    lock.rollback().await.unwrap();
    let sender = sender.killed().await;
    sender.all_is_sent(2).await;
    let received = broker.all(TOPIC);
    check(&received, end);
    assert!(received.len() as u64 > end, "the process died before the cursor moved, so events were sent again");

    // An operator sends a part of the log again, and ends the sink.
    let before = received.len();
    let (is_well, told) = sender.command(&["events", "cursor", "set", "kafka", "20"]);
    assert!(is_well, "{told}");
    until("the events behind position 20 are sent again", || async {
        broker.all(TOPIC).len() as u64 >= before as u64 + end - 20
    })
    .await;
    check(&broker.all(TOPIC), end);
    let (is_well, told) = sender.command(&["events", "cursor", "set", "kafka", "2000"]);
    assert!(!is_well && told.contains("the position must be 0 to 32, not 2000"), "{told}");
}

/// Processes die at any moment, and then the broker does.
#[tokio::test(flavor = "multi_thread")]
async fn kafka_misses_nothing_when_processes_and_the_broker_die() {
    let mut broker = Broker::start();
    broker.create(TOPIC).await;
    let mut sender = Sender::start(Kind::Sqlite, &broker).await;
    for round in ["a", "b"] {
        sender.sell(round).await;
        sender = sender.killed().await;
    }
    let end = sender.all_is_sent(2).await;
    check(&broker.all(TOPIC), end);

    broker.kill();
    sender.sell("c").await;
    until("the sink lags behind", || async { sender.metric("daegeum_kafka_lag_positions").await > 0 }).await;
    let (is_well, told) = sender.command(&["doctor"]);
    assert!(!is_well && told.contains("do not answer"), "{told}");
    broker.start_again();
    let end = sender.all_is_sent(3).await;
    check(&broker.all(TOPIC), end);
    assert!(sender.metric("daegeum_kafka_events_sent_total").await > 0);
}
