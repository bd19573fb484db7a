//! How a client is set up, and what can be wrong with that.

use std::time::Duration;

use crate::amounts::Currency;
use crate::breaker::BreakerRule;
use crate::pins::{ENFORCED_PINS_MINIMUM, Pinning};
use crate::private::{SecretKey, SecurityKey};

/// Where Toss is, who asks, how long an answer may take, and what protects both sides.
///
/// Set what differs: `Config { answer_time, ..Config::new(base_url, secret_key) }`.
#[derive(Debug, Clone)]
pub struct Config {
    /// `https://api.tosspayments.com`, or a simulator's `http://` address.
    pub base_url: String,
    /// The merchant's secret key.
    pub secret_key: SecretKey,
    /// The currency of the contract that the secret key is of. Won unless set.
    pub currency: Currency,
    /// The secret keys of the merchant's contracts in other currencies. Toss has a contract, with its own keys, for
    /// each currency.
    pub other_keys: Vec<(Currency, SecretKey)>,
    /// The merchant's security key, 64 hexadecimal characters. Needed only to register or change
    /// sellers and to request payouts, which are sealed with it.
    pub security_key: Option<SecurityKey>,
    /// From the first byte of connecting to the last byte of the answer. 3 s unless set: Toss
    /// publishes no time for a confirmation, and a slower one is an [`crate::Error::NoAnswer`], which
    /// is looked up rather than lost.
    pub answer_time: Duration,
    /// The same for what Toss asks clients to wait at least a minute for: charging a billing key,
    /// transactions, settlements and payouts. 60 s unless set.
    pub long_answer_time: Duration,
    /// For DNS, TCP and TLS together. 1 s unless set; never more than half of `answer_time`, so
    /// that running out of it is always known as a connection that was not made.
    pub connect_time: Duration,
    /// Calls of one operation that may be under way at once; one more is
    /// [`crate::Error::NotSent`]. 64 unless set.
    pub concurrency_limit: u32,
    /// When an operation that brings no answers is given a rest. Each operation has a breaker of its
    /// own, so failing confirmations do not stop the look-ups that clear them up.
    pub breaker: BreakerRule,
    /// Which keys may speak as Toss; `None` trusts every certificate that the machine trusts.
    pub pinning: Option<Pinning>,
    /// Root certificates (DER) to trust besides the machine's, for a simulator behind TLS.
    pub extra_roots: Vec<Vec<u8>>,
}

impl Config {
    /// The usual: 3 s to answer, 60 s where Toss is slow, 1 s to connect, 64 calls at once per
    /// operation, a breaker, no pins.
    pub fn new(base_url: impl Into<String>, secret_key: impl Into<SecretKey>) -> Self {
        Self {
            base_url: base_url.into(),
            secret_key: secret_key.into(),
            currency: Currency::Krw,
            other_keys: Vec::new(),
            security_key: None,
            answer_time: Duration::from_secs(3),
            long_answer_time: Duration::from_secs(60),
            connect_time: Duration::from_secs(1),
            concurrency_limit: 64,
            breaker: BreakerRule::default(),
            pinning: None,
            extra_roots: Vec::new(),
        }
    }

    /// Refuses what does not depend on the machine.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if [self.answer_time, self.long_answer_time, self.connect_time].iter().any(Duration::is_zero) {
            return Err(ConfigError::Time);
        }
        let mut currencies: Vec<Currency> = self.other_keys.iter().map(|(currency, _)| *currency).collect();
        currencies.push(self.currency);
        let are_different = (1..currencies.len()).all(|end| !currencies[..end].contains(&currencies[end]));
        if !are_different {
            return Err(ConfigError::Currencies);
        }
        if self.concurrency_limit == 0 || self.breaker.failures == 0 {
            return Err(ConfigError::Protection);
        }
        if self.pinning.as_ref().is_some_and(|pinning| !pinning.is_usable()) {
            return Err(ConfigError::Pins);
        }
        Ok(())
    }
}

/// Why a [`crate::Client`] could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// `base_url` is not an `http://` or `https://` address of a host, without a query, a fragment
    /// or a password.
    #[error("the base URL of Toss is not a plain http or https address")]
    BaseUrl,
    /// The secret key is empty or has characters other than visible ASCII, such as a newline.
    #[error("the secret key of Toss is not a line of visible ASCII")]
    SecretKey,
    /// Two secret keys are of one currency.
    #[error("two secret keys of Toss are of one currency")]
    Currencies,
    /// The security key is not 64 hexadecimal characters.
    #[error("the security key of Toss is not 64 hexadecimal characters")]
    SecurityKey,
    /// A time is zero.
    #[error("the time to connect to Toss or to wait for its answer is zero")]
    Time,
    /// No call would ever pass: a limit of zero calls, or a breaker that opens after no failure.
    #[error("the concurrency limit or the failures that open the breaker are zero")]
    Protection,
    /// There is no pin, or enforcing has no backup.
    #[error("pins need at least one key, and {ENFORCED_PINS_MINIMUM} different ones to be enforced")]
    Pins,
    /// TLS could not be set up, for instance because the machine has no root certificates.
    #[error("could not set up TLS for Toss")]
    Tls(#[source] rustls::Error),
    /// The HTTP client could not be set up.
    #[error("could not set up the HTTP client for Toss")]
    Http(#[source] reqwest::Error),
}
