//! Work that is due at a time: releasing sellers' earnings and ending expired holds.
//!
//! Each of it has a key of its own, so any number of workers may do it at once; what one leaves undone the next
//! does. What is refused is logged and tried again at the next round.

use std::time::{Duration, Instant};

use domain::Timestamp;
use store::{Watch, Writer};
use tokio_util::sync::CancellationToken;

use crate::values::now;

/// How long housekeeping waits at most before it looks again: other processes write what is due, and what is kept back
/// becomes free.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often it is looked for details of buyers of whom no checkout came: each look reads two days of details.
const UNRECORDED_PAUSE: Duration = Duration::from_secs(60 * 60);
/// Details of buyers of whom no checkout came are removed between these ages, in milliseconds: three days and one.
const UNRECORDED_MS: [i64; 2] = [3 * 24 * 60 * 60 * 1_000, 24 * 60 * 60 * 1_000];
/// How much is done before it is looked again whether to stop.
const PORTION: u64 = 200;

/// How many portions of old attempts to deliver are removed at one look.
const MOST_PORTIONS: u64 = 5_000;

/// How long a round may take, or be overdue, before housekeeping counts as stuck.
const PATIENCE: Duration = Duration::from_secs(120);

/// The watch of housekeeping, before it runs.
pub(crate) fn watch() -> Watch {
    Watch::new("housekeeping", PATIENCE)
}

/// Runs until the token is canceled. What goes wrong is logged and tried again after a pause.
pub(crate) async fn run(writer: Writer, watch: Watch, stop: CancellationToken) {
    let mut looked: Option<Instant> = None;
    loop {
        watch.works_since(Instant::now());
        if looked.is_none_or(|at| at.elapsed() >= UNRECORDED_PAUSE) {
            forget_unrecorded_buyers(&writer).await;
            forget_old_deliveries(&writer).await;
            looked = Some(Instant::now());
        }
        // The time is the database's: a machine whose clock is wrong would release what is not due.
        let done = writer.do_what_is_due(PORTION).await;
        if done.is_ok() {
            watch.got_on();
        }
        watch.rests_for(LONGEST_PAUSE);
        let next = next(done);
        let pause = async {
            match next {
                Next::More => {}
                Next::WhenDue => writer.wait_until_due(LONGEST_PAUSE).await,
                Next::Later => tokio::time::sleep(LONGEST_PAUSE).await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = pause => {}
        }
    }
}

/// When housekeeping looks again.
#[derive(Debug, Clone, Copy)]
enum Next {
    /// At once: there may be more.
    More,
    /// When something is due.
    WhenDue,
    /// After a pause.
    Later,
}

fn next(done: Result<usize, store::StoreError>) -> Next {
    match done {
        Ok(0) => Next::WhenDue,
        Ok(done) => {
            tracing::info!(done, "released earnings and expired holds");
            Next::More
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "could not release earnings or expire holds");
            Next::Later
        }
    }
}

/// What is left after a portion is removed at the next look.
async fn forget_old_deliveries(writer: &Writer) {
    for _ in 0..MOST_PORTIONS {
        match writer.forget_old_webhook_deliveries(PORTION).await {
            Ok(PORTION) => {}
            Ok(_) => return,
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "could not remove old attempts to deliver events"
                );
                return;
            }
        }
    }
}

async fn forget_unrecorded_buyers(writer: &Writer) {
    let now = now().epoch_ms();
    let [from, before] = UNRECORDED_MS.map(|ms| Timestamp::from_epoch_ms(now - ms));
    if let Err(error) = writer.journal().forget_unrecorded_buyers(from, before).await {
        tracing::error!(error = &error as &dyn std::error::Error, "could not remove details that no checkout came of");
    }
}
