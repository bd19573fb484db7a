//! A page that asks for an act of finance, shows what the act is about, and confirms it.

use maud::{Markup, html};

use super::{Frame, Page};

/// What of a form cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    Reason,
    Note,
    /// The day of a run cannot be read.
    RunDay,
    /// The sellers of a run cannot be read.
    Sellers,
    Amount,
    /// The sum is not that of the payout.
    Sum,
    Person,
    Day,
    Template,
    /// There are more entries than one export has.
    TooMany,
    /// The thing has changed since the person saw it.
    Moved,
    Outcome,
    /// Other letters are chosen now than the person saw.
    OtherLetters,
    KeyName,
    KeyScopes,
    /// No lifetime, or no overlap, is chosen.
    KeyTime,
}

/// The page of one act.
pub(super) struct Sheet<'a> {
    pub(super) title: &'a str,
    pub(super) hint: &'a str,
    /// Where the form goes.
    pub(super) action: &'a str,
    /// Where the person comes from.
    pub(super) back: &'a str,
    /// What the act is bound to: its key, a digest, a version.
    pub(super) hidden: &'a [(&'a str, &'a str)],
    /// What the act is about.
    pub(super) facts: Markup,
    /// What the person says.
    pub(super) fields: Markup,
    pub(super) wrong: Option<Wrong>,
    pub(super) button: &'a str,
}

impl Sheet<'_> {
    pub(super) fn page(self, frame: &Frame<'_>) -> Page {
        let words = frame.words();
        Page::new(
            self.title,
            html! {
                form.card.narrow.stack method="post" action=(self.action) {
                    (frame.form_token())
                    @for (name, value) in self.hidden { input type="hidden" name=(name) value=(value); }
                    p { (self.hint) }
                    dl.facts { (self.facts) }
                    @if let Some(wrong) = self.wrong { p.notice.bad role="alert" { (said(frame, wrong)) } }
                    (self.fields)
                    p { strong { (words.confirm_question) } }
                    div.acts {
                        button.button.heavy #confirm { (self.button) }
                        a.button.second href=(self.back) { (words.not_yet) }
                    }
                }
            },
        )
    }
}

pub(super) fn said(frame: &Frame<'_>, wrong: Wrong) -> &'static str {
    let (words, finance) = (frame.words(), frame.finance());
    match wrong {
        Wrong::Reason => words.fill_reason,
        Wrong::Note => words.fill_note,
        Wrong::RunDay => finance.wrong_run_day,
        Wrong::Sellers => finance.wrong_sellers,
        Wrong::Amount => words.wrong_refund_amount,
        Wrong::Sum => finance.wrong_sum,
        Wrong::Person => finance.wrong_person,
        Wrong::Day => finance.wrong_day,
        Wrong::Template => finance.wrong_template,
        Wrong::TooMany => words.too_many_entries,
        Wrong::Moved => frame.reconciling().moved,
        Wrong::Outcome => words.choose_outcome,
        Wrong::OtherLetters => words.other_letters,
        Wrong::KeyName => frame.keys().wrong_name,
        Wrong::KeyScopes => frame.keys().wrong_scopes,
        Wrong::KeyTime => frame.keys().wrong_time,
    }
}

/// The field of a reason that stays in the record.
pub(super) fn reason_field(frame: &Frame<'_>, value: &str, limit: usize) -> Markup {
    html! {
        div.field {
            label for="reason" { (frame.words().reason_for_log) }
            textarea #reason name="reason" rows="2" maxlength=(limit) required { (value) }
        }
    }
}
