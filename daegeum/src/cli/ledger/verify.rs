//! Whether the books agree with all that stands beside them.

use std::process::ExitCode;

use anyhow::Context as _;
use domain::Currency;
use serde_json::{Value, json};
use store::{Audit, Disagreement, PublicKey, Reader};

use crate::cli::output::{Output, print_json};

/// Audits and says what was found. Exit 1 if anything disagrees.
pub(super) async fn run(reader: &Reader, trusted: &[PublicKey], output: Output) -> anyhow::Result<ExitCode> {
    let audit = reader
        .audit(trusted, &mut crate::cli::progress::progress())
        .await
        .context("the audit did not come to an end")?;
    if output.json {
        print_json(&as_json(&audit))?;
    } else {
        for disagreement in &audit.findings.named {
            println!("{disagreement}");
        }
        println!("{}", summary(&audit));
    }
    Ok(if audit.findings.count == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Audits. Answers whether everything agrees, and one line about it.
pub(crate) async fn agrees(reader: &Reader) -> anyhow::Result<(bool, String)> {
    let audit = reader.audit(&[], &mut |_| {}).await?;
    let from = format!("recomputed from {} entries with {} postings", audit.end.sequence, audit.postings);
    Ok(match audit.findings.named.first() {
        None => (true, format!("{from}, everything agrees")),
        Some(first) => (false, format!("{from}, {} things do not agree; the first: {first}", audit.findings.count)),
    })
}

fn summary(audit: &Audit) -> String {
    let Audit { findings, end, postings, accounts, wallets, holds, payouts, checkouts, orders, checkpoints, moved } =
        audit;
    let moved: Vec<String> =
        moved.iter().map(|(currency, minor)| decimal(*minor, *currency) + " " + currency.code()).collect();
    let moved = if moved.is_empty() { "nothing".to_owned() } else { moved.join(", ") };
    let read = format!(
        "{} entries with {postings} postings, {accounts} accounts, {wallets} wallets, {holds} holds, \
         {payouts} payouts, {checkouts} checkouts with {orders} orders, {checkpoints} checkpoints",
        end.sequence
    );
    match findings.count {
        0 => format!("The books agree: {read}; moved {moved}; head {}.", end.head),
        1 => format!("The books do not agree: 1 disagreement in {read}."),
        count => {
            let named = findings.named.len();
            let rest = if count > named as u64 { format!(", the first {named} named") } else { String::new() };
            format!("The books do not agree: {count} disagreements{rest}, in {read}.")
        }
    }
}

fn as_json(audit: &Audit) -> Value {
    let Audit { findings, end, postings, accounts, wallets, holds, payouts, checkouts, orders, checkpoints, moved } =
        audit;
    let disagreement = |found: &Disagreement| {
        let Disagreement { check, subject, problem } = found;
        json!({ "check": check.as_str(), "subject": subject, "problem": problem })
    };
    let moved: serde_json::Map<String, Value> =
        moved.iter().map(|(currency, minor)| (currency.code().to_owned(), decimal(*minor, *currency).into())).collect();
    json!({
        "agrees": findings.count == 0,
        "disagreement_count": findings.count,
        "disagreements": findings.named.iter().map(disagreement).collect::<Vec<_>>(),
        "entries": end.sequence,
        "head": end.head,
        "root": end.root,
        "postings": postings,
        "accounts": accounts,
        "wallets": wallets,
        "holds": holds,
        "payouts": payouts,
        "checkouts": checkouts,
        "payment_orders": orders,
        "checkpoints": checkpoints,
        "moved": moved,
    })
}

/// A sum that may be more than money can be, as a decimal string.
fn decimal(minor: u128, currency: Currency) -> String {
    let unit = 10_u128.pow(currency.exponent());
    match currency.exponent() as usize {
        0 => minor.to_string(),
        decimals => format!("{}.{:0decimals$}", minor / unit, minor % unit),
    }
}
