//! Settings: defaults, then the file, then the environment, then flags.

mod addresses;
mod console;
mod data_dir;
mod dead_letter;
mod door;
pub(crate) mod file_limit;
mod flags;
mod kafka;
pub(crate) mod key_file;
mod payout;
mod reconciliation;
mod risk;
mod secret;
mod shop;
mod toss;
mod webhook;

use std::{
    env::VarError,
    io::ErrorKind,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use activities::payout::PayoutRules;
use anyhow::{Context as _, bail, ensure};
use domain::{
    Limits, Money,
    calendar::{Day, Holidays, NotByCard, ReleaseRule},
};
use serde::Deserialize;
use service::{refund::RefundRules, return_hosts::ReturnHost};
use store::{DatabaseUrl, Keyring};
use temporal::{BUILD_ID, DEPLOYMENT_NAME, DeploymentVersion};

pub(crate) use addresses::Addresses;
pub(crate) use console::ConsoleSettings;
pub(crate) use data_dir::DataDir;
use door::DoorFile;
pub(crate) use door::{Door, Tls};
pub(crate) use flags::{Common, LogFormat};
#[cfg(feature = "kafka")]
pub(crate) use kafka::{Kafka, SaslMechanism, Security};
pub(crate) use payout::Payouts;
pub(crate) use reconciliation::Reconciliation;
pub(crate) use risk::Risk;
pub(crate) use toss::{KeySet, Toss};
pub(crate) use webhook::Webhooks;

use crate::{private, values};

/// The file that is read when it is there and none is named.
const DEFAULT_FILE: &str = "daegeum.toml";
/// Shortest and longest time a buyer may take to pay, in seconds.
const DEADLINE_RANGE_S: std::ops::RangeInclusive<u64> = 5..=30 * 24 * 60 * 60;
/// How many business days pass before a seller can be paid out, unless it is set.
const RELEASE_BUSINESS_DAYS: u32 = 3;
/// The most business days that may pass.
const MAX_RELEASE_BUSINESS_DAYS: u32 = 90;
/// How many days events are kept, unless it is set.
const EVENT_RETENTION_DAYS: u32 = 90;
/// For how many days events may be kept.
const EVENT_RETENTION_RANGE: std::ops::RangeInclusive<u32> = 1..=3_650;
/// How many connections the reader and the writer of a process may each open. Fewer than two stand still.
const DATABASE_CONNECTIONS: std::ops::RangeInclusive<u32> = 2..=200;
/// A day.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The prefix of our own environment variables: each of them must be one we know.
const ENVIRONMENT_PREFIX: &str = "DAEGEUM_";
/// The variables that say where Temporal is.
const TEMPORAL_VARIABLES: [&str; 3] = ["TEMPORAL_ADDRESS", "TEMPORAL_PROFILE", "TEMPORAL_CONFIG_FILE"];
/// Our own environment variables.
const ENVIRONMENT: [&str; 30] = [
    "DAEGEUM_API_KEY",
    "DAEGEUM_OPERATOR",
    "DAEGEUM_PAYMENT_METHODS",
    "DAEGEUM_CONFIG",
    "DAEGEUM_DATA_DIR",
    "DAEGEUM_DATABASE_URL",
    "DAEGEUM_LISTEN",
    "DAEGEUM_PUBLIC_URL",
    "DAEGEUM_CHECKOUT_DEADLINE_S",
    "DAEGEUM_RELEASE_BUSINESS_DAYS",
    "DAEGEUM_EVENT_RETENTION_DAYS",
    secret::RISK_HOOK_SECRET,
    "DAEGEUM_TEMPORAL_UI_URL",
    "DAEGEUM_ENCRYPTION_KEYS",
    "DAEGEUM_LOG",
    "DAEGEUM_LOG_FORMAT",
    "DAEGEUM_KEY_PEPPER",
    "DAEGEUM_BEHIND_PROXY",
    "DAEGEUM_TLS_CERTIFICATE",
    "DAEGEUM_TLS_PRIVATE_KEY",
    "DAEGEUM_REFUND_LIMIT_PER_DAY",
    "DAEGEUM_REFUND_APPROVAL_ABOVE",
    "DAEGEUM_REFUND_APPROVAL_FOR_ACCOUNTS",
    "DAEGEUM_CONSOLE_ISSUER",
    "DAEGEUM_CONSOLE_CLIENT_ID",
    secret::CONSOLE_CLIENT_SECRET,
    "DAEGEUM_CONSOLE_URL",
    "DAEGEUM_CONSOLE_ROLES_CLAIM",
    "DAEGEUM_CONSOLE_SELLER_CLAIM",
    "DAEGEUM_CONSOLE_NAME_CLAIM",
];

/// Everything that can be set.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) data_dir: PathBuf,
    pub(crate) database_url: Option<DatabaseUrl>,
    pub(crate) listen: SocketAddr,
    /// Where the settings say that an API listens; nothing where they do not.
    pub(crate) api_url: Option<String>,
    pub(crate) public_url: Option<String>,
    /// Where buyers may be led after paying, besides the host of `public_url`; `None` where it is not set.
    pub(crate) return_hosts: Option<Vec<ReturnHost>>,
    pub(crate) checkout_deadline: Duration,
    pub(crate) release_rule: ReleaseRule,
    /// How long events are kept.
    pub(crate) event_retention: Duration,
    pub(crate) temporal_ui_url: Option<String>,
    pub(crate) temporal_cli: Option<PathBuf>,
    pub(crate) encryption_keys: Option<Arc<Keyring>>,
    pub(crate) toss: Toss,
    pub(crate) temporal: temporal::Place,
    /// The key of Temporal Cloud, where a file holds it.
    pub(crate) temporal_api_key: Option<String>,
    /// The version that a worker of this process has within its deployment.
    pub(crate) worker_version: Option<DeploymentVersion>,
    /// The `dev` that runs in the data directory, for a command beside it.
    pub(crate) beside: Option<Addresses>,
    pub(crate) risk: Risk,
    pub(crate) webhooks: Webhooks,
    pub(crate) payouts: Payouts,
    pub(crate) reconciliation: Reconciliation,
    /// The most money that one principal gives up by resolving a dead letter.
    pub(crate) letters_alone_up_to: Limits,
    #[cfg(feature = "kafka")]
    pub(crate) kafka: Option<Kafka>,
    pub(crate) console: ConsoleSettings,
    /// The shop, as its papers name it.
    pub(crate) shop: web::buyer::Shop,
    pub(crate) door: Door,
    pub(crate) refund_rules: RefundRules,
    pub(crate) log: Option<String>,
    pub(crate) log_format: LogFormat,
}

/// The file `daegeum.toml`.
#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
struct File {
    data_dir: Option<PathBuf>,
    database_url: Option<String>,
    database_connections: Option<u32>,
    listen: Option<SocketAddr>,
    public_url: Option<String>,
    return_hosts: Option<Vec<String>>,
    checkout_deadline_s: Option<u64>,
    release_business_days: Option<u32>,
    release_not_by_card: Option<String>,
    event_retention_days: Option<u32>,
    #[serde(default)]
    holidays: Vec<String>,
    temporal_ui_url: Option<String>,
    temporal_cli: Option<PathBuf>,
    encryption_keys: Option<String>,
    log: Option<String>,
    log_format: Option<LogFormat>,
    key_pepper: Option<String>,
    behind_proxy: Option<bool>,
    #[serde(default)]
    trusted_proxies: Vec<String>,
    webhook_senders: Option<Vec<String>>,
    metrics_from: Option<Vec<String>>,
    metrics_listen: Option<SocketAddr>,
    refund_limit_per_day: Option<String>,
    refund_approval_above: Option<String>,
    refund_approval_for_accounts: Option<bool>,
    #[serde(default)]
    limits: door::LimitsFile,
    #[serde(default)]
    tls: door::TlsFile,
    #[serde(default)]
    pages: door::PagesFile,
    #[serde(default)]
    toss: toss::TossFile,
    #[serde(default)]
    risk: risk::RiskFile,
    #[serde(default)]
    webhooks: webhook::WebhooksFile,
    #[serde(default)]
    payouts: payout::PayoutsFile,
    #[serde(default)]
    reconciliation: reconciliation::ReconciliationFile,
    #[serde(default)]
    dead_letters: dead_letter::DeadLettersFile,
    #[serde(default)]
    kafka: kafka::KafkaFile,
    #[serde(default)]
    console: console::ConsoleFile,
    #[serde(default)]
    shop: shop::ShopFile,
}

impl Settings {
    /// Reads all sources; names the setting that is unknown or malformed.
    pub(crate) fn load(flags: &Common) -> anyhow::Result<Self> {
        refuse_unknown_environment()?;
        let file = read_file(flags.config.as_deref())?;
        let database_url = match (&flags.database_url, secret::of_file(secret::DATABASE_URL)?, file.database_url) {
            (Some(url), ..) => Some(url.clone()),
            (None, Some(url), _) => Some(url.parse().context("DAEGEUM_DATABASE_URL_FILE holds no address")?),
            (None, None, Some(url)) => Some(url.parse().context("the setting database_url is malformed")?),
            (None, None, None) => None,
        };
        let connections = database_connections(file.database_connections)?;
        let database_url = database_url.map(|url| url.with_connections(connections));
        let deadline_s = flags.checkout_deadline_s.or(file.checkout_deadline_s).unwrap_or(30 * 60);
        ensure!(
            DEADLINE_RANGE_S.contains(&deadline_s),
            "the setting checkout_deadline_s must be {} to {} seconds, not {deadline_s}",
            DEADLINE_RANGE_S.start(),
            DEADLINE_RANGE_S.end()
        );
        let release_rule = ReleaseRule {
            not_by_card: not_by_card(file.release_not_by_card.as_deref())?,
            ..release_rule(flags.release_business_days.or(file.release_business_days), &file.holidays)?
        };
        let door = DoorFile {
            key_pepper: file.key_pepper,
            behind_proxy: file.behind_proxy,
            trusted_proxies: file.trusted_proxies,
            webhook_senders: file.webhook_senders,
            metrics_from: file.metrics_from,
            metrics_listen: file.metrics_listen,
            limits: file.limits,
            tls: file.tls,
            pages: file.pages,
        };
        let door = Door::new(flags, door)?;
        let (limit_per_day, approval_above) = (file.refund_limit_per_day, file.refund_approval_above);
        let for_accounts = flags.refund_approval_for_accounts.or(file.refund_approval_for_accounts);
        let refund_rules = RefundRules {
            limit_per_day: amount("refund_limit_per_day", flags.refund_limit_per_day, limit_per_day)?,
            approval_above: amount("refund_approval_above", flags.refund_approval_above, approval_above)?,
            approval_for_accounts: for_accounts.unwrap_or(false),
        };
        #[cfg(not(feature = "kafka"))]
        kafka::refuse(file.kafka)?;
        let public_url = flags.public_url.clone().or(file.public_url);
        let public_url = public_url.map(|url| values::web_address("public_url", url)).transpose()?;
        let listen = flags.listen.or(file.listen);
        let listens_at = listen.and_then(|address| near(door.scheme(), address));
        Ok(Self {
            data_dir: flags.data_dir.clone().or(file.data_dir).unwrap_or_else(|| ".daegeum".into()),
            database_url,
            listen: listen.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, 8080).into()),
            api_url: public_url.clone().or(listens_at),
            public_url,
            return_hosts: file.return_hosts.as_deref().map(return_hosts).transpose()?,
            checkout_deadline: Duration::from_secs(deadline_s),
            release_rule,
            event_retention: event_retention(flags.event_retention_days.or(file.event_retention_days))?,
            temporal_ui_url: flags.temporal_ui_url.clone().or(file.temporal_ui_url),
            temporal_cli: flags.temporal_cli.clone().or(file.temporal_cli),
            encryption_keys: encryption_keys(file.encryption_keys)?,
            toss: toss::toss(flags, file.toss)?,
            temporal: temporal::Place::Environment,
            temporal_api_key: temporal_api_key()?,
            worker_version: worker_version()?,
            beside: None,
            risk: risk::risk(file.risk)?,
            webhooks: webhook::webhooks(file.webhooks)?,
            payouts: payout::payouts(file.payouts)?,
            reconciliation: reconciliation::reconciliation(file.reconciliation)?,
            letters_alone_up_to: dead_letter::alone_up_to(file.dead_letters)?,
            #[cfg(feature = "kafka")]
            kafka: kafka::kafka(file.kafka)?,
            console: console::console(flags, file.console)?,
            shop: shop::shop(file.shop)?,
            door,
            refund_rules,
            log: flags.log.clone().or(file.log),
            log_format: flags.log_format.or(file.log_format).unwrap_or(LogFormat::Pretty),
        })
    }

    /// The rules of payouts.
    pub(crate) fn payout_rules(&self) -> PayoutRules {
        self.payouts.rules(self.release_rule.holidays.clone())
    }

    /// The encryption keys: those that are set, or those that `dev` left in the data directory.
    pub(crate) fn keyring(&self) -> anyhow::Result<Option<Arc<Keyring>>> {
        match &self.encryption_keys {
            Some(keys) => Ok(Some(keys.clone())),
            None if self.data_dir.join(key_file::KEYS_FILE).exists() => key_file::of_data_dir(&self.data_dir).map(Some),
            None => Ok(None),
        }
    }

    /// The keys that seal what goes to Temporal: those that the workers use, as far as it is known here.
    pub(crate) fn temporal_keyring(&self) -> anyhow::Result<Option<Arc<Keyring>>> {
        match &self.beside {
            Some(dev) if self.encryption_keys.is_none() => {
                ensure!(
                    !dev.seals_histories,
                    "the `dev` in {} seals histories under keys that are not set here; set DAEGEUM_ENCRYPTION_KEYS or \
                     --config as for `dev`",
                    self.data_dir.display()
                );
                Ok(None)
            }
            Some(_) | None => self.keyring(),
        }
    }

    /// The same settings for a command beside a running `dev`: what is not set is where the `dev` has it.
    pub(crate) fn beside_dev(mut self) -> anyhow::Result<Self> {
        let Some(dev) = Addresses::of_running(&self.data_dir)? else { return Ok(self) };
        let is_unset = TEMPORAL_VARIABLES.iter().all(|name| std::env::var_os(name).is_none());
        if is_unset {
            self.temporal = dev.temporal();
        }
        if is_unset || names_temporal_of(&dev) {
            self.api_url = Some(dev.api.clone());
            self.beside = Some(dev.clone());
        }
        if self.toss.set.is_empty() {
            self.toss = dev.simulated_toss();
        }
        Ok(self)
    }

    /// The same settings as a `dev` uses them that listens at the addresses.
    pub(crate) fn within(&self, dev: &Addresses) -> Self {
        let (api_url, beside) = (Some(dev.api.clone()), Some(dev.clone()));
        Self { temporal: dev.temporal(), api_url, beside, ..self.clone() }
    }

    /// The database: the one that is set, or SQLite in the data directory. It has to be there: who asks in the wrong
    /// directory is told, and not shown an empty one.
    pub(crate) fn database(&self) -> anyhow::Result<DatabaseUrl> {
        let url = self.database_url.clone().unwrap_or_else(|| self.default_database());
        let Some(file) = url.sqlite_file() else { return Ok(url) };
        ensure!(
            file.exists(),
            "there is no database {}; name it with --data-dir or --database-url, or make one with `daegeum migrate up`",
            file.display()
        );
        private::warn_if_open(&file);
        Ok(url)
    }

    /// The database, for those who make it: the directory of the default one is made if it is missing.
    pub(crate) fn database_to_make(&self) -> anyhow::Result<DatabaseUrl> {
        if let Some(url) = &self.database_url {
            return Ok(url.clone());
        }
        private::make_directory(&self.data_dir)?;
        Ok(self.default_database())
    }

    fn default_database(&self) -> DatabaseUrl {
        DatabaseUrl::of_file(&self.data_dir.join("daegeum.db"))
    }
}

/// An amount of a flag, or of the file where no flag is given.
fn amount(name: &str, flag: Option<Money>, file: Option<String>) -> anyhow::Result<Option<Money>> {
    let read = |text: String| values::amount(&text).map_err(|error| anyhow::anyhow!("the setting {name} {error}"));
    flag.map_or_else(|| file.map(read).transpose(), |flag| Ok(Some(flag)))
}

/// From the environment or the file, never from the command line: others can read that.
fn encryption_keys(of_file: Option<String>) -> anyhow::Result<Option<Arc<Keyring>>> {
    let text = secret::of_environment(secret::ENCRYPTION_KEYS)?.or(of_file);
    let keys =
        text.map(|text| Keyring::parse(&text)).transpose().context("the setting encryption_keys is malformed")?;
    Ok(keys.map(Arc::new))
}

/// The key of Temporal Cloud in a file. The SDK reads the variable itself.
fn temporal_api_key() -> anyhow::Result<Option<String>> {
    let key = secret::of_environment(secret::TEMPORAL_API_KEY)?;
    Ok(key.filter(|_| std::env::var_os(secret::TEMPORAL_API_KEY).is_none()))
}

/// Temporal's Worker Controller sets both variables.
fn worker_version() -> anyhow::Result<Option<DeploymentVersion>> {
    let read = |name| match std::env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(error @ VarError::NotUnicode(_)) => Err(error).with_context(|| format!("{name} cannot be read")),
    };
    Ok(DeploymentVersion::of_variables(read(DEPLOYMENT_NAME)?, read(BUILD_ID)?)?)
}

fn database_connections(set: Option<u32>) -> anyhow::Result<u32> {
    let connections = set.unwrap_or(store::DEFAULT_CONNECTIONS);
    ensure!(
        DATABASE_CONNECTIONS.contains(&connections),
        "the setting database_connections must be {} to {}, not {connections}",
        DATABASE_CONNECTIONS.start(),
        DATABASE_CONNECTIONS.end()
    );
    Ok(connections)
}

fn release_rule(business_days: Option<u32>, holidays: &[String]) -> anyhow::Result<ReleaseRule> {
    let business_days = business_days.unwrap_or(RELEASE_BUSINESS_DAYS);
    ensure!(
        business_days <= MAX_RELEASE_BUSINESS_DAYS,
        "the setting release_business_days must be 0 to {MAX_RELEASE_BUSINESS_DAYS} days, not {business_days}"
    );
    let business_days = u16::try_from(business_days)?;
    let day = |text: &String| text.parse::<Day>().with_context(|| format!("the setting holidays holds {text:?}"));
    let added = holidays.iter().map(day).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(ReleaseRule { business_days, holidays: Holidays::and(added), not_by_card: NotByCard::default() })
}

fn not_by_card(text: Option<&str>) -> anyhow::Result<NotByCard> {
    match text {
        None | Some("after_payment") => Ok(NotByCard::AfterPayment),
        Some("after_confirmation") => Ok(NotByCard::AfterConfirmation),
        Some(other) => {
            bail!("the setting release_not_by_card must be after_payment or after_confirmation, not {other:?}")
        }
    }
}

fn event_retention(days: Option<u32>) -> anyhow::Result<Duration> {
    let days = days.unwrap_or(EVENT_RETENTION_DAYS);
    ensure!(
        EVENT_RETENTION_RANGE.contains(&days),
        "the setting event_retention_days must be {} to {} days, not {days}",
        EVENT_RETENTION_RANGE.start(),
        EVENT_RETENTION_RANGE.end()
    );
    Ok(DAY * days)
}

fn return_hosts(texts: &[String]) -> anyhow::Result<Vec<ReturnHost>> {
    let host = |text: &String| text.parse().with_context(|| format!("the setting return_hosts holds {text:?}"));
    texts.iter().map(host).collect()
}

/// Where this machine reaches what listens at an address; nothing for a port of the system's choice.
pub(crate) fn near(scheme: &str, mut address: SocketAddr) -> Option<String> {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    (address.port() != 0).then(|| format!("{scheme}://{address}"))
}

/// Whether the environment names the Temporal of this `dev`. Another Temporal's workers have other keys.
fn names_temporal_of(dev: &Addresses) -> bool {
    let named = std::env::var("TEMPORAL_ADDRESS").unwrap_or_default();
    let place = named.strip_prefix("http://").unwrap_or(&named).replacen("localhost:", "127.0.0.1:", 1);
    place == dev.temporal
}

fn refuse_unknown_environment() -> anyhow::Result<()> {
    for (name, _) in std::env::vars_os() {
        let Some(name) = name.to_str() else { continue };
        let is_ours = ENVIRONMENT.contains(&name) || kafka::VARIABLES.contains(&name);
        if name.starts_with(ENVIRONMENT_PREFIX) && !is_ours && !secret::is_file_of_secret(name) {
            let known = [&ENVIRONMENT[..], &kafka::VARIABLES].concat().join(", ");
            bail!("the environment variable {name} is none of ours; we know {known}");
        }
    }
    Ok(())
}

fn read_file(named: Option<&Path>) -> anyhow::Result<File> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => match found_file()? {
            Some(path) => path,
            None => return Ok(File::default()),
        },
    };
    let text = std::fs::read_to_string(&path);
    let text = text.with_context(|| format!("could not read the settings file {}", path.display()))?;
    toml::from_str(&text).map_err(|error| malformed(&path, &text, &error))
}

/// The settings file of the working directory, which nobody named: it is announced, and refused where somebody else
/// may have written it.
fn found_file() -> anyhow::Result<Option<PathBuf>> {
    let path = Path::new(DEFAULT_FILE);
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("could not read the settings file {DEFAULT_FILE}")),
    };
    let path = std::path::absolute(path)?;
    private::check_origin(&path, &metadata).with_context(|| {
        format!("the settings file {} was found here and is not used; name it with --config to use it", path.display())
    })?;
    eprintln!("daegeum: settings from {}", path.display());
    Ok(Some(path))
}

/// Says where and what, and does not quote the line: it may hold a secret.
fn malformed(path: &Path, text: &str, error: &toml::de::Error) -> anyhow::Error {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    anyhow::anyhow!("the settings file {} is malformed in line {line}: {}", path.display(), error.message())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "in a test, what cannot be done fails the test")]

    use super::*;

    const EXAMPLE: &str = include_str!("../../daegeum.example.toml");

    fn keys(file: &File) -> Vec<String> {
        let value = serde_json::to_value(file).unwrap();
        let mut keys: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
        let tables = [
            "toss",
            "limits",
            "tls",
            "pages",
            "payouts",
            "risk",
            "webhooks",
            "reconciliation",
            "dead_letters",
            "kafka",
            "console",
            "shop",
        ];
        for table in tables {
            keys.extend(value[table].as_object().unwrap().keys().map(|key| format!("{table}.{key}")));
        }
        keys
    }

    /// Of the example, the lines that a reader would uncomment: `#key = value`, while prose has a space.
    fn uncommented() -> String {
        let is_setting = |rest: &&str| rest.starts_with(|first: char| first.is_ascii_lowercase());
        EXAMPLE
            .lines()
            .map(|line| line.strip_prefix('#').filter(is_setting).unwrap_or(line))
            .fold(String::new(), |text, line| text + line + "\n")
    }

    #[test]
    fn the_example_holds_every_setting_and_changes_none() {
        let file: File = toml::from_str(EXAMPLE).unwrap();
        assert_eq!(serde_json::to_value(file).unwrap(), serde_json::to_value(File::default()).unwrap());
        let file: File = toml::from_str(&uncommented()).unwrap();
        let value = serde_json::to_value(&file).unwrap();
        for key in keys(&file) {
            let pointer = format!("/{}", key.replace('.', "/"));
            assert!(!value.pointer(&pointer).unwrap().is_null(), "daegeum.example.toml has no {key}");
        }
        release_rule(file.release_business_days, &file.holidays).unwrap();
        assert!(file.encryption_keys.unwrap().contains("BASE64"));
        // The hook's client speaks TLS by the provider that `main` installs.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let risk = risk::risk(file.risk).unwrap();
        assert!(!risk.rules.is_empty() && risk.hook().unwrap().is_some());
        file.database_url.unwrap().parse::<DatabaseUrl>().unwrap();
    }

    #[test]
    fn no_secret_is_in_the_debugging_form() {
        use std::io::Write as _;
        const SECRETS: [&str; 5] = [
            "test_sk_not_to_be_told",
            "hunter2",
            "0123456789abcdef0123456789abcdef",
            "between-us",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        ];
        let [secret_key, password, pepper, hook, encryption_key] = SECRETS;
        let mut file = tempfile::NamedTempFile::new().unwrap();
        write!(
            file,
            "database_url = \"postgres://daegeum:{password}@db.example/daegeum\"\n\
             key_pepper = \"{pepper}\"\nencryption_keys = \"a:{encryption_key}\"\n\
             [toss]\nsecret_key = \"{secret_key}\"\n\
             [risk]\nhook = {{ url = \"http://risk.example\", secret = \"{hook}\", when_down = \"deny\" }}\n"
        )
        .unwrap();
        let arguments = ["daegeum", "--config", file.path().to_str().unwrap(), "doctor"];
        let cli = <crate::cli::Cli as clap::Parser>::try_parse_from(arguments).unwrap();
        let settings = Settings::load(&cli.common).unwrap();
        let told = format!("{settings:?} {cli:?}");
        assert!(told.contains("db.example") && told.contains("risk.example"), "{told}");
        for secret in SECRETS {
            assert!(!told.contains(secret), "{secret} is told: {told}");
        }
    }
}
