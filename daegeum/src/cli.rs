//! The command line. Every option of a running system is also a setting; see [`crate::settings`].

#[macro_use]
pub(crate) mod out;

pub(crate) mod api_key;
pub(crate) mod arguments;
pub(crate) mod audit_log;
pub(crate) mod commission;
pub(crate) mod dead_letter;
pub(crate) mod encryption;
pub(crate) mod event;
pub(crate) mod ledger;
pub(crate) mod migrate;
pub(crate) mod reconciliation;
pub(crate) mod replay;
pub(crate) mod webhook_endpoint;

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use domain::{Money, calendar::Day, commission::BasisPoints, event::EventType, id::SellerAccount};
use migrations::grants::RoleName;
use store::{DatabaseUrl, PublicKey, Scopes};

/// daegeum: a payment backend for marketplaces. Pay-in through Toss Payments, wallets and a double-entry
/// ledger, on Temporal.
#[derive(Debug, Parser)]
#[command(name = "daegeum", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Settings that every command takes. Order of precedence: flag, environment, file, default.
#[derive(Debug, Args)]
#[command(next_help_heading = "Settings of every command")]
pub(crate) struct Common {
    /// A settings file [default: daegeum.toml in the working directory, if there is one]
    #[arg(long, global = true, env = "DAEGEUM_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where the embedded databases and the API key of `dev` are kept [default: .daegeum]
    #[arg(long, global = true, env = "DAEGEUM_DATA_DIR", value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME [default: SQLite in the data directory]
    #[arg(long, global = true, env = "DAEGEUM_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) database_url: Option<DatabaseUrl>,
    /// Where the API listens; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, global = true, env = "DAEGEUM_LISTEN", value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// How buyers reach this API, for links to the payment page [default: http:// and the listen address]
    #[arg(long, global = true, env = "DAEGEUM_PUBLIC_URL", value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// The most that one API key gives back in a day, such as 1000000 or "99.50 USD", unless it has a limit of its own
    /// [default: no limit]
    #[arg(long, global = true, env = "DAEGEUM_REFUND_LIMIT_PER_DAY", value_name = "AMOUNT", value_parser = crate::cli::api_key::amount)]
    pub(crate) refund_limit_per_day: Option<Money>,
    /// Above which amount a refund needs the approval of a second API key [default: never]
    #[arg(long, global = true, env = "DAEGEUM_REFUND_APPROVAL_ABOVE", value_name = "AMOUNT", value_parser = crate::cli::api_key::amount)]
    pub(crate) refund_approval_above: Option<Money>,
    /// Whether a refund to an account that its sender names needs the approval of a second API key [default: false]
    #[arg(long, global = true, env = "DAEGEUM_REFUND_APPROVAL_FOR_ACCOUNTS", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub(crate) refund_approval_for_accounts: Option<bool>,
    /// How long a buyer may take to pay, in seconds, 5 to 2592000 [default: 1800]
    #[arg(long, global = true, env = "DAEGEUM_CHECKOUT_DEADLINE_S", value_name = "SECONDS")]
    pub(crate) checkout_deadline_s: Option<u64>,
    /// How many business days pass before a seller can be paid out, 0 to 90 [default: 3]. Bank holidays
    /// that are proclaimed for one day, such as elections, are the setting `holidays` of the file
    #[arg(long, global = true, env = "DAEGEUM_RELEASE_BUSINESS_DAYS", value_name = "DAYS")]
    pub(crate) release_business_days: Option<u32>,
    /// How many days events are kept in the event log, 1 to 3650 [default: 90]
    #[arg(long, global = true, env = "DAEGEUM_EVENT_RETENTION_DAYS", value_name = "DAYS")]
    pub(crate) event_retention_days: Option<u32>,
    /// The certificate for HTTPS and those that it hangs on, in PEM; it is read anew when it changes [default: none]
    #[arg(long, global = true, env = "DAEGEUM_TLS_CERTIFICATE", value_name = "FILE")]
    pub(crate) tls_certificate: Option<PathBuf>,
    /// The private key of that certificate, in PEM [default: none]
    #[arg(long, global = true, env = "DAEGEUM_TLS_PRIVATE_KEY", value_name = "FILE")]
    pub(crate) tls_private_key: Option<PathBuf>,
    /// A proxy in front of the API speaks TLS with the outside, so that plain HTTP may be spoken beyond this machine
    /// [default: false]
    #[arg(long, global = true, env = "DAEGEUM_BEHIND_PROXY", value_name = "TRUE|FALSE", num_args = 0..=1,
          default_missing_value = "true")]
    pub(crate) behind_proxy: Option<bool>,
    /// The Temporal UI, for links to it [default: none; `dev` sets its own]
    #[arg(long, global = true, env = "DAEGEUM_TEMPORAL_UI_URL", value_name = "URL")]
    pub(crate) temporal_ui_url: Option<String>,
    /// Toss's API [default: Toss's own, api.tosspayments.com; `dev` uses its simulator]
    #[arg(long, global = true, env = "TOSS_BASE_URL", value_name = "URL")]
    pub(crate) toss_base_url: Option<String>,
    /// The script that opens Toss's payment window [default: Toss's own, version 2]
    #[arg(long, global = true, env = "TOSS_SCRIPT_URL", value_name = "URL")]
    pub(crate) toss_script_url: Option<String>,
    /// Toss's client key, test_ck_… or live_ck_…; buyers' browsers see it. The secret key comes from the
    /// environment (TOSS_SECRET_KEY) or the file, never from the command line
    #[arg(long, global = true, env = "TOSS_CLIENT_KEY", value_name = "KEY")]
    pub(crate) toss_client_key: Option<String>,
    /// The Temporal command line that runs the embedded server [default: `temporal` on the PATH, then
    /// .cache/temporal/temporal]
    #[arg(long, global = true, env = "TEMPORAL_CLI", value_name = "FILE")]
    pub(crate) temporal_cli: Option<PathBuf>,
    /// What is logged, such as `info` or `api=debug,warn` [default: info; `demo` and `dev`: warn]
    #[arg(long, global = true, env = "DAEGEUM_LOG", value_name = "FILTER")]
    pub(crate) log: Option<String>,
    /// How it is logged [default: pretty]
    #[arg(long, global = true, env = "DAEGEUM_LOG_FORMAT", value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// What the commands that need a Temporal of one's own say about it.
const TEMPORAL_HELP: &str = "\
Where Temporal is, as for all of Temporal's own tools:
  TEMPORAL_ADDRESS     HOST:PORT [default: 127.0.0.1:7233]
  TEMPORAL_NAMESPACE   [default: default]
  TEMPORAL_API_KEY     for Temporal Cloud; turns TLS on
  TEMPORAL_TLS         true for TLS without a certificate of one's own
  TEMPORAL_TLS_CLIENT_CERT_PATH, TEMPORAL_TLS_CLIENT_KEY_PATH, TEMPORAL_TLS_SERVER_CA_CERT_PATH,
  TEMPORAL_TLS_SERVER_NAME
                       and the other TEMPORAL_TLS_… settings; or a profile of the file TEMPORAL_CONFIG_FILE
Toss's secret key is TOSS_SECRET_KEY. Every key of daegeum.toml stands in daegeum.example.toml.";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run everything on this machine: Temporal dev server, Toss simulator, database, worker and API
    Dev(DevPorts),
    /// Run the main job once on free ports: real checkouts over HTTP, then the books; exit 0 if all is right
    Demo {
        /// Also write the workflow histories of the stories to this directory, for `replay`
        #[arg(long, value_name = "DIR")]
        record_histories: Option<PathBuf>,
    },
    /// Run API and worker in one process, against an external Temporal, database and Toss
    #[command(after_help = TEMPORAL_HELP)]
    Serve,
    /// Run the API alone
    #[command(after_help = TEMPORAL_HELP)]
    Api,
    /// Run a worker alone
    #[command(after_help = TEMPORAL_HELP)]
    Worker,
    /// Bring the database's schema up to date, take back the newest change, or show where it stands
    #[command(subcommand)]
    Migrate(MigrateStep),
    /// Run the Toss Payments simulator alone
    TossSim(SimulatorOptions),
    /// Create, list, rotate and revoke API keys
    #[command(subcommand)]
    Keys(KeysAction),
    /// Check, sign, export, close and correct the books
    #[command(subcommand)]
    Ledger(LedgerAction),
    /// Set and list what the marketplace keeps of a sale
    #[command(subcommand)]
    Commissions(CommissionsAction),
    /// Make encryption keys, and seal anew under the newest
    #[command(subcommand)]
    Encryption(EncryptionAction),
    /// Erase what is kept of a buyer
    #[command(subcommand)]
    Buyers(BuyersAction),
    /// Compare the books with what Toss says that it took and gave back; exit 1 where they differ and nobody knew, exit 3
    /// where the comparison did not come to its end
    ///
    /// What moved on the day is listed on both sides; where a checkout differs, Toss is asked about its payments and the
    /// books about its whole life. Nothing is changed. Run it each morning, an hour after the day is over at the
    /// earliest: what moved in the last hour may be under way. Sums may differ where orders agree: Toss also lists
    /// accounts that were canceled before anybody paid into them.
    Reconcile {
        /// The day, in Korea [default: yesterday]
        #[arg(long, value_name = "DATE")]
        day: Option<Day>,
        /// What Toss moved within this time may not be booked yet, such as 30m; 0m takes everything for settled
        #[arg(long, value_name = "TIME", default_value = "1h", value_parser = crate::cli::api_key::length)]
        grace: u64,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Check the configuration and everything that a payment needs, and say how to mend what is missing; exit 1 if
    /// anything is
    #[command(after_help = TEMPORAL_HELP)]
    Doctor {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// List what came to nothing and needs a person, and act on it
    #[command(subcommand)]
    DeadLetters(DeadLettersAction),
    /// Read the event log: what the world is told
    #[command(subcommand)]
    Events(EventsAction),
    /// Manage the webhook endpoints that events are pushed to, or receive on this machine
    #[command(subcommand)]
    Webhooks(webhook_endpoint::WebhooksAction),
    /// Read who changed what
    #[command(subcommand)]
    Audit(AuditAction),
    /// Replay recorded workflow histories against this build's workflows
    Replay {
        /// Histories as the SDK writes them [default: all in temporal/histories]
        files: Vec<PathBuf>,
        /// A workflow of the Temporal server, running or closed; may be given several times
        #[arg(long, value_name = "WORKFLOW")]
        workflow: Vec<String>,
    },
}

impl Command {
    /// Whether it asks what a `dev` in the data directory runs, where nothing else is set.
    pub(crate) const fn works_beside_dev(&self) -> bool {
        match self {
            Self::Reconcile { .. }
            | Self::Doctor { .. }
            | Self::DeadLetters(_)
            | Self::Replay { .. }
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
            | Self::Buyers(_)
            | Self::Events(_)
            | Self::Audit(_) => false,
        }
    }
}

/// The ports of `dev`; each may be 0 for a free one.
#[derive(Debug, Args)]
pub(crate) struct DevPorts {
    /// The API and the buyer's page, on 127.0.0.1 [default: the address that --listen names, or 8080]
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// The Temporal server
    #[arg(long, default_value_t = 7233)]
    pub(crate) temporal_port: u16,
    /// The Temporal UI
    #[arg(long, default_value_t = 8233)]
    pub(crate) ui_port: u16,
    /// The Toss simulator
    #[arg(long, default_value_t = 9090)]
    pub(crate) sim_port: u16,
}

/// Where the simulator listens and what it tells.
#[derive(Debug, Args)]
pub(crate) struct SimulatorOptions {
    /// Its port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 9090)]
    pub(crate) sim_port: u16,
    /// Where it sends webhooks; may be given several times
    #[arg(long, value_name = "URL")]
    pub(crate) webhook_url: Vec<String>,
    /// How many webhooks of ten thousand it never sends
    #[arg(long, value_name = "SHARE", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=10_000))]
    pub(crate) withheld_webhooks_bps: u16,
    /// The SQLite file it remembers everything by; without one it forgets everything at the end
    #[arg(long, value_name = "PATH")]
    pub(crate) sim_file: Option<std::path::PathBuf>,
}

/// Whose rights are printed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum GrantedRole {
    /// `daegeum api`.
    Api,
    /// `daegeum worker`.
    Worker,
    /// `daegeum serve`: API and worker in one process.
    Serve,
    /// The commands of an operator, such as `keys`, `ledger` and `buyers`.
    Operator,
}

/// A step of the schema.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum MigrateStep {
    /// Apply every change that is missing
    Up,
    /// Print the SQL that gives a PostgreSQL role the rights of one process and no others; it opens no database
    ///
    /// Create the role first. Run the SQL as the owner of the tables, and again after each `migrate up`:
    /// `daegeum migrate grants --role api --to daegeum_api | psql OWNER-URL`
    Grants {
        /// The process that connects as this role
        #[arg(long)]
        role: GrantedRole,
        /// The name of the role in the database, 1 to 63 of a-z 0-9 _
        #[arg(long, value_name = "NAME", value_parser = |text: &str| RoleName::try_from(text))]
        to: RoleName,
    },
    /// Take back the newest change
    Down,
    /// Show every change and whether it is applied
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// What to do with API keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysAction {
    /// Create a key; its secret is printed once, alone on the last line
    Create {
        /// What it may do: read, checkout, refund, ops, finance; several with commas, or by several flags. Each includes
        /// read, and ops includes all but finance
        #[arg(long, value_parser = |text: &str| Scopes::parse(text))]
        scope: Vec<Scopes>,
        /// What it is for
        #[arg(long, default_value = "")]
        name: String,
        /// Confine it to this seller's wallet, which it reads
        #[arg(long, value_parser = |text: &str| SellerAccount::parse(text))]
        seller: Option<SellerAccount>,
        /// The most that it gives back in a day, in won, or with a currency: "1000000", "99.50 USD" [default: no limit]
        #[arg(long, value_name = "AMOUNT", value_parser = crate::cli::api_key::amount)]
        refund_limit: Option<Money>,
        /// After how long it ends, such as 24h or 90d [default: never]
        #[arg(long, value_name = "TIME", value_parser = crate::cli::api_key::length)]
        expires_in: Option<u64>,
    },
    /// List all keys, without their secrets
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Create a key in the place of another one, which goes on for a while
    ///
    /// Requests that were sent under the old key are known as the same under the new one.
    Rotate {
        /// The part between `dk_` and the next `_`
        id: String,
        /// How long the old one goes on, such as 30m, 24h or 7d; 0m ends it at once
        #[arg(long, value_name = "TIME", default_value = "24h", value_parser = crate::cli::api_key::length)]
        overlap: u64,
    },
    /// Revoke a key at once
    Revoke {
        /// The part between `dk_` and the next `_`
        id: String,
    },
}

/// What to do with encryption keys.
#[derive(Debug, Subcommand)]
pub(crate) enum EncryptionAction {
    /// Print a new key, alone on the last line
    Generate {
        /// Its name, 1 to 32 of a-z 0-9 - [default: today, and a random part]
        name: Option<String>,
    },
    /// Seal all personal details that are under older keys under the newest one. It works beside a running system
    Reseal,
}

/// What to do with what is kept of buyers.
#[derive(Debug, Subcommand)]
pub(crate) enum BuyersAction {
    /// Erase name, e-mail address, telephone number and cards of a buyer for good; payments and books stay
    Erase {
        /// The buyer, by the marketplace's own id
        buyer_id: String,
    },
}

/// What to do with the books. All of it works beside a running system.
#[derive(Debug, Subcommand)]
pub(crate) enum LedgerAction {
    /// Recompute everything from the postings and name whatever disagrees; exit 1 if anything does
    ///
    /// Compared are: the hash chain and its end, signed checkpoints, debits and credits, the balances of accounts,
    /// wallets, holds, and checkouts and payment orders with the payments that are booked. It reads one snapshot in
    /// pages; memory grows with the number of accounts and wallets, not of entries. The first 100 disagreements are
    /// named and all are counted.
    Verify {
        /// As JSON
        #[arg(long)]
        json: bool,
        /// Accept only checkpoints signed by this key, which you kept elsewhere; may be given several times
        /// [default: whatever key stands beside the checkpoint]
        #[arg(long, value_name = "HEX")]
        public_key: Vec<PublicKey>,
    },
    /// Recompute the hash chain and sign where it ends
    ///
    /// Keep what it prints, or the public key, where whoever can write to the database cannot: only a signed
    /// checkpoint tells that the end of the books was cut off or that all of it was written anew.
    Checkpoint {
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        key: SigningKeyFile,
    },
    /// Print the public key that checks checkpoints and proofs
    PublicKey {
        #[command(flatten)]
        key: SigningKeyFile,
    },
    /// Print a proof, as JSON, that an entry is among those a checkpoint signed
    Prove {
        /// The key of the entry, such as payment_captured:CHECKOUT
        entry_key: String,
        /// The last entry of the checkpoint [default: the newest checkpoint]
        #[arg(long, value_name = "SEQUENCE")]
        checkpoint: Option<u64>,
    },
    /// Check a proof, with no database and no settings; exit 1 and the reason if it does not hold
    CheckProof {
        /// What `prove` printed; - is standard input
        file: PathBuf,
        /// The public key, as `public-key` printed it once
        #[arg(long, value_name = "HEX")]
        public_key: PublicKey,
    },
    /// Write the books to standard output
    ///
    /// Accounts in hledger and Beancount are named like Liabilities:Seller-NAME:Pending, where the characters _ . Z of
    /// a seller's name are written Zu Zd Zz. Dates are days in Korea. In CSV a cell that a spreadsheet would take for
    /// a formula begins with an apostrophe.
    Export {
        /// For which program
        #[arg(long)]
        format: ExportFormat,
        /// Leave out what happened before this day in Korea, and with it the balances until then
        #[arg(long, value_name = "DATE")]
        from: Option<Day>,
        /// Leave out what happened after this day in Korea
        #[arg(long, value_name = "DATE")]
        to: Option<Day>,
    },
    /// Close the days before a day: nothing is booked any more as having happened then. It cannot be undone
    Close {
        /// The first day that stays open, in Korea, such as 2026-12-01; at the latest today
        #[arg(long, value_name = "DATE")]
        before: Day,
    },
    /// Show what taking an entry back by another one would do, or do it; exit 1 where it is refused
    ///
    /// Refused are entries that a status rests on, such as a captured payment: the answer names the right way.
    Reverse {
        /// The key of the entry, such as psp_settled:2026-11-21
        entry_key: String,
        /// Do it; without this it is only shown
        #[arg(long)]
        yes: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// Where the key is that signs checkpoints.
#[derive(Debug, Args)]
pub(crate) struct SigningKeyFile {
    /// An Ed25519 private key, PKCS#8 in DER; `checkpoint` makes one where there is none
    /// [default: ledger-signing-key in the data directory]
    #[arg(long, value_name = "FILE")]
    pub(crate) signing_key: Option<PathBuf>,
}

/// A format of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// hledger's journal.
    Hledger,
    /// Beancount, version 2 or 3.
    Beancount,
    /// One line per posting, RFC 4180.
    Csv,
}

/// What to do with commissions.
#[derive(Debug, Subcommand)]
pub(crate) enum CommissionsAction {
    /// Set what is kept of sales from an instant on; checkouts created before keep their rate
    Set {
        /// Hundredths of a per cent, 0 to 10000: 250 is 2.5 %
        #[arg(long, value_parser = crate::cli::commission::basis_points)]
        bps: BasisPoints,
        /// Whose sales [default: every seller's who has no rate of their own]
        #[arg(long, value_parser = |text: &str| SellerAccount::parse(text))]
        seller: Option<SellerAccount>,
        /// From when on: a day in Korea, or an instant such as 2026-12-01T09:00:00+09:00 [default: now]
        #[arg(long, value_name = "DATE|TIME")]
        from: Option<String>,
    },
    /// List every rate that was ever set
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// What to do with dead letters. All but `list` and `show` tell a workflow, through Temporal.
#[derive(Debug, Subcommand)]
pub(crate) enum DeadLettersAction {
    /// List dead letters, the newest first
    List {
        #[command(flatten)]
        choice: LetterChoice,
        /// The most that are listed
        #[arg(long, default_value_t = 100)]
        limit: u64,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one with everything that was done about it
    Show {
        /// The dead letter
        id: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Have the workflow try again, once the cause is mended
    #[command(after_help = TEMPORAL_HELP)]
    Retry(DeadLetterWish),
    /// Declare on evidence what came of it; that money came only the PSP can tell, which `retry` asks
    #[command(after_help = TEMPORAL_HELP)]
    Resolve {
        /// What came of it: not_paid of a payment, refunded or not_refunded of a refund, approved or denied of a review
        #[arg(long)]
        outcome: String,
        #[command(flatten)]
        wish: DeadLetterWish,
    },
    /// Put it away; only where no workflow waits for it any more
    #[command(after_help = TEMPORAL_HELP)]
    Discard(DeadLetterWish),
}

/// Which dead letters are meant.
#[derive(Debug, Args)]
pub(crate) struct LetterChoice {
    /// OPEN, RETRYING, RESOLVED, DISCARDED or CLOSED [default of an action: OPEN]
    #[arg(long)]
    pub(crate) status: Option<String>,
    /// The step that failed, such as psp.confirm
    #[arg(long)]
    pub(crate) step: Option<String>,
    /// The error's code, such as psp_access_denied
    #[arg(long)]
    pub(crate) code: Option<String>,
    /// The checkout
    #[arg(long)]
    pub(crate) checkout: Option<String>,
    /// Written at this time or later, such as 2026-12-01T09:00:00+09:00
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Written before this time
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
}

/// An action on one dead letter, or on those that a filter chooses.
#[derive(Debug, Args)]
pub(crate) struct DeadLetterWish {
    /// The dead letter [default: those that the filters choose]
    pub(crate) id: Option<String>,
    /// Why; it is kept with the letter
    #[arg(long)]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) choice: LetterChoice,
    /// The most letters, oldest first, 1 to 100
    #[arg(long, default_value_t = crate::cli::dead_letter::MOST, value_parser = clap::value_parser!(u64).range(1..=100))]
    pub(crate) limit: u64,
    /// Show what would be done, and a token
    #[arg(long, conflicts_with_all = ["id", "token"])]
    pub(crate) preview: bool,
    /// Do what the preview with this token showed
    #[arg(long, conflicts_with = "id")]
    pub(crate) token: Option<String>,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What to do with the event log.
#[derive(Debug, Subcommand)]
pub(crate) enum EventsAction {
    /// Print the last events, or those behind a position, the oldest first
    Tail {
        /// Those behind this position; 0 is the beginning [default: the last 20]
        #[arg(long, value_name = "POSITION")]
        after: Option<u64>,
        /// Those of this type, such as checkout.paid; may be given several times, or with commas
        #[arg(long = "type", value_name = "TYPE", value_delimiter = ',', value_parser = crate::cli::event::event_type)]
        types: Vec<EventType>,
        /// Wait for what comes next, until Ctrl-C
        #[arg(long)]
        follow: bool,
        /// As JSON, one event a line
        #[arg(long)]
        json: bool,
    },
}

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditAction {
    /// List who changed what, the newest first
    List {
        /// Only of this API key's id, or this operator
        #[arg(long)]
        actor: Option<String>,
        /// The most lines
        #[arg(long, default_value_t = 100)]
        limit: u64,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}
