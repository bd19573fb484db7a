//! Acts on a break: comment, assign, wait, resolve, undo.

use domain::reconciliation::Template;
use maud::{Markup, html};
use store::BreakRecord;

use super::{
    Frame, MAX_ACT_REASON_CHARS, Page,
    break_comment::comment_field,
    breaks::{address, kind, status, sums},
    parts::{Choice, Field},
    sheet::{Sheet, Wrong, reason_field},
};

/// What is done about a break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakStep {
    Comment,
    Assign,
    Wait,
    Resolve,
    Undo,
}

/// What was typed, word for word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TypedAct<'a> {
    pub to: &'a str,
    pub until: &'a str,
    pub template: Option<Template>,
    pub reason: &'a str,
}

/// The page that acts on a break. The act is bound to the version of the break that the page shows.
#[derive(Debug, Clone, Copy)]
pub struct BreakForm<'a> {
    pub step: BreakStep,
    pub record: &'a BreakRecord,
    pub asked: TypedAct<'a>,
    pub wrong: Option<Wrong>,
}

impl BreakStep {
    const ALL: [Self; 5] = [Self::Comment, Self::Assign, Self::Wait, Self::Resolve, Self::Undo];

    /// The end of the address.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Comment => "comment",
            Self::Assign => "assign",
            Self::Wait => "wait",
            Self::Resolve => "resolve",
            Self::Undo => "undo",
        }
    }

    /// Reads the end of an address.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == text)
    }
}

impl BreakForm<'_> {
    /// The page.
    pub fn page(&self, frame: &Frame<'_>) -> Page {
        let (words, record) = (frame.reconciling(), self.record);
        let back = address(record);
        let (title, hint, button) = match self.step {
            BreakStep::Comment => (words.comment, words.comment_hint, words.do_comment),
            BreakStep::Assign => (words.assign, words.assign_hint, words.do_assign),
            BreakStep::Wait => (words.wait, words.wait_hint, words.do_wait),
            BreakStep::Resolve => (words.resolve, words.resolve_hint, words.do_resolve),
            BreakStep::Undo => (words.undo, words.undo_hint, words.do_undo),
        };
        Sheet {
            title,
            hint,
            action: &format!("{back}/{}", self.step.as_str()),
            back: &back,
            hidden: &[("version", record.version.to_string().as_str())],
            facts: html! {
                dt { (words.a_break) } dd { (kind(frame, record)) }
                dt { (frame.words().status) } dd { (status(frame, record.status)) }
                (sums(frame, record))
                @if let Some(proposal) = &record.proposal {
                    dt { (words.proposal) } dd { (words.template_of(proposal.template)) " · " (proposal.by) }
                }
            },
            fields: self.fields(frame),
            wrong: self.wrong,
            button,
        }
        .page(frame)
    }

    fn fields(&self, frame: &Frame<'_>) -> Markup {
        let words = frame.reconciling();
        let proposed = self.record.proposal.as_ref().map(|proposal| proposal.template);
        let chosen = self.asked.template.or(proposed);
        let template = Choice { name: "template", label: words.template, any: words.choose, chosen, is_required: true };
        html! {
            @match self.step {
                BreakStep::Comment => { (comment_field(frame, self.asked.reason)) }
                BreakStep::Assign => {
                    (Field { name: "to", label: words.person, value: self.asked.to, kind: "text" }.show())
                }
                BreakStep::Wait => {
                    (Field { name: "until", label: words.until, value: self.asked.until, kind: "date" }.show())
                }
                BreakStep::Resolve => {
                    (template.show(&Template::ALL, Template::as_str, |template| words.template_of(template)))
                }
                BreakStep::Undo => {}
            }
            @if self.step != BreakStep::Comment { (reason_field(frame, self.asked.reason, MAX_ACT_REASON_CHARS)) }
        }
    }
}
