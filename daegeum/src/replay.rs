//! Replaying recorded histories: a change that would lead a running checkout astray shows here first.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use temporalio_client::{UntypedWorkflow, WorkflowFetchHistoryOptions, WorkflowHistory};
use temporalio_sdk::workflow_replayer::{WorkflowReplayer, WorkflowReplayerOptions};
use workflows::{checkout::CheckoutWorkflow, refund::RefundWorkflow, refunds::RefundsWorkflow};

use crate::{
    cluster::{connect, data_converter},
    settings::Settings,
};

/// Where the recorded histories are, seen from the root of the repository.
const HISTORIES: &str = "temporal/histories";

/// Replays each history; fails on the first that takes another path.
pub(crate) async fn run(settings: &Settings, files: &[PathBuf], workflows: &[String]) -> anyhow::Result<()> {
    let files = if files.is_empty() && workflows.is_empty() { recorded()? } else { files.to_vec() };
    ensure!(!files.is_empty() || !workflows.is_empty(), "there is no history in {HISTORIES}; name files to replay");
    let options = WorkflowReplayerOptions::new()
        // A history from production is sealed; those of the repository are not, and replay as they are.
        .data_converter(data_converter(settings.keyring()?))
        .register_workflow::<CheckoutWorkflow>()?
        .register_workflow::<RefundsWorkflow>()?
        .register_workflow::<RefundWorkflow>()?
        .build();
    let replayer = WorkflowReplayer::new(options)?;
    for file in &files {
        let json = std::fs::read(file).with_context(|| format!("could not read {}", file.display()))?;
        let history = WorkflowHistory::from_json(&json)
            .with_context(|| format!("{} is no history as the SDK writes it", file.display()))?;
        replayer
            .replay_workflow(history)
            .await
            .with_context(|| format!("{} does not replay on this build", file.display()))?;
        println!("replayed {}", file.display());
    }
    if workflows.is_empty() {
        return Ok(());
    }
    let client = connect(&settings.temporal, settings.temporal_keyring()?).await?;
    for workflow in workflows {
        let handle = client.get_workflow_handle::<UntypedWorkflow>(workflow);
        let history = handle.fetch_history(WorkflowFetchHistoryOptions::default());
        let replayed = replayer.replay_workflow(history).await;
        replayed.with_context(|| format!("{workflow} does not replay on this build"))?;
        println!("replayed {workflow}");
    }
    Ok(())
}

fn recorded() -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(HISTORIES).with_context(|| {
        format!("could not read {HISTORIES}; run this at the root of the repository, or name the files to replay")
    })?;
    let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    Ok(files)
}
