//! Risk decisions.

pub(crate) mod read;
pub(crate) mod write;

pub use read::RiskRecord;
pub use write::{CardNames, RiskDecision};
