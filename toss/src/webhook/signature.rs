//! The signature of `payout.changed` and `seller.changed`.
//!
//! Toss signs `{body}:{time}` with HMAC-SHA256 under the merchant's security key. The body is the
//! bytes as they arrived: JSON that was read and written again has another signature.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

pub use crate::private::SecurityKey;

/// Header with the signatures, `v1:<base64>,v1:<base64>`.
pub const SIGNATURE_HEADER: &str = "tosspayments-webhook-signature";
/// Header with the time of this sending, which is part of what is signed.
pub const TIME_HEADER: &str = "tosspayments-webhook-transmission-time";

/// Signatures in one header that are looked at. A key rotation makes two.
const SIGNATURE_LIMIT: usize = 8;

/// Whether any signature in `signatures` is that of `body` sent at `time`.
///
/// Toss does not say whether the key is the 64 characters or the 32 bytes they spell, and clients
/// in the open do either; both need the key, so accepting both admits no forgery.
///
/// It does not judge the age of `time`: a resend may be days late and carries a time of its own.
pub fn verify(body: &[u8], time: &str, signatures: &str, key: &SecurityKey) -> bool {
    // An empty key is one that everybody knows.
    if key.expose().is_empty() {
        return false;
    }
    signatures
        .split(',')
        .take(SIGNATURE_LIMIT)
        .filter_map(|signature| signature.trim().strip_prefix("v1:"))
        .filter_map(|signature| STANDARD.decode(signature).ok())
        .any(|signature| is_signed(body, time, &signature, key))
}

fn is_signed(body: &[u8], time: &str, signature: &[u8], key: &SecurityKey) -> bool {
    let spelled = hex::decode(key.expose()).ok();
    spelled
        .as_deref()
        .into_iter()
        .chain([key.expose().as_bytes()])
        .filter_map(|bytes| Hmac::<Sha256>::new_from_slice(bytes).ok())
        .any(|mac| mac.chain_update(body).chain_update(b":").chain_update(time).verify_slice(signature).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const BODY: &[u8] = br#"{"eventType":"payout.changed"}"#;
    const TIME: &str = "2026-01-02T03:04:05.123456+09:00";
    const BY_BYTES: &str = "v1:jX0A34awu3a+0TknyzV0Q6bTo3Zic5fUMPPZ0o9OFIk=";
    const BY_TEXT: &str = "v1:fCQC+9Z8IIQtGBuOQhxZBrfSQurKlrveKGh//UJxseo=";

    #[test]
    fn either_reading_of_the_key_and_either_of_two_signatures_is_enough() {
        let key = SecurityKey::from(KEY);
        let rotated = format!("v1:AAAA,{BY_BYTES}");
        for signatures in [BY_BYTES, BY_TEXT, &rotated] {
            assert!(verify(BODY, TIME, signatures, &key), "{signatures}");
        }
    }

    #[test]
    fn anything_else_is_a_forgery() {
        let key = SecurityKey::from(KEY);
        let unversioned = BY_BYTES.trim_start_matches("v1:");
        let cut = &BY_BYTES[..BY_BYTES.len() - 4];
        for signatures in ["", "v1:", "v1:AAAA", "v2:AAAA", unversioned, cut, "v1:한"] {
            assert!(!verify(BODY, TIME, signatures, &key), "{signatures}");
        }
        assert!(!verify(b"{}", TIME, BY_BYTES, &key));
        assert!(!verify(BODY, "2026-01-02T03:04:05+09:00", BY_BYTES, &key));
        assert!(!verify(BODY, TIME, BY_BYTES, &SecurityKey::from("00")));
    }

    #[test]
    fn a_forgotten_key_admits_nobody() {
        // What anybody can compute under the empty key, made once with another implementation.
        let forged = "v1:tJHjYQfMYgaXXUdf+Gdd1YognLLaMbcFqSkkdr8lw0g=";
        assert!(!verify(BODY, TIME, forged, &SecurityKey::from("")));
    }
}
