//! Wallets of sellers.

pub(crate) mod read;

pub use read::{Flow, PastWallet, WalletPosition, WalletRecord};
