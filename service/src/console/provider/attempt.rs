//! One attempt to sign in: what its browser keeps until the provider answers.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest, Sha256};

use super::error::ProviderError;

/// How many random bytes each value has. Source: RFC 7636 (section 4.1) recommends 32 for the verifier.
const BYTES: usize = 32;
/// How many characters these bytes take.
const CHARS: usize = 43;

/// An attempt to sign in. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Attempt {
    state: String,
    nonce: String,
    verifier: String,
}

/// The machine gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("this machine gives no random bytes")]
struct NoRandomness;

impl Attempt {
    /// A new attempt.
    pub(super) fn generate() -> Result<Self, ProviderError> {
        Ok(Self { state: random()?, nonce: random()?, verifier: random()? })
    }

    /// Reads what [`Self::to_text`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let mut part = || parts.next().filter(|part| part.len() == CHARS).map(str::to_owned);
        let attempt = Self { state: part()?, nonce: part()?, verifier: part()? };
        parts.next().is_none().then_some(attempt)
    }

    /// The attempt as a cookie holds it.
    pub fn to_text(&self) -> String {
        format!("{}.{}.{}", self.state, self.nonce, self.verifier)
    }

    pub(super) fn state(&self) -> &str {
        &self.state
    }

    pub(super) fn nonce(&self) -> &str {
        &self.nonce
    }

    pub(super) fn verifier(&self) -> &str {
        &self.verifier
    }

    /// What proves the verifier later.
    pub(super) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.as_bytes()))
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt").finish_non_exhaustive()
    }
}

fn random() -> Result<String, ProviderError> {
    let mut bytes = [0; BYTES];
    SystemRandom::new().fill(&mut bytes).map_err(|_| ProviderError::Internal(NoRandomness.into()))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_is_read_as_it_is_written() {
        let attempt = Attempt::generate().unwrap();
        assert_eq!(Attempt::parse(&attempt.to_text()), Some(attempt.clone()));
        for wrong in ["", "a.b.c", &format!("{}.", attempt.to_text()), &attempt.to_text()[1..]] {
            assert_eq!(Attempt::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_challenge_is_that_of_the_standard() {
        // Source: RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned();
        let attempt = Attempt { state: String::new(), nonce: String::new(), verifier };
        assert_eq!(attempt.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
