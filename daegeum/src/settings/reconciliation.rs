//! The settings of reconciliations.

use activities::reconciliation::ReconciliationRules;
use anyhow::ensure;
use domain::{Currency, calendar::Holidays, settlement::FeeContract};
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
}

/// How breaks are judged.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reconciliation {
    psp_fee_bps: Option<u32>,
    alone_up_to: u64,
}

/// Reads the table.
pub(super) fn reconciliation(file: ReconciliationFile) -> anyhow::Result<Reconciliation> {
    let ReconciliationFile { psp_fee_bps, resolve_alone_up_to } = file;
    ensure!(
        psp_fee_bps.is_none_or(|bps| bps <= MAX_FEE_BPS),
        "the setting reconciliation.psp_fee_bps must be 0 to {MAX_FEE_BPS} ten-thousandths"
    );
    let alone_up_to = match resolve_alone_up_to.as_deref().map(values::amount).transpose() {
        Ok(None) => 0,
        Ok(Some(amount)) if amount.currency() == Currency::Krw => amount.minor(),
        Ok(Some(_)) => anyhow::bail!("the setting reconciliation.resolve_alone_up_to is an amount in won"),
        Err(error) => anyhow::bail!("the setting reconciliation.resolve_alone_up_to {error}"),
    };
    Ok(Reconciliation { psp_fee_bps, alone_up_to })
}

impl Reconciliation {
    /// The rules of a worker.
    pub(crate) fn rules(&self, holidays: &Holidays) -> ReconciliationRules {
        let fee_contract = self.psp_fee_bps.map(|bps| FeeContract { bps });
        ReconciliationRules { holidays: holidays.clone(), fee_contract, alone_up_to: self.alone_up_to }
    }

    /// The same for `dev` and `demo`, which pay at the simulator.
    pub(crate) fn for_dev(&self) -> Self {
        Self { psp_fee_bps: self.psp_fee_bps.or(Some(SIMULATED_FEE_BPS)), ..self.clone() }
    }
}
