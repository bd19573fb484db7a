//! Work that is due at a time, and rows that are too old to keep.
#![expect(missing_docs, reason = "`#[activities]` expands each method to a constant without a docstring")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use store::Writer;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::ports::{DoWhatIsDue, DueDone, DueQuestion, OldRemoved, RemoveWhatIsOld};

use crate::failure::store_failure;

/// How much is done or removed at once.
const PORTION: u64 = 200;
/// For how long one activity does portions: well below the time that it has.
const PORTIONS_TIME: Duration = Duration::from_secs(3);
/// Details of buyers of whom no checkout came are removed between these ages, in milliseconds: three days and one.
const UNRECORDED_MS: [u64; 2] = [3 * 24 * 60 * 60 * 1_000, 24 * 60 * 60 * 1_000];

/// The activities of housekeeping.
#[derive(Debug, Clone)]
pub struct Housekeeping {
    /// Where the rows are.
    pub writer: Writer,
}

#[activities]
impl Housekeeping {
    /// Books the releases and expiries whose time has come, by the database's clock: a machine whose clock is wrong
    /// would release what is not due. Each has a key of its own.
    #[activity(definition = DoWhatIsDue)]
    pub async fn do_what_is_due(
        self: Arc<Self>,
        _ctx: ActivityContext,
        question: DueQuestion,
    ) -> Result<DueDone, ActivityError> {
        let (began, mut done) = (Instant::now(), 0);
        loop {
            let portion = self.writer.do_what_is_due(PORTION).await.map_err(store_failure)?;
            done += u64::try_from(portion).unwrap_or(u64::MAX);
            if portion == 0 {
                break;
            }
            tracing::info!(done = portion, "released earnings and expired holds");
            if began.elapsed() >= PORTIONS_TIME {
                return Ok(DueDone { done, is_unfinished: true, due_in_ms: None });
            }
        }
        let within = Duration::from_millis(question.within_ms);
        let due_in = self.writer.due_within(within).await.map_err(store_failure)?;
        let due_in_ms = due_in.map(|due_in| u64::try_from(due_in.as_millis()).unwrap_or(u64::MAX));
        Ok(DueDone { done, is_unfinished: false, due_in_ms })
    }

    /// Removes old attempts to deliver events, and details of buyers that no checkout came of.
    #[activity(definition = RemoveWhatIsOld)]
    pub async fn remove_what_is_old(
        self: Arc<Self>,
        _ctx: ActivityContext,
        (): (),
    ) -> Result<OldRemoved, ActivityError> {
        let (began, mut removed) = (Instant::now(), OldRemoved::default());
        let now = self.writer.time().await.map_err(store_failure)?;
        let [from, before] = UNRECORDED_MS.map(|ms| now.minus_ms(ms));
        let journal = self.writer.journal();
        removed.buyers = journal.forget_unrecorded_buyers(from, before).await.map_err(store_failure)?;
        loop {
            let portion = self.writer.forget_old_webhook_deliveries(PORTION).await.map_err(store_failure)?;
            removed.deliveries += portion;
            if portion < PORTION {
                return Ok(removed);
            }
            if began.elapsed() >= PORTIONS_TIME {
                return Ok(OldRemoved { is_unfinished: true, ..removed });
            }
        }
    }
}
