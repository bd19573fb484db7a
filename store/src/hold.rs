//! Holds on a seller's earnings.

pub(crate) mod write;
