//! What wakes housekeeping, and how long it waits: until the time at which something is due, whoever wrote it.

use std::time::Duration;

use domain::Timestamp;
use sea_orm::ConnectionTrait as _;
use store::{Database, Writer};
use tokio::time::timeout;

use crate::{
    books::{hold, paid, seller, won},
    database::Fresh,
    on_both_databases,
};

on_both_databases!(what_this_process_books_wakes_where_it_is_due_soon, what_is_due_next_is_told_whoever_wrote_it,);

/// How far ahead it is asked here.
const AHEAD: Duration = Duration::from_secs(60);
/// How long a busy machine may take to wake.
const PATIENCE: Duration = Duration::from_secs(20);

fn in_ms(ms: i64) -> Timestamp {
    Timestamp::from_epoch_ms(chrono::Utc::now().timestamp_millis() + ms)
}

/// Whether this process has written something that is due soon; asking takes that note away.
async fn is_woken(fresh: &Fresh, within: Duration) -> bool {
    timeout(within, fresh.writer.is_due_soon()).await.is_ok()
}

async fn what_this_process_books_wakes_where_it_is_due_soon(fresh: Fresh) {
    assert!(!is_woken(&fresh, Duration::ZERO).await);
    paid(&fresh, "o-1", "seller-a", 10_000, 0).await;
    assert!(is_woken(&fresh, PATIENCE).await, "it was noted before anybody waited");
    assert_eq!(fresh.writer.do_what_is_due(10).await.unwrap(), 1);
    let hold_until = async |id: &str, expires_at: Timestamp| {
        let held = domain::ledger::Hold { id: hold(id), seller: seller("seller-a"), amount: won(1_000) };
        fresh.writer.reserve(&held, Some(expires_at), in_ms(0)).await.unwrap();
    };
    // The next run of the schedule finds it.
    hold_until("hold-1", in_ms(10 * 60 * 1_000)).await;
    assert!(!is_woken(&fresh, Duration::ZERO).await);
    hold_until("hold-2", in_ms(30_000)).await;
    assert!(is_woken(&fresh, PATIENCE).await);
}

async fn what_is_due_next_is_told_whoever_wrote_it(fresh: Fresh) {
    paid(&fresh, "o-1", "seller-a", 10_000, 0).await;
    let releases_at = async |ms: i64| {
        let text = chrono::DateTime::from_timestamp_millis(in_ms(ms).epoch_ms()).unwrap().to_rfc3339();
        let later = format!("UPDATE payment_orders SET releases_at = '{text}'");
        fresh.database.connection().execute_unprepared(&later).await.unwrap();
    };
    let other = Writer::new(Database::connect(&fresh.url).await.unwrap());
    releases_at(10 * 60 * 1_000).await;
    assert_eq!(other.do_what_is_due(10).await.unwrap(), 0);
    assert_eq!(other.due_within(AHEAD).await.unwrap(), None, "it is further ahead than was asked");
    releases_at(30_000).await;
    let due_in = other.due_within(AHEAD).await.unwrap().unwrap();
    assert!(due_in > Duration::from_secs(5) && due_in <= Duration::from_secs(30), "{due_in:?}");
    releases_at(-1_000).await;
    assert_eq!(other.do_what_is_due(10).await.unwrap(), 1);
    assert_eq!(other.due_within(AHEAD).await.unwrap(), None, "what is done is not due");
}
