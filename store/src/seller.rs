//! Sellers: what the marketplace says of them, what the PSP said, and what principals hold back.
//!
//! # Invariants
//!
//! * Contact and bank account stand in the database only sealed; beside them stand their masked forms.
//! * The payout status is derived from the rows each time ([`domain::seller::Standing`]), never written.
//! * An API process cannot call an account verified: what the PSP or a principal said of it is in tables that only a
//!   worker writes.

mod account_check;
mod checks;
mod hold;
mod read;
mod record;
mod registration;
mod terms;
mod write;

pub(crate) use account_check::transfer_returned;
pub(crate) use hold::list_hold;
pub use hold::{HoldLifted, HoldPlaced, HoldRecord, SellerHoldStatus};
pub use read::SellerFilter;
pub(crate) use read::seller_record;
pub use record::{AccountChecks, PayoutBlock, Profile, RegistrationRecord, SellerRecord, VerifiedAccount};
pub use registration::SellerToSend;
pub(crate) use registration::account_returned;
pub use terms::PayoutTerms;
pub(crate) use terms::payout_terms;
pub use write::{NewSellerDetails, SellerPut};

use domain::{id::SellerAccount, seller::Details};

use crate::{Keyring, KeyringError, Sealed, StoreError, convert::corrupt};

/// Seals the details of a seller: they open for no other one.
fn seal_details(keys: &Keyring, seller: &SellerAccount, details: &Details) -> Result<String, StoreError> {
    let text = serde_json::to_vec(details).map_err(|error| corrupt("details without JSON", error))?;
    let sealed = keys.seal(&text, &place(seller)).map_err(|error| corrupt("an encryption key", error))?;
    Ok(sealed.to_text())
}

/// Opens the details of a seller.
pub(crate) fn open_details(keys: &Keyring, seller: &SellerAccount, sealed: &str) -> Result<Details, KeyringError> {
    let sealed = Sealed::of_text(sealed)?;
    let text = keys.open(&sealed, &place(seller))?;
    serde_json::from_slice(&text).map_err(|_| KeyringError::Tampered(sealed.key_name))
}

fn place(seller: &SellerAccount) -> Vec<u8> {
    format!("seller details\n{seller}").into_bytes()
}
