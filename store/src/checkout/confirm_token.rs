//! Confirmation tokens: what a buyer's browser proves, beside the checkout's id, to confirm a payment.
//!
//! A token is derived from a random secret of this database and the pepper of the servers, so every API answers a
//! repeated request with the same token, and a copy of the database alone derives none. Workflow and row hold the
//! token's hash, which suffices to check a token and derives nothing.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::id::{CheckoutId, ConfirmTokenHash, SavedCardId, WorkflowId};
use ring::hmac;
use sea_orm::EntityTrait;
use sha2::{Digest, Sha256};

use crate::{CheckoutRecord, Pepper, Reader, StoreError, convert::corrupt, entities::server_secrets};

/// The name of the secret in its table.
const SECRET: &str = "confirm_token";
/// What every token begins with: a token in a log or a ticket is recognised.
const PREFIX: &str = "ct_";
/// How many bytes of the derived value a token shows: 192 bits.
const TOKEN_BYTES: usize = 24;

/// Derives the confirmation tokens of a database. It is never printed.
#[derive(Clone)]
pub struct ConfirmTokens(hmac::Key);

/// What a buyer's browser proves to confirm a checkout. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfirmToken(String);

impl ConfirmTokens {
    /// Derives tokens from a secret of the database under a pepper.
    fn new(secret: &str, pepper: &Pepper) -> Self {
        let key = pepper.derive(b"daegeum confirmation tokens\0", secret.as_bytes());
        Self(hmac::Key::new(hmac::HMAC_SHA256, &key))
    }

    /// The token of a checkout that a workflow records. The workflow id makes it another one for another checkout that
    /// asked for the same id.
    pub fn token(&self, checkout_id: &CheckoutId, workflow_id: &WorkflowId) -> ConfirmToken {
        self.derive(&format!("{checkout_id}\n{workflow_id}"))
    }

    /// The token by which a buyer's browser registers a card.
    pub fn of_saved_card(&self, saved_card: &SavedCardId) -> ConfirmToken {
        // No id of a checkout holds a space.
        self.derive(&format!("saved card {saved_card}"))
    }

    fn derive(&self, place: &str) -> ConfirmToken {
        let derived = hmac::sign(&self.0, place.as_bytes());
        ConfirmToken(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&derived.as_ref()[..TOKEN_BYTES])))
    }

    /// The token of a recorded checkout. None where it needs none, or where it was derived under another pepper.
    pub fn of(&self, record: &CheckoutRecord) -> Option<ConfirmToken> {
        let token = self.token(&record.checkout_id, &record.workflow_id);
        record.confirm_token_hash.as_ref().is_some_and(|hash| token.has(hash)).then_some(token)
    }
}

impl ConfirmToken {
    /// A token as a buyer's browser sent it.
    pub fn sent(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The token itself, for the buyer.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The token's hash.
    pub fn hash(&self) -> ConfirmTokenHash {
        ConfirmTokenHash::from_digest(Sha256::digest(self.0.as_bytes()).into())
    }

    /// Whether the hash is this token's. How long it takes says something of hashes, and nothing of a token.
    pub fn has(&self, hash: &ConfirmTokenHash) -> bool {
        self.hash() == *hash
    }
}

impl Reader {
    /// What derives the confirmation tokens of this database.
    pub async fn confirm_tokens(&self, pepper: &Pepper) -> Result<ConfirmTokens, StoreError> {
        let row = server_secrets::Entity::find_by_id(SECRET).one(self.connection()).await?;
        let row = row.ok_or_else(|| corrupt("no secret of the name", SECRET))?;
        Ok(ConfirmTokens::new(&row.secret, pepper))
    }
}

impl fmt::Debug for ConfirmTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfirmTokens").finish_non_exhaustive()
    }
}

impl fmt::Debug for ConfirmToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfirmToken").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "in a test, what cannot be done fails the test")]

    use super::*;

    fn token(secret: &str, pepper: &Pepper, checkout: &str, workflow: &str) -> ConfirmToken {
        let checkout = CheckoutId::parse(checkout).unwrap();
        ConfirmTokens::new(secret, pepper).token(&checkout, &WorkflowId::parse(workflow).unwrap())
    }

    #[test]
    fn a_token_is_the_same_again_and_another_for_anything_else() {
        let none = Pepper::default();
        let pepper = Pepper::parse(&"p".repeat(32)).unwrap();
        let first = token("secret", &none, "checkout-1", "w-1");
        assert_eq!(first, token("secret", &none, "checkout-1", "w-1"));
        for other in [
            token("another", &none, "checkout-1", "w-1"),
            token("secret", &pepper, "checkout-1", "w-1"),
            token("secret", &none, "checkout-2", "w-1"),
            token("secret", &none, "checkout-1", "w-2"),
        ] {
            assert_ne!(first, other);
        }
        assert!(first.as_str().starts_with(PREFIX) && first.as_str().len() == PREFIX.len() + TOKEN_BYTES * 4 / 3);
    }

    #[test]
    fn a_hash_is_its_tokens_and_no_others() {
        let token = token("secret", &Pepper::default(), "checkout-1", "w-1");
        let hash = token.hash();
        assert!(ConfirmToken::sent(token.as_str()).has(&hash));
        for wrong in ["", "ct_", hash.as_str(), &token.as_str()[1..]] {
            assert!(!ConfirmToken::sent(wrong).has(&hash), "{wrong}");
        }
        assert_eq!(format!("{token:?}"), "ConfirmToken { .. }");
    }
}
