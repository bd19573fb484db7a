//! Rows as records.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    Currency, Money, Timestamp,
    id::{HoldId, PspSellerId, RefSellerId, SellerAccount},
    payout::{
        PaidBy,
        schedule::{Cycle, HolidayRule, Schedule},
    },
    seller::{AccountStanding, Approval, BusinessType, PayoutStatus, Standing},
};

use crate::{
    StoreError,
    convert::{corrupt, from_column_amount, from_column_revision, from_column_time},
    entities::{seller_holds, seller_registrations, sellers},
};

/// A seller as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SellerRecord {
    /// The seller.
    pub seller: SellerAccount,
    /// Counts the changes that events tell of; 0 for a seller that only appeared in a checkout.
    pub version: u32,
    /// What the marketplace said, where it said anything.
    pub profile: Option<Profile>,
    /// The registration at the PSP, where one was begun.
    pub registration: Option<RegistrationRecord>,
    /// What was said of its bank accounts besides the PSP.
    pub checks: AccountChecks,
    /// The open holds on all payouts.
    pub blocked: Vec<PayoutBlock>,
    /// When it was written first.
    pub created_at: Option<Timestamp>,
    /// When it changed last.
    pub updated_at: Option<Timestamp>,
}

/// What a marketplace said of a seller, without what is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The name that buyers see.
    pub name: String,
    /// The kind of business.
    pub business_type: BusinessType,
    /// Counts the changes of what the PSP is told.
    pub details_version: u32,
    /// The e-mail address, masked.
    pub email_masked: String,
    /// The bank account, masked.
    pub account_masked: String,
    /// The number of the bank account: 1 for the first.
    pub account: u32,
    /// When the bank account was changed last; nothing where it is the first.
    pub account_changed_at: Option<Timestamp>,
    /// When the seller is paid out.
    pub schedule: Schedule,
    /// Less than this is carried over.
    pub minimum_payout: Money,
    /// The marketplace's own words.
    pub metadata: BTreeMap<String, String>,
}

/// A registration of a seller at the PSP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationRecord {
    /// Its number among the seller's registrations; 1 is the first.
    pub number: u32,
    /// Our name for it.
    pub ref_seller_id: RefSellerId,
    /// The PSP's id, once the PSP has it.
    pub psp_seller_id: Option<PspSellerId>,
    /// The kind of business under which it was begun. The PSP does not change it.
    pub business_type: BusinessType,
    /// How far the PSP trusts the seller.
    pub approval: Option<Approval>,
    /// The version of the details that the PSP has.
    pub sent_version: u32,
    /// The last account that the PSP took.
    pub verified_account: u32,
    /// The last account that the PSP refused.
    pub refused_account: u32,
    /// The last account that sent a payout back.
    pub returned_account: u32,
    /// The PSP's last refusal.
    pub failure_code: Option<String>,
    /// When the PSP was asked last.
    pub checked_at: Option<Timestamp>,
}

/// What was said of a seller's bank accounts besides the PSP.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountChecks {
    /// The last account that a principal called verified.
    pub verified: Option<VerifiedAccount>,
    /// The last account that sent a transfer back; 0 where there is none.
    pub returned: u32,
}

/// A bank account that a principal called verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedAccount {
    /// Its number among those of the seller.
    pub account: u32,
    /// The author.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// A hold on all payouts of a seller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayoutBlock {
    /// The hold.
    pub hold_id: HoldId,
    /// Why.
    pub reason: String,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
}

impl AccountChecks {
    pub(super) const fn none() -> Self {
        Self { verified: None, returned: 0 }
    }
}

impl SellerRecord {
    /// A seller of whom nothing is written.
    pub(super) const fn unknown(seller: SellerAccount) -> Self {
        Self {
            seller,
            version: 0,
            profile: None,
            registration: None,
            checks: AccountChecks::none(),
            blocked: Vec::new(),
            created_at: None,
            updated_at: None,
        }
    }

    /// Everything that the payout status follows from.
    pub fn standing(&self) -> Standing {
        let registration = self.registration.as_ref();
        Standing {
            is_blocked: !self.blocked.is_empty(),
            approval: registration.and_then(|registration| registration.approval),
            account: self.profile.as_ref().map_or(0, |profile| profile.account),
            verified_account: registration.map_or(0, |registration| registration.verified_account),
            refused_account: registration.map_or(0, |registration| registration.refused_account),
            returned_account: registration.map_or(0, |registration| registration.returned_account),
        }
    }

    /// What the payout status follows from where the seller is paid by bank file.
    pub fn account_standing(&self) -> AccountStanding {
        AccountStanding {
            is_blocked: !self.blocked.is_empty(),
            account: self.profile.as_ref().map_or(0, |profile| profile.account),
            verified_account: self.checks.verified.as_ref().map_or(0, |verified| verified.account),
            returned_account: self.checks.returned,
        }
    }

    /// Whether the seller may be paid on this way.
    pub fn payout_status_by(&self, by: PaidBy) -> PayoutStatus {
        match by {
            PaidBy::Psp => self.standing().payout_status(),
            PaidBy::BankFile => self.account_standing().payout_status(),
        }
    }

    /// Whether the seller may be paid, where the next run pays on this way.
    pub fn payout_status_for(&self, next_run: PaidBy) -> PayoutStatus {
        match next_run {
            PaidBy::Psp => self.payout_status(),
            PaidBy::BankFile => self.payout_status_by(PaidBy::BankFile),
        }
    }

    /// Whether the seller may be paid. The PSP's word counts, unless the PSP does not know the seller and a principal
    /// has looked at a bank account: then the seller is paid by bank file.
    pub fn payout_status(&self) -> PayoutStatus {
        let is_by_hand = self.registration.is_none() && self.checks != AccountChecks::none();
        self.payout_status_by(if is_by_hand { PaidBy::BankFile } else { PaidBy::Psp })
    }
}

pub(super) fn profile_of(row: &sellers::Model) -> Result<Option<Profile>, StoreError> {
    let words = row.name.clone().zip(row.business_type.clone()).zip(row.cycle.clone());
    let masked = row.email_masked.clone().zip(row.account_masked.clone());
    let Some((((name, business_type), cycle), (email_masked, account_masked))) = words.zip(masked) else {
        return Ok(None);
    };
    Ok(Some(Profile {
        name,
        business_type: business_type_of(business_type)?,
        details_version: from_column_revision(row.details_version)?,
        email_masked,
        account_masked,
        account: from_column_revision(row.account)?,
        account_changed_at: row.account_changed_at.map(from_column_time),
        schedule: schedule_of(row, &cycle)?,
        minimum_payout: from_column_amount(row.minimum_payout, Currency::Krw)?,
        metadata: serde_json::from_str(&row.metadata).map_err(|error| corrupt("metadata", error))?,
    }))
}

pub(super) fn registration_of(row: seller_registrations::Model) -> Result<RegistrationRecord, StoreError> {
    let approval = |text: String| Approval::parse(&text).ok_or_else(|| corrupt("an approval", text));
    let psp_id = |text: String| PspSellerId::parse(text).map_err(|error| corrupt("a seller id of the PSP", error));
    Ok(RegistrationRecord {
        number: from_column_revision(row.number)?,
        ref_seller_id: RefSellerId::parse(row.ref_seller_id).map_err(|error| corrupt("a registration", error))?,
        psp_seller_id: row.psp_seller_id.map(psp_id).transpose()?,
        business_type: business_type_of(row.business_type)?,
        approval: row.approval.map(approval).transpose()?,
        sent_version: from_column_revision(row.sent_version)?,
        verified_account: from_column_revision(row.verified_account)?,
        refused_account: from_column_revision(row.refused_account)?,
        returned_account: from_column_revision(row.returned_account)?,
        failure_code: row.failure_code,
        checked_at: row.checked_at.map(from_column_time),
    })
}

pub(super) fn block_of(row: seller_holds::Model) -> Result<PayoutBlock, StoreError> {
    let hold_id = HoldId::parse(row.hold_id).map_err(|error| corrupt("a hold", error))?;
    Ok(PayoutBlock { hold_id, reason: row.reason, until: row.expires_at.map(from_column_time) })
}

pub(super) fn seller_of(text: String) -> Result<SellerAccount, StoreError> {
    SellerAccount::parse(text).map_err(|error| corrupt("a seller", error))
}

fn business_type_of(text: String) -> Result<BusinessType, StoreError> {
    BusinessType::parse(&text).ok_or_else(|| corrupt("a kind of business", text))
}

/// A schedule in its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ScheduleColumns {
    pub(super) cycle: &'static str,
    pub(super) days: String,
    pub(super) lag_business_days: i32,
    pub(super) holiday: &'static str,
}

impl ScheduleColumns {
    pub(super) fn of(schedule: &Schedule) -> Self {
        let (cycle, days) = match schedule.cycle() {
            Cycle::Daily => ("daily", None),
            Cycle::Weekly { days } => ("weekly", Some(days)),
            Cycle::Monthly { days } => ("monthly", Some(days)),
            Cycle::Manual => ("manual", None),
        };
        let days: Vec<String> = days.into_iter().flatten().map(ToString::to_string).collect();
        let holiday = match schedule.holiday() {
            HolidayRule::Before => "before",
            HolidayRule::After => "after",
        };
        let lag_business_days = i32::from(schedule.lag_business_days());
        Self { cycle, days: days.join(","), lag_business_days, holiday }
    }
}

fn schedule_of(row: &sellers::Model, cycle: &str) -> Result<Schedule, StoreError> {
    let days = || -> Result<BTreeSet<u8>, StoreError> {
        let day = |text: &str| text.parse().map_err(|_| corrupt("a day of a calendar", text));
        row.days.split(',').map(day).collect()
    };
    let cycle = match cycle {
        "daily" => Cycle::Daily,
        "weekly" => Cycle::Weekly { days: days()? },
        "monthly" => Cycle::Monthly { days: days()? },
        "manual" => Cycle::Manual,
        other => return Err(corrupt("a cycle", other)),
    };
    let holiday = match row.holiday.as_str() {
        "before" => HolidayRule::Before,
        "after" => HolidayRule::After,
        other => return Err(corrupt("a rule for holidays", other)),
    };
    let lag = u16::try_from(row.lag_business_days).map_err(|_| corrupt("a lag", row.lag_business_days))?;
    Schedule::try_new(cycle, lag, holiday).map_err(|error| corrupt("a calendar", error))
}
