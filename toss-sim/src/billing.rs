//! Billing keys (자동결제): what is issued to a customer, and charged without them.
//!
//! Where the real test server is laxer or stranger than its documentation, this follows what others
//! measured on it: any characters in a customer key, a database error when it is too long.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::bodies::{self, Won, is_order_id, is_order_name};
use crate::codes::{Code, Language};
use crate::file::{Change, File, FileError};
use crate::shelf::{Saved, Shelf};
use crate::time::{Instant, with_offset};

const MAX_CUSTOMER_KEY: usize = 300;
/// A card number is longer than the six digits of a BIN, which the real server refuses.
const CARD_NUMBER_LENGTH: std::ops::RangeInclusive<usize> = 13..=20;
/// The test card that is issued a key, and then not charged.
const UNKNOWN_CARD_BIN: &str = "433012";
/// Digits of a card number an answer shows at its beginning.
const SHOWN_DIGITS: usize = 8;

/// What a call to the billing API asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BillingCall {
    /// With a card's number.
    IssueByCard,
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
    card_number: String,
    issued_at: Instant,
    pub(crate) is_removed: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct IssueBody {
    customer_key: String,
    card_number: String,
    card_expiration_year: String,
    card_expiration_month: String,
    customer_identity_number: String,
}

/// A well-formed charge.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChargeBody {
    pub(crate) amount: Won,
    pub(crate) customer_key: String,
    #[serde(deserialize_with = "bodies::text")]
    pub(crate) order_id: String,
    pub(crate) order_name: String,
}

impl ChargeBody {
    /// Reads the body of a charge.
    ///
    /// # Errors
    /// Toss's code for what is wrong with the body by itself.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Code> {
        let body: Self = bodies::read(bytes)?;
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
        let body: IssueBody = bodies::read(bytes)?;
        if body.customer_key.chars().count() > MAX_CUSTOMER_KEY {
            return Err(Code::FailedDbProcessing);
        }
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(&body.card_number) || !CARD_NUMBER_LENGTH.contains(&body.card_number.len()) {
            return Err(Code::InvalidCardNumber);
        }
        let month: Option<u8> = body.card_expiration_month.parse().ok();
        if body.card_expiration_year.len() != 2 || !month.is_some_and(|month| (1..=12).contains(&month)) {
            return Err(Code::InvalidCardExpiration);
        }
        if !matches!(body.customer_identity_number.len(), 6 | 10) || !is_digits(&body.customer_identity_number) {
            return Err(Code::InvalidBirthDayFormat);
        }
        let (customer_key, card_number) = (body.customer_key, body.card_number);
        Ok(Self { key, merchant, customer_key, card_number, issued_at: now, is_removed: false })
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
        self.card_number.starts_with(UNKNOWN_CARD_BIN)
    }

    /// The Billing object.
    pub(crate) fn json(&self, merchant_id: &str, language: Language) -> Value {
        let (method, card_type, owner_type) = match (language, self.is_of_unknown_type()) {
            (Language::Korean, false) => ("카드", "신용", "개인"),
            (Language::Korean, true) => ("카드", "미확인", "미확인"),
            (Language::English, false) => ("CARD", "CREDIT", "PERSONAL"),
            (Language::English, true) => ("CARD", "UNKNOWN", "UNKNOWN"),
        };
        let mask = |(index, digit)| if index < SHOWN_DIGITS { digit } else { '*' };
        let number: String = self.card_number.chars().enumerate().map(mask).collect();
        json!({
            "mId": merchant_id,
            "customerKey": self.customer_key,
            "authenticatedAt": with_offset(self.issued_at),
            "method": method,
            "billingKey": self.key,
            "card": {
                "issuerCode": "21", "acquirerCode": "21", "number": number,
                "cardType": card_type, "ownerType": owner_type,
            },
            "transfers": null,
        })
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
