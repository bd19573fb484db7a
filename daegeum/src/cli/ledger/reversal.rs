//! Taking an entry back: shown first, done with `--yes`, refused where a status rests on the entry.

use std::process::ExitCode;

use anyhow::Context as _;
use domain::ledger::Reason;
use serde_json::{Value, json};
use store::{Booked, OrderMove, ReversalPreview, StoreError, WalletMove};

use crate::{
    cli::{
        audit_log,
        ledger::entries::{entry_fields_json, entry_json, no_such_entry, print_entry, print_postings},
        output::{Output, print_json},
    },
    compose,
    settings::Settings,
    values::now,
};

/// What is asked for.
pub(crate) struct ReversalRequest<'a> {
    pub(crate) key: &'a str,
    /// Whether it is to be done, and not only shown.
    pub(crate) yes: bool,
    pub(crate) output: Output,
}

/// Shows what the reversal would do, or does it. Exit 1 where it is refused.
pub(super) async fn run(settings: &Settings, request: ReversalRequest<'_>) -> anyhow::Result<ExitCode> {
    if request.yes {
        return act(settings, &request).await;
    }
    let reader = compose::open_reader(&settings.database()?).await?;
    let preview = reader.reversal_preview(request.key, now()).await?.with_context(|| no_such_entry(request.key))?;
    if request.output.json {
        print_json(&as_json(&preview))?;
    } else {
        tell(&preview, request.key);
    }
    Ok(if preview.refusal.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn act(settings: &Settings, request: &ReversalRequest<'_>) -> anyhow::Result<ExitCode> {
    let ReversalRequest { key, output, .. } = *request;
    let (writer, reader) = compose::open(&settings.database()?).await?;
    reader.booked_entry(key).await?.with_context(|| no_such_entry(key))?;
    let booked = writer.reverse(key, now()).await;
    let result = match &booked {
        Ok(_) => "ok".to_owned(),
        Err(error @ StoreError::Refused(_)) => format!("refused: {error}"),
        Err(_) => "failed".to_owned(),
    };
    audit_log::record(&writer.journal(), "ledger reverse", key, &result).await?;
    if booked.with_context(|| format!("{key} was not reversed"))? == Booked::Before {
        eprintln!("It was reversed before, by this entry:");
    }
    let reversal = reader.booked_entry(&Reason::Reversed.key(key)).await?;
    print_entry(&reversal.context("the reversal is not in the books")?, output)?;
    Ok(ExitCode::SUCCESS)
}

fn tell(preview: &ReversalPreview, key: &str) {
    let ReversalPreview { reversal, booked, resting, wallets, orders, refusal, .. } = preview;
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
        None => println!("Nothing was booked. To book it, repeat the command with --yes."),
    }
}

fn as_json(preview: &ReversalPreview) -> Value {
    let ReversalPreview { mistake, reversal, booked, resting, wallets, orders, refusal } = preview;
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
        "reversed_by": booked.as_ref().map(entry_json),
        "rests_on_it": resting.as_ref().map(ToString::to_string),
        "wallets": wallets.iter().map(wallet).collect::<Vec<_>>(),
        "payment_orders": orders.iter().map(order).collect::<Vec<_>>(),
        "refused": refusal.as_ref().map(ToString::to_string),
    })
}
