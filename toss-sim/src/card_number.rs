//! A card by its number, as a request has it and as an answer shows it.

use serde::Deserialize;

use crate::codes::Code;
use crate::fields;

/// A card number is longer than the six digits of a BIN, which the real server refuses.
const CARD_NUMBER_LENGTH: std::ops::RangeInclusive<usize> = 13..=20;
/// Digits of a card number an answer shows at its beginning.
const SHOWN_DIGITS: usize = 8;

/// The card of a request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CardBody {
    #[serde(deserialize_with = "fields::text")]
    pub(crate) card_number: String,
    #[serde(deserialize_with = "fields::text")]
    card_expiration_year: String,
    #[serde(deserialize_with = "fields::text")]
    card_expiration_month: String,
    #[serde(deserialize_with = "fields::text")]
    customer_identity_number: String,
}

impl CardBody {
    /// # Errors
    /// Toss's code for what is wrong with the card.
    pub(crate) fn check(&self) -> Result<(), Code> {
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(&self.card_number) || !CARD_NUMBER_LENGTH.contains(&self.card_number.len()) {
            return Err(Code::InvalidCardNumber);
        }
        let month: Option<u8> = self.card_expiration_month.parse().ok();
        if self.card_expiration_year.len() != 2 || !month.is_some_and(|month| (1..=12).contains(&month)) {
            return Err(Code::InvalidCardExpiration);
        }
        if !matches!(self.customer_identity_number.len(), 6 | 10) || !is_digits(&self.customer_identity_number) {
            return Err(Code::InvalidBirthDayFormat);
        }
        Ok(())
    }
}

/// A card number as an answer shows it.
pub(crate) fn masked(card_number: &str) -> String {
    let mask = |(index, digit)| if index < SHOWN_DIGITS { digit } else { '*' };
    card_number.chars().enumerate().map(mask).collect()
}
