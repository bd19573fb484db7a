//! `daegeum backup`: a copy of the embedded databases.

use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use serde_json::json;
use store::{FileCopy, copy_at_one_instant};

use crate::{
    cli::output::{Output, print_json},
    private,
    settings::Settings,
};

/// The file in which the embedded Temporal server keeps its state.
const TEMPORAL_FILE: &str = "temporal.db";

/// Where the copy goes.
#[derive(Debug, Args)]
pub(crate) struct BackupOptions {
    /// A directory for the copies, which is made if it is missing
    directory: PathBuf,
    #[command(flatten)]
    output: Output,
}

/// Copies the databases of the data directory as they stand at one instant.
pub(crate) async fn run(settings: &Settings, options: &BackupOptions) -> anyhow::Result<()> {
    let url = settings.database()?;
    let Some(database) = url.sqlite_file() else {
        bail!(
            "{url} is no SQLite file: back PostgreSQL up by its own tools (continuous archiving, or pg_dump), together \
             with Temporal's database; docs/production.md says how"
        )
    };
    private::make_directory(&options.directory)?;
    let temporal = settings.data_dir.join(TEMPORAL_FILE);
    let mut copies = Vec::new();
    for from in std::iter::once(database).chain(temporal.exists().then_some(temporal)) {
        let name = from.file_name().context("the database is no file")?;
        let to = options.directory.join(name);
        ensure!(!to.exists(), "{} exists already; name a directory without it", to.display());
        copies.push(FileCopy { from, to });
    }
    copy_at_one_instant(&copies).await.context("could not copy the databases")?;
    if options.output.json {
        let files: Vec<_> = copies.iter().map(|copy| copy.to.display().to_string()).collect();
        return print_json(&json!({ "files": files }));
    }
    for FileCopy { from, to } in &copies {
        println!("copied {} to {}", from.display(), to.display());
    }
    println!(
        "Keys are not copied: keep encryption-keys, ledger-signing-key, key_pepper and api-key apart from this backup."
    );
    Ok(())
}
