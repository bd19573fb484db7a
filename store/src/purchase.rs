//! Purchases that were confirmed, or reported as delivered.
//!
//! The API writes the report, which moves no money. A worker takes a report over into the date at which the order's
//! earnings are released, once the date has come. Only an order that waits for a report has no such date.

use domain::{
    Timestamp,
    calendar::PurchaseReport,
    id::{CheckoutId, PaymentOrderId},
    principal::Principal,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};

use crate::{
    Journal, StoreError, Writer,
    convert::{corrupt, from_column_time, to_column_time},
    entities::{payment_orders, purchase_confirmations},
    event::DueTime,
};

/// A report to write.
#[derive(Debug, Clone)]
pub struct ReportedPurchase<'a> {
    /// The checkout.
    pub checkout_id: &'a CheckoutId,
    /// The orders that the report is about.
    pub orders: &'a [PaymentOrderId],
    /// What is reported.
    pub report: PurchaseReport,
    /// When the earnings may be released by it.
    pub due_at: Timestamp,
    /// The author of the report.
    pub recorded_by: &'a Principal,
}

/// What was reported of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurchaseRecord {
    /// The order.
    pub payment_order_id: PaymentOrderId,
    /// When the buyer confirmed the purchase.
    pub confirmed_at: Option<Timestamp>,
    /// When the purchase was delivered.
    pub delivered_at: Option<Timestamp>,
    /// When the earnings may be released: by the date that the order has, or by the report where the order waits for
    /// one.
    pub releases_at: Timestamp,
}

impl Journal {
    /// Writes a report. The first confirmation and the first delivery stay; the earlier of their dates counts.
    pub async fn report_purchase(&self, reported: ReportedPurchase<'_>) -> Result<Vec<PurchaseRecord>, StoreError> {
        let transaction = self.begin().await?;
        let now = to_column_time(self.clock().time(&transaction).await?);
        let mut records = Vec::with_capacity(reported.orders.len());
        for order in reported.orders {
            let before =
                purchase_confirmations::Entity::find_by_id(order.as_str()).lock_exclusive().one(&transaction).await?;
            let row = next_row(before, order, &reported, now);
            let columns = [
                purchase_confirmations::Column::ConfirmedAt,
                purchase_confirmations::Column::DeliveredAt,
                purchase_confirmations::Column::DueAt,
                purchase_confirmations::Column::RecordedBy,
                purchase_confirmations::Column::RecordedAt,
                purchase_confirmations::Column::AdoptedAt,
            ];
            let dated = payment_orders::Entity::find_by_id(order.as_str()).one(&transaction).await?;
            records.push(record_of(&row, dated.and_then(|dated| dated.releases_at))?);
            let conflict =
                OnConflict::column(purchase_confirmations::Column::PaymentOrderId).update_columns(columns).to_owned();
            purchase_confirmations::Entity::insert(active(row))
                .on_conflict(conflict)
                .exec_without_returning(&transaction)
                .await?;
        }
        transaction.commit().await?;
        self.signals().due.announce(DueTime { at: reported.due_at, now: from_column_time(now) });
        Ok(records)
    }
}

fn next_row(
    before: Option<purchase_confirmations::Model>,
    order: &PaymentOrderId,
    reported: &ReportedPurchase<'_>,
    now: chrono::DateTime<chrono::Utc>,
) -> purchase_confirmations::Model {
    let due_at = to_column_time(reported.due_at);
    let (confirmed_at, delivered_at) = match reported.report {
        PurchaseReport::Confirmed(at) => (Some(to_column_time(at)), None),
        PurchaseReport::Delivered(at) => (None, Some(to_column_time(at))),
    };
    let (confirmed_before, delivered_before, due_before) =
        before.map_or((None, None, None), |row| (row.confirmed_at, row.delivered_at, Some(row.due_at)));
    let says_nothing_new = (confirmed_at.is_none() || confirmed_before.is_some())
        && (delivered_at.is_none() || delivered_before.is_some());
    let due_at = match due_before {
        Some(before) if says_nothing_new => before,
        Some(before) => before.min(due_at),
        None => due_at,
    };
    purchase_confirmations::Model {
        payment_order_id: order.to_string(),
        checkout_id: reported.checkout_id.to_string(),
        confirmed_at: confirmed_before.or(confirmed_at),
        delivered_at: delivered_before.or(delivered_at),
        due_at,
        recorded_by: reported.recorded_by.to_string(),
        recorded_at: now,
        adopted_at: None,
    }
}

fn active(row: purchase_confirmations::Model) -> purchase_confirmations::ActiveModel {
    purchase_confirmations::ActiveModel {
        payment_order_id: Set(row.payment_order_id),
        checkout_id: Set(row.checkout_id),
        confirmed_at: Set(row.confirmed_at),
        delivered_at: Set(row.delivered_at),
        due_at: Set(row.due_at),
        recorded_by: Set(row.recorded_by),
        recorded_at: Set(row.recorded_at),
        adopted_at: Set(row.adopted_at),
    }
}

fn record_of(
    row: &purchase_confirmations::Model,
    dated: Option<chrono::DateTime<chrono::Utc>>,
) -> Result<PurchaseRecord, StoreError> {
    Ok(PurchaseRecord {
        payment_order_id: PaymentOrderId::parse(row.payment_order_id.clone())
            .map_err(|error| corrupt("an order", error))?,
        confirmed_at: row.confirmed_at.map(from_column_time),
        delivered_at: row.delivered_at.map(from_column_time),
        releases_at: from_column_time(dated.unwrap_or(row.due_at)),
    })
}

/// Takes reports over whose time has come, at most `limit` of them. An order that has a date keeps it.
pub(crate) async fn adopt_reports(writer: &Writer, now: Timestamp, limit: u64) -> Result<(), StoreError> {
    use purchase_confirmations::Column;
    let due = purchase_confirmations::Entity::find()
        .filter(Column::AdoptedAt.is_null())
        .filter(Column::DueAt.lte(to_column_time(now)))
        .order_by_asc(Column::DueAt)
        .limit(limit)
        .all(writer.connection())
        .await?;
    if due.is_empty() {
        return Ok(());
    }
    let transaction = writer.begin().await?;
    for report in due {
        payment_orders::Entity::update_many()
            .col_expr(payment_orders::Column::ReleasesAt, Expr::value(Some(report.due_at)))
            .filter(payment_orders::Column::PaymentOrderId.eq(report.payment_order_id.as_str()))
            .filter(payment_orders::Column::ReleasesAt.is_null())
            .filter(payment_orders::Column::LedgerUpdated.eq(true))
            .exec(&transaction)
            .await?;
        purchase_confirmations::Entity::update_many()
            .col_expr(Column::AdoptedAt, Expr::value(Some(to_column_time(now))))
            .filter(Column::PaymentOrderId.eq(report.payment_order_id.as_str()))
            // One that was reported anew meanwhile is taken over anew.
            .filter(Column::RecordedAt.eq(report.recorded_at))
            .exec(&transaction)
            .await?;
    }
    transaction.commit().await
}
