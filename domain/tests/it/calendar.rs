use domain::{
    Timestamp,
    calendar::{Day, ReleaseRule},
};
use proptest::prelude::*;

const HOUR_MS: u64 = 60 * 60 * 1000;

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// An hour of a day in Korea.
fn at(date: &str, hour: u64) -> Timestamp {
    day(date).start().plus_ms(hour * HOUR_MS)
}

#[test]
fn a_day_begins_at_midnight_in_korea() {
    // 2026-11-20T15:00:00Z, by `date -d 2026-11-21T00:00:00+09:00 +%s`.
    assert_eq!(day("2026-11-21").start(), Timestamp::from_epoch_ms(1_795_186_800_000));
    assert_eq!(Day::of(Timestamp::from_epoch_ms(1_795_186_800_000)), day("2026-11-21"));
    assert_eq!(Day::of(Timestamp::from_epoch_ms(1_795_186_799_999)), day("2026-11-20"));
}

#[test]
fn only_days_that_exist_are_read() {
    assert_eq!(day("2028-02-29").to_string(), "2028-02-29");
    for wrong in
        ["", "2026-11", "2026-1-1", "2026-02-29", "2100-02-29", "2026-13-01", "2026-00-10", "2026-04-31", "+026-01-01"]
    {
        assert!(wrong.parse::<Day>().is_err(), "{wrong:?}");
    }
}

#[test]
fn what_was_earned_is_released_after_so_many_business_days() {
    let rule = |business_days| ReleaseRule { business_days, holidays: [day("2026-09-24"), day("2026-09-25")].into() };
    for (days, paid, released) in [
        // A Saturday; Monday and Tuesday are business days.
        (1, at("2026-11-21", 12), day("2026-11-23")),
        (2, at("2026-11-21", 12), day("2026-11-24")),
        // The last hour of a Friday.
        (1, at("2026-11-20", 23), day("2026-11-23")),
        // Thursday and Friday are holidays that were set, then comes a weekend.
        (1, at("2026-09-23", 9), day("2026-09-28")),
        // Christmas is a Friday, and fixed.
        (1, at("2026-12-24", 9), day("2026-12-28")),
        (3, at("2026-12-30", 9), day("2027-01-05")),
    ] {
        assert_eq!(Day::of(rule(days).releases_at(paid)), released, "{days} days");
        assert_eq!(rule(days).releases_at(paid), released.start());
    }
    assert_eq!(rule(0).releases_at(at("2026-11-21", 12)), at("2026-11-21", 12), "at once");
}

proptest! {
    #[test]
    fn days_follow_one_another(since_epoch in 0_i64..2_900_000) {
        let today = Day::of(Timestamp::from_epoch_ms(since_epoch * 24 * 60 * 60 * 1000));
        let (year, month, day_of_month) = today.date();
        prop_assert_eq!(Day::try_from_date(year, month, day_of_month), Ok(today));
        prop_assert_eq!(today.to_string().parse::<Day>(), Ok(today));
        prop_assert!(today.next() > today);
        prop_assert_eq!(today.next().start().ms_since(today.start()), 24 * HOUR_MS);
        let weekend = (0..7).scan(today, |day, _| { *day = day.next(); Some(*day) }).filter(|day| day.is_weekend());
        prop_assert_eq!(weekend.count(), 2);
    }
}
