//! The days on which Korean banks do not work, with substitute holidays.
//!
//! Sources: 관공서의 공휴일에 관한 규정, articles 2 and 3, with Constitution Day (17 July) a holiday again since 2026;
//! Workers' Day (1 May) is no public holiday before 2026, but banks never worked on it. Elections and holidays that are
//! proclaimed for one day are settings.

use alloc::{collections::BTreeSet, vec::Vec};

use super::Day;

/// The first year of [`LUNAR`].
const FIRST_YEAR: i64 = 2024;

/// The days of the lunar calendar that are holidays: Seollal, Buddha's birthday and Chuseok as (month, day), year by
/// year from [`FIRST_YEAR`]. The table is for Korea's meridian: in 2027 and 2028 Seollal is a day later than in China.
const LUNAR: [[(i64, i64); 3]; 17] = [
    [(2, 10), (5, 15), (9, 17)],
    [(1, 29), (5, 5), (10, 6)],
    [(2, 17), (5, 24), (9, 25)],
    [(2, 7), (5, 13), (9, 15)],
    [(1, 27), (5, 2), (10, 3)],
    [(2, 13), (5, 20), (9, 22)],
    [(2, 3), (5, 9), (9, 12)],
    [(1, 23), (5, 28), (10, 1)],
    [(2, 11), (5, 16), (9, 19)],
    [(1, 31), (5, 6), (9, 8)],
    [(2, 19), (5, 25), (9, 27)],
    [(2, 8), (5, 15), (9, 16)],
    [(1, 28), (5, 3), (10, 4)],
    [(2, 15), (5, 22), (9, 24)],
    [(2, 4), (5, 11), (9, 13)],
    [(1, 24), (4, 30), (10, 2)],
    [(2, 12), (5, 18), (9, 21)],
];

/// The last year of [`LUNAR`].
const LAST_KNOWN_YEAR: i64 = FIRST_YEAR + LUNAR.len() as i64 - 1;

/// The last day up to which all holidays are known.
pub fn last_known_day() -> Day {
    Day::last_of_year(LAST_KNOWN_YEAR)
}

/// The year from which Constitution Day and Workers' Day are public holidays, so that they are substituted.
const NEW_HOLIDAYS_SINCE: i64 = 2026;

/// The days of weekends on which a holiday is lost, and substituted by a later day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Substituted {
    Never,
    OnSundays,
    OnWeekends,
}

/// A holiday with a date of the solar calendar.
struct Solar {
    month: i64,
    day: i64,
    substituted: Substituted,
}

const fn solar(month: i64, day: i64, substituted: Substituted) -> Solar {
    Solar { month, day, substituted }
}

const SOLAR: [Solar; 9] = [
    solar(1, 1, Substituted::Never),
    solar(3, 1, Substituted::OnWeekends),
    solar(5, 1, Substituted::OnWeekends),
    solar(5, 5, Substituted::OnWeekends),
    solar(6, 6, Substituted::Never),
    solar(8, 15, Substituted::OnWeekends),
    solar(10, 3, Substituted::OnWeekends),
    solar(10, 9, Substituted::OnWeekends),
    solar(12, 25, Substituted::OnWeekends),
];

/// Constitution Day.
const CONSTITUTION_DAY: Solar = solar(7, 17, Substituted::OnWeekends);

/// The holidays of the years from 2024 to [`last_known_day`]. Of other years only those with a solar date are known,
/// without substitutes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holidays {
    days: BTreeSet<Day>,
}

impl Default for Holidays {
    fn default() -> Self {
        Self::and([])
    }
}

impl Holidays {
    /// The public holidays, and days that are added by a setting: elections, and holidays proclaimed for one day.
    pub fn and(added: impl IntoIterator<Item = Day>) -> Self {
        Self { days: (FIRST_YEAR..=LAST_KNOWN_YEAR).flat_map(public_holidays).chain(added).collect() }
    }

    /// Whether banks are closed on a day although it is no weekend.
    pub fn is_holiday(&self, day: Day) -> bool {
        let (year, ..) = day.date();
        self.days.contains(&day) || (!is_known(year) && dated_holidays(year).iter().any(|(dated, _)| *dated == day))
    }

    /// Whether banks work on a day.
    pub fn is_business_day(&self, day: Day) -> bool {
        !day.is_weekend() && !self.is_holiday(day)
    }

    /// The business day that is `count` business days after a day. With `count` 0: the day itself, whatever it is.
    pub fn business_days_after(&self, day: Day, count: u16) -> Day {
        self.stepped(day, count, Day::next)
    }

    /// The business day that is `count` business days before a day. With `count` 0: the day itself, whatever it is.
    pub fn business_days_before(&self, day: Day, count: u16) -> Day {
        self.stepped(day, count, Day::before)
    }

    /// The number of business days after `from`, up to and with `to`; zero if `to` is not later.
    pub fn business_days_between(&self, from: Day, to: Day) -> u32 {
        let (mut day, mut passed) = (from, 0);
        while day < to {
            day = day.next();
            passed += u32::from(self.is_business_day(day));
        }
        passed
    }

    fn stepped(&self, from: Day, count: u16, step: fn(Day) -> Day) -> Day {
        let (mut day, mut passed) = (from, 0);
        while passed < count {
            day = step(day);
            passed += u16::from(self.is_business_day(day));
        }
        day
    }
}

/// The public holidays of a known year with their substitutes, weekends included.
fn public_holidays(year: i64) -> BTreeSet<Day> {
    let dated = dated_holidays(year);
    let mut days: BTreeSet<Day> = dated.iter().map(|(day, _)| *day).collect();
    for day in days.clone() {
        let mut lost = lost_holidays(day, &dated);
        let mut next = day;
        while lost > 0 {
            next = next.next();
            if !next.is_weekend() && days.insert(next) {
                lost -= 1;
            }
        }
    }
    days
}

fn is_known(year: i64) -> bool {
    (FIRST_YEAR..=LAST_KNOWN_YEAR).contains(&year)
}

/// How many holidays of one day are lost: to a weekend, and to each other where several fall on the day.
fn lost_holidays(day: Day, dated: &[(Day, Substituted)]) -> usize {
    let here = || dated.iter().filter(|(other, _)| *other == day).map(|(_, substituted)| *substituted);
    let to_a_weekend = here().any(|substituted| match substituted {
        Substituted::Never => false,
        Substituted::OnSundays => day.is_sunday(),
        Substituted::OnWeekends => day.is_weekend(),
    });
    here().count().saturating_sub(1) + usize::from(to_a_weekend)
}

fn dated_holidays(year: i64) -> Vec<(Day, Substituted)> {
    let mut dated = Vec::new();
    let solar = SOLAR.iter().chain((year >= NEW_HOLIDAYS_SINCE).then_some(&CONSTITUTION_DAY));
    for Solar { month, day, substituted } in solar {
        let is_public = year >= NEW_HOLIDAYS_SINCE || (*month, *day) != (5, 1);
        let substituted = if is_public { *substituted } else { Substituted::Never };
        dated.extend(Day::try_from_date(year, *month, *day).map(|day| (day, substituted)));
    }
    let lunar = usize::try_from(year - FIRST_YEAR).ok().and_then(|index| LUNAR.get(index));
    if let Some([seollal, buddha, chuseok]) = lunar {
        for (month, day) in [seollal, chuseok] {
            let feast = Day::try_from_date(year, *month, *day).map(|day| [day.before(), day, day.next()]);
            dated.extend(feast.into_iter().flatten().map(|day| (day, Substituted::OnSundays)));
        }
        dated.extend(Day::try_from_date(year, buddha.0, buddha.1).map(|day| (day, Substituted::OnWeekends)));
    }
    dated
}
