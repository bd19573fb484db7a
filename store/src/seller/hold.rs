//! Holds on sellers: an amount, which the wallet keeps back, or all payouts.
//!
//! The row says who held what back and why. An amount is reserved in the wallet under the same id, by a worker.

use std::collections::HashMap;

use domain::{
    Timestamp,
    event::EventType,
    hold::HoldStatus,
    id::{HoldId, SellerAccount},
    ledger::Hold,
    principal::Principal,
    seller::{HoldAnswer, LiftedHold, NewHold},
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};

use super::{record::seller_of, write::locked_row};
use crate::{
    Journal, Reader, StoreError, Writer,
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
    /// Writes a hold on all payouts, which is in force with that. The world is told.
    pub async fn place_seller_hold(&self, new: &NewHold) -> Result<HoldPlaced, StoreError> {
        let transaction = self.begin().await?;
        let now = self.clock().time(&transaction).await?;
        if let Some(row) = seller_holds::Entity::find_by_id(new.hold_id.as_str()).one(&transaction).await? {
            transaction.rollback().await?;
            return Ok(if asked_of(&row)? == *new { HoldPlaced::Before } else { HoldPlaced::Reused });
        }
        begin_change(&transaction, &new.seller, now).await?;
        seller_holds::Entity::insert(row_of(new, now)?).exec_without_returning(&transaction).await?;
        append_seller(&transaction, &new.seller, EventType::SellerBlocked, now).await?;
        transaction.commit().await?;
        Ok(HoldPlaced::Now)
    }

    /// Lifts a hold on all payouts.
    pub async fn lift_seller_hold(&self, lifted: &LiftedHold) -> Result<HoldLifted, StoreError> {
        let LiftedHold { hold_id, seller, lifted_by } = lifted;
        let transaction = self.begin().await?;
        let now = self.clock().time(&transaction).await?;
        let row = seller_holds::Entity::find_by_id(hold_id.as_str())
            .filter(seller_holds::Column::SellerAccount.eq(seller.as_str()))
            .filter(seller_holds::Column::Amount.is_null())
            .lock_exclusive()
            .one(&transaction)
            .await?;
        let Some(row) = row else { return Ok(HoldLifted::NoSuchHold) };
        if row.lifted_at.is_some() {
            return Ok(HoldLifted::Before);
        }
        begin_change(&transaction, seller, now).await?;
        let mut row = row.into_active_model();
        row.lifted_by = Set(Some(lifted_by.to_string()));
        row.lifted_at = Set(Some(to_column_time(now)));
        row.update(&transaction).await?;
        append_seller(&transaction, seller, EventType::SellerUpdated, now).await?;
        transaction.commit().await?;
        Ok(HoldLifted::Now)
    }
}

impl Writer {
    /// Holds an amount of what a seller has available back, and writes who did it and why. The id is the key.
    pub async fn hold_of_seller(&self, new: &NewHold, at: Timestamp) -> Result<HoldAnswer, StoreError> {
        let Some(amount) = new.amount else { return Ok(HoldAnswer::NoSuchHold) };
        let hold = Hold { id: new.hold_id.clone(), seller: new.seller.clone(), amount };
        if let Err(error) = self.reserve(&hold, new.until, at).await {
            return refused(error);
        }
        seller_holds::Entity::insert(row_of(new, at)?)
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(self.connection())
            .await?;
        Ok(HoldAnswer::Done)
    }

    /// Gives an amount that was held back free again. A hold that no principal placed, such as a payout, is none.
    pub async fn free_of_seller(&self, lifted: &LiftedHold, at: Timestamp) -> Result<HoldAnswer, StoreError> {
        let LiftedHold { hold_id, seller, lifted_by } = lifted;
        let is_placed = seller_holds::Entity::find_by_id(hold_id.as_str())
            .filter(seller_holds::Column::SellerAccount.eq(seller.as_str()))
            .filter(seller_holds::Column::Amount.is_not_null())
            .one(self.connection())
            .await?;
        if is_placed.is_none() {
            return Ok(HoldAnswer::NoSuchHold);
        }
        if let Err(error) = self.release_hold(hold_id, at).await {
            return refused(error);
        }
        seller_holds::Entity::update_many()
            .col_expr(seller_holds::Column::LiftedBy, Expr::value(lifted_by.to_string()))
            .col_expr(seller_holds::Column::LiftedAt, Expr::value(to_column_time(at)))
            .filter(seller_holds::Column::HoldId.eq(hold_id.as_str()))
            .filter(seller_holds::Column::LiftedAt.is_null())
            .exec(self.connection())
            .await?;
        Ok(HoldAnswer::Done)
    }
}

/// Lists a hold whose amount is reserved in the same transaction, so that a principal finds and lifts it.
pub(crate) async fn list_hold(transaction: &Transaction, hold: &NewHold, at: Timestamp) -> Result<(), StoreError> {
    seller_holds::Entity::insert(row_of(hold, at)?).exec_without_returning(transaction).await?;
    Ok(())
}

/// A refusal of the books is an answer; everything else is tried again.
fn refused(error: StoreError) -> Result<HoldAnswer, StoreError> {
    match error {
        StoreError::Refused(refusal) => Ok(HoldAnswer::Refused { reason: refusal.to_string() }),
        other => Err(other),
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

fn row_of(new: &NewHold, at: Timestamp) -> Result<seller_holds::ActiveModel, StoreError> {
    Ok(seller_holds::ActiveModel {
        hold_id: Set(new.hold_id.to_string()),
        seller_account: Set(new.seller.to_string()),
        amount: Set(new.amount.map(to_column_amount).transpose()?),
        currency: Set(new.amount.map(|amount| amount.currency().code().to_owned())),
        reason: Set(new.reason.clone()),
        expires_at: Set(new.until.map(to_column_time)),
        placed_by: Set(new.placed_by.to_string()),
        placed_at: Set(to_column_time(at)),
        lifted_by: Set(None),
        lifted_at: Set(None),
    })
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
