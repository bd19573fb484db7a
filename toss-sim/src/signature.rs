//! The signature of payout and seller webhooks; payment webhooks carry none.
//!
//! Source: the webhook guide of Toss Payments. It does not say which bytes of the security key are the key,
//! hence [`SigningKey`].

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::options::SigningKey;
use crate::outbox::Attempt;
use crate::world::World;

/// Signs beside the merchant's key, as one that is being replaced does. No merchant has it.
const RETIRED_SECURITY_KEY: &str = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";

/// `v1:` and the base64 of HMAC-SHA256 over `{body}:{transmission time}`.
fn signature(body: &[u8], transmission_time: &str, security_key: &str, signs_with: SigningKey) -> Option<String> {
    let key = match signs_with {
        SigningKey::Decoded => hex::decode(security_key).ok()?,
        SigningKey::Text => security_key.as_bytes().to_vec(),
    };
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(body);
    mac.update(b":");
    mac.update(transmission_time.as_bytes());
    Some(format!("v1:{}", STANDARD.encode(mac.finalize().into_bytes())))
}

impl World {
    /// The signatures a webhook leaves with: as while a key is being changed, one with another key and one with the
    /// merchant's. They cover the time of this very send, so each send has its own.
    pub(crate) fn signature(&self, attempt: &Attempt) -> Option<String> {
        let merchant = self.merchants.get(attempt.signed_by?)?;
        let sign = |key| signature(&attempt.body, &attempt.transmission_time, key, self.signs_with);
        Some(format!("{},{}", sign(RETIRED_SECURITY_KEY)?, sign(&merchant.security_key)?))
    }
}

#[cfg(test)]
mod tests {
    use super::signature;
    use crate::options::{DEFAULT_SECURITY_KEY, SigningKey};

    #[test]
    fn the_signature_is_that_of_another_implementation() {
        let sign = |signs_with| {
            let body = br#"{"eventType":"payout.changed"}"#;
            signature(body, "2026-01-02T03:04:05.123456+09:00", DEFAULT_SECURITY_KEY, signs_with).unwrap()
        };
        assert_eq!(sign(SigningKey::Decoded), "v1:jX0A34awu3a+0TknyzV0Q6bTo3Zic5fUMPPZ0o9OFIk=");
        assert_eq!(sign(SigningKey::Text), "v1:fCQC+9Z8IIQtGBuOQhxZBrfSQurKlrveKGh//UJxseo=");
    }
}
