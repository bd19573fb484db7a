//! Dead letters on the command line: the database is read, and the workflow is told through Temporal.

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use domain::{
    dead_letter::{Awaits, DeclaredOutcome, LetterOutcome, LetterRefusal, LetterStatus},
    id::{CheckoutId, DeadLetterId},
    reconciliation::Actor,
};
use serde_json::{Value, json};
use service::dead_letter::{ActionRequest, DeadLetters, MAX_BULK, ShownLetters, read_action};
use store::{ActionRecord, LetterFilter, LetterRecord, Reader, Window};
use temporal::{MEND_KEYS, Understood, polling, understood};
use temporalio_client::Client;

use crate::{
    cli::{
        audit_log,
        output::{Output, print_json},
    },
    compose,
    settings::Settings,
    values::{parse_rfc3339, rfc3339},
};

/// What to do with dead letters. All but `list` and `show` tell a workflow, through Temporal.
#[derive(Debug, Subcommand)]
pub(crate) enum DeadLettersAction {
    /// List dead letters, the newest first
    #[command(after_help = example!("daegeum dead-letters list --status OPEN"))]
    List {
        #[command(flatten)]
        choice: LetterChoice,
        /// The most dead letters that are listed
        #[arg(long, default_value_t = 100)]
        limit: u64,
        #[command(flatten)]
        output: Output,
    },
    /// Show a dead letter and every action on it
    #[command(after_help = example!("daegeum dead-letters show LETTER"))]
    Show {
        /// The dead letter
        id: String,
        #[command(flatten)]
        output: Output,
    },
    /// Make the workflow try the step again after its cause is fixed
    #[command(after_help = example_with_temporal!(
        "daegeum dead-letters retry LETTER --reason 'key renewed'",
        "daegeum dead-letters retry --code psp_access_denied --preview --reason 'key renewed'"
    ))]
    Retry(DeadLetterRequest),
    /// Resolve by hand, stating the evidence; to confirm a payment use `retry`, which asks the PSP
    ///
    /// About more money than `dead_letters.resolve_alone_up_to`, another principal has to resolve it in the same way,
    /// in the console or with an API key.
    #[command(after_help = example_with_temporal!(
        "daegeum dead-letters resolve LETTER --outcome not_paid --reason 'Toss has no payment'"
    ))]
    Resolve {
        /// not_paid for a payment, refunded or not_refunded for a refund, approved or denied for a review
        #[arg(long)]
        outcome: String,
        #[command(flatten)]
        request: DeadLetterRequest,
    },
    /// Close a dead letter whose workflow is gone
    #[command(
        after_help = example_with_temporal!("daegeum dead-letters discard LETTER --reason 'workflow was deleted'")
    )]
    Discard(DeadLetterRequest),
}

/// Which dead letters are meant.
#[derive(Debug, Args)]
pub(crate) struct LetterChoice {
    /// OPEN, RETRYING, RESOLVED, DISCARDED or CLOSED [default of an action: OPEN]
    #[arg(long)]
    pub(crate) status: Option<String>,
    /// The step that failed, such as psp.confirm
    #[arg(long)]
    pub(crate) step: Option<String>,
    /// The error's code, such as psp_access_denied
    #[arg(long)]
    pub(crate) code: Option<String>,
    /// The id of a checkout
    #[arg(long)]
    pub(crate) checkout: Option<String>,
    /// Written at this time or later, such as 2026-12-01T09:00:00+09:00
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Written before this time
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
}

/// An action on one dead letter, or on those that a filter chooses.
#[derive(Debug, Args)]
pub(crate) struct DeadLetterRequest {
    /// The id of a dead letter [default: those that the filters choose]
    pub(crate) id: Option<String>,
    /// The reason, which is stored with the dead letter
    #[arg(long)]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) choice: LetterChoice,
    /// The most dead letters, oldest first, 1 to 100
    #[arg(
        long,
        default_value_t = crate::cli::dead_letter::MOST,
        value_parser = clap::value_parser!(u64).range(1..=100)
    )]
    pub(crate) limit: u64,
    /// Show what would be done and print a token
    #[arg(long, conflicts_with_all = ["id", "token"])]
    pub(crate) preview: bool,
    /// Do what the preview with this token showed
    #[arg(long, conflicts_with = "id")]
    pub(crate) token: Option<String>,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// Carries out one action.
pub(crate) async fn run(settings: &Settings, action: DeadLettersAction) -> anyhow::Result<()> {
    let url = settings.database()?;
    match action {
        DeadLettersAction::List { choice, limit, output } => {
            list(&compose::open_reader(&url).await?, &filter_of(&choice, None)?, limit, output).await
        }
        DeadLettersAction::Show { id, output } => show(&compose::open_reader(&url).await?, &id, output).await,
        DeadLettersAction::Retry(request) => act(settings, "retry", None, &request).await,
        DeadLettersAction::Resolve { outcome, request } => act(settings, "resolve", Some(&outcome), &request).await,
        DeadLettersAction::Discard(request) => act(settings, "discard", None, &request).await,
    }
}

async fn act(
    settings: &Settings,
    action: &str,
    outcome: Option<&str>,
    request: &DeadLetterRequest,
) -> anyhow::Result<()> {
    let outcome = outcome
        .map(|text| {
            DeclaredOutcome::parse(text).with_context(|| format!("--outcome takes: {}", DeclaredOutcome::list()))
        })
        .transpose()?;
    let action = read_action(action, outcome).map_err(anyhow::Error::msg)?;
    let (journal, reader) = compose::open_for_api(&settings.database()?).await?;
    let (client, alone_up_to) = (connect_to_workers(settings).await?, settings.letters_alone_up_to);
    let dead_letters = DeadLetters::new(client, reader.clone(), journal.clone(), alone_up_to);
    let operator = Actor::parse(&format!("operator:{}", audit_log::operator()))?;
    let by = ActionRequest { action, by: &operator, reason: &request.reason };
    let command = format!("dead-letters {}", action.as_str());
    if let Some(id) = &request.id {
        let id = letter_id(id)?;
        let acted = dead_letters.act(&id, by).await;
        let result = acted.as_ref().map_or_else(ToString::to_string, came_of);
        audit_log::record(&journal, &command, id.as_str(), &result).await?;
        acted?;
        return show(&reader, id.as_str(), request.output).await;
    }
    let filter = filter_of(&request.choice, Some(LetterStatus::Open))?;
    let Some(token) = &request.token else { return preview(&dead_letters, by, &filter, request).await };
    let results = dead_letters.act_on_all(by, ShownLetters { filter: &filter, limit: request.limit, token }).await?;
    let mut rows = Vec::with_capacity(results.len());
    let mut refused = 0;
    for (id, acted) in results {
        let result = acted.as_ref().map_or_else(ToString::to_string, came_of);
        audit_log::record(&journal, &command, id.as_str(), &result).await?;
        refused += usize::from(acted.is_err());
        rows.push((id.to_string(), result));
    }
    print_results(&rows, None, request.output)?;
    if refused > 0 {
        bail!("{refused} of {} dead letters did not take it", rows.len());
    }
    Ok(())
}

/// What came of an action, for the audit log.
fn came_of(letter: &LetterRecord) -> String {
    if letter.status == LetterStatus::Open { "proposed" } else { "ok" }.to_owned()
}

/// A client whose signals every worker opens: a signal that none opens would stop its workflow.
async fn connect_to_workers(settings: &Settings) -> anyhow::Result<Client> {
    let keys = settings.temporal_keyring()?;
    let client = compose::connect(settings, keys.clone()).await?;
    match understood(&polling(&client).await?, keys.as_deref()) {
        Understood::ByAll => Ok(client),
        Understood::NobodyPolls => bail!(
            "nothing was done: no worker polls, so it is not known whether the workers have the encryption keys that \
             are set here; run `daegeum worker` or `daegeum serve` first"
        ),
        Understood::BySome(told) | Understood::ByNone(told) => bail!("nothing was done: {told}; {MEND_KEYS}"),
    }
}

/// Shows what would be done. Nobody acts on letters that they were not shown.
async fn preview(
    dead_letters: &DeadLetters,
    wish: ActionRequest<'_>,
    filter: &LetterFilter,
    request: &DeadLetterRequest,
) -> anyhow::Result<()> {
    if !request.preview {
        bail!("name a dead letter, or look at what a filter chooses with --preview and repeat the --token it prints");
    }
    let preview = dead_letters.preview(wish.action, wish.by, filter, request.limit).await?;
    let told = |would: &Result<LetterOutcome, LetterRefusal>| match would {
        Ok(LetterOutcome::Taken(_)) => format!("would {}", wish.action.as_str()),
        Ok(LetterOutcome::Proposed(_)) => "would wait for another principal".to_owned(),
        Err(refusal) => format!("would be refused: {refusal}"),
    };
    let rows: Vec<_> =
        preview.items.iter().map(|(letter, would)| (letter.letter_id.to_string(), told(would))).collect();
    print_results(&rows, Some(&preview.token), request.output)
}

fn print_results(rows: &[(String, String)], token: Option<&str>, output: Output) -> anyhow::Result<()> {
    if output.json {
        let items: Vec<_> = rows.iter().map(|(id, result)| json!({ "dead_letter_id": id, "result": result })).collect();
        let body = json!({ "count": rows.len(), "token": token, "items": items });
        return print_json(&body);
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

async fn list(reader: &Reader, filter: &LetterFilter, limit: u64, output: Output) -> anyhow::Result<()> {
    let page = reader.dead_letters(filter, &Window { after: None, limit }).await?;
    if output.json {
        let rows: Vec<_> = page.items.iter().map(as_json).collect();
        return print_json(&rows);
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

async fn show(reader: &Reader, id: &str, output: Output) -> anyhow::Result<()> {
    let id = letter_id(id)?;
    let letter = reader.dead_letter(&id).await?.context("there is no such dead letter")?;
    let actions = reader.dead_letter_actions(&id).await?;
    let mut body = as_json(&letter);
    body["actions"] = actions.iter().map(action_as_json).collect();
    if output.json {
        return print_json(&body);
    }
    println!("{} is {}", letter.letter_id, letter.status);
    println!("  {} failed: {} {}", letter.step, letter.failure.code, letter.failure.message);
    println!("  of {}", letter.input);
    println!("  workflow {} ({}), run {}", letter.workflow_id, letter.workflow_type, letter.run_id);
    if letter.status == LetterStatus::Open {
        println!("  {}", advice(&letter.awaits));
    }
    if let Some(proposal) = &letter.proposal {
        let (by, outcome) = (&proposal.by, proposal.outcome.as_str());
        println!(
            "  {by} proposes {outcome}: another principal resolves it in the same way, in the console or by a key"
        );
    }
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
        "proposal": letter.proposal.as_ref().map(|proposal| json!({
            "by": proposal.by.to_string(),
            "outcome": proposal.outcome.as_str(),
            "reason": proposal.reason,
            "proposed_at": rfc3339(proposal.proposed_at),
        })),
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
        "outcome": action.outcome.map(DeclaredOutcome::as_str),
        "acted_at": rfc3339(action.acted_at),
    })
}

/// The most letters of one command, for the help.
pub(crate) const MOST: u64 = MAX_BULK;
