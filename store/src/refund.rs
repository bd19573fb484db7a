//! Refunds, their reservations and their approvals.

pub(crate) mod approval;
pub(crate) mod book;
pub(crate) mod read;
pub(crate) mod write;

pub use approval::{ApprovalPosition, ApprovalRecord, ApprovalStanding, NewApproval, Reservation, Reserved};
pub(crate) use read::refunds_in;
pub use read::{LostRefund, RefundRecord};
