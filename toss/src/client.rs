//! The client: four calls and how it is set up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, Url};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

use crate::codes::Operation;
use crate::error::{Call, Error};
use crate::limits::{self, IdempotencyKey};
use crate::payment::Payment;
use crate::private::SecretKey;
use crate::requests::{CancelRequest, ConfirmRequest};
use crate::transport;

/// How long an idle connection is kept: less than the minute most servers allow, so that a request
/// seldom meets a connection its server is closing.
const POOL_IDLE_TIME: Duration = Duration::from_secs(20);
/// Idle connections kept open to Toss.
const POOL_IDLE_LIMIT: usize = 32;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Where Toss is, who asks, and how long an answer may take.
#[derive(Debug, Clone)]
pub struct Config {
    /// `https://api.tosspayments.com`, or a simulator's `http://` address.
    pub base_url: String,
    /// The merchant's secret key.
    pub secret_key: SecretKey,
    /// From the first byte of connecting to the last byte of the answer. 3 s unless set: Toss
    /// publishes no time for a confirmation, and a slower one is an [`Error::NoAnswer`], which is
    /// looked up rather than lost.
    pub answer_time: Duration,
    /// For DNS, TCP and TLS together. 1 s unless set; never more than half of `answer_time`, so
    /// that running out of it is always known as a connection that was not made.
    pub connect_time: Duration,
}

impl Config {
    /// The usual times, 3 s to answer and 1 s to connect.
    pub fn new(base_url: impl Into<String>, secret_key: impl Into<SecretKey>) -> Self {
        Self {
            base_url: base_url.into(),
            secret_key: secret_key.into(),
            answer_time: Duration::from_secs(3),
            connect_time: Duration::from_secs(1),
        }
    }
}

/// Why a [`Client`] could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// `base_url` is not an `http://` or `https://` address of a host, without a query, a fragment
    /// or a password.
    #[error("the base URL of Toss is not a plain http or https address")]
    BaseUrl,
    /// The secret key is empty or has characters other than visible ASCII, such as a newline.
    #[error("the secret key of Toss is not a line of visible ASCII")]
    SecretKey,
    /// A time is zero.
    #[error("the time to connect to Toss or to wait for its answer is zero")]
    Time,
    /// TLS could not be set up, for instance because the machine has no root certificates.
    #[error("could not set up TLS for Toss")]
    Tls(#[source] rustls::Error),
    /// The HTTP client could not be set up.
    #[error("could not set up the HTTP client for Toss")]
    Http(#[source] reqwest::Error),
}

/// Speaks to Toss. Cloning is cheap and shares the connections.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    http: reqwest::Client,
    base_url: Url,
    authorization: HeaderValue,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base_url", &self.shared.base_url.as_str()).finish_non_exhaustive()
    }
}

impl Client {
    /// Sets up a client; opens no connection.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the part of `config` that cannot be used.
    pub fn try_new(config: Config) -> Result<Self, ConfigError> {
        if config.answer_time.is_zero() || config.connect_time.is_zero() {
            return Err(ConfigError::Time);
        }
        let base_url = base_url(&config.base_url)?;
        let authorization = authorization(&config.secret_key)?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(&base_url)?)
            .timeout(config.answer_time)
            .connect_timeout(config.connect_time.min(config.answer_time / 2))
            .pool_idle_timeout(POOL_IDLE_TIME)
            .pool_max_idle_per_host(POOL_IDLE_LIMIT)
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .http1_only()
            .no_proxy()
            .user_agent(concat!("toss-rust/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(ConfigError::Http)?;
        Ok(Self { shared: Arc::new(Shared { http, base_url, authorization }) })
    }

    /// Takes the money: `POST /v1/payments/confirm`.
    ///
    /// A virtual account answers `WAITING_FOR_DEPOSIT` rather than `DONE`.
    ///
    /// # Errors
    ///
    /// [`Error`], by how much is known. After [`Error::NoAnswer`] and [`Error::Unreadable`] the
    /// money may have been taken.
    pub async fn confirm(&self, request: &ConfirmRequest, key: &IdempotencyKey) -> Result<Payment, Error> {
        request.check()?;
        let post = self.post(&["v1", "payments", "confirm"], key).body(request.body()?);
        transport::exchange(post, call(Operation::Confirm, &request.order_id)).await
    }

    /// Looks a payment up by Toss's name for it: `GET /v1/payments/{paymentKey}`.
    ///
    /// # Errors
    ///
    /// [`Error`]; an unknown key is refused with `NOT_FOUND_PAYMENT`.
    pub async fn payment(&self, payment_key: &str) -> Result<Payment, Error> {
        limits::payment_key(payment_key)?;
        let get = self.request(Method::GET, &["v1", "payments", payment_key]);
        transport::exchange(get, call(Operation::LookUp, payment_key)).await
    }

    /// Looks a payment up by the merchant's name for it: `GET /v1/payments/orders/{orderId}`.
    ///
    /// # Errors
    ///
    /// [`Error`]; an unknown order is refused with `NOT_FOUND_PAYMENT`.
    pub async fn payment_by_order(&self, order_id: &str) -> Result<Payment, Error> {
        limits::order_id(order_id)?;
        let get = self.request(Method::GET, &["v1", "payments", "orders", order_id]);
        transport::exchange(get, call(Operation::LookUp, order_id)).await
    }

    /// Gives money back: `POST /v1/payments/{paymentKey}/cancel`.
    ///
    /// # Errors
    ///
    /// [`Error`], by how much is known. After [`Error::NoAnswer`] and [`Error::Unreadable`] the
    /// money may have been given back.
    pub async fn cancel(
        &self,
        payment_key: &str,
        request: &CancelRequest,
        key: &IdempotencyKey,
    ) -> Result<Payment, Error> {
        limits::payment_key(payment_key)?;
        request.check()?;
        let post = self.post(&["v1", "payments", payment_key, "cancel"], key).body(request.body()?);
        transport::exchange(post, call(Operation::Cancel, payment_key)).await
    }

    fn post(&self, segments: &[&str], key: &IdempotencyKey) -> RequestBuilder {
        self.request(Method::POST, segments)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header(IDEMPOTENCY_KEY, key.as_str())
    }

    fn request(&self, method: Method, segments: &[&str]) -> RequestBuilder {
        let mut url = self.shared.base_url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            // Each segment is percent-encoded, so a slash in a key stays inside it.
            path.pop_if_empty().extend(segments);
        }
        self.shared.http.request(method, url).header(AUTHORIZATION, self.shared.authorization.clone())
    }
}

fn call(operation: Operation, subject: &str) -> Call {
    Call { operation, subject: subject.to_owned() }
}

fn base_url(text: &str) -> Result<Url, ConfigError> {
    let url = Url::parse(text).map_err(|_| ConfigError::BaseUrl)?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !plain {
        return Err(ConfigError::BaseUrl);
    }
    Ok(url)
}

/// Basic authentication with the secret key as the user and no password; the colon is required.
fn authorization(secret_key: &SecretKey) -> Result<HeaderValue, ConfigError> {
    let secret = secret_key.expose();
    if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ConfigError::SecretKey);
    }
    let text = format!("Basic {}", STANDARD.encode(format!("{secret}:")));
    let mut value = HeaderValue::try_from(text).map_err(|_| ConfigError::SecretKey)?;
    value.set_sensitive(true);
    Ok(value)
}

/// TLS 1.2 or newer by ring, trusting what the machine trusts.
///
/// The provider is named here so that no process-wide default has to exist. A simulator is spoken
/// to in plain text, and then a machine without root certificates is no obstacle.
fn tls(base_url: &Url) -> Result<ClientConfig, ConfigError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(ConfigError::Tls)?;
    let builder = if base_url.scheme() == "https" {
        builder.with_platform_verifier().map_err(ConfigError::Tls)?
    } else {
        builder.with_root_certificates(RootCertStore::empty())
    };
    Ok(builder.with_no_client_auth())
}
