//! The settings of payouts, the table `[payouts]`.

use std::time::Duration;

use activities::payout::{PayoutRules, PayoutTiming};
use anyhow::ensure;
use domain::{
    Money,
    calendar::Holidays,
    id::SellerAccount,
    payout::{PaidBy, plan::PlanRules},
};
use serde::Deserialize;

use crate::values;

/// For how many hours a changed account may wait.
const COOL_DOWN_RANGE_H: std::ops::RangeInclusive<u64> = 0..=30 * 24;
const HOUR_MS: u64 = 60 * 60 * 1_000;

/// The table `[payouts]`.
#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(super) struct PayoutsFile {
    weekly_limit: Option<String>,
    cool_down_hours: Option<u64>,
    timing: Option<Timing>,
    freeze_daily: Option<bool>,
    own_seller: Option<String>,
    by: Option<By>,
}

/// When the PSP pays what is approved.
#[derive(Debug, Clone, Copy, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(rename_all = "snake_case")]
enum Timing {
    Express,
    NextBusinessDay,
}

/// The way on which the next run pays.
#[derive(Debug, Clone, Copy, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(rename_all = "snake_case")]
enum By {
    Toss,
    BankFile,
}

/// What can be set of payouts.
#[derive(Debug, Clone)]
pub(crate) struct Payouts {
    pub(crate) weekly_limit: Option<Money>,
    pub(crate) cool_down: Option<Duration>,
    pub(crate) timing: PayoutTiming,
    /// Whether a run is frozen on each business day on which sellers are due.
    pub(crate) freeze_daily: bool,
    /// The seller account under which Toss knows our own company.
    pub(crate) own_seller: Option<SellerAccount>,
    /// The way on which the next run pays.
    pub(crate) by: PaidBy,
}

pub(super) fn payouts(file: PayoutsFile) -> anyhow::Result<Payouts> {
    let amount = |text: String| {
        values::amount(&text).map_err(|error| anyhow::anyhow!("the setting payouts.weekly_limit {error}"))
    };
    if let Some(hours) = file.cool_down_hours {
        ensure!(
            COOL_DOWN_RANGE_H.contains(&hours),
            "the setting payouts.cool_down_hours must be {} to {} hours, not {hours}",
            COOL_DOWN_RANGE_H.start(),
            COOL_DOWN_RANGE_H.end()
        );
    }
    Ok(Payouts {
        weekly_limit: file.weekly_limit.map(amount).transpose()?,
        cool_down: file.cool_down_hours.map(|hours| Duration::from_secs(hours * 60 * 60)),
        timing: match file.timing {
            Some(Timing::Express) => PayoutTiming::Express,
            Some(Timing::NextBusinessDay) | None => PayoutTiming::NextBusinessDay,
        },
        freeze_daily: file.freeze_daily.unwrap_or(false),
        own_seller: file.own_seller.map(own_seller).transpose()?,
        by: match file.by {
            Some(By::Toss) | None => PaidBy::Psp,
            Some(By::BankFile) => PaidBy::BankFile,
        },
    })
}

fn own_seller(text: String) -> anyhow::Result<SellerAccount> {
    SellerAccount::parse(text).map_err(|error| anyhow::anyhow!("the setting payouts.own_seller: {error}"))
}

impl Payouts {
    /// The rules of a worker and of an API that previews.
    pub(crate) fn rules(&self, holidays: Holidays) -> PayoutRules {
        let defaults = PlanRules::default();
        let cool_down_ms = self.cool_down.map(|time| (time.as_secs() / 3_600).saturating_mul(HOUR_MS));
        let plan = PlanRules {
            weekly_limit: self.weekly_limit.unwrap_or(defaults.weekly_limit),
            cool_down_ms: cool_down_ms.unwrap_or(defaults.cool_down_ms),
            holidays,
            own_seller: self.own_seller.clone(),
            by: self.by,
        };
        PayoutRules { plan, timing: self.timing, freezes_daily: self.freeze_daily }
    }
}
