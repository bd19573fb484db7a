//! The settings of payouts, the table `[payouts]`.

use activities::payout::{PayoutRules, PayoutTiming};
use domain::{Money, calendar::Holidays, payout::plan::PlanRules};
use serde::Deserialize;

use crate::values;

/// The table `[payouts]`.
#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(super) struct PayoutsFile {
    weekly_limit: Option<String>,
    timing: Option<Timing>,
    freeze_daily: Option<bool>,
}

/// When the PSP pays what is approved.
#[derive(Debug, Clone, Copy, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(rename_all = "snake_case")]
enum Timing {
    Express,
    NextBusinessDay,
}

/// What can be set of payouts.
#[derive(Debug, Clone)]
pub(crate) struct Payouts {
    pub(crate) weekly_limit: Option<Money>,
    pub(crate) timing: PayoutTiming,
    /// Whether a run is frozen on each business day on which sellers are due, where it is set.
    pub(crate) freeze_daily: Option<bool>,
}

pub(super) fn payouts(file: PayoutsFile) -> anyhow::Result<Payouts> {
    let amount = |text: String| {
        values::amount(&text).map_err(|error| anyhow::anyhow!("the setting payouts.weekly_limit {error}"))
    };
    Ok(Payouts {
        weekly_limit: file.weekly_limit.map(amount).transpose()?,
        timing: match file.timing {
            Some(Timing::Express) => PayoutTiming::Express,
            Some(Timing::NextBusinessDay) | None => PayoutTiming::NextBusinessDay,
        },
        freeze_daily: file.freeze_daily,
    })
}

impl Payouts {
    /// The rules of a worker and of an API that previews.
    pub(crate) fn rules(&self, holidays: Holidays, cool_down_ms: u64) -> PayoutRules {
        let weekly_limit = self.weekly_limit.unwrap_or(PlanRules::default().weekly_limit);
        PayoutRules { plan: PlanRules { weekly_limit, cool_down_ms, holidays }, timing: self.timing }
    }
}
