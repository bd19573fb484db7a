//! Delivering events to receivers of every kind: a real log, a real database, real HTTP.

mod receiver;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use activities::delivery::{Deliveries, DeliveryClock, DeliveryCounts, DeliveryParts, DeliveryRules, Watcher};
use domain::{
    Timestamp,
    dead_letter::{Awaits, Letter},
    failure::Failure,
    id::{DeadLetterId, WebhookEndpointId},
    webhook_endpoint::{
        AttemptOutcome, DeliveryStatus, DisabledReason, EndpointStatus, Permitted, STANDARD_SCHEDULE_S, Schedule,
    },
};
use receiver::{Arrived, PATIENCE, Receiver, Reply, status, with_headers};
use store::{
    EventQuery, EventRetention, EventsRead, Journal, Keyring, Reader, Window, Writer,
    webhook_endpoint::{
        Asked, Change, DeliveryFilter, DeliveryRecord, EndpointRecord, NewEndpoint, Replay, Replayed, WebhookSecret,
    },
};
use temporalio_sdk::testing::ActivityEnvironment;
use tokio::task::JoinHandle;
use workflows::delivery::{Carried, CarryEndpoint};

const NOW: Timestamp = Timestamp::from_epoch_ms(1_700_000_000_000);
/// Everything on this machine.
const LOCAL: Permitted = Permitted { private: true, http: true };

/// A log with its sequencer, and a worker of deliveries.
struct World {
    writer: Writer,
    journal: Journal,
    reader: Reader,
    keys: Arc<Keyring>,
    rules: DeliveryRules,
    counts: DeliveryCounts,
    /// By how much the clock of deliveries is ahead, in milliseconds.
    ahead_ms: Arc<AtomicU64>,
    _database: testkit::database::Fresh,
}

/// An endpoint that is being carried.
struct Carrier {
    id: WebhookEndpointId,
    secret: WebhookSecret,
    watcher: Watcher,
    run: JoinHandle<Carried>,
}

impl World {
    async fn new(permitted: Permitted, pauses_s: &[u32]) -> Self {
        let _already_there = rustls::crypto::ring::default_provider().install_default();
        let database = testkit::database::sqlite().await;
        let (writer, reader) = (database.writer.clone(), database.reader.clone());
        let retention = EventRetention(Duration::from_secs(1_000_000));
        tokio::spawn(writer.sequencer(retention).run(std::future::pending()));
        let keys = Keyring::parse(&Keyring::generate("test").unwrap()).unwrap();
        let rules = DeliveryRules { permitted, schedule: Schedule::try_new(pauses_s.to_vec()).unwrap() };
        let journal = writer.journal();
        Self {
            writer,
            journal,
            reader,
            keys: Arc::new(keys),
            rules,
            counts: DeliveryCounts::default(),
            ahead_ms: Arc::default(),
            _database: database,
        }
    }

    async fn endpoint(&self, url: &str) -> (WebhookEndpointId, WebhookSecret) {
        let (id, secret) =
            (WebhookEndpointId::parse(format!("we_{}", url.len())).unwrap(), WebhookSecret::generate().unwrap());
        let id = self.free(id).await;
        let new = NewEndpoint { endpoint_id: &id, url, types: None, description: "", secret: &secret };
        self.journal.create_webhook_endpoint(new, &self.keys).await.unwrap().unwrap();
        (id, secret)
    }

    async fn free(&self, id: WebhookEndpointId) -> WebhookEndpointId {
        let number = self.reader.webhook_endpoints().await.unwrap().len();
        WebhookEndpointId::parse(format!("{id}_{number}")).unwrap()
    }

    /// Carries an endpoint in a worker of its own, as another process would.
    fn carry(&self, (id, secret): (WebhookEndpointId, WebhookSecret)) -> Carrier {
        let deliveries = Deliveries::try_new(DeliveryParts {
            writer: self.writer.clone(),
            reader: self.reader.clone(),
            keyring: Some(self.keys.clone()),
            rules: self.rules.clone(),
            counts: self.counts.clone(),
            clock: self.clock(),
        })
        .unwrap();
        let watcher = deliveries.watcher();
        let watching = watcher.clone();
        tokio::spawn(async move { watching.run().await });
        // One that listens keeps workflows running.
        let listener = watcher.listen();
        let environment = ActivityEnvironment::builder().register_activities(deliveries).build();
        let input = CarryEndpoint { endpoint_id: id.clone() };
        let run = tokio::spawn(async move {
            let _listener = listener;
            environment.run(Deliveries::carry, input).await.unwrap()
        });
        Carrier { id, secret, watcher, run }
    }

    fn clock(&self) -> DeliveryClock {
        let ahead_ms = self.ahead_ms.clone();
        let machine_ms = || chrono::Utc::now().timestamp_millis();
        DeliveryClock::of(move || Timestamp::from_epoch_ms(machine_ms()).plus_ms(ahead_ms.load(Ordering::SeqCst)))
    }

    async fn carried(&self, url: &str) -> Carrier {
        let endpoint = self.endpoint(url).await;
        self.carry(endpoint)
    }

    /// A fact: a dead letter is opened.
    async fn open(&self, letter: &str) {
        self.writer.open_dead_letter(&letter_of(letter)).await.unwrap();
    }

    /// A later fact about the same object.
    async fn close(&self, letter: &str) {
        self.writer.close_dead_letter(&DeadLetterId::parse(letter).unwrap()).await.unwrap();
    }

    async fn record(&self, id: &WebhookEndpointId) -> EndpointRecord {
        self.reader.webhook_endpoint(id).await.unwrap().unwrap()
    }

    /// The attempts of an endpoint, the oldest first.
    async fn attempts(&self, id: &WebhookEndpointId) -> Vec<DeliveryRecord> {
        let filter = DeliveryFilter { endpoint_id: id.clone(), status: None, event_id: None };
        let page = self.reader.webhook_deliveries(&filter, &Window { after: None, limit: 10_000 }).await.unwrap();
        let mut attempts = page.items;
        attempts.reverse();
        attempts
    }

    /// Waits for an attempt that is written, and answers all.
    async fn attempted(&self, id: &WebhookEndpointId, number: usize) -> Vec<DeliveryRecord> {
        until(&format!("{number} attempts are written"), || async { self.attempts(id).await.len() >= number }).await;
        self.attempts(id).await
    }

    /// How many events wait at an endpoint.
    async fn waiting(&self, id: &WebhookEndpointId) -> usize {
        self.writer.webhook_waiting(id).await.unwrap().len()
    }

    async fn events(&self, kind: &str) -> usize {
        let query = EventQuery { after: None, limit: 1_000, types: Vec::new() };
        match self.reader.events_after(&query).await.unwrap() {
            EventsRead::Page(page) => page.events.iter().filter(|event| event.event_type.as_str() == kind).count(),
            other => panic!("{other:?}"),
        }
    }
}

impl Carrier {
    async fn stop(self) -> Carried {
        self.watcher.stop();
        self.run.await.unwrap()
    }
}

fn letter_of(letter: &str) -> Letter {
    Letter {
        letter_id: DeadLetterId::parse(letter).unwrap(),
        workflow_id: "workflow-1".to_owned(),
        run_id: "run-1".to_owned(),
        workflow_type: "checkout".to_owned(),
        checkout_id: None,
        step: "psp.confirm".to_owned(),
        failure: Failure::new("psp_access_denied", "not let in"),
        input: BTreeMap::new(),
        awaits: Awaits::Mending,
        opened_at: NOW,
        replaces: None,
    }
}

async fn until<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let began = std::time::Instant::now();
    while !condition().await {
        assert!(began.elapsed() < PATIENCE, "waited and still not: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn objects(arrived: &[Arrived]) -> Vec<String> {
    arrived.iter().map(Arrived::object).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_arrives_signed_and_the_cursor_moves_behind_it() {
    let world = World::new(LOCAL, &[0, 1]).await;
    let receiver = Receiver::start(|_, _| status(204)).await;
    let carried = world.carried(&receiver.url()).await;
    world.open("letter-1").await;
    let arrived = receiver.has(1).await;
    let (message, event) = (&arrived[0], arrived[0].event());
    assert!(message.is_signed_by(&carried.secret));
    assert!(!message.is_signed_by(&WebhookSecret::generate().unwrap()));
    assert_eq!(message.header("content-type"), "application/json");
    assert_eq!(message.header("webhook-id"), event["id"].as_str().unwrap());
    assert_eq!((event["type"].as_str(), event["position"].as_u64()), (Some("dead_letter.opened"), Some(1)));
    assert_eq!(event["timestamp"], event["occurred_at"]);
    assert!(event["data"].is_object(), "{event}");
    let attempts = world.attempted(&carried.id, 1).await;
    assert_eq!((attempts[0].attempt.outcome, attempts[0].attempt.http_status), (AttemptOutcome::Delivered, Some(204)));
    assert_eq!((attempts[0].attempt.status, attempts[0].attempt.number), (DeliveryStatus::Delivered, 1));
    assert_eq!(world.record(&carried.id).await.position, 1);
    let id = carried.id.clone();
    assert_eq!(carried.stop().await, Carried::TimeUp);

    // Another carrier goes on where the cursor is.
    let endpoint = (id, WebhookSecret::generate().unwrap());
    world.open("letter-2").await;
    let carried = world.carry(endpoint);
    assert_eq!(objects(&receiver.has(2).await), ["dead_letter:letter-1 0", "dead_letter:letter-2 0"]);
    carried.stop().await;
    assert_eq!(receiver.arrived().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_event_holds_up_its_own_object_only_and_arrives_in_order() {
    let world = World::new(LOCAL, &[0, 1, 1, 1]).await;
    // The first two attempts of the first event of letter-a fail.
    let receiver =
        Receiver::start(|message, _| status(if message.object() == "dead_letter:letter-a 0" { 500 } else { 200 }))
            .await;
    let carried = world.carried(&receiver.url()).await;
    world.open("letter-a").await;
    receiver.has(1).await;
    world.close("letter-a").await;
    world.open("letter-b").await;
    world.close("letter-b").await;
    until("the other object has arrived", || async {
        objects(&receiver.arrived()).contains(&"dead_letter:letter-b 1".to_owned())
    })
    .await;
    assert!(!objects(&receiver.arrived()).contains(&"dead_letter:letter-a 1".to_owned()), "it waits behind the first");
    assert!(world.reader.webhook_waiting_count(&carried.id).await.unwrap() > 0);
    receiver.behave(|_, _| status(200));
    until("nothing waits", || async { world.reader.webhook_waiting_count(&carried.id).await.unwrap() == 0 }).await;
    let seen = objects(&receiver.arrived());
    let at = |wanted: &str| seen.iter().rposition(|object| object == wanted).unwrap();
    assert!(at("dead_letter:letter-a 0") < at("dead_letter:letter-a 1"), "{seen:?}");
    let of_first: Vec<_> =
        receiver.arrived().into_iter().filter(|message| message.object() == "dead_letter:letter-a 0").collect();
    assert!(of_first.len() > 1);
    assert!(of_first.iter().all(|message| message.header("webhook-id") == of_first[0].header("webhook-id")));
    assert!(of_first.iter().all(|message| message.is_signed_by(&carried.secret)), "each attempt has a time of its own");
    carried.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_given_up_after_the_last_attempt_and_the_next_one_of_its_object_follows() {
    let world = World::new(LOCAL, &[0, 0, 1]).await;
    let receiver =
        Receiver::start(|message, _| status(if message.object() == "dead_letter:letter-a 0" { 400 } else { 200 }))
            .await;
    let carried = world.carried(&receiver.url()).await;
    world.open("letter-a").await;
    world.close("letter-a").await;
    let seen = objects(&receiver.has(4).await);
    let expected = ["letter-a 0", "letter-a 0", "letter-a 0", "letter-a 1"];
    assert_eq!(seen, expected.map(|object| format!("dead_letter:{object}")));
    let attempts = world.attempted(&carried.id, 4).await;
    let standing: Vec<_> = attempts.iter().map(|record| (record.attempt.number, record.attempt.status)).collect();
    let failed = DeliveryStatus::Failed;
    assert_eq!(standing, [(1, failed), (2, failed), (3, DeliveryStatus::Undelivered), (1, DeliveryStatus::Delivered)]);
    assert_eq!(attempts[0].attempt.answer.as_deref(), Some("told"));
    assert_eq!((world.counts.undelivered(), world.record(&carried.id).await.status), (1, EndpointStatus::Enabled));
    // A person asks for it once more, after the receiver is mended.
    receiver.behave(|_, _| status(200));
    let asked = world.journal.ask_for_redelivery(&attempts[2]).await.unwrap();
    assert_eq!(asked, Asked::Soon { event_id: attempts[2].attempt.event_id.clone() });
    let arrived = receiver.has(5).await;
    assert_eq!(arrived[4].header("webhook-id"), arrived[0].header("webhook-id"));
    carried.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_puts_off_the_event_and_leaves_the_receiver_alone() {
    let world = World::new(LOCAL, &[0, 0, 0, 0]).await;
    let receiver =
        Receiver::start(|_, before| if before == 0 { with_headers(429, "retry-after: 2\r\n") } else { status(200) })
            .await;
    let carried = world.carried(&receiver.url()).await;
    world.open("letter-1").await;
    receiver.has(1).await;
    world.open("letter-2").await;
    let arrived = receiver.has(3).await;
    for message in &arrived[1..] {
        assert!(message.at - arrived[0].at >= Duration::from_millis(1_900), "it came too early");
    }
    carried.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_wants_no_more_is_disabled_and_goes_on_where_it_stood() {
    let world = World::new(LOCAL, &[0, 1]).await;
    let receiver = Receiver::start(|_, _| status(410)).await;
    let carried = world.carried(&receiver.url()).await;
    world.open("letter-1").await;
    let (id, secret) = (carried.id.clone(), carried.secret.clone());
    assert_eq!(carried.run.await.unwrap(), Carried::Stopped);
    let record = world.record(&id).await;
    assert_eq!((record.status, record.disabled_reason), (EndpointStatus::Disabled, Some(DisabledReason::Gone)));
    until("the world is told", || async { world.events("webhook_endpoint.disabled").await == 1 }).await;
    assert_eq!(world.journal.ask_for_webhook_test(&id).await.unwrap(), Asked::Disabled);
    assert_eq!(world.counts.disablings()[0], (DisabledReason::Gone, 1));
    world.open("letter-2").await;
    let carried = world.carry((id.clone(), secret.clone()));
    assert_eq!(carried.run.await.unwrap(), Carried::Stopped, "nothing is sent to a disabled endpoint");
    assert_eq!(receiver.arrived().len(), 1);

    receiver.behave(|_, _| status(200));
    let enable = Change { status: Some(EndpointStatus::Enabled), ..Change::default() };
    world.journal.change_webhook_endpoint(&id, &enable).await.unwrap().unwrap();
    let carried = world.carry((id, secret));
    let arrived = receiver.has(4).await;
    let mut seen: Vec<_> = objects(&arrived[1..]);
    seen.sort();
    assert!(seen[0].starts_with("dead_letter:letter-1") && seen[1].starts_with("dead_letter:letter-2"), "{seen:?}");
    carried.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_lies_or_never_ends_harms_nobody() {
    let world = World::new(LOCAL, &[0]).await;
    let elsewhere = Receiver::start(|_, _| status(200)).await;
    let location = format!("location: {}\r\n", elsewhere.url());
    let huge = "HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n".to_owned();
    let trickle = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_owned();
    let cases: [(&str, Reply, AttemptOutcome); 6] = [
        ("redirect", with_headers(302, &location), AttemptOutcome::Redirect),
        ("garbage", Reply::Raw("\0\u{1}garbage that is no HTTP\r\n\r\n".to_owned()), AttemptOutcome::Unreadable),
        (
            "headers",
            Reply::Raw(format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(10_000))),
            AttemptOutcome::Unreadable,
        ),
        ("broken", Reply::Raw("HTTP/1.1 200 OK\r\ncont".to_owned()), AttemptOutcome::Unreachable),
        // The status says that it was taken; nobody reads ten gigabytes for it.
        (
            "huge",
            Reply::Endless { head: huge, chunk: vec![b'x'; 65_536], pause: Duration::ZERO },
            AttemptOutcome::Delivered,
        ),
        (
            "trickle",
            Reply::Endless { head: trickle, chunk: b"1\r\nx\r\n".to_vec(), pause: Duration::from_millis(100) },
            AttemptOutcome::Delivered,
        ),
    ];
    for (name, reply, outcome) in cases {
        let receiver = Receiver::start(move |_, _| reply.clone()).await;
        let carried = world.carried(&receiver.url()).await;
        world.open(&format!("letter-{name}")).await;
        let attempts = world.attempted(&carried.id, 1).await;
        assert_eq!(attempts[0].attempt.outcome, outcome, "{name}: {:?}", attempts[0]);
        assert!(attempts[0].attempt.answer.as_ref().is_none_or(|answer| answer.len() <= 4_096), "{name}");
        assert!(*receiver.written.lock().unwrap() < 8 * 1024 * 1024, "{name}: it read on");
        carried.stop().await;
    }
    assert!(elsewhere.arrived().is_empty(), "a redirect is not followed");
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_of_our_own_network_are_refused_however_they_are_written() {
    // Plain HTTP, so that nothing but the address can be the reason.
    let world = World::new(Permitted { private: false, http: true }, &[0]).await;
    let receiver = Receiver::start(|_, _| status(200)).await;
    let port = receiver.port;
    // The last one is what the machine calls itself. A name with dots is refused once it is resolved; see `client.rs`.
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default().trim().to_owned();
    let names = ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0x7f000001", "ip6-localhost.", &host];
    for name in names.iter().filter(|name| !name.is_empty()) {
        let carried = world.carried(&format!("http://{name}:{port}/hook")).await;
        world.open(&format!("letter-of-{}", carried.id)).await;
        let attempts = world.attempted(&carried.id, 1).await;
        assert_eq!(attempts[0].attempt.outcome, AttemptOutcome::AddressRefused, "{name}: {:?}", attempts[0]);
        carried.stop().await;
    }
    assert!(receiver.arrived().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_changed_without_a_gap() {
    let world = World::new(LOCAL, &[0, 1]).await;
    let receiver = Receiver::start(|_, _| status(200)).await;
    let carried = world.carried(&receiver.url()).await;
    world.open("letter-1").await;
    receiver.has(1).await;
    let new = WebhookSecret::generate().unwrap();
    world.journal.rotate_webhook_secret(&carried.id, &new, &world.keys).await.unwrap().unwrap();
    world.open("letter-2").await;
    let arrived = receiver.has(2).await;
    assert!(!arrived[0].is_signed_by(&new));
    assert!(arrived[1].is_signed_by(&new) && arrived[1].is_signed_by(&carried.secret), "both sign for a day");
    let newest = WebhookSecret::generate().unwrap();
    world.journal.rotate_webhook_secret(&carried.id, &newest, &world.keys).await.unwrap().unwrap();
    assert!(matches!(world.journal.ask_for_webhook_test(&carried.id).await.unwrap(), Asked::Soon { .. }));
    let arrived = receiver.has(3).await;
    assert!(arrived[2].is_signed_by(&newest) && arrived[2].is_signed_by(&new));
    assert!(!arrived[2].is_signed_by(&carried.secret), "the one before the current one signs no more");
    assert_eq!(arrived[2].event()["type"], "webhook_endpoint.test");
    carried.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_sends_a_part_of_the_log_again() {
    let world = World::new(LOCAL, &[0, 1]).await;
    let receiver = Receiver::start(|_, _| status(200)).await;
    let carried = world.carried(&receiver.url()).await;
    for number in 1..=5 {
        world.open(&format!("letter-{number}")).await;
    }
    receiver.has(5).await;
    world.attempted(&carried.id, 5).await;
    let replay = |from, to| world.journal.replay_webhook_endpoint(&carried.id, Replay { from, to });
    assert!(matches!(replay(2, Some(3)).await.unwrap(), Replayed::Moved(_)));
    let positions = |arrived: &[Arrived]| {
        let mut positions: Vec<_> =
            arrived.iter().map(|message| message.event()["position"].as_u64().unwrap()).collect();
        positions.sort_unstable();
        positions
    };
    assert_eq!(positions(&receiver.has(7).await[5..]), [2, 3]);
    until("the cursor is back", || async { world.record(&carried.id).await.position == 5 }).await;
    assert_eq!(world.record(&carried.id).await.replay, None);
    assert!(matches!(replay(4, None).await.unwrap(), Replayed::Moved(_)));
    assert_eq!(positions(&receiver.has(9).await[7..]), [4, 5]);
    assert_eq!(replay(7, None).await.unwrap(), Replayed::Beyond { last_position: 5 });
    assert_eq!(replay(1, Some(6)).await.unwrap(), Replayed::Beyond { last_position: 5 });
    carried.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_carriers_the_later_one_delivers() {
    let world = World::new(LOCAL, &[0, 1]).await;
    let receiver = Receiver::start(|_, _| status(200)).await;
    let endpoint = world.endpoint(&receiver.url()).await;
    let first = world.carry(endpoint.clone());
    world.open("letter-1").await;
    receiver.has(1).await;
    let second = world.carry(endpoint);
    // The first one finds out at its next round, and ends.
    world.open("letter-2").await;
    assert_eq!(first.run.await.unwrap(), Carried::TimeUp);
    world.open("letter-3").await;
    until("the third has arrived", || async {
        objects(&receiver.arrived()).contains(&"dead_letter:letter-3 0".to_owned())
    })
    .await;
    second.stop().await;
}

/// As many facts as 30 paid checkouts per second have: each is created and paid.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_a_slow_and_a_flaky_receiver_do_not_delay_a_healthy_one() {
    const OBJECTS: u32 = 180;
    const PER_SECOND: u32 = 30;
    let world = World::new(LOCAL, &[0, 1, 1, 1, 1, 1, 1, 1, 1, 1]).await;
    let healthy = Receiver::start(|_, _| status(200)).await;
    let slow = Receiver::start(|_, _| {
        let Reply::Raw(text) = status(200) else { panic!("not raw") };
        Reply::Late(Duration::from_secs(3), text)
    })
    .await;
    let flaky = Receiver::start(|_, before| status(if before % 3 == 0 { 500 } else { 200 })).await;
    let silent = Receiver::start(|_, _| Reply::Silence).await;
    let mut carried = Vec::new();
    for url in [healthy.url(), slow.url(), flaky.url(), silent.url(), "http://127.0.0.1:9/".to_owned()] {
        carried.push(world.carried(&url).await);
    }
    let mut told = BTreeMap::new();
    let mut pace = tokio::time::interval(Duration::from_secs(1) / PER_SECOND);
    for number in 0..OBJECTS {
        pace.tick().await;
        let letter = format!("letter-{number}");
        told.insert(format!("dead_letter:{letter} 0"), Instant::now());
        world.open(&letter).await;
        told.insert(format!("dead_letter:{letter} 1"), Instant::now());
        world.close(&letter).await;
    }
    let arrived = healthy.has(told.len()).await;
    let mut times: Vec<_> = arrived.iter().map(|message| message.at - told[&message.object()]).collect();
    times.sort();
    let late = times[times.len() * 99 / 100];
    assert!(late < Duration::from_secs(2), "the 99th of a hundred took {late:?}");
    until("the flaky one has everything", || async {
        let attempts = world.attempts(&carried[2].id).await;
        attempts.iter().filter(|record| record.attempt.status == DeliveryStatus::Delivered).count() == told.len()
    })
    .await;
    for one in carried {
        one.watcher.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_never_answered_holds_up_its_own_object_only() {
    const OTHERS: usize = 5;
    let world = World::new(LOCAL, &[0, 0, 0]).await;
    let is_silent = |message: &Arrived| message.object() == "dead_letter:letter-a 0";
    let receiver =
        Receiver::start(move |message, _| if is_silent(message) { Reply::Silence } else { status(200) }).await;
    let carried = world.carried(&receiver.url()).await;
    let began = Instant::now();
    world.open("letter-a").await;
    receiver.has(1).await;
    world.close("letter-a").await;
    for other in 1..=OTHERS {
        world.open(&format!("letter-{other}")).await;
        receiver.has(1 + other).await;
    }
    // An attempt takes up to 15 seconds.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert!(!objects(&receiver.arrived()).contains(&"dead_letter:letter-a 1".to_owned()), "it waits behind the first");
    until("it is written that both wait", || async { world.waiting(&carried.id).await == 2 }).await;
    receiver.behave(|_, _| status(200));
    until("nothing waits", || async { world.waiting(&carried.id).await == 0 }).await;
    let mut seen = objects(&receiver.arrived());
    seen.retain(|object| object.starts_with("dead_letter:letter-a"));
    assert_eq!(seen, ["letter-a 0", "letter-a 0", "letter-a 1"].map(|object| format!("dead_letter:{object}")));
    let attempts = world.attempted(&carried.id, OTHERS + 3).await;
    let of_first: Vec<_> = attempts
        .iter()
        .filter(|record| record.attempt.object == "dead_letter:letter-a")
        .map(|record| (record.attempt.number, record.attempt.outcome))
        .collect();
    assert_eq!(
        of_first,
        [(1, AttemptOutcome::Timeout), (2, AttemptOutcome::Delivered), (1, AttemptOutcome::Delivered)]
    );
    carried.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_when_a_carrier_stops_is_written_and_not_sent_again() {
    let world = World::new(LOCAL, &[0, 1]).await;
    let receiver = Receiver::start(|_, _| {
        let Reply::Raw(text) = status(200) else { panic!("not raw") };
        Reply::Late(Duration::from_secs(3), text)
    })
    .await;
    let endpoint = world.endpoint(&receiver.url()).await;
    let carried = world.carry(endpoint.clone());
    world.open("letter-a").await;
    until("the round ended before the receiver answered", || async { world.waiting(&carried.id).await == 1 }).await;
    assert!(world.attempts(&carried.id).await.is_empty());
    assert_eq!(carried.stop().await, Carried::TimeUp);
    let attempts = world.attempts(&endpoint.0).await;
    assert_eq!((attempts.len(), attempts[0].attempt.outcome), (1, AttemptOutcome::Delivered));
    assert_eq!(world.waiting(&endpoint.0).await, 0);
    world.open("letter-b").await;
    let carried = world.carry(endpoint);
    assert_eq!(objects(&receiver.has(2).await), ["dead_letter:letter-a 0", "dead_letter:letter-b 0"]);
    carried.stop().await;
}

/// The standard schedule, and a clock that runs three days ahead while the receiver answers with an error.
#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_down_for_three_days_misses_nothing_and_delays_nobody() {
    const HOUR_MS: u64 = 60 * 60 * 1_000;
    const STEPS: u64 = 36;
    let world = World::new(LOCAL, &STANDARD_SCHEDULE_S).await;
    let healthy = Receiver::start(|_, _| status(200)).await;
    let down = Receiver::start(|_, _| status(500)).await;
    let (to_healthy, to_down) = (world.carried(&healthy.url()).await, world.carried(&down.url()).await);
    let (mut slowest, mut events) = (Duration::ZERO, 0);
    for step in 0..STEPS {
        let began = Instant::now();
        let letter = format!("letter-{step}");
        world.open(&letter).await;
        events += 1;
        // Every other object has a second event, which waits behind the first.
        if step % 2 == 0 {
            world.close(&letter).await;
            events += 1;
        }
        healthy.has(events).await;
        slowest = slowest.max(began.elapsed());
        until("the receiver that is down was asked", || async {
            let attempts = world.attempts(&to_down.id).await;
            attempts.iter().any(|record| record.attempt.object == format!("dead_letter:{letter}"))
        })
        .await;
        world.ahead_ms.fetch_add(72 / STEPS * HOUR_MS, Ordering::SeqCst);
    }
    assert!(slowest < Duration::from_secs(2), "the slowest took {slowest:?}");
    assert_eq!(world.record(&to_down.id).await.status, EndpointStatus::Enabled);
    assert_eq!(world.waiting(&to_down.id).await, events);
    let attempts = world.attempts(&to_down.id).await;
    assert!(attempts.iter().all(|record| record.attempt.status == DeliveryStatus::Failed));
    let of_first = attempts.iter().filter(|record| record.attempt.object == "dead_letter:letter-0").count();
    assert!((7..10).contains(&of_first), "{of_first} attempts in three days");

    let before = down.behave(|_, _| status(200));
    world.open("letter-last").await;
    events += 1;
    // The last event is not among those that wait before it has a position.
    down.has(before + events).await;
    until("nothing waits", || async { world.waiting(&to_down.id).await == 0 }).await;
    let arrived = down.arrived().split_off(before);
    let mut versions: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for message in &arrived {
        let object = message.event()["object"].clone();
        versions.entry(object["id"].to_string()).or_default().push(object["version"].as_u64().unwrap());
    }
    assert_eq!((arrived.len(), versions.len()), (events, STEPS as usize + 1));
    assert!(versions.values().all(|versions| [&[0][..], &[0, 1]].contains(&versions.as_slice())), "{versions:?}");
    let record = world.record(&to_down.id).await;
    assert_eq!((record.status, record.failing_since), (EndpointStatus::Enabled, None));
    to_down.stop().await;
    to_healthy.stop().await;
}
