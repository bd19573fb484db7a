//! `daegeum cluster`: what the Temporal namespace has to have.

use std::{process::ExitCode, time::Duration};

use clap::{Args, Subcommand};
use serde_json::json;
use temporal::{
    TemporalError, apply_schedules, database_of_namespace, give_namespace,
    namespace::{self, DEFAULT_RETENTION, Namespace, SHORTEST_RETENTION},
    needed_schedules,
};
use temporalio_client::{Client, NamespacedClient as _};

use crate::{
    cli::{
        output::{Output, print_json},
        schedules as told_schedules,
    },
    compose,
    settings::Settings,
};

/// The name of the part that says which database the namespace belongs to.
const DATABASE: &str = "database";
/// The name of the part that says which schedules there are.
const SCHEDULES: &str = "schedules";
/// A day, in seconds.
const DAY_S: u64 = 24 * 60 * 60;

/// What to do with the namespace.
#[derive(Debug, Subcommand)]
pub(crate) enum ClusterAction {
    /// Bring the namespace to what this version needs; safe to repeat, exit 1 if an administrator has to do it
    #[command(after_help = example_with_temporal!("daegeum cluster apply --retention-days 7"))]
    Apply {
        /// Say that the namespace belongs to this database from now on; processes with another database stop
        #[arg(long)]
        adopt_database: bool,
        #[command(flatten)]
        options: ClusterOptions,
    },
    /// Say what the namespace lacks; exit 1 if it lacks anything
    #[command(after_help = example_with_temporal!("daegeum cluster status --json"))]
    Status(ClusterOptions),
}

/// What is wanted of the namespace.
#[derive(Debug, Args)]
pub(crate) struct ClusterOptions {
    /// For how many days closed workflows are kept, 1 to 90 [default: as it is; 7 in a new namespace]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..=90))]
    retention_days: Option<u16>,
    #[command(flatten)]
    output: Output,
}

/// Where a part of the namespace stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PartState {
    Well,
    /// It was brought there now.
    Changed,
    Differs,
    /// The server does not let this client change it.
    Refused,
}

impl PartState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Well => "ok",
            Self::Changed => "changed",
            Self::Differs => "differs",
            Self::Refused => "refused",
        }
    }

    const fn is_well(self) -> bool {
        match self {
            Self::Well | Self::Changed => true,
            Self::Differs | Self::Refused => false,
        }
    }
}

/// A part of the namespace, and what it is like.
struct Part {
    name: &'static str,
    state: PartState,
    detail: String,
}

/// Carries out the action. Every part is looked at, whatever another one lacks.
pub(crate) async fn run(settings: &Settings, action: ClusterAction) -> anyhow::Result<ExitCode> {
    let client = compose::connect(settings, settings.temporal_keyring()?).await?;
    let (parts, output) = match action {
        ClusterAction::Apply { adopt_database, options } => {
            let mut parts = apply(&client, &options).await?;
            parts.push(if adopt_database { adopt(settings, &client).await? } else { owner(&client).await });
            (parts, options.output)
        }
        ClusterAction::Status(options) => (status(&client, &options).await?, options.output),
    };
    tell(&client.namespace(), &parts, output)?;
    Ok(if parts.iter().all(|part| part.state.is_well()) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl ClusterOptions {
    fn retention(&self) -> Option<Duration> {
        self.retention_days.map(|days| Duration::from_secs(u64::from(days) * DAY_S))
    }
}

async fn status(client: &Client, options: &ClusterOptions) -> anyhow::Result<Vec<Part>> {
    let name = client.namespace();
    let Some(found) = namespace::look_at(client).await? else {
        let detail = format!("there is no namespace {name}; `daegeum cluster apply` makes it");
        return Ok(vec![Part { name: "namespace", state: PartState::Differs, detail }]);
    };
    let Namespace { retention, missing } = found;
    let attributes = if missing.is_empty() {
        Part { name: "search attributes", state: PartState::Well, detail: "all are registered".to_owned() }
    } else {
        let detail = namespace::commands(&name, &missing);
        Part { name: "search attributes", state: PartState::Differs, detail }
    };
    let retention = retention_part(retention, options.retention());
    Ok(vec![exists(&name), retention, attributes, schedules(client).await, owner(client).await])
}

/// The database that the namespace belongs to.
async fn owner(client: &Client) -> Part {
    let detail = match database_of_namespace(client).await {
        Ok(Some(owner)) => format!("the namespace belongs to the database {owner}"),
        Ok(None) => "the first worker says which database the namespace belongs to".to_owned(),
        Err(error) => {
            let detail = format!("{:#}", anyhow::Error::from(error));
            return Part { name: DATABASE, state: PartState::Refused, detail };
        }
    };
    Part { name: DATABASE, state: PartState::Well, detail }
}

/// Gives the namespace to the database of the settings.
async fn adopt(settings: &Settings, client: &Client) -> anyhow::Result<Part> {
    let ours = compose::open_reader(&settings.database()?).await?.event_log().await?.log_id;
    let before = database_of_namespace(client).await?;
    if before.as_ref() == Some(&ours) {
        return Ok(owner(client).await);
    }
    let now = give_namespace(client, &ours).await?;
    let state = if now == ours { PartState::Changed } else { PartState::Refused };
    Ok(Part { name: DATABASE, state, detail: format!("the namespace belongs to the database {now} from now on") })
}

fn exists(name: &str) -> Part {
    Part { name: "namespace", state: PartState::Well, detail: format!("{name} is there") }
}

/// Whether closed workflows are kept for as long as is wanted.
fn retention_part(found: Option<Duration>, wanted: Option<Duration>) -> Part {
    let name = "retention";
    let days = |time: Duration| format!("{} days", time.as_secs() / DAY_S);
    match (found, wanted) {
        (Some(found), Some(wanted)) if found != wanted => Part {
            name,
            state: PartState::Differs,
            detail: format!("closed workflows are kept for {} instead of {}", days(found), days(wanted)),
        },
        (Some(found), None) if found < SHORTEST_RETENTION => {
            let detail = format!("closed workflows are kept for {} s only; name --retention-days", found.as_secs());
            Part { name, state: PartState::Differs, detail }
        }
        (Some(found), _) => {
            Part { name, state: PartState::Well, detail: format!("closed workflows are kept for {}", days(found)) }
        }
        (None, _) => Part { name, state: PartState::Well, detail: "the server does not say".to_owned() },
    }
}

/// Which schedules there are. Each worker creates those that are missing when it starts.
async fn schedules(client: &Client) -> Part {
    match needed_schedules(client).await {
        Ok(needed) => {
            let (is_well, mut detail) = (told_schedules::are_as_needed(&needed), told_schedules::told(&needed));
            if !is_well {
                // What an operator paused stays paused.
                detail += "\n`daegeum cluster apply` mends that";
            }
            Part { name: SCHEDULES, state: if is_well { PartState::Well } else { PartState::Differs }, detail }
        }
        Err(error) => refused_schedules(error),
    }
}

fn refused_schedules(error: TemporalError) -> Part {
    Part { name: SCHEDULES, state: PartState::Refused, detail: format!("{:#}", anyhow::Error::from(error)) }
}

async fn apply_needed_schedules(client: &Client) -> Part {
    match apply_schedules(client).await {
        Ok(changed) if changed.is_empty() => schedules(client).await,
        Ok(changed) => {
            let detail = format!("created or changed {}", changed.join(", "));
            Part { name: SCHEDULES, state: PartState::Changed, detail }
        }
        Err(error) => refused_schedules(error),
    }
}

async fn apply(client: &Client, options: &ClusterOptions) -> anyhow::Result<Vec<Part>> {
    let name = client.namespace();
    let mut parts = Vec::new();
    let found = match namespace::look_at(client).await? {
        Some(found) => {
            parts.push(exists(&name));
            found
        }
        None => {
            let retention = options.retention().unwrap_or(DEFAULT_RETENTION);
            if let Err(error) = namespace::register(client, retention).await {
                let detail = format!("{:#}", anyhow::Error::from(error));
                return Ok(vec![Part { name: "namespace", state: PartState::Refused, detail }]);
            }
            parts.push(Part { name: "namespace", state: PartState::Changed, detail: format!("made {name}") });
            Namespace { retention: Some(retention), missing: Vec::new() }
        }
    };
    parts.push(apply_retention(client, found.retention, options.retention()).await);
    parts.push(apply_attributes(client).await);
    parts.push(apply_needed_schedules(client).await);
    Ok(parts)
}

async fn apply_retention(client: &Client, found: Option<Duration>, wanted: Option<Duration>) -> Part {
    let part = retention_part(found, wanted);
    let Some(wanted) = wanted.filter(|_| part.state == PartState::Differs) else { return part };
    match namespace::set_retention(client, wanted).await {
        Ok(()) => {
            let detail = format!("closed workflows are kept for {} days from now on", wanted.as_secs() / DAY_S);
            Part { name: part.name, state: PartState::Changed, detail }
        }
        Err(error) => {
            let detail = format!("{}: {:#}", part.detail, anyhow::Error::from(error));
            Part { name: part.name, state: PartState::Refused, detail }
        }
    }
}

async fn apply_attributes(client: &Client) -> Part {
    let name = "search attributes";
    match namespace::register_attributes(client).await {
        Ok(missing) if missing.is_empty() => {
            Part { name, state: PartState::Well, detail: "all are registered".to_owned() }
        }
        Ok(missing) => {
            let names: Vec<_> = missing.iter().map(|attribute| attribute.name).collect();
            Part { name, state: PartState::Changed, detail: format!("registered {}", names.join(", ")) }
        }
        Err(error) => Part { name, state: PartState::Refused, detail: format!("{:#}", anyhow::Error::from(error)) },
    }
}

fn tell(namespace: &str, parts: &[Part], output: Output) -> anyhow::Result<()> {
    if output.json {
        let rows: Vec<_> = parts
            .iter()
            .map(|part| json!({ "part": part.name, "state": part.state.as_str(), "detail": part.detail }))
            .collect();
        return print_json(&json!({ "namespace": namespace, "parts": rows }));
    }
    for Part { name, state, detail } in parts {
        println!("{:<8} {name:<18} {}", state.as_str(), detail.replace('\n', &format!("\n{:<28}", "")));
    }
    Ok(())
}
