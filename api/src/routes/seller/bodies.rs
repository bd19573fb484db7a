//! What is answered about sellers.

use std::collections::BTreeMap;

use domain::{
    payout::{
        PaidBy,
        schedule::{Cycle, HolidayRule, Schedule},
    },
    seller::{Approval, BusinessType, Details, PayoutStatus},
};
use serde::Serialize;
use store::{HoldRecord, Profile, RegistrationRecord, SellerRecord, console::SellerLink};
use utoipa::ToSchema;

use crate::{
    Api, SIGN_IN_LINK,
    http::{forms::none_of, values::rfc3339},
    openapi::{
        readers::named_form,
        shapes::{Balance, HoldName, Instant, SellerName, text_of_a_list},
    },
};

text_of_a_list! {
    /// Whether the seller may be paid. UNREGISTERED: the marketplace fills in the details. PENDING_APPROVAL: the seller
    /// proves an identity. LIMITED: paid up to the payment provider's weekly limit. APPROVED: paid. KYC_REQUIRED: the
    /// seller answers the payment provider's check. ACCOUNT_UNVERIFIED: the marketplace sends another bank account, or
    /// waits for the payment provider's answer. SUSPENDED: a principal holds all payouts back.
    PayoutStatusName, "SellerPayoutStatus", PayoutStatus::ALL.map(PayoutStatus::as_str)
}
text_of_a_list! {
    /// The kind of business.
    BusinessTypeName, "BusinessType", BusinessType::ALL.map(BusinessType::as_str)
}
text_of_a_list! {
    /// How often a seller is paid out.
    CycleName, "PayoutCycle", ["daily", "weekly", "monthly", "manual"]
}
text_of_a_list! {
    /// The business day to which a payout moves that falls on a day without business.
    HolidayName, "PayoutHolidayRule", ["before", "after"]
}

named_form! {
    PayoutStatusName: PayoutStatus =
        |text| PayoutStatus::parse(text).ok_or_else(|| none_of(PayoutStatus::ALL.map(PayoutStatus::as_str)));
    BusinessTypeName: BusinessType =
        |text| BusinessType::parse(text).ok_or_else(|| none_of(BusinessType::ALL.map(BusinessType::as_str)));
    CycleName: &'static str =
        |text| known(text, &["daily", "weekly", "monthly", "manual"]);
    HolidayName: HolidayRule = |text| match text {
        "before" => Ok(HolidayRule::Before),
        "after" => Ok(HolidayRule::After),
        _ => Err(none_of(["before", "after"])),
    };
}

fn known(text: &str, list: &[&'static str; 4]) -> Result<&'static str, String> {
    list.iter().find(|known| **known == text).copied().ok_or_else(|| none_of(*list))
}

/// A seller, with all that is sensitive masked.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Seller)]
pub(crate) struct SellerBody {
    #[schema(value_type = SellerName)]
    seller_account: String,
    #[schema(value_type = PayoutStatusName)]
    payout_status: &'static str,
    /// Null where the marketplace has said nothing yet; so are all fields below that it says.
    name: Option<String>,
    #[schema(value_type = Option<BusinessTypeName>)]
    business_type: Option<&'static str>,
    /// Masked. The payment provider writes to this address.
    email: Option<String>,
    bank_account: Option<AccountBody>,
    payout_schedule: Option<ScheduleBody>,
    #[schema(value_type = Option<Balance>)]
    minimum_payout: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
    registration: Option<RegistrationBody>,
    /// The next twelve days on which the seller is paid out; empty where the cycle is `manual`.
    next_payouts: Vec<String>,
    /// The holds, the newest first; where the seller is read by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    holds: Option<Vec<HoldBody>>,
    version: u32,
    #[schema(value_type = Option<Instant>)]
    created_at: Option<String>,
    #[schema(value_type = Option<Instant>)]
    updated_at: Option<String>,
}

/// A bank account, masked.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SellerBankAccount)]
struct AccountBody {
    /// The bank's code and the last four digits.
    masked: String,
    /// The number among the seller's bank accounts: 1 for the first. Each change takes the next one.
    number: u32,
    /// Whether the payment provider took this account, or a principal verified it where sellers are paid by bank file;
    /// and no payout came back from it.
    is_verified: bool,
    /// The principal who verified it.
    verified_by: Option<String>,
    #[schema(value_type = Option<Instant>)]
    changed_at: Option<String>,
    /// Until when nothing is paid to it because it was changed.
    #[schema(value_type = Option<Instant>)]
    cools_down_until: Option<String>,
}

/// When a seller is paid out.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PayoutSchedule)]
struct ScheduleBody {
    #[schema(value_type = CycleName)]
    cycle: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    days: Vec<u8>,
    lag_business_days: u16,
    #[schema(value_type = HolidayName)]
    holiday: &'static str,
}

/// The registration at the payment provider.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SellerRegistration)]
struct RegistrationBody {
    /// The marketplace's name for the seller at the payment provider.
    ref_seller_id: String,
    /// Whether the payment provider has the seller.
    is_registered: bool,
    /// How far the payment provider trusts the seller.
    approval: Option<&'static str>,
    /// Why the payment provider refused the details that were sent last, in its words.
    failure_code: Option<String>,
    /// When the payment provider was asked last.
    #[schema(value_type = Option<Instant>)]
    checked_at: Option<String>,
}

/// A hold on a seller.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SellerHold)]
pub(crate) struct HoldBody {
    #[schema(value_type = HoldName)]
    pub(crate) hold_id: String,
    /// PENDING, ACTIVE, LIFTED or EXPIRED.
    status: &'static str,
    /// Null where all payouts are held back.
    #[schema(value_type = Option<Balance>)]
    amount: Option<String>,
    currency: Option<&'static str>,
    reason: String,
    #[schema(value_type = Option<Instant>)]
    until: Option<String>,
    placed_by: String,
    #[schema(value_type = Instant)]
    placed_at: String,
    #[schema(value_type = Option<Instant>)]
    lifted_at: Option<String>,
}

/// A link that signs a seller in once.
#[derive(Serialize, ToSchema)]
#[schema(as = SellerSignInLink)]
pub(crate) struct SignInLinkBody {
    seller_account: String,
    /// Where the seller's browser is led.
    url: String,
    /// Until when the link can be used.
    #[schema(value_type = Instant)]
    expires_at: String,
}

/// What is sealed of a seller.
#[derive(Serialize, ToSchema)]
#[schema(as = RevealedSeller)]
pub(crate) struct RevealedBody {
    business_registration_number: Option<String>,
    representative_name: Option<String>,
    email: String,
    phone: String,
    bank_account: RevealedAccount,
}

/// A bank account in the clear.
#[derive(Serialize, ToSchema)]
#[schema(as = RevealedBankAccount)]
struct RevealedAccount {
    bank_code: String,
    account_number: String,
    holder_name: String,
}

impl SellerBody {
    pub(crate) fn new(record: &SellerRecord, api: &Api) -> Self {
        let profile = record.profile.as_ref();
        let days = service::seller::next_payouts(&api.service, record);
        Self {
            seller_account: record.seller.to_string(),
            payout_status: service::seller::payout_status(&api.service, record).as_str(),
            name: profile.map(|profile| profile.name.clone()),
            business_type: profile.map(|profile| profile.business_type.as_str()),
            email: profile.map(|profile| profile.email_masked.clone()),
            bank_account: profile.map(|profile| AccountBody::new(record, profile, api)),
            payout_schedule: profile.map(|profile| ScheduleBody::new(&profile.schedule)),
            minimum_payout: profile.map(|profile| profile.minimum_payout.to_decimal_string()),
            metadata: profile.map(|profile| profile.metadata.clone()),
            registration: record.registration.as_ref().map(RegistrationBody::new),
            next_payouts: days.iter().map(ToString::to_string).collect(),
            holds: None,
            version: record.version,
            created_at: record.created_at.map(rfc3339),
            updated_at: record.updated_at.map(rfc3339),
        }
    }

    pub(crate) fn with_holds(self, holds: &[HoldRecord]) -> Self {
        Self { holds: Some(holds.iter().map(HoldBody::new).collect()), ..self }
    }
}

impl AccountBody {
    fn new(record: &SellerRecord, profile: &Profile, api: &Api) -> Self {
        let verified = record.checks.verified.as_ref().filter(|verified| verified.account == profile.account);
        Self {
            masked: profile.account_masked.clone(),
            number: profile.account,
            is_verified: match api.service.settings.plan_rules.by {
                PaidBy::Psp => record.standing().is_account_verified(),
                PaidBy::BankFile => record.account_standing().is_account_verified(),
            },
            verified_by: verified.map(|verified| verified.by.clone()),
            changed_at: profile.account_changed_at.map(rfc3339),
            cools_down_until: service::seller::cool_down(&api.service, record).map(rfc3339),
        }
    }
}

impl ScheduleBody {
    fn new(schedule: &Schedule) -> Self {
        let (cycle, days) = match schedule.cycle() {
            Cycle::Daily => ("daily", None),
            Cycle::Weekly { days } => ("weekly", Some(days)),
            Cycle::Monthly { days } => ("monthly", Some(days)),
            Cycle::Manual => ("manual", None),
        };
        let holiday = match schedule.holiday() {
            HolidayRule::Before => "before",
            HolidayRule::After => "after",
        };
        let days = days.into_iter().flatten().copied().collect();
        Self { cycle, days, lag_business_days: schedule.lag_business_days(), holiday }
    }
}

impl RegistrationBody {
    fn new(registration: &RegistrationRecord) -> Self {
        Self {
            ref_seller_id: registration.ref_seller_id.to_string(),
            is_registered: registration.psp_seller_id.is_some(),
            approval: registration.approval.map(Approval::as_str),
            failure_code: registration.failure_code.clone(),
            checked_at: registration.checked_at.map(rfc3339),
        }
    }
}

impl HoldBody {
    pub(crate) fn new(record: &HoldRecord) -> Self {
        let hold = &record.hold;
        Self {
            hold_id: hold.hold_id.to_string(),
            status: record.status.as_str(),
            amount: hold.amount.map(|amount| amount.to_decimal_string()),
            currency: hold.amount.map(|amount| amount.currency().code()),
            reason: hold.reason.clone(),
            until: hold.until.map(rfc3339),
            placed_by: hold.placed_by.to_string(),
            placed_at: rfc3339(record.placed_at),
            lifted_at: record.lifted_at.map(rfc3339),
        }
    }
}

impl SignInLinkBody {
    pub(crate) fn new(link: &SellerLink, api: &Api) -> Self {
        let token = link.token.to_text();
        Self {
            seller_account: link.seller.to_string(),
            url: format!("{}{SIGN_IN_LINK}?token={token}", api.settings.buyer_pages.public_url),
            expires_at: rfc3339(link.expires_at),
        }
    }
}

impl RevealedBody {
    pub(crate) fn new(details: &Details) -> Self {
        let Details { contact, account } = details;
        Self {
            business_registration_number: contact.business_registration_number().map(str::to_owned),
            representative_name: contact.representative_name().map(str::to_owned),
            email: contact.email().to_owned(),
            phone: contact.phone().to_owned(),
            bank_account: RevealedAccount {
                bank_code: account.bank_code().to_owned(),
                account_number: account.account_number().to_owned(),
                holder_name: account.holder_name().to_owned(),
            },
        }
    }
}
