//! Log lines to standard error; standard output is for what a command answers.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::{
    cli::{Command, LogFormat},
    settings::Settings,
};

/// Starts logging. A filter that cannot be read is a setting like any other: it is named, and `info` used.
pub(crate) fn start(settings: &Settings, command: &Command) {
    let default = match command {
        Command::Dev(_)
        | Command::Demo { .. }
        | Command::Keys(_)
        | Command::Ledger(_)
        | Command::Commissions(_)
        | Command::Encryption(_)
        | Command::Buyers(_)
        | Command::DeadLetters(_)
        | Command::Events(_)
        | Command::Webhooks(_)
        | Command::Audit(_)
        | Command::Migrate(_)
        | Command::Reconcile { .. }
        | Command::Doctor { .. }
        | Command::Replay { .. } => "warn",
        Command::Serve | Command::Api | Command::Worker | Command::TossSim(_) => "info",
    };
    let wanted = settings.log.as_deref().unwrap_or(default);
    let filter = EnvFilter::try_new(wanted).unwrap_or_else(|error| {
        eprintln!("daegeum: the setting log is malformed ({error}); logging at info");
        EnvFilter::new("info")
    });
    let colours = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colours)
        .log_internal_errors(false);
    match settings.log_format {
        LogFormat::Pretty => lines.compact().init(),
        LogFormat::Json => lines.json().init(),
    }
}
