//! Acts on runs and payouts.

use maud::html;
use store::{PayoutRecord, RunRecord};

use super::{
    Frame, MAX_ACT_REASON_CHARS, Page,
    parts::Field,
    payouts::{STAFF, payout_facts, payout_status, run_address, run_facts},
    sheet::{Sheet, Wrong, reason_field},
};

/// What is decided of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStep {
    Approve,
    Reject,
    Cancel,
    /// Take the bank file.
    File,
}

/// The page that decides on a run. An approval is bound to the digest that the page shows.
#[derive(Debug, Clone, Copy)]
pub struct RunForm<'a> {
    pub step: RunStep,
    pub run: &'a RunRecord,
    /// The number of the bank file that is taken.
    pub file: u32,
    pub wrong: Option<Wrong>,
}

/// What is done about a payout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayoutStep {
    Cancel,
    Retry,
    Returned,
    /// A sweep is in our bank account.
    Received,
    /// Our bank paid the transfer.
    Paid,
    /// Our bank did not pay the transfer.
    Failed,
}

/// The page that acts on a payout. The act is bound to the attempt that the page shows.
#[derive(Debug, Clone, Copy)]
pub struct PayoutForm<'a> {
    pub step: PayoutStep,
    pub payout: &'a PayoutRecord,
    pub wrong: Option<Wrong>,
}

impl RunStep {
    const ALL: [Self; 4] = [Self::Approve, Self::Reject, Self::Cancel, Self::File];

    /// The end of the address.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Cancel => "cancel",
            Self::File => "file",
        }
    }

    /// Reads the end of an address.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == text)
    }
}

impl PayoutStep {
    const ALL: [Self; 6] = [Self::Cancel, Self::Retry, Self::Returned, Self::Received, Self::Paid, Self::Failed];

    /// The end of the address.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Retry => "retry",
            Self::Returned => "returned",
            Self::Received => "received",
            Self::Paid => "paid",
            Self::Failed => "failed",
        }
    }

    /// Whether the person says which sum the bank shows.
    pub const fn asks_sum(self) -> bool {
        match self {
            Self::Received | Self::Paid => true,
            Self::Cancel | Self::Retry | Self::Returned | Self::Failed => false,
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
            RunStep::File => (finance.file, finance.file_hint, finance.do_file),
        };
        Sheet {
            title,
            hint,
            action: &format!("{back}/{}", self.step.as_str()),
            back: &back,
            hidden: &[("digest", self.run.digest.as_str()), ("number", &self.file.to_string())],
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
            PayoutStep::Received => (finance.received, finance.received_hint, finance.do_received),
            PayoutStep::Paid => (finance.bank_paid, finance.bank_paid_hint, finance.do_bank_paid),
            PayoutStep::Failed => (finance.bank_failed, finance.bank_failed_hint, finance.do_bank_failed),
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
            fields: html! {
                @if self.step.asks_sum() {
                    (Field { name: "amount", label: finance.bank_sum, value: "", kind: "text" }.show())
                }
                (reason_field(frame, "", MAX_ACT_REASON_CHARS))
            },
            wrong: self.wrong,
            button,
        }
        .page(frame)
    }
}
