//! What is kept of a buyer.

pub(crate) mod write;

pub use write::{Erased, SealedBuyer};
