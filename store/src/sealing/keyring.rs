//! Sealing: what is personal is written only under a key that does not stand beside it.
//!
//! AES-256-GCM under a key of its own for each text, derived by HKDF-SHA256 (RFC 5869) from a key of the ring and
//! a random salt; so one key may seal as much as it likes. What is sealed names its key, so keys can be changed:
//! the first of the ring seals, all of them open.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, KeyType, Prk},
    hmac,
    rand::{SecureRandom as _, SystemRandom},
};

/// The bytes of a key.
const KEY_BYTES: usize = 32;
/// The bytes of a salt: two of 2^64 texts are under one salt with a chance of 2^-65.
const SALT_BYTES: usize = 24;
/// The most characters of a key's name.
const MAX_NAME_CHARS: usize = 32;
/// The most keys of a ring.
const MAX_KEYS: usize = 16;
/// The nonce may stand still: a derived key seals one text.
const NONCE: [u8; 12] = [0; 12];
/// What the derived keys are for.
const PURPOSE: &[u8] = b"daegeum sealed text v1";
/// What the derived keys of digests are for.
const DIGEST_PURPOSE: &[u8] = b"daegeum digest v1";

/// What the id of a key is derived for.
const ID_PURPOSE: &[u8] = b"daegeum key id v1";
/// The bytes of a key's id: they tell keys of one name apart and tell nothing of the key.
const ID_BYTES: usize = 4;

/// Keys that seal and open, the newest first. They are never printed.
pub struct Keyring {
    keys: Vec<Key>,
}

struct Key {
    name: String,
    master: Prk,
}

/// A text under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The name of the key.
    pub key_name: String,
    /// Salt, ciphertext and tag.
    pub bytes: Vec<u8>,
}

/// Why keys are none, or a text stays closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// Not of the form `NAME:BASE64,NAME:BASE64`.
    #[error(
        "encryption keys are NAME:BASE64, the newest first, with commas between them; a name has 1 to \
         {MAX_NAME_CHARS} of a-z 0-9 -, a key has {KEY_BYTES} bytes, and there are at most {MAX_KEYS}"
    )]
    Malformed,
    /// A name twice.
    #[error("the encryption key {0} stands twice")]
    Twice(String),
    /// A text under a key that is not there.
    #[error("it is sealed under the encryption key {0}, which is not among the keys")]
    NoSuchKey(String),
    /// Not what was sealed, or sealed for another place.
    #[error("it is not what was sealed here under the encryption key {0}")]
    Tampered(String),
    /// Randomness is out of reach.
    #[error("the machine gives no randomness")]
    Randomness,
}

impl Sealed {
    /// The sealed text as `NAME:BASE64`.
    pub fn to_text(&self) -> String {
        format!("{}:{}", self.key_name, STANDARD.encode(&self.bytes))
    }

    /// Reads what [`Self::to_text`] wrote.
    pub fn of_text(text: &str) -> Result<Self, KeyringError> {
        let (name, bytes) = text.split_once(':').unwrap_or((text, ""));
        let bytes = STANDARD.decode(bytes).map_err(|_| KeyringError::Tampered(name.to_owned()))?;
        Ok(Self { key_name: name.to_owned(), bytes })
    }
}

impl Keyring {
    /// Reads `NAME:BASE64,…`, the newest key first.
    pub fn parse(text: &str) -> Result<Self, KeyringError> {
        let mut keys: Vec<Key> = Vec::new();
        for part in text.split(',') {
            let (name, key) = part.trim().split_once(':').ok_or(KeyringError::Malformed)?;
            let bytes = STANDARD.decode(key).map_err(|_| KeyringError::Malformed)?;
            if !is_name(name) || bytes.len() != KEY_BYTES || keys.len() == MAX_KEYS {
                return Err(KeyringError::Malformed);
            }
            if keys.iter().any(|key| key.name == name) {
                return Err(KeyringError::Twice(name.to_owned()));
            }
            keys.push(Key { name: name.to_owned(), master: Prk::new_less_safe(HKDF_SHA256, &bytes) });
        }
        Ok(Self { keys })
    }

    /// A new key in the form that [`Self::parse`] reads.
    pub fn generate(name: &str) -> Result<String, KeyringError> {
        if !is_name(name) {
            return Err(KeyringError::Malformed);
        }
        let mut key = [0; KEY_BYTES];
        SystemRandom::new().fill(&mut key).map_err(|_| KeyringError::Randomness)?;
        Ok(format!("{name}:{}", STANDARD.encode(key)))
    }

    /// The names of the keys, the one that seals first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| key.name.as_str())
    }

    /// Names of the keys with a part that is derived from the key, the one that seals first. They are no secret.
    pub fn ids(&self) -> Vec<String> {
        self.keys.iter().map(Key::id).collect()
    }

    /// Seals a text for a place: it opens only as what stands there.
    pub fn seal(&self, text: &[u8], place: &[u8]) -> Result<Sealed, KeyringError> {
        let key = self.keys.first().ok_or(KeyringError::Malformed)?;
        let mut bytes = vec![0; SALT_BYTES];
        SystemRandom::new().fill(&mut bytes).map_err(|_| KeyringError::Randomness)?;
        let cipher = key.derive(&bytes)?;
        let mut sealed = text.to_vec();
        cipher
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(NONCE), Aad::from(place), &mut sealed)
            .map_err(|_| KeyringError::Randomness)?;
        bytes.append(&mut sealed);
        Ok(Sealed { key_name: key.name.clone(), bytes })
    }

    /// HMAC-SHA256 of a text under each key, the newest first, in lower-case hex. The same text has the same digest, so
    /// equal texts can be found; whoever has no key cannot try texts.
    pub fn digests(&self, text: &[u8]) -> Result<Vec<String>, KeyringError> {
        self.keys.iter().map(|key| key.digest(text)).collect()
    }

    /// Opens what was sealed for a place.
    pub fn open(&self, sealed: &Sealed, place: &[u8]) -> Result<Vec<u8>, KeyringError> {
        let name = &sealed.key_name;
        let key = self.keys.iter().find(|key| key.name == *name);
        let key = key.ok_or_else(|| KeyringError::NoSuchKey(name.clone()))?;
        let tampered = || KeyringError::Tampered(name.clone());
        let (salt, text) = sealed.bytes.split_at_checked(SALT_BYTES).ok_or_else(tampered)?;
        let mut text = text.to_vec();
        let opened = key
            .derive(salt)?
            .open_in_place(Nonce::assume_unique_for_key(NONCE), Aad::from(place), &mut text)
            .map_err(|_| tampered())?
            .len();
        text.truncate(opened);
        Ok(text)
    }
}

/// The length of an id.
struct IdLength;

impl KeyType for IdLength {
    fn len(&self) -> usize {
        ID_BYTES
    }
}

impl Key {
    fn id(&self) -> String {
        let mut id = [0; ID_BYTES];
        // So short an output cannot be refused.
        let derived = self.master.expand(&[ID_PURPOSE], IdLength).and_then(|id_key| id_key.fill(&mut id));
        debug_assert!(derived.is_ok());
        format!("{}.{}", self.name, hex::encode(id))
    }

    fn derive(&self, salt: &[u8]) -> Result<LessSafeKey, KeyringError> {
        // The master key is random already, so what remains of HKDF is to expand it; the salt makes it unique.
        let info = [PURPOSE, salt];
        let derived = self.master.expand(&info, &AES_256_GCM).map_err(|_| KeyringError::Randomness)?;
        Ok(LessSafeKey::new(UnboundKey::from(derived)))
    }

    fn digest(&self, text: &[u8]) -> Result<String, KeyringError> {
        let info = [DIGEST_PURPOSE];
        let derived = self.master.expand(&info, hmac::HMAC_SHA256).map_err(|_| KeyringError::Randomness)?;
        Ok(hex::encode(hmac::sign(&hmac::Key::from(derived), text)))
    }
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_NAME_CHARS).contains(&name.len()) && name.bytes().all(allowed)
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("names", &self.names().collect::<Vec<_>>()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "in a test, what cannot be done fails the test")]

    use super::*;

    fn ring(names: &[&str]) -> (Keyring, String) {
        let text = names.iter().map(|name| Keyring::generate(name).unwrap()).collect::<Vec<_>>().join(",");
        (Keyring::parse(&text).unwrap(), text)
    }

    #[test]
    fn what_is_sealed_opens_at_its_place_only() {
        let (keys, _) = ring(&["a"]);
        let sealed = keys.seal("홍길동".as_bytes(), b"here").unwrap();
        assert_eq!(keys.open(&sealed, b"here").unwrap(), "홍길동".as_bytes());
        assert_eq!(keys.open(&sealed, b"there"), Err(KeyringError::Tampered("a".to_owned())));
        for at in 0..sealed.bytes.len() {
            let mut changed = sealed.clone();
            changed.bytes[at] ^= 1;
            assert_eq!(keys.open(&changed, b"here"), Err(KeyringError::Tampered("a".to_owned())), "byte {at}");
        }
        let short = Sealed { bytes: vec![0; 5], ..sealed };
        assert_eq!(keys.open(&short, b"here"), Err(KeyringError::Tampered("a".to_owned())));
    }

    #[test]
    fn the_same_text_never_looks_the_same() {
        let (keys, _) = ring(&["a"]);
        let looks: std::collections::BTreeSet<_> = (0..100).map(|_| keys.seal(b"x", b"").unwrap().bytes).collect();
        assert_eq!(looks.len(), 100);
    }

    #[test]
    fn keys_change_and_old_texts_still_open() {
        let (old, old_text) = ring(&["2026"]);
        let sealed = old.seal(b"x", b"").unwrap();
        let both = Keyring::parse(&format!("{},{old_text}", Keyring::generate("2027").unwrap())).unwrap();
        assert_eq!(both.open(&sealed, b"").unwrap(), b"x");
        let newer = both.seal(b"x", b"").unwrap();
        assert_eq!(newer.key_name, "2027");
        assert_eq!(old.open(&newer, b""), Err(KeyringError::NoSuchKey("2027".to_owned())));
    }

    #[test]
    fn a_digest_is_the_same_each_time_and_another_under_each_key() {
        let (old, old_text) = ring(&["2026"]);
        let both = Keyring::parse(&format!("{},{old_text}", Keyring::generate("2027").unwrap())).unwrap();
        let (of_old, of_both) = (old.digests(b"x").unwrap(), both.digests(b"x").unwrap());
        assert_eq!((of_old.len(), of_both.len(), &of_both[1]), (1, 2, &of_old[0]));
        assert_ne!(of_both[0], of_both[1]);
        assert_ne!(old.digests(b"y").unwrap(), of_old);
    }

    #[test]
    fn malformed_keys_are_refused_and_never_shown() {
        let (keys, text) = ring(&["a"]);
        let long = STANDARD.encode([0; 33]);
        for wrong in ["", "a", "a:", "a:AAAA", &format!("A:{long}"), &format!("a:{long}"), &format!("{text},")] {
            assert_eq!(Keyring::parse(wrong).unwrap_err(), KeyringError::Malformed, "{wrong}");
        }
        assert_eq!(Keyring::parse(&format!("{text},{text}")).unwrap_err(), KeyringError::Twice("a".to_owned()));
        assert_eq!(format!("{keys:?}"), "Keyring { names: [\"a\"], .. }");
    }
}
