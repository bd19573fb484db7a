//! Holds: a part of a seller's money is reserved, and then captured as a payout, released, or expires.

use std::fmt;

use domain::{
    Money, Timestamp,
    id::{HoldId, SellerAccount},
    ledger::{Entry, Hold},
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait};

use super::{
    booking::{Booked, Refusal},
    books::Books,
};
use crate::{
    StoreError,
    convert::{corrupt, from_column_amount, from_column_currency, to_column_amount, to_column_time},
    entities::wallet_holds,
};

/// Where a hold stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldStatus {
    /// It holds.
    Reserved,
    /// It was let go.
    Released,
    /// Its time ran out.
    Expired,
    /// It became a payout, which is on its way.
    InTransit,
    /// The payout arrived.
    PaidOut,
    /// The payout came back.
    PayoutFailed,
}

impl HoldStatus {
    const ALL: [Self; 6] =
        [Self::Reserved, Self::Released, Self::Expired, Self::InTransit, Self::PaidOut, Self::PayoutFailed];

    /// Reads what [`Self::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// The status as the database writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "RESERVED",
            Self::Released => "RELEASED",
            Self::Expired => "EXPIRED",
            Self::InTransit => "IN_TRANSIT",
            Self::PaidOut => "PAID_OUT",
            Self::PayoutFailed => "PAYOUT_FAILED",
        }
    }
}

impl fmt::Display for HoldStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A hold as it is written.
struct Written {
    hold: Hold,
    captured: Money,
    status: HoldStatus,
    row: wallet_holds::Model,
}

pub(super) async fn reserve(
    books: &mut Books<'_>,
    hold: &Hold,
    expires_at: Option<Timestamp>,
    at: Timestamp,
) -> Result<Booked, StoreError> {
    let entry = Entry::of_hold(hold, at).map_err(Refusal::from)?;
    if let Some(written) = find(books, &hold.id).await? {
        let reused = || Refusal::KeyReused { key: entry.fields().key.clone() };
        return if written.hold == *hold { Ok(Booked::Before) } else { Err(reused().into()) };
    }
    books.check(&entry).await?;
    let row = wallet_holds::ActiveModel {
        hold_id: Set(hold.id.to_string()),
        seller_account: Set(hold.seller.to_string()),
        currency: Set(hold.amount.currency().code().to_owned()),
        amount: Set(to_column_amount(hold.amount)?),
        captured_amount: Set(0),
        status: Set(HoldStatus::Reserved.as_str().to_owned()),
        reserved_at: Set(to_column_time(at)),
        expires_at: Set(expires_at.map(to_column_time)),
    };
    wallet_holds::Entity::insert(row).exec_without_returning(books.transaction).await?;
    books.add(entry).await
}

pub(super) async fn end(
    books: &mut Books<'_>,
    id: &HoldId,
    expired: bool,
    at: Timestamp,
) -> Result<Booked, StoreError> {
    let written = existing(books, id).await?;
    let ended = if expired { HoldStatus::Expired } else { HoldStatus::Released };
    if !written.stands_at(HoldStatus::Reserved, ended)? {
        return Ok(Booked::Before);
    }
    let entry = Entry::of_hold_ended(&written.hold, expired, at).map_err(Refusal::from)?;
    written.move_to(books, ended, None, entry).await
}

pub(super) async fn capture(
    books: &mut Books<'_>,
    id: &HoldId,
    amount: Money,
    at: Timestamp,
) -> Result<Booked, StoreError> {
    let written = existing(books, id).await?;
    match written.status {
        HoldStatus::Reserved => {}
        // It was captured, whatever has become of the payout.
        HoldStatus::InTransit | HoldStatus::PaidOut | HoldStatus::PayoutFailed if written.captured == amount => {
            return Ok(Booked::Before);
        }
        HoldStatus::InTransit
        | HoldStatus::PaidOut
        | HoldStatus::PayoutFailed
        | HoldStatus::Released
        | HoldStatus::Expired => {
            return Err(Refusal::HoldEnded { hold: id.clone(), status: written.status }.into());
        }
    }
    let entry = Entry::of_hold_captured(&written.hold, amount, at).map_err(Refusal::from)?;
    written.move_to(books, HoldStatus::InTransit, Some(amount), entry).await
}

pub(super) async fn end_payout(
    books: &mut Books<'_>,
    id: &HoldId,
    arrived: bool,
    at: Timestamp,
) -> Result<Booked, StoreError> {
    let written = existing(books, id).await?;
    let ended = if arrived { HoldStatus::PaidOut } else { HoldStatus::PayoutFailed };
    if !written.stands_at(HoldStatus::InTransit, ended)? {
        return Ok(Booked::Before);
    }
    let payout = Hold { amount: written.captured, ..written.hold.clone() };
    let entry = Entry::of_payout_ended(&payout, arrived, at).map_err(Refusal::from)?;
    written.move_to(books, ended, None, entry).await
}

impl Written {
    /// Whether it stands where the change begins; not when the change was made before. Refuses elsewhere.
    fn stands_at(&self, begins: HoldStatus, ends: HoldStatus) -> Result<bool, Refusal> {
        if self.status == begins {
            return Ok(true);
        }
        if self.status == ends {
            return Ok(false);
        }
        Err(Refusal::HoldEnded { hold: self.hold.id.clone(), status: self.status })
    }

    async fn move_to(
        self,
        books: &mut Books<'_>,
        status: HoldStatus,
        captured: Option<Money>,
        entry: Entry,
    ) -> Result<Booked, StoreError> {
        if books.check(&entry).await?.is_some() {
            return Err(Refusal::KeyReused { key: entry.fields().key.clone() }.into());
        }
        let mut row: wallet_holds::ActiveModel = self.row.into();
        row.status = Set(status.as_str().to_owned());
        if let Some(captured) = captured {
            row.captured_amount = Set(to_column_amount(captured)?);
        }
        row.update(books.transaction).await?;
        books.add(entry).await
    }
}

async fn existing(books: &Books<'_>, id: &HoldId) -> Result<Written, StoreError> {
    find(books, id).await?.ok_or_else(|| Refusal::NoSuchHold { hold: id.clone() }.into())
}

async fn find(books: &Books<'_>, id: &HoldId) -> Result<Option<Written>, StoreError> {
    let Some(row) = wallet_holds::Entity::find_by_id(id.as_str()).one(books.transaction).await? else {
        return Ok(None);
    };
    let currency = from_column_currency(&row.currency)?;
    let seller = SellerAccount::parse(row.seller_account.clone()).map_err(|error| corrupt("a seller", error))?;
    let status = HoldStatus::parse(&row.status);
    Ok(Some(Written {
        hold: Hold { id: id.clone(), seller, amount: from_column_amount(row.amount, currency)? },
        captured: from_column_amount(row.captured_amount, currency)?,
        status: status.ok_or_else(|| corrupt("a status of a hold", &row.status))?,
        row,
    }))
}
