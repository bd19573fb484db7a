//! Log lines to standard error; standard output is for what a command answers.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::settings::{LogFormat, Settings};

/// A worker of Temporal's SDK warns of an answer that came too late, and writes the whole answer: our payloads have no
/// place in a log.
const WITHOUT_PAYLOADS: &str = "temporalio_sdk_core::worker::activities::local_activities=error";

/// Starts logging. If the filter that is set is malformed, `info` is used.
pub(crate) fn start(settings: &Settings, default: &str) {
    let wanted = settings.log.as_deref().unwrap_or(default);
    let filter = EnvFilter::try_new(wanted).unwrap_or_else(|error| {
        eprintln!("daegeum: the setting log is malformed ({error}); logging at info");
        EnvFilter::new("info")
    });
    let filter = match WITHOUT_PAYLOADS.parse() {
        Ok(directive) => filter.add_directive(directive),
        Err(error) => {
            eprintln!("daegeum: {WITHOUT_PAYLOADS} is no log filter: {error}");
            filter
        }
    };
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
