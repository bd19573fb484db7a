//! When housekeeping wakes: at the time at which something is due, whoever wrote it.

use std::time::{Duration, Instant};

use domain::Timestamp;
use sea_orm::ConnectionTrait as _;
use store::{Database, Writer};

use crate::{
    books::{hold, paid, seller, won},
    database::Fresh,
    on_both_databases,
};

on_both_databases!(
    what_this_process_books_ends_the_wait_when_it_is_due,
    what_another_process_wrote_before_ends_the_wait_when_it_is_due,
    nothing_due_is_waited_for_no_longer_than_is_said,
);

/// Much longer than anything here is waited for.
const LONGEST: Duration = Duration::from_secs(60);
/// How long a busy machine may take to wake.
const PATIENCE: Duration = Duration::from_secs(20);

fn in_ms(ms: i64) -> Timestamp {
    Timestamp::from_epoch_ms(chrono::Utc::now().timestamp_millis() + ms)
}

async fn what_this_process_books_ends_the_wait_when_it_is_due(fresh: Fresh) {
    assert_eq!(fresh.writer.do_what_is_due(10).await.unwrap(), 0);
    let waiting = tokio::spawn({
        let writer = fresh.writer.clone();
        async move { writer.wait_until_due(LONGEST).await }
    });
    let began = Instant::now();
    paid(&fresh, "o-1", "seller-a", 10_000, 0).await;
    waiting.await.unwrap();
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    assert_eq!(fresh.writer.do_what_is_due(10).await.unwrap(), 1);

    // A hold has a time too, and a later one than what was waited for first.
    let waiting = tokio::spawn({
        let writer = fresh.writer.clone();
        async move { writer.wait_until_due(LONGEST).await }
    });
    let (began, at) = (Instant::now(), in_ms(0));
    let held = domain::ledger::Hold { id: hold("hold-1"), seller: seller("seller-a"), amount: won(1_000) };
    fresh.writer.reserve(&held, Some(in_ms(1_500)), at).await.unwrap();
    waiting.await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(1_000), "{:?}", began.elapsed());
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    // The wait may end a moment before the database's clock says so.
    while fresh.writer.do_what_is_due(10).await.unwrap() == 0 {
        assert!(began.elapsed() < PATIENCE, "the hold did not expire");
        fresh.writer.wait_until_due(LONGEST).await;
    }
}

async fn what_another_process_wrote_before_ends_the_wait_when_it_is_due(fresh: Fresh) {
    paid(&fresh, "o-1", "seller-a", 10_000, 0).await;
    let at = in_ms(1_500).epoch_ms();
    let text = chrono::DateTime::from_timestamp_millis(at).unwrap().to_rfc3339();
    let later = format!("UPDATE payment_orders SET releases_at = '{text}'");
    fresh.database.connection().execute_unprepared(&later).await.unwrap();
    let other = Writer::new(Database::connect(&fresh.url).await.unwrap());
    let began = Instant::now();
    while other.do_what_is_due(10).await.unwrap() == 0 {
        assert!(began.elapsed() < PATIENCE, "the earnings were not released");
        other.wait_until_due(LONGEST).await;
    }
    assert!(began.elapsed() >= Duration::from_millis(1_000), "{:?}", began.elapsed());
}

async fn nothing_due_is_waited_for_no_longer_than_is_said(fresh: Fresh) {
    paid(&fresh, "o-1", "seller-a", 10_000, 0).await;
    assert_eq!(fresh.writer.do_what_is_due(10).await.unwrap(), 1);
    let began = Instant::now();
    fresh.writer.wait_until_due(Duration::from_millis(300)).await;
    assert!(began.elapsed() >= Duration::from_millis(300));
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
}
