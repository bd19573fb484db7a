//! The settings of reconciliations.

use std::collections::{BTreeMap, BTreeSet};

use activities::reconciliation::ReconciliationRules;
use anyhow::{Context as _, anyhow, ensure};
use domain::{
    Currency, Limits,
    calendar::Holidays,
    payout::PaidBy,
    reconciliation::{
        EscalationSteps,
        repair::{DEFAULT_DAILY_LIMIT, DEFAULT_SETTLEMENT_LIMIT, RepairLimits, RepairRule},
    },
    settlement::{FeeContract, FeeContracts},
};
use serde::Deserialize;
use service::ReportRules;

use crate::values;

/// The most ten-thousandths that a fee can be.
const MAX_FEE_BPS: u32 = 2_000;
/// The part of what is owed to sellers that must stand apart, unless an operator says otherwise, in hundredths.
const DEFAULT_KEEP_APART_PERCENT: u32 = 100;
/// The contract of the simulator: 2.7 % and a tenth of it as tax.
const SIMULATED_FEE_BPS: u32 = 297;

/// `[reconciliation]` in the file.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(super) struct ReconciliationFile {
    psp_fee_bps: Option<FeesFile>,
    resolve_alone_up_to: Option<AmountsFile>,
    repairs_off: Option<Vec<String>>,
    repair_limit_per_day: Option<AmountsFile>,
    keep_apart_percent: Option<u32>,
    settlement_limit_per_day: Option<AmountsFile>,
    escalate_after_business_days: Option<Vec<u16>>,
}

/// The fee of the contract in won, or of each contract by its currency.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(untagged)]
enum FeesFile {
    InWon(u32),
    ByCurrency(BTreeMap<String, u32>),
}

/// An amount, or one of each currency: `"1000000"`, `["1000000", "1000 USD"]`.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(untagged)]
pub(super) enum AmountsFile {
    One(String),
    Each(Vec<String>),
}

/// How breaks are judged.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reconciliation {
    fee_contracts: Option<FeeContracts>,
    alone_up_to: Limits,
    repairs: RepairLimits,
    keep_apart_percent: u32,
    escalation: EscalationSteps,
}

/// Reads the table.
pub(super) fn reconciliation(file: ReconciliationFile) -> anyhow::Result<Reconciliation> {
    let ReconciliationFile {
        psp_fee_bps,
        resolve_alone_up_to,
        repairs_off,
        repair_limit_per_day,
        keep_apart_percent,
        settlement_limit_per_day,
        escalate_after_business_days,
    } = file;
    let keep_apart_percent = keep_apart_percent.unwrap_or(DEFAULT_KEEP_APART_PERCENT);
    ensure!(keep_apart_percent <= 100, "the setting reconciliation.keep_apart_percent must be 0 to 100");
    let fee_contracts = psp_fee_bps.map(fee_contracts).transpose()?;
    let alone_up_to = limits("reconciliation.resolve_alone_up_to", resolve_alone_up_to, Limits::default())?;
    let off = repairs_off.unwrap_or_default().iter().map(|name| rule(name)).collect::<anyhow::Result<Vec<_>>>()?;
    let daily_limit = limits("reconciliation.repair_limit_per_day", repair_limit_per_day, DEFAULT_DAILY_LIMIT)?;
    let settlement_limit =
        limits("reconciliation.settlement_limit_per_day", settlement_limit_per_day, DEFAULT_SETTLEMENT_LIMIT)?;
    let repairs = RepairLimits { off, daily_limit, settlement_limit };
    let escalation = escalate_after_business_days.map(EscalationSteps::try_new).transpose();
    let escalation = escalation.context("the setting reconciliation.escalate_after_business_days")?.unwrap_or_default();
    Ok(Reconciliation { fee_contracts, alone_up_to, repairs, keep_apart_percent, escalation })
}

fn rule(name: &str) -> anyhow::Result<RepairRule> {
    RepairRule::parse(name).with_context(|| {
        let known = RepairRule::ALL.map(RepairRule::as_str).join(", ");
        format!("the setting reconciliation.repairs_off knows {known}, and not {name:?}")
    })
}

fn fee_contracts(fees: FeesFile) -> anyhow::Result<FeeContracts> {
    let by_currency = match fees {
        FeesFile::InWon(bps) => BTreeMap::from([(Currency::Krw.code().to_owned(), bps)]),
        FeesFile::ByCurrency(by_currency) => by_currency,
    };
    let mut contracts = FeeContracts::default();
    for (currency, bps) in by_currency {
        let currency = values::currency(&currency);
        let currency = currency.map_err(|error| anyhow!("the setting reconciliation.psp_fee_bps: {error}"))?;
        ensure!(
            bps <= MAX_FEE_BPS,
            "the setting reconciliation.psp_fee_bps must be 0 to {MAX_FEE_BPS} ten-thousandths, in {currency} too"
        );
        contracts = contracts.with(currency, FeeContract { bps });
    }
    Ok(contracts)
}

/// The default limits, with those that the file names in the place of the ones of their currencies. An amount without a
/// currency is in won.
pub(super) fn limits(setting: &str, file: Option<AmountsFile>, default: Limits) -> anyhow::Result<Limits> {
    let amounts = match file {
        None => Vec::new(),
        Some(AmountsFile::One(amount)) => vec![amount],
        Some(AmountsFile::Each(amounts)) => amounts,
    };
    let (mut limits, mut named) = (default, BTreeSet::new());
    for amount in amounts {
        let limit = values::amount(&amount).map_err(|error| anyhow!("the setting {setting} {error}"))?;
        let currency = limit.currency();
        ensure!(named.insert(currency), "the setting {setting} names two amounts in {currency}");
        limits = limits.with(limit);
    }
    Ok(limits)
}

impl Reconciliation {
    /// What reports are measured against.
    pub(crate) fn reports(&self) -> ReportRules {
        let fee_contracts = self.fee_contracts.unwrap_or_default();
        ReportRules { keep_apart_percent: self.keep_apart_percent, fee_contracts }
    }

    /// The rules of a worker.
    pub(crate) fn rules(&self, holidays: &Holidays, paid_by: PaidBy) -> ReconciliationRules {
        let fee_contracts = self.fee_contracts.unwrap_or_default();
        let (holidays, repairs, escalation) = (holidays.clone(), self.repairs.clone(), self.escalation.clone());
        ReconciliationRules { holidays, fee_contracts, alone_up_to: self.alone_up_to, repairs, escalation, paid_by }
    }

    /// The same for `dev` and `demo`, which pay at the simulator.
    pub(crate) fn for_dev(&self) -> Self {
        let simulated = FeeContract { bps: SIMULATED_FEE_BPS };
        let contracts = Currency::ALL
            .into_iter()
            .fold(FeeContracts::default(), |contracts, currency| contracts.with(currency, simulated));
        Self { fee_contracts: self.fee_contracts.or(Some(contracts)), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "in a test, what cannot be done fails the test")]

    use domain::Currency::{Jpy, Krw, Usd};

    use super::*;

    fn read(text: &str) -> anyhow::Result<Reconciliation> {
        reconciliation(toml::from_str(text)?)
    }

    fn of(limits: Limits) -> [u64; 3] {
        [Krw, Usd, Jpy].map(|currency| limits.of(currency).minor())
    }

    #[test]
    fn a_limit_is_of_the_currency_that_it_names() {
        let none = read("").unwrap();
        assert_eq!((of(none.alone_up_to), of(none.repairs.daily_limit)), ([0, 0, 0], of(DEFAULT_DAILY_LIMIT)));
        let won = read("resolve_alone_up_to = \"1000\"\nrepair_limit_per_day = \"5\"").unwrap();
        assert_eq!(of(won.alone_up_to), [1_000, 0, 0]);
        assert_eq!(of(won.repairs.daily_limit)[1..], of(DEFAULT_DAILY_LIMIT)[1..], "dollars keep their own limit");
        let each = read("resolve_alone_up_to = [\"1000\", \"1.50 USD\", \"70 JPY\"]").unwrap();
        assert_eq!(of(each.alone_up_to), [1_000, 150, 70]);
        for (text, named) in [
            ("resolve_alone_up_to = [\"1000\", \"2000 KRW\"]", "two amounts in KRW"),
            ("resolve_alone_up_to = [\"10 EUR\"]", "the currency is none of"),
            ("settlement_limit_per_day = \"1.5\"", "KRW has 0 decimals"),
        ] {
            let error = format!("{:#}", read(text).unwrap_err());
            assert!(
                error.contains(named) && error.contains("per_day") | error.contains("alone_up_to"),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn a_fee_is_of_the_contract_in_its_currency() {
        let bps = |text: &str| {
            let contracts = read(text).unwrap().reports().fee_contracts;
            [Krw, Usd, Jpy].map(|currency| contracts.of(currency).map(|contract| contract.bps))
        };
        assert_eq!(bps(""), [None; 3]);
        assert_eq!(bps("psp_fee_bps = 297"), [Some(297), None, None], "of won alone");
        assert_eq!(bps("psp_fee_bps = { KRW = 297, USD = 385 }"), [Some(297), Some(385), None]);
        assert!(read("psp_fee_bps = { USD = 2001 }").unwrap_err().to_string().contains("in USD"));
        assert!(read("psp_fee_bps = { EUR = 1 }").unwrap_err().to_string().contains("psp_fee_bps"));
        let contracts = read("").unwrap().for_dev().reports().fee_contracts;
        assert!(Currency::ALL.iter().all(|currency| contracts.of(*currency).is_some()), "the simulator's");
    }
}
