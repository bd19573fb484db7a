//! By when a buyer gets money back, and what lateness costs.

use crate::{
    Money,
    calendar::{Day, Holidays},
};

/// Within how many business days money is given back. Source: Act on Consumer Protection in Electronic Commerce,
/// Article 18 paragraph 2.
pub const DUE_BUSINESS_DAYS: u16 = 3;
/// The interest for a year of lateness, in ten-thousandths. Source: the same paragraph, and Article 21-3 of its decree.
pub const INTEREST_BPS: u64 = 1_500;
const BASIS_POINTS: u64 = 10_000;
const DAYS_OF_A_YEAR: u64 = 365;

/// Until when a refund is in time, and by how much it is late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefundDeadline {
    /// The last day on which it is in time.
    pub due_on: Day,
    /// Days after that day, weekends included, until the money went back or until today.
    pub late_days: u32,
}

impl RefundDeadline {
    /// The deadline of a refund that was asked for on one day, and ended on another or has not ended.
    pub fn of(requested_on: Day, ended_on: Option<Day>, today: Day, holidays: &Holidays) -> Self {
        let due_on = holidays.business_days_after(requested_on, DUE_BUSINESS_DAYS);
        let (mut late_days, mut day) = (0_u32, due_on);
        let until = ended_on.unwrap_or(today);
        while day < until {
            (day, late_days) = (day.next(), late_days.saturating_add(1));
        }
        Self { due_on, late_days }
    }

    /// The interest on an amount for these days, rounded down to the minor unit.
    pub fn interest(self, amount: Money) -> Money {
        let days = u64::from(self.late_days);
        let (parts, whole) = (INTEREST_BPS * days, BASIS_POINTS * DAYS_OF_A_YEAR);
        amount.share(parts, whole)
    }
}
