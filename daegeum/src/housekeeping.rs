//! What has to be done when its time comes: what sellers have earned becomes available, holds expire.
//!
//! Each of it has a key of its own, so any number of workers may do it at once; what one leaves undone the next
//! does. What is refused is logged and tried again at the next round.

use std::time::{Duration, Instant};

use domain::Timestamp;
use store::{StoreError, Writer};
use tokio_util::sync::CancellationToken;

use crate::ledger::now;

/// How often it is looked whether the time of something has come.
const PAUSE: Duration = Duration::from_secs(30);
/// How often it is looked for details of buyers of whom no checkout came: each look reads two days of details.
const UNRECORDED_PAUSE: Duration = Duration::from_secs(60 * 60);
/// Details of buyers of whom no checkout came are removed between these ages, in milliseconds: three days and one.
const UNRECORDED_MS: [i64; 2] = [3 * 24 * 60 * 60 * 1_000, 24 * 60 * 60 * 1_000];
/// How much is done before it is looked again whether to stop.
const PORTION: u64 = 200;

/// Runs until the token is canceled. What goes wrong is logged and tried again after a pause.
pub(crate) async fn run(writer: Writer, stop: CancellationToken) {
    let mut looked: Option<Instant> = None;
    loop {
        if looked.is_none_or(|at| at.elapsed() >= UNRECORDED_PAUSE) {
            forget_unrecorded_buyers(&writer).await;
            looked = Some(Instant::now());
        }
        let pause = match portion(&writer).await {
            Ok(0) => PAUSE,
            Ok(done) => {
                tracing::info!(done, "released earnings and expired holds");
                Duration::ZERO
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "could not release earnings or expire holds");
                PAUSE
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn portion(writer: &Writer) -> Result<usize, StoreError> {
    let now = now();
    let (released, expired) = (writer.release_due(now, PORTION).await, writer.expire_holds(now, PORTION).await);
    Ok(released? + expired?)
}

async fn forget_unrecorded_buyers(writer: &Writer) {
    let now = now().epoch_ms();
    let [from, before] = UNRECORDED_MS.map(|ms| Timestamp::from_epoch_ms(now - ms));
    if let Err(error) = writer.journal().forget_unrecorded_buyers(from, before).await {
        tracing::error!(error = &error as &dyn std::error::Error, "could not remove details that no checkout came of");
    }
}
