//! What a payout run asks of sellers.

use std::collections::{BTreeSet, HashMap};

use domain::{
    Currency, Money, Timestamp,
    id::{PspSellerId, SellerAccount},
    payout::{
        PaidBy, bank_file,
        schedule::{Cycle, HolidayRule, Schedule},
    },
    seller::PayoutStatus,
};
use sea_orm::ConnectionTrait;

use super::{
    read::records,
    record::{PayoutBlock, SellerRecord},
};
use crate::{Reader, StoreError, convert::corrupt};

/// The day of the month on which a seller without a calendar is paid out: the last one.
const DEFAULT_DAY: u8 = 31;

/// On which terms a seller is paid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayoutTerms {
    /// The seller.
    pub seller: SellerAccount,
    /// The name that buyers see.
    pub name: Option<String>,
    /// Whether the PSP may pay the seller now; a hold on all payouts makes it [`PayoutStatus::Suspended`].
    pub payout_status: PayoutStatus,
    /// The same, of a payout by bank file.
    pub by_bank_file: PayoutStatus,
    /// The number of the current bank account; 0 where there is none.
    pub account: u32,
    /// The PSP's id of the seller.
    pub psp_seller_id: Option<PspSellerId>,
    /// When the bank account was changed last; nothing where it is the first. See
    /// [`domain::seller::cools_down_until`].
    pub account_changed_at: Option<Timestamp>,
    /// The bank account, masked.
    pub account_masked: Option<String>,
    /// The payout calendar; the last day of each month where the marketplace said nothing.
    pub schedule: Schedule,
    /// Less than this is carried over.
    pub minimum: Money,
    /// The open holds on all payouts.
    pub blocked: Vec<PayoutBlock>,
}

impl PayoutTerms {
    /// Whether the seller may be paid now on this way.
    pub const fn status_by(&self, by: PaidBy) -> PayoutStatus {
        match by {
            PaidBy::Psp => self.payout_status,
            PaidBy::BankFile => self.by_bank_file,
        }
    }

    /// Where the money goes on this way: the seller at the PSP, or the bank account by its number.
    pub fn destination_by(&self, by: PaidBy) -> Option<String> {
        match by {
            PaidBy::Psp => self.psp_seller_id.as_ref().map(ToString::to_string),
            PaidBy::BankFile => (self.account > 0).then(|| bank_file::destination(self.account)),
        }
    }
}

impl Reader {
    /// On which terms sellers are paid out: of each seller that is asked for, also of one of whom nothing is written.
    pub async fn payout_terms(
        &self,
        sellers: &[SellerAccount],
    ) -> Result<HashMap<SellerAccount, PayoutTerms>, StoreError> {
        payout_terms(self.connection(), sellers, self.time().await?).await
    }
}

/// The same, in a transaction.
pub(crate) async fn payout_terms(
    connection: &impl ConnectionTrait,
    sellers: &[SellerAccount],
    now: Timestamp,
) -> Result<HashMap<SellerAccount, PayoutTerms>, StoreError> {
    let mut found = records(connection, sellers, now).await?;
    let terms = |seller: &SellerAccount| {
        let record = found.remove(seller).unwrap_or_else(|| SellerRecord::unknown(seller.clone()));
        Ok((seller.clone(), terms_of(record)?))
    };
    let named: BTreeSet<&SellerAccount> = sellers.iter().collect();
    named.into_iter().map(terms).collect()
}

fn terms_of(record: SellerRecord) -> Result<PayoutTerms, StoreError> {
    let [payout_status, by_bank_file] = [PaidBy::Psp, PaidBy::BankFile].map(|by| record.payout_status_by(by));
    let SellerRecord { seller, profile, registration, blocked, .. } = record;
    let psp_seller_id = registration.and_then(|registration| registration.psp_seller_id);
    let (schedule, minimum) = match &profile {
        Some(profile) => (profile.schedule.clone(), profile.minimum_payout),
        None => (default_schedule()?, Money::zero(Currency::Krw)),
    };
    Ok(PayoutTerms {
        seller,
        name: profile.as_ref().map(|profile| profile.name.clone()),
        payout_status,
        by_bank_file,
        account: profile.as_ref().map_or(0, |profile| profile.account),
        psp_seller_id,
        account_changed_at: profile.as_ref().and_then(|profile| profile.account_changed_at),
        account_masked: profile.map(|profile| profile.account_masked),
        schedule,
        minimum,
        blocked,
    })
}

fn default_schedule() -> Result<Schedule, StoreError> {
    let cycle = Cycle::Monthly { days: BTreeSet::from([DEFAULT_DAY]) };
    Schedule::try_new(cycle, 0, HolidayRule::default()).map_err(|error| corrupt("a calendar", error))
}
