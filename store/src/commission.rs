//! Commission rates.

pub(crate) mod read;

pub use read::CommissionRate;
