//! What the pages say of each state.

use domain::{
    checkout::{Phase, Status},
    failure::OurCode,
};
use maud::{Markup, html};
use store::CheckoutRecord;

use super::words::{Reason, TitleAndText, Words};

/// A payment that is being confirmed.
const CONFIRMING: &str = "CONFIRMING";
/// A payment that was declined, after which the checkout takes another one.
const RETRY: &str = "RETRY";
/// A payment that a person looks at before it is made.
const REVIEW: &str = "REVIEW";

/// One thing that a page can say.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    name: &'static str,
    said: TitleAndText,
    tone: Tone,
}

/// How a state is marked, besides its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tone {
    /// It is done.
    Good,
    /// It did not work.
    Bad,
    /// The buyer, or a person, is awaited.
    Waiting,
    /// It goes on by itself.
    Turning,
    /// It is over, without anything having gone wrong.
    Plain,
}

impl State {
    /// The state of a status.
    pub(super) const fn of_status(status: Status, words: &Words) -> Self {
        let (said, tone) = match status {
            Status::NotStarted | Status::Executing => (words.confirming, Tone::Turning),
            Status::Unknown => (words.late, Tone::Turning),
            Status::Stuck => (words.stuck, Tone::Waiting),
            Status::WaitingForDeposit => (words.waiting_for_deposit, Tone::Waiting),
            Status::Success => (words.paid, Tone::Good),
            Status::Failed => (words.declined, Tone::Bad),
            Status::Expired => (words.expired, Tone::Plain),
            Status::Canceled => (words.canceled, Tone::Plain),
            Status::PartiallyRefunded => (words.partially_refunded, Tone::Good),
            Status::Refunded => (words.refunded, Tone::Good),
        };
        Self { name: status.as_str(), said, tone }
    }

    /// The state of a checkout that takes no payment now.
    pub(super) fn of(record: &CheckoutRecord, words: &Words) -> Self {
        let is_reviewed = record.failure.as_ref().is_some_and(|failure| failure.code == OurCode::RiskReview.into());
        if record.status == Status::Stuck && is_reviewed {
            return Self { name: REVIEW, said: words.review, tone: Tone::Waiting };
        }
        Self::of_status(record.status, words)
    }

    /// The state of a checkout whose payment was declined and that takes another one.
    pub(super) const fn retry(words: &Words) -> Self {
        Self { name: RETRY, said: words.retry, tone: Tone::Bad }
    }

    /// The state of a checkout that waits for a payment, at an address by which nobody can pay.
    pub(super) const fn incomplete(words: &Words) -> Self {
        Self { name: "INCOMPLETE", said: words.incomplete, tone: Tone::Plain }
    }

    /// What it is called in one line.
    pub(super) const fn title(&self) -> &'static str {
        self.said.0
    }

    /// Says it.
    pub(super) fn show(&self) -> Markup {
        self.shape(true)
    }

    fn shape(&self, shown: bool) -> Markup {
        html! {
            section.state data-for=(self.name) hidden[!shown] {
                (self.tone.mark())
                h1 { (self.said.0) }
                p { (self.said.1) }
            }
        }
    }
}

impl Tone {
    const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Waiting => "waiting",
            Self::Turning => "turning",
            Self::Plain => "plain",
        }
    }

    /// A picture for who sees it; the words say the same.
    fn mark(self) -> Markup {
        let path = match self {
            Self::Good => "M6 12.5l4 4 8-9",
            Self::Bad => "M12 6.5v7M12 17v.2",
            Self::Waiting => "M12 7v5.5l3.5 2",
            Self::Turning => "M12 3a9 9 0 0 1 9 9",
            Self::Plain => "M7 12h10",
        };
        html! {
            svg class=(format!("mark {}", self.name())) viewBox="0 0 24 24" aria-hidden="true" focusable="false" {
                circle cx="12" cy="12" r="9" {}
                path d=(path) {}
            }
        }
    }
}

/// What the return page shows before its script has an answer.
pub(super) const fn on_return(status: Status) -> &'static str {
    if status.phase().is_answer() { status.as_str() } else { CONFIRMING }
}

/// Everything that the return page may come to say; its script shows one of them.
pub(super) fn sections(shown: &str, words: &Words) -> Markup {
    let of_claims = [
        State { name: CONFIRMING, said: words.confirming, tone: Tone::Turning },
        State { name: "UNREACHABLE", said: words.unreachable, tone: Tone::Turning },
        State { name: "REFUSED", said: words.refused, tone: Tone::Bad },
        State { name: "ALREADY_PAID", said: words.already_paid, tone: Tone::Good },
        State { name: "OTHER_WINDOW", said: words.other_window, tone: Tone::Waiting },
    ];
    let answers = Status::ALL.into_iter().filter(|status| status.phase().is_answer());
    html! {
        @for state in of_claims.into_iter().chain(answers.map(|status| State::of_status(status, words))) {
            (state.shape(shown == state.name))
        }
        @for (code, text) in words.failures { p data-failure=(code) hidden { (text) } }
    }
}

/// The phase of every status, for the script of the page: `SUCCESS=paid …`.
pub(super) fn phases() -> String {
    let phase_of = |status: Status| format!("{status}={}", status.phase().as_str());
    Status::ALL.map(phase_of).join(" ")
}

/// What is said where the payment window closed and nothing is paid.
pub(super) fn closed_window(reason: Reason, words: &Words) -> Markup {
    html! {
        section.state {
            (Tone::Plain.mark())
            h1 { (words.failed_title) }
            p #reason { (reason.text) }
            p { (words.nothing_taken) }
            @if let Some(code) = reason.code { p.quiet { (words.code) " " code { (code) } } }
        }
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
        match status.phase() {
            Phase::Paid | Phase::Deposit => Self::Success,
            // A buyer who has not paid yet may leave.
            Phase::Open | Phase::Declined | Phase::Closed => Self::Failure,
            Phase::Moving | Phase::Held => Self::None,
        }
    }
}

/// How closely a page follows its checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Watch {
    /// Until it has moved on: somebody is finding out.
    Always,
    /// When the buyer looks at the page again: another tab may have moved it on.
    OnReturn,
    /// Not at all.
    Never,
}

impl Watch {
    /// How closely the page of a status is kept.
    pub(super) const fn of(status: Status) -> Self {
        match status.phase() {
            Phase::Moving | Phase::Held | Phase::Deposit => Self::Always,
            Phase::Open | Phase::Declined => Self::OnReturn,
            Phase::Paid | Phase::Closed => Self::Never,
        }
    }

    /// What the script is told.
    pub(super) const fn told(self) -> Option<&'static str> {
        match self {
            Self::Always => Some("always"),
            Self::OnReturn => Some("on-return"),
            Self::Never => None,
        }
    }
}
