//! `daegeum recover`: starts lost workflows again.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use domain::Timestamp;
use serde_json::json;
use service::{
    Histories,
    recovery::{Lost, Recoverer, Restarted},
};
use temporal::{MEND_KEYS, Understood, polling, understood};

use crate::{
    cli::{
        audit_log,
        output::{Output, print_json},
    },
    compose,
    settings::Settings,
    values::{now, parse_rfc3339},
};

/// What is started again.
#[derive(Debug, Args)]
pub(crate) struct RecoverOptions {
    /// Start the workflows; without it they are listed
    #[arg(long)]
    yes: bool,
    /// When the last worker lost its workflows, such as 2026-11-27T09:00:00+09:00. A checkout without a recorded
    /// payment takes no payment for ten minutes after this time, because the lost workflow may have sent one [default:
    /// now]
    #[arg(long, value_name = "TIME")]
    lost_at: Option<String>,
    #[command(flatten)]
    output: Output,
}

/// What came of one lost workflow.
struct Recovered {
    lost: Lost,
    /// What was done; nothing in a dry run.
    result: Option<Result<Restarted, String>>,
}

/// Lists what was lost, and starts it again where that is wanted. Exit 1 where something could not be started.
pub(crate) async fn run(settings: &Settings, options: &RecoverOptions) -> anyhow::Result<ExitCode> {
    let now = now();
    let lost_at = options.lost_at.as_deref().map(parse_rfc3339).transpose().context("--lost-at is no time")?;
    let lost_at = lost_at.unwrap_or(now);
    if lost_at > now {
        bail!("--lost-at lies in the future");
    }
    let url = settings.database()?;
    let reader = compose::open_reader(&url).await?;
    let keys = settings.temporal_keyring()?;
    let client = compose::connect(settings, keys.clone()).await?;
    if options.yes {
        match understood(&polling(&client).await?, keys.as_deref()) {
            Understood::ByNone(told) => bail!("{told}; {MEND_KEYS}"),
            Understood::BySome(told) => tracing::warn!("{told}; {MEND_KEYS}"),
            Understood::ByAll | Understood::NobodyPolls => {}
        }
    }
    let histories = if keys.is_some() { Histories::Sealed } else { Histories::InTheClear };
    let recoverer = Recoverer { client: &client, reader: &reader, histories };
    let mut told = Vec::new();
    if options.yes {
        let (journal, _) = compose::open_for_api(&url).await?;
        for lost in recoverer.find(now).await? {
            let result = restart(&recoverer, &lost, lost_at).await;
            let object = format!("{} {}", lost.work.kind(), lost.work.id());
            let came = result.as_ref().map_or_else(String::as_str, |restarted| restarted.as_str());
            audit_log::record(&journal, "recover", &object, came).await?;
            told.push(Recovered { lost, result: Some(result) });
        }
    } else {
        let found = recoverer.find(now).await?;
        told.extend(found.into_iter().map(|lost| Recovered { lost, result: None }));
    }
    tell(&told, options)?;
    let has_failed = told.iter().any(|told| matches!(told.result, Some(Err(_) | Ok(Restarted::InTurn))));
    Ok(if has_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn restart(recoverer: &Recoverer<'_>, lost: &Lost, lost_at: Timestamp) -> Result<Restarted, String> {
    recoverer.restart(lost, lost_at).await.map_err(|fault| service::error_chain(&fault))
}

fn tell(told: &[Recovered], options: &RecoverOptions) -> anyhow::Result<()> {
    if options.output.json {
        let rows: Vec<_> = told
            .iter()
            .map(|Recovered { lost, result }| {
                json!({
                    "kind": lost.work.kind(),
                    "id": lost.work.id(),
                    "status": lost.work.status(),
                    "workflow_id": lost.workflow_id,
                    "workflow": lost.instead.as_str(),
                    "result": result.as_ref().and_then(|result| result.as_ref().ok()).map(|done| done.as_str()),
                    "error": result.as_ref().and_then(|result| result.as_ref().err()),
                })
            })
            .collect();
        return print_json(&rows);
    }
    for Recovered { lost, result } in told {
        let done = match result {
            None => "would be restarted".to_owned(),
            Some(Ok(restarted)) => restarted.as_str().to_owned(),
            Some(Err(error)) => format!("not restarted: {error}"),
        };
        println!(
            "{} {} is {}, its workflow is {}: {done}",
            lost.work.kind(),
            lost.work.id(),
            lost.work.status(),
            lost.instead.as_str()
        );
    }
    match told.len() {
        0 => println!("every unfinished checkout and refund has its workflow"),
        count if options.yes => println!("{count} were without a workflow"),
        count => println!("{count} are without a workflow; --yes restarts them"),
    }
    Ok(())
}
