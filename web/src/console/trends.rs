//! The figures of the overview over time and by age: a chart that is drawn, and a table that says the same.

use domain::{Currency, Money, calendar::Day, checkout::Status};
use maud::{Markup, html};
use store::{Ages, CheckoutFigure, WaitingAges};

use super::{
    Frame,
    chart::{self, Drawn, Point},
    parts::{number, table},
};

/// How many days the charts of days show.
pub const TREND_DAYS: u32 = 14;

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
    let starts = std::iter::successors(Some(first), |day| Some(day.next()));
    let empty = |day| OfDay { day, paid: 0, ended: 0, volume: Money::zero(Currency::Krw) };
    let mut days: Vec<OfDay> = starts.take(TREND_DAYS as usize).map(empty).collect();
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
    let name = |day: Day| day.to_string().get(5..).unwrap_or_default().to_owned();
    let point = |of: &OfDay, value, told| Point { name: name(of.day), value, told };
    let volume: Vec<Point> = days.iter().map(|of| point(of, Some(of.volume.minor()), frame.money(of.volume))).collect();
    let rate: Vec<Point> =
        days.iter().map(|of| point(of, share(of.paid, of.ended), percent(of.paid, of.ended))).collect();
    let (paid, ended) = days.iter().fold((0, 0), |(paid, ended), of| (paid + of.paid, ended + of.ended));
    let sum = days.iter().fold(Money::zero(Currency::Krw), |sum, of| sum.plus(of.volume).unwrap_or(sum));
    html! {
        div.sides {
            section.card {
                h2 { (words.volume_by_day) }
                (chart::points(&volume, Drawn::Bars, &format!("{}: {}", words.volume_by_day, frame.money(sum))))
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

#[cfg(test)]
mod tests {
    use super::{percent, share};

    #[test]
    fn a_share_has_one_decimal() {
        assert_eq!([percent(0, 0), percent(1, 3), percent(3, 3), percent(0, 9)], ["–", "33.3%", "100.0%", "0.0%"]);
        assert_eq!((share(0, 0), share(1, 2)), (None, Some(500)));
    }
}
