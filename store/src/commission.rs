//! Commission rates.

pub(crate) mod read;
pub(crate) mod write;

pub use read::CommissionRate;

/// The seller whose commission is that of every seller without one of their own.
pub(crate) const EVERY_SELLER: &str = "*";
