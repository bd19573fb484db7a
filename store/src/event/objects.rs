//! The objects of events as they are now, in the transaction that changed them.
//!
//! A receiver anywhere reads these texts and keeps them, and nothing can be erased from an append-only log. So they
//! hold ids, amounts, statuses, codes and times. They leave out what may say something of a person: the buyer's id,
//! order name, metadata, reasons, messages, account numbers, names and the address of the receipt.

mod reconciliation;
mod saved_card;
mod seller;

use std::collections::HashMap;

use domain::{
    Timestamp,
    charge::VIRTUAL_ACCOUNT,
    checkout::{Change, NewCheckout, Order, Status},
    dead_letter::LetterStatus,
    event::{BEGAN, ENDED, Event, EventData, EventType},
    id::{DeadLetterId, RefundId},
    refund::RefundStatus,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::Serialize;

pub(crate) use saved_card::append_saved_card;
pub(crate) use seller::append_seller;

use super::{
    append, append_all,
    data::{clipped, data_of, json, rfc3339},
};
use crate::{
    StoreError,
    convert::{corrupt, from_column_amount, from_column_currency, from_column_status, to_column_time},
    entities::{dead_letters, payment_events, payment_orders, refund_orders, refunds},
    transaction::Transaction,
};

pub(crate) use reconciliation::{ObjectFact, append_break, append_object};

/// The PSP's name.
const PSP_NAME: &str = "toss";

#[derive(Debug, Serialize)]
struct Checkout {
    checkout_id: String,
    status: &'static str,
    amount: String,
    currency: &'static str,
    is_payment_done: bool,
    created_at: String,
    expires_at: String,
    payment_order_count: usize,
    /// Absent where the orders would make the event too large.
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_orders: Option<Vec<PaymentOrder>>,
    /// Whether the orders are left out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    payment_orders_omitted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    psp: Option<Psp>,
}

#[derive(Debug, Serialize)]
struct PaymentOrder {
    payment_order_id: String,
    seller_account: String,
    amount: String,
    currency: &'static str,
    payment_order_status: &'static str,
    wallet_updated: bool,
    ledger_updated: bool,
    refunded_amount: String,
}

#[derive(Debug, Serialize)]
struct Failure {
    code: String,
    /// Whether the checkout takes another payment.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    retryable: bool,
}

#[derive(Debug, Serialize)]
struct Psp {
    name: &'static str,
    method: Option<String>,
    approved_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    virtual_account: Option<VirtualAccount>,
}

#[derive(Debug, Serialize)]
struct VirtualAccount {
    bank: String,
    due_date: Option<String>,
}

#[derive(Debug, Serialize)]
struct Refund {
    refund_id: String,
    checkout_id: String,
    status: String,
    amount: Option<String>,
    currency: &'static str,
    order_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    orders: Option<Vec<RefundOrder>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    orders_omitted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    requested_at: String,
    executed_at: Option<String>,
}

#[derive(Debug, Serialize)]
struct RefundOrder {
    payment_order_id: String,
    amount: String,
}

#[derive(Debug, Serialize)]
struct DeadLetter {
    dead_letter_id: String,
    status: String,
    checkout_id: Option<String>,
    workflow_type: String,
    workflow_id: String,
    step: String,
    code: String,
    created_at: String,
}

/// The event of a new checkout.
pub(crate) fn created(new: &NewCheckout) -> Result<Event, StoreError> {
    let plan = &new.plan;
    let order = |order: &Order| PaymentOrder {
        payment_order_id: order.id.to_string(),
        seller_account: order.seller.to_string(),
        amount: order.amount.to_decimal_string(),
        currency: order.amount.currency().code(),
        payment_order_status: Status::NotStarted.as_str(),
        wallet_updated: false,
        ledger_updated: false,
        refunded_amount: domain::Money::zero(order.amount.currency()).to_decimal_string(),
    };
    let data = Checkout {
        checkout_id: plan.checkout_id().to_string(),
        status: Status::NotStarted.as_str(),
        amount: plan.total().to_decimal_string(),
        currency: plan.total().currency().code(),
        is_payment_done: false,
        created_at: rfc3339(to_column_time(new.created_at)),
        expires_at: rfc3339(to_column_time(new.expires_at)),
        payment_order_count: plan.orders().len(),
        payment_orders: Some(plan.orders().iter().map(order).collect()),
        payment_orders_omitted: false,
        failure: None,
        psp: None,
    };
    let recording = new.recording();
    Ok(Event {
        event_type: EventType::CheckoutCreated,
        object_id: recording.checkout_id.to_string(),
        version: recording.revision,
        occurred_at: recording.occurred_at,
        data: data.fitted()?,
    })
}

/// Appends what changes of checkouts tell. Each is the last change of its checkout, and stands in the rows with all
/// that belongs to it.
pub(crate) async fn append_checkouts(transaction: &Transaction, changes: &[&Change]) -> Result<(), StoreError> {
    let told = changes.iter().filter_map(|change| Some((EventType::of_checkout(change.status)?, *change)));
    let told: Vec<(EventType, &Change)> = told.collect();
    if told.is_empty() {
        return Ok(());
    }
    let ids = || told.iter().map(|(_, change)| change.checkout_id.as_str());
    let rows =
        payment_events::Entity::find().filter(payment_events::Column::CheckoutId.is_in(ids())).all(transaction).await?;
    let mut checkouts: HashMap<String, payment_events::Model> =
        rows.into_iter().map(|row| (row.checkout_id.clone(), row)).collect();
    let lines = payment_orders::Entity::find()
        .filter(payment_orders::Column::CheckoutId.is_in(ids()))
        .order_by_asc(payment_orders::Column::Line)
        .all(transaction)
        .await?;
    let mut orders: HashMap<String, Vec<payment_orders::Model>> = HashMap::new();
    for line in lines {
        orders.entry(line.checkout_id.clone()).or_default().push(line);
    }
    let mut events = Vec::with_capacity(told.len());
    for (event_type, change) in told {
        let id = change.checkout_id.as_str();
        let row = checkouts.remove(id).ok_or_else(|| corrupt("no checkout of an event", id))?;
        let data = Checkout::of(&row, &orders.remove(id).unwrap_or_default(), change)?.fitted()?;
        events.push(Event {
            event_type,
            object_id: id.to_owned(),
            version: change.revision,
            occurred_at: change.occurred_at,
            data,
        });
    }
    append_all(transaction, events).await
}

impl Checkout {
    fn of(row: &payment_events::Model, orders: &[payment_orders::Model], change: &Change) -> Result<Self, StoreError> {
        let currency = from_column_currency(&row.currency)?;
        let order = |row: &payment_orders::Model| {
            Ok(PaymentOrder {
                payment_order_id: row.payment_order_id.clone(),
                seller_account: row.seller_account.clone(),
                amount: from_column_amount(row.amount, currency)?.to_decimal_string(),
                currency: currency.code(),
                payment_order_status: from_column_status(&row.payment_order_status)?.as_str(),
                wallet_updated: row.wallet_updated,
                ledger_updated: row.ledger_updated,
                refunded_amount: from_column_amount(row.refunded_amount, currency)?.to_decimal_string(),
            })
        };
        let is_open = to_column_time(change.occurred_at) < row.expires_at;
        let failure = row.failure_code.as_deref().map(|code| Failure {
            code: clipped(code),
            retryable: change.status == Status::Failed && row.failure_retryable && is_open,
        });
        Ok(Self {
            checkout_id: row.checkout_id.clone(),
            status: change.status.as_str(),
            amount: from_column_amount(row.amount, currency)?.to_decimal_string(),
            currency: currency.code(),
            is_payment_done: row.is_payment_done,
            created_at: rfc3339(row.created_at),
            expires_at: rfc3339(row.account_due_at.unwrap_or(row.expires_at)),
            payment_order_count: orders.len(),
            payment_orders: Some(orders.iter().map(order).collect::<Result<_, StoreError>>()?),
            payment_orders_omitted: false,
            failure,
            psp: row.payment_key.as_ref().map(|_| Psp::of(row)),
        })
    }

    /// The checkout with its orders, or without them where they would make the event too large.
    fn fitted(mut self) -> Result<EventData, StoreError> {
        if let Ok(data) = EventData::try_new(json(&self)?) {
            return Ok(data);
        }
        self.payment_orders = None;
        self.payment_orders_omitted = true;
        data_of(&self)
    }
}

impl Psp {
    fn of(row: &payment_events::Model) -> Self {
        let account = row
            .account_bank
            .as_deref()
            .map(|bank| VirtualAccount { bank: clipped(bank), due_date: row.account_due_at.map(rfc3339) });
        let opened = account.as_ref().map(|_| VIRTUAL_ACCOUNT);
        Self {
            name: PSP_NAME,
            method: row.psp_method.as_deref().or(opened).map(clipped),
            approved_at: row.psp_approved_at.map(rfc3339),
            virtual_account: account,
        }
    }
}

/// Appends what a refund's change to a status tells, if that is anything. The row has the status already.
pub(crate) async fn append_refund(
    transaction: &Transaction,
    refund: &RefundId,
    status: RefundStatus,
    at: Timestamp,
) -> Result<(), StoreError> {
    let Some(event_type) = EventType::of_refund(status) else { return Ok(()) };
    let row = refunds::Entity::find_by_id(refund.as_str()).one(transaction).await?;
    let row = row.ok_or_else(|| corrupt("no refund of an event", refund))?;
    let currency = from_column_currency(&row.currency)?;
    let lines = refund_orders::Entity::find()
        .filter(refund_orders::Column::RefundId.eq(refund.as_str()))
        .order_by_asc(refund_orders::Column::Line)
        .all(transaction)
        .await?;
    let order = |line: &refund_orders::Model| {
        let amount = from_column_amount(line.amount, currency)?.to_decimal_string();
        Ok(RefundOrder { payment_order_id: line.payment_order_id.clone(), amount })
    };
    let amount = row.amount.map(|minor| from_column_amount(minor, currency)).transpose()?;
    let mut data = Refund {
        refund_id: row.refund_id,
        checkout_id: row.checkout_id,
        status: row.status,
        amount: amount.map(|amount| amount.to_decimal_string()),
        currency: currency.code(),
        order_count: lines.len(),
        orders: Some(lines.iter().map(order).collect::<Result<_, StoreError>>()?),
        orders_omitted: false,
        failure: row.failure_code.as_deref().map(|code| Failure { code: clipped(code), retryable: false }),
        requested_at: rfc3339(row.requested_at),
        executed_at: row.executed_at.map(rfc3339),
    };
    if EventData::try_new(json(&data)?).is_err() {
        data.orders = None;
        data.orders_omitted = true;
    }
    let event = Event {
        event_type,
        object_id: refund.to_string(),
        version: if status.is_end() { ENDED } else { BEGAN },
        occurred_at: at,
        data: data_of(&data)?,
    };
    append(transaction, event).await
}

/// Appends what a dead letter's change to a status tells, if that is anything. The row has the status already.
pub(crate) async fn append_letter(
    transaction: &Transaction,
    letter: &DeadLetterId,
    status: LetterStatus,
    at: Timestamp,
) -> Result<(), StoreError> {
    let Some(event_type) = EventType::of_letter(status) else { return Ok(()) };
    let row = dead_letters::Entity::find_by_id(letter.as_str()).one(transaction).await?;
    let row = row.ok_or_else(|| corrupt("no dead letter of an event", letter))?;
    let data = DeadLetter {
        dead_letter_id: row.letter_id,
        status: row.status,
        checkout_id: row.checkout_id,
        workflow_type: row.workflow_type,
        workflow_id: row.workflow_id,
        step: row.step,
        code: clipped(&row.code),
        created_at: rfc3339(row.created_at),
    };
    let event = Event {
        event_type,
        object_id: letter.to_string(),
        version: if status.is_end() { ENDED } else { BEGAN },
        occurred_at: at,
        data: data_of(&data)?,
    };
    append(transaction, event).await
}
