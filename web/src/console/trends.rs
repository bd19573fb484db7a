//! The figures of the overview over time and by age: a chart that is drawn, and a table that says the same.

use domain::{Currency, Money, Timestamp, calendar::Day, checkout::Status};
use maud::{Markup, html};
use store::{Ages, CheckoutFigure, EventLag, WaitingAges};

use super::{
    Frame,
    chart::{self, Drawn, Point},
    parts::{hour, number, table},
};

/// How many days the charts of days show.
pub const TREND_DAYS: u32 = 14;
/// How many hours the chart of hours shows.
const TREND_HOURS: u64 = 24;
/// An hour, in milliseconds.
const HOUR_MS: u64 = 60 * 60 * 1_000;
/// The age that fills a chart of ages, unless one is larger: a minute, in milliseconds. Less is no lag to speak of.
const CALM_AGE_MS: u64 = 60 * 1_000;
/// The age that a bar has at least: an hour without a lag was measured, and is told from one that was not.
const SEEN_AGE_MS: u64 = CALM_AGE_MS / 40;

/// The checkouts of one day.
#[derive(Debug, Clone, Copy)]
struct OfDay {
    day: Day,
    paid: u64,
    ended: u64,
    /// What was paid in won.
    volume: Money,
}

/// The days from the first one on, today last.
fn days(first: Day, figures: &[CheckoutFigure]) -> Vec<OfDay> {
    let empty = |day| OfDay { day, paid: 0, ended: 0, volume: Money::zero(Currency::Krw) };
    let mut days: Vec<OfDay> = first.onward().take(TREND_DAYS as usize).map(empty).collect();
    for figure in figures {
        let Some(day) = usize::try_from(figure.part).ok().and_then(|part| days.get_mut(part)) else { continue };
        let is_paid = figure.status.is_payment_done();
        if is_paid {
            day.paid += figure.number;
            day.volume = day.volume.plus(figure.amount).unwrap_or(day.volume);
        }
        if is_paid || figure.status == Status::Failed {
            day.ended += figure.number;
        }
    }
    days
}

/// A share in thousandths.
fn share(part: u64, whole: u64) -> Option<u64> {
    (whole > 0).then(|| part.saturating_mul(1_000) / whole)
}

/// A share in percent with one decimal; a dash where there is nothing to share.
pub(super) fn percent(part: u64, whole: u64) -> String {
    share(part, whole).map_or_else(|| "–".to_owned(), |share| format!("{}.{}%", share / 10, share % 10))
}

/// What was paid on each of the last days, and which share of the payments was approved.
pub(super) fn by_day(frame: &Frame<'_>, first: Day, figures: &[CheckoutFigure]) -> Markup {
    let words = frame.words();
    let days = days(first, figures);
    let point = |of: &OfDay, value, told| Point { name: short(of.day), value, told };
    let volume: Vec<Point> = days.iter().map(|of| point(of, Some(of.volume.minor()), frame.money(of.volume))).collect();
    let rate: Vec<Point> =
        days.iter().map(|of| point(of, share(of.paid, of.ended), percent(of.paid, of.ended))).collect();
    let (paid, ended) = days.iter().fold((0, 0), |(paid, ended), of| (paid + of.paid, ended + of.ended));
    let sum = days.iter().fold(Money::zero(Currency::Krw), |sum, of| sum.plus(of.volume).unwrap_or(sum));
    html! {
        div.sides {
            section.card {
                h2 { (words.volume_by_day) }
                (chart::points(
                    &volume,
                    Drawn::Bars { at_least: 1 },
                    &format!("{}: {}", words.volume_by_day, frame.money(sum)),
                ))
                p.quiet { (words.together) ": " (frame.money(sum)) }
            }
            section.card {
                h2 { (words.approval_by_day) }
                (chart::points(&rate, Drawn::Shares, &format!("{}: {}", words.approval_by_day, percent(paid, ended))))
                p.quiet { (words.together) ": " (percent(paid, ended)) }
            }
        }
        details.card.figures {
            summary { (words.figures_of_days) }
            (table(words.figures_of_days, &html! {
                thead {
                    tr {
                        th { (frame.reconciling().day) } th.number { (words.paid) } th.number { (words.volume_by_day) }
                        th.number { (words.approval_by_day) }
                    }
                }
                tbody {
                    @for of in days.iter().rev() {
                        tr {
                            td { (of.day) }
                            td.number { (number(of.paid)) }
                            td.number { (frame.money(of.volume)) }
                            td.number { (percent(of.paid, of.ended)) }
                        }
                    }
                }
            }))
        }
    }
}

/// What waits, by age.
pub(super) fn by_age(frame: &Frame<'_>, ages: &WaitingAges) -> Markup {
    let (words, reconciling) = (frame.words(), frame.reconciling());
    let kinds: [(&str, &str, &Ages); 3] = [
        (words.outcome_unknown, "/console/payments?status=UNKNOWN", &ages.unknown),
        (words.needs_a_person, "/console/payments?status=STUCK", &ages.stuck),
        (reconciling.breaks, "/console/breaks?status=OPEN", &ages.breaks),
    ];
    let most = kinds.iter().map(|(.., ages)| ages.iter().sum::<u64>()).max().unwrap_or(0);
    let names = [words.age_day, words.age_days, words.age_week, words.age_older];
    let told = |ages: &Ages| {
        let parts = names.iter().zip(ages).map(|(name, count)| format!("{name}: {}", number(*count)));
        parts.collect::<Vec<_>>().join(", ")
    };
    html! {
        section.card {
            h2 { (words.waits_by_age) }
            (table(words.waits_by_age, &html! {
                thead {
                    tr {
                        th { (reconciling.kind) } th { (words.share_of_ages) }
                        @for (place, name) in names.iter().enumerate() {
                            th.number { span class=(format!("key age-{place}")) {} (name) }
                        }
                    }
                }
                tbody {
                    @for (name, address, ages) in kinds {
                        tr {
                            td { a href=(address) { (name) } }
                            td.ages { (chart::parts(ages, most, &format!("{name}. {}", told(ages)))) }
                            @for count in ages { td.number { (number(*count)) } }
                        }
                    }
                }
            }))
        }
    }
}

/// The worst lag of a part of the time; nothing where no process measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Worst {
    events: u64,
    age_ms: u64,
}

fn worst<'a>(lags: impl Iterator<Item = &'a EventLag>) -> Option<Worst> {
    let larger = |worst: Worst, lag: &EventLag| Worst {
        events: worst.events.max(lag.events),
        age_ms: worst.age_ms.max(lag.age_ms),
    };
    lags.fold(None, |worst, lag| Some(larger(worst.unwrap_or_default(), lag)))
}

/// The last hours, the one of now last, each with its worst lag. The name of an hour is that of a clock in Korea.
fn lag_of_hours(now: Timestamp, lags: &[EventLag]) -> Vec<(String, Option<Worst>)> {
    let this_hour = now.minus_ms(now.epoch_ms().unsigned_abs() % HOUR_MS);
    let hours = (0..TREND_HOURS).rev().map(|before| this_hour.minus_ms(before * HOUR_MS));
    hours.map(|at| (hour(at), worst(lags.iter().filter(|lag| lag.hour == at)))).collect()
}

/// How far the slowest reader of the event log was behind, by hour and by day.
pub(super) fn lag_over_time(frame: &Frame<'_>, first: Day, lags: &[EventLag]) -> Markup {
    let words = frame.words();
    let told = |worst: Option<Worst>| worst.map_or_else(|| words.not_measured.to_owned(), |of| words.age(of.age_ms));
    let chart = |title: &str, parts: &[(String, Option<Worst>)]| {
        let value = |(name, worst): &(String, Option<Worst>)| Point {
            name: name.clone(),
            value: worst.map(|of| of.age_ms.max(SEEN_AGE_MS)),
            told: told(*worst),
        };
        let points: Vec<Point> = parts.iter().map(value).collect();
        let longest = parts.iter().filter_map(|(_, worst)| *worst).max_by_key(|of| of.age_ms);
        let longest = format!("{}: {}", words.longest, told(longest));
        html! {
            section.card {
                h2 { (title) }
                (chart::points(&points, Drawn::Bars { at_least: CALM_AGE_MS }, &format!("{title}. {longest}")))
                p.quiet { (longest) }
            }
        }
    };
    let days: Vec<(Day, Option<Worst>)> = first
        .onward()
        .take(TREND_DAYS as usize)
        .map(|day| (day, worst(lags.iter().filter(|lag| Day::of(lag.hour) == day))))
        .collect();
    let named: Vec<(String, Option<Worst>)> = days.iter().map(|(day, of)| (short(*day), *of)).collect();
    html! {
        div.sides {
            (chart(words.lag_by_hour, &lag_of_hours(frame.now, lags)))
            (chart(words.lag_by_day, &named))
        }
        details.card.figures {
            summary { (words.figures_of_lag) }
            p.quiet { (words.lag_hint) }
            (table(words.figures_of_lag, &html! {
                thead {
                    tr {
                        th { (frame.reconciling().day) } th.number { (words.lag_by_day) }
                        th.number { (words.events_behind) }
                    }
                }
                tbody {
                    @for (day, worst) in days.iter().rev() {
                        tr {
                            td { (day) }
                            td.number { (told(*worst)) }
                            td.number { @if let Some(of) = worst { (number(of.events)) } @else { "–" } }
                        }
                    }
                }
            }))
        }
    }
}

/// A day without its year.
fn short(day: Day) -> String {
    day.to_string().get(5..).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;
    use store::EventLag;

    use super::{HOUR_MS, Worst, lag_of_hours, percent, share};

    #[test]
    fn an_hour_without_a_measurement_has_no_lag() {
        // 00:30 in Korea.
        let now = Timestamp::from_epoch_ms(1_795_707_000_000);
        let midnight = now.minus_ms(HOUR_MS / 2);
        let lag = |before: u64, events, age_ms| EventLag { hour: midnight.minus_ms(before * HOUR_MS), events, age_ms };
        let hours = lag_of_hours(now, &[lag(24, 9, 9), lag(2, 3, 70), lag(0, 0, 5)]);
        let names: Vec<&str> = hours.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!((hours.len(), names[0], names[21], names[23]), (24, "01", "22", "00"));
        assert_eq!(hours[21].1, Some(Worst { events: 3, age_ms: 70 }));
        assert_eq!(hours[23].1, Some(Worst { events: 0, age_ms: 5 }));
        assert_eq!(hours.iter().filter(|(_, worst)| worst.is_none()).count(), 22, "{hours:?}");
    }

    #[test]
    fn a_share_has_one_decimal() {
        assert_eq!([percent(0, 0), percent(1, 3), percent(3, 3), percent(0, 9)], ["–", "33.3%", "100.0%", "0.0%"]);
        assert_eq!((share(0, 0), share(1, 2)), (None, Some(500)));
    }
}
