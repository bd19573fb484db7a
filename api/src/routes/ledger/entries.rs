//! Entries: all of them, or one by its id.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use domain::ledger::Posting;
use serde::Serialize;
use store::EntryRecord;

use super::{ChosenSubject, ChosenTimes, chosen, reference};
use crate::{
    Api,
    http::{
        caller::ReadCaller,
        paging::{ListBody, Paging, window},
        parameters::Parameters,
        problem::{Code, Problem},
        values::rfc3339,
    },
    openapi::{
        refusals::refusals,
        shapes::{Balance, CurrencyCode, Hash, Instant, ReasonName},
    },
};

refusals! { EntryRefusals: NotFound; }

/// An entry as a whole.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Entry)]
pub(crate) struct EntryBody {
    sequence: u64,
    entry_id: String,
    #[schema(value_type = ReasonName)]
    reason: &'static str,
    reference: String,
    checkout_id: Option<String>,
    reverses: Option<String>,
    reversed_by: Option<String>,
    #[schema(value_type = Instant)]
    occurred_at: String,
    #[schema(value_type = Instant)]
    booked_at: String,
    #[schema(value_type = Hash)]
    previous_hash: String,
    #[schema(value_type = Hash)]
    hash: String,
    postings: Vec<PostingBody>,
}

/// One debit and one credit.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Posting)]
pub(super) struct PostingBody {
    debit_account: String,
    credit_account: String,
    #[schema(value_type = Balance)]
    amount: String,
    #[schema(value_type = CurrencyCode)]
    currency: &'static str,
    payment_order_id: Option<String>,
}

/// List entries
///
/// The last booked first. Entries are one chain: each holds the hash of the one before.
#[utoipa::path(
    get,
    path = "/v1/ledger/entries",
    operation_id = "list_entries",
    tag = "Ledger",
    security(("bearer" = ["read"])),
    params(ChosenTimes, ChosenSubject, Paging),
    responses((status = 200, description = "A page", body = ListBody<EntryBody>))
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    _: ReadCaller,
    parameters: Parameters,
) -> Result<Json<ListBody<EntryBody>>, Problem> {
    let page = api.service.reader.entries(&chosen(&parameters)?, &window(&parameters)?).await?;
    Ok(Json(ListBody::new(&page, |record| record.booked.sequence, EntryBody::new)))
}

/// Read an entry
#[utoipa::path(
    get,
    path = "/v1/ledger/entries/{entry_id}",
    operation_id = "read_entry",
    tag = "Ledger",
    security(("bearer" = ["read"])),
    params(
        (
            "entry_id" = inline(crate::openapi::shapes::EntryName),
            Path,
            description = "The entry, such as `payment_captured:order-2026-1`",
        ),
    ),
    responses((status = 200, description = "The entry", body = EntryBody), EntryRefusals)
)]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    _: ReadCaller,
    Path(id): Path<String>,
) -> Result<Json<EntryBody>, Problem> {
    let record = api.service.reader.entry(&id).await?;
    let record = record.ok_or_else(|| Problem::new(Code::NotFound, "The books have no entry of this id."))?;
    Ok(Json(EntryBody::new(&record)))
}

impl EntryBody {
    fn new(record: &EntryRecord) -> Self {
        let fields = record.booked.entry.fields();
        Self {
            sequence: record.booked.sequence,
            entry_id: fields.key.clone(),
            reason: fields.reason.as_str(),
            reference: reference(&fields.key, fields.reason).to_owned(),
            checkout_id: fields.checkout_id.as_ref().map(ToString::to_string),
            reverses: fields.reverses.clone(),
            reversed_by: record.reversed_by.clone(),
            occurred_at: rfc3339(fields.occurred_at),
            booked_at: rfc3339(record.booked.booked_at),
            previous_hash: record.previous_hash.clone(),
            hash: record.booked.hash.clone(),
            postings: fields.postings.iter().map(PostingBody::new).collect(),
        }
    }
}

impl PostingBody {
    pub(super) fn new(posting: &Posting) -> Self {
        let posting = posting.fields();
        Self {
            debit_account: posting.debit.to_string(),
            credit_account: posting.credit.to_string(),
            amount: posting.amount.to_decimal_string(),
            currency: posting.amount.currency().code(),
            payment_order_id: posting.order.as_ref().map(ToString::to_string),
        }
    }
}
