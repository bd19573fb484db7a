//! What is kept of a buyer.

pub(crate) mod details;
pub(crate) mod write;

pub use details::{BuyerDetails, BuyerDigests, BuyerField, DigestedDetail};
pub use write::{Erased, SealedBuyer};
