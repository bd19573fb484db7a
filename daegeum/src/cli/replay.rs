//! Replays recorded histories. A change that breaks running workflows fails here.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use clap::Args;
use temporal::Replayer;

use crate::{compose, settings::Settings};

/// The histories to replay.
#[derive(Debug, Args)]
pub(crate) struct ReplayOptions {
    /// Histories as the SDK writes them [default: all in temporal/histories]
    pub(crate) files: Vec<PathBuf>,
    /// A workflow of the Temporal server, running or closed; may be given several times [default: none]
    #[arg(long, value_name = "WORKFLOW")]
    pub(crate) workflow: Vec<String>,
}

/// Where the recorded histories are, seen from the root of the repository.
const HISTORIES: &str = "temporal/histories";

/// Replays each history; fails on the first that takes another path.
pub(crate) async fn run(settings: &Settings, options: &ReplayOptions) -> anyhow::Result<()> {
    let ReplayOptions { files, workflow: workflows } = options;
    let files = if files.is_empty() && workflows.is_empty() { recorded()? } else { files.to_vec() };
    ensure!(!files.is_empty() || !workflows.is_empty(), "there is no history in {HISTORIES}; name files to replay");
    // A history from production is sealed; those of the repository are not, and replay as they are.
    let replayer = Replayer::try_new(settings.keyring()?)?;
    for file in &files {
        let json = std::fs::read(file).with_context(|| format!("could not read {}", file.display()))?;
        replayer.replay_json(&json).await.with_context(|| format!("could not replay {}", file.display()))?;
        println!("replayed {}", file.display());
    }
    if workflows.is_empty() {
        return Ok(());
    }
    let client = compose::connect(settings, settings.temporal_keyring()?).await?;
    for workflow in workflows {
        let replayed = replayer.replay_workflow(&client, workflow).await;
        replayed.with_context(|| format!("could not replay {workflow}"))?;
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
