//! Each fact is told once, in its own transaction, by positions without a gap, and for good.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use domain::{
    Timestamp,
    charge::VirtualAccount,
    checkout::{Change, DepositReturn, Payment, Status},
    dead_letter::{Awaits, DeclaredOutcome, Letter, LetterAction, WorkflowRun},
    event::{self, EventType, MAX_DATA_BYTES},
    failure::Failure,
    id::DeadLetterId,
    ledger::Entry,
    reconciliation::Actor,
};
use sea_orm::{ConnectionTrait, DbBackend};
use serde_json::Value;
use store::{EventPage, EventQuery, EventRecord, EventRetention, EventsRead, MAX_EVENTS, NewAction};

use crate::{
    audit::keep_books,
    books::{execute_refund, fail_refund, paid, promise_refund},
    database::Fresh,
    on_both_databases,
    writing::{CREATED, begin, change, payment, plan, post, record},
};

on_both_databases!(
    every_status_in_the_history_is_told_and_nothing_else,
    a_second_try_tells_nothing,
    refunds_and_dead_letters_are_told_from_their_beginning_to_their_end,
    what_does_not_happen_is_not_told,
    an_event_says_nothing_of_a_person,
    an_event_of_many_orders_leaves_them_out,
    a_fact_is_appended_for_good,
    a_log_is_read_by_positions,
    a_rare_type_is_found_in_a_long_log,
    what_is_too_old_goes_and_is_missed_aloud,
    the_worst_lag_of_an_hour_is_kept,
    a_cursor_is_moved_by_one,
);

/// A lease that no test outlives.
const LEASE: Duration = Duration::from_secs(60);
pub(crate) const KEPT: EventRetention = EventRetention(Duration::from_secs(24 * 60 * 60));

/// Gives a position to everything that waits.
pub(crate) async fn sequence(fresh: &Fresh) {
    fresh.writer.sequencer(KEPT).run(async {}).await;
    assert_eq!(fresh.reader.unsequenced().await.unwrap().facts, 0);
}

pub(crate) async fn read(fresh: &Fresh, query: EventQuery) -> EventPage {
    match fresh.reader.events_after(&query).await.unwrap() {
        EventsRead::Page(page) => page,
        other => panic!("{other:?}"),
    }
}

/// The whole log.
pub(crate) async fn log(fresh: &Fresh) -> Vec<EventRecord> {
    sequence(fresh).await;
    let (mut events, mut after) = (Vec::new(), 0);
    loop {
        let page = read(fresh, EventQuery { after: Some(after), limit: 7, types: Vec::new() }).await;
        events.extend(page.events);
        after = page.next_after;
        if !page.has_more {
            break;
        }
    }
    for (event, position) in events.iter().zip(1..) {
        assert_eq!(event.position, position, "positions have no gap");
    }
    events
}

/// Type, object and version of each event of the log.
async fn told(fresh: &Fresh) -> Vec<(EventType, String, u32)> {
    log(fresh).await.into_iter().map(|event| (event.event_type, event.object_id, event.version)).collect()
}

fn data(event: &EventRecord) -> Value {
    serde_json::from_str(&event.data).unwrap()
}

fn letter(number: u32) -> Letter {
    Letter {
        letter_id: DeadLetterId::of_workflow("workflow", "run", number),
        workflow_id: "workflow".to_owned(),
        run_id: "run".to_owned(),
        workflow_type: "checkout".to_owned(),
        checkout_id: None,
        step: "psp.confirm".to_owned(),
        failure: Failure::new("CODE".to_owned(), "김토스 has no money".to_owned()),
        input: BTreeMap::new(),
        awaits: Awaits::Person { outcomes: vec![DeclaredOutcome::NotPaid] },
        opened_at: CREATED,
        replaces: None,
    }
}

async fn every_status_in_the_history_is_told_and_nothing_else(fresh: Fresh) {
    keep_books(&fresh).await;
    let stuck = plan("checkout-4", &[("o-9", "seller-a", 700)]);
    record(&fresh, "key-4", &stuck).await;
    begin(&fresh, &stuck).await.unwrap();
    for (revision, status) in
        [(2, Status::Unknown), (3, Status::Stuck), (4, Status::WaitingForDeposit), (5, Status::Expired)]
    {
        fresh.writer.advance(&change(&stuck, revision, status)).await.unwrap();
    }
    let mut expected = Vec::new();
    for id in ["checkout-1", "checkout-2", "checkout-3", "checkout-4"] {
        let id = domain::id::CheckoutId::parse(id).unwrap();
        let told =
            |line: store::StatusChange| Some((EventType::of_checkout(line.status)?, id.to_string(), line.revision));
        expected.extend(fresh.reader.history(&id).await.unwrap().into_iter().filter_map(told));
    }
    let mut of_checkouts = told(&fresh).await;
    of_checkouts.retain(|(event_type, ..)| event_type.object() == event::ObjectType::Checkout);
    of_checkouts.sort();
    expected.sort();
    assert_eq!(of_checkouts, expected);
    assert_eq!(expected.iter().filter(|(event_type, ..)| *event_type == EventType::CheckoutPaid).count(), 1);
}

async fn a_second_try_tells_nothing(fresh: Fresh) {
    let deposit = plan("checkout-1", &[("o-1", "seller-a", 15_000), ("o-2", "seller-b", 8_000)]);
    let entry = Entry::of_captured_payment(&deposit, &[], CREATED).unwrap();
    let key = entry.fields().key.clone();
    let first = Payment { is_watched: true, ..payment(&deposit, 2, entry) };
    let returned = DepositReturn { change: change(&deposit, 3, Status::WaitingForDeposit), key };
    let opened = letter(1);
    for _ in 0..2 {
        record(&fresh, "key", &deposit).await;
        begin(&fresh, &deposit).await.unwrap();
        fresh.writer.post(&first, None).await.unwrap();
        fresh.writer.take_deposit_back(&returned).await.unwrap();
        fresh.writer.withdraw(&change(&deposit, 4, Status::WaitingForDeposit)).await.unwrap();
        fresh.writer.open_dead_letter(&opened).await.unwrap();
        fresh.writer.close_dead_letter(&opened.letter_id).await.unwrap();
    }
    let told: Vec<_> = told(&fresh).await.into_iter().map(|(event_type, _, version)| (event_type, version)).collect();
    let expected = [
        (EventType::CheckoutCreated, 0),
        (EventType::CheckoutPaid, 2),
        (EventType::CheckoutAwaitingDeposit, 3),
        (EventType::CheckoutAwaitingDeposit, 4),
        (EventType::DeadLetterOpened, 0),
        (EventType::DeadLetterResolved, 1),
    ];
    assert_eq!(told, expected);
}

async fn refunds_and_dead_letters_are_told_from_their_beginning_to_their_end(fresh: Fresh) {
    paid(&fresh, "o-1", "seller-a", 1_000, 0).await;
    for _ in 0..2 {
        promise_refund(&fresh, "r-1", "o-1", 300, CREATED).await.unwrap();
        execute_refund(&fresh, "r-1", CREATED).await.unwrap();
    }
    promise_refund(&fresh, "r-2", "o-1", 300, CREATED).await.unwrap();
    for _ in 0..2 {
        fail_refund(&fresh, "r-2", CREATED).await.unwrap();
    }
    let journal = fresh.writer.journal();
    for (number, action) in
        [(1, LetterAction::Resolve(DeclaredOutcome::NotPaid)), (2, LetterAction::Discard), (3, LetterAction::Retry)]
    {
        let letter = letter(number);
        fresh.writer.open_dead_letter(&letter).await.unwrap();
        // Nobody knows the money of such a letter: two principals resolve it, and a proposal is not told.
        for by in ["key:aaaa", "key:bbbb", "key:bbbb"] {
            let run = if action == LetterAction::Discard { WorkflowRun::Ended } else { WorkflowRun::Running };
            let (by, alone_up_to) = (Actor::parse(by).unwrap(), domain::Limits::default());
            let request = NewAction { action, by: &by, reason: "why", run, alone_up_to };
            journal.act_on_dead_letter(&letter.letter_id, request).await.unwrap();
        }
    }
    let again = Letter { replaces: Some(letter(3).letter_id), ..letter(4) };
    for _ in 0..2 {
        fresh.writer.open_dead_letter(&again).await.unwrap();
    }
    let events = log(&fresh).await;
    let of = |id: &str| {
        let told = events.iter().filter(|event| event.object_id == id);
        told.map(|event| (event.event_type, event.version, data(event)["status"].as_str().unwrap().to_owned()))
            .collect::<Vec<_>>()
    };
    let requested = (EventType::RefundRequested, 0, "REQUESTED".to_owned());
    assert_eq!(of("r-1"), [requested.clone(), (EventType::RefundSucceeded, 1, "SUCCEEDED".to_owned())]);
    assert_eq!(of("r-2"), [requested, (EventType::RefundFailed, 1, "FAILED".to_owned())]);
    let opened = (EventType::DeadLetterOpened, 0, "OPEN".to_owned());
    for (number, end) in [(1, Some("RESOLVED")), (2, Some("DISCARDED")), (3, Some("CLOSED")), (4, None)] {
        let mut expected = vec![opened.clone()];
        expected.extend(end.map(|end| (EventType::DeadLetterResolved, 1, end.to_owned())));
        assert_eq!(of(letter(number).letter_id.as_str()), expected, "{number}");
    }
}

async fn what_does_not_happen_is_not_told(fresh: Fresh) {
    let taken = plan("checkout-1", &[("o-1", "seller-a", 1)]);
    assert!(record(&fresh, "first", &taken).await);
    assert!(!record(&fresh, "second", &plan("checkout-1", &[("o-2", "seller-a", 1)])).await);
    assert!(fresh.writer.advance(&change(&taken, 2, Status::Failed)).await.is_err(), "a change is missing");
    assert!(post(&fresh, &taken, 7).await.is_err());
    fresh.writer.close_dead_letter(&letter(9).letter_id).await.unwrap();
    assert_eq!(told(&fresh).await, [(EventType::CheckoutCreated, "checkout-1".to_owned(), 0)]);
}

async fn an_event_says_nothing_of_a_person(fresh: Fresh) {
    let sold = plan("checkout-1", &[("o-1", "seller-a", 15_000), ("o-2", "seller-b", 8_000)]);
    record(&fresh, "key", &sold).await;
    begin(&fresh, &sold).await.unwrap();
    let account = VirtualAccount {
        bank: "20".to_owned(),
        account_number: "X6505636518308".to_owned(),
        due_date: Some(CREATED.plus_ms(9)),
        sealed_holder: Some("sealed".to_owned()),
    };
    let awaited = Change { virtual_account: Some(account), ..change(&sold, 2, Status::WaitingForDeposit) };
    fresh.writer.advance(&awaited).await.unwrap();
    post(&fresh, &sold, 3).await.unwrap();
    fresh.writer.open_dead_letter(&letter(1)).await.unwrap();
    let events = log(&fresh).await;
    for event in &events {
        for word in
            ["buyer-1", "티셔츠", "cart", "X6505636518308", "sealed", "김토스", "receipt.example", "shop.example"]
        {
            assert!(!event.data.contains(word), "{word}: {}", event.data);
        }
    }
    let [created, waits, paid, _] = &events[..] else { panic!("{events:?}") };
    let expected = serde_json::json!({
        "checkout_id": "checkout-1", "status": "SUCCESS", "amount": "23000", "currency": "KRW", "is_payment_done": true,
        "created_at": "2023-11-14T22:13:20.000Z", "expires_at": "2023-11-14T22:13:20.009Z", "payment_order_count": 2,
        "payment_orders": [
            { "payment_order_id": "o-1", "seller_account": "seller-a", "amount": "15000", "currency": "KRW",
              "payment_order_status": "SUCCESS", "wallet_updated": true, "ledger_updated": true,
              "refunded_amount": "0" },
            { "payment_order_id": "o-2", "seller_account": "seller-b", "amount": "8000", "currency": "KRW",
              "payment_order_status": "SUCCESS", "wallet_updated": true, "ledger_updated": true,
              "refunded_amount": "0" },
        ],
        "psp": { "name": "toss", "method": "카드", "approved_at": "2023-11-14T22:13:20.000Z",
                 "virtual_account": { "bank": "20", "due_date": "2023-11-14T22:13:20.009Z" } },
    });
    assert_eq!(data(paid), expected);
    assert_eq!(data(created)["status"], "NOT_STARTED");
    assert_eq!(data(created)["payment_orders"][1]["ledger_updated"], false, "the checkout as it was then");
    assert_eq!(data(waits)["psp"]["method"], "가상계좌");
    assert_eq!(paid.id, event::id(EventType::CheckoutPaid, "checkout-1", 3));
}

async fn an_event_of_many_orders_leaves_them_out(fresh: Fresh) {
    let orders: Vec<_> = (0..100).map(|number| (format!("{number:0>64}"), "s".repeat(64))).collect();
    let orders: Vec<_> = orders.iter().map(|(id, seller)| (id.as_str(), seller.as_str(), 1_000)).collect();
    let many = plan("checkout-1", &orders);
    record(&fresh, "key", &many).await;
    begin(&fresh, &many).await.unwrap();
    let declined = Failure::new("C".repeat(30_000), "M".repeat(30_000));
    fresh.writer.advance(&Change { failure: Some(declined), ..change(&many, 2, Status::Failed) }).await.unwrap();
    let few =
        plan("checkout-2", &orders[..1].iter().map(|(_, seller, minor)| ("few", *seller, *minor)).collect::<Vec<_>>());
    record(&fresh, "key-2", &few).await;
    let events = log(&fresh).await;
    assert_eq!(events.len(), 3);
    for event in &events[..2] {
        assert!(event.data.len() <= MAX_DATA_BYTES, "{}", event.data.len());
        let data = data(event);
        assert_eq!((&data["payment_orders_omitted"], &data["payment_order_count"]), (&true.into(), &100.into()));
        assert!(data.get("payment_orders").is_none(), "a part of the orders would be taken for all of them");
    }
    assert_eq!(data(&events[2]).get("payment_orders_omitted"), None);
}

async fn a_fact_is_appended_for_good(fresh: Fresh) {
    record(&fresh, "key", &plan("checkout-1", &[("o-1", "seller-a", 1)])).await;
    let connection = fresh.database.connection();
    let refused = async |statement: &str| {
        let error = connection.execute_unprepared(statement).await.unwrap_err().to_string();
        assert!(error.contains("append only") || error.contains("only rises"), "{statement}: {error}");
    };
    refused("DELETE FROM events").await;
    refused("UPDATE events SET data = '{}'").await;
    refused("UPDATE events SET data = '{}', position = 1").await;
    let before = log(&fresh).await;
    for statement in [
        "UPDATE events SET position = 2",
        "UPDATE events SET position = NULL",
        "UPDATE events SET type = 'checkout.paid'",
        "DELETE FROM events",
        "DELETE FROM event_log",
        "UPDATE event_log SET last_position = 0",
        "UPDATE event_log SET log_id = 'x'",
    ] {
        refused(statement).await;
    }
    let again = "INSERT INTO events (type, object_id, version, occurred_at, recorded_at, data) \
                 VALUES ('checkout.created', 'checkout-1', 0, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, '{}')";
    if connection.get_database_backend() == DbBackend::Sqlite {
        connection.execute_unprepared(&again.replacen("INSERT", "INSERT OR REPLACE", 1)).await.unwrap();
    } else {
        refused("TRUNCATE events").await;
        refused("TRUNCATE event_log").await;
        connection.execute_unprepared(&format!("{again} ON CONFLICT DO NOTHING")).await.unwrap();
    }
    assert_eq!(log(&fresh).await, before);
}

async fn a_log_is_read_by_positions(fresh: Fresh) {
    let empty = read(&fresh, EventQuery { after: None, limit: 10, types: Vec::new() }).await;
    assert_eq!((empty.events.len(), empty.next_after, empty.has_more), (0, 0, false));
    keep_books(&fresh).await;
    assert_eq!(read(&fresh, EventQuery { after: None, limit: 10, types: Vec::new() }).await, empty, "no position yet");
    let all = log(&fresh).await;
    let last = all.last().unwrap().position;
    let query = |after, limit, types: &[EventType]| EventQuery { after, limit, types: types.to_vec() };

    let page = read(&fresh, query(Some(2), 3, &[])).await;
    assert_eq!((&page.events[..], page.next_after, page.has_more), (&all[2..5], 5, true));
    assert_eq!(page.log.last_position, last);
    let page = read(&fresh, query(None, MAX_EVENTS + 9, &[])).await;
    assert_eq!((&page.events[..], page.next_after, page.has_more), (&all[..], last, false));
    let some = [EventType::CheckoutPaid, EventType::RefundFailed];
    let page = read(&fresh, query(Some(0), 1, &some)).await;
    assert_eq!((page.events[0].event_type, page.next_after, page.has_more), (some[0], page.events[0].position, true));
    let page = read(&fresh, query(Some(page.next_after), 1, &some)).await;
    assert_eq!((page.events[0].event_type, page.next_after, page.has_more), (some[1], last, false));
    let page = read(&fresh, query(Some(0), 1, &[EventType::BreakOpened])).await;
    assert_eq!((page.events.len(), page.next_after, page.has_more), (0, last, false));
    let page = read(&fresh, query(Some(last), 1, &[])).await;
    assert_eq!((page.events.len(), page.next_after, page.has_more), (0, last, false));
    for beyond in [last + 1, u64::MAX] {
        let unknown = fresh.reader.events_after(&query(Some(beyond), 1, &[])).await.unwrap();
        assert!(matches!(&unknown, EventsRead::Unknown(log) if log.last_position == last), "{unknown:?}");
    }
    assert_ne!(page.log.log_id, crate::database::sqlite().await.reader.event_log().await.unwrap().log_id);
}

async fn a_rare_type_is_found_in_a_long_log(fresh: Fresh) {
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 45000) \
                INSERT INTO events (type, object_id, version, occurred_at, recorded_at, data) SELECT \
                CASE WHEN i = 44000 THEN 'break.opened' ELSE 'break.resolved' END, 'b' || i, 0, CURRENT_TIMESTAMP, \
                CURRENT_TIMESTAMP, '{}' FROM n";
    fresh.database.connection().execute_unprepared(many).await.unwrap();
    sequence(&fresh).await;
    let (mut query, mut answers) = (EventQuery { after: None, limit: 10, types: vec![EventType::BreakOpened] }, 0);
    let found = loop {
        let page = read(&fresh, query.clone()).await;
        assert!(page.has_more || page.next_after == 45_000, "{page:?}");
        answers += 1;
        if !page.events.is_empty() {
            break page;
        }
        query.after = Some(page.next_after);
    };
    assert_eq!((found.events[0].object_id.as_str(), answers), ("b44000", 3), "each answer looks through a part");
}

async fn the_worst_lag_of_an_hour_is_kept(fresh: Fresh) {
    let worst = async || {
        let lags = fresh.reader.event_lags(Timestamp::from_epoch_ms(0)).await.unwrap();
        assert!(lags.iter().all(|lag| lag.hour.epoch_ms() % (60 * 60 * 1_000) == 0), "{lags:?}");
        // The test may run across the full hour.
        assert!((1..=2).contains(&lags.len()), "{lags:?}");
        let events = lags.iter().map(|lag| lag.events).max().unwrap();
        (events, lags.iter().map(|lag| lag.age_ms).max().unwrap())
    };
    for number in 0..3 {
        let order = format!("o-{number}");
        record(&fresh, &format!("key-{number}"), &plan(&format!("checkout-{number}"), &[(&order, "seller-a", 1)]))
            .await;
    }
    // No reader is behind, and facts without a position wait.
    let waited = Instant::now();
    while waited.elapsed() < Duration::from_millis(20) {
        tokio::task::yield_now().await;
    }
    fresh.writer.sequencer(KEPT).run(async {}).await;
    let (events, age_ms) = worst().await;
    assert!(events == 0 && age_ms >= 10, "{events} {age_ms}");
    let journal = fresh.writer.journal();
    journal.set_event_cursor("slow", 1).await.unwrap();
    fresh.writer.sequencer(KEPT).run(async {}).await;
    let (events, longer) = worst().await;
    assert!(events == 2 && longer >= age_ms, "{events} {longer}");
    journal.set_event_cursor("slow", 3).await.unwrap();
    fresh.writer.sequencer(KEPT).run(async {}).await;
    assert_eq!(worst().await, (2, longer), "the worst stays");
    let old = "INSERT INTO event_lag (hour, events, age_ms) VALUES ('2020-01-01T00:00:00+00:00', 9, 9)";
    fresh.database.connection().execute_unprepared(old).await.unwrap();
    fresh.writer.sequencer(KEPT).run(async {}).await;
    assert_eq!(worst().await, (2, longer), "what is too old is gone");
}

async fn what_is_too_old_goes_and_is_missed_aloud(fresh: Fresh) {
    for number in 0..3 {
        let order = format!("o-{number}");
        record(&fresh, &format!("key-{number}"), &plan(&format!("checkout-{number}"), &[(&order, "seller-a", 1)]))
            .await;
    }
    sequence(&fresh).await;
    let journal = fresh.writer.journal();
    journal.set_event_cursor("slow", 1).await.unwrap();
    journal.set_event_cursor("quick", 3).await.unwrap();
    assert_eq!(fresh.reader.event_figures().await.unwrap().slowest_cursor_lag, 2);
    fresh.writer.sequencer(KEPT).run(async {}).await;
    assert_eq!(fresh.reader.event_log().await.unwrap().floor, 1, "young events are kept");

    // A fact that has no position yet is never removed.
    record(&fresh, "key-9", &plan("checkout-9", &[("o-9", "seller-a", 1)])).await;
    fresh.writer.sequencer(EventRetention(Duration::ZERO)).run(async {}).await;
    let figures = fresh.reader.event_figures().await.unwrap();
    assert_eq!((figures.last_position, figures.passed_cursors, figures.unsequenced.facts), (4, 2, 0));
    assert!(figures.floor >= 4, "{figures:?}");
    let query = |after| EventQuery { after, limit: 10, types: Vec::new() };
    let expired = fresh.reader.events_after(&query(Some(0))).await.unwrap();
    assert!(matches!(&expired, EventsRead::Expired(log) if log.floor == figures.floor), "{expired:?}");
    let from_oldest = read(&fresh, query(None)).await;
    assert_eq!((from_oldest.next_after, from_oldest.has_more), (4, false));
    record(&fresh, "key-10", &plan("checkout-10", &[("o-10", "seller-a", 1)])).await;
    sequence(&fresh).await;
    assert_eq!(read(&fresh, query(Some(4))).await.events[0].position, 5, "positions go on");
    journal.remove_event_cursor("slow").await.unwrap();
    assert_eq!(fresh.reader.event_cursors().await.unwrap().len(), 1);
}

async fn a_cursor_is_moved_by_one(fresh: Fresh) {
    const SHORT: Duration = Duration::from_millis(50);
    let (journal, writer) = (fresh.writer.journal(), &fresh.writer);
    let stands = async || fresh.reader.event_cursor("sink").await.unwrap().unwrap();
    assert_eq!(fresh.reader.event_cursor("sink").await.unwrap(), None);
    let takes = (0..4).map(|_| writer.take_event_cursor("sink", LEASE));
    let taken = futures::future::join_all(takes).await;
    let mut held: Vec<_> = taken.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!((held.len(), held[0].position()), (1, 0), "one of four has it, before the oldest event");
    let held = writer.advance_event_cursor(held.remove(0), 5, LEASE).await.unwrap().unwrap();
    assert_eq!((held.position(), stands().await.position), (5, 5));

    // A holder that is silent for longer than its lease is fenced off.
    let silent = writer.advance_event_cursor(held, 5, SHORT).await.unwrap().unwrap();
    tokio::time::sleep(2 * SHORT).await;
    let next = writer.take_event_cursor("sink", LEASE).await.unwrap().unwrap();
    assert_eq!(writer.advance_event_cursor(silent.clone(), 9, LEASE).await.unwrap(), None);
    writer.release_event_cursor(silent).await.unwrap();
    assert_eq!(
        writer.take_event_cursor("sink", LEASE).await.unwrap(),
        None,
        "a release by the old holder does nothing"
    );
    let next = writer.advance_event_cursor(next, 6, LEASE).await.unwrap().unwrap();

    // A principal sets it back: its holder loses it, and it can be taken at once.
    journal.set_event_cursor("sink", 2).await.unwrap();
    assert_eq!(writer.advance_event_cursor(next, 7, LEASE).await.unwrap(), None);
    let next = writer.take_event_cursor("sink", LEASE).await.unwrap().unwrap();
    assert_eq!(next.position(), 2, "a replay moves it back");
    writer.release_event_cursor(next).await.unwrap();
    assert!(writer.take_event_cursor("sink", LEASE).await.unwrap().is_some(), "it was given back");
    assert!(journal.remove_event_cursor("sink").await.unwrap());
    assert!(!journal.remove_event_cursor("sink").await.unwrap());
}
