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
    /// Prints what came of an import; `what` names one thing of it.
    pub(crate) fn print_imported(self, imported: Imported, what: &str) -> anyhow::Result<()> {
        let Imported { fresh, known } = imported;
        if self.json {
            return print_json(&json!({ "new": fresh, "known": known }));
        }
        println!("{}, {known} kept before.", counted(fresh, &format!("new {what}")));
        Ok(())
    }
}

/// A number of things, each called by a noun whose plural ends in `s`: `1 line`, `2 lines`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// Prints a value as indented JSON.
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}
