//! `daegeum breaks`: the queues of breaks, and acts on them through Temporal.

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use domain::{
    calendar::Day,
    id::BreakId,
    reconciliation::{Act, BreakClass, BreakStatus, BreakType, Proposal, Template},
    settlement::Flow,
};
use serde_json::{Value, json};
use service::reconciliation::{BreakError, WantedAct, act};
use store::{BreakEvent, BreakFilter, BreakRecord, Reader, Window};

use crate::{
    cli::{
        audit_log::{self, Line},
        output::{Output, print_json},
        principal::{PrincipalOptions, audited},
    },
    compose,
    settings::Settings,
    values::rfc3339,
};

/// The most breaks of one page.
const PAGE: u64 = 100;

/// What to do with breaks. All but `list` and `show` go through a workflow.
#[derive(Debug, Subcommand)]
pub(crate) enum BreaksAction {
    /// List breaks, the newest first
    #[command(after_help = example!("daegeum breaks list --status OPEN"))]
    List {
        /// automatic, finance or investigation
        #[arg(long)]
        class: Option<String>,
        /// A type of the catalogue, such as fee_differs
        #[arg(long = "type", value_name = "TYPE")]
        break_type: Option<String>,
        /// OPEN, WAITING or RESOLVED
        #[arg(long)]
        status: Option<String>,
        /// The person that sees to them
        #[arg(long)]
        assignee: Option<String>,
        /// Expected on this day or before
        #[arg(long, value_name = "DATE")]
        expected_by: Option<Day>,
        /// Only those that were escalated, because they grew too old
        #[arg(long)]
        escalated: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Show a break with the rows of both sides and its history
    #[command(after_help = example!("daegeum breaks show BREAK"))]
    Show {
        /// The id of the break
        id: String,
        #[command(flatten)]
        output: Output,
    },
    /// Say which person sees to a break
    #[command(after_help = example_with_temporal!("daegeum breaks assign BREAK --to mina --reason 'asked Toss'"))]
    Assign {
        /// The person
        #[arg(long)]
        to: String,
        #[command(flatten)]
        request: BreakRequest,
    },
    /// Comment on a break; nothing else changes
    #[command(after_help = example_with_temporal!("daegeum breaks comment BREAK --text 'Toss has a ticket about it'"))]
    Comment {
        /// The id of the break
        id: String,
        /// The comment, which is stored with the break
        #[arg(long)]
        text: String,
        #[command(flatten)]
        principal: PrincipalOptions,
        #[command(flatten)]
        output: Output,
    },
    /// Leave a break alone until a day
    #[command(
        after_help = example_with_temporal!("daegeum breaks wait BREAK --until 2026-12-01 --reason 'Toss answers then'")
    )]
    Wait {
        /// The day
        #[arg(long, value_name = "DATE")]
        until: Day,
        #[command(flatten)]
        request: BreakRequest,
    },
    /// Resolve a break by a template; above the limit a second principal does the same
    #[command(
        after_help = example_with_temporal!("daegeum breaks resolve BREAK --template psp_fee --reason 'July regrade'")
    )]
    Resolve {
        /// accept, psp_fee, platform_income or receivable
        #[arg(long)]
        template: String,
        #[command(flatten)]
        request: BreakRequest,
    },
    /// Take the last act back, with what it booked
    #[command(after_help = example_with_temporal!("daegeum breaks undo BREAK --reason 'wrong break'"))]
    Undo(BreakRequest),
}

/// An act on a break.
#[derive(Debug, Args)]
pub(crate) struct BreakRequest {
    /// The id of the break
    pub(crate) id: String,
    /// The reason, which is stored with the break
    #[arg(long)]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) principal: PrincipalOptions,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// Carries out one action.
pub(crate) async fn run(settings: &Settings, action: BreaksAction) -> anyhow::Result<()> {
    match action {
        BreaksAction::List { class, break_type, status, assignee, expected_by, escalated, output } => {
            let filter = BreakFilter {
                class: read("--class", class, BreakClass::parse)?,
                break_type: read("--type", break_type, BreakType::parse)?,
                status: read("--status", status, BreakStatus::parse)?,
                assignee,
                expected_by,
                escalated,
            };
            list(&compose::open_reader(&settings.database()?).await?, &filter, output).await
        }
        BreaksAction::Show { id, output } => {
            show(&compose::open_reader(&settings.database()?).await?, &break_id(&id)?, output).await
        }
        BreaksAction::Assign { to, request } => carry_out(settings, Act::Assign { to }, &request).await,
        BreaksAction::Comment { id, text, principal, output } => {
            carry_out(settings, Act::Comment, &BreakRequest { id, reason: text, principal, output }).await
        }
        BreaksAction::Wait { until, request } => {
            carry_out(settings, Act::Wait { until: until.to_string() }, &request).await
        }
        BreaksAction::Resolve { template, request } => {
            let template = Template::parse(&template)
                .with_context(|| format!("--template takes: {}", Template::ALL.map(Template::as_str).join(", ")))?;
            carry_out(settings, Act::Resolve { template }, &request).await
        }
        BreaksAction::Undo(request) => carry_out(settings, Act::Undo, &request).await,
    }
}

async fn carry_out(settings: &Settings, wanted: Act, request: &BreakRequest) -> anyhow::Result<()> {
    let id = break_id(&request.id)?;
    let (journal, reader) = compose::open_for_api(&settings.database()?).await?;
    let client = compose::connect(settings, settings.temporal_keyring()?).await?;
    let command = format!("breaks {}", wanted.as_str());
    let by = request.principal.actor(settings, &reader).await?;
    let audited_as = audited(&by);
    let wanted = WantedAct { act: wanted, by, reason: request.reason.clone(), seen: None };
    let acted = act(&client, &reader, &id, wanted).await;
    let result = acted.as_ref().map_or_else(ToString::to_string, |_| "ok".to_owned());
    let line = Line { action: &command, object: id.as_str(), result: &result };
    audit_log::record_of(&journal, audited_as, line).await?;
    match acted {
        Ok(_) => show(&reader, &id, request.output).await,
        Err(BreakError::FourEyes(told)) => bail!("{told}: another principal, such as an API key of scope finance"),
        Err(error) => Err(error.into()),
    }
}

async fn list(reader: &Reader, filter: &BreakFilter, output: Output) -> anyhow::Result<()> {
    let page = reader.breaks(filter, &Window { after: None, limit: PAGE }).await?;
    if output.json {
        return print_json(&page.items.iter().map(as_json).collect::<Vec<_>>());
    }
    for record in &page.items {
        println!("{}", sentence(record));
    }
    if page.more {
        println!("There are more; narrow the list with --status, --class or --type.");
    }
    Ok(())
}

async fn show(reader: &Reader, id: &BreakId, output: Output) -> anyhow::Result<()> {
    let record = reader.break_record(id).await?.with_context(|| format!("there is no break {id}"))?;
    let history = reader.break_history(id).await?;
    if output.json {
        let mut shown = as_json(&record);
        shown["ours_as_received"] = serde_json::from_str(&record.evidence_ours).unwrap_or_default();
        shown["theirs_as_received"] = serde_json::from_str(&record.evidence_theirs).unwrap_or_default();
        shown["history"] = history.iter().map(event_json).collect();
        return print_json(&shown);
    }
    println!("{}", sentence(&record));
    if let Some(Proposal { by, template }) = &record.proposal {
        println!(
            "proposed:    {} by {by}; it is done when a second principal resolves the break with the same template",
            template.as_str()
        );
    }
    println!("our side:    {}", record.evidence_ours);
    println!("other side:  {}", record.evidence_theirs);
    for event in history {
        println!("{}  {:<8} {} {}", rfc3339(event.acted_at), event.act, event.actor, event.reason);
    }
    Ok(())
}

fn read<T>(flag: &str, text: Option<String>, parse: impl Fn(&str) -> Option<T>) -> anyhow::Result<Option<T>> {
    text.map(|text| parse(&text).with_context(|| format!("{flag} does not know {text:?}"))).transpose()
}

fn break_id(text: &str) -> anyhow::Result<BreakId> {
    BreakId::parse(text).with_context(|| format!("{text:?} is no id of a break"))
}

/// A break in one line.
pub(crate) fn sentence(record: &BreakRecord) -> String {
    let amount = |flow: Option<Flow>| {
        flow.map_or_else(|| "nothing".to_owned(), |flow| format!("{} {}", flow.to_decimal_string(), record.currency))
    };
    format!(
        "{} {} {:<9} {:<13} {}: we {}, they {} ({})",
        record.break_type.code(),
        record.break_type,
        record.status.as_str(),
        record.class.as_str(),
        record.told_subject(),
        amount(record.ours),
        amount(record.theirs),
        record.break_id
    )
}

/// A break for programs.
pub(crate) fn as_json(record: &BreakRecord) -> Value {
    json!({
        "break_id": record.break_id.to_string(),
        "type": record.break_type.as_str(),
        "code": record.break_type.code(),
        "class": record.class.as_str(),
        "layer": record.layer.as_str(),
        "subject": record.subject,
        "status": record.status.as_str(),
        "day": record.day.to_string(),
        "currency": record.currency.code(),
        "ours": record.ours.map(Flow::to_decimal_string),
        "theirs": record.theirs.map(Flow::to_decimal_string),
        "suspense": record.suspense.to_decimal_string(),
        "checkout_id": record.checkout_id.as_ref().map(ToString::to_string),
        "assignee": record.assignee,
        "wait_until": record.wait_until.map(|day| day.to_string()),
        "proposal": record.proposal.as_ref().map(|proposal| json!({
            "by": proposal.by.to_string(),
            "template": proposal.template.as_str(),
        })),
        "reason_code": record.reason_code,
        "resolved_by": record.resolved_by,
        "template": record.resolved_template.map(Template::as_str),
        "opened_at": rfc3339(record.opened_at),
        "last_seen_at": rfc3339(record.last_seen_at),
        "resolved_at": record.resolved_at.map(rfc3339),
        "version": record.version,
        "escalation": record.escalation,
        "escalated_at": record.escalated_at.map(rfc3339),
    })
}

fn event_json(event: &BreakEvent) -> Value {
    json!({
        "number": event.number,
        "act": event.act,
        "by": event.actor,
        "reason": event.reason,
        "reason_code": event.reason_code,
        "detail": event.detail,
        "acted_at": rfc3339(event.acted_at),
    })
}
