//! API keys as clients send them: `dk_<id>_<secret>`.

use domain::id::ApiKeyId;

/// What every key begins with, so that scanners can find one that leaked.
const PREFIX: &str = "dk_";
/// How many characters a secret has.
const SECRET_CHARS: std::ops::RangeInclusive<usize> = 16..=128;

/// The form of an API key with its secret.
#[derive(Debug, Clone, Copy)]
pub struct SecretKey;

impl SecretKey {
    /// Writes a key. The secret is letters and digits, made from randomness that the caller brings along.
    pub fn mint(id: &ApiKeyId, secret: &str) -> String {
        format!("{PREFIX}{id}_{secret}")
    }

    /// Takes a key apart into its public name and its secret.
    pub fn parse(key: &str) -> Option<(ApiKeyId, &str)> {
        let (id, secret) = key.strip_prefix(PREFIX)?.split_once('_')?;
        let plausible = SECRET_CHARS.contains(&secret.len()) && secret.bytes().all(|byte| byte.is_ascii_alphanumeric());
        Some((ApiKeyId::parse(id).ok()?, secret)).filter(|_| plausible)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minted_key_is_read_back() {
        let id = ApiKeyId::parse("ab12").unwrap();
        let key = SecretKey::mint(&id, "0123456789abcdef");
        assert_eq!(key, "dk_ab12_0123456789abcdef");
        assert_eq!(SecretKey::parse(&key), Some((id, "0123456789abcdef")));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in [
            "",
            "dk_",
            "dk_ab12",
            "dk_ab12_",
            "dk_ab12_short",
            "dk_AB12_0123456789abcdef",
            "sk_ab12_0123456789abcdef",
            "dk_ab12_0123456789abcde!",
            "dk_ab12_0123456789_abcdef",
        ] {
            assert_eq!(SecretKey::parse(text), None, "{text}");
        }
    }
}
