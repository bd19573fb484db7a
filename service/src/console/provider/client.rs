//! The client of the identity provider.

use std::{sync::Arc, time::Duration};

use reqwest::Client;
use serde::Deserialize;
use subtle::ConstantTimeEq;
use url::Url;

use super::{
    answers::{parse, plain, read},
    attempt::Attempt,
    discovery::{Directory, Discovered},
    error::ProviderError,
    identity::{self, Identity},
    settings::Settings,
    verifier,
};

/// How long the provider may take to answer.
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// What is asked of the provider besides the id token.
const SCOPES: &str = "openid profile email";

/// An identity provider.
#[derive(Debug, Clone)]
pub struct Provider {
    settings: Arc<Settings>,
    http: Client,
    directory: Arc<Directory>,
}

/// A sign-in that began.
#[derive(Debug)]
pub struct Begun {
    /// Where the browser goes.
    pub address: String,
    /// What the browser keeps meanwhile.
    pub attempt: Attempt,
}

/// What the browser brings back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The code, where the person signed in.
    pub code: Option<String>,
    /// What we gave along.
    pub state: Option<String>,
    /// The provider, where it names itself.
    pub issuer: Option<String>,
    /// Why the person did not sign in.
    pub error: Option<String>,
}

/// What the token endpoint answers.
#[derive(Deserialize)]
struct Tokens {
    id_token: Option<String>,
}

impl Provider {
    /// A provider by its settings. It is asked when the first person signs in.
    pub fn try_new(settings: Settings) -> Result<Self, ProviderError> {
        verifier::install();
        let http = Client::builder().timeout(ANSWER_TIME).redirect(reqwest::redirect::Policy::none()).build();
        let http = http.map_err(|error| ProviderError::Internal(error.into()))?;
        let directory = Arc::new(Directory::new(http.clone(), settings.issuer.clone()));
        Ok(Self { settings: Arc::new(settings), http, directory })
    }

    /// Begins a sign-in.
    pub async fn begin(&self) -> Result<Begun, ProviderError> {
        let discovered = self.directory.discovered().await?;
        let attempt = Attempt::generate()?;
        let address = Url::parse_with_params(
            &discovered.authorization_endpoint,
            [
                ("response_type", "code"),
                ("client_id", &self.settings.client_id),
                ("redirect_uri", &self.settings.redirect_url),
                ("scope", SCOPES),
                ("state", attempt.state()),
                ("nonce", attempt.nonce()),
                ("code_challenge", &attempt.challenge()),
                ("code_challenge_method", "S256"),
            ],
        );
        let address = address.map_err(|_| ProviderError::Unusable("its authorization endpoint is no address"))?;
        Ok(Begun { address: address.into(), attempt })
    }

    /// Ends a sign-in: the person, if the provider vouches for one.
    pub async fn finish(&self, attempt: &Attempt, answer: Answer) -> Result<Identity, ProviderError> {
        let state = answer.state.unwrap_or_default();
        if !bool::from(state.as_bytes().ct_eq(attempt.state().as_bytes())) {
            return Err(ProviderError::OtherAttempt);
        }
        if answer.issuer.is_some_and(|issuer| issuer != self.settings.issuer) {
            return Err(ProviderError::OtherAttempt);
        }
        if let Some(error) = answer.error {
            return Err(ProviderError::Refused(plain(&error)));
        }
        let code = answer.code.ok_or(ProviderError::Unusable("it holds no code"))?;
        let discovered = self.directory.discovered().await?;
        let tokens = self.tokens(&discovered, attempt, &code).await?;
        let token = tokens.id_token.ok_or(ProviderError::Unusable("it holds no id token"))?;
        let claims = match identity::claims(&token, &discovered.keys, &self.settings) {
            // The provider may have changed its keys since they were read.
            Err(identity::ClaimsError::UnknownKey) => {
                let renewed = self.directory.renewed().await?;
                identity::claims(&token, &renewed.keys, &self.settings)
            }
            claims => claims,
        };
        let claims = claims.map_err(|error| ProviderError::Untrusted(error.into()))?;
        identity::check_nonce(&claims, attempt).map_err(|error| ProviderError::Untrusted(error.into()))?;
        identity::identity(&claims, &self.settings).map_err(|error| ProviderError::Untrusted(error.into()))
    }

    async fn tokens(&self, discovered: &Discovered, attempt: &Attempt, code: &str) -> Result<Tokens, ProviderError> {
        let Settings { client_id, client_secret, redirect_url, .. } = &*self.settings;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_url),
            ("code_verifier", attempt.verifier()),
        ];
        let request = self.http.post(&discovered.token_endpoint);
        let request = match client_secret {
            Some(secret) if discovered.takes_basic => request.basic_auth(encoded(client_id), Some(encoded(secret))),
            Some(secret) => {
                form.extend([("client_id", client_id.as_str()), ("client_secret", secret.as_str())]);
                request
            }
            None => {
                form.push(("client_id", client_id));
                request
            }
        };
        let response = request.form(&form).send().await.map_err(ProviderError::Unreachable)?;
        let is_success = response.status().is_success();
        let body = read(response).await?;
        if is_success {
            return parse(&body, "the answer of its token endpoint is malformed");
        }
        let refusal: Refusal = parse(&body, "its token endpoint refused without a reason")?;
        Err(ProviderError::Refused(plain(&refusal.error)))
    }
}

/// What an endpoint answers that refuses.
#[derive(Deserialize)]
struct Refusal {
    error: String,
}

/// A form value, as RFC 6749 (section 2.3.1) has the client's name and secret encoded.
fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
