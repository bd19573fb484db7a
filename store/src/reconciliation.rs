//! Reconciliations: what the books say of the PSP, the runs of a day, and what each run found.

mod conclude;
mod conclusion;
mod finding;
mod internal;
mod payouts;
mod read;
mod run;
mod summary;

pub(crate) use conclude::conclude;
pub use conclusion::{ConcludeRun, LayerDays};
pub use internal::{InternalDifference, InternalQuestion};
pub(crate) use payouts::settled_after;
pub use payouts::{PayoutBooks, PayoutBooksQuestion};
pub use run::{NewRun, RunPosition, RunRecord};
pub use summary::{LayerSummary, Progress, RunSummary};
