//! The settings of the door: who gets in, how much of it, and how it is encrypted.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use api::{Limits, Network, PagesKept, Rate};
use serde::Deserialize;
use store::Pepper;

use crate::cli::Common;

/// The pepper of the API keys; it is taken from the environment or the file, and is no flag.
const PEPPER_VARIABLE: &str = "DAEGEUM_KEY_PEPPER";
/// The most requests that may be set for any of the limits.
const MOST_REQUESTS: u32 = 1_000_000;
/// The most days that the buyer's pages may show what was bought.
const MOST_SHOWN_DAYS: u32 = 3_650;
/// The longest that an answer may take, in seconds.
const DEADLINE_RANGE_S: std::ops::RangeInclusive<u64> = 15..=600;

/// Who gets in, how much of it, and how it is encrypted.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) limits: Limits,
    pub(crate) key_pepper: Pepper,
    pub(crate) metrics_from: Vec<Network>,
    /// Where a worker alone tells its metrics.
    pub(crate) metrics_listen: Option<SocketAddr>,
    pub(crate) tls: Option<Tls>,
    /// How long the buyer's pages show what was bought.
    pub(crate) pages_kept: PagesKept,
    /// Whether a proxy in front of it speaks TLS with the outside.
    behind_proxy: bool,
}

/// The files of TLS, all in PEM.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    /// The certificate and those that it hangs on.
    pub(crate) certificate: PathBuf,
    pub(crate) private_key: PathBuf,
    /// Who must have signed the clients' certificates, where clients need one.
    pub(crate) client_ca: Option<PathBuf>,
}

/// The table `[limits]`.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsFile {
    requests_per_key: Option<u32>,
    requests_per_address: Option<u32>,
    failed_authentications: Option<u32>,
    confirmations_per_address: Option<u32>,
    confirmations_per_checkout: Option<u32>,
    concurrent_requests: Option<u32>,
    deadline_s: Option<u64>,
}

/// The table `[pages]`.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(super) struct PagesFile {
    shown_days_after_payment: Option<u32>,
    shown_days_after_expiry: Option<u32>,
}

/// The table `[tls]`.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(super) struct TlsFile {
    certificate: Option<PathBuf>,
    private_key: Option<PathBuf>,
    client_ca: Option<PathBuf>,
}

/// What the file says of the door.
pub(super) struct DoorFile {
    pub(super) key_pepper: Option<String>,
    pub(super) behind_proxy: Option<bool>,
    pub(super) trusted_proxies: Vec<String>,
    pub(super) metrics_from: Option<Vec<String>>,
    pub(super) metrics_listen: Option<SocketAddr>,
    pub(super) limits: LimitsFile,
    pub(super) tls: TlsFile,
    pub(super) pages: PagesFile,
}

impl Door {
    pub(super) fn new(flags: &Common, file: DoorFile) -> anyhow::Result<Self> {
        let pepper = std::env::var(PEPPER_VARIABLE).ok().or(file.key_pepper);
        let key_pepper = pepper.map(|text| Pepper::parse(&text)).transpose();
        let behind_proxy = flags.behind_proxy.or(file.behind_proxy).unwrap_or(false);
        // A proxy on this machine makes everybody seem to be on it.
        let local = if behind_proxy { Vec::new() } else { vec!["127.0.0.0/8".to_owned(), "::1".to_owned()] };
        Ok(Self {
            limits: limits(&file.limits, networks("trusted_proxies", &file.trusted_proxies)?)?,
            key_pepper: key_pepper.context("the setting key_pepper is malformed")?.unwrap_or_default(),
            metrics_from: networks("metrics_from", file.metrics_from.as_deref().unwrap_or(&local))?,
            metrics_listen: file.metrics_listen,
            tls: tls(flags, file.tls)?,
            pages_kept: pages_kept(&file.pages)?,
            behind_proxy,
        })
    }

    /// Refuses to carry keys and orders over a network in the clear.
    pub(crate) fn check(&self, address: SocketAddr) -> anyhow::Result<()> {
        ensure!(
            address.ip().is_loopback() || self.tls.is_some() || self.behind_proxy,
            "{address} is reached from outside of this machine, and without TLS anybody on the way reads API keys; set \
             tls.certificate and tls.private_key, or behind_proxy = true if a proxy in front of it speaks TLS"
        );
        Ok(())
    }

    /// `https` or `http`.
    pub(crate) const fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

fn limits(file: &LimitsFile, trusted_proxies: Vec<Network>) -> anyhow::Result<Limits> {
    let default = Limits::default();
    let rate = |name: &str, set: Option<u32>, default: Rate| -> anyhow::Result<Rate> {
        Ok(Rate { quota: requests(name, set)?.unwrap_or(default.quota), ..default })
    };
    let deadline_s = file.deadline_s.unwrap_or(default.deadline.as_secs());
    ensure!(
        DEADLINE_RANGE_S.contains(&deadline_s),
        "the setting limits.deadline_s must be {} to {}, not {deadline_s}",
        DEADLINE_RANGE_S.start(),
        DEADLINE_RANGE_S.end()
    );
    let concurrent = requests("concurrent_requests", file.concurrent_requests)?;
    Ok(Limits {
        per_key: rate("requests_per_key", file.requests_per_key, default.per_key)?,
        per_address: rate("requests_per_address", file.requests_per_address, default.per_address)?,
        failed_authentications: rate(
            "failed_authentications",
            file.failed_authentications,
            default.failed_authentications,
        )?,
        confirmations_per_address: rate(
            "confirmations_per_address",
            file.confirmations_per_address,
            default.confirmations_per_address,
        )?,
        confirmations_per_checkout: rate(
            "confirmations_per_checkout",
            file.confirmations_per_checkout,
            default.confirmations_per_checkout,
        )?,
        concurrent: concurrent.and_then(|number| usize::try_from(number).ok()).unwrap_or(default.concurrent),
        deadline: Duration::from_secs(deadline_s),
        trusted_proxies,
    })
}

fn requests(name: &str, set: Option<u32>) -> anyhow::Result<Option<u32>> {
    if let Some(number) = set {
        ensure!(
            (1..=MOST_REQUESTS).contains(&number),
            "the setting limits.{name} must be 1 to {MOST_REQUESTS}, not {number}"
        );
    }
    Ok(set)
}

fn pages_kept(file: &PagesFile) -> anyhow::Result<PagesKept> {
    const DAY_S: u64 = 24 * 60 * 60;
    let days = |name: &str, set: Option<u32>, default: Duration| -> anyhow::Result<Duration> {
        let Some(days) = set else { return Ok(default) };
        ensure!(days <= MOST_SHOWN_DAYS, "the setting pages.{name} must be 0 to {MOST_SHOWN_DAYS}, not {days}");
        Ok(Duration::from_secs(u64::from(days) * DAY_S))
    };
    let default = PagesKept::default();
    Ok(PagesKept {
        after_payment: days("shown_days_after_payment", file.shown_days_after_payment, default.after_payment)?,
        after_expiry: days("shown_days_after_expiry", file.shown_days_after_expiry, default.after_expiry)?,
    })
}

fn networks(name: &str, texts: &[String]) -> anyhow::Result<Vec<Network>> {
    let network = |text: &String| text.parse().with_context(|| format!("the setting {name} holds {text:?}"));
    texts.iter().map(network).collect()
}

fn tls(flags: &Common, file: TlsFile) -> anyhow::Result<Option<Tls>> {
    let certificate = flags.tls_certificate.clone().or(file.certificate);
    let private_key = flags.tls_private_key.clone().or(file.private_key);
    match (certificate, private_key) {
        (Some(certificate), Some(private_key)) => {
            let tls = Tls { certificate, private_key, client_ca: file.client_ca };
            for path in [Some(&tls.certificate), Some(&tls.private_key), tls.client_ca.as_ref()].into_iter().flatten() {
                ensure!(Path::exists(path), "the settings of tls name {}, which does not exist", path.display());
            }
            Ok(Some(tls))
        }
        (None, None) if file.client_ca.is_none() => Ok(None),
        (None, _) => bail!("the setting tls.certificate is missing beside the other settings of tls"),
        (Some(_), None) => bail!("the setting tls.private_key is missing beside tls.certificate"),
    }
}
