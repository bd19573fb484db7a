//! The settings of the door: who gets in, how much of it, and how it is encrypted.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use api::{Limits, Network, Rate};
use serde::Deserialize;
use store::Pepper;
use web::buyer::PagesKept;

use crate::settings::{Common, file_limit, secret};

/// The most requests that may be set for any of the limits.
const MOST_REQUESTS: u32 = 1_000_000;
/// How long requests are taken after the signal to stop, in seconds: the most that may be set.
const MAX_DRAIN_S: u64 = 60;
/// The most days that the buyer's pages may show what was bought.
const MOST_SHOWN_DAYS: u32 = 3_650;
/// The longest that an answer may take, in seconds.
const DEADLINE_RANGE_S: std::ops::RangeInclusive<u64> = 15..=600;

/// From where Toss sends webhooks, unless it is set. Source: Toss Payments, security guide (2026-11); the list grows.
const WEBHOOK_SENDERS: [&str; 10] = [
    "13.124.18.147",
    "13.124.108.35",
    "3.36.173.151",
    "3.38.81.32",
    "115.92.221.121",
    "115.92.221.122",
    "115.92.221.123",
    "115.92.221.125",
    "115.92.221.126",
    "115.92.221.127",
];
/// This machine.
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1"];

/// Access to the API: keys, limits and encryption.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) limits: Limits,
    pub(crate) key_pepper: Pepper,
    /// Networks that may read metrics without a key, where the setting is given.
    metrics_from: Option<Vec<Network>>,
    /// Where a worker alone tells its metrics.
    pub(crate) metrics_listen: Option<SocketAddr>,
    pub(crate) tls: Option<Tls>,
    /// How long requests are taken after the signal to stop, where it is set.
    drain: Option<Duration>,
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
    /// The authorities that must have signed the clients' certificates, where clients need one.
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
    open_requests_per_address: Option<u32>,
    connections: Option<u32>,
    connections_per_address: Option<u32>,
    deadline_s: Option<u64>,
    drain_s: Option<u64>,
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
    pub(super) webhook_senders: Option<Vec<String>>,
    pub(super) metrics_from: Option<Vec<String>>,
    pub(super) metrics_listen: Option<SocketAddr>,
    pub(super) limits: LimitsFile,
    pub(super) tls: TlsFile,
    pub(super) pages: PagesFile,
}

impl Door {
    pub(super) fn new(flags: &Common, file: DoorFile) -> anyhow::Result<Self> {
        let pepper = secret::of_environment(secret::KEY_PEPPER)?.or(file.key_pepper);
        let key_pepper = pepper.map(|text| Pepper::parse(&text)).transpose();
        let behind_proxy = flags.behind_proxy.or(file.behind_proxy).unwrap_or(false);
        let trusted_proxies = networks("trusted_proxies", &file.trusted_proxies)?;
        let senders = file.webhook_senders.unwrap_or_else(|| WEBHOOK_SENDERS.map(str::to_owned).into());
        let webhook_senders = networks("webhook_senders", &senders)?;
        let metrics_from = file.metrics_from.map(|texts| networks("metrics_from", &texts)).transpose()?;
        Ok(Self {
            limits: Limits { trusted_proxies, webhook_senders, ..limits(&file.limits)? },
            key_pepper: key_pepper.context("the setting key_pepper is malformed")?.unwrap_or_default(),
            metrics_from,
            metrics_listen: file.metrics_listen,
            tls: tls(flags, file.tls)?,
            drain: drain(file.limits.drain_s)?,
            pages_kept: pages_kept(&file.pages)?,
            behind_proxy,
        })
    }

    /// Refuses to carry keys and orders over a network in the clear, and to hold more connections than files.
    pub(crate) fn check(&self, address: SocketAddr) -> anyhow::Result<()> {
        ensure!(
            address.ip().is_loopback() || self.tls.is_some() || self.behind_proxy,
            "{address} is reached from outside of this machine, and without TLS anybody on the way reads API keys; set \
             tls.certificate and tls.private_key, or behind_proxy = true if a proxy in front of it speaks TLS"
        );
        if self.behind_proxy && self.limits.trusted_proxies.is_empty() {
            tracing::warn!(
                "behind_proxy is set and trusted_proxies is not: all clients are counted as one address, that of the \
                 proxy"
            );
        }
        file_limit::raise(self.limits.connections)
    }

    /// Networks that may read the API's metrics without a key: none, unless the setting is given. A proxy that does not
    /// say whom it speaks for makes the whole world seem to be on this machine.
    pub(crate) fn metrics_from(&self) -> Vec<Network> {
        self.metrics_from.clone().unwrap_or_default()
    }

    /// Networks that may read the metrics of a process that only this machine reaches, unless the setting says
    /// otherwise.
    pub(crate) fn metrics_from_here(&self) -> anyhow::Result<Vec<Network>> {
        self.metrics_from.clone().map_or_else(|| networks("metrics_from", &LOOPBACK.map(str::to_owned)), Ok)
    }

    /// The same door for a try on this machine: its metrics need no key here.
    pub(crate) fn for_dev(&self) -> anyhow::Result<Self> {
        Ok(Self { metrics_from: Some(self.metrics_from_here()?), ..self.clone() })
    }

    /// How long requests are taken after the signal to stop.
    pub(crate) fn drain_or(&self, default: Duration) -> Duration {
        self.drain.unwrap_or(default)
    }

    /// `https` or `http`.
    pub(crate) const fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

fn limits(file: &LimitsFile) -> anyhow::Result<Limits> {
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
    let number = |name: &str, set: Option<u32>, default: usize| -> anyhow::Result<usize> {
        Ok(requests(name, set)?.and_then(|number| usize::try_from(number).ok()).unwrap_or(default))
    };
    Ok(Limits {
        per_key: rate("requests_per_key", file.requests_per_key, default.per_key)?,
        per_address: rate("requests_per_address", file.requests_per_address, default.per_address)?,
        failed_authentications: rate(
            "failed_authentications",
            file.failed_authentications,
            default.failed_authentications,
        )?,
        concurrent: number("concurrent_requests", file.concurrent_requests, default.concurrent)?,
        open_per_address: number(
            "open_requests_per_address",
            file.open_requests_per_address,
            default.open_per_address,
        )?,
        connections: number("connections", file.connections, default.connections)?,
        connections_per_address: number(
            "connections_per_address",
            file.connections_per_address,
            default.connections_per_address,
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
        deadline: Duration::from_secs(deadline_s),
        ..default
    })
}

fn drain(set: Option<u64>) -> anyhow::Result<Option<Duration>> {
    ensure!(
        set.is_none_or(|seconds| seconds <= MAX_DRAIN_S),
        "the setting limits.drain_s must be 0 to {MAX_DRAIN_S}, not {}",
        set.unwrap_or_default()
    );
    Ok(set.map(Duration::from_secs))
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
