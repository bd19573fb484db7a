//! A buyer's details in the clear, and what payments are found by.

use domain::id::WorkflowId;
use serde::{Deserialize, Serialize};

use crate::{Keyring, KeyringError, Sealed};

/// What a buyer is called and how to reach them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuyerDetails {
    /// As the buyer is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// An e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// A telephone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

/// A field of [`BuyerDetails`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuyerField {
    Name,
    Email,
    Phone,
}

/// Digests of a buyer's details under the newest key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuyerDigests {
    pub name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
}

/// One detail that payments are looked for by, digested under each key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestedDetail {
    pub field: BuyerField,
    pub digests: Vec<String>,
}

impl BuyerDetails {
    /// The details, unless nothing was said.
    pub fn said(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }

    /// Seals them for one request.
    pub fn seal(&self, keys: &Keyring, workflow_id: &WorkflowId) -> Result<Sealed, KeyringError> {
        let text = serde_json::to_vec(self).map_err(|_| KeyringError::Malformed)?;
        keys.seal(&text, place(workflow_id))
    }

    /// Opens what [`Self::seal`] sealed.
    pub fn open(keys: &Keyring, sealed: &Sealed, workflow_id: &WorkflowId) -> Result<Self, KeyringError> {
        let text = keys.open(sealed, place(workflow_id))?;
        serde_json::from_slice(&text).map_err(|_| KeyringError::Tampered(sealed.key_name.clone()))
    }

    /// What payments are found by, under the newest key.
    pub fn digests(&self, keys: &Keyring) -> Result<BuyerDigests, KeyringError> {
        let newest = |field: BuyerField, text: &Option<String>| {
            let Some(text) = text else { return Ok(None) };
            Ok(DigestedDetail::new(field, text, keys)?.digests.into_iter().next())
        };
        Ok(BuyerDigests {
            name: newest(BuyerField::Name, &self.name)?,
            email: newest(BuyerField::Email, &self.email)?,
            phone: newest(BuyerField::Phone, &self.phone)?,
        })
    }
}

impl BuyerField {
    /// The text without what people write in different ways. A name and an e-mail address lose case and needless
    /// spaces. A telephone number keeps its digits, with 0 for Korea's +82.
    fn normal(self, text: &str) -> String {
        match self {
            Self::Name | Self::Email => text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase(),
            Self::Phone => {
                let digits: String = text.chars().filter(char::is_ascii_digit).collect();
                let national = text.trim_start().strip_prefix('+').and_then(|_| digits.strip_prefix("82"));
                national.map_or(digits.clone(), |rest| format!("0{}", rest.trim_start_matches('0')))
            }
        }
    }

    /// What is digested: one text in two fields has two digests.
    const fn purpose(self) -> &'static str {
        match self {
            Self::Name => "buyer name",
            Self::Email => "buyer email",
            Self::Phone => "buyer phone",
        }
    }
}

impl DigestedDetail {
    /// Digests a text as one field of a buyer's details.
    pub fn new(field: BuyerField, text: &str, keys: &Keyring) -> Result<Self, KeyringError> {
        let text = format!("{}\n{}", field.purpose(), field.normal(text));
        Ok(Self { field, digests: keys.digests(text.as_bytes())? })
    }
}

/// A sealed text opens for its own request only.
fn place(workflow_id: &WorkflowId) -> &[u8] {
    workflow_id.as_str().as_bytes()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "in a test, what cannot be done fails the test")]

    use super::*;

    #[test]
    fn one_detail_has_one_digest_however_it_is_written() {
        let keys = Keyring::parse(&Keyring::generate("a").unwrap()).unwrap();
        let digests = |field, text| DigestedDetail::new(field, text, &keys).unwrap().digests;
        for (field, same, other) in [
            (BuyerField::Name, ["Kim  Toss", " kim toss"], "kim tos"),
            (BuyerField::Email, ["Kim@Toss.im", " kim@toss.im "], "kim@toss.com"),
            (BuyerField::Phone, ["+82-10-1234-5678", "010 1234 5678"], "82-10-1234-5678"),
            (BuyerField::Phone, ["+82 (0)10-1234-5678", "01012345678"], "+1 010-1234-5678"),
        ] {
            assert_eq!(digests(field, same[0]), digests(field, same[1]), "{same:?}");
            assert_ne!(digests(field, same[0]), digests(field, other), "{other}");
        }
        assert_ne!(digests(BuyerField::Name, "kim"), digests(BuyerField::Email, "kim"));
    }
}
