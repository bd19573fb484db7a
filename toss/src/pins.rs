//! Pinning: which keys may speak as Toss, beyond what the machine's roots vouch for.
//!
//! A pin is compared with the key of the **leaf** certificate only. The other certificates of a handshake
//! are the server's claim: a chain may carry a well-known certificate that verified nothing, so a pin on
//! one of them would admit anybody who can copy it.
//!
//! Source: RFC 7469 for the pin (SHA-256 of the SubjectPublicKeyInfo) and for the rule of a backup.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{DigitallySignedStruct, SignatureScheme};
use sha2::{Digest, Sha256};

/// Pins an enforcing list must have: the one in use and a backup, or a new key locks everybody out.
pub const ENFORCED_PINS_MINIMUM: usize = 2;

/// SHA-256 of a public key, as the certificate spells it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pin([u8; 32]);

impl Pin {
    /// Reads `sha256/` followed by base64, as `curl --pinnedpubkey` and RFC 7469 write it; the prefix may
    /// have two slashes or be absent.
    pub fn parse(text: &str) -> Option<Self> {
        let encoded = text.strip_prefix("sha256/").unwrap_or(text);
        let encoded = encoded.strip_prefix('/').unwrap_or(encoded);
        STANDARD.decode(encoded).ok()?.try_into().ok().map(Self)
    }

    /// The pin of a certificate's key (DER), or `None` if it is no certificate.
    pub fn of_certificate(der: &[u8]) -> Option<Self> {
        let der = CertificateDer::from(der);
        let certificate = ParsedCertificate::try_from(&der).ok()?;
        Some(Self(Sha256::digest(certificate.subject_public_key_info()).into()))
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256/{}", STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What happens when a trusted server shows a key that is not pinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pinning {
    /// It is counted and named in [`PinReport`], and the call goes on.
    ReportOnly(Vec<Pin>),
    /// The handshake fails: [`crate::Error::NotSent`]. At least [`ENFORCED_PINS_MINIMUM`] pins.
    Enforce(Vec<Pin>),
}

impl Pinning {
    fn pins(&self) -> &[Pin] {
        match self {
            Self::ReportOnly(pins) | Self::Enforce(pins) => pins,
        }
    }

    pub(crate) fn is_usable(&self) -> bool {
        match self {
            Self::ReportOnly(pins) => !pins.is_empty(),
            Self::Enforce(pins) => {
                let different = pins.iter().skip(1).any(|pin| Some(pin) != pins.first());
                pins.len() >= ENFORCED_PINS_MINIMUM && different
            }
        }
    }
}

/// What was seen of keys that are not pinned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PinReport {
    /// Handshakes with a trusted server whose key is not pinned.
    pub unpinned: u64,
    /// The key of the last of them: what to pin, once it is known to be Toss's.
    pub last_unpinned: Option<Pin>,
}

/// Asks the machine first, then the pins.
#[derive(Debug)]
pub(crate) struct PinVerifier {
    machine: Arc<dyn ServerCertVerifier>,
    pinning: Pinning,
    report: Mutex<PinReport>,
}

impl PinVerifier {
    pub(crate) fn new(machine: Arc<dyn ServerCertVerifier>, pinning: Pinning) -> Self {
        Self { machine, pinning, report: Mutex::default() }
    }

    pub(crate) fn report(&self) -> PinReport {
        *self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self, leaf: &CertificateDer<'_>) -> Result<(), rustls::Error> {
        let pin = Pin::of_certificate(leaf);
        if pin.is_some_and(|pin| self.pinning.pins().contains(&pin)) {
            return Ok(());
        }
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        report.unpinned += 1;
        report.last_unpinned = pin;
        match self.pinning {
            Pinning::ReportOnly(_) => Ok(()),
            Pinning::Enforce(_) => Err(rustls::Error::General("the server's key is not pinned".to_owned())),
        }
    }
}

impl ServerCertVerifier for PinVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.machine.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
        self.check(end_entity)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.machine.verify_tls12_signature(message, cert, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.machine.verify_tls13_signature(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.machine.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_read_in_its_usual_spellings() {
        let text = format!("sha256/{}", STANDARD.encode([7; 32]));
        let bare = text.trim_start_matches("sha256/");
        for spelling in [text.clone(), bare.to_owned(), format!("sha256//{bare}")] {
            assert_eq!(Pin::parse(&spelling).map(|pin| pin.to_string()), Some(text.clone()), "{spelling}");
        }
        for broken in ["", "sha256/", "sha256/AAAA", "sha1/AAAA", &text[..text.len() - 1]] {
            assert_eq!(Pin::parse(broken), None, "{broken}");
        }
        assert_eq!(Pin::of_certificate(b"no certificate"), None);
    }

    #[test]
    fn enforcing_needs_a_backup() {
        let (one, two) = (Pin([1; 32]), Pin([2; 32]));
        assert!(Pinning::Enforce(vec![one, two]).is_usable());
        assert!(Pinning::ReportOnly(vec![one]).is_usable());
        for unusable in [
            Pinning::Enforce(vec![]),
            Pinning::Enforce(vec![one]),
            Pinning::Enforce(vec![one, one]),
            Pinning::ReportOnly(vec![]),
        ] {
            assert!(!unusable.is_usable(), "{unusable:?}");
        }
    }
}
