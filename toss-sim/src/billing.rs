//! Billing keys (자동결제): what is issued to a customer, and charged without them.
//!
//! Where the real test server is laxer or stranger than its documentation, this follows what others
//! measured on it: any characters in a customer key, a database error when it is too long.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::card_number::{CardBody, masked};
use crate::codes::{Code, Language};
use crate::currency::Amount;
use crate::fields::{self, is_order_id, is_order_name};
use crate::file::{Change, File, FileError};
use crate::method::Method;
use crate::registration::Registration;
use crate::shelf::{Saved, Shelf};
use crate::terms::{CardTerms, CommonBody};
use crate::time::{Instant, with_offset};

const MAX_CUSTOMER_KEY: usize = 300;
/// The test card that is issued a key, and then not charged.
const UNKNOWN_CARD_BIN: &str = "433012";
/// The card that a buyer registers in the window.
const REGISTERED_CARD: &str = "9410001234567890";
/// The issuer of the cards behind billing keys, unless the shop asked for another.
const BILLED_ISSUER: &str = "21";
/// The account that a buyer registers in the window.
const ACCOUNT_BANK: &str = "우리은행";
const ACCOUNT_NUMBER: &str = "1002******789";

/// What a call to the billing API asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BillingCall {
    /// With a card's number.
    IssueByCard,
    /// With the one-time key of the window.
    IssueByAuthKey,
    Charge {
        billing_key: String,
    },
    Delete {
        billing_key: String,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct BillingKey {
    pub(crate) key: String,
    /// Index among the merchants.
    pub(crate) merchant: usize,
    pub(crate) customer_key: String,
    #[serde(default = "card")]
    pub(crate) method: Method,
    card_number: String,
    #[serde(default)]
    issuer: Option<String>,
    issued_at: Instant,
    pub(crate) is_removed: bool,
}

/// What every key charged before there were accounts.
fn card() -> Method {
    Method::Card
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct IssueBody {
    customer_key: String,
    #[serde(flatten)]
    card: CardBody,
}

/// Body of `POST /v1/billing/authorizations/issue`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuthKeyBody {
    pub(crate) auth_key: String,
    pub(crate) customer_key: String,
}

/// A well-formed charge.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChargeBody {
    pub(crate) amount: Amount,
    pub(crate) customer_key: String,
    #[serde(deserialize_with = "fields::text")]
    pub(crate) order_id: String,
    pub(crate) order_name: String,
    #[serde(default, deserialize_with = "fields::optional_number")]
    pub(crate) card_installment_plan: Option<i64>,
    #[serde(flatten)]
    pub(crate) common: CommonBody,
}

impl ChargeBody {
    /// Reads the body of a charge.
    ///
    /// # Errors
    /// Toss's code for what is wrong with the body by itself.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Code> {
        let body: Self = fields::read(bytes)?;
        if !is_order_id(&body.order_id) {
            return Err(Code::InvalidOrderId);
        }
        if is_order_name(&body.order_name) { Ok(body) } else { Err(Code::InvalidOrderName) }
    }
}

impl BillingKey {
    /// A key for the card of a request.
    ///
    /// # Errors
    /// Toss's code for what is wrong with the card.
    pub(crate) fn issued(key: String, merchant: usize, bytes: &[u8], now: Instant) -> Result<Self, Code> {
        let body: IssueBody = fields::read(bytes)?;
        if body.customer_key.chars().count() > MAX_CUSTOMER_KEY {
            return Err(Code::FailedDbProcessing);
        }
        body.card.check()?;
        let (customer_key, card_number) = (body.customer_key, body.card.card_number);
        let (method, issuer) = (Method::Card, None);
        Ok(Self { key, merchant, customer_key, method, card_number, issuer, issued_at: now, is_removed: false })
    }

    /// A key for what a buyer registered in the window.
    pub(crate) fn registered(key: String, merchant: usize, registration: Registration, now: Instant) -> Self {
        let Registration { customer_key, method, issuer, .. } = registration;
        let card_number = REGISTERED_CARD.to_owned();
        Self { key, merchant, customer_key, method, card_number, issuer, issued_at: now, is_removed: false }
    }

    /// Why this key is not charged for that customer.
    pub(crate) fn refuses(&self, customer_key: &str) -> Option<Code> {
        if self.is_removed {
            return Some(Code::AlreadyRemovedBillingKey);
        }
        if self.customer_key != customer_key {
            return Some(Code::NotMatchesCustomerKey);
        }
        self.is_of_unknown_type().then_some(Code::NotSupportedCardType)
    }

    fn is_of_unknown_type(&self) -> bool {
        self.method == Method::Card && self.card_number.starts_with(UNKNOWN_CARD_BIN)
    }

    /// The Billing object.
    pub(crate) fn json(&self, merchant_id: &str, language: Language) -> Value {
        let is_card = self.method == Method::Card;
        let method = match (language, is_card) {
            (Language::Korean, true) => "카드",
            (Language::Korean, false) => "계좌",
            (Language::English, true) => "CARD",
            (Language::English, false) => "TRANSFER",
        };
        let account = json!({ "bankName": ACCOUNT_BANK, "bankAccountNumber": ACCOUNT_NUMBER });
        json!({
            "mId": merchant_id,
            "customerKey": self.customer_key,
            "authenticatedAt": with_offset(self.issued_at),
            "method": method,
            "billingKey": self.key,
            "card": is_card.then(|| self.card_json(language)),
            "transfers": (!is_card).then(|| vec![account]),
        })
    }

    fn card_json(&self, language: Language) -> Value {
        let (card_type, owner_type) = match (language, self.is_of_unknown_type()) {
            (Language::Korean, false) => ("신용", "개인"),
            (Language::Korean, true) => ("미확인", "미확인"),
            (Language::English, false) => ("CREDIT", "PERSONAL"),
            (Language::English, true) => ("UNKNOWN", "UNKNOWN"),
        };
        let issuer = self.issuer.as_deref().unwrap_or(BILLED_ISSUER);
        json!({
            "issuerCode": issuer, "acquirerCode": issuer, "number": masked(&self.card_number),
            "cardType": card_type, "ownerType": owner_type,
        })
    }

    /// What a charge of this key is paid with.
    pub(crate) fn card_terms(&self) -> CardTerms {
        let issuer = self.issuer.clone().or_else(|| Some(BILLED_ISSUER.to_owned()));
        CardTerms { issuer, number: Some(masked(&self.card_number)), ..CardTerms::default() }
    }
}

/// The billing keys there are.
#[derive(Debug)]
pub(crate) struct BillingKeys {
    keys: Shelf<u64, BillingKey>,
    numbers: HashMap<String, u64>,
}

impl Default for BillingKeys {
    fn default() -> Self {
        Self { keys: Shelf::new("billing_key"), numbers: HashMap::new() }
    }
}

impl Saved for BillingKeys {
    fn take_changes(&mut self, into: &mut Vec<Change>) -> Result<(), FileError> {
        self.keys.take_changes(into)
    }

    fn forget_changes(&mut self) {
        self.keys.forget_changes();
    }

    fn restore(&mut self, file: &File) -> Result<(), FileError> {
        self.keys.restore(file)?;
        self.numbers = self.keys.iter().map(|(number, key)| (key.key.clone(), *number)).collect();
        Ok(())
    }
}

impl BillingKeys {
    /// Most billing keys; past this, a new one is refused.
    const MAX: usize = 100_000;

    /// Keeps a new key; says whether there was room.
    pub(crate) fn keep(&mut self, key: BillingKey) -> bool {
        let has_room = self.keys.len() < Self::MAX;
        if has_room {
            let number = self.keys.last_id().map_or(1, |last| last + 1);
            self.numbers.insert(key.key.clone(), number);
            self.keys.insert(number, key);
        }
        has_room
    }

    pub(crate) fn get(&self, key: &str) -> Option<&BillingKey> {
        self.keys.get(self.numbers.get(key)?)
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut BillingKey> {
        self.keys.get_mut(self.numbers.get(key)?)
    }
}
