//! The settings of reconciliations.

use activities::reconciliation::ReconciliationRules;
use anyhow::{Context as _, ensure};
use domain::{
    Currency,
    calendar::Holidays,
    payout::PaidBy,
    reconciliation::{
        EscalationSteps,
        repair::{DEFAULT_DAILY_LIMIT, DEFAULT_SETTLEMENT_LIMIT, RepairLimits, RepairRule},
    },
    settlement::FeeContract,
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
    psp_fee_bps: Option<u32>,
    resolve_alone_up_to: Option<String>,
    repairs_off: Option<Vec<String>>,
    repair_limit_per_day: Option<String>,
    keep_apart_percent: Option<u32>,
    settlement_limit_per_day: Option<String>,
    escalate_after_business_days: Option<Vec<u16>>,
}

/// How breaks are judged.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reconciliation {
    psp_fee_bps: Option<u32>,
    alone_up_to: u64,
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
    ensure!(
        psp_fee_bps.is_none_or(|bps| bps <= MAX_FEE_BPS),
        "the setting reconciliation.psp_fee_bps must be 0 to {MAX_FEE_BPS} ten-thousandths"
    );
    let alone_up_to = won("reconciliation.resolve_alone_up_to", resolve_alone_up_to)?.unwrap_or(0);
    let off = repairs_off.unwrap_or_default().iter().map(|name| rule(name)).collect::<anyhow::Result<Vec<_>>>()?;
    let daily_limit = won("reconciliation.repair_limit_per_day", repair_limit_per_day)?.unwrap_or(DEFAULT_DAILY_LIMIT);
    let settlement_limit =
        won("reconciliation.settlement_limit_per_day", settlement_limit_per_day)?.unwrap_or(DEFAULT_SETTLEMENT_LIMIT);
    let repairs = RepairLimits { off, daily_limit, settlement_limit };
    let escalation = escalate_after_business_days.map(EscalationSteps::try_new).transpose();
    let escalation = escalation.context("the setting reconciliation.escalate_after_business_days")?.unwrap_or_default();
    Ok(Reconciliation { psp_fee_bps, alone_up_to, repairs, keep_apart_percent, escalation })
}

fn rule(name: &str) -> anyhow::Result<RepairRule> {
    RepairRule::parse(name).with_context(|| {
        let known = RepairRule::ALL.map(RepairRule::as_str).join(", ");
        format!("the setting reconciliation.repairs_off knows {known}, and not {name:?}")
    })
}

/// An amount in won.
pub(super) fn won(setting: &str, text: Option<String>) -> anyhow::Result<Option<u64>> {
    match text.as_deref().map(values::amount).transpose() {
        Ok(None) => Ok(None),
        Ok(Some(amount)) if amount.currency() == Currency::Krw => Ok(Some(amount.minor())),
        Ok(Some(_)) => anyhow::bail!("the setting {setting} is an amount in won"),
        Err(error) => anyhow::bail!("the setting {setting} {error}"),
    }
}

impl Reconciliation {
    /// What reports are measured against.
    pub(crate) fn reports(&self) -> ReportRules {
        let fee_contract = self.psp_fee_bps.map(|bps| FeeContract { bps });
        ReportRules { keep_apart_percent: self.keep_apart_percent, fee_contract }
    }

    /// The rules of a worker.
    pub(crate) fn rules(&self, holidays: &Holidays, paid_by: PaidBy) -> ReconciliationRules {
        let fee_contract = self.psp_fee_bps.map(|bps| FeeContract { bps });
        let (holidays, repairs, escalation) = (holidays.clone(), self.repairs.clone(), self.escalation.clone());
        ReconciliationRules { holidays, fee_contract, alone_up_to: self.alone_up_to, repairs, escalation, paid_by }
    }

    /// The same for `dev` and `demo`, which pay at the simulator.
    pub(crate) fn for_dev(&self) -> Self {
        Self { psp_fee_bps: self.psp_fee_bps.or(Some(SIMULATED_FEE_BPS)), ..self.clone() }
    }
}
