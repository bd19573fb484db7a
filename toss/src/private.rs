//! Values that a log must not show.

use std::fmt;

use serde::{Serialize, Serializer};
use subtle::ConstantTimeEq;

/// A value whose `Debug` shows nothing: a webhook secret, a buyer's name, an account number.
///
/// It guards against printing by accident, not against reading: [`Private::expose`] is one word to
/// search for when asking who uses such values.
#[derive(Clone, PartialEq, Eq)]
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

/// An empty value, such as the unknown fields of an object that has none.
impl<T: Default> Default for Private<T> {
    fn default() -> Self {
        Self(T::default())
    }
}

impl From<&str> for Private<String> {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

/// For `#[serde(serialize_with)]` on what Toss must read. [`Private`] itself is not serializable, so
/// that it does not leave in the middle of something else.
pub(crate) fn exposed<T: Serialize, S: Serializer>(value: &Private<T>, serializer: S) -> Result<S::Ok, S::Error> {
    value.0.serialize(serializer)
}

/// The same for what may be absent; absent fields are skipped.
pub(crate) fn exposed_option<T: Serialize, S: Serializer>(
    value: &Option<Private<T>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    value.as_ref().map(Private::expose).serialize(serializer)
}

impl<T> fmt::Debug for Private<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Private(..)")
    }
}

/// Declares a text that is only ever handed to what needs it.
macro_rules! key {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone)]
        pub struct $name(String);

        impl $name {
            pub(crate) fn expose(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}

key! {
    /// A secret key of a merchant: `test_sk_…`, `live_sk_…`, or `…_gsk_…` for the widget.
    SecretKey
}

key! {
    /// The security key of a merchant: 64 hexadecimal characters from the developer centre. It signs
    /// the webhooks of payouts and sellers, and seals the requests about them.
    SecurityKey
}
