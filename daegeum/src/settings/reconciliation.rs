//! The settings of reconciliations.

use activities::reconciliation::ReconciliationRules;
use anyhow::{Context as _, ensure};
use domain::{
    Currency,
    calendar::Holidays,
    reconciliation::repair::{DEFAULT_DAILY_LIMIT, RepairLimits, RepairRule},
    settlement::FeeContract,
};
use serde::Deserialize;

use crate::values;

/// The most ten-thousandths that a fee can be.
const MAX_FEE_BPS: u32 = 2_000;
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
}

/// How breaks are judged.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reconciliation {
    psp_fee_bps: Option<u32>,
    alone_up_to: u64,
    repairs: RepairLimits,
}

/// Reads the table.
pub(super) fn reconciliation(file: ReconciliationFile) -> anyhow::Result<Reconciliation> {
    let ReconciliationFile { psp_fee_bps, resolve_alone_up_to, repairs_off, repair_limit_per_day } = file;
    ensure!(
        psp_fee_bps.is_none_or(|bps| bps <= MAX_FEE_BPS),
        "the setting reconciliation.psp_fee_bps must be 0 to {MAX_FEE_BPS} ten-thousandths"
    );
    let alone_up_to = won("resolve_alone_up_to", resolve_alone_up_to)?.unwrap_or(0);
    let off = repairs_off.unwrap_or_default().iter().map(|name| rule(name)).collect::<anyhow::Result<Vec<_>>>()?;
    let daily_limit = won("repair_limit_per_day", repair_limit_per_day)?.unwrap_or(DEFAULT_DAILY_LIMIT);
    Ok(Reconciliation { psp_fee_bps, alone_up_to, repairs: RepairLimits { off, daily_limit } })
}

fn rule(name: &str) -> anyhow::Result<RepairRule> {
    RepairRule::parse(name).with_context(|| {
        let known = RepairRule::ALL.map(RepairRule::as_str).join(", ");
        format!("the setting reconciliation.repairs_off knows {known}, and not {name:?}")
    })
}

/// An amount in won.
fn won(setting: &str, text: Option<String>) -> anyhow::Result<Option<u64>> {
    match text.as_deref().map(values::amount).transpose() {
        Ok(None) => Ok(None),
        Ok(Some(amount)) if amount.currency() == Currency::Krw => Ok(Some(amount.minor())),
        Ok(Some(_)) => anyhow::bail!("the setting reconciliation.{setting} is an amount in won"),
        Err(error) => anyhow::bail!("the setting reconciliation.{setting} {error}"),
    }
}

impl Reconciliation {
    /// The rules of a worker.
    pub(crate) fn rules(&self, holidays: &Holidays) -> ReconciliationRules {
        let fee_contract = self.psp_fee_bps.map(|bps| FeeContract { bps });
        let (holidays, repairs) = (holidays.clone(), self.repairs.clone());
        ReconciliationRules { holidays, fee_contract, alone_up_to: self.alone_up_to, repairs }
    }

    /// The same for `dev` and `demo`, which pay at the simulator.
    pub(crate) fn for_dev(&self) -> Self {
        Self { psp_fee_bps: self.psp_fee_bps.or(Some(SIMULATED_FEE_BPS)), ..self.clone() }
    }
}
