//! Payout runs: planned, frozen, decided on, sent and followed.
//!
//! Every change of a payout holds the end of the ledger ([`Books`](crate::books::open::Books)), so two of them never
//! happen at once, and the money of a payout moves in the transaction of its status.

mod change;
mod decide;
mod events;
mod freeze;
mod frozen;
mod plan;
mod read;
pub(crate) mod record;
mod send;
mod statement;
mod stop;

pub use change::{PayoutRefusal, PayoutRequest, Withdrawal};
pub use decide::RunDecision;
pub use freeze::Freeze;
pub use plan::PlanRequest;
pub use read::{OpenPayouts, PayoutFilter, PayoutPosition, RunPosition, RunWork};
pub use record::{FirstApproval, PayoutRecord, RunRecord, StatementRecord};
pub use send::{BeginBatch, BegunBatch};
