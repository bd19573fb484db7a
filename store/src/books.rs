//! The books: what is booked, by whom, in which order, and whether all of it agrees.

pub(crate) mod audit;
pub(crate) mod booking;
pub(crate) mod bookkeeper;
pub(crate) mod chain;
pub(crate) mod open;

pub use audit::{
    Audit, BooksState, ChainEnd, Check, Disagreement, Findings, Inclusion, MAX_NAMED, OnProgress, Progress,
};
pub use booking::{Booked, Refusal};
pub use chain::{BookedEntry, GENESIS, hash_of};
