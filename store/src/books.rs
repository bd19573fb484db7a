//! The books: what is booked, by whom, in which order, and whether all of it agrees.

pub(crate) mod audit;
pub(crate) mod booking;
pub(crate) mod bookkeeper;
pub(crate) mod carry_out;
pub(crate) mod chain;
pub(crate) mod open;
pub(crate) mod order;
pub(crate) mod refusal;

pub(crate) use audit::held_by_breaks;
pub use audit::{
    Audit, BooksState, ChainEnd, Check, Disagreement, Findings, Inclusion, MAX_NAMED, OnReadProgress, ReadProgress,
};
pub use chain::{BookedEntry, GENESIS, hash_of};
pub use refusal::{Booked, Refusal, Resting};
