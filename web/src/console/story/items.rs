//! The items of a time line, each made of one record.

use domain::Timestamp;
use maud::{Markup, html};
use store::{ApprovalStanding, AuditEntry, EntryRecord, LetterRecord, NoteRecord, RefundRecord, RiskRecord, Webhook};

use super::records::Story;
use crate::console::{
    audit::actor,
    endpoints, failure_words,
    frame::Frame,
    letters,
    parts::{key_end, number},
    refund_approvals::standing,
    wallets::{account_link, entry_link},
    words::Words,
};

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Status,
    Attempt,
    Webhook,
    Risk,
    Refund,
    Ledger,
    Event,
    Delivery,
    Letter,
    Act,
    Audit,
    Note,
}

/// One thing that happened.
pub(super) struct Item {
    pub(super) at: Timestamp,
    pub(super) kind: Kind,
    pub(super) text: Markup,
}

impl Kind {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Attempt => "attempt",
            Self::Webhook => "webhook",
            Self::Risk => "risk",
            Self::Refund => "refund",
            Self::Ledger => "ledger",
            Self::Event => "event",
            Self::Delivery => "delivery",
            Self::Letter => "letter",
            Self::Act => "act",
            Self::Audit => "audit",
            Self::Note => "note",
        }
    }

    pub(super) const fn word(self, words: &Words) -> &'static str {
        match self {
            Self::Status => words.kind_status,
            Self::Attempt => words.kind_attempt,
            Self::Webhook => words.kind_webhook,
            Self::Risk => words.kind_risk,
            Self::Refund => words.kind_refund,
            Self::Ledger => words.kind_ledger,
            Self::Event => words.kind_event,
            Self::Delivery => words.kind_delivery,
            Self::Letter => words.kind_letter,
            Self::Act => words.kind_act,
            Self::Audit => words.kind_audit,
            Self::Note => words.kind_note,
        }
    }
}

/// Every item, in the order in which one thing leads to the other.
pub(super) fn of(frame: &Frame<'_>, view: &Story<'_>) -> Vec<Item> {
    let mut items = Vec::new();
    items.extend(view.audit.iter().map(|line| audited(frame, line)));
    items.extend(view.risk.iter().map(|risk| assessed(frame, risk)));
    items.extend(view.webhooks.iter().map(|(webhook, at)| received(webhook, *at)));
    items.extend(statuses(frame, view));
    items.extend(attempts(frame, view));
    items.extend(view.letters.iter().map(|letter| opened(frame, letter)));
    items.extend(acts(view));
    items.extend(view.refunds.iter().flat_map(|refund| refunds(frame, refund)));
    items.extend(waiting(frame, view));
    items.extend(view.entries.iter().map(|entry| booked(frame, entry)));
    items.extend(events(view));
    items.extend(deliveries(view));
    items.extend(view.notes.iter().map(noted));
    items
}

/// What a person wrote.
fn noted(record: &NoteRecord) -> Item {
    let text = html! { p { (record.note) } p.quiet { (record.written_by) } };
    Item { at: record.written_at, kind: Kind::Note, text }
}

fn statuses(frame: &Frame<'_>, view: &Story<'_>) -> Vec<Item> {
    let item = |change: &store::StatusChange| Item {
        at: change.occurred_at,
        kind: Kind::Status,
        text: html! {
            (frame.status(change.status))
            @if let Some(failure) = &change.failure {
                " " (failure_words::failure(frame, failure))
            }
        },
    };
    view.history.iter().map(item).collect()
}

/// A decline has the time of the change that wrote it.
fn attempts(frame: &Frame<'_>, view: &Story<'_>) -> Vec<Item> {
    let words = frame.words();
    let item = |decline: &store::DeclineRecord| {
        let change = view.history.iter().find(|change| change.revision == decline.revision)?;
        let text = html! {
            p { (words.declined) " · " (words.payment_key) " " span.code { (key_end(decline.payment_key.as_str())) } }
            @if let Some(failure) = &decline.failure {
                p { (failure_words::failure(frame, failure)) }
            }
        };
        Some(Item { at: change.occurred_at, kind: Kind::Attempt, text })
    };
    let mut items: Vec<Item> = view.declines.iter().filter_map(item).collect();
    if let Some(psp) = &view.record.psp
        && let Some(at) = psp.approved_at
    {
        let text = html! {
            (words.approved) " · " (words.payment_key) " " span.code { (key_end(psp.payment_key.as_str())) }
            @if let Some(method) = &psp.method { " · " (method) }
        };
        items.push(Item { at, kind: Kind::Attempt, text });
    }
    items
}

fn received(webhook: &Webhook, at: Timestamp) -> Item {
    let text = html! {
        span.code { (webhook.event.as_deref().unwrap_or("–")) }
        @if let Some(retries) = webhook.retries { " " span.quiet { "×" (retries + 1) } }
    };
    Item { at, kind: Kind::Webhook, text }
}

fn assessed(frame: &Frame<'_>, risk: &RiskRecord) -> Item {
    let text = html! {
        span.code { (risk.assessment.verdict.as_str()) }
        " · " (frame.words().attempt) " " (risk.attempt) " · "
        (risk.by.as_deref().unwrap_or(frame.words().by_rules))
        @for reason in &risk.assessment.reasons { p.quiet { (reason) } }
    };
    Item { at: risk.decided_at, kind: Kind::Risk, text }
}

fn refunds(frame: &Frame<'_>, refund: &RefundRecord) -> Vec<Item> {
    let words = frame.words();
    let amount = refund.amount.map_or_else(|| words.all_that_is_left.to_owned(), |amount| frame.money(amount));
    let asked = html! {
        p { (words.requested) " · " strong { (amount) } " · " (refund.reason) }
        p.quiet.code { (refund.refund_id) }
        @if refund.executed_at.is_none() {
            p {
                (frame.refund_status(refund.status))
                @if let Some(failure) = &refund.failure {
                    " " (failure_words::failure(frame, failure))
                }
            }
        }
    };
    let mut items = vec![Item { at: refund.requested_at, kind: Kind::Refund, text: asked }];
    if let Some(at) = refund.executed_at {
        let text = html! { (frame.refund_status(refund.status)) " " strong { (amount) } };
        items.push(Item { at, kind: Kind::Refund, text });
    }
    items
}

/// Refunds that wait, or waited, for a second principal.
fn waiting(frame: &Frame<'_>, view: &Story<'_>) -> Vec<Item> {
    let words = frame.words();
    let mut items = Vec::new();
    for approval in view.approvals {
        let asked = &approval.asked;
        let text = html! {
            strong { (frame.money(asked.amount)) } " " (words.waits_approval) " · " (asked.requested_by)
        };
        items.push(Item { at: asked.requested_at, kind: Kind::Refund, text });
        if let (Some(decision), Some(by), Some(at)) = (approval.decision, &approval.decided_by, approval.decided_at) {
            let text = html! { (standing(frame, ApprovalStanding::Decided(decision))) " · " (by) };
            items.push(Item { at, kind: Kind::Refund, text });
        }
    }
    items
}

fn booked(frame: &Frame<'_>, record: &EntryRecord) -> Item {
    let fields = record.booked.entry.fields();
    let text = html! {
        p { (entry_link(&fields.key, fields.reason.as_str())) " " span.quiet { "#" (number(record.booked.sequence)) } }
        @for posting in &fields.postings {
            @let posting = posting.fields();
            p {
                (account_link(&posting.debit.to_string())) " ← " (account_link(&posting.credit.to_string())) " "
                strong { (frame.money(posting.amount)) }
            }
        }
    };
    Item { at: fields.occurred_at, kind: Kind::Ledger, text }
}

fn opened(frame: &Frame<'_>, letter: &LetterRecord) -> Item {
    let text = html! {
        p {
            a href=(letters::address(letter)) { (letter.step) } " " (frame.words().opened) " · "
            (frame.letter_status(letter.status))
        }
        p { (failure_words::failure(frame, &letter.failure)) }
    };
    Item { at: letter.created_at, kind: Kind::Letter, text }
}

fn acts(view: &Story<'_>) -> Vec<Item> {
    let item = |(letter, action): &(LetterRecord, store::ActionRecord)| Item {
        at: action.acted_at,
        kind: Kind::Act,
        text: html! {
            span.code { (action.action) @if let Some(outcome) = action.outcome { " " (outcome.as_str()) } }
            " · " (action.actor) " · " (action.reason) " "
            a.quiet href=(letters::address(letter)) { (letter.step) }
        },
    };
    view.letter_actions.iter().map(item).collect()
}

fn events(view: &Story<'_>) -> Vec<Item> {
    let item = |event: &store::EventRecord| Item {
        at: event.recorded_at,
        kind: Kind::Event,
        text: html! { span.code { (event.event_type.as_str()) } " " span.quiet { "#" (number(event.position)) } },
    };
    view.events.iter().map(item).collect()
}

fn deliveries(view: &Story<'_>) -> Vec<Item> {
    let item = |delivery: &store::webhook_endpoint::DeliveryRecord| Item {
        at: delivery.attempt.attempted_at,
        kind: Kind::Delivery,
        text: html! {
            span.code { (delivery.attempt.event_type) } " → "
            a.code href=(format!("/console/webhook-endpoints/{}", delivery.endpoint_id)) { (delivery.endpoint_id) } " "
            (endpoints::delivered(delivery.attempt.status))
            @if let Some(status) = delivery.attempt.http_status { " " (status) }
        },
    };
    view.deliveries.iter().map(item).collect()
}

fn audited(frame: &Frame<'_>, line: &AuditEntry) -> Item {
    let text = html! {
        span.code { (line.action) } " · " (actor(frame, line)) " · "
        span.code { (line.result) }
    };
    Item { at: line.occurred_at, kind: Kind::Audit, text }
}
