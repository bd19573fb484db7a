//! The settings as flags of every command.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, ValueEnum};
use domain::{Currency, Money, payment_method::PaymentMethod};
use store::DatabaseUrl;

use crate::values;

/// Settings of every command, in order of precedence: flag, environment, file, default.
#[derive(Debug, Args)]
#[command(next_help_heading = "Settings of every command")]
pub(crate) struct Common {
    /// The settings file [default: daegeum.toml in the working directory, if there is one]
    #[arg(long, global = true, env = "DAEGEUM_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The directory of the embedded databases and of the API key of `dev` [default: .daegeum]
    #[arg(long, global = true, env = "DAEGEUM_DATA_DIR", value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME [default: SQLite in the data directory]
    #[arg(long, global = true, env = "DAEGEUM_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) database_url: Option<DatabaseUrl>,
    /// The address of the API; port 0 takes a free port [default: 127.0.0.1:8080]
    #[arg(long, global = true, env = "DAEGEUM_LISTEN", value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// The URL by which buyers reach this API, for links to the payment page [default: http:// and the listen address]
    #[arg(long, global = true, env = "DAEGEUM_PUBLIC_URL", value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// The most that one API key may refund in a day, such as 1000000 or "99.50 USD", unless the key has its own limit
    /// [default: no limit]
    #[arg(
        long, global = true, env = "DAEGEUM_REFUND_LIMIT_PER_DAY", value_name = "AMOUNT", value_parser = values::amount
    )]
    pub(crate) refund_limit_per_day: Option<Money>,
    /// The amount above which a refund needs the approval of a second API key [default: no amount]
    #[arg(
        long, global = true, env = "DAEGEUM_REFUND_APPROVAL_ABOVE", value_name = "AMOUNT", value_parser = values::amount
    )]
    pub(crate) refund_approval_above: Option<Money>,
    /// Whether a refund to a bank account named in the request needs the approval of a second API key [default: false]
    #[arg(
        long, global = true, env = "DAEGEUM_REFUND_APPROVAL_FOR_ACCOUNTS", value_name = "BOOL", num_args = 0..=1,
        default_missing_value = "true"
    )]
    pub(crate) refund_approval_for_accounts: Option<bool>,
    /// The time a buyer has to pay, in seconds, 5 to 2592000 [default: 1800]
    #[arg(long, global = true, env = "DAEGEUM_CHECKOUT_DEADLINE_S", value_name = "SECONDS")]
    pub(crate) checkout_deadline_s: Option<u64>,
    /// The business days before a seller can be paid out, 0 to 90; the setting `holidays` of the file lists bank
    /// holidays that are proclaimed for one day, such as elections [default: 3]
    #[arg(long, global = true, env = "DAEGEUM_RELEASE_BUSINESS_DAYS", value_name = "DAYS")]
    pub(crate) release_business_days: Option<u32>,
    /// The days for which the event log keeps events, 1 to 3650 [default: 90]
    #[arg(long, global = true, env = "DAEGEUM_EVENT_RETENTION_DAYS", value_name = "DAYS")]
    pub(crate) event_retention_days: Option<u32>,
    /// The certificate chain for HTTPS, in PEM; the file is read again when it changes [default: none]
    #[arg(long, global = true, env = "DAEGEUM_TLS_CERTIFICATE", value_name = "FILE")]
    pub(crate) tls_certificate: Option<PathBuf>,
    /// The private key of that certificate, in PEM [default: none]
    #[arg(long, global = true, env = "DAEGEUM_TLS_PRIVATE_KEY", value_name = "FILE")]
    pub(crate) tls_private_key: Option<PathBuf>,
    /// Whether a proxy in front of the API terminates TLS, so that plain HTTP may leave this machine [default: false]
    #[arg(long, global = true, env = "DAEGEUM_BEHIND_PROXY", value_name = "TRUE|FALSE", num_args = 0..=1,
          default_missing_value = "true")]
    pub(crate) behind_proxy: Option<bool>,
    /// The OpenID Connect provider of the console, by its address; the client's secret is taken from
    /// DAEGEUM_CONSOLE_CLIENT_SECRET or the file, never from the command line [default: none, and nobody signs in]
    #[arg(long, global = true, env = "DAEGEUM_CONSOLE_ISSUER", value_name = "URL")]
    pub(crate) console_issuer: Option<String>,
    /// The name of the console's client at the provider [default: none]
    #[arg(long, global = true, env = "DAEGEUM_CONSOLE_CLIENT_ID", value_name = "NAME")]
    pub(crate) console_client_id: Option<String>,
    /// The URL by which people reach the console, for the way back from the provider [default: the public URL]
    #[arg(long, global = true, env = "DAEGEUM_CONSOLE_URL", value_name = "URL")]
    pub(crate) console_url: Option<String>,
    /// The claim that holds the roles support, operations, finance, admin and seller; a dot leads into an object
    /// [default: roles]
    #[arg(long, global = true, env = "DAEGEUM_CONSOLE_ROLES_CLAIM", value_name = "CLAIM")]
    pub(crate) console_roles_claim: Option<String>,
    /// The claim that says what a person is called [default: name, then preferred_username, then email]
    #[arg(long, global = true, env = "DAEGEUM_CONSOLE_NAME_CLAIM", value_name = "CLAIM")]
    pub(crate) console_name_claim: Option<String>,
    /// The claim that holds the account of a seller who signs in to the console [default: seller_account]
    #[arg(long, global = true, env = "DAEGEUM_CONSOLE_SELLER_CLAIM", value_name = "CLAIM")]
    pub(crate) console_seller_claim: Option<String>,
    /// The Temporal UI, for links to it [default: none; `dev` sets its own]
    #[arg(long, global = true, env = "DAEGEUM_TEMPORAL_UI_URL", value_name = "URL")]
    pub(crate) temporal_ui_url: Option<String>,
    /// Toss's API [default: Toss's own, api.tosspayments.com; `dev` uses its simulator]
    #[arg(long, global = true, env = "TOSS_BASE_URL", value_name = "URL")]
    pub(crate) toss_base_url: Option<String>,
    /// The script that opens Toss's payment window [default: Toss's own, version 2]
    #[arg(long, global = true, env = "TOSS_SCRIPT_URL", value_name = "URL")]
    pub(crate) toss_script_url: Option<String>,
    /// Toss's client key, test_ck_… or live_ck_…, which buyers' browsers see; the secret key is taken from
    /// TOSS_SECRET_KEY or the file, never from the command line [default: none]
    #[arg(long, global = true, env = "TOSS_CLIENT_KEY", value_name = "KEY")]
    pub(crate) toss_client_key: Option<String>,
    /// The payment methods that the payment page offers, by your contract with Toss: card, virtual_account, transfer,
    /// mobile_phone, culture_gift_certificate, book_gift_certificate, game_gift_certificate, foreign_easy_pay; card
    /// includes the easy pays of the contract [default: card; `dev` offers what its simulator plays]
    #[arg(
        long, global = true, env = "DAEGEUM_PAYMENT_METHODS", value_name = "METHODS", value_delimiter = ',',
        value_parser = values::payment_method
    )]
    pub(crate) payment_methods: Option<Vec<PaymentMethod>>,
    /// The currency of these keys at Toss. Keys of other currencies are TOSS_USD_CLIENT_KEY, TOSS_USD_SECRET_KEY,
    /// TOSS_JPY_CLIENT_KEY and TOSS_JPY_SECRET_KEY; a checkout in a currency without keys is refused [default: KRW]
    #[arg(long, global = true, env = "TOSS_CURRENCY", value_name = "CURRENCY", value_parser = values::currency)]
    pub(crate) toss_currency: Option<Currency>,
    /// The Temporal command line that runs the embedded server [default: `temporal` on the PATH, then
    /// .cache/temporal/temporal]
    #[arg(long, global = true, env = "TEMPORAL_CLI", value_name = "FILE")]
    pub(crate) temporal_cli: Option<PathBuf>,
    /// The log filter, such as `info` or `api=debug,warn` [default: info for servers, warn for other commands]
    #[arg(long, global = true, env = "DAEGEUM_LOG", value_name = "FILTER")]
    pub(crate) log: Option<String>,
    /// The form of log lines [default: pretty]
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
