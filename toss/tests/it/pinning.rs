//! Pins against a real TLS server with certificates made here.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use toss::{Class, Client, Config, ConfigError, Error, NotSentReason, Payment, Pin, PinReport, Pinning};

use crate::CARD;
use crate::server::{ANSWER_TIME, Outcome, PATIENCE, SECRET, answer, read_request};

/// A server with a leaf of its own authority, sending the authority's certificate along.
struct TlsServer {
    address: SocketAddr,
    authority: Vec<u8>,
    leaf: Vec<u8>,
    requests: mpsc::UnboundedReceiver<String>,
    task: JoinHandle<()>,
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl TlsServer {
    async fn start(
        versions: &'static [&'static rustls::SupportedProtocolVersion],
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
        let leaf_key = KeyPair::generate()?;
        let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.signed_by(&leaf_key, &issuer)?;
        let (authority, leaf) = (issuer.der().to_vec(), leaf.der().to_vec());

        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let chain = vec![CertificateDer::from(leaf.clone()), CertificateDer::from(authority.clone())];
        let key = PrivateKeyDer::try_from(leaf_key.serialize_der())?;
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (sender, requests) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                if let Some(request) = read_request(&mut stream).await {
                    let _ = sender.send(request);
                    let _ = stream.write_all(&answer(200, "connection: close\r\n", CARD)).await;
                    let _ = stream.shutdown().await;
                }
            }
        });
        Ok(Self { address, authority, leaf, requests, task })
    }

    fn leaf_pin(&self) -> Result<Pin, &'static str> {
        Pin::of_certificate(&self.leaf).ok_or("no certificate")
    }

    async fn ask(
        &self,
        pinning: Option<Pinning>,
        extra_roots: Vec<Vec<u8>>,
    ) -> Result<(Result<Payment, Error>, PinReport), Box<dyn std::error::Error>> {
        let client = Client::try_new(Config {
            pinning,
            extra_roots,
            answer_time: PATIENCE,
            connect_time: PATIENCE / 2,
            ..Config::new(format!("https://{}", self.address), SECRET)
        })?;
        let outcome = client.payment("pay-1").await;
        Ok((outcome, client.pin_report()))
    }
}

fn other_pins() -> Result<Vec<Pin>, Box<dyn std::error::Error>> {
    let pin = |fill: &str| Pin::parse(&format!("sha256/{}=", fill.repeat(43))).ok_or("no pin");
    Ok(vec![pin("A")?, pin("E")?])
}

fn is_not_sent(outcome: &Result<Payment, Error>) -> bool {
    matches!(outcome, Err(error @ Error::NotSent { reason: NotSentReason::NoConnection(_), .. })
        if error.class() == Class::RetryLater)
}

#[tokio::test]
async fn a_pinned_key_speaks_in_both_versions_of_tls() -> Outcome {
    for versions in [[&rustls::version::TLS12], [&rustls::version::TLS13]] {
        let versions: &'static [_] = Box::leak(Box::new(versions));
        let mut server = TlsServer::start(versions).await?;
        let pins = vec![other_pins()?[0], server.leaf_pin()?];
        let roots = vec![server.authority.clone()];
        for pinning in [None, Some(Pinning::Enforce(pins.clone())), Some(Pinning::ReportOnly(pins))] {
            let (outcome, report) = server.ask(pinning, roots.clone()).await?;
            assert!(outcome.is_ok(), "{outcome:?}");
            assert_eq!(report, PinReport::default());
            assert!(server.requests.try_recv().is_ok());
        }
    }
    Ok(())
}

#[tokio::test]
async fn another_key_is_reported_or_kept_from_the_request() -> Outcome {
    let mut server = TlsServer::start(rustls::ALL_VERSIONS).await?;
    let roots = vec![server.authority.clone()];
    let seen = PinReport { unpinned: 1, last_unpinned: Some(server.leaf_pin()?) };

    let (outcome, report) = server.ask(Some(Pinning::ReportOnly(other_pins()?)), roots.clone()).await?;
    assert!(outcome.is_ok(), "{outcome:?}");
    assert_eq!(report, seen);
    assert!(server.requests.try_recv().is_ok());

    let (outcome, report) = server.ask(Some(Pinning::Enforce(other_pins()?)), roots).await?;
    assert!(is_not_sent(&outcome), "{outcome:?}");
    assert_eq!(report, seen);
    assert!(server.requests.try_recv().is_err(), "nothing of the request was sent");
    Ok(())
}

#[tokio::test]
async fn the_pin_of_an_authority_admits_nobody() -> Outcome {
    // A server can send any certificate along; only the leaf proves that it holds its key.
    let server = TlsServer::start(rustls::ALL_VERSIONS).await?;
    let authority = Pin::of_certificate(&server.authority).ok_or("no certificate")?;
    let pins = vec![authority, other_pins()?[0]];
    let (outcome, _) = server.ask(Some(Pinning::Enforce(pins)), vec![server.authority.clone()]).await?;
    assert!(is_not_sent(&outcome), "{outcome:?}");
    Ok(())
}

#[tokio::test]
async fn a_pin_does_not_replace_trust() -> Outcome {
    let server = TlsServer::start(rustls::ALL_VERSIONS).await?;
    let pins = vec![server.leaf_pin()?, other_pins()?[0]];
    for pinning in [Pinning::Enforce(pins.clone()), Pinning::ReportOnly(pins)] {
        let (outcome, _) = server.ask(Some(pinning), Vec::new()).await?;
        assert!(is_not_sent(&outcome), "{outcome:?}");
    }
    Ok(())
}

#[test]
fn enforcing_without_a_backup_is_refused() -> Outcome {
    let one = other_pins()?[0];
    for pinning in [Pinning::Enforce(vec![one]), Pinning::Enforce(vec![one, one]), Pinning::ReportOnly(vec![])] {
        let made = Client::try_new(Config {
            pinning: Some(pinning),
            answer_time: ANSWER_TIME,
            ..Config::new("https://api.tosspayments.com", SECRET)
        });
        assert!(matches!(made, Err(ConfigError::Pins)), "{made:?}");
    }
    Ok(())
}
