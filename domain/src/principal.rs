//! Principals: who acts. Two different principals are four eyes.

use alloc::{borrow::ToOwned, string::String};
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::id::ApiKeyId;

/// How the text of a key begins.
const KEY: &str = "key:";

/// The author of an act: an API key, by the first key of its line, so that a rotated key is the same principal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Principal {
    /// An API key and all that replace it.
    Key(ApiKeyId),
}

/// A text that names no principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a principal is `{KEY}` and the id of an API key")]
pub struct PrincipalError;

impl Principal {
    /// Reads a principal as it is written: `key:ab12`.
    pub fn parse(text: &str) -> Result<Self, PrincipalError> {
        let id = text.strip_prefix(KEY).ok_or(PrincipalError)?;
        ApiKeyId::parse(id.to_owned()).map(Self::Key).map_err(|_| PrincipalError)
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(id) => write!(f, "{KEY}{id}"),
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
        let principal = Principal::parse("key:ab12");
        assert_eq!(principal.as_ref().map(ToString::to_string), Ok("key:ab12".to_owned()));
        for wrong in ["", "ab12", "key:", "key:AB12", "person:ab12"] {
            assert_eq!(Principal::parse(wrong), Err(PrincipalError), "{wrong}");
        }
    }
}
