//! Acts on runs and payouts.

use maud::html;
use store::{PayoutRecord, RunRecord};

use super::{
    Frame, MAX_ACT_REASON_CHARS, Page,
    payouts::{STAFF, payout_facts, payout_status, run_address, run_facts},
    sheet::{Sheet, Wrong, reason_field},
};

/// What is decided of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStep {
    Approve,
    Reject,
    Cancel,
}

/// The page that decides on a run. An approval is bound to the digest that the page shows.
#[derive(Debug, Clone, Copy)]
pub struct RunForm<'a> {
    pub step: RunStep,
    pub run: &'a RunRecord,
    pub wrong: Option<Wrong>,
}

/// What is done about a payout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayoutStep {
    Cancel,
    Retry,
    Returned,
}

/// The page that acts on a payout. The act is bound to the attempt that the page shows.
#[derive(Debug, Clone, Copy)]
pub struct PayoutForm<'a> {
    pub step: PayoutStep,
    pub payout: &'a PayoutRecord,
    pub wrong: Option<Wrong>,
}

impl RunStep {
    const ALL: [Self; 3] = [Self::Approve, Self::Reject, Self::Cancel];

    /// The end of the address.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Cancel => "cancel",
        }
    }

    /// Reads the end of an address.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == text)
    }
}

impl PayoutStep {
    const ALL: [Self; 3] = [Self::Cancel, Self::Retry, Self::Returned];

    /// The end of the address.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Retry => "retry",
            Self::Returned => "returned",
        }
    }

    /// Reads the end of an address.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == text)
    }
}

impl RunForm<'_> {
    /// The page.
    pub fn page(&self, frame: &Frame<'_>) -> Page {
        let (finance, back) = (frame.finance(), run_address(self.run));
        let (title, hint, button) = match self.step {
            RunStep::Approve => (finance.approve, finance.approve_hint, finance.do_approve),
            RunStep::Reject => (finance.reject, finance.reject_hint, finance.do_reject),
            RunStep::Cancel => (finance.take_back, finance.take_back_hint, finance.do_take_back),
        };
        Sheet {
            title,
            hint,
            action: &format!("{back}/{}", self.step.as_str()),
            back: &back,
            hidden: &[("digest", self.run.digest.as_str())],
            facts: run_facts(frame, self.run),
            fields: reason_field(frame, "", MAX_ACT_REASON_CHARS),
            wrong: self.wrong,
            button,
        }
        .page(frame)
    }
}

impl PayoutForm<'_> {
    /// The page.
    pub fn page(&self, frame: &Frame<'_>) -> Page {
        let (words, finance) = (frame.words(), frame.finance());
        let back = format!("/console/payouts/{}", self.payout.payout_id);
        let (title, hint, button) = match self.step {
            PayoutStep::Cancel => (finance.cancel_payout, finance.cancel_payout_hint, finance.do_cancel_payout),
            PayoutStep::Retry => (finance.retry_payout, finance.retry_payout_hint, finance.do_retry_payout),
            PayoutStep::Returned => (finance.returned, finance.returned_hint, finance.do_returned),
        };
        Sheet {
            title,
            hint,
            action: &format!("{back}/act/{}", self.step.as_str()),
            back: &back,
            hidden: &[("attempt", self.payout.attempt.to_string().as_str())],
            facts: html! {
                dt { (words.status) } dd { (payout_status(frame, self.payout.status)) }
                (payout_facts(frame, self.payout, STAFF))
            },
            fields: reason_field(frame, "", MAX_ACT_REASON_CHARS),
            wrong: self.wrong,
            button,
        }
        .page(frame)
    }
}
