//! TLS: certificates from files, read anew when the files change.

use std::{io, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::settings::Tls;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The files as they were read.
#[derive(PartialEq, Eq)]
struct Files {
    certificate: Vec<u8>,
    private_key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Files {
    fn read(tls: &Tls) -> anyhow::Result<Self> {
        let read = |path: &Path| std::fs::read(path).with_context(|| format!("could not read {}", path.display()));
        Ok(Self {
            certificate: read(&tls.certificate)?,
            private_key: read(&tls.private_key)?,
            client_ca: tls.client_ca.as_deref().map(read).transpose()?,
        })
    }

    /// TLS 1.2 and 1.3, and nothing older: rustls has nothing older.
    fn config(&self) -> anyhow::Result<Arc<ServerConfig>> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<_, _>>()
            .context("tls.certificate is no PEM")?;
        ensure!(!chain.is_empty(), "tls.certificate holds no certificate");
        let key = PrivateKeyDer::from_pem_slice(&self.private_key).context("tls.private_key holds no private key")?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let building =
            ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
        let building = match &self.client_ca {
            None => building.with_no_client_auth(),
            Some(client_ca) => {
                let mut roots = RootCertStore::empty();
                for root in CertificateDer::pem_slice_iter(client_ca) {
                    roots.add(root.context("tls.client_ca is no PEM")?)?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                building.with_client_cert_verifier(verifier.context("tls.client_ca holds no certificate")?)
            }
        };
        let mut config =
            building.with_single_cert(chain, key).context("tls.private_key is not that of tls.certificate")?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// The configuration from the files, which follows them until the token is canceled. What cannot be used, because
/// half of it is written say, is told once and leaves the one before in force.
pub(crate) fn follow(tls: Tls, stop: CancellationToken) -> anyhow::Result<watch::Receiver<Arc<ServerConfig>>> {
    let mut files = Files::read(&tls)?;
    let (sender, receiver) = watch::channel(files.config()?);
    tokio::spawn(async move {
        let mut told = None;
        while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
            match Files::read(&tls).and_then(|now| Ok(if now == files { None } else { Some((now.config()?, now)) })) {
                Ok(None) => {}
                Ok(Some((config, now))) => {
                    files = now;
                    told = None;
                    sender.send_replace(config);
                    tracing::info!("the certificate of the API was read anew");
                }
                Err(error) => {
                    let error = format!("{error:#}");
                    if told.as_ref() != Some(&error) {
                        tracing::error!(error, "the certificate of the API was not read anew: {error}");
                        told = Some(error);
                    }
                }
            }
        }
    });
    Ok(receiver)
}

/// What a handshake that does not come to an end is.
pub(crate) fn too_slow() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the handshake took too long")
}
