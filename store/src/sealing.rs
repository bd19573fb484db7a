//! Sealing of personal details under keys of the operator.

pub(crate) mod holder;
pub(crate) mod keyring;

pub use holder::{open_holder, seal_holder};
pub use keyring::{Keyring, KeyringError, Sealed};
