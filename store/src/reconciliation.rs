//! What reconciliation reads of the books.

pub(crate) mod read;
