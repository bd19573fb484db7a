use domain::{
    Timestamp,
    calendar::{Day, Holidays, NotByCard, PurchaseReport, ReleaseRule, last_known_day},
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
    let holidays = || Holidays::and([day("2026-11-26"), day("2026-11-27")]);
    let rule = |business_days| ReleaseRule { business_days, holidays: holidays(), ..Default::default() };
    for (days, paid, released) in [
        // A Saturday; Monday and Tuesday are business days.
        (1, at("2026-11-21", 12), day("2026-11-23")),
        (2, at("2026-11-21", 12), day("2026-11-24")),
        // The last hour of a Friday.
        (1, at("2026-11-20", 23), day("2026-11-23")),
        // Thursday and Friday are holidays that were set, then comes a weekend.
        (1, at("2026-11-25", 9), day("2026-11-30")),
        // Chuseok: Thursday to Saturday.
        (1, at("2026-09-23", 9), day("2026-09-28")),
        // Christmas is a Friday, and fixed.
        (1, at("2026-12-24", 9), day("2026-12-28")),
        (3, at("2026-12-30", 9), day("2027-01-05")),
    ] {
        assert_eq!(rule(days).releases_at(None, paid).map(Day::of), Some(released), "{days} days");
        assert_eq!(rule(days).releases_at(None, paid), Some(released.start()));
    }
    assert_eq!(rule(0).releases_at(None, at("2026-11-21", 12)), Some(at("2026-11-21", 12)), "at once");
}

#[test]
fn substitute_holidays_are_computed() {
    let holidays = Holidays::default();
    let weekdays_off = |year: i64| -> Vec<String> {
        let first = Day::try_from_date(year, 1, 1).unwrap();
        let days = std::iter::successors(Some(first), |day| Some(day.next())).take_while(|day| day.date().0 == year);
        days.filter(|day| holidays.is_holiday(*day) && !day.is_weekend())
            .map(|day| day.to_string()[5..].to_owned())
            .collect()
    };
    for (year, off) in [
        // Children's Day and Buddha's birthday on one day; Chuseok on a Sunday. Workers' Day is a bank holiday.
        (2025, "01-01 01-28 01-29 01-30 03-03 05-01 05-05 05-06 06-06 08-15 10-03 10-06 10-07 10-08 10-09 12-25"),
        (2026, "01-01 02-16 02-17 02-18 03-02 05-01 05-05 05-25 07-17 08-17 09-24 09-25 10-05 10-09 12-25"),
        (2027, "01-01 02-08 02-09 03-01 05-03 05-05 05-13 07-19 08-16 09-14 09-15 09-16 10-04 10-11 12-27"),
        // Chuseok on National Foundation Day.
        (2028, "01-26 01-27 01-28 03-01 05-01 05-02 05-05 06-06 07-17 08-15 10-02 10-03 10-04 10-05 10-09 12-25"),
        // The eve of Chuseok on National Foundation Day and its second day on a Sunday: two substitutes.
        (2036, "01-01 01-28 01-29 01-30 03-03 05-01 05-05 05-06 06-06 07-17 08-15 10-03 10-06 10-07 10-09 12-25"),
    ] {
        assert_eq!(weekdays_off(year).join(" "), off, "{year}");
    }
    assert!(!holidays.is_holiday(day("2025-07-17")), "Constitution Day was none before 2026");
    assert!(holidays.is_holiday(day("2040-05-18")), "Buddha's birthday of the last year");
    assert_eq!(last_known_day(), day("2040-12-31"));
    assert!(holidays.is_holiday(day("2041-10-09")), "a solar date is known for ever");
}

#[test]
fn business_days_are_counted_both_ways() {
    let holidays = Holidays::default();
    for (from, count, to) in
        [("2026-11-20", 1, "2026-11-23"), ("2026-09-23", 1, "2026-09-28"), ("2026-02-13", 2, "2026-02-20")]
    {
        assert_eq!(holidays.business_days_after(day(from), count), day(to));
        assert_eq!(holidays.business_days_between(day(from), day(to)), u32::from(count));
    }
    assert_eq!(holidays.business_days_before(day("2026-09-28"), 1), day("2026-09-23"));
    assert_eq!(holidays.business_days_before(day("2026-09-27"), 0), day("2026-09-27"));
    assert_eq!(holidays.business_days_between(day("2026-09-28"), day("2026-09-23")), 0);
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

/// How a purchase was paid, what was reported, and when its earnings are released; `never` while nothing is reported.
#[test]
fn earnings_are_released_by_method() {
    #[derive(Debug, Clone, Copy)]
    enum Report {
        Nothing,
        Confirmed(&'static str),
        Delivered(&'static str),
    }
    use Report::{Confirmed, Delivered, Nothing};
    let rule =
        ReleaseRule { business_days: 2, holidays: Holidays::default(), not_by_card: NotByCard::AfterConfirmation };
    let cases = [
        // By card: two business days after the payment, whatever is reported.
        ("카드", "2026-11-20", Nothing, "2026-11-24"),
        ("간편결제", "2026-11-21", Nothing, "2026-11-24"),
        ("카드", "2026-12-24", Nothing, "2026-12-29"),
        // Chuseok, Thursday to Saturday.
        ("카드", "2026-09-23", Nothing, "2026-09-29"),
        // Constitution Day is a Friday in 2026.
        ("카드", "2026-07-16", Nothing, "2026-07-21"),
        ("가상계좌", "2026-11-20", Nothing, "never"),
        ("계좌이체", "2026-11-20", Nothing, "never"),
        // A confirmation counts at once, also on a Sunday.
        ("가상계좌", "2026-11-20", Confirmed("2026-11-22"), "2026-11-22"),
        ("계좌이체", "2026-09-21", Confirmed("2026-09-24"), "2026-09-24"),
        // A delivery on a Monday: Tuesday to Thursday pass.
        ("가상계좌", "2026-11-20", Delivered("2026-11-23"), "2026-11-27"),
        // On the eve of Chuseok: Monday to Wednesday of the week after pass.
        ("가상계좌", "2026-09-21", Delivered("2026-09-23"), "2026-10-01"),
        // On a Wednesday before New Year: Thursday, Monday and Tuesday pass.
        ("계좌이체", "2026-12-29", Delivered("2026-12-30"), "2027-01-06"),
    ];
    assert_eq!(cases.len(), 12);
    for (method, paid, report, expected) in cases {
        let reported = match report {
            Nothing => None,
            Confirmed(on) => Some(rule.reported_release(PurchaseReport::Confirmed(at(on, 12)))),
            Delivered(on) => Some(rule.reported_release(PurchaseReport::Delivered(at(on, 12)))),
        };
        let released = rule.releases_at(Some(method), at(paid, 12)).or(reported);
        let found = released.map_or("never".to_owned(), |released| Day::of(released).to_string());
        assert_eq!(found, expected, "{method} {paid} {report:?}");
        // Where nothing is set, every method is released as a card payment is.
        let plain = ReleaseRule { not_by_card: NotByCard::AfterPayment, ..rule.clone() };
        assert_eq!(plain.releases_at(Some(method), at(paid, 12)), rule.releases_at(Some("카드"), at(paid, 12)));
    }
}
