//! Dead letters: the list, and one with what can be done about it.

use domain::dead_letter::{Awaits, LetterStatus};
use maud::{Markup, html};
use store::{ActionRecord, LetterRecord, Page as Records};

use super::{
    Frame, Page,
    failure_words::said,
    parts::{Choice, payment_link, table, time},
};

/// What may be done about a letter now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LetterActs {
    pub retry: bool,
    pub resolve: bool,
    pub discard: bool,
}

/// The list. `next` is the address of the rest.
pub fn letters(
    frame: &Frame<'_>,
    status: Option<LetterStatus>,
    found: &Records<LetterRecord>,
    next: Option<&str>,
) -> Page {
    let words = frame.words();
    let status =
        Choice { name: "status", label: words.status, any: words.any_status, chosen: status, is_required: false };
    Page::new(
        words.dead_letters,
        html! {
            section.card {
                form.search method="get" action="/console/dead-letters" {
                    (status.show(&LetterStatus::ALL, LetterStatus::as_str, |known| words.letter_status(known)))
                    div.field {
                        button.button { (words.search) } " "
                        a href="/console/dead-letters/bulk" { (words.bulk) }
                    }
                }
            }
            section.card {
                @if found.items.is_empty() { (frame.nothing()) } @else { (list(frame, &found.items)) }
                (frame.pages(next))
            }
        },
    )
}

fn list(frame: &Frame<'_>, letters: &[LetterRecord]) -> Markup {
    let words = frame.words();
    table(
        words.dead_letters,
        &html! {
            thead {
                tr {
                    th { (words.created) } th { (words.letter) } th { (words.status) } th { (words.step) }
                    th { (words.code_word) } th { (words.checkout) }
                }
            }
            tbody {
                @for letter in letters {
                    tr {
                        td { (time(letter.created_at)) }
                        td { a.code href=(address(letter)) { (letter.letter_id) } }
                        td { (frame.letter_status(letter.status)) }
                        td.code { (letter.step) }
                        td.code { (letter.failure.code.as_str()) }
                        td { @if let Some(id) = &letter.checkout_id { (payment_link(id.as_str())) } }
                    }
                }
            }
        },
    )
}

/// The address of a letter's page.
pub(super) fn address(letter: &LetterRecord) -> String {
    format!("/console/dead-letters/{}", letter.letter_id)
}

/// One letter. `workflow_url` is where an operator sees its workflow.
pub fn letter(
    frame: &Frame<'_>,
    letter: &LetterRecord,
    done: &[ActionRecord],
    acts: LetterActs,
    workflow_url: Option<&str>,
) -> Page {
    let words = frame.words();
    let address = address(letter);
    Page::new(
        format!("{} {}", words.letter, letter.step),
        html! {
            section.card {
                dl.facts {
                    dt { (words.status) } dd { (frame.letter_status(letter.status)) }
                    dt { (words.code_word) } dd.code { (letter.failure.code.as_str()) }
                    dt { (words.message) } dd { (said(frame, &letter.failure)) }
                    dt { (words.awaits) } dd { (awaits(frame, &letter.awaits)) }
                    (proposed(frame, letter))
                    @if let Some(id) = &letter.checkout_id {
                        dt { (words.checkout) } dd { (payment_link(id.as_str())) }
                    }
                    dt { (words.created) } dd { (time(letter.created_at)) " (" (frame.ago(letter.created_at)) ")" }
                    dt { (words.updated) } dd { (time(letter.updated_at)) }
                    dt { (words.workflow) }
                    dd {
                        span.code { (letter.workflow_id) }
                        @if let Some(url) = workflow_url {
                            " · " a href=(url) rel="noreferrer" { (words.open_in_temporal) }
                        }
                    }
                    dt { (words.input) } dd.code { (letter.input) }
                }
                div.acts {
                    @if acts.retry { a.button href=(format!("{address}/retry")) { (words.retry) } }
                    @if acts.resolve {
                        a.button.second #resolve href=(format!("{address}/resolve")) { (words.resolve) }
                    }
                    @if acts.discard { a.button.second href=(format!("{address}/discard")) { (words.discard) } }
                }
            }
            section.card { h2 { (words.done_about_it) } (actions(frame, done)) }
        },
    )
}

/// A resolution that waits for a second principal.
pub(super) fn proposed(frame: &Frame<'_>, letter: &LetterRecord) -> Markup {
    let words = frame.words();
    html! {
        @if let Some(proposal) = &letter.proposal {
            dt { (words.letter_proposal) }
            dd #proposal {
                strong { (words.outcome_of(proposal.outcome)) } " · " (proposal.by.to_string()) " · " (proposal.reason)
            }
        }
    }
}

fn awaits(frame: &Frame<'_>, awaits: &Awaits) -> Markup {
    let words = frame.words();
    html! {
        @match awaits {
            Awaits::Mending => { (words.awaits_mending) }
            Awaits::Person { outcomes } => {
                (words.awaits_person)
                @if !outcomes.is_empty() {
                    " ("
                    @for (number, outcome) in outcomes.iter().enumerate() {
                        @if number > 0 { ", " }
                        span.code { (outcome.as_str()) }
                    }
                    ")"
                }
            }
        }
    }
}

fn actions(frame: &Frame<'_>, done: &[ActionRecord]) -> Markup {
    let words = frame.words();
    if done.is_empty() {
        return frame.nothing();
    }
    table(
        words.done_about_it,
        &html! {
            thead { tr { th { (words.when) } th { (words.who) } th { (words.action) } th { (words.reason) } } }
            tbody {
                @for action in done {
                    tr {
                        td { (time(action.acted_at)) }
                        td { (action.actor) }
                        td.code {
                            (action.action)
                            @if let Some(outcome) = action.outcome { " " (outcome.as_str()) }
                        }
                        td { (action.reason) }
                    }
                }
            }
        },
    )
}
