//! The settings of the risk check: rules, and a service that is asked besides them.

use std::time::Duration;

use activities::risk::Hook;
use anyhow::{Context as _, bail, ensure};
use domain::{
    Money,
    risk::{AmountLimit, Most, RiskVerdict, Rules, Subject, Velocity},
};
use serde::Deserialize;

use crate::settings::secret;

/// Longest window of a velocity, in seconds: 30 days.
const MAX_WINDOW_S: u64 = 30 * 24 * 60 * 60;
/// How long the risk service may take, in milliseconds. A check that takes longer is begun anew.
const HOOK_DEADLINE_RANGE_MS: std::ops::RangeInclusive<u64> = 50..=1_500;
/// How long it may take unless it is set.
const HOOK_DEADLINE_MS: u64 = 1_000;

/// What is asked before a payment is charged. Nothing by default.
#[derive(Debug, Clone, Default)]
pub(crate) struct Risk {
    pub(crate) rules: Rules,
    pub(crate) hook: Option<HookSettings>,
}

/// How to reach the risk service.
#[derive(Clone)]
pub(crate) struct HookSettings {
    url: String,
    secret: String,
    deadline: Duration,
    when_down: RiskVerdict,
}

impl std::fmt::Debug for HookSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HookSettings")
            .field("url", &self.url)
            .field("when_down", &self.when_down)
            .finish_non_exhaustive()
    }
}

/// `[risk]` in the file.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(super) struct RiskFile {
    #[serde(default)]
    denied_buyers: Vec<String>,
    #[serde(default)]
    denied_cards: Vec<String>,
    #[serde(default)]
    denied_sellers: Vec<String>,
    #[serde(default)]
    amounts: Vec<AmountFile>,
    #[serde(default)]
    velocities: Vec<VelocityFile>,
    hook: Option<HookFile>,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
struct AmountFile {
    above: String,
    currency: String,
    verdict: RiskVerdict,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
struct VelocityFile {
    of: Subject,
    window_s: u64,
    payments: Option<u64>,
    amount: Option<String>,
    currency: Option<String>,
    verdict: RiskVerdict,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
struct HookFile {
    url: String,
    secret: Option<String>,
    deadline_ms: Option<u64>,
    when_down: RiskVerdict,
}

impl std::fmt::Debug for HookFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HookFile").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Risk {
    /// The service, ready to be asked.
    pub(crate) fn hook(&self) -> anyhow::Result<Option<Hook>> {
        let hook = self.hook.clone().map(|hook| Hook::try_new(hook.url, &hook.secret, hook.deadline, hook.when_down));
        hook.transpose().context("the setting risk.hook cannot be used")
    }
}

/// Reads the settings; names the one that is malformed.
pub(super) fn risk(file: RiskFile) -> anyhow::Result<Risk> {
    let rules = Rules {
        denied_buyers: all("denied_buyers", file.denied_buyers, domain::id::BuyerId::parse)?,
        denied_cards: all("denied_cards", file.denied_cards, domain::id::CardFingerprint::parse)?,
        denied_sellers: all("denied_sellers", file.denied_sellers, domain::id::SellerAccount::parse)?,
        amounts: file.amounts.into_iter().map(amount_limit).collect::<anyhow::Result<_>>()?,
        velocities: file.velocities.into_iter().map(velocity).collect::<anyhow::Result<_>>()?,
    };
    Ok(Risk { rules, hook: file.hook.map(hook_settings).transpose()? })
}

fn all<T, E, C>(name: &str, texts: Vec<String>, parse: impl Fn(String) -> Result<T, E>) -> anyhow::Result<C>
where
    C: FromIterator<T>,
    E: std::error::Error + Send + Sync + 'static,
{
    let parse = |text: String| parse(text).with_context(|| format!("the setting risk.{name} holds what is no id"));
    texts.into_iter().map(parse).collect()
}

fn money(name: &str, amount: &str, currency: &str) -> anyhow::Result<Money> {
    let currency = currency.parse().with_context(|| format!("the setting risk.{name} names no currency of ours"))?;
    Money::parse(amount, currency).with_context(|| format!("the setting risk.{name} holds {amount:?}"))
}

/// A rule that allows says nothing; whoever wrote it meant something else.
fn refuse_to_allow(name: &str, verdict: RiskVerdict) -> anyhow::Result<()> {
    ensure!(verdict != RiskVerdict::Allow, "the setting risk.{name} must say \"review\" or \"deny\", not \"allow\"");
    Ok(())
}

fn amount_limit(file: AmountFile) -> anyhow::Result<AmountLimit> {
    refuse_to_allow("amounts", file.verdict)?;
    Ok(AmountLimit { above: money("amounts", &file.above, &file.currency)?, verdict: file.verdict })
}

fn velocity(file: VelocityFile) -> anyhow::Result<Velocity> {
    refuse_to_allow("velocities", file.verdict)?;
    ensure!(
        (1..=MAX_WINDOW_S).contains(&file.window_s),
        "the setting risk.velocities takes a window_s of 1 to {MAX_WINDOW_S}"
    );
    let most = match (file.payments, file.amount, file.currency) {
        (Some(payments), None, None) => Most::Payments(payments),
        (None, Some(amount), Some(currency)) => Most::Amount(money("velocities", &amount, &currency)?),
        _ => bail!("the setting risk.velocities takes either payments, or amount and currency"),
    };
    Ok(Velocity { of: file.of, window_ms: file.window_s * 1_000, most, verdict: file.verdict })
}

fn hook_settings(file: HookFile) -> anyhow::Result<HookSettings> {
    refuse_to_allow("hook.when_down", file.when_down)?;
    let secret = secret::of_environment(secret::RISK_HOOK_SECRET)?.or(file.secret);
    let deadline_ms = file.deadline_ms.unwrap_or(HOOK_DEADLINE_MS);
    ensure!(
        HOOK_DEADLINE_RANGE_MS.contains(&deadline_ms),
        "the setting risk.hook.deadline_ms must be {} to {}, not {deadline_ms}",
        HOOK_DEADLINE_RANGE_MS.start(),
        HOOK_DEADLINE_RANGE_MS.end()
    );
    Ok(HookSettings {
        url: crate::values::web_address("risk.hook.url", file.url)?,
        secret: secret.filter(|secret| !secret.is_empty()).context("the setting risk.hook.secret is missing")?,
        deadline: Duration::from_millis(deadline_ms),
        when_down: file.when_down,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "in a test, what cannot be done fails the test")]

    use super::*;

    fn read(text: &str) -> anyhow::Result<Risk> {
        risk(toml::from_str(text)?)
    }

    #[test]
    fn by_default_there_is_nothing_to_ask() {
        let risk = read("").unwrap();
        assert!(risk.rules.is_empty() && risk.hook().unwrap().is_none());
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        let hook = |rest: &str| format!("hook = {{ url = \"http://risk.example\", secret = \"s\", {rest} }}");
        for (text, named) in [
            ("denied_buyers = [\"a b\"]".to_owned(), "denied_buyers"),
            ("denied_cards = [\"4111\"]".to_owned(), "denied_cards"),
            ("amounts = [{ above = \"1\", currency = \"KRW\", verdict = \"allow\" }]".to_owned(), "amounts"),
            ("amounts = [{ above = \"1.5\", currency = \"KRW\", verdict = \"deny\" }]".to_owned(), "amounts"),
            ("velocities = [{ of = \"buyer\", window_s = 60, verdict = \"deny\" }]".to_owned(), "velocities"),
            (
                "velocities = [{ of = \"buyer\", window_s = 0, payments = 1, verdict = \"deny\" }]".to_owned(),
                "window_s",
            ),
            (hook("when_down = \"allow\""), "hook.when_down"),
            (hook("when_down = \"deny\", deadline_ms = 60000"), "deadline_ms"),
            (hook("when_down = \"deny\", retries = 3"), "retries"),
            ("denied_countries = []".to_owned(), "denied_countries"),
        ] {
            let error = format!("{:#}", read(&text).unwrap_err());
            assert!(error.contains(named), "{text}: {error}");
        }
    }
}
