//! Breaks, runs and settlements as events show them. No subject: the name of an order is the marketplace's own.

use domain::{
    Timestamp,
    event::{Event, EventType},
    reconciliation::BreakType,
};
use sea_orm::EntityTrait;
use serde::Serialize;

use crate::{
    StoreError,
    convert::{corrupt, from_column_currency},
    entities::breaks,
    event::{append, data::data_of},
    transaction::Transaction,
};

#[derive(Debug, Serialize)]
struct Break {
    break_id: String,
    r#type: String,
    code: &'static str,
    class: String,
    layer: String,
    status: String,
    day: String,
    currency: &'static str,
    ours: Option<String>,
    theirs: Option<String>,
    checkout_id: Option<String>,
    reason_code: Option<String>,
    /// The step that it was escalated to; 0 before the first.
    escalation: i32,
}

/// Appends what happened to a break. The row has the status already.
pub(crate) async fn append_break(
    transaction: &Transaction,
    event_type: EventType,
    break_id: &str,
    version: u32,
    at: Timestamp,
) -> Result<(), StoreError> {
    let row = breaks::Entity::find_by_id(break_id).one(transaction).await?;
    let row = row.ok_or_else(|| corrupt("no break of an event", break_id))?;
    let currency = from_column_currency(&row.currency)?;
    let break_type = BreakType::parse(&row.break_type).ok_or_else(|| corrupt("a type", &row.break_type))?;
    let amount = |minor: i64| -> Result<String, StoreError> {
        let money = domain::Money::try_from_minor(minor.unsigned_abs(), currency).map_err(|_| StoreError::Amount)?;
        Ok(format!("{}{}", if minor < 0 { "-" } else { "" }, money.to_decimal_string()))
    };
    let data = Break {
        break_id: row.break_id,
        code: break_type.code(),
        r#type: row.break_type,
        class: row.class,
        layer: row.layer,
        status: row.status,
        day: row.day,
        currency: currency.code(),
        ours: row.ours.map(amount).transpose()?,
        theirs: row.theirs.map(amount).transpose()?,
        checkout_id: row.checkout_id,
        reason_code: row.reason_code,
        escalation: row.escalation,
    };
    let fact = ObjectFact { event_type, object_id: break_id.to_owned(), version, occurred_at: at };
    append_object(transaction, fact, &data).await
}

/// What an event tells of an object, besides the object.
pub(crate) struct ObjectFact {
    pub(crate) event_type: EventType,
    pub(crate) object_id: String,
    pub(crate) version: u32,
    pub(crate) occurred_at: Timestamp,
}

/// Appends an object that is ready.
pub(crate) async fn append_object(
    transaction: &Transaction,
    fact: ObjectFact,
    object: &impl Serialize,
) -> Result<(), StoreError> {
    let ObjectFact { event_type, object_id, version, occurred_at } = fact;
    append(transaction, Event { event_type, object_id, version, occurred_at, data: data_of(object)? }).await
}
