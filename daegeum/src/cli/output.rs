//! The form of what a command answers.

use clap::Args;
use serde::Serialize;
use serde_json::json;
use store::Imported;

/// How a command answers.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Output {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl Output {
    /// Prints what came of an import of lines or rates.
    pub(crate) fn print_imported(self, imported: Imported, what: &str) -> anyhow::Result<()> {
        let Imported { fresh, known } = imported;
        if self.json {
            return print_json(&json!({ "new": fresh, "known": known }));
        }
        println!("{fresh} new {what}, {known} that were kept before.");
        Ok(())
    }
}

/// Prints a value as indented JSON.
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}
