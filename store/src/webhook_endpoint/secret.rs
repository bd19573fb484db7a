//! The secret of a webhook endpoint, and what is signed with it.
//!
//! Source: Standard Webhooks 1.0.0, "Signature scheme": HMAC-SHA256 of `id.timestamp.body`, in Base64, behind `v1,`.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{
    hmac,
    rand::{SecureRandom as _, SystemRandom},
};

/// Stands before a secret.
const PREFIX: &str = "whsec_";
/// The bytes of a new secret.
const NEW_BYTES: usize = 32;
/// The bytes that a secret may have.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Stands before a signature, for the version of the scheme.
const VERSION: &str = "v1,";
/// By how many seconds the time of a message may differ from ours.
const TOLERANCE_S: u64 = 5 * 60;

/// A secret that signs what is sent to one endpoint. It is never printed by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(Vec<u8>);

/// Why a text is no secret, or a message is not to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookSecretError {
    /// Not `whsec_` and Base64 of a permitted length.
    #[error("a secret of a webhook endpoint is whsec_ and the Base64 of {} to {} bytes", BYTES.start(), BYTES.end())]
    Malformed,
    /// Randomness is out of reach.
    #[error("the machine gives no randomness")]
    Randomness,
    /// A header is missing or cannot be read.
    #[error("the headers webhook-id, webhook-timestamp and webhook-signature must be there")]
    Headers,
    /// Too old, or from the future.
    #[error("the time of the message differs from ours by more than {TOLERANCE_S} seconds")]
    Time,
    /// No signature fits.
    #[error("no signature of the message fits the secret")]
    Signature,
}

/// The headers that sign a message.
#[derive(Debug, Clone, Copy)]
pub struct SignedHeaders<'a> {
    /// `webhook-id`.
    pub id: &'a str,
    /// `webhook-timestamp`.
    pub timestamp: &'a str,
    /// `webhook-signature`.
    pub signature: &'a str,
}

impl WebhookSecret {
    /// A new one.
    pub fn generate() -> Result<Self, WebhookSecretError> {
        let mut bytes = vec![0; NEW_BYTES];
        SystemRandom::new().fill(&mut bytes).map_err(|_| WebhookSecretError::Randomness)?;
        Ok(Self(bytes))
    }

    /// Reads `whsec_…`.
    pub fn parse(text: &str) -> Result<Self, WebhookSecretError> {
        let encoded = text.strip_prefix(PREFIX).ok_or(WebhookSecretError::Malformed)?;
        Self::of_bytes(STANDARD.decode(encoded).map_err(|_| WebhookSecretError::Malformed)?)
    }

    pub(crate) fn of_bytes(bytes: Vec<u8>) -> Result<Self, WebhookSecretError> {
        if BYTES.contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(WebhookSecretError::Malformed) }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The secret as its receiver needs it. It is shown once.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// The signature of a message, such as `v1,K5oZ…`.
    pub fn sign(&self, id: &str, timestamp_s: i64, body: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let signed = hmac::sign(&key, &signed_text(id, &timestamp_s.to_string(), body));
        format!("{VERSION}{}", STANDARD.encode(signed))
    }

    /// Checks a message that arrived, against our time in seconds since 1970.
    pub fn verify(&self, headers: SignedHeaders<'_>, body: &[u8], now_s: i64) -> Result<(), WebhookSecretError> {
        let sent_s: i64 = headers.timestamp.parse().map_err(|_| WebhookSecretError::Headers)?;
        if sent_s.abs_diff(now_s) > TOLERANCE_S {
            return Err(WebhookSecretError::Time);
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let text = signed_text(headers.id, headers.timestamp, body);
        let fits = |signature: &str| {
            let tag = signature.strip_prefix(VERSION).and_then(|encoded| STANDARD.decode(encoded).ok());
            tag.is_some_and(|tag| hmac::verify(&key, &text, &tag).is_ok())
        };
        if headers.signature.split(' ').any(fits) { Ok(()) } else { Err(WebhookSecretError::Signature) }
    }
}

fn signed_text(id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat()
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "in a test, what cannot be done fails the test")]

    use super::*;

    /// The example of the public libraries of Standard Webhooks.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const TIME_S: i64 = 1_614_265_330;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn headers<'a>(timestamp: &'a str, signature: &'a str) -> SignedHeaders<'a> {
        SignedHeaders { id: ID, timestamp, signature }
    }

    #[test]
    fn the_published_example_has_the_published_signature() {
        let secret = WebhookSecret::parse(SECRET).unwrap();
        assert_eq!(secret.sign(ID, TIME_S, BODY), SIGNATURE);
        assert_eq!(secret.reveal(), SECRET);
        assert_eq!(format!("{secret:?}"), "WebhookSecret(…)");
    }

    #[test]
    fn a_message_is_believed_only_as_it_was_signed() {
        let secret = WebhookSecret::parse(SECRET).unwrap();
        let time = TIME_S.to_string();
        let verify = |headers, body| secret.verify(headers, body, TIME_S);
        assert_eq!(verify(headers(&time, SIGNATURE), BODY), Ok(()));
        let other = WebhookSecret::generate().unwrap();
        let both = format!("{} v1a,AAAA {SIGNATURE}", other.sign(ID, TIME_S, BODY));
        assert_eq!(verify(headers(&time, &both), BODY), Ok(()), "one of several signatures suffices");
        assert_eq!(other.verify(headers(&time, &both), BODY, TIME_S), Ok(()));
        let wrong = Err(WebhookSecretError::Signature);
        assert_eq!(verify(headers(&time, SIGNATURE), b"{}"), wrong);
        let later = (TIME_S + 1).to_string();
        assert_eq!(verify(headers(&later, SIGNATURE), BODY), wrong);
        assert_eq!(verify(headers(&time, ""), BODY), wrong);
        assert_eq!(verify(headers(&time, "v1,"), BODY), wrong);
        assert_eq!(other.verify(headers(&time, SIGNATURE), BODY, TIME_S), wrong);
        assert_eq!(verify(headers("soon", SIGNATURE), BODY), Err(WebhookSecretError::Headers));
        for off_s in [-301, 301] {
            let late = secret.verify(headers(&time, SIGNATURE), BODY, TIME_S + off_s);
            assert_eq!(late, Err(WebhookSecretError::Time), "{off_s}");
        }
    }

    #[test]
    fn a_secret_has_a_form_and_a_length() {
        let of = |bytes: usize| format!("{PREFIX}{}", STANDARD.encode(vec![7; bytes]));
        for right in [24, 32, 64] {
            assert!(WebhookSecret::parse(&of(right)).is_ok(), "{right}");
        }
        for wrong in ["", "whsec_", "whsec_!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &of(23), &of(65)] {
            assert_eq!(WebhookSecret::parse(wrong), Err(WebhookSecretError::Malformed), "{wrong}");
        }
        let (one, other) = (WebhookSecret::generate().unwrap(), WebhookSecret::generate().unwrap());
        assert_ne!(one, other);
        assert_eq!(WebhookSecret::parse(&one.reveal()), Ok(one));
    }
}
