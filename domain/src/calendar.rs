//! Days in Korea: what a business day is, and when a day of the books begins.
//!
//! Korea has one time zone without summer time, nine hours ahead of UTC.

mod holidays;

use core::{fmt, str::FromStr};

pub use holidays::{Holidays, last_known_day};

use crate::Timestamp;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const KOREA_MS: i64 = 9 * 60 * 60 * 1000;

/// A day in Korea. Written as `2026-11-21`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day {
    since_epoch: i64,
}

/// An instant as a clock in Korea shows it: `2026-11-21 14:03 KST`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KoreanTime(pub Timestamp);

impl fmt::Display for KoreanTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.0.epoch_ms().saturating_add(KOREA_MS).rem_euclid(DAY_MS) / 60_000;
        write!(f, "{} {:02}:{:02} KST", Day::of(self.0), minutes / 60, minutes % 60)
    }
}

/// A text that is no date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a day is written as 2026-11-21")]
pub struct NoDay;

impl Day {
    /// The day in Korea on which an instant falls.
    pub const fn of(at: Timestamp) -> Self {
        Self { since_epoch: at.epoch_ms().saturating_add(KOREA_MS).div_euclid(DAY_MS) }
    }

    /// The first instant of the day.
    pub const fn start(self) -> Timestamp {
        Timestamp::from_epoch_ms(self.since_epoch.saturating_mul(DAY_MS).saturating_sub(KOREA_MS))
    }

    /// The day after.
    pub const fn next(self) -> Self {
        Self { since_epoch: self.since_epoch.saturating_add(1) }
    }

    /// The day before.
    pub const fn before(self) -> Self {
        Self { since_epoch: self.since_epoch.saturating_sub(1) }
    }

    /// This day and all after it.
    pub fn onward(self) -> impl Iterator<Item = Self> {
        core::iter::successors(Some(self), |day| Some(day.next()))
    }

    /// This day and those after it, up to and with `last`; none if `last` is earlier.
    pub fn through(self, last: Self) -> impl Iterator<Item = Self> {
        self.onward().take_while(move |day| *day <= last)
    }

    /// Whether it is a Saturday or a Sunday. 1970-01-01 was a Thursday.
    pub const fn is_weekend(self) -> bool {
        matches!(self.since_epoch.rem_euclid(7), 2 | 3)
    }

    /// The day of the week, Monday = 1 to Sunday = 7.
    pub const fn weekday(self) -> i64 {
        self.since_epoch.saturating_add(3).rem_euclid(7) + 1
    }

    /// Whether it is a Sunday.
    pub const fn is_sunday(self) -> bool {
        self.since_epoch.rem_euclid(7) == 3
    }

    /// A day by its date; refuses one that does not exist.
    ///
    /// Source of the arithmetic: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    pub fn try_from_date(year: i64, month: i64, day: i64) -> Result<Self, NoDay> {
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !(1970..=9999).contains(&year) {
            return Err(NoDay);
        }
        let shifted = if month <= 2 { year - 1 } else { year };
        let (era, year_of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let found = Self { since_epoch: era * 146_097 + day_of_era - 719_468 };
        if found.date() == (year, month, day) { Ok(found) } else { Err(NoDay) }
    }

    /// The last day of a year.
    pub(crate) fn last_of_year(year: i64) -> Self {
        // 31 December is the day before 1 January, which every year has.
        Self::try_from_date(year + 1, 1, 1).map_or(Self { since_epoch: i64::MAX }, Self::before)
    }

    /// Year, month and day of the month.
    pub const fn date(self) -> (i64, i64, i64) {
        let shifted = self.since_epoch + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
        (year, month, day_of_year - (153 * shifted_month + 2) / 5 + 1)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl FromStr for Day {
    type Err = NoDay;

    fn from_str(text: &str) -> Result<Self, NoDay> {
        let number = |part: &str, digits: usize| {
            let written = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
            if written { part.parse().map_err(|_| NoDay) } else { Err(NoDay) }
        };
        let (year, rest) = text.split_once('-').ok_or(NoDay)?;
        let (month, day) = rest.split_once('-').ok_or(NoDay)?;
        Self::try_from_date(number(year, 4)?, number(month, 2)?, number(day, 2)?)
    }
}

/// Business days that pass after a reported delivery before earnings are released without the buyer's confirmation.
/// Source: Act on Consumer Protection in Electronic Commerce, article 24: an escrow may pay then.
pub const DELIVERY_BUSINESS_DAYS: u16 = 3;
/// A bank transfer, in the PSP's words.
pub const BANK_TRANSFER: &str = "계좌이체";

/// When what a seller has earned may be paid out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReleaseRule {
    /// Business days to wait after the day of the payment; 0 releases on the day of the payment.
    pub business_days: u16,
    /// The days that are no business days besides weekends.
    pub holidays: Holidays,
    /// What releases the money of a payment that is not by card.
    pub not_by_card: NotByCard,
}

/// What releases the earnings of a payment into a virtual account or by a bank transfer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NotByCard {
    /// The payment, as by card.
    #[default]
    AfterPayment,
    /// The buyer's confirmation of the purchase, or a reported delivery and [`DELIVERY_BUSINESS_DAYS`].
    AfterConfirmation,
}

/// What a marketplace reports of a purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PurchaseReport {
    /// The buyer confirmed it.
    Confirmed(Timestamp),
    /// It was delivered.
    Delivered(Timestamp),
}

impl ReleaseRule {
    /// The first instant at which a payment of that time may be paid out; nothing where it waits for a
    /// [`PurchaseReport`]. With no day to wait that is at once.
    pub fn releases_at(&self, method: Option<&str>, paid_at: Timestamp) -> Option<Timestamp> {
        match self.not_by_card {
            NotByCard::AfterConfirmation if is_not_by_card(method) => return None,
            NotByCard::AfterConfirmation | NotByCard::AfterPayment => {}
        }
        if self.business_days == 0 {
            return Some(paid_at);
        }
        Some(self.holidays.business_days_after(Day::of(paid_at), self.business_days).start())
    }

    /// The first instant at which a purchase may be paid out that waited for a report. After a delivery that is the
    /// day after the last of its business days.
    pub fn reported_release(&self, report: PurchaseReport) -> Timestamp {
        match report {
            PurchaseReport::Confirmed(at) => at,
            PurchaseReport::Delivered(at) => {
                self.holidays.business_days_after(Day::of(at), DELIVERY_BUSINESS_DAYS).next().start()
            }
        }
    }
}

/// Whether the law asks for an escrow of prepaid money: it exempts cards.
fn is_not_by_card(method: Option<&str>) -> bool {
    crate::charge::is_virtual_account(method) || method == Some(BANK_TRANSFER)
}
