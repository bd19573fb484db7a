//! The ledger: entries, balances, movements, checkpoints and reversals.

pub(crate) mod accounts;
pub(crate) mod checkpoint;
pub(crate) mod due;
pub(crate) mod entries;
pub(crate) mod movements;
pub(crate) mod read;
pub(crate) mod reversal;
pub(crate) mod reversals;
pub(crate) mod side;
pub(crate) mod write;

pub use accounts::{AccountFilter, AccountPosition};
pub use checkpoint::{PublicKey, SignedCheckpoint, SigningError, SigningKey};
pub use entries::{EntryFilter, EntryRecord};
pub use movements::{Movement, MovementPosition};
pub use read::{AccountBalance, AsOf};
pub use reversal::{OrderMove, ReversalPreview, WalletMove};
pub use reversals::{ReversalRecord, ReversalWord, SaidBy};
pub use side::Side;
