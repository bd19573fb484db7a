//! Sellers: whom payouts go to, and how well Toss knows them.
//!
//! Source: the payout guide of Toss Payments (v2). Its test environment takes corporations only and
//! approves nobody; here every kind is taken, and the control plane approves.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::codes::Code;
use crate::fields::{self, Metadata};
use crate::options::BankCodes;

const REFERENCE_LENGTH: std::ops::RangeInclusive<usize> = 7..=20;
const MAX_NAME: usize = 60;
const MAX_ACCOUNT_NUMBER: usize = 20;
/// Payouts name a bank by its national code, `004`, not by the two characters of payments.
const BANK_CODE_LENGTH: usize = 3;
const BUSINESS_NUMBER_LENGTH: usize = 10;
/// Digits of an account number an answer shows at its end.
const SHOWN_DIGITS: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum BusinessType {
    Individual,
    IndividualBusiness,
    Corporate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum SellerStatus {
    /// A person who has not proved who they are.
    ApprovalRequired,
    /// Paid, up to an amount.
    PartiallyApproved,
    /// Paid again once Toss knows their customer.
    KycRequired,
    Approved,
}

impl SellerStatus {
    /// Whether money may be sent to a seller of this status.
    pub(crate) fn is_paid(self) -> bool {
        match self {
            Self::PartiallyApproved | Self::Approved => true,
            Self::ApprovalRequired | Self::KycRequired => false,
        }
    }

    /// Whether Toss sends a webhook on reaching the status.
    pub(crate) fn is_told(self) -> bool {
        match self {
            Self::PartiallyApproved | Self::KycRequired | Self::Approved => true,
            Self::ApprovalRequired => false,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Company {
    name: String,
    representative_name: String,
    business_registration_number: String,
    email: String,
    phone: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Individual {
    name: String,
    email: String,
    phone: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Account {
    bank_code: String,
    account_number: String,
    holder_name: String,
}

/// What the merchant says of a seller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SellerBody {
    pub(crate) ref_seller_id: String,
    pub(crate) business_type: BusinessType,
    pub(crate) company: Option<Company>,
    pub(crate) individual: Option<Individual>,
    pub(crate) account: Account,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Seller {
    pub(crate) id: String,
    /// Index among the merchants.
    pub(crate) merchant: usize,
    pub(crate) body: SellerBody,
    pub(crate) status: SellerStatus,
    /// A seller that is gone keeps its reference for ever.
    pub(crate) is_deleted: bool,
}

impl SellerBody {
    /// Reads what the merchant says.
    ///
    /// # Errors
    /// Toss's code for what is wrong with it by itself.
    pub(crate) fn read(bytes: &[u8], bank_codes: BankCodes) -> Result<Self, Code> {
        Self::of(fields::read(bytes)?, bank_codes)
    }

    fn of(mut body: Value, bank_codes: BankCodes) -> Result<Self, Code> {
        match bank_codes {
            BankCodes::ThreeDigits => {}
            BankCodes::AnyLength => lengthen_bank_code(&mut body),
        }
        let body: Self = serde_json::from_value(body).map_err(|_| Code::InvalidRequest)?;
        if !REFERENCE_LENGTH.contains(&body.ref_seller_id.chars().count()) {
            return Err(Code::InvalidSubmallId);
        }
        match body.business_type {
            BusinessType::Individual if body.individual.is_none() => return Err(Code::InvalidRequest),
            BusinessType::Corporate | BusinessType::IndividualBusiness if body.company.is_none() => {
                return Err(Code::InvalidRequest);
            }
            BusinessType::Individual | BusinessType::Corporate | BusinessType::IndividualBusiness => {}
        }
        let number = body.company.as_ref().map(|company| company.business_registration_number.as_str());
        if number.is_some_and(|number| number.len() != BUSINESS_NUMBER_LENGTH || !is_digits(number)) {
            return Err(Code::InvalidBusinessNumber);
        }
        body.account.check()?;
        if !body.metadata.is_short() { Err(Code::InvalidRequest) } else { Ok(body) }
    }

    /// This seller as a change leaves it: fields that are sent change, null deletes, and what is not sent stays. The
    /// reference may be sent but not changed.
    ///
    /// # Errors
    /// Toss's code for what is wrong with the change, or with what it would leave.
    pub(crate) fn changed(&self, bytes: &[u8], bank_codes: BankCodes) -> Result<Self, Code> {
        let change: Value = fields::read(bytes)?;
        let fields = change.as_object().ok_or(Code::InvalidRequest)?;
        if fields.get("refSellerId").is_some_and(|stated| *stated != self.ref_seller_id) {
            return Err(Code::InvalidSubmallId);
        }
        let mut body = serde_json::to_value(self).map_err(|_| Code::FailedInternalSystemProcessing)?;
        patch(&mut body, &change);
        Self::of(body, bank_codes)
    }

    /// Where a new seller begins: a corporation has proved itself, a person has yet to.
    pub(crate) fn first_status(&self) -> SellerStatus {
        match self.business_type {
            BusinessType::Corporate => SellerStatus::PartiallyApproved,
            BusinessType::Individual | BusinessType::IndividualBusiness => SellerStatus::ApprovalRequired,
        }
    }
}

impl Account {
    fn check(&self) -> Result<(), Code> {
        if self.bank_code.len() != BANK_CODE_LENGTH || !is_digits(&self.bank_code) {
            return Err(Code::InvalidBank);
        }
        if !(1..=MAX_ACCOUNT_NUMBER).contains(&self.account_number.len()) || !is_digits(&self.account_number) {
            return Err(Code::InvalidAccountNumber);
        }
        let is_named = (1..=MAX_NAME).contains(&self.holder_name.chars().count());
        if is_named { Ok(()) } else { Err(Code::NotMatchPayeeName) }
    }

    fn masked_number(&self) -> String {
        let hidden = self.account_number.chars().count().saturating_sub(SHOWN_DIGITS);
        let shown = self.account_number.chars().enumerate();
        shown.map(|(index, digit)| if index < hidden { '*' } else { digit }).collect()
    }
}

impl Seller {
    /// The Seller object.
    pub(crate) fn json(&self) -> Value {
        let SellerBody { ref_seller_id, business_type, company, individual, account, metadata } = &self.body;
        json!({
            "id": self.id,
            "refSellerId": ref_seller_id,
            "businessType": business_type,
            "company": company,
            "individual": individual,
            "status": self.status,
            "account": {
                "bankCode": account.bank_code,
                "accountNumber": account.masked_number(),
                "holderName": account.holder_name,
            },
            "metadata": metadata,
        })
    }
}

/// Merges a change into a document.
///
/// Source: RFC 7396, section 2.
fn patch(document: &mut Value, change: &Value) {
    let Value::Object(change) = change else {
        *document = change.clone();
        return;
    };
    if !document.is_object() {
        *document = json!({});
    }
    let Value::Object(fields) = document else { return };
    for (name, value) in change {
        if value.is_null() {
            fields.remove(name);
        } else {
            patch(fields.entry(name).or_insert(Value::Null), value);
        }
    }
}

/// Writes the code of a bank with three digits, whatever it was sent as.
fn lengthen_bank_code(body: &mut Value) {
    let Some(code) = body.pointer_mut("/account/bankCode") else { return };
    let sent = match code {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return,
    };
    if is_digits(&sent) {
        *code = json!(format!("{sent:0>BANK_CODE_LENGTH$}"));
    }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}
