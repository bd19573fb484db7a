//! The command line. Every option of a running system is also a setting; see [`crate::settings`].

#[macro_use]
mod help;
#[macro_use]
pub(crate) mod out;

pub(crate) mod api_key;
mod api_request;
pub(crate) mod arguments;
pub(crate) mod audit_log;
pub(crate) mod backup;
pub(crate) mod bank;
pub(crate) mod breaks;
pub(crate) mod buyer;
pub(crate) mod cluster;
pub(crate) mod commission;
pub(crate) mod dead_letter;
pub(crate) mod encryption;
pub(crate) mod event;
pub(crate) mod ledger;
pub(crate) mod migrate;
pub(crate) mod output;
pub(crate) mod payout;
mod principal;
pub(crate) mod progress;
pub(crate) mod rate;
pub(crate) mod reconciliation;
pub(crate) mod recovery;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod schedules;
pub(crate) mod seller;
pub(crate) mod webhook_endpoint;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::{dev::DevPorts, roles::SimulatorOptions, settings::Common};

use self::{
    api_key::KeysAction, audit_log::AuditAction, backup::BackupOptions, bank::BankAction, breaks::BreaksAction,
    buyer::BuyersAction, cluster::ClusterAction, commission::CommissionsAction, dead_letter::DeadLettersAction,
    encryption::EncryptionAction, event::EventsAction, ledger::LedgerAction, migrate::MigrateStep, output::Output,
    payout::PayoutsAction, rate::RatesAction, reconciliation::ReconcileOptions, recovery::RecoverOptions,
    replay::ReplayOptions, report::ReportsAction, seller::SellersAction,
};

/// A payment backend for marketplaces: pay-in through Toss Payments, wallets and a double-entry ledger, on Temporal.
#[derive(Debug, Parser)]
#[command(name = "daegeum", version, max_term_width = 100, after_help = example!("daegeum dev", "daegeum demo"))]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run everything on this machine: Temporal dev server, Toss simulator, database, worker and API
    #[command(after_help = example!("daegeum dev --port 8080"))]
    Dev(DevPorts),
    /// Run real checkouts over HTTP once, on free ports, and check the books; exit 1 if anything is wrong
    #[command(after_help = example!("daegeum demo"))]
    Demo {
        /// A directory that receives the workflow histories of the run, for `replay` [default: none]
        #[arg(long, value_name = "DIR")]
        record_histories: Option<PathBuf>,
    },
    /// Run API and worker in one process, against an external Temporal, database and Toss
    #[command(
        after_help = example_with_temporal!("daegeum serve --database-url postgres://daegeum@db.internal/daegeum")
    )]
    Serve,
    /// Run the API alone
    #[command(after_help = example_with_temporal!("daegeum api --listen 127.0.0.1:8080"))]
    Api,
    /// Run a worker alone
    #[command(after_help = example_with_temporal!("daegeum worker"))]
    Worker,
    /// Update the database's schema, undo the newest change, or show the applied changes
    #[command(subcommand, after_help = example!("daegeum migrate up"))]
    Migrate(MigrateStep),
    /// Run the Toss Payments simulator alone
    #[command(after_help = example!("daegeum toss-sim --webhook-url http://127.0.0.1:8080/v1/webhooks/toss"))]
    TossSim(SimulatorOptions),
    /// Create, list, rotate and revoke API keys
    #[command(subcommand, after_help = example!("daegeum keys list"))]
    Keys(KeysAction),
    /// Check, sign, export, close and correct the books
    #[command(subcommand, after_help = example!("daegeum ledger verify"))]
    Ledger(LedgerAction),
    /// Set and list the commission that the marketplace takes of a sale
    #[command(subcommand, after_help = example!("daegeum commissions list"))]
    Commissions(CommissionsAction),
    /// Make encryption keys, and encrypt again under the newest key
    #[command(subcommand, after_help = example!("daegeum encryption generate"))]
    Encryption(EncryptionAction),
    /// Erase the personal details of a buyer
    #[command(subcommand, after_help = example!("daegeum buyers erase buyer-1"))]
    Buyers(BuyersAction),
    /// Reconcile a day with Toss and the bank; exit 1 if a break is open, exit 3 if there is no verdict
    ///
    /// The command starts the day's workflow, or finds the one that runs, and follows it. The workflow compares our
    /// books with each other, with Toss's transactions, settlements and payout balance, and with bank lines. It books
    /// settlement rows, each once. Where a source cannot be read to its end, there is no verdict: nothing is opened
    /// and nothing is closed. A schedule does the same each morning at 06:00 in Korea.
    #[command(after_help = example_with_temporal!("daegeum reconcile --day 2026-11-21"))]
    Reconcile(ReconcileOptions),
    /// Bring the Temporal namespace to what this version needs, or say what it lacks
    #[command(subcommand, after_help = example_with_temporal!("daegeum cluster status"))]
    Cluster(ClusterAction),
    /// Copy the embedded databases, as they stand at one instant, while they are in use
    ///
    /// For SQLite: the database and the embedded Temporal server's. To restore, stop `dev`, put the copies in place of
    /// the files in the data directory (and remove files that end in -wal and -shm), and start it again.
    #[command(after_help = example!("daegeum backup /var/backups/daegeum/2026-11-27"))]
    Backup(BackupOptions),
    /// List the breaks of reconciliations, and deal with them
    #[command(subcommand, after_help = example!("daegeum breaks list --status OPEN"))]
    Breaks(BreaksAction),
    /// Import bank statements
    #[command(subcommand, after_help = example!("daegeum bank import statement.csv"))]
    Bank(BankAction),
    /// Import and list exchange rates, for reports and limits: no balance is converted
    #[command(subcommand, after_help = example!("daegeum rates import rates.csv"))]
    Rates(RatesAction),
    /// Check the configuration and everything that a payment needs, with advice; exit 1 if a check fails
    #[command(after_help = example_with_temporal!("daegeum doctor --json"))]
    Doctor {
        #[command(flatten)]
        output: Output,
    },
    /// Start the workflow of every unfinished checkout and refund again that has none; a dry run without --yes
    ///
    /// For a Temporal that was lost or set back, and for workflows that were ended by hand. Each new workflow goes on
    /// from the database and asks Toss before anything else. It is safe to repeat: a workflow that runs is left alone,
    /// and no payment is sent twice. Workers must run the version of this command.
    #[command(after_help = example_with_temporal!(
        "daegeum recover", "daegeum recover --yes --lost-at 2026-11-27T09:00:00+09:00"
    ))]
    Recover(RecoverOptions),
    /// List and resolve steps that failed and need a person
    #[command(subcommand, after_help = example!("daegeum dead-letters list"))]
    DeadLetters(DeadLettersAction),
    /// Pay sellers: plan, freeze, approve and follow payout runs, through the API
    #[command(subcommand, after_help = example!("daegeum payouts list"))]
    Payouts(PayoutsAction),
    /// Print the reports of finance, through the API
    #[command(subcommand, after_help = example!("daegeum reports owed-to-sellers --date 2026-11-21"))]
    Reports(ReportsAction),
    /// Register sellers, hold their money back, and see who may be paid, through the API
    #[command(subcommand, after_help = example!("daegeum sellers list"))]
    Sellers(SellersAction),
    /// Read the event log
    #[command(subcommand, after_help = example!("daegeum events tail --follow"))]
    Events(EventsAction),
    /// Manage the webhook endpoints that events are pushed to, or receive on this machine
    #[command(subcommand, after_help = example!("daegeum webhooks list"))]
    Webhooks(webhook_endpoint::WebhooksAction),
    /// Read the audit log
    #[command(subcommand, after_help = example!("daegeum audit list"))]
    Audit(AuditAction),
    /// Replay recorded workflow histories with the workflows of this build
    #[command(after_help = example!("daegeum replay temporal/histories/success.json"))]
    Replay(ReplayOptions),
}

/// What is logged when no filter is set.
const LOG_OF_SERVERS: &str = "info";
const LOG_OF_COMMANDS: &str = "warn";

impl Command {
    /// Whether the command uses a `dev` that runs in the data directory, where no other server is set.
    pub(crate) const fn works_beside_dev(&self) -> bool {
        match self {
            Self::Reconcile(_)
            | Self::Recover(_)
            | Self::Cluster(_)
            | Self::Doctor { .. }
            | Self::DeadLetters(_)
            | Self::Payouts(_)
            | Self::Replay(_)
            | Self::Reports(_)
            | Self::Sellers(_)
            | Self::Breaks(_)
            | Self::Webhooks(_) => true,
            Self::Dev(_)
            | Self::Demo { .. }
            | Self::Serve
            | Self::Api
            | Self::Worker
            | Self::Migrate(_)
            | Self::TossSim(_)
            | Self::Keys(_)
            | Self::Ledger(_)
            | Self::Commissions(_)
            | Self::Encryption(_)
            | Self::Bank(_)
            | Self::Rates(_)
            | Self::Buyers(_)
            | Self::Backup(_)
            | Self::Events(_)
            | Self::Audit(_) => false,
        }
    }

    /// The log filter when none is set.
    pub(crate) const fn default_log(&self) -> &'static str {
        match self {
            Self::Serve | Self::Api | Self::Worker | Self::TossSim(_) => LOG_OF_SERVERS,
            Self::Dev(_)
            | Self::Demo { .. }
            | Self::Keys(_)
            | Self::Ledger(_)
            | Self::Commissions(_)
            | Self::Encryption(_)
            | Self::Buyers(_)
            | Self::DeadLetters(_)
            | Self::Payouts(_)
            | Self::Reports(_)
            | Self::Sellers(_)
            | Self::Events(_)
            | Self::Webhooks(_)
            | Self::Audit(_)
            | Self::Migrate(_)
            | Self::Reconcile(_)
            | Self::Recover(_)
            | Self::Cluster(_)
            | Self::Backup(_)
            | Self::Breaks(_)
            | Self::Bank(_)
            | Self::Rates(_)
            | Self::Doctor { .. }
            | Self::Replay(_) => LOG_OF_COMMANDS,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "in a test, what cannot be done fails the test")]

    use clap::CommandFactory as _;

    use super::*;

    /// Calls `check` with every command and the words that name it.
    fn for_each_command(command: &clap::Command, path: &str, check: &mut impl FnMut(&clap::Command, &str)) {
        check(command, path);
        for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
            for_each_command(inner, &format!("{path} {}", inner.get_name()), check);
        }
    }

    /// The words of an example, up to a pipe or a redirection. `'two words'` is one word.
    fn words_of(example: &str) -> Vec<String> {
        let example = example.split(['|', '>']).next().unwrap();
        let quoted = example.split('\'').enumerate().flat_map(|(index, part)| match index % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        });
        quoted.map(|word| if word == "HEX" { PUBLIC_KEY.to_owned() } else { word }).collect()
    }

    const PUBLIC_KEY: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

    #[test]
    fn every_command_has_an_example_that_is_understood() {
        let mut count = 0;
        for_each_command(&Cli::command(), "daegeum", &mut |command, path| {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples = help.lines().skip_while(|line| *line != "Example:").skip(1);
            let examples: Vec<_> = examples.map_while(|line| line.strip_prefix("  daegeum")).collect();
            assert!(!examples.is_empty(), "{path} has no example");
            for example in examples {
                let example = format!("daegeum{example}");
                assert!(example.starts_with(path), "{path} shows another command: {example}");
                let parsed = Cli::try_parse_from(words_of(&example));
                assert!(parsed.is_ok(), "{example}: {}", parsed.unwrap_err());
            }
            count += 1;
        });
        assert!(count > 30, "{count} commands");
    }

    #[test]
    fn every_command_is_described_in_one_sentence() {
        for_each_command(&Cli::command(), "daegeum", &mut |command, path| {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            assert!(!about.is_empty() && !about.trim_end_matches('.').contains(". "), "{path}: {about}");
        });
    }

    #[test]
    fn the_settings_of_every_command_stand_apart_and_show_their_defaults() {
        let command = Cli::command();
        let shared: Vec<_> = command.get_arguments().filter(|argument| argument.is_global_set()).collect();
        assert!(shared.len() > 15, "{} settings", shared.len());
        for setting in shared {
            assert_eq!(setting.get_help_heading(), Some("Settings of every command"), "{}", setting.get_id());
            let help = setting.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("[default: "), "{} shows no default: {help}", setting.get_id());
        }
    }
}
