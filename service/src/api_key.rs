//! API keys as clients send them: `dk_<id>_<secret><checksum>`.
//!
//! The prefix lets scanners find a key that leaked, and the checksum lets them be sure; by it a key that was
//! mistyped or cut off is told apart from one that was revoked, without a look at the database.

mod request;

use domain::id::ApiKeyId;
use sha2::{Digest, Sha256};

pub use request::{KeyRequestError, KeyToShow, WantedForm, WantedKey, ask, decide, new_seed, show};

/// What every key begins with.
const PREFIX: &str = "dk_";
/// How many characters a secret has: 256 random bits in hex.
const SECRET_CHARS: usize = 64;
/// How many characters the checksum has.
const CHECKSUM_CHARS: usize = 8;

/// Why a text is no API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It has not the form of one.
    #[error("has not the form of an API key")]
    Form,
    /// It has the form, and cannot be one that was ever made.
    #[error("is an API key that was mistyped or cut off")]
    Checksum,
}

/// The form of an API key with its secret.
#[derive(Debug, Clone, Copy)]
pub struct SecretKey;

impl SecretKey {
    /// Writes a key. The secret is 32 random bytes in lower-case hex, which the caller brings along.
    pub fn mint(id: &ApiKeyId, secret: &str) -> String {
        let unchecked = format!("{PREFIX}{id}_{secret}");
        let checksum = checksum(&unchecked);
        unchecked + &checksum
    }

    /// Takes a key apart into its public name and its secret.
    pub fn parse(key: &str) -> Result<(ApiKeyId, &str), KeyError> {
        let (id, rest) = key.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')).ok_or(KeyError::Form)?;
        let id = ApiKeyId::parse(id).map_err(|_| KeyError::Form)?;
        if !rest.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(KeyError::Form);
        }
        let sum_at = key.len().checked_sub(CHECKSUM_CHARS).ok_or(KeyError::Checksum)?;
        let whole = rest.len() == SECRET_CHARS + CHECKSUM_CHARS && checksum(&key[..sum_at]) == key[sum_at..];
        if whole { Ok((id, &rest[..SECRET_CHARS])) } else { Err(KeyError::Checksum) }
    }
}

fn checksum(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))[..CHECKSUM_CHARS].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minted() -> (ApiKeyId, String, String) {
        let id = ApiKeyId::parse("ab12").unwrap();
        let secret = "0123456789abcdef".repeat(4);
        let key = SecretKey::mint(&id, &secret);
        (id, secret, key)
    }

    #[test]
    fn a_minted_key_is_read_back() {
        let (id, secret, key) = minted();
        assert_eq!(key, format!("dk_ab12_{secret}{}", &key[key.len() - 8..]));
        assert_eq!(SecretKey::parse(&key), Ok((id, secret.as_str())));
    }

    #[test]
    fn a_key_that_was_mistyped_or_cut_off_is_told_apart() {
        let (_, _, key) = minted();
        for end in 8..key.len() {
            assert_eq!(SecretKey::parse(&key[..end]), Err(KeyError::Checksum), "{end}");
        }
        for place in 3..key.len() {
            let mut mistyped = key.clone().into_bytes();
            if mistyped[place] == b'_' {
                continue;
            }
            mistyped[place] = if mistyped[place] == b'7' { b'8' } else { b'7' };
            let mistyped = String::from_utf8(mistyped).unwrap();
            assert_eq!(SecretKey::parse(&mistyped), Err(KeyError::Checksum), "{place}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "dk_", "dk_ab12", "sk_ab12_0123456789abcdef", "dk_AB12_0123456789abcdef", "dk_ab12_!", "키"] {
            assert_eq!(SecretKey::parse(text), Err(KeyError::Form), "{text}");
        }
    }
}
