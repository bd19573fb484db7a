//! The audit log, and who is signed in.

use maud::{Markup, html};
use store::{Actor, AuditEntry, Page as Records, console::SessionRecord};

use super::{
    Frame, Page,
    parts::{Field, Tone, badge, table, time},
};

/// Lines of the audit log, the newest first. `next` is the address of older ones.
pub fn audit_log(frame: &Frame<'_>, actor: &str, found: &Records<(u64, AuditEntry)>, next: Option<&str>) -> Page {
    let words = frame.words();
    Page::new(
        words.audit,
        html! {
            section.card {
                form.search method="get" action="/console/audit-log" {
                    (Field { name: "actor", label: words.who, value: actor, kind: "search" }.show())
                    div.field { button.button { (words.search) } }
                }
            }
            section.card {
                @if found.items.is_empty() { (frame.nothing()) } @else { (list(frame, &found.items)) }
                (frame.pages(next))
            }
        },
    )
}

fn list(frame: &Frame<'_>, lines: &[(u64, AuditEntry)]) -> Markup {
    let words = frame.words();
    table(
        words.audit,
        &html! {
            thead {
                tr {
                    th { (words.when) } th { (words.who) } th { (words.action) } th { (words.object) }
                    th { (words.result) } th { (words.address) }
                }
            }
            tbody {
                @for (_, line) in lines {
                    tr {
                        td { (time(line.occurred_at)) }
                        td { (actor(frame, line)) }
                        td.code { (line.action) }
                        td.code { (line.object) }
                        td.code { (line.result) }
                        td { @if let Some(address) = &line.address { (address) } }
                    }
                }
            }
        },
    )
}

/// The author of a line.
pub(super) fn actor(frame: &Frame<'_>, line: &AuditEntry) -> Markup {
    let words = frame.words();
    let kind = match line.actor {
        Actor::ApiKey(_) => words.actor_key,
        Actor::Person(_) => words.person,
        Actor::Operator(_) => words.actor_operator,
    };
    html! { span.quiet { (kind) } " " span.code { (line.actor.name()) } }
}

/// Sessions, the last begun first.
pub fn sessions(frame: &Frame<'_>, found: &[SessionRecord]) -> Page {
    let words = frame.words();
    let own = frame.session.map(|session| session.session_id.as_str());
    let list = html! {
        thead {
            tr {
                th { (words.person) } th { (words.roles) } th { (words.began) } th { (words.seen) }
                th { (words.session_ends) } th { (words.status) } th { (words.acts) }
            }
        }
        tbody {
            @for session in found {
                tr {
                    td { (session.name) " " span.quiet.code { (session.person) } }
                    td { (frame.roles(session)) }
                    td { (time(session.created_at)) }
                    td { (time(session.seen_at)) }
                    td { (time(session.ended_at.unwrap_or(session.expires_at))) }
                    td { (session_standing(frame, session)) }
                    td { (end(frame, session, own == Some(session.session_id.as_str()))) }
                }
            }
        }
    };
    Page::new(words.sessions, html! { section.card { (table(words.sessions, &list)) } })
}

fn session_standing(frame: &Frame<'_>, session: &SessionRecord) -> Markup {
    let words = frame.words();
    if session.goes_on(frame.now) {
        badge(Tone::Good, words.goes_on, "OPEN")
    } else {
        badge(Tone::Plain, words.ended, "ENDED")
    }
}

fn end(frame: &Frame<'_>, session: &SessionRecord, is_own: bool) -> Markup {
    let words = frame.words();
    html! {
        @if is_own {
            span.quiet { (words.this_session) }
        } @else if session.goes_on(frame.now) {
            form method="post" action=(format!("/console/sessions/{}/end", session.session_id)) {
                (frame.form_token())
                button.button.second { (words.end_session) }
            }
        }
    }
}
