//! Paid orders and the entries that touch them, as the open books know them.

use domain::{
    Money, Timestamp,
    checkout::Order,
    commission::OnRefund,
    id::{CheckoutId, PaymentOrderId, SellerAccount},
    ledger::{Entry, EntryError, EntryFields, OrderChange},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::{
    StoreError,
    books::{open::Books, refusal::Refusal},
    checkout::read::tax_free,
    convert::{corrupt, from_column_amount, from_column_currency},
    entities::{ledger_entries, payment_orders},
};

pub(crate) fn not_before(entry: &Entry, open_from: Option<Timestamp>) -> Result<Entry, StoreError> {
    let fields = entry.fields();
    let occurred_at = open_from.map_or(fields.occurred_at, |open_from| fields.occurred_at.max(open_from));
    Ok(Entry::try_new(EntryFields { occurred_at, ..fields.clone() }).map_err(Refusal::from)?)
}

/// Refuses an entry that takes more of an order than it has.
pub(crate) async fn check_orders(books: &mut Books<'_>, entry: &Entry) -> Result<(), StoreError> {
    books.write().await?;
    for (order, change) in entry.order_changes() {
        let row = payment_orders::Entity::find_by_id(order.as_str()).one(books.transaction).await?;
        let Some(row) = row else { return Err(Refusal::NoSuchOrder { order: order.clone() }.into()) };
        if takes_too_much(&row, change) {
            return Err(Refusal::from(EntryError::NotEnough).into());
        }
    }
    Ok(())
}

/// Whether a change takes more of an order than the order has.
pub(crate) fn takes_too_much(order: &payment_orders::Model, change: OrderChange) -> bool {
    let after = [
        order.unreleased.saturating_add(change.unreleased),
        order.commission.saturating_add(change.commission),
        order.commission_vat.saturating_add(change.commission_vat),
        order.refunded_amount.saturating_add(change.refunded),
    ];
    after.iter().any(|after| *after < 0)
}

/// An order that was paid, and what the books say of it.
pub(crate) struct PaidOrder {
    pub(crate) order: Order,
    pub(crate) checkout_id: CheckoutId,
    pub(crate) commission: Money,
    pub(crate) commission_vat: Money,
    /// What becomes of the commission when the order is refunded.
    pub(crate) on_refund: OnRefund,
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
        order: Order {
            id: id.clone(),
            seller,
            amount: from_column_amount(row.amount, currency)?,
            tax_free: tax_free(row.tax_free_amount, currency)?,
            name: row.item_name,
        },
        checkout_id,
        commission: from_column_amount(row.commission, currency)?,
        commission_vat: from_column_amount(row.commission_vat, currency)?,
        on_refund: OnRefund::parse(&row.commission_on_refund)
            .ok_or_else(|| corrupt("what becomes of a commission", &row.commission_on_refund))?,
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

/// Refuses to report a reversed entry as booked.
pub(crate) async fn refuse_reversed(books: &mut Books<'_>, key: &str) -> Result<(), StoreError> {
    if is_reversed(books, key).await? { Err(Refusal::Reversed { key: key.to_owned() }.into()) } else { Ok(()) }
}

pub(crate) async fn is_reversed(books: &mut Books<'_>, key: &str) -> Result<bool, StoreError> {
    books.write().await?;
    let reversal = ledger_entries::Entity::find().filter(ledger_entries::Column::Reverses.eq(key));
    Ok(reversal.one(books.transaction).await?.is_some())
}
