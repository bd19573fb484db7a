//! How each booking becomes an entry.

use domain::{
    Timestamp,
    checkout::Payment,
    id::PaymentOrderId,
    ledger::{Entry, Release},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};

use crate::{
    StoreError,
    books::{
        booking::Booking,
        open::Books,
        order::{check_orders, not_before, paid_order},
        refusal::{Booked, Principals, Refusal},
    },
    breaks,
    cash_receipt::{self, CashLike},
    checkout::{
        deposit_return,
        status::{NextStatus, WriteResult, is_written, write_status},
    },
    convert::to_column_time,
    entities::payment_orders,
    hold,
    ledger::reversal,
    reconciliation, refund, settlement,
};

impl Booking {
    /// Adds it to the books, or refuses before anything of it is written.
    pub(crate) async fn carry_out(&self, books: &mut Books<'_>) -> Result<Booked, StoreError> {
        match self {
            Self::Payment { payment, releases_at } => book_payment(books, payment, *releases_at).await,
            Self::DepositReturn(returned) => deposit_return::take_back(books, returned).await,
            Self::Entry(entry) => books.book(entry.clone()).await,
            Self::Reversal { key, at } => reverse(books, key, *at, Principals::One).await,
            Self::Release { order, at } => release(books, order, *at).await,
            Self::RefundPromise(promise) => refund::book::promise(books, promise).await,
            Self::RefundExecution(execution) => refund::book::execute(books, execution).await,
            Self::RefundFailure(failed) => refund::book::fail(books, failed).await,
            Self::Hold { hold, expires_at, at } => hold::write::reserve(books, hold, *expires_at, *at).await,
            Self::HoldChange { hold, event, at } => hold::write::change(books, hold, *event, *at).await,
            Self::Settlements(bookings) => settlement::book(books, bookings).await,
            Self::BreakAct(request) => breaks::carry_out(books, request).await,
            Self::Conclusion(conclusion) => reconciliation::conclude(books, conclusion).await,
            Self::Closing { before } => {
                books.close_before(*before);
                Ok(Booked::Now)
            }
        }
    }
}

/// The entry, the checkout's status with its line of history, and the orders, all or nothing. Money that was captured
/// is booked whatever day is closed: on the first open one, and the PSP's own time stays with the checkout.
async fn book_payment(
    books: &mut Books<'_>,
    payment: &Payment,
    releases_at: Option<Timestamp>,
) -> Result<Booked, StoreError> {
    let change = &payment.change;
    if is_written(books.transaction, change).await? {
        return Ok(Booked::Before);
    }
    let entry = not_before(&payment.entry, books.open_from())?;
    if books.check(&entry).await?.is_some() {
        return Err(Refusal::KeyReused { key: entry.fields().key.clone() }.into());
    }
    match write_status(books.transaction, NextStatus::of_payment(payment)).await? {
        WriteResult::Now => {}
        WriteResult::Before => return Ok(Booked::Before),
    }
    // The PSP's answer that the deposit is booked on is the first that says that it holds the deposit.
    let deposit_seen_at = payment.is_watched.then_some(change.occurred_at);
    payment_orders::Entity::update_many()
        .col_expr(payment_orders::Column::PaymentOrderStatus, Expr::value(change.status.as_str()))
        .col_expr(payment_orders::Column::WalletUpdated, Expr::value(true))
        .col_expr(payment_orders::Column::LedgerUpdated, Expr::value(true))
        .col_expr(payment_orders::Column::ReleasesAt, Expr::value(releases_at.map(to_column_time)))
        .col_expr(payment_orders::Column::DepositSeenAt, Expr::value(deposit_seen_at.map(to_column_time)))
        .filter(payment_orders::Column::CheckoutId.eq(change.checkout_id.as_str()))
        .exec(books.transaction)
        .await?;
    let like =
        CashLike { method: payment.method.as_deref(), has_receipt: payment.receipt_numbers.cash_receipt.is_some() };
    cash_receipt::follow(books.transaction, &change.checkout_id, like, books.now()).await?;
    books.announce(change).await?;
    books.add(entry).await
}

/// Takes back the entry under a key.
pub(crate) async fn reverse(
    books: &mut Books<'_>,
    key: &str,
    at: Timestamp,
    by: Principals,
) -> Result<Booked, StoreError> {
    let mistake = books.find(key).await?.ok_or_else(|| Refusal::NoSuchEntry { key: key.to_owned() })?;
    let reversal = Entry::of_reversal(&mistake, at).map_err(Refusal::from)?;
    if books.find(&reversal.fields().key).await?.is_some() {
        return Ok(Booked::Before);
    }
    // What this transaction has booked before may have moved the status.
    books.write().await?;
    let resting = reversal::resting_on(&mistake, books.now(), books.transaction).await?;
    reversal::check(&mistake, resting.as_ref(), by)?;
    if let Some(refusal) = reversal::release_due(&mistake, books.now(), books.transaction).await? {
        return Err(refusal.into());
    }
    check_orders(books, &reversal).await?;
    let other = other_half(books, &mistake).await?;
    let other = other.map(|other| Entry::of_reversal(&other, at)).transpose().map_err(Refusal::from)?;
    // Both halves may be booked, or neither is.
    if let Some(other) = &other {
        books.check(other).await?;
    }
    let booked = books.book(reversal).await?;
    if let Some(other) = other {
        books.book(other).await?;
    }
    Ok(booked)
}

/// The other entry of a settlement row that the PSP exchanged.
pub(crate) async fn other_half(books: &mut Books<'_>, half: &Entry) -> Result<Option<Entry>, StoreError> {
    match half.other_half() {
        Some(key) => books.find(&key).await,
        None => Ok(None),
    }
}

async fn release(books: &mut Books<'_>, order: &PaymentOrderId, at: Timestamp) -> Result<Booked, StoreError> {
    let paid = paid_order(books, order).await?;
    if paid.unreleased.is_zero() {
        return Ok(Booked::Before);
    }
    let wallet = books.wallet(&paid.order.seller, paid.unreleased.currency()).await?;
    // A refund that was taken back after a release leaves something to release again.
    for round in 1.. {
        let release = Release {
            seller: &paid.order.seller,
            order,
            checkout_id: &paid.checkout_id,
            round,
            amount: paid.unreleased,
            debt: wallet.debt,
            released_at: at,
        };
        let entry = Entry::of_release(&release).map_err(Refusal::from)?;
        if books.find(&entry.fields().key).await?.is_none() {
            return books.book(entry).await;
        }
    }
    Ok(Booked::Before)
}
