//! Saved cards: cards of buyers that are kept at the PSP and charged again.

mod read;
mod secret;
mod write;

pub use read::{SavedCardRecord, SealedCardKey};
pub use secret::CardSecret;
pub use write::{NewSavedCard, SavedCardPut};
