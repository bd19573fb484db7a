//! The encryption of payouts: a compact JWE with `alg: dir` and `enc: A256GCM` under the security key.
//!
//! Source: the payout guide of Toss Payments (v2) for the header's `iat` and `nonce`; RFC 7516 for the rest.

use std::io::Read;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, Key, KeyInit, Nonce};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use flate2::read::DeflateDecoder;
use rand::Rng;
use rand::rngs::StdRng;
use serde::Deserialize;
use serde_json::json;

use crate::fields::MAX_BODY;
use crate::options::Compression;
use crate::time::{Instant, with_offset};

const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

#[derive(Deserialize)]
struct Header {
    alg: String,
    enc: String,
    iat: String,
    nonce: String,
    zip: Option<String>,
}

impl Header {
    fn is_as_documented(&self) -> bool {
        let has_no_fraction = !self.iat.contains('.');
        self.alg == "dir"
            && self.enc == "A256GCM"
            && has_no_fraction
            && DateTime::parse_from_rfc3339(&self.iat).is_ok()
            && uuid::Uuid::try_parse(&self.nonce).is_ok()
    }
}

/// The content key of a security key: 64 hexadecimal characters, 32 bytes.
fn content_key(security_key: &str) -> Option<Key<Aes256Gcm>> {
    let bytes = hex::decode(security_key).ok()?;
    Key::<Aes256Gcm>::try_from(bytes.as_slice()).ok()
}

/// Opens a sealed body. Whatever is wrong with it, the answer is the same `None`.
pub(crate) fn open(token: &[u8], security_key: &str, compression: Compression) -> Option<Vec<u8>> {
    let token = std::str::from_utf8(token).ok()?.trim();
    let parts: Vec<&str> = token.split('.').collect();
    let [header, "", nonce, ciphertext, tag] = parts.as_slice() else { return None };
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
    let read: Header = serde_json::from_slice(&decode(header)?).ok()?;
    if !read.is_as_documented() {
        return None;
    }
    let nonce = Nonce::try_from(decode(nonce)?.as_slice()).ok()?;
    let tag = decode(tag)?;
    if tag.len() != TAG_BYTES {
        return None;
    }
    let sealed = [decode(ciphertext)?, tag].concat();
    let payload = Payload { msg: &sealed, aad: header.as_bytes() };
    let opened = Aes256Gcm::new(&content_key(security_key)?).decrypt(&nonce, payload).ok()?;
    match (read.zip.as_deref(), compression) {
        (None, _) => Some(opened),
        (Some("DEF"), Compression::Taken) => inflated(&opened),
        (Some(_), Compression::Taken | Compression::Refused) => None,
    }
}

/// What was compressed, if it is no longer than any body may be.
fn inflated(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    let limit = u64::try_from(MAX_BODY).ok()?.checked_add(1)?;
    DeflateDecoder::new(bytes).take(limit).read_to_end(&mut text).ok()?;
    (text.len() <= MAX_BODY).then_some(text)
}

/// Seals a body; `None` when the security key is not 64 hexadecimal characters.
pub(crate) fn seal(plaintext: &[u8], security_key: &str, now: Instant, mut random: StdRng) -> Option<String> {
    let nonce = uuid::Builder::from_random_bytes(random.random()).into_uuid();
    let header = json!({ "alg": "dir", "enc": "A256GCM", "iat": with_offset(now), "nonce": nonce.to_string() });
    let header = URL_SAFE_NO_PAD.encode(header.to_string());
    let iv: [u8; NONCE_BYTES] = random.random();
    let payload = Payload { msg: plaintext, aad: header.as_bytes() };
    let mut sealed = Aes256Gcm::new(&content_key(security_key)?).encrypt(&Nonce::from(iv), payload).ok()?;
    let tag = sealed.split_off(sealed.len().checked_sub(TAG_BYTES)?);
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    Some(format!("{header}..{}.{}.{}", encode(&iv), encode(&sealed), encode(&tag)))
}

#[cfg(test)]
mod tests {
    use super::{open, seal};
    use crate::options::Compression;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use chrono::DateTime;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    const KEY: &str = crate::options::DEFAULT_SECURITY_KEY;
    /// Made with another implementation (jwcrypto) under the same key.
    const FOREIGN: &str = concat!(
        "eyJhbGciOiAiZGlyIiwgImVuYyI6ICJBMjU2R0NNIiwgImlhdCI6ICIyMDI2LTAxLTAyVDAzOjA0OjA1KzA5OjAwIiwgIm5vbmNl",
        "IjogImYwYzhkNWM0LThjMWQtNGI3ZS05ZDUxLTFmMGYyYjNjNGQ1ZSJ9..SnyVmQdj4koCV7qS.QL7RQDh-t0koUVegwNcxjooH7",
        "aXmQgjB2GN-w6g.7bgQlJKGpdB5La44DAjTMg"
    );

    const SEALED: &[u8] = br#"{"refSellerId":"seller-0001"}"#;

    fn sealed(text: &str) -> String {
        seal(text.as_bytes(), KEY, DateTime::UNIX_EPOCH, StdRng::seed_from_u64(1)).unwrap()
    }

    /// Text sealed under a header of the test's choice.
    fn sealed_under(header: &str) -> String {
        use aes_gcm::aead::{Aead, Payload};
        use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
        let header = URL_SAFE_NO_PAD.encode(header);
        let payload = Payload { msg: b"{}".as_slice(), aad: header.as_bytes() };
        let cipher = Aes256Gcm::new(&super::content_key(KEY).unwrap());
        let mut body = cipher.encrypt(&Nonce::from([0; 12]), payload).unwrap();
        let tag = body.split_off(body.len() - 16);
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        format!("{header}..{}.{}.{}", encode(&[0; 12]), encode(&body), encode(&tag))
    }

    #[test]
    fn what_another_implementation_sealed_is_opened() {
        assert_eq!(open(FOREIGN.as_bytes(), KEY, Compression::Refused).unwrap(), SEALED);
        assert_eq!(open(sealed("대금").as_bytes(), KEY, Compression::Refused).unwrap(), "대금".as_bytes());
    }

    #[test]
    fn another_key_a_changed_byte_or_an_undocumented_header_does_not_open() {
        let token = sealed("{}");
        assert_eq!(open(token.as_bytes(), &"00".repeat(32), Compression::Refused), None);
        assert_eq!(open(token.as_bytes(), "not hexadecimal", Compression::Refused), None);
        for index in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            // The last character of a part may carry bits that mean nothing; decoding refuses those as well.
            assert_eq!(open(&changed, KEY, Compression::Refused), None, "byte {index}");
        }
        let header = |alg: &str, enc: &str, iat: &str, nonce: &str| {
            format!(r#"{{"alg":"{alg}","enc":"{enc}","iat":"{iat}","nonce":"{nonce}"}}"#)
        };
        let (iat, nonce) = ("2026-01-02T03:04:05+09:00", "f0c8d5c4-8c1d-4b7e-9d51-1f0f2b3c4d5e");
        assert!(
            open(sealed_under(&header("dir", "A256GCM", iat, nonce)).as_bytes(), KEY, Compression::Refused).is_some()
        );
        for wrong in [
            header("A256KW", "A256GCM", iat, nonce),
            header("dir", "A128GCM", iat, nonce),
            header("dir", "A256GCM", "2026-01-02T03:04:05.000+09:00", nonce),
            header("dir", "A256GCM", "yesterday", nonce),
            header("dir", "A256GCM", iat, "not a uuid"),
            r#"{"alg":"dir","enc":"A256GCM"}"#.to_owned(),
        ] {
            assert_eq!(open(sealed_under(&wrong).as_bytes(), KEY, Compression::Refused), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0..300_usize) {
            prop_assert_eq!(open(&bytes, KEY, Compression::Refused), None);
            let mut token = FOREIGN.as_bytes().to_vec();
            token.truncate(at);
            token.extend(bytes);
            // What was sealed is all that can come out, whatever else is on the way.
            let is_what_was_sealed = open(&token, KEY, Compression::Refused).is_none_or(|text| text == SEALED);
            prop_assert!(is_what_was_sealed);
        }
    }
}
