//! What the PSP settles, day by day.

use std::collections::BTreeMap;

use domain::{Currency, calendar::Day, settlement::Flow};
use maud::{Markup, html};
use store::{SettlementCalendar, SettlementDay};

use super::{
    Frame, Page,
    parts::{Field, number, table},
};

/// What the calendar is made of.
#[derive(Debug)]
pub struct CalendarPage<'a> {
    pub calendar: SettlementCalendar,
    pub from: Day,
    pub to: Day,
    pub days: &'a BTreeMap<(Day, Currency), SettlementDay>,
    /// Whether the days that were asked for cannot be shown.
    pub is_wrong: bool,
}

/// The calendar.
pub fn settlements(frame: &Frame<'_>, view: &CalendarPage<'_>) -> Page {
    let words = frame.reconciling();
    let calendars = [
        (SettlementCalendar::Sold, "sold", words.by_sold),
        (SettlementCalendar::PaidOut, "paid_out", words.by_paid_out),
    ];
    let (from, to) = (view.from.to_string(), view.to.to_string());
    Page::new(
        words.calendar,
        html! {
            section.card {
                form.search method="get" action="/console/settlements" {
                    div.field {
                        label for="by" { (words.by) }
                        select #by name="by" {
                            @for (calendar, value, name) in calendars {
                                option value=(value) selected[view.calendar == calendar] { (name) }
                            }
                        }
                    }
                    (Field { name: "from", label: frame.words().from_day, value: &from, kind: "date" }.show())
                    (Field { name: "to", label: frame.words().to_day, value: &to, kind: "date" }.show())
                    div.field { button.button { (frame.words().search) } }
                }
            }
            @if view.is_wrong { p.notice.waiting role="status" { (words.wrong_days) } }
            section.card { @if view.days.is_empty() { (frame.nothing()) } @else { (days(frame, view)) } }
        },
    )
}

fn days(frame: &Frame<'_>, view: &CalendarPage<'_>) -> Markup {
    let words = frame.reconciling();
    let has_expectations = view.calendar == SettlementCalendar::Sold;
    table(
        words.calendar,
        &html! {
            thead {
                tr {
                    th { (words.day) } th.number { (words.rows) }
                    @if has_expectations { th.number { (words.by_books) } }
                    @for name in
                        [words.gross, words.fee, words.vat, words.exchanged, words.net, words.booked, words.received] {
                        th.number { (name) }
                    }
                }
            }
            tbody {
                @for ((day, currency), of_day) in view.days {
                    tr {
                        td { (day) } td.number { (number(of_day.rows)) }
                        (amounts(frame, view.calendar, *currency, of_day))
                    }
                }
                @for (currency, sum) in sums(view.days) {
                    tr.sum {
                        td { (words.sum) } td.number { (number(sum.rows)) }
                        (amounts(frame, view.calendar, currency, &sum))
                    }
                }
            }
        },
    )
}

fn amounts(frame: &Frame<'_>, calendar: SettlementCalendar, currency: Currency, of_day: &SettlementDay) -> Markup {
    let shown =
        |minor: i64| Flow::of_signed(minor, currency).map_or_else(|_| minor.to_string(), |flow| frame.flow(flow));
    let SettlementDay { rows: _, gross, fee, vat, exchanged, net, booked, received, expected } = *of_day;
    html! {
        @if calendar == SettlementCalendar::Sold {
            td.number { @if let Some(expected) = expected { (shown(expected)) } }
        }
        @for minor in [gross, fee, vat, exchanged, net, booked, received] { td.number { (shown(minor)) } }
    }
}

fn sums(days: &BTreeMap<(Day, Currency), SettlementDay>) -> BTreeMap<Currency, SettlementDay> {
    let mut sums: BTreeMap<Currency, SettlementDay> = BTreeMap::new();
    for ((_, currency), day) in days {
        let sum = sums.entry(*currency).or_default();
        sum.rows = sum.rows.saturating_add(day.rows);
        for (into, from) in [
            (&mut sum.gross, day.gross),
            (&mut sum.fee, day.fee),
            (&mut sum.vat, day.vat),
            (&mut sum.exchanged, day.exchanged),
            (&mut sum.net, day.net),
            (&mut sum.booked, day.booked),
            (&mut sum.received, day.received),
        ] {
            *into = into.saturating_add(from);
        }
        if let Some(expected) = day.expected {
            sum.expected = Some(sum.expected.unwrap_or(0).saturating_add(expected));
        }
    }
    sums
}
