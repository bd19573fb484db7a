//! TLS: who is let in, and what is refused at the start.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use reqwest::{Certificate, Client, Identity};
use tokio::{io::AsyncReadExt as _, net::TcpStream};

use crate::{
    database::Kind,
    roles::Roles,
    stack::{daegeum, until},
};

/// How long a connection may stay that the server should close.
const PATIENCE: Duration = Duration::from_secs(60);

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate and its key, both in PEM.
fn issue(authority: &Authority, usage: ExtendedKeyUsagePurpose) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    parameters.extended_key_usages = vec![usage];
    (parameters.signed_by(&key, authority).unwrap().pem(), key.serialize_pem())
}

fn write_server(place: &Path, authority: &Authority) -> (PathBuf, PathBuf) {
    let (certificate, key) = issue(authority, ExtendedKeyUsagePurpose::ServerAuth);
    let paths = (place.join("certificate.pem"), place.join("key.pem"));
    std::fs::write(&paths.1, key).unwrap();
    std::fs::write(&paths.0, certificate).unwrap();
    paths
}

fn client(trusts: &Authority, identity: Option<(String, String)>) -> Client {
    let root = Certificate::from_pem(trusts.pem().as_bytes()).unwrap();
    let client = Client::builder().tls_certs_only([root]);
    let client = match identity {
        Some((certificate, key)) => client.identity(Identity::from_pem((certificate + &key).as_bytes()).unwrap()),
        None => client,
    };
    client.build().unwrap()
}

/// A connection on which no handshake begins is closed by the server.
async fn ends_by_itself(address: String) {
    let mut silent = TcpStream::connect(address).await.unwrap();
    let read = tokio::time::timeout(PATIENCE, silent.read(&mut [0])).await;
    assert!(matches!(read, Ok(Ok(0) | Err(_))), "{read:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn https_is_spoken_and_follows_the_files() {
    let roles = Roles::start(Kind::Sqlite).await;
    let (old, new, clients) = (authority(), authority(), authority());
    let (certificate, key) = write_server(roles.place(), &old);
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let (process, api) = roles.another_api(&[], &["--tls-certificate", certificate, "--tls-private-key", key]).await;
    assert!(api.starts_with("https://"), "{api}");
    let silent = tokio::spawn(ends_by_itself(api.strip_prefix("https://").unwrap().to_owned()));
    let url = format!("{api}/healthz");
    let alive = client(&old, None).get(&url).send().await.unwrap();
    assert_eq!(
        (alive.status().as_u16(), alive.headers()["strict-transport-security"].as_bytes()),
        (200, &b"max-age=31536000"[..])
    );
    assert!(roles.shop.http.get(url.replace("https", "http")).send().await.is_err(), "no plain HTTP beside it");

    write_server(roles.place(), &new);
    until("the new certificate is served", || async { client(&new, None).get(&url).send().await.is_ok() }).await;
    assert!(client(&old, None).get(&url).send().await.is_err());
    silent.await.unwrap();
    drop(process);

    let settings = roles.place().join("tls.toml");
    let client_ca = roles.place().join("clients.pem");
    std::fs::write(&client_ca, clients.pem()).unwrap();
    let text = format!("[tls]\ncertificate = {certificate:?}\nprivate_key = {key:?}\nclient_ca = {client_ca:?}\n");
    std::fs::write(&settings, text).unwrap();
    let (_process, api) = roles.another_api(&[], &["--config", settings.to_str().unwrap()]).await;
    let url = format!("{api}/healthz");
    assert!(client(&new, None).get(&url).send().await.is_err(), "a client without a certificate");
    let known = issue(&clients, ExtendedKeyUsagePurpose::ClientAuth);
    assert_eq!(client(&new, Some(known)).get(&url).send().await.unwrap().status(), 200);
    let stranger = issue(&old, ExtendedKeyUsagePurpose::ClientAuth);
    assert!(client(&new, Some(stranger)).get(&url).send().await.is_err());
}

#[test]
fn keys_are_not_carried_in_the_clear_by_mistake() {
    let directory = tempfile::tempdir().unwrap();
    let start = |flags: &[&str]| {
        let mut command = daegeum();
        command.arg("--data-dir").arg(directory.path()).args(["--listen", "0.0.0.0:0"]).args(flags).arg("api");
        let output =
            command.env("TEMPORAL_ADDRESS", "127.0.0.1:1").env("TOSS_CLIENT_KEY", "test_ck_x").output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let mut migrate = daegeum();
    assert!(migrate.arg("--data-dir").arg(directory.path()).args(["migrate", "up"]).output().unwrap().status.success());
    let refused = start(&[]);
    assert!(refused.contains("behind_proxy") && refused.contains("tls.certificate"), "{refused}");
    let past_the_door = start(&["--behind-proxy"]);
    assert!(!past_the_door.contains("behind_proxy"), "{past_the_door}");
    let half = start(&["--tls-certificate", "certificate.pem"]);
    assert!(half.contains("tls.private_key"), "{half}");
}
