//! A deposit that the bank took back after it was booked.

use domain::{
    charge::VIRTUAL_ACCOUNT,
    checkout::{Change, DepositReturn},
    ledger::Entry,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};

use crate::{
    StoreError,
    books::{
        open::Books,
        order::{check_orders, not_before},
        refusal::{Booked, Refusal},
    },
    cash_receipt::{self, CashLike},
    checkout::status::{NextStatus, WriteResult, is_written, set_account, write_status},
    entities::{payment_events, payment_orders},
};

pub(crate) async fn take_back(books: &mut Books<'_>, returned: &DepositReturn) -> Result<Booked, StoreError> {
    let DepositReturn { change, key } = returned;
    if is_written(books.transaction, change).await? {
        return Ok(Booked::Before);
    }
    let captured = books.find(key).await?.ok_or_else(|| Refusal::NoSuchEntry { key: key.clone() })?;
    let reversal = Entry::of_reversal(&captured, change.occurred_at).map_err(Refusal::from)?;
    let reversal = not_before(&reversal, books.open_from())?;
    check_orders(books, &reversal).await?;
    if books.check(&reversal).await?.is_some() {
        return Err(Refusal::Reversed { key: key.clone() }.into());
    }
    match write_status(books.transaction, NextStatus::of(change)).await? {
        WriteResult::Now => {}
        WriteResult::Before => return Ok(Booked::Before),
    }
    set_account(books.transaction, change).await?;
    forget_payment(books, change).await?;
    // A deposit is always paid like cash.
    let like = CashLike { method: Some(VIRTUAL_ACCOUNT), has_receipt: false };
    cash_receipt::follow(books.transaction, &change.checkout_id, like, books.now()).await?;
    books.announce(change).await?;
    books.add(reversal).await
}

async fn forget_payment(books: &Books<'_>, change: &Change) -> Result<(), StoreError> {
    let never = Expr::value(Option::<chrono::DateTime<chrono::Utc>>::None);
    payment_orders::Entity::update_many()
        .col_expr(payment_orders::Column::PaymentOrderStatus, Expr::value(change.status.as_str()))
        .col_expr(payment_orders::Column::WalletUpdated, Expr::value(false))
        .col_expr(payment_orders::Column::LedgerUpdated, Expr::value(false))
        .col_expr(payment_orders::Column::ReleasesAt, never.clone())
        .col_expr(payment_orders::Column::DepositSeenAt, never.clone())
        .filter(payment_orders::Column::CheckoutId.eq(change.checkout_id.as_str()))
        .exec(books.transaction)
        .await?;
    payment_events::Entity::update_many()
        .col_expr(payment_events::Column::PspApprovedAt, never)
        .col_expr(payment_events::Column::PspReceiptUrl, Expr::value(Option::<String>::None))
        .filter(payment_events::Column::CheckoutId.eq(change.checkout_id.as_str()))
        .exec(books.transaction)
        .await?;
    Ok(())
}
