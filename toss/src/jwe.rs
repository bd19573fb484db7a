//! Sealed bodies: compact JWE with the direct key and AES-256-GCM, which payouts travel in.
//!
//! One algorithm on purpose: a header that names another is refused, never obeyed. The content key is
//! the 32 bytes that the security key spells.
//!
//! Source: RFC 7516 section 7.1 for the form, RFC 7518 sections 4.5 and 5.3 for `dir` and `A256GCM`,
//! docs.tosspayments.com/guides/v2/payouts for the headers `iat` and `nonce`.

use std::fmt;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::times;

/// Bytes of the initialisation vector (RFC 7518 section 5.3).
const IV_BYTES: usize = 12;
/// Bytes of the authentication tag, which AES-GCM appends to the ciphertext.
const TAG_BYTES: usize = 16;
/// Parts of a compact JWE: header, encrypted key, vector, ciphertext, tag.
const PARTS: usize = 5;

/// The key that seals and opens.
#[derive(Clone)]
pub(crate) struct ContentKey(Aes256Gcm);

impl ContentKey {
    /// Reads 64 hexadecimal characters.
    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(Aes256Gcm::new(&bytes.into())))
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentKey(..)")
    }
}

/// Why a sealed body does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JweError {
    /// It is not five parts of unpadded base64url, or the vector or tag has another length.
    #[error("the body is no compact JWE")]
    Form,
    /// Its header does not say `dir` and `A256GCM`, or says more that would have to be understood.
    #[error("the body is sealed in a way we do not use")]
    Header,
    /// It was sealed with another key, or changed on its way.
    #[error("the body was sealed with another key or was changed")]
    Key,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    enc: &'a str,
    iat: &'a str,
    nonce: &'a str,
}

/// What of a header decides how to open, and what would change it.
#[derive(Deserialize)]
struct Named {
    alg: String,
    enc: String,
    zip: Option<serde::de::IgnoredAny>,
    crit: Option<serde::de::IgnoredAny>,
}

/// Seals a body as of `now`, under a vector and a nonce that were never used before.
///
/// A repeated request is sealed anew: Toss compares the idempotency key and not the body.
pub(crate) fn seal(plaintext: &[u8], key: &ContentKey, now: DateTime<Utc>) -> Result<String, getrandom::Error> {
    let mut vector = [0; IV_BYTES];
    getrandom::fill(&mut vector)?;
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce)?;
    let nonce = uuid::Builder::from_random_bytes(nonce).into_uuid();
    Ok(seal_under(&header(now, nonce), plaintext, key, vector))
}

fn header(now: DateTime<Utc>, nonce: Uuid) -> String {
    let iat = now.with_timezone(&times::korea()).format("%Y-%m-%dT%H:%M:%S%:z").to_string();
    let header = Header { alg: "dir", enc: "A256GCM", iat: &iat, nonce: &nonce.to_string() };
    // Four texts always become JSON.
    serde_json::to_string(&header).unwrap_or_default()
}

fn seal_under(header: &str, plaintext: &[u8], key: &ContentKey, vector: [u8; IV_BYTES]) -> String {
    let protected = URL_SAFE_NO_PAD.encode(header);
    let payload = Payload { msg: plaintext, aad: protected.as_bytes() };
    // AES-GCM refuses only messages of more than 64 GiB; our bodies are a hundred payouts at most.
    let sealed = key.0.encrypt(&vector.into(), payload).unwrap_or_default();
    let (ciphertext, tag) = sealed.split_at(sealed.len().saturating_sub(TAG_BYTES));
    format!(
        "{protected}..{}.{}.{}",
        URL_SAFE_NO_PAD.encode(vector),
        URL_SAFE_NO_PAD.encode(ciphertext),
        URL_SAFE_NO_PAD.encode(tag)
    )
}

/// Whether a body has the form of a compact JWE; no JSON document has it.
pub(crate) fn is_compact(body: &[u8]) -> bool {
    let body = body.trim_ascii();
    body.split(|byte| *byte == b'.').count() == PARTS
        && body.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// Opens a sealed body.
///
/// # Errors
///
/// [`JweError`]; no bytes make it panic.
pub(crate) fn open(body: &[u8], key: &ContentKey) -> Result<Vec<u8>, JweError> {
    let text = std::str::from_utf8(body.trim_ascii()).map_err(|_| JweError::Form)?;
    let parts: Vec<&str> = text.splitn(PARTS + 1, '.').collect();
    let [protected, encrypted_key, vector, ciphertext, tag] = parts[..] else {
        return Err(JweError::Form);
    };
    let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| JweError::Form);
    let vector: [u8; IV_BYTES] = bytes(vector)?.try_into().map_err(|_| JweError::Form)?;
    let mut sealed = bytes(ciphertext)?;
    let tag = bytes(tag)?;
    if !encrypted_key.is_empty() || tag.len() != TAG_BYTES {
        return Err(JweError::Form);
    }
    let named: Named = serde_json::from_slice(&bytes(protected)?).map_err(|_| JweError::Header)?;
    if named.alg != "dir" || named.enc != "A256GCM" || named.zip.is_some() || named.crit.is_some() {
        return Err(JweError::Header);
    }
    sealed.extend_from_slice(&tag);
    let payload = Payload { msg: &sealed, aad: protected.as_bytes() };
    key.0.decrypt(&vector.into(), payload).map_err(|_| JweError::Key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const PLAINTEXT: &[u8] = br#"{"refSellerId":"seller-0001"}"#;
    /// Made once with another implementation.
    const SEALED: &str = concat!(
        "eyJhbGciOiAiZGlyIiwgImVuYyI6ICJBMjU2R0NNIiwgImlhdCI6ICIyMDI2LTAxLTAyVDAzOjA0OjA1KzA5OjAwIiwgIm5vbmNlIjogIm",
        "YwYzhkNWM0LThjMWQtNGI3ZS05ZDUxLTFmMGYyYjNjNGQ1ZSJ9..SnyVmQdj4koCV7qS.QL7RQDh-t0koUVegwNcxjooH7aXmQgjB2GN-w6g.",
        "7bgQlJKGpdB5La44DAjTMg"
    );

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    fn key() -> Result<ContentKey, &'static str> {
        ContentKey::from_hex(KEY).ok_or("not 64 hexadecimal characters")
    }

    #[test]
    fn what_another_implementation_sealed_opens_and_is_sealed_the_same() -> Outcome {
        assert_eq!(open(SEALED.as_bytes(), &key()?), Ok(PLAINTEXT.to_vec()));
        let parts: Vec<&str> = SEALED.split('.').collect();
        let header = String::from_utf8(URL_SAFE_NO_PAD.decode(parts[0])?)?;
        let vector = URL_SAFE_NO_PAD.decode(parts[2])?.try_into().map_err(|_| "not 12 bytes")?;
        assert_eq!(seal_under(&header, PLAINTEXT, &key()?, vector), SEALED);
        Ok(())
    }

    #[test]
    fn a_header_says_when_and_is_never_the_same() -> Outcome {
        let now = DateTime::parse_from_rfc3339("2026-01-01T18:04:05.678Z")?.to_utc();
        let nonce = Uuid::from_u128(0xf0c8_d5c4_8c1d_4b7e_9d51_1f0f_2b3c_4d5e);
        assert_eq!(
            header(now, nonce),
            concat!(
                r#"{"alg":"dir","enc":"A256GCM","iat":"2026-01-02T03:04:05+09:00","#,
                r#""nonce":"f0c8d5c4-8c1d-4b7e-9d51-1f0f2b3c4d5e"}"#
            )
        );
        let (one, two) = (seal(PLAINTEXT, &key()?, now)?, seal(PLAINTEXT, &key()?, now)?);
        for part in [0, 2, 3, 4] {
            assert_ne!(one.split('.').nth(part), two.split('.').nth(part), "part {part} repeats");
        }
        assert_eq!(open(two.as_bytes(), &key()?), Ok(PLAINTEXT.to_vec()));
        Ok(())
    }

    #[test]
    fn any_other_header_is_refused_even_if_it_is_sealed_well() -> Outcome {
        for header in [
            r#"{"alg":"none","enc":"A256GCM"}"#,
            r#"{"alg":"A256KW","enc":"A256GCM"}"#,
            r#"{"alg":"dir","enc":"A128CBC-HS256"}"#,
            r#"{"alg":"dir","enc":"A256GCM","zip":"DEF"}"#,
            r#"{"alg":"dir","enc":"A256GCM","crit":["exp"]}"#,
            r#"{"alg":"dir"}"#,
            "not json",
        ] {
            let sealed = seal_under(header, PLAINTEXT, &key()?, [7; IV_BYTES]);
            assert_eq!(open(sealed.as_bytes(), &key()?), Err(JweError::Header), "{header}");
        }
        Ok(())
    }

    #[test]
    fn what_was_changed_does_not_open() -> Outcome {
        let other = ContentKey::from_hex(&KEY.replace("00", "ff")).ok_or("no key")?;
        assert_eq!(open(SEALED.as_bytes(), &other), Err(JweError::Key));
        let parts: Vec<&str> = SEALED.split('.').collect();
        for changed in [
            format!("{}..{}.{}.{}", parts[0], "AAAAAAAAAAAAAAAA", parts[3], parts[4]),
            format!("{}..{}.{}.{}", parts[0], parts[2], "AAAA", parts[4]),
            format!("{}..{}.{}.{}", parts[0], parts[2], parts[3], "AAAAAAAAAAAAAAAAAAAAAA"),
        ] {
            assert_eq!(open(changed.as_bytes(), &key()?), Err(JweError::Key), "{changed}");
        }
        for broken in [
            String::new(),
            "....".to_owned(),
            format!("{SEALED}.x"),
            format!("{}.AAAA.{}.{}.{}", parts[0], parts[2], parts[3], parts[4]),
            format!("{}..{}.{}.", parts[0], parts[2], parts[3]),
            format!("{}..AAAA.{}.{}", parts[0], parts[3], parts[4]),
        ] {
            assert_eq!(open(broken.as_bytes(), &key()?), Err(JweError::Form), "{broken}");
        }
        assert!(is_compact(SEALED.as_bytes()) && !is_compact(PLAINTEXT) && !is_compact(b"a.b"));
        assert!(ContentKey::from_hex(&KEY[2..]).is_none() && ContentKey::from_hex("x").is_none());
        Ok(())
    }
}
