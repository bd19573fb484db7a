//! Holds on sellers: an amount, which the wallet keeps back, or all payouts.
//!
//! The row says who held what back and why. An amount is reserved in the wallet under the same id, by a worker.

use std::collections::HashMap;

use domain::{
    Money, Timestamp,
    event::EventType,
    hold::HoldStatus,
    id::{HoldId, SellerAccount},
    principal::Principal,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};

use super::{record::seller_of, write::locked_row};
use crate::{
    Journal, Reader, StoreError,
    convert::{
        corrupt, from_column_amount, from_column_currency, from_column_revision, from_column_time, to_column_amount,
        to_column_revision, to_column_time,
    },
    entities::{seller_holds, wallet_holds},
    event::append_seller,
    transaction::Transaction,
};

/// The most holds that are listed of a seller, the newest first.
const LISTED_HOLDS: u64 = 100;

/// A hold to place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHold {
    /// Its id, which is its key.
    pub hold_id: HoldId,
    /// Of whom.
    pub seller: SellerAccount,
    /// How much; all payouts where there is no amount.
    pub amount: Option<Money>,
    /// Why.
    pub reason: String,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
    /// Who holds it back.
    pub placed_by: Principal,
}

/// Where a hold on a seller stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SellerHoldStatus {
    /// The amount is asked for and not reserved yet.
    Pending,
    /// It holds.
    Active,
    /// A principal lifted it.
    Lifted,
    /// Its time ran out.
    Expired,
}

impl SellerHoldStatus {
    /// The status on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Active => "ACTIVE",
            Self::Lifted => "LIFTED",
            Self::Expired => "EXPIRED",
        }
    }
}

/// A hold on a seller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldRecord {
    /// What was asked for.
    pub hold: NewHold,
    /// Where it stands.
    pub status: SellerHoldStatus,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// When it was lifted.
    pub lifted_at: Option<Timestamp>,
}

/// What came of placing a hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldPlaced {
    /// It is written.
    Now,
    /// It was written before.
    Before,
    /// Another hold has the id.
    Reused,
}

/// What came of lifting a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldLifted {
    /// It is lifted.
    Now,
    /// It was lifted before.
    Before,
    /// The seller has no such hold.
    NoSuchHold,
}

impl Journal {
    /// Writes a hold. One on all payouts is in force with that; the world is told.
    pub async fn place_seller_hold(&self, new: &NewHold) -> Result<HoldPlaced, StoreError> {
        let transaction = self.begin().await?;
        let now = self.clock().time(&transaction).await?;
        if let Some(row) = seller_holds::Entity::find_by_id(new.hold_id.as_str()).one(&transaction).await? {
            transaction.rollback().await?;
            return Ok(if asked_of(&row)? == *new { HoldPlaced::Before } else { HoldPlaced::Reused });
        }
        let row = seller_holds::ActiveModel {
            hold_id: Set(new.hold_id.to_string()),
            seller_account: Set(new.seller.to_string()),
            amount: Set(new.amount.map(to_column_amount).transpose()?),
            currency: Set(new.amount.map(|amount| amount.currency().code().to_owned())),
            reason: Set(new.reason.clone()),
            expires_at: Set(new.until.map(to_column_time)),
            placed_by: Set(new.placed_by.to_string()),
            placed_at: Set(to_column_time(now)),
            lifted_by: Set(None),
            lifted_at: Set(None),
        };
        if new.amount.is_none() {
            begin_change(&transaction, &new.seller, now).await?;
        }
        seller_holds::Entity::insert(row).exec_without_returning(&transaction).await?;
        if new.amount.is_none() {
            append_seller(&transaction, &new.seller, EventType::SellerBlocked, now).await?;
        }
        transaction.commit().await?;
        Ok(HoldPlaced::Now)
    }

    /// Writes that a hold is lifted. The amount of one was released before.
    pub async fn lift_seller_hold(
        &self,
        seller: &SellerAccount,
        hold: &HoldId,
        by: &Principal,
    ) -> Result<HoldLifted, StoreError> {
        let transaction = self.begin().await?;
        let now = self.clock().time(&transaction).await?;
        let row = seller_holds::Entity::find_by_id(hold.as_str())
            .filter(seller_holds::Column::SellerAccount.eq(seller.as_str()))
            .lock_exclusive()
            .one(&transaction)
            .await?;
        let Some(row) = row else { return Ok(HoldLifted::NoSuchHold) };
        if row.lifted_at.is_some() {
            return Ok(HoldLifted::Before);
        }
        let is_block = row.amount.is_none();
        if is_block {
            begin_change(&transaction, seller, now).await?;
        }
        let mut row = row.into_active_model();
        row.lifted_by = Set(Some(by.to_string()));
        row.lifted_at = Set(Some(to_column_time(now)));
        row.update(&transaction).await?;
        if is_block {
            append_seller(&transaction, seller, EventType::SellerUpdated, now).await?;
        }
        transaction.commit().await?;
        Ok(HoldLifted::Now)
    }
}

impl Reader {
    /// Holds on a seller, the newest first, at most a hundred.
    pub async fn seller_holds(&self, seller: &SellerAccount) -> Result<Vec<HoldRecord>, StoreError> {
        let now = self.time().await?;
        let rows = seller_holds::Entity::find()
            .filter(seller_holds::Column::SellerAccount.eq(seller.as_str()))
            .order_by_desc(seller_holds::Column::PlacedAt)
            .order_by_desc(seller_holds::Column::HoldId)
            .limit(LISTED_HOLDS)
            .all(self.connection())
            .await?;
        let ids = rows.iter().map(|row| row.hold_id.as_str());
        let reserved: HashMap<String, String> = wallet_holds::Entity::find()
            .select_only()
            .columns([wallet_holds::Column::HoldId, wallet_holds::Column::Status])
            .filter(wallet_holds::Column::HoldId.is_in(ids))
            .into_tuple::<(String, String)>()
            .all(self.connection())
            .await?
            .into_iter()
            .collect();
        rows.into_iter().map(|row| record_of(&row, reserved.get(&row.hold_id), now)).collect()
    }

    /// A hold on a seller.
    pub async fn seller_hold(&self, hold: &HoldId) -> Result<Option<HoldRecord>, StoreError> {
        let now = self.time().await?;
        let Some(row) = seller_holds::Entity::find_by_id(hold.as_str()).one(self.connection()).await? else {
            return Ok(None);
        };
        let reserved = wallet_holds::Entity::find_by_id(hold.as_str()).one(self.connection()).await?;
        record_of(&row, reserved.map(|reserved| reserved.status).as_ref(), now).map(Some)
    }
}

/// Locks the row of a seller and gives it the next version.
async fn begin_change(transaction: &Transaction, seller: &SellerAccount, now: Timestamp) -> Result<(), StoreError> {
    let row = locked_row(transaction, seller, now).await?;
    let version = to_column_revision(from_column_revision(row.version)?.saturating_add(1))?;
    let mut row = row.into_active_model();
    row.version = Set(version);
    row.updated_at = Set(to_column_time(now));
    row.update(transaction).await?;
    Ok(())
}

fn record_of(row: &seller_holds::Model, reserved: Option<&String>, now: Timestamp) -> Result<HoldRecord, StoreError> {
    let hold = asked_of(row)?;
    let reserved =
        reserved.map(|text| HoldStatus::parse(text).ok_or_else(|| corrupt("a status of a hold", text))).transpose()?;
    let is_late = hold.until.is_some_and(|until| until <= now);
    let status = if row.lifted_at.is_some() {
        SellerHoldStatus::Lifted
    } else if hold.amount.is_none() {
        if is_late { SellerHoldStatus::Expired } else { SellerHoldStatus::Active }
    } else {
        match reserved {
            None => SellerHoldStatus::Pending,
            Some(HoldStatus::Reserved) => SellerHoldStatus::Active,
            Some(HoldStatus::Released) => SellerHoldStatus::Lifted,
            Some(HoldStatus::Expired | HoldStatus::InTransit | HoldStatus::PaidOut | HoldStatus::PayoutFailed) => {
                SellerHoldStatus::Expired
            }
        }
    };
    Ok(HoldRecord {
        hold,
        status,
        placed_at: from_column_time(row.placed_at),
        lifted_at: row.lifted_at.map(from_column_time),
    })
}

fn asked_of(row: &seller_holds::Model) -> Result<NewHold, StoreError> {
    let amount = match (row.amount, &row.currency) {
        (Some(amount), Some(currency)) => Some(from_column_amount(amount, from_column_currency(currency)?)?),
        _ => None,
    };
    Ok(NewHold {
        hold_id: HoldId::parse(row.hold_id.clone()).map_err(|error| corrupt("a hold", error))?,
        seller: seller_of(row.seller_account.clone())?,
        amount,
        reason: row.reason.clone(),
        until: row.expires_at.map(from_column_time),
        placed_by: Principal::parse(&row.placed_by).map_err(|error| corrupt("a principal", error))?,
    })
}
