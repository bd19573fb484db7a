//! The one binary of daegeum: it reads the configuration, puts the rooms together and runs them.
//!
//! # What this crate does not do
//!
//! It holds no rule of payments and no SQL. Nothing depends on it.
//!
//! # Invariants
//!
//! * A setting that is unknown or malformed stops the start with a message that names it.
//! * A secret is printed once, by the command that makes it, and never logged.
//! * Whatever was started is stopped on SIGTERM and Ctrl-C, leaving no child: `dev` and `demo` within ten seconds, the
//!   roles once their requests have had the time that `shutdown` names.

#[macro_use]
mod cli;
mod clock;
mod compose;
mod demo;
mod dev;
mod doctor;
mod event_json;
#[cfg(feature = "kafka")]
mod kafka;
mod private;
mod psp_view;
mod roles;
mod serving;
mod settings;
mod system;
mod telemetry;
mod values;

use std::process::ExitCode;

use cli::{
    Cli, Command, api_key, arguments, audit_log, backup, bank, breaks, buyer, cluster, commission, dead_letter,
    encryption, event,
    ledger::{self, LedgerAction},
    migrate,
    out::{self, Ended},
    payout, rate, reconciliation, recovery, replay, report, seller, webhook_endpoint,
};
use serving::{shutdown, shutdown::StopTimes};
use telemetry::{logging, traces};

fn main() -> ExitCode {
    private::keep_files_private();
    let cli = match arguments::parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let ended = run(cli).unwrap_or_else(|error| {
        eprintln!("daegeum: {}", told_once(&error));
        ExitCode::FAILURE
    });
    match out::ended_early() {
        // What was to be done is done, and its reader has read enough.
        None | Some(Ended::Closed) => ended,
        Some(Ended::Failed) => {
            eprintln!("daegeum: standard output could not be written");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    // A proof can be checked without a daegeum installation: no settings are read.
    if let Command::Ledger(LedgerAction::CheckProof { file, public_key }) = &cli.command {
        return ledger::check_proof(file, public_key);
    }
    rustls::crypto::ring::default_provider().install_default().ok();
    let settings = settings::Settings::load(&cli.common)?;
    logging::start(&settings, cli.command.default_log());
    let settings = if cli.command.works_beside_dev() { settings.beside_dev()? } else { settings };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let traces = traces::start(runtime.handle())?;
    let stop_times = match cli.command {
        Command::Dev(_) | Command::Demo { .. } => StopTimes::DEV,
        Command::Worker => StopTimes::WORKER,
        _ => StopTimes { drain: settings.door.drain_or(StopTimes::ROLE.drain), ..StopTimes::ROLE },
    };
    let work = async {
        match cli.command {
            Command::Dev(ports) => dev::run(&settings, &ports).await,
            Command::Demo { record_histories } => return demo::run(&settings, record_histories.as_deref()).await,
            Command::Serve => roles::serve(&settings).await,
            Command::Api => roles::api(&settings).await,
            Command::Worker => roles::worker(&settings).await,
            Command::Migrate(step) => migrate::run(&settings, step).await,
            Command::TossSim(simulator) => roles::toss_sim(&simulator).await,
            Command::Keys(action) => api_key::run(&settings, action).await,
            Command::Ledger(action) => return ledger::run(&settings, action).await,
            Command::Reconcile(options) => return Ok(reconciliation::run(&settings, &options).await),
            Command::Recover(options) => return recovery::run(&settings, &options).await,
            Command::Cluster(action) => return cluster::run(&settings, action).await,
            Command::Backup(options) => backup::run(&settings, &options).await,
            Command::Breaks(action) => breaks::run(&settings, action).await,
            Command::Bank(action) => bank::run(&settings, action).await,
            Command::Rates(action) => rate::run(&settings, action).await,
            Command::Commissions(action) => commission::run(&settings, action).await,
            Command::Encryption(action) => encryption::run(&settings, action).await,
            Command::Buyers(action) => buyer::run(&settings, action).await,
            Command::Replay(options) => replay::run(&settings, &options).await,
            Command::Doctor { output } => return doctor::run(&settings, output).await,
            Command::DeadLetters(action) => dead_letter::run(&settings, action).await,
            Command::Payouts(action) => payout::run(&settings, action).await,
            Command::Reports(action) => report::run(&settings, action).await,
            Command::Sellers(action) => seller::run(&settings, action).await,
            Command::Events(action) => event::run(&settings, action).await,
            Command::Webhooks(action) => webhook_endpoint::run(&settings, action).await,
            Command::Audit(action) => audit_log::run(&settings, action).await,
        }?;
        Ok(ExitCode::SUCCESS)
    };
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = work => outcome,
            () = shutdown::overdue(stop_times.in_all()) => Ok(ExitCode::SUCCESS),
        }
    });
    // Before the runtime ends, which sends them.
    drop(traces);
    // A lingering connection must not hold up the exit: everything of value is in the database by now.
    runtime.shutdown_timeout(shutdown::RUNTIME_STOP_TIME);
    outcome
}

/// What went wrong and why, cause by cause. Some libraries repeat the cause in their own text; here it stands once.
fn told_once(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !told.contains(&cause) {
            let separator = if told.is_empty() { "" } else { ": " };
            told.extend([separator, &cause]);
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::told_once;

    #[test]
    fn a_cause_that_is_told_is_not_told_again() {
        let error =
            anyhow!("connection refused").context("could not connect: connection refused").context("no database");
        assert_eq!(told_once(&error), "no database: could not connect: connection refused");
    }
}
