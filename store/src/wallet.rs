//! Wallets of sellers.

pub(crate) mod read;
mod releases;

pub use read::{Flow, PastWallet, WalletPosition, WalletRecord};
pub use releases::Release;
