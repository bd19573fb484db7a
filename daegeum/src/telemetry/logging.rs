//! Log lines to standard error; standard output is for what a command answers.

use std::io::IsTerminal as _;

use temporal::LOG_WITHOUT_PAYLOADS;
use tracing_subscriber::EnvFilter;

use crate::settings::{LogFormat, Settings};

/// Starts logging. If the filter that is set is malformed, `info` is used.
pub(crate) fn start(settings: &Settings, default: &str) {
    let wanted = settings.log.as_deref().unwrap_or(default);
    let filter = EnvFilter::try_new(wanted).unwrap_or_else(|error| {
        eprintln!("daegeum: the setting log is malformed ({error}); logging at info");
        EnvFilter::new("info")
    });
    let filter = LOG_WITHOUT_PAYLOADS.iter().fold(filter, |filter, directive| match directive.parse() {
        Ok(parsed) => filter.add_directive(parsed),
        Err(error) => {
            eprintln!("daegeum: {directive} is no log filter: {error}");
            filter
        }
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
