//! Refunds that wait for a second person: the list, the part of a payment's page, and the decision.

use maud::{Markup, html};
use store::{ApprovalRecord, ApprovalStanding, CheckoutRecord, Decision, Page as Records};

use super::{
    Frame, MAX_ACT_REASON_CHARS, Page,
    parts::{Choice, Tone, badge, payment_link, table, time},
    place::Tab,
    sheet::{Sheet, Wrong, reason_field},
};

/// What a person says of a refund that another principal asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundStep {
    Approve,
    Reject,
}

/// What was asked for, as far as the second person needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedRefund {
    /// The one payment order; nothing for the whole checkout.
    pub order: Option<String>,
    pub reason: String,
    /// Whether the money goes to an account that the sender of the request named.
    pub names_account: bool,
}

/// A refund that waits for a second person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingRefund {
    pub approval: ApprovalRecord,
    /// Nothing where its encryption key is missing.
    pub asked: Option<AskedRefund>,
    /// Whether the person who looks may decide: has the scope, and is not the principal who asked.
    pub may_decide: bool,
}

/// The page that decides on a refund.
#[derive(Debug, Clone, Copy)]
pub struct DecideRefundForm<'a> {
    pub record: &'a CheckoutRecord,
    pub refund: &'a WaitingRefund,
    pub step: RefundStep,
    pub wrong: Option<Wrong>,
}

impl RefundStep {
    /// Every step.
    pub const ALL: [Self; 2] = [Self::Approve, Self::Reject];

    /// The end of the address.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
        }
    }

    /// Reads the end of an address.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == text)
    }
}

/// The list of what waits.
pub(super) fn waiting_address() -> String {
    format!("{}?approval={}", Tab::Approvals.path(), ApprovalStanding::Waiting.as_str())
}

fn address(approval: &ApprovalRecord, step: RefundStep) -> String {
    let asked = &approval.asked;
    format!("/console/payments/{}/refunds/{}/{}", asked.checkout_id, asked.refund_id, step.as_str())
}

impl DecideRefundForm<'_> {
    /// The page.
    pub fn page(&self, frame: &Frame<'_>) -> Page {
        let (words, approval) = (frame.words(), &self.refund.approval);
        let (title, hint, button) = match self.step {
            RefundStep::Approve => (words.approve_refund, words.approve_refund_hint, words.do_approve_refund),
            RefundStep::Reject => (words.reject_refund, words.reject_refund_hint, words.do_reject_refund),
        };
        Sheet {
            title,
            hint,
            action: &address(approval, self.step),
            back: &format!("/console/payments/{}", self.record.checkout_id),
            hidden: &[],
            facts: html! {
                dt { (words.checkout) } dd.code { (self.record.checkout_id) }
                dt { (words.order_name) } dd { (self.record.order_name) }
                dt { (words.buyer) } dd { (self.record.buyer_id) }
                (facts(frame, self.refund))
            },
            fields: reason_field(frame, "", MAX_ACT_REASON_CHARS),
            wrong: self.wrong,
            button,
        }
        .page(frame)
    }
}

fn facts(frame: &Frame<'_>, refund: &WaitingRefund) -> Markup {
    let (words, approval) = (frame.words(), &refund.approval);
    html! {
        dt { (words.refund) } dd { strong { (frame.money(approval.asked.amount)) } }
        @if let Some(asked) = &refund.asked {
            @match &asked.order {
                Some(order) => { dt { (words.order) } dd.code { (order) } }
                None => { dt { (words.refund_of) } dd { (words.whole_checkout) } }
            }
            dt { (words.reason) } dd { (asked.reason) }
            @if asked.names_account { dt { (words.refund_account) } dd { (words.named_by_sender) } }
        } @else {
            dt { (words.reason) } dd { (words.stays_closed) }
        }
        dt { (frame.keys().requested_by) }
        dd { (approval.asked.requested_by) " · " (time(approval.asked.requested_at)) }
    }
}

/// The refunds of a payment that wait, each with what the person may say.
pub(super) fn waiting(frame: &Frame<'_>, refunds: &[WaitingRefund]) -> Markup {
    let words = frame.words();
    html! {
        @for refund in refunds {
            section.card.refund-waits {
                h2 { (words.refund_waits_for) }
                dl.facts { (facts(frame, refund)) dt { "ID" } dd.code { (refund.approval.asked.refund_id) } }
                @if refund.may_decide {
                    div.acts {
                        a.button.approve-refund href=(address(&refund.approval, RefundStep::Approve)) {
                            (words.approve_refund)
                        }
                        a.button.second.reject-refund href=(address(&refund.approval, RefundStep::Reject)) {
                            (words.reject_refund)
                        }
                    }
                } @else {
                    p.quiet { (words.another_decides) }
                }
            }
        }
    }
}

/// The list of refunds that wait for a second person, or waited. `next` is the address of the rest.
pub fn refund_approvals(
    frame: &Frame<'_>,
    chosen: Option<ApprovalStanding>,
    found: &Records<ApprovalRecord>,
    next: Option<&str>,
) -> Page {
    let words = frame.words();
    let standing = Choice { name: "approval", label: words.status, any: words.any_status, chosen, is_required: false };
    Page::new(
        words.tab(Tab::Approvals),
        html! {
            section.card {
                form.search method="get" action=(Tab::Approvals.path()) role="search" {
                    (standing.show(&ApprovalStanding::ALL, ApprovalStanding::as_str, |of| words.approval(of)))
                    div.field { button.button { (words.search) } }
                }
            }
            section.card {
                @if found.items.is_empty() { (frame.nothing()) } @else { (list(frame, &found.items)) }
                (frame.pages(next))
            }
        },
    )
}

fn list(frame: &Frame<'_>, records: &[ApprovalRecord]) -> Markup {
    let (words, keys) = (frame.words(), frame.keys());
    table(
        words.tab(Tab::Approvals),
        &html! {
            thead {
                tr {
                    th { (keys.requested_at) } th { (words.checkout) } th.number { (words.amount) }
                    th { (words.status) }
                    th { (keys.requested_by) } th { (keys.decided_by) }
                }
            }
            tbody {
                @for record in records {
                    tr {
                        td { (time(record.asked.requested_at)) }
                        td { (payment_link(record.asked.checkout_id.as_str())) }
                        td.number { (frame.money(record.asked.amount)) }
                        td { (standing(frame, record.standing())) }
                        td { (record.asked.requested_by) }
                        td { @if let Some(by) = &record.decided_by { (by) } }
                    }
                }
            }
        },
    )
}

/// Where a refund stands with the second person.
pub(super) fn standing(frame: &Frame<'_>, standing: ApprovalStanding) -> Markup {
    let tone = match standing {
        ApprovalStanding::Waiting => Tone::Waiting,
        ApprovalStanding::Decided(Decision::Approved) => Tone::Good,
        ApprovalStanding::Decided(Decision::Rejected) => Tone::Plain,
    };
    badge(tone, frame.words().approval(standing), standing.as_str())
}
