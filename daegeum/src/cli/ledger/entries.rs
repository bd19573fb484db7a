//! Entries of the books, printed and as JSON.

use domain::ledger::EntryFields;
use serde_json::{Value, json};
use store::BookedEntry;

use crate::{
    cli::output::{Output, print_json},
    values::rfc3339,
};

pub(super) fn no_such_entry(key: &str) -> String {
    format!(
        "nothing is booked under the key {key}; keys look like payment_captured:CHECKOUT, see `daegeum ledger export`"
    )
}

pub(super) fn print_entry(booked: &BookedEntry, output: Output) -> anyhow::Result<()> {
    if output.json {
        return print_json(&entry_json(booked));
    }
    let fields = booked.entry.fields();
    println!("Entry {}: {}, {}", booked.sequence, fields.key, rfc3339(fields.occurred_at));
    print_postings(fields);
    Ok(())
}

pub(super) fn print_postings(fields: &EntryFields) {
    for posting in &fields.postings {
        let posting = posting.fields();
        let about = posting.order.as_ref().map(|order| format!("  order {order}")).unwrap_or_default();
        println!("  {:>15}  debit {}  credit {}{about}", posting.amount.to_string(), posting.debit, posting.credit);
    }
}

pub(super) fn entry_json(booked: &BookedEntry) -> Value {
    let mut entry = entry_fields_json(booked.entry.fields());
    entry["sequence"] = booked.sequence.into();
    entry["booked_at"] = rfc3339(booked.booked_at).into();
    entry["hash"] = booked.hash.as_str().into();
    entry
}

pub(super) fn entry_fields_json(fields: &EntryFields) -> Value {
    let posting = |posting: &domain::ledger::Posting| {
        let posting = posting.fields();
        json!({
            "debit_account": posting.debit.to_string(),
            "credit_account": posting.credit.to_string(),
            "amount": posting.amount.to_decimal_string(),
            "currency": posting.amount.currency().code(),
            "payment_order_id": posting.order.as_ref().map(ToString::to_string),
        })
    };
    json!({
        "entry_id": fields.key,
        "reason": fields.reason.as_str(),
        "checkout_id": fields.checkout_id.as_ref().map(ToString::to_string),
        "reverses": fields.reverses,
        "occurred_at": rfc3339(fields.occurred_at),
        "postings": fields.postings.iter().map(posting).collect::<Vec<_>>(),
    })
}
