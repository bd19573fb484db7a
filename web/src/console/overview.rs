//! The overview: how today goes, and what needs a person.

use std::{collections::BTreeMap, time::Duration};

use domain::{
    Currency, Money, Timestamp, calendar::Day, checkout::Status, dead_letter::LetterStatus, reconciliation::BreakClass,
    webhook_endpoint::EndpointStatus,
};
use maud::{Markup, html};
use service::schedule::Schedule;
use store::{
    CheckoutFigure, Counts, EventLag, FinanceFigures, SecondPersonFigures, WaitingAges, webhook_endpoint::WebhookHealth,
};

use super::{
    Frame, Page, Place,
    chart::{self, Hour},
    parts::{Tone, number, table, time},
    place::Tab,
    refund_approvals,
    trends::{by_age, by_day, lag_over_time, percent},
};

/// The hours of a day.
const HOURS: usize = 24;

/// What the overview is made of.
#[derive(Debug)]
pub struct Overview<'a> {
    /// The checkouts of today, by hour.
    pub today: &'a [CheckoutFigure],
    /// The first of the last [`TREND_DAYS`](super::TREND_DAYS).
    pub first_day: Day,
    /// The checkouts of those days.
    pub days: &'a [CheckoutFigure],
    /// How far the slowest reader of the event log was behind on those days, by hour.
    pub lags: &'a [EventLag],
    /// What waits, by age.
    pub ages: &'a WaitingAges,
    /// How long the last payments of today took, the shortest first.
    pub times: &'a [Duration],
    /// Everything that is counted.
    pub counts: &'a Counts,
    /// How far behind each webhook endpoint is.
    pub endpoints: &'a [WebhookHealth],
    /// What waits for a second person, besides payout runs.
    pub second_person: &'a SecondPersonFigures,
    /// What waits for finance.
    pub finance: &'a FinanceFigures,
    /// What is done at a time; nothing where Temporal does not say.
    pub schedules: Option<&'a [Schedule]>,
}

/// The overview.
pub fn overview(frame: &Frame<'_>, view: &Overview<'_>) -> Page {
    let words = frame.words();
    Page::new(
        words.overview,
        html! {
            div.cards {
                (today(frame, view.today)) (time_to_paid(frame, view.times)) (people(frame, view.counts))
                (carrying(frame, view))
            }
            div.cards { (finance(frame, view.finance)) (second_person(frame, view.second_person)) }
            (by_hour(frame, view.today))
            (by_day(frame, view.first_day, view.days))
            (by_age(frame, view.ages))
            (lag_over_time(frame, view.first_day, view.lags))
            div.cards { (all_checkouts(frame, view.counts)) (all_refunds(frame, view.counts)) }
            div.cards { (schedules(frame, view.schedules)) }
            p.quiet { (words.as_of) " " (time(frame.now)) ". " (words.korea_time) }
        },
    )
}

/// A figure with its name.
fn card(name: &str, figure: &Markup, hint: &Markup) -> Markup {
    html! { section.card { h2 { (name) } p.figure { (figure) } (hint) } }
}

fn today(frame: &Frame<'_>, figures: &[CheckoutFigure]) -> Markup {
    let words = frame.words();
    let mut volume: BTreeMap<Currency, Money> = BTreeMap::new();
    let (mut approved, mut ended) = (0_u64, 0_u64);
    for figure in figures {
        if figure.status.is_payment_done() {
            let sum = volume.entry(figure.amount.currency()).or_insert(Money::zero(figure.amount.currency()));
            *sum = sum.plus(figure.amount).unwrap_or(*sum);
            approved += figure.number;
        }
        if figure.status.is_payment_done() || figure.status == Status::Failed {
            ended += figure.number;
        }
    }
    let sums: Vec<String> = volume.values().map(|sum| frame.money(*sum)).collect();
    let sums = if sums.is_empty() { frame.money(Money::zero(Currency::Krw)) } else { sums.join(" · ") };
    html! {
        (card(words.volume_today, &html! { (sums) }, &html! { p.quiet { (words.paid) ": " (number(approved)) } }))
        (card(
            words.approval_today,
            &html! { (percent(approved, ended)) },
            &html! { p.quiet { (words.approval_hint) } },
        ))
    }
}

fn time_to_paid(frame: &Frame<'_>, times: &[Duration]) -> Markup {
    let words = frame.words();
    let age = |time: Option<Duration>| {
        time.map_or_else(|| "–".to_owned(), |time| words.age(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)))
    };
    let [median, most] = [(1, 2), (9, 10)].map(|share| age(share_of(times, share)));
    html! {
        (card(
            words.time_to_paid,
            &html! { span #time-to-paid { (median) } },
            &html! { p.quiet { (words.time_to_paid_hint) ". " (words.slowest_tenth) ": " (most) } },
        ))
    }
}

/// The time within which a share of all, such as 9 of 10, was done. The times are sorted.
fn share_of(times: &[Duration], (part, whole): (usize, usize)) -> Option<Duration> {
    let place = (times.len() * part).div_ceil(whole).checked_sub(1)?;
    times.get(place).copied()
}

fn people(frame: &Frame<'_>, counts: &Counts) -> Markup {
    let words = frame.words();
    let watched = [
        (words.needs_a_person, Status::Stuck),
        (words.outcome_unknown, Status::Unknown),
        (words.executing_now, Status::Executing),
    ];
    html! {
        @for (name, status) in watched {
            @let count = of_status(counts, status);
            @let oldest = counts.oldest_checkouts.iter().find(|(of, _)| *of == status).map(|(_, oldest)| *oldest);
            (card(
                name,
                &linked(count, &format!("/console/payments?status={}", status.as_str()), Tone::of_status(status)),
                &since(frame, oldest.filter(|_| count > 0)),
            ))
        }
    }
}

fn of_status(counts: &Counts, status: Status) -> u64 {
    counts.checkouts.iter().find(|(of, _)| *of == status).map_or(0, |(_, count)| *count)
}

/// A count that leads to what it counts; it has a tone only where it is not zero.
fn linked(count: u64, address: &str, tone: Tone) -> Markup {
    html! {
        @if count == 0 { (number(count)) } @else { a class=(tone.class()) href=(address) { (number(count)) } }
    }
}

fn since(frame: &Frame<'_>, oldest: Option<Timestamp>) -> Markup {
    let words = frame.words();
    html! {
        p.quiet {
            (words.oldest) ": "
            @match oldest { Some(oldest) => { (frame.ago(oldest)) } None => { (words.none) } }
        }
    }
}

/// What goes out: dead letters, events and webhooks. Counts stay without a link where the place needs more rights.
fn carrying(frame: &Frame<'_>, view: &Overview<'_>) -> Markup {
    let words = frame.words();
    let may_operate = frame.session.is_some_and(|session| Place::DeadLetters.admits(session.roles));
    let open = view.counts.letters.iter().find(|(of, _)| *of == LetterStatus::Open).map_or(0, |(_, count)| *count);
    let disabled = view.endpoints.iter().filter(|endpoint| endpoint.status == EndpointStatus::Disabled).count() as u64;
    let failing = view.endpoints.iter().filter(|endpoint| endpoint.failing_since.is_some()).count() as u64;
    let events = view.counts.events;
    let figure = |count: u64, address: &str| {
        if may_operate {
            linked(count, address, Tone::Bad)
        } else {
            html! { (number(count)) }
        }
    };
    html! {
        (card(words.open_letters, &figure(open, "/console/dead-letters?status=OPEN"), &html! {}))
        (card(
            words.event_lag,
            &html! { (number(events.slowest_cursor_lag)) },
            &html! {
                p.quiet { (words.event_lag_hint) ". " (words.unsequenced) ": " (number(events.unsequenced.facts)) }
            },
        ))
        (card(
            words.endpoints_disabled,
            &figure(disabled, "/console/webhook-endpoints"),
            &html! { p.quiet { (words.endpoints_failing) ": " (number(failing)) } },
        ))
    }
}

/// What waits for finance: runs without an approval, payouts that need a person, and breaks by class and age.
fn finance(frame: &Frame<'_>, figures: &FinanceFigures) -> Markup {
    let (words, finance, reconciling) = (frame.words(), frame.finance(), frame.reconciling());
    let holds = |text: &Markup| html! { p.quiet { (text) } };
    html! {
        (card(
            finance.runs_wait,
            &linked(figures.frozen_runs, Tab::Runs.path(), Tone::Waiting),
            &html! {
                @if figures.frozen_runs > 0 { (holds(&html! { (frame.money(figures.frozen)) })) }
                (since(frame, figures.oldest_frozen))
            },
        ))
        (card(
            finance.payouts_stuck,
            &linked(figures.stuck_payouts, "/console/payouts?status=STUCK", Tone::Bad),
            &html! {},
        ))
        @for class in BreakClass::ALL {
            @let open = figures.breaks.iter().find(|open| open.class == class);
            @let count = open.map_or(0, |open| open.number);
            (card(
                &format!("{}: {}", reconciling.breaks, reconciling.class_of(class)),
                &linked(count, &format!("/console/breaks?status=OPEN&class={}", class.as_str()), Tone::Bad),
                &holds(&html! {
                    (words.oldest) ": " @match open { Some(open) => { (open.oldest) } None => { (words.none) } }
                }),
            ))
        }
    }
}

/// Refunds and API keys that wait for a second person. The keys lead on where a person may decide about them.
fn second_person(frame: &Frame<'_>, figures: &SecondPersonFigures) -> Markup {
    let words = frame.words();
    html! {
        (card(
            words.refunds_wait,
            &linked(figures.refunds.number, &refund_approvals::waiting_address(), Tone::Waiting),
            &since(frame, figures.refunds.oldest),
        ))
        (card(
            words.keys_wait,
            &if frame.is_admin() {
                linked(figures.keys.number, Place::ApiKeys.path(), Tone::Waiting)
            } else {
                html! { (number(figures.keys.number)) }
            },
            &since(frame, figures.keys.oldest),
        ))
    }
}

fn by_hour(frame: &Frame<'_>, figures: &[CheckoutFigure]) -> Markup {
    let words = frame.words();
    let mut hours = [Hour::default(); HOURS];
    for figure in figures {
        let Some(hour) = usize::try_from(figure.part).ok().and_then(|part| hours.get_mut(part)) else { continue };
        if figure.status.is_payment_done() { hour.paid += figure.number } else { hour.other += figure.number }
    }
    let (paid, other) = hours.iter().fold((0, 0), |(paid, other), hour| (paid + hour.paid, other + hour.other));
    let label =
        format!("{}. {}: {}, {}: {}", words.today_by_hour, words.paid, number(paid), words.other, number(other));
    html! {
        section.card {
            h2 { (words.today_by_hour) }
            (chart::hours(&hours, &label))
            p.quiet {
                span.key.paid {} (words.paid) " " (number(paid))
                span.key.rest {} (words.other) " " (number(other))
            }
        }
    }
}

fn all_checkouts(frame: &Frame<'_>, counts: &Counts) -> Markup {
    html! {
        section.card {
            h2 { (frame.words().all_by_status) }
            table {
                tbody {
                    @for status in Status::ALL {
                        @let count = of_status(counts, status);
                        @if count > 0 {
                            tr {
                                td { (frame.status(status)) }
                                td.number {
                                    a href=(format!("/console/payments?status={}", status.as_str())) { (number(count)) }
                                }
                            }
                        }
                    }
                }
            }
            @if counts.checkouts.is_empty() { (frame.nothing()) }
        }
    }
}

/// What Temporal does at a time, and when it last did.
pub(super) fn schedules(frame: &Frame<'_>, schedules: Option<&[Schedule]>) -> Markup {
    let words = frame.words();
    html! {
        section.card {
            h2 { (words.schedules) }
            @match schedules {
                Some(schedules) => {
                    (table(words.schedules, &html! {
                        thead { tr { th { (words.schedule) } th { (words.last_acted) } th { (words.acts_next) } } }
                        tbody {
                            @for schedule in schedules {
                                tr {
                                    td.code { (schedule.id) }
                                    td { @match schedule.last { Some(at) => { (time(at)) } None => { (words.none) } } }
                                    td {
                                        @if schedule.is_paused { (words.paused) }
                                        @else if let Some(at) = schedule.next { (time(at)) }
                                        @else { (words.none) }
                                    }
                                }
                            }
                        }
                    }))
                }
                None => { p.quiet { (words.schedules_unknown) } }
            }
        }
    }
}

fn all_refunds(frame: &Frame<'_>, counts: &Counts) -> Markup {
    html! {
        section.card {
            h2 { (frame.words().refunds_by_status) }
            table {
                tbody {
                    @for (status, count) in &counts.refunds {
                        tr { td { (frame.refund_status(*status)) } td.number { (number(*count)) } }
                    }
                }
            }
            @if counts.refunds.is_empty() { (frame.nothing()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::share_of;

    #[test]
    fn a_share_of_times_is_done_within_one_of_them() {
        let times: Vec<_> = (1..=10).map(Duration::from_secs).collect();
        assert_eq!(
            [(1, 2), (9, 10)].map(|share| share_of(&times, share)),
            [5, 9].map(|s| Some(Duration::from_secs(s)))
        );
        assert_eq!(share_of(&times[..1], (9, 10)), Some(Duration::from_secs(1)));
        assert_eq!(share_of(&[], (1, 2)), None);
    }
}
