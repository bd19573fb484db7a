use std::collections::BTreeSet;

use domain::{
    calendar::{Day, Holidays},
    payout::schedule::{Cycle, HolidayRule, Schedule, ScheduleError},
};
use proptest::prelude::*;

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn check(cycle: Cycle, holiday: HolidayRule, from: &str, expected: &str) {
    let schedule = Schedule::try_new(cycle, 0, holiday).unwrap();
    let days = schedule.next_payouts(day(from), 4, &Holidays::default());
    let days: Vec<String> = days.into_iter().map(|payout| payout.pays.to_string()).collect();
    assert_eq!(days.join(" "), expected, "{schedule:?}");
}

#[test]
fn payouts_fall_on_business_days() {
    let monthly = |days: &[u8]| Cycle::Monthly { days: days.iter().copied().collect() };
    let weekly = |days: &[u8]| Cycle::Weekly { days: days.iter().copied().collect() };
    // The 31st is the last day of every month; 31 October 2026 is a Saturday, 28 February 2027 a Sunday.
    check(monthly(&[31]), HolidayRule::After, "2026-10-01", "2026-11-02 2026-11-30 2026-12-31 2027-02-01");
    check(monthly(&[31]), HolidayRule::Before, "2026-10-01", "2026-10-30 2026-11-30 2026-12-31 2027-01-29");
    check(monthly(&[1, 15]), HolidayRule::After, "2026-12-02", "2026-12-15 2027-01-04 2027-01-15 2027-02-01");
    // Monday, 28 September follows Chuseok: Thursday's and Friday's payouts move there, as one.
    check(weekly(&[4, 5]), HolidayRule::After, "2026-09-21", "2026-09-28 2026-10-01 2026-10-02 2026-10-08");
    check(weekly(&[4, 5]), HolidayRule::Before, "2026-09-21", "2026-09-23 2026-10-01 2026-10-02 2026-10-08");
    check(Cycle::Daily, HolidayRule::After, "2026-09-22", "2026-09-22 2026-09-23 2026-09-28 2026-09-29");
    check(Cycle::Manual, HolidayRule::After, "2026-09-22", "");
}

#[test]
fn the_lag_counts_business_days_back() {
    let schedule = Schedule::try_new(Cycle::Daily, 1, HolidayRule::After).unwrap();
    let payout = schedule.payout(day("2026-09-28"), &Holidays::default());
    assert_eq!(payout.released_before, day("2026-09-23").start());
}

#[test]
fn schedules_are_checked() {
    let refused = |cycle, lag| Schedule::try_new(cycle, lag, HolidayRule::After).unwrap_err();
    assert_eq!(refused(Cycle::Weekly { days: BTreeSet::new() }, 0), ScheduleError::NoDays);
    assert_eq!(refused(Cycle::Weekly { days: [8].into() }, 0), ScheduleError::Weekday);
    assert_eq!(refused(Cycle::Monthly { days: [0].into() }, 0), ScheduleError::MonthDay);
    assert_eq!(refused(Cycle::Monthly { days: [32].into() }, 0), ScheduleError::MonthDay);
    assert_eq!(refused(Cycle::Daily, 21), ScheduleError::Lag);
}

proptest! {
    /// Whatever the holidays are, a month with a nominal day has a payout in it or next to it.
    #[test]
    fn no_nominal_day_is_lost(nominal in 1_u8..=31, before: bool, start in 0_i64..4000) {
        let holiday = if before { HolidayRule::Before } else { HolidayRule::After };
        let schedule = Schedule::try_new(Cycle::Monthly { days: [nominal].into() }, 0, holiday).unwrap();
        let holidays = Holidays::default();
        let from = (0..start).fold(day("2026-01-01"), |day, _| day.next());
        let payouts = schedule.next_payouts(from, 13, &holidays);
        prop_assert_eq!(payouts.len(), 13);
        for pair in payouts.windows(2) {
            prop_assert!(pair[0] < pair[1]);
            let (first, second) = (pair[0].pays.date(), pair[1].pays.date());
            let months = (second.0 - first.0) * 12 + second.1 - first.1;
            prop_assert!((0..=2).contains(&months), "{} and {}", pair[0].pays, pair[1].pays);
            prop_assert!(holidays.is_business_day(pair[1].pays));
        }
    }
}
