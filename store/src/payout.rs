//! Payout runs: planned, frozen, decided on, sent and followed.
//!
//! Every change of a payout holds the end of the ledger ([`Books`](crate::books::open::Books)), so two of them never
//! happen at once, and the money of a payout moves in the transaction of its status.

mod answer;
mod bank_file;
mod bank_money;
mod change;
mod decide;
mod events;
mod freeze;
mod frozen;
mod idle;
mod lines;
mod parts;
mod plan;
mod read;
pub(crate) mod record;
mod refusal;
mod send;
mod statement;
mod stop;
pub(crate) mod sweep;

pub use answer::TransferShown;
pub use bank_file::{BankFileRecord, BankFileRefusal, TakeBankFile, TransferRecord};
pub use bank_money::TransfersAtBank;
pub use change::{PayoutRequest, Withdrawal};
pub use decide::RunDecision;
pub use freeze::{Freeze, FreezeOutcome};
pub use idle::{IdleSeller, MAX_IDLE};
pub use plan::PlanRequest;
pub use read::{PayoutFilter, PayoutPosition, RunPosition, RunWork};
pub use record::{FirstApproval, NotedAnswer, PayoutRecord, RunRecord, StatementRecord};
pub use refusal::PayoutRefusal;
pub use send::{BeginBatch, BegunBatch};
pub use sweep::{FreezeSweep, SweepPlan, SweepReceipt};
