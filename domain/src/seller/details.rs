//! What a marketplace says of a seller, checked. Nothing of it is printed: a person may stand behind each word.

use alloc::{
    borrow::ToOwned,
    collections::BTreeMap,
    format,
    string::{String, ToString},
};
use core::fmt;

use serde::{Deserialize, Serialize};

use super::BusinessType;

/// The most characters of a name.
const MAX_NAME_CHARS: usize = 100;
/// The most characters of an e-mail address. Source: Toss Payments, payouts v2.
const MAX_EMAIL_CHARS: usize = 100;
/// The digits of a telephone number.
const PHONE_DIGITS: core::ops::RangeInclusive<usize> = 8..=15;
/// The digits of a business registration number.
const REGISTRATION_DIGITS: usize = 10;
/// The digits of an account number.
const ACCOUNT_DIGITS: core::ops::RangeInclusive<usize> = 6..=20;
/// How many digits of an account number stay readable.
const SHOWN_DIGITS: usize = 4;
/// The most characters of an account holder's name, where one is outside of ASCII; twice as many where none is.
/// Source: Toss Payments, payouts v2.
const MAX_HOLDER_CHARS: usize = 30;
/// The most pairs of metadata. Source: Toss Payments, payouts v2.
pub const MAX_METADATA_PAIRS: usize = 5;
/// The most characters of a key of metadata.
const MAX_METADATA_KEY_CHARS: usize = 40;
/// The most characters of a value of metadata. Source: Toss Payments, payouts v2.
const MAX_METADATA_VALUE_CHARS: usize = 500;

/// A field of a seller's details.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DetailField {
    /// The seller's name.
    Name,
    /// The number of the business registration.
    BusinessRegistrationNumber,
    /// The representative's name.
    RepresentativeName,
    /// The e-mail address.
    Email,
    /// The telephone number.
    Phone,
    /// The bank.
    BankCode,
    /// The account's number.
    AccountNumber,
    /// The account holder's name.
    HolderName,
    /// Metadata.
    Metadata,
}

impl DetailField {
    /// The field in a request.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::BusinessRegistrationNumber => "business_registration_number",
            Self::RepresentativeName => "representative_name",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::BankCode => "bank_account.bank_code",
            Self::AccountNumber => "bank_account.account_number",
            Self::HolderName => "bank_account.holder_name",
            Self::Metadata => "metadata",
        }
    }
}

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// The kind of business needs it.
    Missing,
    /// The kind of business does not have it.
    NotAllowed,
    /// Its length or its characters.
    Invalid,
}

/// A field that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{rule}")]
pub struct DetailError {
    /// Which field.
    pub field: DetailField,
    /// What is wrong.
    pub problem: Problem,
    /// What the field has to be.
    pub rule: &'static str,
}

const fn wrong(field: DetailField, problem: Problem, rule: &'static str) -> DetailError {
    DetailError { field, problem, rule }
}

/// The name under which a seller trades: 1 to 100 characters. Buyers see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SellerName(String);

impl SellerName {
    /// Takes a name, without the white space around it.
    pub fn try_new(text: &str) -> Result<Self, DetailError> {
        let rule = "must have 1 to 100 characters, none of them a control character";
        plain_text(text, MAX_NAME_CHARS).map(Self).ok_or(wrong(DetailField::Name, Problem::Invalid, rule))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The words of a contact, unchecked.
#[derive(Clone, Serialize, Deserialize)]
pub struct ContactParts {
    /// The number of the business registration.
    pub business_registration_number: Option<String>,
    /// The representative's name.
    pub representative_name: Option<String>,
    /// The e-mail address. The PSP writes to it.
    pub email: String,
    /// The telephone number. The PSP's identity check calls it.
    pub phone: String,
}

/// How to reach a seller, and who answers for it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    business_registration_number: Option<String>,
    representative_name: Option<String>,
    email: String,
    phone: String,
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Contact(…)")
    }
}

impl fmt::Debug for ContactParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContactParts(…)")
    }
}

impl Contact {
    /// Checks the words for a kind of business. Hyphens and spaces between digits are left out.
    pub fn try_new(kind: BusinessType, parts: ContactParts) -> Result<Self, DetailError> {
        let business_registration_number =
            parts.business_registration_number.map(|text| registration_number(&text)).transpose()?;
        let representative_name = parts.representative_name.map(|text| representative_name(&text)).transpose()?;
        let needed = [
            (DetailField::BusinessRegistrationNumber, business_registration_number.is_some()),
            (DetailField::RepresentativeName, representative_name.is_some()),
        ];
        for (field, is_there) in needed {
            if kind.is_registered_business() && !is_there {
                return Err(wrong(field, Problem::Missing, "a registered business has to name it"));
            }
            if !kind.is_registered_business() && is_there {
                return Err(wrong(field, Problem::NotAllowed, "an individual without a business has none"));
            }
        }
        Ok(Self {
            business_registration_number,
            representative_name,
            email: email(&parts.email)?,
            phone: phone(&parts.phone)?,
        })
    }

    /// The number of the business registration: 10 digits.
    pub fn business_registration_number(&self) -> Option<&str> {
        self.business_registration_number.as_deref()
    }

    /// The representative's name.
    pub fn representative_name(&self) -> Option<&str> {
        self.representative_name.as_deref()
    }

    /// The e-mail address.
    pub fn email(&self) -> &str {
        &self.email
    }

    /// The telephone number: digits.
    pub fn phone(&self) -> &str {
        &self.phone
    }

    /// The e-mail address with its first character only: `x***@example.com`.
    pub fn masked_email(&self) -> String {
        let (name, host) = self.email.split_once('@').unwrap_or_default();
        format!("{}***@{host}", name.chars().next().unwrap_or_default())
    }
}

/// The words of a bank account, unchecked.
#[derive(Clone, Serialize, Deserialize)]
pub struct BankAccountParts {
    /// The bank, by its code.
    pub bank_code: String,
    /// The account's number.
    pub account_number: String,
    /// The holder's name.
    pub holder_name: String,
}

/// A bank account of a seller.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankAccount {
    bank_code: String,
    account_number: String,
    holder_name: String,
}

impl fmt::Debug for BankAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BankAccount(…)")
    }
}

impl fmt::Debug for BankAccountParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BankAccountParts(…)")
    }
}

impl BankAccount {
    /// Checks the words. Hyphens and spaces between digits are left out.
    pub fn try_new(parts: &BankAccountParts) -> Result<Self, DetailError> {
        let code = parts.bank_code.trim().to_ascii_uppercase();
        // The PSP's documents show two characters, its users send three.
        if !(2..=3).contains(&code.len()) || !code.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            let rule = "must be a bank code of 2 or 3 letters and digits, such as 092";
            return Err(wrong(DetailField::BankCode, Problem::Invalid, rule));
        }
        let rule = "must have 6 to 20 digits; hyphens and spaces are left out";
        let account_number = digits(&parts.account_number)
            .filter(|number| ACCOUNT_DIGITS.contains(&number.len()))
            .ok_or(wrong(DetailField::AccountNumber, Problem::Invalid, rule))?;
        let longest = if parts.holder_name.is_ascii() { 2 * MAX_HOLDER_CHARS } else { MAX_HOLDER_CHARS };
        let rule = "must have 1 to 30 Korean or 60 Latin characters";
        let holder_name =
            plain_text(&parts.holder_name, longest).ok_or(wrong(DetailField::HolderName, Problem::Invalid, rule))?;
        Ok(Self { bank_code: code, account_number, holder_name })
    }

    /// The bank, by its code.
    pub fn bank_code(&self) -> &str {
        &self.bank_code
    }

    /// The account's number: digits.
    pub fn account_number(&self) -> &str {
        &self.account_number
    }

    /// The holder's name.
    pub fn holder_name(&self) -> &str {
        &self.holder_name
    }

    /// The account with the last four digits only: `092 ********1234`.
    pub fn masked(&self) -> String {
        let hidden = self.account_number.len().saturating_sub(SHOWN_DIGITS);
        let shown = self.account_number.get(hidden..).unwrap_or_default();
        format!("{} {}{shown}", self.bank_code, "*".repeat(hidden))
    }
}

/// What a marketplace says of a seller besides name and calendar: kept sealed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// How to reach the seller.
    pub contact: Contact,
    /// Where the seller is paid.
    pub account: BankAccount,
}

impl fmt::Debug for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Details(…)")
    }
}

/// Checks metadata of a seller.
pub fn checked_metadata(metadata: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, DetailError> {
    let fits = |(key, value): (&String, &String)| {
        let key_chars = key.chars().count();
        (1..=MAX_METADATA_KEY_CHARS).contains(&key_chars) && value.chars().count() <= MAX_METADATA_VALUE_CHARS
    };
    if metadata.len() <= MAX_METADATA_PAIRS && metadata.iter().all(fits) {
        return Ok(metadata);
    }
    let rule = "must be at most 5 pairs, keys of 1 to 40 and values of up to 500 characters";
    Err(wrong(DetailField::Metadata, Problem::Invalid, rule))
}

fn registration_number(text: &str) -> Result<String, DetailError> {
    let rule = "must have 10 digits; hyphens are left out";
    digits(text).filter(|number| number.len() == REGISTRATION_DIGITS).ok_or(wrong(
        DetailField::BusinessRegistrationNumber,
        Problem::Invalid,
        rule,
    ))
}

fn representative_name(text: &str) -> Result<String, DetailError> {
    let rule = "must have 1 to 100 characters, none of them a control character";
    plain_text(text, MAX_NAME_CHARS).ok_or(wrong(DetailField::RepresentativeName, Problem::Invalid, rule))
}

fn email(text: &str) -> Result<String, DetailError> {
    let rule = "must be an e-mail address of at most 100 ASCII characters";
    let error = wrong(DetailField::Email, Problem::Invalid, rule);
    let text = text.trim();
    let (name, host) = text.split_once('@').ok_or(error)?;
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic()) && text.len() <= MAX_EMAIL_CHARS;
    let is_host = host.contains('.') && !host.contains('@') && !host.starts_with('.') && !host.ends_with('.');
    if is_plain && !name.is_empty() && is_host { Ok(text.to_owned()) } else { Err(error) }
}

fn phone(text: &str) -> Result<String, DetailError> {
    let rule = "must have 8 to 15 digits; hyphens and spaces are left out";
    digits(text).filter(|number| PHONE_DIGITS.contains(&number.len())).ok_or(wrong(
        DetailField::Phone,
        Problem::Invalid,
        rule,
    ))
}

/// The digits of a number that may be written with hyphens and spaces; nothing where other characters are in it.
fn digits(text: &str) -> Option<String> {
    let number: String = text.chars().filter(|character| !matches!(character, '-' | ' ')).collect();
    number.bytes().all(|byte| byte.is_ascii_digit()).then_some(number)
}

/// A text without white space around it, if it is not empty, not too long and has no control character.
fn plain_text(text: &str, max_chars: usize) -> Option<String> {
    let text = text.trim();
    let fits = (1..=max_chars).contains(&text.chars().count());
    (fits && !text.chars().any(char::is_control)).then(|| text.to_string())
}
