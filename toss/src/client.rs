//! The client: how it is set up and how every call leaves. The calls stand beside their objects.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, Url};
use serde::Serialize;

use crate::amounts::Currency;
use crate::codes::Operation;
use crate::config::{Config, ConfigError};
use crate::error::{Call, Error, NotSentReason};
use crate::gate::{Gates, OperationMetrics};
use crate::jwe::{self, ContentKey};
use crate::limits::{IdempotencyKey, LimitError};
use crate::pins::{PinReport, PinVerifier};
use crate::private::SecretKey;
use crate::shape::ShapeError;
use crate::{span, tls, transport};

/// How long an idle connection is kept: less than the minute most servers allow, so that a request
/// seldom meets a connection its server is closing.
const POOL_IDLE_TIME: Duration = Duration::from_secs(20);
/// Idle connections kept open to Toss.
const POOL_IDLE_LIMIT: usize = 32;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that the body is sealed. Source: docs.tosspayments.com/guides/v2/payouts.
const SECURITY_MODE: HeaderName = HeaderName::from_static("tosspayments-api-security-mode");

/// Speaks to Toss. Cloning is cheap and shares connections, breakers and limits.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    authorization: HeaderValue,
    answer_time: Option<Duration>,
    page_rows: Option<u32>,
}

struct Shared {
    http: reqwest::Client,
    base_url: Url,
    /// By currency; at first those of every client.
    keys: Vec<(Currency, HeaderValue)>,
    content_key: Option<ContentKey>,
    long_answer_time: Duration,
    gates: Gates,
    pins: Option<Arc<PinVerifier>>,
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
        config.check()?;
        let base_url = base_url(&config.base_url)?;
        let of_first = authorization(&config.secret_key)?;
        let mut keys = vec![(config.currency, of_first.clone())];
        for (currency, secret_key) in &config.other_keys {
            keys.push((*currency, authorization(secret_key)?));
        }
        let content_key = config
            .security_key
            .as_ref()
            .map(|key| ContentKey::from_hex(key.expose()).ok_or(ConfigError::SecurityKey))
            .transpose()?;
        let (tls, pins) = tls::set_up(&config, base_url.scheme() == "https").map_err(ConfigError::Tls)?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
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
        let gates = Gates::new(config.breaker, config.concurrency_limit);
        let long_answer_time = config.long_answer_time;
        let shared = Shared { http, base_url, keys, content_key, long_answer_time, gates, pins };
        Ok(Self { shared: Arc::new(shared), authorization: of_first, answer_time: None, page_rows: None })
    }

    /// The same client by the keys of a currency; `None` where the merchant has none. To other keys than those of its
    /// contract a payment does not exist.
    #[must_use]
    pub fn of(&self, currency: Currency) -> Option<Self> {
        let (_, authorization) = self.shared.keys.iter().find(|(of, _)| *of == currency)?;
        Some(Self { authorization: authorization.clone(), ..self.clone() })
    }

    /// The same client by the keys of each contract, the first ones first.
    pub fn contracts(&self) -> impl Iterator<Item = Self> {
        let keys = self.shared.keys.iter();
        keys.map(|(_, authorization)| Self { authorization: authorization.clone(), ..self.clone() })
    }

    /// The same client with another deadline for every call, connecting included.
    ///
    /// A deadline below twice [`Config::connect_time`] may pass while connecting, and then the call is
    /// [`Error::NoAnswer`] although nothing was sent: unknown is the safe side.
    #[must_use]
    pub fn within(&self, answer_time: Duration) -> Self {
        Self { answer_time: Some(answer_time), ..self.clone() }
    }

    /// The same client, whose lists of transactions, settlements and payouts come in pages of at most so many rows.
    ///
    /// A page that is missing or cut is missing or cut elsewhere in pages of another size.
    #[must_use]
    pub fn in_pages_of(&self, rows: NonZeroU32) -> Self {
        Self { page_rows: Some(rows.get()), ..self.clone() }
    }

    /// How many rows a page has, of a list whose pages have so many unless the caller says otherwise.
    pub(crate) fn page_rows(&self, usual: u32) -> u32 {
        self.page_rows.map_or(usual, |rows| rows.min(usual))
    }

    /// What became of the calls so far, one row per operation in the order of [`Operation::ALL`].
    pub fn metrics(&self) -> Vec<OperationMetrics> {
        self.shared.gates.metrics()
    }

    /// What was seen of keys that are not pinned; nothing without [`Config::pinning`].
    pub fn pin_report(&self) -> PinReport {
        self.shared.pins.as_ref().map(|pins| pins.report()).unwrap_or_default()
    }

    /// Asks for something: nothing changes at Toss, so there is no key.
    pub(crate) async fn get<T>(
        &self,
        call: Call,
        segments: &[&str],
        query: &[(&str, String)],
        read: impl FnOnce(&[u8]) -> Result<T, ShapeError>,
    ) -> Result<T, Error> {
        let get = self.request(&call, Method::GET, segments).query(query);
        self.exchange(get, call, None, read).await
    }

    /// Does something, at most once per key.
    pub(crate) async fn post<T>(
        &self,
        call: Call,
        segments: &[&str],
        key: &IdempotencyKey,
        body: Vec<u8>,
        read: impl FnOnce(&[u8]) -> Result<T, ShapeError>,
    ) -> Result<T, Error> {
        let post = self.request(&call, Method::POST, segments).header(IDEMPOTENCY_KEY, key.as_str());
        let post = match body.is_empty() {
            // No body is no JSON document either.
            true => post,
            false => post.header(CONTENT_TYPE, HeaderValue::from_static("application/json")).body(body),
        };
        self.exchange(post, call, None, read).await
    }

    /// Does something, at most once per key, with body and answer sealed.
    pub(crate) async fn post_sealed<T>(
        &self,
        call: Call,
        segments: &[&str],
        key: &IdempotencyKey,
        body: Vec<u8>,
        read: impl FnOnce(&[u8]) -> Result<T, ShapeError>,
    ) -> Result<T, Error> {
        let content_key = self.shared.content_key.as_ref().ok_or(LimitError::SecurityKey)?;
        let sealed = match jwe::seal(&body, content_key, Utc::now()) {
            Ok(sealed) => sealed,
            Err(error) => return Err(Error::NotSent { call, reason: NotSentReason::NoRandomness(error) }),
        };
        let post = self
            .request(&call, Method::POST, segments)
            .header(CONTENT_TYPE, HeaderValue::from_static("text/plain"))
            .header(SECURITY_MODE, HeaderValue::from_static("ENCRYPTION"))
            .header(IDEMPOTENCY_KEY, key.as_str())
            .body(sealed);
        self.exchange(post, call, Some(content_key), read).await
    }

    /// Takes something away. Toss calls DELETE idempotent by nature and reads no key.
    pub(crate) async fn delete(&self, call: Call, segments: &[&str]) -> Result<(), Error> {
        let delete = self.request(&call, Method::DELETE, segments);
        self.exchange(delete, call, None, |_| Ok(())).await
    }

    async fn exchange<T>(
        &self,
        request: RequestBuilder,
        call: Call,
        key: Option<&ContentKey>,
        read: impl FnOnce(&[u8]) -> Result<T, ShapeError>,
    ) -> Result<T, Error> {
        let pass = self.shared.gates.enter(&call)?;
        let outcome = span::around(call.operation, transport::exchange(request, call, key, read)).await;
        pass.leave(&outcome);
        outcome
    }

    fn request(&self, call: &Call, method: Method, segments: &[&str]) -> RequestBuilder {
        let mut url = self.shared.base_url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            // Each segment is percent-encoded, so a slash in a key stays inside it.
            path.pop_if_empty().extend(segments);
        }
        let request = self.shared.http.request(method, url).header(AUTHORIZATION, self.authorization.clone());
        let slow = is_slow(call.operation).then_some(self.shared.long_answer_time);
        match self.answer_time.or(slow) {
            Some(answer_time) => request.timeout(answer_time),
            None => request,
        }
    }
}

/// The calls for which Toss asks clients to wait a minute. Source: the core API reference and the guide
/// to payouts.
fn is_slow(operation: Operation) -> bool {
    match operation {
        Operation::BillingCharge
        | Operation::Transactions
        | Operation::Settlements
        | Operation::PayoutRequest
        | Operation::PayoutCancel => true,
        Operation::Confirm
        | Operation::LookUp
        | Operation::Cancel
        | Operation::KeyIn
        | Operation::VirtualAccount
        | Operation::BillingIssue
        | Operation::BillingDelete
        | Operation::SettlementRequest
        | Operation::CashReceiptIssue
        | Operation::CashReceiptCancel
        | Operation::CashReceiptList
        | Operation::Balance
        | Operation::SellerRegister
        | Operation::SellerUpdate
        | Operation::SellerDelete
        | Operation::SellerLookUp
        | Operation::PayoutLookUp => false,
    }
}

pub(crate) fn call(operation: Operation, subject: &str) -> Call {
    Call { operation, subject: subject.to_owned() }
}

/// Texts and whole numbers always become JSON, so a body that cannot be written could only owe it to
/// its amount.
pub(crate) fn written(body: &impl Serialize) -> Result<Vec<u8>, LimitError> {
    serde_json::to_vec(body).map_err(|_| LimitError::Amount)
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
