//! `daegeum bank import`: keeps the lines of a bank statement.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Subcommand;
use service::{bank_statement, table::text};

use crate::{
    cli::{
        audit_log,
        output::{Output, counted},
    },
    compose,
    settings::Settings,
};

/// What to do with bank statements.
#[derive(Debug, Subcommand)]
pub(crate) enum BankAction {
    /// Keep the lines of a bank statement, each once; the next reconciliation matches them
    #[command(after_help = example!("daegeum bank import statement.csv"))]
    Import {
        /// The CSV file: date, amount, description, and where wanted account and currency
        file: PathBuf,
        #[command(flatten)]
        output: Output,
    },
}

/// Carries out one action.
pub(crate) async fn run(settings: &Settings, action: BankAction) -> anyhow::Result<()> {
    let BankAction::Import { file, output } = action;
    let csv = std::fs::read(&file).with_context(|| format!("could not read {}", file.display()))?;
    let lines = text(&csv).and_then(|csv| bank_statement::read(&csv));
    let lines = lines.with_context(|| format!("{} is no statement", file.display()))?;
    let (journal, _) = compose::open_for_api(&settings.database()?).await?;
    let by = format!("operator:{}", audit_log::operator());
    let imported = journal.import_bank_lines(&lines, &by).await?;
    audit_log::record(&journal, "bank import", "", &counted(imported.fresh, "new line")).await?;
    output.print_imported(imported, "line")
}
