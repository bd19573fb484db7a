//! What the pages say of each status.

use domain::checkout::Status;
use maud::{Markup, html};

use super::words::{Reason, Words};

/// A payment that is being confirmed.
const CONFIRMING: &str = "CONFIRMING";
/// A payment that was not taken, for a reason that is no status. The script falls back to it.
const REFUSED: &str = "REFUSED";
/// A payment that was declined, after which the checkout takes another one.
const RETRY: &str = "RETRY";

/// What the return page shows before its script has an answer.
pub(super) const fn on_return(status: Status) -> &'static str {
    if status.is_answer() { status.as_str() } else { CONFIRMING }
}

/// What is said of a status on the page where the buyer would have paid.
pub(super) fn section(status: Status, words: &Words, shown: bool) -> Markup {
    let (title, text) = match status {
        Status::NotStarted | Status::Executing | Status::Unknown | Status::Stuck => words.confirming,
        Status::WaitingForDeposit => words.waiting_for_deposit,
        Status::Success => words.paid,
        Status::Failed => words.declined,
        Status::Expired => words.expired,
        Status::Canceled => words.canceled,
        Status::PartiallyRefunded => words.partially_refunded,
        Status::Refunded => words.refunded,
    };
    shape(status.as_str(), title, text, shown)
}

/// What is said of a payment that was declined where another may follow.
pub(super) fn retry(words: &Words, shown: bool) -> Markup {
    shape(RETRY, words.retry.0, words.retry.1, shown)
}

/// Everything that the return page may come to say; its script shows one of them.
pub(super) fn sections(shown: &str, words: &Words) -> Markup {
    html! {
        (shape(CONFIRMING, words.confirming.0, words.confirming.1, shown == CONFIRMING))
        (shape("UNKNOWN", words.late.0, words.late.1, false))
        (shape(REFUSED, words.refused.0, words.refused.1, false))
        (retry(words, false))
        @for status in Status::ALL.into_iter().filter(|status| status.is_answer()) {
            (section(status, words, shown == status.as_str()))
        }
        @for (code, text) in words.failures { p data-failure=(code) hidden { (text) } }
    }
}

/// What is said where the payment window closed without a payment: nothing that the checkout itself knows better.
/// Another tab may have paid.
pub(super) fn after_window(status: Status, reason: Reason, words: &Words) -> Markup {
    match status {
        Status::NotStarted => closed_window(reason, words),
        Status::Executing
        | Status::Unknown
        | Status::WaitingForDeposit
        | Status::Success
        | Status::Failed
        | Status::Expired
        | Status::Canceled
        | Status::PartiallyRefunded
        | Status::Refunded
        | Status::Stuck => section(status, words, true),
    }
}

/// What is said where the payment window closed and nothing is paid.
pub(super) fn closed_window(reason: Reason, words: &Words) -> Markup {
    html! {
        h1 { (words.failed_title) }
        p #reason { (reason.text) }
        @if let Some(code) = reason.code { p.quiet { (words.code) " " code { (code) } } }
    }
}

/// Where the marketplace takes the buyer back, if anywhere yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WayOut {
    /// To its address for success.
    Success,
    /// To its address for failure.
    Failure,
    /// Nowhere: nobody knows yet which of them would be true.
    None,
}

impl WayOut {
    /// The way out of a page that shows a status.
    pub(super) const fn of(status: Status) -> Self {
        match status {
            Status::Success | Status::PartiallyRefunded | Status::Refunded | Status::WaitingForDeposit => Self::Success,
            // Who has not paid yet may leave.
            Status::NotStarted | Status::Failed | Status::Expired | Status::Canceled => Self::Failure,
            Status::Executing | Status::Unknown | Status::Stuck => Self::None,
        }
    }
}

fn shape(name: &str, title: &str, text: &str, shown: bool) -> Markup {
    html! {
        section data-for=(name) hidden[!shown] {
            h2 { span.mark aria-hidden="true" {} (title) }
            p { (text) }
        }
    }
}
