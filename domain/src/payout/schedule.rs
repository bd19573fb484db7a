//! When a seller is paid out: the seller's payout calendar.
//!
//! A schedule names nominal days. A nominal day that is no business day moves to the business day before or after it.
//! A payout takes what was released before the payout day, less the lag.

use alloc::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    calendar::{Day, Holidays},
};

/// The longest lag, in business days.
pub const MAX_LAG_BUSINESS_DAYS: u16 = 20;

/// The most days that are searched for the next payout: every cycle but `manual` has a day in two months.
const SEARCHED_DAYS: usize = 100;

/// How often a seller is paid out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cycle", rename_all = "snake_case")]
pub enum Cycle {
    /// On every business day.
    Daily,
    /// On days of the week, Monday = 1 to Sunday = 7.
    Weekly {
        /// The days; at least one.
        days: BTreeSet<u8>,
    },
    /// On days of the month, 1 to 31. A day that a month does not have is the month's last day.
    Monthly {
        /// The days; at least one.
        days: BTreeSet<u8>,
    },
    /// Only in runs that name the seller.
    Manual,
}

/// The business day to which a nominal day moves that is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HolidayRule {
    /// The business day before.
    Before,
    /// The business day after.
    #[default]
    After,
}

/// A seller's payout calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    cycle: Cycle,
    lag_business_days: u16,
    holiday: HolidayRule,
}

/// A schedule that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// A weekly or monthly cycle without a day.
    #[error("a weekly or monthly schedule names at least one day")]
    NoDays,
    /// A day of the week outside 1 to 7.
    #[error("days of the week are 1 (Monday) to 7 (Sunday)")]
    Weekday,
    /// A day of the month outside 1 to 31.
    #[error("days of the month are 1 to 31; 31 is the last day of every month")]
    MonthDay,
    /// A lag of more than [`MAX_LAG_BUSINESS_DAYS`].
    #[error("the lag is at most {MAX_LAG_BUSINESS_DAYS} business days")]
    Lag,
}

/// A day on which a seller is paid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PayoutDay {
    /// The business day of the payout.
    pub pays: Day,
    /// Money that was released before this instant is paid out.
    pub released_before: Timestamp,
}

impl Schedule {
    /// Checks the parts.
    pub fn try_new(cycle: Cycle, lag_business_days: u16, holiday: HolidayRule) -> Result<Self, ScheduleError> {
        let (days, last, wrong) = match &cycle {
            Cycle::Daily | Cycle::Manual => (None, 0, ScheduleError::NoDays),
            Cycle::Weekly { days } => (Some(days), 7, ScheduleError::Weekday),
            Cycle::Monthly { days } => (Some(days), 31, ScheduleError::MonthDay),
        };
        if let Some(days) = days {
            if days.is_empty() {
                return Err(ScheduleError::NoDays);
            }
            if days.iter().any(|day| !(1..=last).contains(day)) {
                return Err(wrong);
            }
        }
        if lag_business_days > MAX_LAG_BUSINESS_DAYS {
            return Err(ScheduleError::Lag);
        }
        Ok(Self { cycle, lag_business_days, holiday })
    }

    /// How often the seller is paid out.
    pub const fn cycle(&self) -> &Cycle {
        &self.cycle
    }

    /// Business days between the release of money and its payout, besides the day of the release.
    pub const fn lag_business_days(&self) -> u16 {
        self.lag_business_days
    }

    /// What happens to a nominal day that is no business day.
    pub const fn holiday(&self) -> HolidayRule {
        self.holiday
    }

    /// The payout of a day, if the seller is paid out on it.
    pub fn on(&self, day: Day, holidays: &Holidays) -> Option<PayoutDay> {
        if !holidays.is_business_day(day) {
            return None;
        }
        let moved_here = match self.holiday {
            HolidayRule::Before => run_of_closed_days(day, holidays, Day::next),
            HolidayRule::After => run_of_closed_days(day, holidays, Day::before),
        };
        let pays_here = self.is_nominal(day) || moved_here.into_iter().any(|closed| self.is_nominal(closed));
        pays_here.then(|| self.payout(day, holidays))
    }

    /// The next payouts from a day on, at most `count`; none of a manual cycle.
    pub fn next_payouts(&self, from: Day, count: usize, holidays: &Holidays) -> alloc::vec::Vec<PayoutDay> {
        if self.cycle == Cycle::Manual {
            return alloc::vec::Vec::new();
        }
        from.onward()
            .take(SEARCHED_DAYS.saturating_mul(count))
            .filter_map(|day| self.on(day, holidays))
            .take(count)
            .collect()
    }

    /// A payout on a day, scheduled or not: what it takes follows from the lag.
    pub fn payout(&self, pays: Day, holidays: &Holidays) -> PayoutDay {
        PayoutDay { pays, released_before: holidays.business_days_before(pays, self.lag_business_days).start() }
    }

    fn is_nominal(&self, day: Day) -> bool {
        match &self.cycle {
            Cycle::Daily => true,
            Cycle::Weekly { days } => days.iter().any(|wanted| i64::from(*wanted) == day.weekday()),
            Cycle::Monthly { days } => {
                let (_, _, of_month) = day.date();
                let is_last = day.next().date().2 == 1;
                days.iter().any(|wanted| {
                    let wanted = i64::from(*wanted);
                    wanted == of_month || (is_last && wanted > of_month)
                })
            }
            Cycle::Manual => false,
        }
    }
}

/// The days without business that follow a business day directly, in one direction.
fn run_of_closed_days(day: Day, holidays: &Holidays, step: fn(Day) -> Day) -> alloc::vec::Vec<Day> {
    let days = core::iter::successors(Some(step(day)), |day| Some(step(*day)));
    days.take_while(|day| !holidays.is_business_day(*day)).collect()
}
