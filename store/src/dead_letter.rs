//! Dead letters and the actions on them.

pub(crate) mod action;
pub(crate) mod read;
pub(crate) mod record;
mod stake;
pub(crate) mod write;

pub use action::{Acted, NewAction};
pub use read::{LetterFilter, LetterPosition};
pub use record::{ActionRecord, LetterRecord};
