//! Where a person writes a note on a payment.

use maud::html;
use store::{CheckoutRecord, MAX_NOTE_CHARS};

use super::{
    Frame, Page,
    sheet::{Sheet, Wrong},
};

/// The page of a note, with what was typed.
#[derive(Debug, Clone, Copy)]
pub struct NoteForm<'a> {
    pub record: &'a CheckoutRecord,
    pub note: &'a str,
    /// Names the note: however often the form is sent, it is one.
    pub key: &'a str,
    pub wrong: Option<Wrong>,
}

impl NoteForm<'_> {
    /// The page.
    pub fn page(&self, frame: &Frame<'_>) -> Page {
        let (words, record) = (frame.words(), self.record);
        let back = format!("/console/payments/{}", record.checkout_id);
        Sheet {
            title: words.note,
            hint: words.note_hint,
            action: &format!("{back}/note"),
            back: &back,
            hidden: &[("key", self.key)],
            facts: html! {
                dt { (words.checkout) } dd.code { (record.checkout_id) }
                dt { (words.order_name) } dd { (record.order_name) }
                dt { (words.status) } dd { (frame.status(record.status)) }
            },
            fields: html! {
                div.field {
                    label for="note" { (words.note) }
                    textarea #note name="note" rows="3" maxlength=(MAX_NOTE_CHARS) required { (self.note) }
                }
            },
            wrong: self.wrong,
            button: words.do_note,
        }
        .page(frame)
    }
}
