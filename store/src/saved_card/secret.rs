//! What the PSP gives for a card: the consent of its buyer, and the key by which the card is charged. Both are worth
//! money, so each is kept sealed, as text, and opens for its own card and as what it is alone.

use std::fmt;

use domain::id::SavedCardId;

use crate::{Keyring, KeyringError, Sealed};

/// A secret of a card. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct CardSecret(String);

/// What a sealed secret opens as.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Key,
    Consent,
}

impl CardSecret {
    /// Takes what the PSP gave.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret, for the PSP.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Seals the key of a card.
    pub fn seal_key(&self, keys: &Keyring, saved_card: &SavedCardId) -> Result<String, KeyringError> {
        self.seal(keys, &place(Kind::Key, saved_card))
    }

    /// Seals the consent to a registration.
    pub fn seal_consent(&self, keys: &Keyring, saved_card: &SavedCardId) -> Result<String, KeyringError> {
        self.seal(keys, &place(Kind::Consent, saved_card))
    }

    /// Opens what [`Self::seal_key`] sealed for the same card.
    pub fn open_key(keys: &Keyring, saved_card: &SavedCardId, sealed: &str) -> Result<Self, KeyringError> {
        Self::open(keys, &place(Kind::Key, saved_card), sealed)
    }

    /// Opens what [`Self::seal_consent`] sealed for the same card.
    pub fn open_consent(keys: &Keyring, saved_card: &SavedCardId, sealed: &str) -> Result<Self, KeyringError> {
        Self::open(keys, &place(Kind::Consent, saved_card), sealed)
    }

    /// Digests of the key of a card under each encryption key, the newest first.
    pub fn digests(&self, keys: &Keyring) -> Result<Vec<String>, KeyringError> {
        keys.digests(format!("saved card key\n{}", self.0).as_bytes())
    }

    fn seal(&self, keys: &Keyring, place: &str) -> Result<String, KeyringError> {
        Ok(keys.seal(self.0.as_bytes(), place.as_bytes())?.to_text())
    }

    fn open(keys: &Keyring, place: &str, sealed: &str) -> Result<Self, KeyringError> {
        let sealed = Sealed::of_text(sealed)?;
        let text = keys.open(&sealed, place.as_bytes())?;
        String::from_utf8(text).map(Self).map_err(|_| KeyringError::Tampered(sealed.key_name))
    }
}

impl fmt::Debug for CardSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CardSecret").finish_non_exhaustive()
    }
}

fn place(kind: Kind, saved_card: &SavedCardId) -> String {
    match kind {
        Kind::Key => format!("saved card key\n{saved_card}"),
        Kind::Consent => format!("saved card consent\n{saved_card}"),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "in a test, what cannot be done fails the test")]

    use super::*;

    #[test]
    fn a_secret_opens_for_its_own_card_as_what_it_is_and_is_never_shown() {
        let keys = Keyring::parse(&Keyring::generate("a").unwrap()).unwrap();
        let id = |text: &str| SavedCardId::parse(text).unwrap();
        let secret = CardSecret::new("billing-key=");
        let sealed = secret.seal_key(&keys, &id("card_1")).unwrap();
        assert!(sealed.starts_with("a:") && !sealed.contains("billing"), "{sealed}");
        assert_eq!(CardSecret::open_key(&keys, &id("card_1"), &sealed).unwrap(), secret);
        let tampered = KeyringError::Tampered("a".to_owned());
        assert_eq!(CardSecret::open_key(&keys, &id("card_2"), &sealed).unwrap_err(), tampered);
        assert_eq!(CardSecret::open_consent(&keys, &id("card_1"), &sealed).unwrap_err(), tampered);
        let consent = secret.seal_consent(&keys, &id("card_1")).unwrap();
        assert_eq!(CardSecret::open_consent(&keys, &id("card_1"), &consent).unwrap(), secret);
        assert_eq!(format!("{secret:?}"), "CardSecret { .. }");
        assert_eq!(secret.digests(&keys).unwrap(), CardSecret::new("billing-key=").digests(&keys).unwrap());
        assert_ne!(secret.digests(&keys).unwrap(), CardSecret::new("another").digests(&keys).unwrap());
    }
}
