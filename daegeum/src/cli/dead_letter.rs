//! Dead letters on the command line: the database is read, and the workflow is told through Temporal.

use anyhow::{Context as _, bail};
use domain::{
    dead_letter::{Awaits, LetterAction, LetterStatus, Outcome},
    id::{CheckoutId, DeadLetterId},
};
use serde_json::{Value, json};
use service::dead_letter::{ActionRequest, DeadLetters, MAX_BULK, read_action};
use store::{ActionRecord, LetterFilter, LetterRecord, Reader, Window};
use temporal::{MEND_KEYS, Understood, polling, understood};
use temporalio_client::Client;

use crate::{
    cli::{
        DeadLetterWish, DeadLettersAction, LetterChoice, audit_log,
        ledger::{parse_rfc3339, rfc3339},
    },
    compose,
    settings::Settings,
};

/// Carries out one action.
pub(crate) async fn run(settings: &Settings, action: DeadLettersAction) -> anyhow::Result<()> {
    let url = settings.database()?;
    match action {
        DeadLettersAction::List { choice, limit, json } => {
            list(&compose::open_reader(&url).await?, &filter_of(&choice, None)?, limit, json).await
        }
        DeadLettersAction::Show { id, json } => show(&compose::open_reader(&url).await?, &id, json).await,
        DeadLettersAction::Retry(wish) => act(settings, "retry", None, &wish).await,
        DeadLettersAction::Resolve { outcome, wish } => act(settings, "resolve", Some(&outcome), &wish).await,
        DeadLettersAction::Discard(wish) => act(settings, "discard", None, &wish).await,
    }
}

async fn act(settings: &Settings, action: &str, outcome: Option<&str>, wish: &DeadLetterWish) -> anyhow::Result<()> {
    let outcome = outcome
        .map(|text| Outcome::parse(text).with_context(|| format!("--outcome takes: {}", Outcome::list())))
        .transpose()?;
    let action = read_action(action, outcome).map_err(anyhow::Error::msg)?;
    let (journal, reader) = compose::open_for_door(&settings.database()?).await?;
    let dead_letters = DeadLetters::new(connect_to_workers(settings).await?, reader.clone(), journal.clone());
    let by = audit_log::operator();
    let by = ActionRequest { action, by: &by, reason: &wish.reason };
    let command = format!("dead-letters {}", action.as_str());
    if let Some(id) = &wish.id {
        let id = letter_id(id)?;
        let acted = dead_letters.act(&id, by).await;
        let result = acted.as_ref().map_or_else(ToString::to_string, |_| "ok".to_owned());
        audit_log::record(&journal, &command, id.as_str(), &result).await?;
        acted?;
        return show(&reader, id.as_str(), wish.json).await;
    }
    let filter = filter_of(&wish.choice, Some(LetterStatus::Open))?;
    let Some(token) = &wish.token else { return preview(&dead_letters, action, &filter, wish).await };
    let results = dead_letters.act_on_all(by, (&filter, wish.limit), token).await?;
    let mut rows = Vec::with_capacity(results.len());
    let mut refused = 0;
    for (id, acted) in results {
        let result = acted.as_ref().map_or_else(ToString::to_string, |_| "ok".to_owned());
        audit_log::record(&journal, &command, id.as_str(), &result).await?;
        refused += usize::from(acted.is_err());
        rows.push((id.to_string(), result));
    }
    print_results(&rows, None, wish.json)?;
    if refused > 0 {
        bail!("{refused} of {} dead letters did not take it", rows.len());
    }
    Ok(())
}

/// A client whose signals every worker opens: a signal that none opens would stop its workflow.
async fn connect_to_workers(settings: &Settings) -> anyhow::Result<Client> {
    let keys = settings.temporal_keyring()?;
    let client = compose::connect(settings, keys.clone()).await?;
    match understood(&polling(&client).await?, keys.as_deref()) {
        Understood::ByAll => Ok(client),
        Understood::NobodyPolls => bail!(
            "nothing was done: no worker polls, so it is not known whether the workers have the encryption keys that are \
             set here; run `daegeum worker` or `daegeum serve` first"
        ),
        Understood::BySome(told) | Understood::ByNone(told) => bail!("nothing was done: {told}; {MEND_KEYS}"),
    }
}

/// Shows what would be done. Nobody acts on letters that they were not shown.
async fn preview(
    dead_letters: &DeadLetters,
    action: LetterAction,
    filter: &LetterFilter,
    wish: &DeadLetterWish,
) -> anyhow::Result<()> {
    if !wish.preview {
        bail!("name a dead letter, or look at what a filter chooses with --preview and repeat the --token it prints");
    }
    let preview = dead_letters.preview(action, filter, wish.limit).await?;
    let told = |would: &Result<(), domain::dead_letter::LetterRefusal>| match would {
        Ok(()) => format!("would {}", action.as_str()),
        Err(refusal) => format!("would be refused: {refusal}"),
    };
    let rows: Vec<_> =
        preview.items.iter().map(|(letter, would)| (letter.letter_id.to_string(), told(would))).collect();
    print_results(&rows, Some(&preview.token), wish.json)
}

fn print_results(rows: &[(String, String)], token: Option<&str>, json: bool) -> anyhow::Result<()> {
    if json {
        let items: Vec<_> = rows.iter().map(|(id, result)| json!({ "dead_letter_id": id, "result": result })).collect();
        let body = json!({ "count": rows.len(), "token": token, "items": items });
        println!("{}", serde_json::to_string_pretty(&body)?);
        return Ok(());
    }
    for (id, result) in rows {
        println!("{id}  {result}");
    }
    if let Some(token) = token {
        println!(
            "{} dead letters. To do it, repeat the command with --token {token} in place of --preview.",
            rows.len()
        );
    }
    Ok(())
}

async fn list(reader: &Reader, filter: &LetterFilter, limit: u64, json: bool) -> anyhow::Result<()> {
    let page = reader.dead_letters(filter, &Window { after: None, limit }).await?;
    if json {
        let rows: Vec<_> = page.items.iter().map(as_json).collect();
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    println!("{:<10} {:<25} {:<18} {:<25} {:<25} letter", "status", "written", "step", "code", "checkout");
    for letter in &page.items {
        println!(
            "{:<10} {:<25} {:<18} {:<25} {:<25} {}",
            letter.status.as_str(),
            rfc3339(letter.created_at),
            letter.step,
            letter.failure.code,
            letter.checkout_id.as_ref().map_or("-", |id| id.as_str()),
            letter.letter_id
        );
    }
    if page.more {
        eprintln!("There are more; give --limit or a filter.");
    }
    Ok(())
}

async fn show(reader: &Reader, id: &str, json: bool) -> anyhow::Result<()> {
    let id = letter_id(id)?;
    let letter = reader.dead_letter(&id).await?.context("there is no such dead letter")?;
    let actions = reader.dead_letter_actions(&id).await?;
    let mut body = as_json(&letter);
    body["actions"] = actions.iter().map(action_as_json).collect();
    if json {
        println!("{}", serde_json::to_string_pretty(&body)?);
        return Ok(());
    }
    println!("{} is {}", letter.letter_id, letter.status);
    println!("  {} failed: {} {}", letter.step, letter.failure.code, letter.failure.message);
    println!("  of {}", letter.input);
    println!("  workflow {} ({}), run {}", letter.workflow_id, letter.workflow_type, letter.run_id);
    println!("  {}", advice(&letter.awaits));
    for action in &actions {
        println!("  {} {} by {}: {}", rfc3339(action.acted_at), action.action, action.actor, action.reason);
    }
    Ok(())
}

fn advice(awaits: &Awaits) -> &'static str {
    match awaits {
        Awaits::Mending => "Its workflow repeats the step by itself; mend what the error names.",
        Awaits::Person { .. } => "Its workflow waits: mend the cause and retry, or resolve it on evidence.",
    }
}

fn filter_of(choice: &LetterChoice, status: Option<LetterStatus>) -> anyhow::Result<LetterFilter> {
    let named = choice
        .status
        .as_deref()
        .map(|text| LetterStatus::parse(text).context("--status takes: OPEN, RETRYING, RESOLVED, DISCARDED, CLOSED"));
    Ok(LetterFilter {
        status: named.transpose()?.or(status),
        step: choice.step.clone(),
        code: choice.code.clone(),
        checkout_id: choice.checkout.as_deref().map(CheckoutId::parse).transpose().context("--checkout")?,
        created_from: choice.from.as_deref().map(parse_rfc3339).transpose().context("--from")?,
        created_to: choice.to.as_deref().map(parse_rfc3339).transpose().context("--to")?,
    })
}

fn letter_id(id: &str) -> anyhow::Result<DeadLetterId> {
    DeadLetterId::parse(id).context("this is no id of a dead letter")
}

fn as_json(letter: &LetterRecord) -> Value {
    let outcomes: Vec<_> = match &letter.awaits {
        Awaits::Mending => Vec::new(),
        Awaits::Person { outcomes } => outcomes.iter().map(|outcome| outcome.as_str()).collect(),
    };
    json!({
        "dead_letter_id": letter.letter_id.as_str(),
        "status": letter.status.as_str(),
        "step": letter.step,
        "code": letter.failure.code,
        "message": letter.failure.message,
        "input": serde_json::from_str::<Value>(&letter.input).unwrap_or_default(),
        "checkout_id": letter.checkout_id.as_ref().map(CheckoutId::as_str),
        "outcomes": outcomes,
        "workflow": { "id": letter.workflow_id, "run_id": letter.run_id, "type": letter.workflow_type },
        "created_at": rfc3339(letter.created_at),
        "updated_at": rfc3339(letter.updated_at),
    })
}

fn action_as_json(action: &ActionRecord) -> Value {
    json!({
        "number": action.number,
        "action": action.action,
        "by": action.actor,
        "reason": action.reason,
        "outcome": action.outcome.map(Outcome::as_str),
        "acted_at": rfc3339(action.acted_at),
    })
}

/// The most letters of one command, for the help.
pub(crate) const MOST: u64 = MAX_BULK;
