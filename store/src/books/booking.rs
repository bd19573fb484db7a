//! What can be booked, and how each becomes an entry.

use domain::{
    Money, Timestamp,
    checkout::{DepositReturn, Order, Payment},
    hold::{HoldEvent, HoldStatus},
    id::{CheckoutId, HoldId, PaymentOrderId, RefundId, SellerAccount},
    ledger::{Entry, EntryError, EntryFields, Hold},
    refund::{RefundExecution, RefundFailure, RefundPromise, RefundStatus, Unrefundable},
    wallet::Overdrawn,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};

use crate::{
    Resting, StoreError,
    books::open::Books,
    checkout::{
        deposit,
        write::{NextStatus, Written, is_written, write_status},
    },
    convert::{corrupt, from_column_amount, from_column_currency, to_column_time},
    entities::{ledger_entries, payment_orders},
    hold,
    ledger::reversal,
    refund,
};

/// Whether an entry was booked now, or stands there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Booked {
    /// It was booked.
    Now,
    /// The same entry was booked before; nothing changed.
    Before,
}

/// Why something is not booked. Nothing of it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another entry stands under this key.
    #[error("another entry is booked under the key {key}")]
    KeyReused {
        /// The key.
        key: String,
    },
    /// It happened on a day that is closed.
    #[error("{key} happened on a day that is closed; date it to an open day")]
    DayClosed {
        /// The key of the entry.
        key: String,
    },
    /// A part of a wallet would fall below zero.
    #[error(transparent)]
    Overdrawn(#[from] Overdrawn),
    /// It makes no entry.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// Nothing is booked under this key.
    #[error("nothing is booked under the key {key}")]
    NoSuchEntry {
        /// The key.
        key: String,
    },
    /// It was booked and taken back: ask again under another key.
    #[error("{key} was reversed; ask again under another key")]
    Reversed {
        /// The key.
        key: String,
    },
    /// A status rests on it, which would be untrue without it.
    #[error("{resting} because of {key}; {instead}")]
    StatusRests {
        /// What was to be reversed.
        key: String,
        /// What rests on it.
        resting: Resting,
        /// What is to be done in its place.
        instead: &'static str,
    },
    /// What was released in its time would be released again at once.
    #[error("the time of order {order} has come: what is taken back would be released again at once")]
    ReleaseDue {
        /// The order.
        order: PaymentOrderId,
    },
    /// No such order was ever paid.
    #[error("no order {order} is paid")]
    NoSuchOrder {
        /// Its id.
        order: PaymentOrderId,
    },
    /// More would be given back than was paid, or nothing.
    #[error(transparent)]
    Unrefundable(#[from] Unrefundable),
    /// No such refund was recorded.
    #[error("there is no refund {refund}")]
    NoSuchRefund {
        /// Its id.
        refund: RefundId,
    },
    /// The refund has come to another end, or is not promised.
    #[error("refund {refund} is {status}")]
    RefundEnded {
        /// Its id.
        refund: RefundId,
        /// Where it stands.
        status: RefundStatus,
    },
    /// No such hold.
    #[error("there is no hold {hold}")]
    NoSuchHold {
        /// Its id.
        hold: HoldId,
    },
    /// The hold, or the payout it became, has come to another end.
    #[error("hold {hold} is {status} already")]
    HoldEnded {
        /// Its id.
        hold: HoldId,
        /// Where it stands.
        status: HoldStatus,
    },
}

/// Something to book.
#[derive(Debug, Clone)]
pub(crate) enum Booking {
    Payment { payment: Box<Payment>, releases_at: Option<Timestamp> },
    DepositReturn(Box<DepositReturn>),
    Entry(Entry),
    Reversal { key: String, at: Timestamp },
    Release { order: PaymentOrderId, at: Timestamp },
    RefundPromise(RefundPromise),
    RefundExecution(RefundExecution),
    RefundFailure(RefundFailure),
    Hold { hold: Hold, expires_at: Option<Timestamp>, at: Timestamp },
    HoldChange { hold: HoldId, event: HoldEvent, at: Timestamp },
    Closing { before: Timestamp },
}

impl Booking {
    /// The entry, where it is known beforehand.
    pub(crate) fn entry(&self) -> Option<&Entry> {
        match self {
            Self::Payment { payment, .. } => Some(&payment.entry),
            Self::Entry(entry) => Some(entry),
            Self::DepositReturn(_)
            | Self::Reversal { .. }
            | Self::Release { .. }
            | Self::RefundPromise(_)
            | Self::RefundExecution(_)
            | Self::RefundFailure(_)
            | Self::Hold { .. }
            | Self::HoldChange { .. }
            | Self::Closing { .. } => None,
        }
    }

    /// About how many postings it makes.
    pub(crate) fn postings(&self) -> usize {
        self.entry().map_or(4, |entry| entry.fields().postings.len())
    }

    /// Adds it to the books, or refuses before anything of it is written.
    pub(crate) async fn carry_out(&self, books: &mut Books<'_>) -> Result<Booked, StoreError> {
        match self {
            Self::Payment { payment, releases_at } => book_payment(books, payment, *releases_at).await,
            Self::DepositReturn(returned) => deposit::take_back(books, returned).await,
            Self::Entry(entry) => books.book(entry.clone()).await,
            Self::Reversal { key, at } => reverse(books, key, *at).await,
            Self::Release { order, at } => release(books, order, *at).await,
            Self::RefundPromise(promise) => refund::write::promise(books, promise).await,
            Self::RefundExecution(execution) => refund::write::execute(books, execution).await,
            Self::RefundFailure(failed) => refund::write::fail(books, failed).await,
            Self::Hold { hold, expires_at, at } => hold::write::reserve(books, hold, *expires_at, *at).await,
            Self::HoldChange { hold, event, at } => hold::write::change(books, hold, *event, *at).await,
            Self::Closing { before } => {
                books.close_before(*before);
                Ok(Booked::Now)
            }
        }
    }
}

/// The entry, the checkout's status with its line of history, and the orders, all or nothing. Money that was captured is
/// booked whatever day is closed: on the first open one, and the PSP's own time stays with the checkout.
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
        Written::Now => {}
        Written::Before => return Ok(Booked::Before),
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
    books.announce(change).await?;
    books.add(entry).await
}

pub(crate) fn not_before(entry: &Entry, open_from: Option<Timestamp>) -> Result<Entry, StoreError> {
    let fields = entry.fields();
    let occurred_at = open_from.map_or(fields.occurred_at, |open_from| fields.occurred_at.max(open_from));
    Ok(Entry::try_new(EntryFields { occurred_at, ..fields.clone() }).map_err(Refusal::from)?)
}

async fn reverse(books: &mut Books<'_>, key: &str, at: Timestamp) -> Result<Booked, StoreError> {
    let mistake = books.find(key).await?.ok_or_else(|| Refusal::NoSuchEntry { key: key.to_owned() })?;
    let reversal = Entry::of_reversal(&mistake, at).map_err(Refusal::from)?;
    if books.find(&reversal.fields().key).await?.is_some() {
        return Ok(Booked::Before);
    }
    // What this transaction has booked before may have moved the status.
    books.write().await?;
    let resting = reversal::resting_on(&mistake, books.transaction).await?;
    reversal::check(&mistake, resting.as_ref())?;
    if let Some(refusal) = reversal::release_due(&mistake, books.now(), books.transaction).await? {
        return Err(refusal.into());
    }
    check_orders(books, &reversal).await?;
    books.book(reversal).await
}

/// Refuses an entry that takes more of an order than it has.
pub(crate) async fn check_orders(books: &mut Books<'_>, entry: &Entry) -> Result<(), StoreError> {
    books.write().await?;
    for (order, change) in entry.order_changes() {
        let row = payment_orders::Entity::find_by_id(order.as_str()).one(books.transaction).await?;
        let Some(row) = row else { return Err(Refusal::NoSuchOrder { order: order.clone() }.into()) };
        if reversal::takes_too_much(&row, change) {
            return Err(Refusal::from(EntryError::NotEnough).into());
        }
    }
    Ok(())
}

/// An order that was paid, and what the books say of it.
pub(crate) struct PaidOrder {
    pub(crate) order: Order,
    pub(crate) checkout_id: CheckoutId,
    pub(crate) commission: Money,
    pub(crate) unreleased: Money,
    pub(crate) refunded: Money,
}

pub(crate) async fn paid_order(books: &mut Books<'_>, id: &PaymentOrderId) -> Result<PaidOrder, StoreError> {
    books.write().await?;
    let row = payment_orders::Entity::find_by_id(id.as_str())
        .filter(payment_orders::Column::LedgerUpdated.eq(true))
        .one(books.transaction)
        .await?
        .ok_or_else(|| Refusal::NoSuchOrder { order: id.clone() })?;
    let checkout_id = CheckoutId::parse(row.checkout_id).map_err(|error| corrupt("a checkout", error))?;
    if !is_captured(books, &checkout_id).await? {
        return Err(Refusal::NoSuchOrder { order: id.clone() }.into());
    }
    let currency = from_column_currency(&row.currency)?;
    let seller = SellerAccount::parse(row.seller_account).map_err(|error| corrupt("a seller", error))?;
    Ok(PaidOrder {
        order: Order { id: id.clone(), seller, amount: from_column_amount(row.amount, currency)? },
        checkout_id,
        commission: from_column_amount(row.commission, currency)?,
        unreleased: from_column_amount(row.unreleased, currency)?,
        refunded: from_column_amount(row.refunded_amount, currency)?,
    })
}

/// Whether a capture of the checkout stands: the first, or where that was taken back a later one.
async fn is_captured(books: &mut Books<'_>, checkout_id: &CheckoutId) -> Result<bool, StoreError> {
    for round in 1.. {
        let captured = Entry::capture_key(checkout_id, round);
        if !is_reversed(books, &captured).await? {
            return Ok(round == 1 || books.find(&captured).await?.is_some());
        }
    }
    Ok(false)
}

async fn release(books: &mut Books<'_>, order: &PaymentOrderId, at: Timestamp) -> Result<Booked, StoreError> {
    let paid = paid_order(books, order).await?;
    if paid.unreleased.is_zero() {
        return Ok(Booked::Before);
    }
    let wallet = books.wallet(&paid.order.seller, paid.unreleased.currency()).await?;
    // A refund that was taken back after a release leaves something to release again.
    for round in 1.. {
        let of = (&paid.order.seller, order, round);
        let entry = Entry::of_release(of, &paid.checkout_id, paid.unreleased, &wallet, at).map_err(Refusal::from)?;
        if books.find(&entry.fields().key).await?.is_none() {
            return books.book(entry).await;
        }
    }
    Ok(Booked::Before)
}

/// Refuses to report a reversed entry as booked.
pub(crate) async fn refuse_reversed(books: &mut Books<'_>, key: &str) -> Result<(), StoreError> {
    if is_reversed(books, key).await? { Err(Refusal::Reversed { key: key.to_owned() }.into()) } else { Ok(()) }
}

pub(crate) async fn is_reversed(books: &mut Books<'_>, key: &str) -> Result<bool, StoreError> {
    books.write().await?;
    let reversal = ledger_entries::Entity::find().filter(ledger_entries::Column::Reverses.eq(key));
    Ok(reversal.one(books.transaction).await?.is_some())
}
