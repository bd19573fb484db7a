//! The auditor's commands: check the books, sign them, prove an entry, export, close, reverse.

mod export;
mod proof;
mod reversal;
mod signing;
mod verify;

use std::{
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use chrono::{DateTime, SecondsFormat, Utc};
use domain::{Timestamp, calendar::Day, ledger::EntryFields};
use serde_json::{Value, json};
use store::{BookedEntry, Progress, PublicKey, Reader};

use crate::{
    cli::{LedgerAction, audit_log},
    compose,
    settings::Settings,
};
pub(crate) use verify::agrees;

/// How long a command may read before it says how far it is, and then how often it does.
const SILENCE: Duration = Duration::from_secs(2);

/// Carries out one action. The code says whether the books agree.
pub(crate) async fn run(settings: &Settings, action: LedgerAction) -> anyhow::Result<ExitCode> {
    match action {
        LedgerAction::Verify { json, public_key } => {
            return verify::run(&read(settings).await?, &public_key, json).await;
        }
        LedgerAction::Checkpoint { json, key } => return signing::checkpoint(settings, &key, json).await,
        LedgerAction::PublicKey { key } => signing::print_public_key(settings, &key)?,
        LedgerAction::Prove { entry_key, checkpoint } => {
            proof::prove(&read(settings).await?, &entry_key, checkpoint).await?;
        }
        LedgerAction::CheckProof { file, public_key } => return check_proof(&file, &public_key),
        LedgerAction::Export { format, from, to } => {
            export::run(&read(settings).await?, format, (from, to)).await?;
        }
        LedgerAction::Close { before } => close(settings, before).await?,
        LedgerAction::Reverse { entry_key, yes, json } => {
            return reversal::run(settings, reversal::Wish { key: &entry_key, yes, json }).await;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Checks a proof in a file. It needs nothing else.
pub(crate) fn check_proof(file: &Path, public_key: &PublicKey) -> anyhow::Result<ExitCode> {
    proof::check(file, public_key).map(|()| ExitCode::SUCCESS)
}

async fn read(settings: &Settings) -> anyhow::Result<Reader> {
    let reader = compose::open_to_read(&settings.database()?).await?;
    reader.books_state().await.context("could not read the books; is the schema there? run `daegeum migrate up`")?;
    Ok(reader)
}

async fn close(settings: &Settings, before: Day) -> anyhow::Result<()> {
    let today = Day::of(now());
    ensure!(before <= today, "{before} has not begun; the last day that can be closed is the one before {today}");
    let (writer, reader) = compose::open(&settings.database()?).await?;
    writer.close_books_before(before.start()).await?;
    audit_log::record(&writer.journal(), "ledger close", &before.to_string(), "ok").await?;
    let open_from = reader.books_state().await?.closed_before.map_or(before, Day::of);
    println!("The books are closed before {open_from}, in Korea: nothing is booked any more as having happened then.");
    Ok(())
}

fn no_such_entry(key: &str) -> String {
    format!(
        "nothing is booked under the key {key}; keys look like payment_captured:CHECKOUT, see `daegeum ledger export`"
    )
}

fn print_entry(booked: &BookedEntry, json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(&entry_json(booked))?);
        return Ok(());
    }
    let fields = booked.entry.fields();
    println!("Entry {}: {}, {}", booked.sequence, fields.key, rfc3339(fields.occurred_at));
    print_postings(fields);
    Ok(())
}

fn print_postings(fields: &EntryFields) {
    for posting in &fields.postings {
        let posting = posting.fields();
        let about = posting.order.as_ref().map(|order| format!("  order {order}")).unwrap_or_default();
        println!("  {:>15}  debit {}  credit {}{about}", posting.amount.to_string(), posting.debit, posting.credit);
    }
}

fn entry_json(booked: &BookedEntry) -> Value {
    let mut entry = entry_fields_json(booked.entry.fields());
    entry["sequence"] = booked.sequence.into();
    entry["booked_at"] = rfc3339(booked.booked_at).into();
    entry["hash"] = booked.hash.as_str().into();
    entry
}

fn entry_fields_json(fields: &EntryFields) -> Value {
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

/// Says on standard error how far a long reading has come.
pub(crate) fn progress() -> impl FnMut(Progress) + Send {
    let (began, mut of, mut said) = (Instant::now(), "", Instant::now());
    let mut since = began;
    move |step| {
        if step.of != of {
            (of, since) = (step.of, Instant::now());
        }
        if said.elapsed() < SILENCE {
            return;
        }
        said = Instant::now();
        let rate = u128::from(step.done) * 1000 / Ord::max(since.elapsed().as_millis(), 1);
        eprintln!("{} of {} {}, {rate} a second", step.done, step.total, step.of);
    }
}

/// The present.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_epoch_ms(Utc::now().timestamp_millis())
}

/// An instant as RFC 3339 writes it, in UTC and to the millisecond.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    DateTime::from_timestamp_millis(time.epoch_ms())
        .map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true))
        .unwrap_or_default()
}

/// Reads an instant that RFC 3339 writes.
pub(crate) fn parse_rfc3339(text: &str) -> anyhow::Result<Timestamp> {
    let time =
        DateTime::parse_from_rfc3339(text).with_context(|| format!("{text:?} is no time as RFC 3339 writes it"))?;
    Ok(Timestamp::from_epoch_ms(time.timestamp_millis()))
}
