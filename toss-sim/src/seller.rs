//! Sellers: whom payouts go to, and how well Toss knows them.
//!
//! Source: the payout guide of Toss Payments (v2). Its test environment takes corporations only and
//! approves nobody; here every kind is taken, and the control plane approves.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::bodies::{self, Metadata};
use crate::codes::Code;

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

    /// Whether Toss tells of reaching it.
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
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Code> {
        let body: Self = bodies::read(bytes)?;
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

    /// Reads a change: the whole body again, in which the reference may be left out but not changed.
    ///
    /// # Errors
    /// Toss's code for what is wrong with it by itself.
    pub(crate) fn read_change(bytes: &[u8], reference: &str) -> Result<Self, Code> {
        let mut body: Value = bodies::read(bytes)?;
        let fields = body.as_object_mut().ok_or(Code::InvalidRequest)?;
        let stated = fields.entry("refSellerId").or_insert_with(|| json!(reference));
        if *stated != reference {
            return Err(Code::InvalidSubmallId);
        }
        Self::read(body.to_string().as_bytes())
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

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}
