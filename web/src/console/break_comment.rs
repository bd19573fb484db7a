//! Where a person comments on a break: on its page, and again where the comment could not be taken.

use maud::{Markup, html};

use super::{Frame, MAX_ACT_REASON_CHARS};

/// The form on the page of the break. `action` is where it goes.
pub(super) fn comment_form(frame: &Frame<'_>, action: &str, version: u32) -> Markup {
    let words = frame.reconciling();
    html! {
        form.stack #comment-form method="post" action=(action) {
            (frame.form_token())
            input type="hidden" name="version" value=(version);
            (comment_field(frame, ""))
            p.quiet { (words.comment_hint) }
            div.acts { button.button.second #comment { (words.do_comment) } }
        }
    }
}

/// The field of the text.
pub(super) fn comment_field(frame: &Frame<'_>, value: &str) -> Markup {
    let words = frame.reconciling();
    html! {
        div.field {
            label for="reason" { (words.comment) }
            textarea #reason name="reason" rows="2" maxlength=(MAX_ACT_REASON_CHARS) required { (value) }
        }
    }
}
