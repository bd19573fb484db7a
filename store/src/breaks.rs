//! Breaks of reconciliations: seen by runs, dealt with by people, never deleted.

mod act;
mod close;
mod escalate;
mod read;
mod record;
mod repair;
mod request;
mod rounding;
mod see;

pub(crate) use act::carry_out;
pub(crate) use close::{CloseScope, close_unseen};
pub(crate) use escalate::escalate;
pub use read::{BreakFilter, BreakPosition};
pub use record::{BreakEvent, BreakRecord};
pub use repair::{Repair, RepairRequest, Repaired};
pub use request::BreakActRequest;
pub use rounding::Residue;
pub(crate) use see::{Sighting, see};
