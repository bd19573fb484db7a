//! How everything stands: what `daegeum doctor` checks, the workers that poll, and what is done at a time.

use maud::{Markup, html};
use service::{
    schedule::Schedule,
    system::{Check, CheckResult, Poller, System, TaskKind},
};

use super::{
    Frame, Page,
    overview::schedules,
    parts::{Tone, badge, number, table, time},
};

/// The page. The texts of the checks are those of the command line, in English.
pub fn system(frame: &Frame<'_>, found: &System, planned: Option<&[Schedule]>) -> Page {
    let words = frame.words();
    let ill = found.checks.iter().filter(|check| !check.result.is_well()).count() as u64;
    Page::new(
        words.system,
        html! {
            @if ill == 0 {
                p.notice.good role="status" data-system="well" { (words.all_is_well) }
            } @else {
                p.notice.bad role="status" data-system="ill" { (words.not_well) " " (number(ill)) }
            }
            section.card { h2 { (words.checks) } p.quiet { (words.checks_hint) } (checks(frame, &found.checks)) }
            section.card {
                h2 { (words.workers) }
                @match &found.pollers {
                    Some(pollers) if pollers.is_empty() => { p.notice.bad { (words.no_worker_polls) } }
                    Some(pollers) => { (polling(frame, pollers)) }
                    None => { p.quiet { (words.schedules_unknown) } }
                }
            }
            div.cards { (schedules(frame, planned)) }
            p.quiet {
                (words.version_here) " " span.code #version { (found.version) } ". "
                (words.as_of) " " (time(found.looked_at)) ". " (words.korea_time)
            }
        },
    )
}

fn checks(frame: &Frame<'_>, checks: &[Check]) -> Markup {
    let words = frame.words();
    table(
        words.checks,
        &html! {
            thead { tr { th { (words.part) } th { (words.status) } th { (words.found) } } }
            tbody {
                @for Check { part, result } in checks {
                    tr data-part=(part.as_str()) {
                        td { (words.part_of(*part)) }
                        td { (standing(frame, result)) }
                        td { (told(frame, result)) }
                    }
                }
            }
        },
    )
}

fn standing(frame: &Frame<'_>, result: &CheckResult) -> Markup {
    let words = frame.words();
    match result {
        CheckResult::Well(_) => badge(Tone::Good, words.well, "WELL"),
        CheckResult::Ill { .. } => badge(Tone::Bad, words.ill, "ILL"),
        CheckResult::Unseen(_) => badge(Tone::Waiting, words.unseen, "UNSEEN"),
        CheckResult::Unasked(_) => badge(Tone::Plain, words.unasked, "UNASKED"),
    }
}

fn told(frame: &Frame<'_>, result: &CheckResult) -> Markup {
    let words = frame.words();
    let lines = |text: &str| html! { @for line in text.lines() { p lang="en" { (line) } } };
    match result {
        CheckResult::Well(detail) | CheckResult::Unasked(detail) => lines(detail),
        CheckResult::Ill { what, mend } => html! { (lines(what)) p { strong { (words.mend) } } (lines(mend)) },
        CheckResult::Unseen(other) => html! { p { (words.unseen_without) " " (words.part_of(*other)) } },
    }
}

fn polling(frame: &Frame<'_>, pollers: &[Poller]) -> Markup {
    let words = frame.words();
    table(
        words.workers,
        &html! {
            thead {
                tr {
                    th { (words.process) } th { (words.task_queue) } th { (words.tasks) } th { (words.build) }
                    th { (words.status) } th { (words.polled) }
                }
            }
            tbody {
                @for poller in pollers {
                    tr {
                        td.code { (poller.process) }
                        td.code { (poller.queue) }
                        td {
                            @match poller.kind {
                                TaskKind::Workflow => { (words.workflow_tasks) }
                                TaskKind::Activity => { (words.activity_tasks) }
                            }
                        }
                        td.code { (poller.version.as_deref().unwrap_or("–")) }
                        td {
                            @if poller.gets_tasks { (badge(Tone::Good, words.gets_tasks, "GETS_TASKS")) }
                            @else { (badge(Tone::Plain, words.gets_none, "GETS_NONE")) }
                        }
                        td { @if let Some(at) = poller.polled_at { (time(at)) } @else { (words.none) } }
                    }
                }
            }
        },
    )
}
