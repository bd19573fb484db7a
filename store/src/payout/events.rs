//! What runs and payouts tell the world: ids, amounts, statuses, codes and times.

use domain::{
    Timestamp,
    event::{Event, EventType},
    payout::{PayoutStatus, RunStatus},
    principal::Principal,
};
use serde::Serialize;

use super::record::{PayoutRecord, RunRecord};
use crate::{
    StoreError,
    convert::to_column_time,
    event::{
        append_all,
        data::{clipped, data_of, rfc3339},
    },
    transaction::Transaction,
};

#[derive(Debug, Serialize)]
struct Run<'a> {
    payout_run_id: &'a str,
    kind: &'static str,
    status: &'static str,
    date: String,
    digest: &'a str,
    total: String,
    currency: &'static str,
    payout_count: u32,
    frozen_by: String,
    frozen_at: String,
    decided_by: Option<String>,
    decided_at: Option<String>,
}

#[derive(Debug, Serialize)]
struct Payout<'a> {
    payout_id: &'a str,
    payout_run_id: &'a str,
    kind: &'static str,
    seller_account: &'a str,
    period: String,
    status: &'static str,
    amount: String,
    currency: &'static str,
    attempt: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    pays_on: Option<String>,
    frozen_at: String,
}

#[derive(Debug, Serialize)]
struct Failure {
    code: String,
}

/// A payout that changed: the row has the new status and version already.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) before: PayoutStatus,
    pub(super) now: PayoutRecord,
}

/// A principal without what names a person: the id of a person may be an e-mail address.
fn told(principal: &Principal) -> String {
    match principal {
        Principal::Key(_) => principal.to_string(),
        Principal::Person(_) => "person".to_owned(),
    }
}

/// Appends what a run's change to a status tells.
pub(super) async fn append_run(transaction: &Transaction, run: &RunRecord, at: Timestamp) -> Result<(), StoreError> {
    let Some(event_type) = EventType::of_payout_run(run.status) else { return Ok(()) };
    // A run without payouts has nothing to tell.
    if run.status == RunStatus::Frozen && run.payout_count == 0 {
        return Ok(());
    }
    let data = Run {
        payout_run_id: run.run_id.as_str(),
        kind: run.kind.as_str(),
        status: run.status.as_str(),
        date: run.date.to_string(),
        digest: &run.digest,
        total: run.total.to_decimal_string(),
        currency: run.total.currency().code(),
        payout_count: run.payout_count,
        frozen_by: told(&run.frozen_by),
        frozen_at: rfc3339(to_column_time(run.frozen_at)),
        decided_by: run.decided_by.as_ref().map(told),
        decided_at: run.decided_at.map(to_column_time).map(rfc3339),
    };
    let event = Event {
        event_type,
        object_id: run.run_id.to_string(),
        version: run.version,
        occurred_at: at,
        data: data_of(&data)?,
    };
    append_all(transaction, vec![event]).await
}

/// Appends what changes of payouts tell.
pub(super) async fn append_payouts(
    transaction: &Transaction,
    changed: &[Changed],
    at: Timestamp,
) -> Result<(), StoreError> {
    let mut events = Vec::new();
    for Changed { before, now } in changed {
        let Some(event_type) = EventType::of_payout(*before, now.status) else { continue };
        let data = Payout {
            payout_id: now.payout_id.as_str(),
            payout_run_id: now.run_id.as_str(),
            kind: now.kind.as_str(),
            seller_account: now.seller.as_str(),
            period: now.period.to_string(),
            status: now.status.as_str(),
            amount: now.amount.to_decimal_string(),
            currency: now.amount.currency().code(),
            attempt: now.attempt,
            failure: now.failure.as_ref().map(|failure| Failure { code: clipped(failure.code.as_str()) }),
            pays_on: now.pays_on.map(|day| day.to_string()),
            frozen_at: rfc3339(to_column_time(now.frozen_at)),
        };
        events.push(Event {
            event_type,
            object_id: now.payout_id.to_string(),
            version: now.version,
            occurred_at: at,
            data: data_of(&data)?,
        });
    }
    append_all(transaction, events).await
}
