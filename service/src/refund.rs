//! Canceling and refunding: one request, answered by the status of the checkout.
//!
//! Before it is paid a checkout is given up, by its own workflow. Once it is paid its money goes back, by a workflow of
//! the refund's own. The record decides which of the two happens, and what is answered. So a repeated request gets the
//! same answer, also when Temporal has long forgotten the workflow.

mod approval;
mod cancel;
mod terms;

pub use approval::{Decided, RefundRules, is_second, opened, reject};
pub use cancel::{approve, cancel};
pub use terms::{AmountError, CancelRequest, Canceled, RefundError, RefundKey, Target, is_open, left_of};
