//! Taking an entry back: shown first, asked for by one principal, approved by another, undone by one command.

use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use clap::Args;
use domain::{ledger::Reason, principal::MAX_REASON_CHARS};
use serde_json::{Value, json};
use store::{
    Booked, OrderMove, Reader, Resting, ReversalPreview, ReversalRecord, ReversalWord, SaidBy, StoreError, WalletMove,
    Writer,
};

use crate::{
    cli::{
        audit_log::{self, Line},
        ledger::entries::{entry_fields_json, entry_json, no_such_entry, print_entry, print_postings},
        output::{Output, print_json},
        principal::{PrincipalOptions, audited},
    },
    compose,
    settings::Settings,
    values::{now, rfc3339},
};

/// The most reversals that are listed.
const MOST_LISTED: u64 = 1_000;

/// What a principal says about the reversal of an entry.
#[derive(Debug, Args)]
pub(crate) struct Word {
    /// The key of the entry, such as psp_settled:2026-11-21
    pub(crate) entry_key: String,
    /// The reason, which is stored with the reversal
    #[arg(long)]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) principal: PrincipalOptions,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// What is done about a reversal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Propose { digest: String },
    Approve { digest: String },
    Reject,
    Undo,
}

impl Step {
    /// The action as the audit log names it.
    const fn action(&self) -> &'static str {
        match self {
            Self::Propose { .. } => "ledger reverse",
            Self::Approve { .. } => "ledger approve",
            Self::Reject => "ledger reject",
            Self::Undo => "ledger undo",
        }
    }

    async fn carry_out(&self, writer: &Writer, word: &ReversalWord) -> Result<Booked, StoreError> {
        match self {
            Self::Propose { digest } => writer.propose_reversal(word, digest).await,
            Self::Approve { digest } => writer.approve_reversal(word, digest).await,
            Self::Reject => writer.reject_reversal(word).await,
            Self::Undo => writer.undo_reversal(word).await,
        }
    }
}

/// Shows what the reversal would do. Exit 1 where it would be refused.
pub(super) async fn preview(settings: &Settings, key: &str, output: Output) -> anyhow::Result<ExitCode> {
    let reader = compose::open_reader(&settings.database()?).await?;
    let preview = reader.reversal_preview(key, now()).await?.with_context(|| no_such_entry(key))?;
    if output.json {
        print_json(&as_json(&preview))?;
    } else {
        tell(&preview, key);
    }
    Ok(if preview.refusal.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Carries out a step, and writes it down whatever came of it.
pub(super) async fn act(settings: &Settings, step: Step, asked: Word) -> anyhow::Result<()> {
    let Word { entry_key: key, reason, principal, output } = asked;
    let is_reason = !reason.trim().is_empty() && reason.chars().count() <= MAX_REASON_CHARS;
    ensure!(is_reason, "--reason takes 1 to {MAX_REASON_CHARS} characters");
    let (writer, reader) = compose::open(&settings.database()?).await?;
    reader.booked_entry(&key).await?.with_context(|| no_such_entry(&key))?;
    let by = principal.actor(settings, &reader).await?;
    let word = ReversalWord { key: key.clone(), by, reason };
    let done = step.carry_out(&writer, &word).await;
    let result = match &done {
        Ok(_) => "ok".to_owned(),
        Err(error @ StoreError::Refused(_)) => format!("refused: {error}"),
        Err(_) => "failed".to_owned(),
    };
    let line = Line { action: step.action(), object: &key, result: &result };
    audit_log::record_of(&writer.journal(), audited(&word.by), line).await?;
    if done.with_context(|| format!("nothing was done about {key}"))? == Booked::Before {
        eprintln!("It was done before:");
    }
    show(&reader, &key, &step, output).await
}

/// Where the reversal of an entry stands, with the entry that the step booked.
async fn show(reader: &Reader, key: &str, step: &Step, output: Output) -> anyhow::Result<()> {
    let record = reader.last_reversal(key).await?.context("the reversal is not in the database")?;
    let entry_key = match step {
        Step::Propose { .. } | Step::Reject => None,
        Step::Approve { .. } => Some(Reason::Reversed.key(key)),
        Step::Undo => record.undo_entry.clone(),
    };
    let entry = match entry_key {
        Some(entry_key) => Some(reader.booked_entry(&entry_key).await?.context("the entry is not in the books")?),
        None => None,
    };
    if output.json {
        let mut shown = record_json(&record);
        shown["entry"] = entry.as_ref().map(entry_json).into();
        return print_json(&shown);
    }
    println!("{}", sentence(&record));
    if let Some(entry) = &entry {
        print_entry(entry, output)?;
    }
    if matches!(step, Step::Propose { .. }) {
        println!(
            "Nothing was booked. Another principal books it: daegeum ledger approve {key} --digest {} --reason …",
            record.digest
        );
    }
    Ok(())
}

/// Lists what was asked for.
pub(super) async fn list(settings: &Settings, output: Output) -> anyhow::Result<()> {
    let reader = compose::open_reader(&settings.database()?).await?;
    let records = reader.reversals(MOST_LISTED).await?;
    if output.json {
        return print_json(&records.iter().map(record_json).collect::<Vec<_>>());
    }
    for record in &records {
        println!("{}", sentence(record));
    }
    Ok(())
}

fn sentence(record: &ReversalRecord) -> String {
    let said = |what: &str, said: &SaidBy| format!("{what} by {} ({})", said.by, said.reason);
    let mut words = vec![said("proposed", &record.proposed)];
    words.extend(record.decided.iter().map(|(decision, by)| said(&decision.as_str().to_lowercase(), by)));
    words.extend(record.undone.iter().map(|by| said("undone", by)));
    format!("{} {}: {}", record.key, record.status(), words.join(", "))
}

fn record_json(record: &ReversalRecord) -> Value {
    let said = |said: &SaidBy| json!({ "by": said.by.to_string(), "at": rfc3339(said.at), "reason": said.reason });
    json!({
        "entry_id": record.key,
        "number": record.number,
        "status": record.status(),
        "digest": record.digest,
        "proposed": said(&record.proposed),
        "decided": record.decided.as_ref().map(|(_, by)| said(by)),
        "undone": record.undone.as_ref().map(said),
        "undo_entry": record.undo_entry,
    })
}

/// What becomes untrue without the entry.
fn consequence(preview: &ReversalPreview) -> Option<String> {
    match &preview.resting {
        Some(resting @ Resting::Checkout { .. }) if preview.refusal.is_none() => Some(format!(
            "{resting}, and says so afterwards. The reconciliation and `daegeum ledger verify` name the difference \
             until the reversal is undone."
        )),
        Some(
            Resting::Checkout { .. } | Resting::WatchedDeposit { .. } | Resting::Break { .. } | Resting::Refund { .. },
        )
        | None => None,
    }
}

fn tell(preview: &ReversalPreview, key: &str) {
    let ReversalPreview { reversal, other_half, booked, resting, wallets, orders, digest, refusal, .. } = preview;
    if let Some(resting) = resting {
        println!("{resting}");
    }
    if let Some(booked) = booked {
        println!("{key} was reversed before, by entry {}. Nothing would be booked.", booked.sequence);
        return;
    }
    if let Some(reversal) = reversal {
        println!("Entry {} would be booked:", reversal.fields().key);
        print_postings(reversal.fields());
    }
    if let Some(other) = other_half {
        println!("With it, {other} would be taken back: what Toss gave for what it took.");
    }
    for WalletMove { seller, before, after } in wallets {
        let parts = |wallet: &domain::wallet::Wallet| {
            format!("pending {}, available {}, owed {}", wallet.pending, wallet.available, wallet.debt)
        };
        let after = after.as_ref().map_or_else(|| "less than nothing".to_owned(), parts);
        println!("  wallet of {seller}: {} → {after}", parts(before));
    }
    for OrderMove { order, status, change } in orders {
        println!(
            "  order {order} is {status}: unreleased {:+}, commission {:+}, refunded {:+} minor units",
            change.unreleased, change.commission, change.refunded
        );
    }
    match refusal {
        Some(refusal) => println!("It would be refused: {refusal}."),
        None => {
            if let Some(consequence) = consequence(preview) {
                println!("{consequence}");
            }
            println!("digest {digest}");
            println!("Nothing was booked. To ask for it: daegeum ledger reverse {key} --digest {digest} --reason …");
        }
    }
}

fn as_json(preview: &ReversalPreview) -> Value {
    let ReversalPreview { mistake, reversal, other_half, booked, resting, wallets, orders, digest, refusal } = preview;
    let parts = |wallet: &domain::wallet::Wallet| {
        json!({
            "currency": wallet.currency().code(),
            "pending": wallet.pending.to_decimal_string(),
            "available": wallet.available.to_decimal_string(),
            "held": wallet.held.to_decimal_string(),
            "owed": wallet.debt.to_decimal_string(),
        })
    };
    let wallet = |moved: &WalletMove| {
        json!({
            "seller_account": moved.seller.as_str(),
            "before": parts(&moved.before),
            "after": moved.after.as_ref().map(parts),
        })
    };
    let order = |moved: &OrderMove| {
        json!({
            "payment_order_id": moved.order.as_str(),
            "payment_order_status": moved.status.as_str(),
            "unreleased_minor": moved.change.unreleased,
            "commission_minor": moved.change.commission,
            "refunded_minor": moved.change.refunded,
        })
    };
    json!({
        "preview": true,
        "entry": entry_json(mistake),
        "would_book": reversal.as_ref().filter(|_| booked.is_none()).map(|entry| entry_fields_json(entry.fields())),
        "other_half": other_half,
        "reversed_by": booked.as_ref().map(entry_json),
        "digest": digest,
        "consequence": consequence(preview),
        "rests_on_it": resting.as_ref().map(ToString::to_string),
        "wallets": wallets.iter().map(wallet).collect::<Vec<_>>(),
        "payment_orders": orders.iter().map(order).collect::<Vec<_>>(),
        "refused": refusal.as_ref().map(ToString::to_string),
    })
}
