//! Holds, and the payouts that they become.

use domain::{
    Timestamp,
    hold::{HoldEnded, HoldEvent, HoldState, HoldStatus},
    id::{HoldId, SellerAccount},
    ledger::{Entry, Hold},
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait};

use crate::{
    StoreError,
    books::{
        open::Books,
        refusal::{Booked, Refusal},
    },
    convert::{corrupt, from_column_amount, from_column_currency, to_column_amount, to_column_time},
    entities::wallet_holds,
};

pub(crate) async fn reserve(
    books: &mut Books<'_>,
    hold: &Hold,
    expires_at: Option<Timestamp>,
    at: Timestamp,
) -> Result<Booked, StoreError> {
    let entry = Entry::of_hold(hold, at).map_err(Refusal::from)?;
    if let Some(written) = find(books, &hold.id).await? {
        let reused = || Refusal::KeyReused { key: entry.fields().key.clone() };
        return if written.state.hold == *hold { Ok(Booked::Before) } else { Err(reused().into()) };
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

/// Moves a hold, or the payout that it became, to its next status.
pub(crate) async fn change(
    books: &mut Books<'_>,
    id: &HoldId,
    event: HoldEvent,
    at: Timestamp,
) -> Result<Booked, StoreError> {
    let StoredHold { state, row } = existing(books, id).await?;
    let ended = |HoldEnded(status)| Refusal::HoldEnded { hold: id.clone(), status };
    let Some(status) = state.after(event).map_err(ended)? else { return Ok(Booked::Before) };
    let entry = state.entry(event, at).map_err(Refusal::from)?;
    if books.check(&entry).await?.is_some() {
        return Err(Refusal::KeyReused { key: entry.fields().key.clone() }.into());
    }
    let mut row: wallet_holds::ActiveModel = row.into();
    row.status = Set(status.as_str().to_owned());
    match event {
        HoldEvent::Captured(captured) => row.captured_amount = Set(to_column_amount(captured)?),
        HoldEvent::Ended(_) | HoldEvent::PayoutEnded(_) => {}
    }
    row.update(books.transaction).await?;
    books.add(entry).await
}

/// A hold as it is written.
struct StoredHold {
    state: HoldState,
    row: wallet_holds::Model,
}

async fn existing(books: &Books<'_>, id: &HoldId) -> Result<StoredHold, StoreError> {
    find(books, id).await?.ok_or_else(|| Refusal::NoSuchHold { hold: id.clone() }.into())
}

async fn find(books: &Books<'_>, id: &HoldId) -> Result<Option<StoredHold>, StoreError> {
    let Some(row) = wallet_holds::Entity::find_by_id(id.as_str()).one(books.transaction).await? else {
        return Ok(None);
    };
    let currency = from_column_currency(&row.currency)?;
    let seller = SellerAccount::parse(row.seller_account.clone()).map_err(|error| corrupt("a seller", error))?;
    let status = HoldStatus::parse(&row.status);
    let state = HoldState {
        hold: Hold { id: id.clone(), seller, amount: from_column_amount(row.amount, currency)? },
        captured: from_column_amount(row.captured_amount, currency)?,
        status: status.ok_or_else(|| corrupt("a status of a hold", &row.status))?,
    };
    Ok(Some(StoredHold { state, row }))
}
