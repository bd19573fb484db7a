//! The audit log on the command line: what is done here is written to it, and it is read.

use std::os::unix::fs::MetadataExt as _;

use clap::Subcommand;
use store::{Actor, AuditEntry, Journal, Reader, Window};

use crate::{
    cli::output::{Output, print_json},
    compose,
    settings::Settings,
    values::{now, rfc3339},
};

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditAction {
    /// List changes and who made them, the newest first
    #[command(after_help = example!("daegeum audit list --limit 20"))]
    List {
        /// Only changes by this API key's id or by this operator [default: all]
        #[arg(long)]
        actor: Option<String>,
        /// The most lines
        #[arg(long, default_value_t = 100)]
        limit: u64,
        #[command(flatten)]
        output: Output,
    },
}

/// Names the person at the command line, where several share an account of the operating system.
const OPERATOR: &str = "DAEGEUM_OPERATOR";
/// The most characters of an operator's name.
const MAX_NAME_CHARS: usize = 100;
/// How many lines are read at once.
const PAGE: u64 = 500;

/// Carries out one action.
pub(crate) async fn run(settings: &Settings, action: AuditAction) -> anyhow::Result<()> {
    match action {
        AuditAction::List { actor, limit, output } => {
            let reader = compose::open_reader(&settings.database()?).await?;
            list(&reader, actor.as_deref(), limit, output).await
        }
    }
}

/// Writes down what was done at the command line.
pub(crate) async fn record(journal: &Journal, action: &str, object: &str, result: &str) -> anyhow::Result<()> {
    record_of(journal, Actor::Operator(operator()), Line { action, object, result }).await
}

/// What was done, to what, and what came of it.
pub(crate) struct Line<'a> {
    pub(crate) action: &'a str,
    pub(crate) object: &'a str,
    pub(crate) result: &'a str,
}

/// Writes down what somebody did at the command line.
pub(crate) async fn record_of(journal: &Journal, actor: Actor, line: Line<'_>) -> anyhow::Result<()> {
    let Line { action, object, result } = line;
    let entry = AuditEntry {
        occurred_at: now(),
        actor,
        action: action.to_owned(),
        object: object.to_owned(),
        result: result.to_owned(),
        address: None,
        request_id: None,
    };
    Ok(journal.audit(&entry).await?)
}

/// The person at the command line: the operator's name, if one is set, and the account of the operating system.
pub(crate) fn operator() -> String {
    let account = format!("os:{}", account().unwrap_or_else(|| "unknown".to_owned()));
    let named = std::env::var(OPERATOR).ok().filter(|name| !name.trim().is_empty());
    let plain = |name: String| name.chars().filter(|character| !character.is_control()).take(MAX_NAME_CHARS).collect();
    let named: Option<String> = named.map(plain);
    named.map_or_else(|| account.clone(), |name| format!("{name} ({account})"))
}

/// The account that this process runs under: its name where the machine has one for it, otherwise its number.
fn account() -> Option<String> {
    let id = std::fs::metadata("/proc/self").ok()?.uid().to_string();
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id).then(|| name.to_owned())
    });
    Some(name.unwrap_or(id))
}

async fn list(reader: &Reader, actor: Option<&str>, limit: u64, output: Output) -> anyhow::Result<()> {
    let mut after = None;
    let mut left = limit;
    let mut lines = Vec::new();
    while left > 0 {
        let page = reader.audit_log(actor, &Window { after, limit: left.min(PAGE) }).await?;
        after = page.items.last().map(|(sequence, _)| *sequence);
        left -= page.items.len() as u64;
        lines.extend(page.items);
        if !page.more {
            break;
        }
    }
    if output.json {
        let rows: Vec<_> = lines.iter().map(as_json).collect();
        return print_json(&rows);
    }
    println!("{:<25} {:<30} {:<45} {:<40} result", "when", "who", "what", "object");
    for (_, entry) in &lines {
        println!(
            "{:<25} {:<30} {:<45} {:<40} {}",
            rfc3339(entry.occurred_at),
            entry.actor.name(),
            entry.action,
            entry.object,
            entry.result
        );
    }
    Ok(())
}

fn as_json((sequence, entry): &(u64, AuditEntry)) -> serde_json::Value {
    serde_json::json!({
        "sequence": sequence,
        "occurred_at": rfc3339(entry.occurred_at),
        "actor_kind": entry.actor.kind(),
        "actor": entry.actor.name(),
        "action": entry.action,
        "object": entry.object,
        "result": entry.result,
        "address": entry.address,
        "request_id": entry.request_id,
    })
}
