//! Values that a log must not show.

use std::fmt;

use serde::Deserialize;
use subtle::ConstantTimeEq;

/// A value whose `Debug` shows nothing: a webhook secret, a buyer's name, an account number.
///
/// It guards against printing by accident, not against reading: [`Private::expose`] is one word to
/// search for when asking who uses such values.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Private<T = String>(T);

impl<T> Private<T> {
    /// Hides `value` from `Debug`.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl Private<String> {
    /// Whether the text equals `other`, in a time that does not depend on where they differ.
    ///
    /// This is the comparison for `Payment.secret` against the `secret` of a webhook: payment
    /// webhooks are not signed, so that secret is all that tells a forged one.
    pub fn matches(&self, other: &str) -> bool {
        self.0.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

impl<T> From<T> for Private<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Private<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Private(..)")
    }
}

/// A secret key of a merchant: `test_sk_…`, `live_sk_…`, or `…_gsk_…` for the widget.
#[derive(Clone)]
pub struct SecretKey(String);

impl SecretKey {
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretKey {
    fn from(value: String) -> Self {
        Self(value)
    }
}

impl From<&str> for SecretKey {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}
