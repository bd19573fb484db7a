//! Holds, and the payouts that they become.

use std::collections::{BTreeMap, HashMap};

use domain::{
    Currency, Timestamp,
    hold::{HoldEnded, HoldEvent, HoldState, HoldStatus},
    id::{HoldId, SellerAccount},
    ledger::{Entry, Hold},
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, UpdateMany, sea_query::Expr};

use crate::{
    StoreError,
    books::{
        open::Books,
        refusal::{Booked, Refusal},
    },
    convert::{corrupt, from_column_amount, from_column_currency, to_column_amount, to_column_time},
    entities::wallet_holds,
};

/// How many holds one statement reads or writes.
const HOLDS: usize = 1_000;

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
    let row = reserved(hold, expires_at, at)?;
    wallet_holds::Entity::insert(row).exec_without_returning(books.transaction).await?;
    books.add(entry).await
}

/// Reserves under new ids, in a few statements. An id that is taken fails the transaction.
pub(crate) async fn reserve_all(books: &mut Books<'_>, holds: &[Hold], at: Timestamp) -> Result<(), StoreError> {
    let entry = |hold: &Hold| Entry::of_hold(hold, at).map_err(Refusal::from);
    let entries = holds.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    books.look_up_entries(&entries).await?;
    let mut rows = Vec::with_capacity(holds.len());
    for (hold, entry) in holds.iter().zip(entries) {
        if books.check(&entry).await?.is_some() {
            return Err(Refusal::KeyReused { key: entry.fields().key.clone() }.into());
        }
        rows.push(reserved(hold, None, at)?);
        books.add(entry).await?;
    }
    if !rows.is_empty() {
        wallet_holds::Entity::insert_many(rows).exec_without_returning(books.transaction).await?;
    }
    Ok(())
}

fn reserved(
    hold: &Hold,
    expires_at: Option<Timestamp>,
    at: Timestamp,
) -> Result<wallet_holds::ActiveModel, StoreError> {
    Ok(wallet_holds::ActiveModel {
        hold_id: Set(hold.id.to_string()),
        seller_account: Set(hold.seller.to_string()),
        currency: Set(hold.amount.currency().code().to_owned()),
        amount: Set(to_column_amount(hold.amount)?),
        captured_amount: Set(0),
        status: Set(HoldStatus::Reserved.as_str().to_owned()),
        reserved_at: Set(to_column_time(at)),
        expires_at: Set(expires_at.map(to_column_time)),
    })
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

/// What happens to a hold, one event after the other.
#[derive(Debug)]
pub(crate) struct HoldChanges {
    pub(crate) hold: HoldId,
    pub(crate) events: Vec<HoldEvent>,
}

/// Moves holds to their next statuses, in a few statements. An event that happened before changes nothing.
pub(crate) async fn change_all(
    books: &mut Books<'_>,
    changes: &[HoldChanges],
    at: Timestamp,
) -> Result<(), StoreError> {
    let mut known = HashMap::new();
    for page in changes.chunks(HOLDS) {
        let ids = page.iter().map(|change| change.hold.as_str());
        let rows = wallet_holds::Entity::find().filter(wallet_holds::Column::HoldId.is_in(ids));
        for row in rows.all(books.transaction).await? {
            let id = HoldId::parse(row.hold_id.clone()).map_err(|error| corrupt("a hold", error))?;
            known.insert(id.clone(), StoredHold::of_row(&id, row)?.state);
        }
    }
    let mut entries = Vec::new();
    let mut moved: BTreeMap<(&str, CapturedAmount), Vec<&HoldId>> = BTreeMap::new();
    for HoldChanges { hold: id, events } in changes {
        let state = known.get_mut(id).ok_or_else(|| Refusal::NoSuchHold { hold: id.clone() })?;
        let before = state.clone();
        for event in events {
            let ended = |HoldEnded(status)| Refusal::HoldEnded { hold: id.clone(), status };
            let Some(status) = state.after(*event).map_err(ended)? else { continue };
            entries.push(state.entry(*event, at).map_err(Refusal::from)?);
            state.status = status;
            match event {
                HoldEvent::Captured(captured) => state.captured = *captured,
                HoldEvent::Ended(_) | HoldEvent::PayoutEnded(_) => {}
            }
        }
        if before != *state {
            let captured = CapturedAmount::of(&before, state)?;
            moved.entry((state.status.as_str(), captured)).or_default().push(id);
        }
    }
    books.look_up_sellers(known.values().map(|state| state.hold.seller.clone()), Currency::Krw).await?;
    books.look_up_entries(&entries).await?;
    for entry in entries {
        if books.check(&entry).await?.is_some() {
            return Err(Refusal::KeyReused { key: entry.fields().key.clone() }.into());
        }
        books.add(entry).await?;
    }
    for ((status, captured), ids) in moved {
        for page in ids.chunks(HOLDS) {
            captured
                .write()
                .col_expr(wallet_holds::Column::Status, Expr::value(status))
                .filter(wallet_holds::Column::HoldId.is_in(page.iter().map(|id| id.as_str())))
                .exec(books.transaction)
                .await?;
        }
    }
    Ok(())
}

/// How the captured amount of a hold changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum CapturedAmount {
    Same,
    Whole,
    Part(i64),
}

impl CapturedAmount {
    fn of(before: &HoldState, after: &HoldState) -> Result<Self, StoreError> {
        Ok(if before.captured == after.captured {
            Self::Same
        } else if after.captured == after.hold.amount {
            Self::Whole
        } else {
            Self::Part(to_column_amount(after.captured)?)
        })
    }

    fn write(self) -> UpdateMany<wallet_holds::Entity> {
        let update = wallet_holds::Entity::update_many();
        let captured = wallet_holds::Column::CapturedAmount;
        match self {
            Self::Same => update,
            Self::Whole => update.col_expr(captured, Expr::col(wallet_holds::Column::Amount)),
            Self::Part(amount) => update.col_expr(captured, Expr::value(amount)),
        }
    }
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
    let row = wallet_holds::Entity::find_by_id(id.as_str()).one(books.transaction).await?;
    row.map(|row| StoredHold::of_row(id, row)).transpose()
}

impl StoredHold {
    fn of_row(id: &HoldId, row: wallet_holds::Model) -> Result<Self, StoreError> {
        let currency = from_column_currency(&row.currency)?;
        let seller = SellerAccount::parse(row.seller_account.clone()).map_err(|error| corrupt("a seller", error))?;
        let status = HoldStatus::parse(&row.status);
        let state = HoldState {
            hold: Hold { id: id.clone(), seller, amount: from_column_amount(row.amount, currency)? },
            captured: from_column_amount(row.captured_amount, currency)?,
            status: status.ok_or_else(|| corrupt("a status of a hold", &row.status))?,
        };
        Ok(Self { state, row })
    }
}
