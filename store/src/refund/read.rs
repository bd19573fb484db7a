//! Reading refunds.

use std::collections::HashMap;

use domain::{
    Currency, Money, Timestamp,
    failure::Failure,
    id::{CheckoutId, PaymentOrderId, RefundId, WorkflowId},
    principal::Principal,
    refund::{Part, RefundStatus},
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::{
    Reader, StoreError,
    convert::{corrupt, from_column_amount, from_column_currency, from_column_refund_status, from_column_time},
    entities::{refund_orders, refunds},
};

/// A refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundRecord {
    pub refund_id: RefundId,
    /// Its workflow.
    pub workflow_id: WorkflowId,
    pub checkout_id: CheckoutId,
    /// The one order it is of; none for the whole checkout.
    pub order: Option<PaymentOrderId>,
    /// SHA-256 of the request in lower-case hex.
    pub fingerprint: String,
    /// How much; not known yet where all that is left was asked for.
    pub amount: Option<Money>,
    pub currency: Currency,
    /// What goes back of which order, once that is known.
    pub parts: Vec<Part>,
    /// Why, for the buyer.
    pub reason: String,
    pub status: RefundStatus,
    /// Why it went wrong, if it did.
    pub failure: Option<Failure>,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When the PSP gave the money back.
    pub executed_at: Option<Timestamp>,
}

/// A refund that has not ended, with what its workflow is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostRefund {
    pub record: RefundRecord,
    /// The principal that asked for it.
    pub requested_by: Principal,
}

impl Reader {
    /// A refund.
    pub async fn refund(&self, refund: &RefundId) -> Result<Option<RefundRecord>, StoreError> {
        let rows = refunds::Entity::find_by_id(refund.as_str()).all(self.connection()).await?;
        Ok(records(self.connection(), rows).await?.pop())
    }

    /// Every refund of a checkout, in the order in which they were asked for.
    pub async fn refunds_of(&self, checkout: &CheckoutId) -> Result<Vec<RefundRecord>, StoreError> {
        refunds_in(self.connection(), checkout).await
    }

    /// The refunds that have not ended, after the one of an id, in the order of their ids.
    pub async fn unfinished_refunds(
        &self,
        after: Option<&RefundId>,
        limit: u64,
    ) -> Result<Vec<LostRefund>, StoreError> {
        let open = RefundStatus::ALL.into_iter().filter(|status| !status.is_end()).map(RefundStatus::as_str);
        let mut query = refunds::Entity::find().filter(refunds::Column::Status.is_in(open));
        if let Some(after) = after {
            query = query.filter(refunds::Column::RefundId.gt(after.as_str()));
        }
        let rows = query.order_by_asc(refunds::Column::RefundId).limit(limit).all(self.connection()).await?;
        let keys: Vec<String> = rows.iter().map(|row| row.api_key_id.clone()).collect();
        let records = records(self.connection(), rows).await?;
        let lost = records.into_iter().zip(keys).map(|(record, key)| {
            let requested_by = Principal::parse_bare(&key).map_err(|error| corrupt("a principal", error))?;
            Ok(LostRefund { record, requested_by })
        });
        lost.collect()
    }
}

/// Every refund of a checkout, in the order in which they were asked for.
pub(crate) async fn refunds_in(
    connection: &impl ConnectionTrait,
    checkout: &CheckoutId,
) -> Result<Vec<RefundRecord>, StoreError> {
    let rows = refunds::Entity::find()
        .filter(refunds::Column::CheckoutId.eq(checkout.as_str()))
        .order_by_asc(refunds::Column::RequestedAt)
        .order_by_asc(refunds::Column::RefundId)
        .all(connection)
        .await?;
    records(connection, rows).await
}

async fn records(
    connection: &impl ConnectionTrait,
    rows: Vec<refunds::Model>,
) -> Result<Vec<RefundRecord>, StoreError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let lines = refund_orders::Entity::find()
        .filter(refund_orders::Column::RefundId.is_in(rows.iter().map(|row| row.refund_id.as_str())))
        .order_by_asc(refund_orders::Column::Line)
        .all(connection)
        .await?;
    let mut parts: HashMap<String, Vec<refund_orders::Model>> = HashMap::new();
    for line in lines {
        parts.entry(line.refund_id.clone()).or_default().push(line);
    }
    rows.into_iter().map(|row| record(&parts.remove(&row.refund_id).unwrap_or_default(), row)).collect()
}

fn record(lines: &[refund_orders::Model], row: refunds::Model) -> Result<RefundRecord, StoreError> {
    let currency = from_column_currency(&row.currency)?;
    let part = |line: &refund_orders::Model| {
        let order = id(PaymentOrderId::parse(line.payment_order_id.as_str()))?;
        Ok(Part { order, amount: from_column_amount(line.amount, currency)? })
    };
    Ok(RefundRecord {
        refund_id: id(RefundId::parse(row.refund_id))?,
        workflow_id: id(WorkflowId::parse(row.workflow_id))?,
        checkout_id: id(CheckoutId::parse(row.checkout_id))?,
        order: row.payment_order_id.map(PaymentOrderId::parse).transpose().map_err(|error| corrupt("an id", error))?,
        fingerprint: row.fingerprint,
        amount: row.amount.map(|minor| from_column_amount(minor, currency)).transpose()?,
        currency,
        parts: lines.iter().map(part).collect::<Result<_, StoreError>>()?,
        reason: row.reason,
        status: from_column_refund_status(&row.status)?,
        failure: row.failure_code.zip(row.failure_message).map(|(code, message)| Failure::new(code, message)),
        requested_at: from_column_time(row.requested_at),
        executed_at: row.executed_at.map(from_column_time),
    })
}

fn id<T>(parsed: Result<T, domain::id::IdError>) -> Result<T, StoreError> {
    parsed.map_err(|error| corrupt("an id", error))
}
