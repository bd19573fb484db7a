//! The name on a virtual account: a buyer's name, so it is kept sealed, as text.

use domain::id::CheckoutId;

use crate::{Keyring, KeyringError, Sealed};

/// Seals the name on the virtual account of a checkout.
pub fn seal_holder(keys: &Keyring, checkout_id: &CheckoutId, name: &str) -> Result<String, KeyringError> {
    Ok(keys.seal(name.as_bytes(), &place(checkout_id))?.to_text())
}

/// Opens what [`seal_holder`] sealed for the same checkout.
pub fn open_holder(keys: &Keyring, checkout_id: &CheckoutId, sealed: &str) -> Result<String, KeyringError> {
    let sealed = Sealed::of_text(sealed)?;
    let name = keys.open(&sealed, &place(checkout_id))?;
    String::from_utf8(name).map_err(|_| KeyringError::Tampered(sealed.key_name))
}

/// A sealed name opens for its own checkout only.
fn place(checkout_id: &CheckoutId) -> Vec<u8> {
    format!("virtual account holder\n{checkout_id}").into_bytes()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "in a test, what cannot be done fails the test")]

    use super::*;

    #[test]
    fn a_name_opens_for_its_own_checkout_only() {
        let ring = |name| Keyring::parse(&Keyring::generate(name).unwrap()).unwrap();
        let (keys, id) = (ring("a"), CheckoutId::parse("checkout-1").unwrap());
        let sealed = seal_holder(&keys, &id, "김토스").unwrap();
        assert!(sealed.starts_with("a:") && !sealed.contains("김토스"), "{sealed}");
        assert_ne!(seal_holder(&keys, &id, "김토스").unwrap(), sealed, "each is under a key of its own");
        assert_eq!(open_holder(&keys, &id, &sealed), Ok("김토스".to_owned()));
        let other = CheckoutId::parse("checkout-2").unwrap();
        let tampered = Err(KeyringError::Tampered("a".to_owned()));
        assert_eq!(open_holder(&keys, &other, &sealed), tampered);
        assert_eq!(open_holder(&keys, &id, "a:!"), tampered);
        assert_eq!(open_holder(&keys, &id, "a"), tampered);
        assert_eq!(open_holder(&ring("b"), &id, &sealed), Err(KeyringError::NoSuchKey("a".to_owned())));
    }
}
