//! The event log.

use domain::event::ObjectType;
use maud::{Markup, html};
use store::{EventLogState, EventRecord};

use super::{
    Frame, Page,
    parts::{number, payment_link, table, time},
};

/// Events, the newest first. `older` and `newer` are the addresses of what lies beside them.
pub fn events(
    frame: &Frame<'_>,
    log: &EventLogState,
    found: &[EventRecord],
    older: Option<&str>,
    newer: Option<&str>,
) -> Page {
    let words = frame.words();
    Page::new(
        words.events,
        html! {
            section.card {
                dl.facts {
                    dt { (words.last_position) } dd { (number(log.last_position)) }
                    dt { (words.kept_from) } dd { (number(log.floor)) }
                }
            }
            section.card {
                @if found.is_empty() { (frame.nothing()) } @else { (list(frame, found)) }
                nav.pages aria-label=(words.events) {
                    @if let Some(newer) = newer { a.button.second href=(newer) { (words.newer) } }
                    @if let Some(older) = older { a.button.second href=(older) { (words.older) } }
                }
            }
        },
    )
}

fn list(frame: &Frame<'_>, found: &[EventRecord]) -> Markup {
    let words = frame.words();
    table(
        words.events,
        &html! {
            thead {
                tr {
                    th.number { (words.position) } th { (words.occurred) } th { (words.type_word) }
                    th { (words.object) }
                }
            }
            tbody {
                @for event in found {
                    tr {
                        td.number { (number(event.position)) }
                        td { (time(event.occurred_at)) }
                        td.code { (event.event_type.as_str()) }
                        td {
                            @if event.event_type.object() == ObjectType::Checkout {
                                (payment_link(&event.object_id))
                            } @else {
                                span.code { (event.object_id) }
                            }
                        }
                    }
                }
            }
        },
    )
}
