//! Principals: who acts. Two different principals are four eyes.

use alloc::{borrow::ToOwned, string::String};
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{ApiKeyId, HoldId, IdempotencyKey, PersonId, ReceiptRequestId, RefundId};

/// The most characters of the reason that a principal or an operator gives for an act.
pub const MAX_REASON_CHARS: usize = 500;
/// How the text of a key begins.
const KEY: &str = "key:";
/// How the text of a person begins.
const PERSON: &str = "person:";

/// The author of an act: a person, or an API key by the first key of its line, so that a rotated key is the same
/// principal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Principal {
    /// An API key and all that replace it.
    Key(ApiKeyId),
    /// A person who signed in to the console.
    Person(PersonId),
}

/// A text that names no principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a principal is `{KEY}` and the id of an API key, or `{PERSON}` and the id of a person")]
pub struct PrincipalError;

impl Principal {
    /// Reads a principal as it is written: `key:ab12`, `person:kim@example.com`.
    pub fn parse(text: &str) -> Result<Self, PrincipalError> {
        if let Some(id) = text.strip_prefix(PERSON) {
            return PersonId::parse(id.to_owned()).map(Self::Person).map_err(|_| PrincipalError);
        }
        let id = text.strip_prefix(KEY).ok_or(PrincipalError)?;
        ApiKeyId::parse(id.to_owned()).map(Self::Key).map_err(|_| PrincipalError)
    }

    /// The principal in fields that were made for keys alone: `ab12`, `person:kim@example.com`. No id of a key holds
    /// a colon.
    pub fn bare(&self) -> String {
        match self {
            Self::Key(id) => id.as_str().to_owned(),
            Self::Person(_) => alloc::format!("{self}"),
        }
    }

    /// The refund that a request of this principal asks for: one principal and one idempotency key make one refund.
    pub fn refund(&self, key: &IdempotencyKey) -> RefundId {
        RefundId::of_request(&self.bare(), key)
    }

    /// The cash receipt that a request of this principal asks for: one principal and one idempotency key make one.
    pub fn receipt(&self, key: &IdempotencyKey) -> ReceiptRequestId {
        ReceiptRequestId::of_request(&self.bare(), key)
    }

    /// The hold on a seller that a request of this principal asks for: one principal and one idempotency key make one.
    pub fn hold(&self, key: &IdempotencyKey) -> HoldId {
        HoldId::of(&self.bare(), key)
    }

    /// Reads what [`Self::bare`] wrote.
    pub fn parse_bare(text: &str) -> Result<Self, PrincipalError> {
        if text.starts_with(PERSON) {
            return Self::parse(text);
        }
        ApiKeyId::parse(text.to_owned()).map(Self::Key).map_err(|_| PrincipalError)
    }
}

/// Principals in fields of workflow histories that held the id of an API key before persons could act.
pub mod bare {
    use alloc::string::String;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::Principal;

    /// Writes [`Principal::bare`].
    pub fn serialize<S: Serializer>(principal: &Principal, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&principal.bare())
    }

    /// Reads [`Principal::bare`].
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Principal, D::Error> {
        Principal::parse_bare(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(id) => write!(f, "{KEY}{id}"),
            Self::Person(id) => write!(f, "{PERSON}{id}"),
        }
    }
}

impl TryFrom<String> for Principal {
    type Error = PrincipalError;

    fn try_from(text: String) -> Result<Self, PrincipalError> {
        Self::parse(&text)
    }
}

impl From<Principal> for String {
    fn from(principal: Principal) -> String {
        alloc::format!("{principal}")
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn a_principal_is_read_as_it_is_written() {
        for text in ["key:ab12", "person:kim@example.com", "person:248289761001", "person:auth0|5f7c"] {
            assert_eq!(Principal::parse(text).as_ref().map(ToString::to_string), Ok(text.to_owned()));
        }
        for wrong in ["", "ab12", "key:", "key:AB12", "person:", "person:a b", "someone:ab12"] {
            assert_eq!(Principal::parse(wrong), Err(PrincipalError), "{wrong}");
        }
    }

    #[test]
    fn a_field_of_a_key_holds_a_key_as_it_always_did() {
        for (bare, principal) in [("ab12", "key:ab12"), ("person:kim", "person:kim")] {
            let read = Principal::parse_bare(bare);
            assert_eq!(read.as_ref().map(Principal::bare), Ok(bare.to_owned()));
            assert_eq!(read, Principal::parse(principal));
        }
        for wrong in ["", "key:ab12", "AB12", "person:"] {
            assert_eq!(Principal::parse_bare(wrong), Err(PrincipalError), "{wrong}");
        }
    }
}
