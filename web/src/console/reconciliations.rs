//! Reconciliations: the days with their verdicts, and one day.

use domain::{
    calendar::{Day, Holidays},
    reconciliation::{BreakType, Layer, RunStatus},
};
use maud::{Markup, html};
use store::{BreakRecord, LayerSummary, Page as Records, ReconciliationRecord};

use super::{
    Frame, Page, breaks,
    parts::{Tone, badge, number, table, time},
    sheet::Sheet,
};
use crate::amount::grouped;

/// What the page of a day is made of.
#[derive(Debug)]
pub struct DayPage<'a> {
    pub run: &'a ReconciliationRecord,
    pub breaks: &'a [BreakRecord],
    /// Whether the run saw more breaks than are shown.
    pub is_cut: bool,
    pub holidays: &'a Holidays,
    pub may_start: bool,
}

/// Runs, the newest day first. `next` is the address of the rest.
pub fn reconciliations(frame: &Frame<'_>, found: &Records<ReconciliationRecord>, next: Option<&str>) -> Page {
    let words = frame.reconciling();
    Page::new(
        words.days,
        html! {
            section.card {
                @if found.items.is_empty() { (frame.nothing()) } @else { (list(frame, &found.items)) }
                (frame.pages(next))
            }
        },
    )
}

fn list(frame: &Frame<'_>, runs: &[ReconciliationRecord]) -> Markup {
    let words = frame.reconciling();
    table(
        words.days,
        &html! {
            thead {
                tr {
                    th { (words.day) } th.number { (words.number) } th { (words.verdict) }
                    th.number { (words.open_breaks) } th { (words.as_of) } th { (words.began) } th { (words.ended) }
                }
            }
            tbody {
                @for run in runs {
                    tr {
                        td { a href=(day_address(run.day)) { (run.day) } }
                        td.number { (run.number) }
                        td { (verdict(frame, run.status)) }
                        td.number { (number(breaks_of(run))) }
                        td { (run.as_of) }
                        td { (time(run.started_at)) }
                        td { @if let Some(at) = run.ended_at { (time(at)) } }
                    }
                }
            }
        },
    )
}

fn day_address(day: Day) -> String {
    format!("/console/reconciliations/{day}")
}

fn breaks_of(run: &ReconciliationRecord) -> u64 {
    run.summary.values().flat_map(|layer| layer.breaks.values()).sum()
}

fn verdict(frame: &Frame<'_>, status: RunStatus) -> Markup {
    let tone = match status {
        RunStatus::Clean => Tone::Good,
        RunStatus::Breaks => Tone::Bad,
        RunStatus::Running | RunStatus::NoVerdict => Tone::Waiting,
    };
    badge(tone, frame.reconciling().run_status(status), status.as_str())
}

/// The last run of one day.
pub fn reconciliation(frame: &Frame<'_>, view: &DayPage<'_>) -> Page {
    let (words, run) = (frame.reconciling(), view.run);
    Page::new(
        format!("{} {}", words.days, run.day),
        html! {
            section.card {
                dl.facts {
                    dt { (words.verdict) } dd #status { (verdict(frame, run.status)) }
                    dt { (words.number) } dd { (run.number) }
                    dt { (words.as_of) } dd { (run.as_of) }
                    dt { (words.open_breaks) } dd { (number(breaks_of(run))) }
                    @if run.status == RunStatus::Running {
                        dt { (words.step) } dd { (run.progress.step) " " (number(run.progress.done)) }
                    }
                    @if let Some(reason) = &run.reason { dt { (words.no_verdict) } dd { (reason) } }
                    dt { (words.began) } dd { (time(run.started_at)) }
                    @if let Some(at) = run.ended_at { dt { (words.ended) } dd { (time(at)) } }
                }
                @if view.may_start {
                    @let start = format!("{}/start", day_address(run.day));
                    div.acts { a.button.second #run-again href=(start) { (words.run_again) } }
                }
            }
            @if !run.summary.is_empty() { section.card { h2 { (words.layers) } (layers(frame, run)) } }
            section.card {
                h2 { (words.breaks_of_day) }
                (breaks::list(frame, view.breaks, view.holidays))
                @if view.is_cut { p.quiet { (words.cut) } }
            }
        },
    )
}

fn layers(frame: &Frame<'_>, run: &ReconciliationRecord) -> Markup {
    let words = frame.reconciling();
    table(
        words.layers,
        &html! {
            thead { tr { th { (words.layer) } th { (words.figures) } th { (words.open_breaks) } } }
            tbody {
                @for (name, summary) in &run.summary {
                    tr {
                        td { (Layer::parse(name).map_or(name.as_str(), |layer| words.layer_of(layer))) }
                        td { (figures(frame, summary)) }
                        td {
                            @for (name, count) in &summary.breaks {
                                p { (BreakType::parse(name).map_or(name.as_str(), |kind| words.type_of(kind))) " "
                                    (number(*count)) }
                            }
                        }
                    }
                }
            }
        },
    )
}

fn figures(frame: &Frame<'_>, summary: &LayerSummary) -> Markup {
    html! {
        @if let Some(why) = &summary.left_out { p.waiting { (frame.reconciling().left_out) " " (why) } }
        @for (name, value) in &summary.figures { p { span.code { (name) } " " (figure(value)) } }
    }
}

/// A count or a sum with commas; any other text as it is.
fn figure(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        format!("{sign}{}", grouped(digits))
    } else {
        text.to_owned()
    }
}

/// The page that starts the reconciliation of a day.
pub fn start_reconciliation(frame: &Frame<'_>, day: Day) -> Page {
    let (words, back) = (frame.reconciling(), day_address(day));
    Sheet {
        title: words.run_again,
        hint: words.run_hint,
        action: &format!("{back}/start"),
        back: &back,
        hidden: &[],
        facts: html! { dt { (words.day) } dd { (day) } },
        fields: html! {},
        wrong: None,
        button: words.do_run,
    }
    .page(frame)
}
