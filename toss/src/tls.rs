//! TLS: which versions, which provider, whom to trust.

use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use crate::config::Config;
use crate::pins::PinVerifier;

/// TLS 1.2 or newer by ring, trusting what the machine trusts and the extra roots, within the pins.
///
/// The provider is named here so that no process-wide default has to exist. A simulator is spoken
/// to in plain text, and then a machine without root certificates is no obstacle.
pub(crate) fn set_up(
    config: &Config,
    is_https: bool,
) -> Result<(ClientConfig, Option<Arc<PinVerifier>>), rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    if !is_https {
        let nobody = builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
        return Ok((nobody, None));
    }
    let extra = config.extra_roots.iter().map(|der| CertificateDer::from(der.clone()));
    let machine: Arc<dyn ServerCertVerifier> = Arc::new(Verifier::new_with_extra_roots(extra, provider)?);
    let pins = config.pinning.clone().map(|pinning| Arc::new(PinVerifier::new(machine.clone(), pinning)));
    let verifier = pins.clone().map_or(machine, |pins| pins as Arc<dyn ServerCertVerifier>);
    let tls = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    Ok((tls, pins))
}
