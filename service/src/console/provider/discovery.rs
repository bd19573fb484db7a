//! What the provider says of itself: its endpoints and its keys.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jsonwebtoken::jwk::{Jwk, JwkSet};
use reqwest::Client;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use super::{
    answers::{parse, read},
    error::ProviderError,
};

/// How long what the provider said is believed.
const BELIEVED: Duration = Duration::from_secs(60 * 60);
/// How soon the provider is asked again at the earliest, when an id token names a key that is not known.
const LEAST_PAUSE: Duration = Duration::from_secs(10);

/// Remembers what the provider says of itself.
#[derive(Debug)]
pub(super) struct Directory {
    http: Client,
    issuer: String,
    held: Mutex<Option<Held>>,
}

/// What the provider said, and when.
#[derive(Debug, Clone)]
struct Held {
    at: Instant,
    discovered: Arc<Discovered>,
}

/// The endpoints and the keys of the provider.
#[derive(Debug)]
pub(super) struct Discovered {
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    /// Whether the token endpoint takes our secret by HTTP Basic, which is the default.
    pub(super) takes_basic: bool,
    pub(super) keys: JwkSet,
}

/// The discovery document.
#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// A key set as it comes: keys of a kind that we do not know are left out.
#[derive(Deserialize)]
struct Keys {
    keys: Vec<Value>,
}

impl Directory {
    /// With nothing asked yet.
    pub(super) fn new(http: Client, issuer: String) -> Self {
        Self { http, issuer, held: Mutex::default() }
    }

    /// What the provider says of itself, asked once an hour.
    pub(super) async fn discovered(&self) -> Result<Arc<Discovered>, ProviderError> {
        self.not_older_than(BELIEVED).await
    }

    /// The same, asked anew unless that was done a moment ago.
    pub(super) async fn renewed(&self) -> Result<Arc<Discovered>, ProviderError> {
        self.not_older_than(LEAST_PAUSE).await
    }

    async fn not_older_than(&self, age: Duration) -> Result<Arc<Discovered>, ProviderError> {
        let mut held = self.held.lock().await;
        if let Some(held) = held.as_ref().filter(|held| held.at.elapsed() < age) {
            return Ok(held.discovered.clone());
        }
        let discovered = Arc::new(self.discover().await?);
        *held = Some(Held { at: Instant::now(), discovered: discovered.clone() });
        Ok(discovered)
    }

    async fn discover(&self) -> Result<Discovered, ProviderError> {
        let issuer = &self.issuer;
        let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let document: Document = parse(&self.get(&address).await?, "its discovery document is malformed")?;
        if document.issuer != *issuer {
            return Err(ProviderError::Unusable("its discovery document names another issuer"));
        }
        let keys: Keys = parse(&self.get(&document.jwks_uri).await?, "its key set is malformed")?;
        let keys = keys.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok()).collect();
        let methods = document.token_endpoint_auth_methods_supported;
        Ok(Discovered {
            authorization_endpoint: document.authorization_endpoint,
            token_endpoint: document.token_endpoint,
            takes_basic: methods.is_none_or(|methods| methods.iter().any(|way| way == "client_secret_basic")),
            keys: JwkSet { keys },
        })
    }

    async fn get(&self, address: &str) -> Result<Vec<u8>, ProviderError> {
        let response = self.http.get(address).send().await.and_then(reqwest::Response::error_for_status);
        read(response.map_err(ProviderError::Unreachable)?).await
    }
}
