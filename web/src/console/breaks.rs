//! Breaks: the queues, and one with the evidence of both sides.

use domain::{
    calendar::{Day, Holidays},
    reconciliation::{Age, BreakClass, BreakStatus, BreakType},
    settlement::Flow,
};
use maud::{Markup, html};
use store::{BreakEvent, BreakRecord, Page as Records};

use super::{
    Frame, Page,
    break_comment::comment_form,
    parts::{Choice, Field, Tone, badge, number, payment_link, table, time},
};

/// Which breaks are searched, word for word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BreakSearch {
    pub class: Option<BreakClass>,
    pub kind: Option<BreakType>,
    pub status: Option<BreakStatus>,
    pub assignee: String,
    pub older_than: String,
    /// Only those that were escalated.
    pub escalated: bool,
}

/// What the person may do about a break now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BreakActs {
    pub comment: bool,
    pub assign: bool,
    pub wait: bool,
    pub resolve: bool,
    pub undo: bool,
}

/// What the page of a break is made of.
#[derive(Debug)]
pub struct BreakPage<'a> {
    pub record: &'a BreakRecord,
    pub history: &'a [BreakEvent],
    /// The rows of both sides, each a list of names and values.
    pub ours: &'a [(String, String)],
    pub theirs: &'a [(String, String)],
    pub holidays: &'a Holidays,
    pub acts: BreakActs,
}

/// The queue. `next` is the address of the rest.
pub fn breaks(
    frame: &Frame<'_>,
    search: &BreakSearch,
    found: &Records<BreakRecord>,
    holidays: &Holidays,
    next: Option<&str>,
) -> Page {
    Page::new(
        frame.reconciling().breaks,
        html! {
            section.card { (form(frame, search)) }
            section.card {
                (list(frame, &found.items, holidays))
                (frame.pages(next))
            }
        },
    )
}

fn form(frame: &Frame<'_>, search: &BreakSearch) -> Markup {
    let (words, all) = (frame.reconciling(), frame.words());
    let status =
        Choice { name: "status", label: all.status, any: all.any_status, chosen: search.status, is_required: false };
    let class =
        Choice { name: "class", label: words.class, any: words.any_class, chosen: search.class, is_required: false };
    let kind = Choice { name: "type", label: words.kind, any: words.any_kind, chosen: search.kind, is_required: false };
    html! {
        form.search method="get" action="/console/breaks" role="search" {
            (status.show(&BreakStatus::ALL, BreakStatus::as_str, |status| words.status(status)))
            (class.show(&BreakClass::ALL, BreakClass::as_str, |class| words.class_of(class)))
            (kind.show(&BreakType::ALL, BreakType::as_str, |kind| format!("{} {}", kind.code(), words.type_of(kind))))
            (Field { name: "assignee", label: words.assignee, value: &search.assignee, kind: "text" }.show())
            (Field { name: "older_than", label: words.older_than, value: &search.older_than, kind: "number" }.show())
            div.field {
                label {
                    input type="checkbox" name="escalated" value="true" checked[search.escalated];
                    " " (words.escalated)
                }
            }
            div.field { button.button { (all.search) } " " a href="/console/breaks" { (all.clear) } }
        }
    }
}

/// Breaks as a table.
pub(super) fn list(frame: &Frame<'_>, breaks: &[BreakRecord], holidays: &Holidays) -> Markup {
    let (words, all, today) = (frame.reconciling(), frame.words(), Day::of(frame.now));
    if breaks.is_empty() {
        return frame.nothing();
    }
    table(
        words.breaks,
        &html! {
            thead {
                tr {
                    th { (words.kind) } th { (words.subject) } th { (all.status) } th { (words.class) }
                    th.number { (words.age) } th.number { (words.ours) } th.number { (words.theirs) }
                    th { (words.assignee) } th { (words.opened_at) }
                }
            }
            tbody {
                @for record in breaks {
                    tr {
                        td { a href=(address(record)) title=(record.break_type.as_str()) { (kind(frame, record)) } }
                        td.code { (record.told_subject()) }
                        td { (status(frame, record.status)) }
                        td { (words.class_of(record.class)) }
                        td.number { (age(frame, record, today, holidays)) }
                        td.number { (side(frame, record.ours)) }
                        td.number { (side(frame, record.theirs)) }
                        td { @if let Some(assignee) = &record.assignee { (assignee) } }
                        td { (time(record.opened_at)) }
                    }
                }
            }
        },
    )
}

pub(super) fn address(record: &BreakRecord) -> String {
    format!("/console/breaks/{}", record.break_id)
}

pub(super) fn kind(frame: &Frame<'_>, record: &BreakRecord) -> String {
    format!("{} {}", record.break_type.code(), frame.reconciling().type_of(record.break_type))
}

pub(super) fn status(frame: &Frame<'_>, status: BreakStatus) -> Markup {
    let tone = match status {
        BreakStatus::Open => Tone::Bad,
        BreakStatus::Waiting => Tone::Waiting,
        BreakStatus::Resolved => Tone::Good,
    };
    badge(tone, frame.reconciling().status(status), status.as_str())
}

/// Business days; in red where the deadline has passed of a break that somebody still has to see to.
fn age(frame: &Frame<'_>, record: &BreakRecord, today: Day, holidays: &Holidays) -> Markup {
    let age = Age::of(record.break_type, record.day, today, holidays);
    let is_late = age.is_overdue && record.status != BreakStatus::Resolved;
    html! {
        span.late[is_late] { (number(u64::from(age.business_days))) }
        @if is_late { " " span.late { (frame.reconciling().overdue) } }
        (raised(frame, record))
    }
}

/// The step that a break was escalated to.
fn raised(frame: &Frame<'_>, record: &BreakRecord) -> Markup {
    html! {
        @if record.escalation > 0 && record.status != BreakStatus::Resolved {
            " " span.late data-escalation=(record.escalation) {
                (frame.reconciling().escalated) " " (number(u64::from(record.escalation)))
            }
        }
    }
}

pub(super) fn side(frame: &Frame<'_>, flow: Option<Flow>) -> String {
    flow.map_or_else(|| frame.reconciling().is_missing.to_owned(), |flow| frame.flow(flow))
}

/// One break.
pub fn break_page(frame: &Frame<'_>, view: &BreakPage<'_>) -> Page {
    let (words, record) = (frame.reconciling(), view.record);
    Page::new(
        kind(frame, record),
        html! {
            section.card { (facts(frame, view)) (acts(frame, view)) }
            h2 { (words.evidence) }
            div.sides {
                (evidence(frame, words.ours, view.ours))
                (evidence(frame, words.theirs, view.theirs))
            }
            section.card {
                h2 { (words.history) }
                (history(frame, view.history))
                @if view.acts.comment {
                    (comment_form(frame, &format!("{}/comment", address(record)), record.version))
                }
            }
        },
    )
}

fn facts(frame: &Frame<'_>, view: &BreakPage<'_>) -> Markup {
    let (words, all, record) = (frame.reconciling(), frame.words(), view.record);
    let age = Age::of(record.break_type, record.day, Day::of(frame.now), view.holidays);
    html! {
        dl.facts {
            dt { (all.status) } dd #status { (status(frame, record.status)) }
            (sums(frame, record))
            dt { (words.class) } dd { (words.class_of(record.class)) " · " (words.layer_of(record.layer)) }
            dt { (words.expected) } dd { (record.day) }
            dt { (words.age) } dd { (number(u64::from(age.business_days))) " " (words.business_days) }
            @if let Some(due) = age.due_on {
                dt { (words.due) }
                dd {
                    (due)
                    @if age.is_overdue && record.status != BreakStatus::Resolved { " " span.late { (words.overdue) } }
                }
            }
            @if let Some(at) = record.escalated_at {
                dt { (words.escalated) }
                dd #escalation { (number(u64::from(record.escalation))) " · " (time(at)) }
            }
            @if let Some(assignee) = &record.assignee { dt { (words.assignee) } dd { (assignee) } }
            @if let Some(day) = record.wait_until { dt { (words.wait_until) } dd { (day) } }
            @if let Some(proposal) = &record.proposal {
                dt { (words.proposal) }
                dd #proposal { (words.template_of(proposal.template)) " · " (proposal.by) }
            }
            @match &record.reason_code {
                Some(code) => { dt { (words.reason_code) } dd.code { (code) } }
                None => { dt { (words.usual_reason) } dd.code { (record.break_type.reason_code().as_str()) } }
            }
            @if let Some(by) = &record.resolved_by { dt { (words.resolved_by) } dd { (by) } }
            dt { (words.opened_at) } dd { (time(record.opened_at)) }
            dt { (words.last_seen) } dd { (time(record.last_seen_at)) }
        }
    }
}

/// What stands apart, and by how much.
pub(super) fn sums(frame: &Frame<'_>, record: &BreakRecord) -> Markup {
    let words = frame.reconciling();
    html! {
        dt { (words.subject) } dd.code { (record.told_subject()) }
        @if let Some(id) = &record.checkout_id { dt { (frame.words().checkout) } dd { (payment_link(id.as_str())) } }
        dt { (words.ours) } dd { strong { (side(frame, record.ours)) } }
        dt { (words.theirs) } dd { strong { (side(frame, record.theirs)) } }
        dt { (words.suspense) } dd { (frame.flow(record.suspense)) }
    }
}

fn acts(frame: &Frame<'_>, view: &BreakPage<'_>) -> Markup {
    let words = frame.reconciling();
    let to = |act: &str| format!("{}/{act}", address(view.record));
    let BreakActs { comment: _, assign, wait, resolve, undo } = view.acts;
    html! {
        @if assign || wait || resolve || undo {
            div.acts role="group" aria-label=(frame.words().acts) {
                @if resolve { a.button #resolve href=(to("resolve")) { (words.resolve) } }
                @if assign { a.button.second #assign href=(to("assign")) { (words.assign) } }
                @if wait { a.button.second #wait href=(to("wait")) { (words.wait) } }
                @if undo { a.button.second #undo href=(to("undo")) { (words.undo) } }
            }
        }
    }
}

fn evidence(frame: &Frame<'_>, name: &str, rows: &[(String, String)]) -> Markup {
    html! {
        section.card {
            h3 { (name) }
            @if rows.is_empty() {
                p.quiet { (frame.reconciling().no_evidence) }
            } @else {
                dl.facts { @for (name, value) in rows { dt.code { (name) } dd { (value) } } }
            }
        }
    }
}

fn history(frame: &Frame<'_>, events: &[BreakEvent]) -> Markup {
    let (words, all) = (frame.reconciling(), frame.words());
    if events.is_empty() {
        return frame.nothing();
    }
    table(
        words.history,
        &html! {
            thead {
                tr {
                    th { (all.when) } th { (all.action) } th { (all.who) } th { (all.reason) }
                    th { (words.reason_code) } th { (all.message) }
                }
            }
            tbody {
                @for event in events {
                    tr {
                        td { (time(event.acted_at)) }
                        td.code { (event.act) }
                        td { (event.actor) }
                        td { (event.reason) }
                        td.code { @if let Some(code) = &event.reason_code { (code) } }
                        td { @if let Some(detail) = &event.detail { (detail) } }
                    }
                }
            }
        },
    )
}
