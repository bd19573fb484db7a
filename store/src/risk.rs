//! Risk decisions.

pub(crate) mod write;

pub use write::{CardNames, RiskDecision};
