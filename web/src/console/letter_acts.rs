//! Acts on dead letters that take more than a reason: an outcome that a person declares, and one act on many letters.

use domain::{
    dead_letter::{Awaits, DeclaredOutcome, LetterAction, LetterOutcome, LetterRefusal, LetterStatus},
    id::DeadLetterId,
};
use maud::{Markup, html};
use store::{CheckoutRecord, LetterRecord};

use super::{
    Frame, MAX_ACT_REASON_CHARS, Page, failure_words,
    letters::{address, proposed},
    parts::{Choice, Field, number, payment_link, table, time},
    sheet::{Sheet, Wrong, reason_field, said},
};

/// The page that declares the outcome of what a letter is about.
#[derive(Debug, Clone, Copy)]
pub struct ResolveForm<'a> {
    pub letter: &'a LetterRecord,
    /// The payment, where the letter is about one.
    pub record: Option<&'a CheckoutRecord>,
    pub chosen: Option<DeclaredOutcome>,
    pub reason: &'a str,
    pub wrong: Option<Wrong>,
}

/// What is done about many letters at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkAct {
    Retry,
    Discard,
}

/// The page that shows what an act on many letters would do, and confirms it.
#[derive(Debug, Clone, Copy)]
pub struct BulkPage<'a> {
    pub act: BulkAct,
    pub step: &'a str,
    pub code: &'a str,
    /// The open letters that are chosen, those first that have waited longest, and why a letter would be refused.
    pub items: &'a [(LetterRecord, Result<LetterOutcome, LetterRefusal>)],
    /// Stands for these letters and the act.
    pub token: &'a str,
    pub reason: &'a str,
    pub wrong: Option<Wrong>,
}

/// What became of each letter, or why nothing did.
pub type BulkResult = (DeadLetterId, Result<LetterStatus, String>);

/// The outcomes that the workflow of a letter takes.
pub fn outcomes(letter: &LetterRecord) -> &[DeclaredOutcome] {
    match &letter.awaits {
        Awaits::Mending => &[],
        Awaits::Person { outcomes } => outcomes,
    }
}

impl ResolveForm<'_> {
    /// The page.
    pub fn page(&self, frame: &Frame<'_>) -> Page {
        let (words, letter) = (frame.words(), self.letter);
        let back = address(letter);
        let outcome = Choice {
            name: "outcome",
            label: words.outcome,
            any: words.choose_outcome,
            chosen: self.chosen,
            is_required: true,
        };
        Sheet {
            title: words.resolve,
            hint: words.resolve_hint,
            action: &format!("{back}/resolve"),
            back: &back,
            hidden: &[],
            facts: html! {
                dt { (words.letter) } dd.code { (letter.letter_id) }
                dt { (words.step) } dd.code { (letter.step) }
                dt { (words.message) } dd { (failure_words::failure(frame, &letter.failure)) }
                @if let Some(record) = self.record {
                    dt { (words.checkout) } dd { (payment_link(record.checkout_id.as_str())) }
                    dt { (words.amount) } dd { strong { (frame.money(record.total)) } }
                    dt { (words.status) } dd { (frame.status(record.status)) }
                }
                (proposed(frame, letter))
            },
            fields: html! {
                (outcome.show(outcomes(letter), DeclaredOutcome::as_str, |outcome| words.outcome_of(outcome)))
                (reason_field(frame, self.reason, MAX_ACT_REASON_CHARS))
            },
            wrong: self.wrong,
            button: words.do_resolve,
        }
        .page(frame)
    }
}

impl BulkAct {
    const ALL: [Self; 2] = [Self::Retry, Self::Discard];

    /// The act as it is written in an address.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Discard => "discard",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.as_str() == text)
    }

    /// What is asked of each letter.
    pub const fn action(self) -> LetterAction {
        match self {
            Self::Retry => LetterAction::Retry,
            Self::Discard => LetterAction::Discard,
        }
    }
}

impl BulkPage<'_> {
    /// The page.
    pub fn page(&self, frame: &Frame<'_>) -> Page {
        let words = frame.words();
        let takes = self.items.iter().filter(|(_, would)| would.is_ok()).count();
        Page::new(
            words.bulk,
            html! {
                section.card { p { (words.bulk_hint) } (self.choice(frame)) }
                section.card {
                    @if self.items.is_empty() { (frame.nothing()) } @else { (self.preview(frame)) }
                }
                @if takes > 0 { (self.confirmation(frame, takes)) }
            },
        )
    }

    fn choice(&self, frame: &Frame<'_>) -> Markup {
        let words = frame.words();
        let act = Choice { name: "act", label: words.action, any: "", chosen: Some(self.act), is_required: true };
        html! {
            form.search method="get" action="/console/dead-letters/bulk" {
                (act.show(&BulkAct::ALL, BulkAct::as_str, |act| name(frame, act)))
                (Field { name: "step", label: words.step, value: self.step, kind: "text" }.show())
                (Field { name: "code", label: words.code_word, value: self.code, kind: "text" }.show())
                div.field { button.button.second { (words.preview) } }
            }
        }
    }

    fn preview(&self, frame: &Frame<'_>) -> Markup {
        let words = frame.words();
        table(
            words.bulk,
            &html! {
                thead {
                    tr {
                        th { (words.created) } th { (words.letter) } th { (words.step) } th { (words.code_word) }
                        th { (words.checkout) } th { (words.would) }
                    }
                }
                tbody {
                    @for (letter, would) in self.items {
                        tr {
                            td { (time(letter.created_at)) }
                            td { a.code href=(address(letter)) { (letter.letter_id) } }
                            td.code { (letter.step) }
                            td.code { (letter.failure.code.as_str()) }
                            td { @if let Some(id) = &letter.checkout_id { (payment_link(id.as_str())) } }
                            td {
                                @match would {
                                    Ok(_) => { (words.yes) }
                                    Err(refusal) => { (words.refusal_of(*refusal)) }
                                }
                            }
                        }
                    }
                }
            },
        )
    }

    fn confirmation(&self, frame: &Frame<'_>, takes: usize) -> Markup {
        let words = frame.words();
        html! {
            form.card.narrow.stack method="post" action="/console/dead-letters/bulk" {
                (frame.form_token())
                @for (name, value) in
                    [("act", self.act.as_str()), ("step", self.step), ("code", self.code), ("token", self.token)] {
                    input type="hidden" name=(name) value=(value);
                }
                dl.facts {
                    dt { (words.action) } dd { strong { (name(frame, self.act)) } }
                    dt { (words.dead_letters) } dd { strong { (number(takes as u64)) } }
                }
                @if let Some(wrong) = self.wrong { p.notice.bad role="alert" { (said(frame, wrong)) } }
                (reason_field(frame, self.reason, MAX_ACT_REASON_CHARS))
                p { strong { (words.confirm_question) } }
                div.acts {
                    button.button.heavy #confirm { (name(frame, self.act)) }
                    a.button.second href="/console/dead-letters" { (words.not_yet) }
                }
            }
        }
    }
}

/// What became of each letter.
pub fn bulk_done(frame: &Frame<'_>, act: BulkAct, results: &[BulkResult]) -> Page {
    let words = frame.words();
    let done = results.iter().filter(|(_, result)| result.is_ok()).count();
    Page::new(
        words.bulk,
        html! {
            section.card {
                p.notice.good role="status" data-outcome="letters-acted" {
                    (name(frame, act)) ": " (number(done as u64)) " / " (number(results.len() as u64))
                }
                (table(words.bulk, &html! {
                    thead { tr { th { (words.letter) } th { (words.status) } } }
                    tbody {
                        @for (id, result) in results {
                            tr {
                                td { a.code href=(format!("/console/dead-letters/{id}")) { (id) } }
                                td {
                                    @match result {
                                        Ok(status) => { (frame.letter_status(*status)) }
                                        Err(why) => { (why) }
                                    }
                                }
                            }
                        }
                    }
                }))
                div.acts { a.button href="/console/dead-letters" { (words.dead_letters) } }
            }
        },
    )
}

fn name(frame: &Frame<'_>, act: BulkAct) -> &'static str {
    let words = frame.words();
    match act {
        BulkAct::Retry => words.retry,
        BulkAct::Discard => words.discard,
    }
}
