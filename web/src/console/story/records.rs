//! What a story is made of.

use domain::Timestamp;
use store::{
    ActionRecord, ApprovalRecord, AuditEntry, CashReceipts, CheckoutRecord, DeclineRecord, EntryRecord, EventRecord,
    LetterRecord, NoteRecord, RefundRecord, RiskRecord, StatusChange, Webhook, webhook_endpoint::DeliveryRecord,
};

use crate::console::refund_approvals::WaitingRefund;

/// What may be done about a payment now, by the person who looks at it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Acts {
    pub ask: bool,
    pub refund: bool,
    pub cancel: bool,
    pub note: bool,
}

/// What the workflow waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// When Toss is asked next, where a worker has said so.
    pub next_question_at: Option<Timestamp>,
}

/// What a story is made of. What the person may not see is left empty.
#[derive(Debug)]
pub struct Story<'a> {
    pub record: &'a CheckoutRecord,
    pub history: &'a [StatusChange],
    pub declines: &'a [DeclineRecord],
    pub webhooks: &'a [(Webhook, Timestamp)],
    pub risk: &'a [RiskRecord],
    pub refunds: &'a [RefundRecord],
    pub approvals: &'a [ApprovalRecord],
    /// Those of the approvals that nobody has decided on.
    pub waiting_refunds: &'a [WaitingRefund],
    pub entries: &'a [EntryRecord],
    pub events: &'a [EventRecord],
    pub deliveries: &'a [DeliveryRecord],
    pub letters: &'a [LetterRecord],
    pub letter_actions: &'a [(LetterRecord, ActionRecord)],
    pub audit: &'a [AuditEntry],
    pub notes: &'a [NoteRecord],
    pub cash_receipts: &'a CashReceipts,
    pub standing: Standing,
    /// Where an operator sees the workflow.
    pub workflow_url: Option<&'a str>,
    pub acts: Acts,
    /// Whether there is more than is shown.
    pub is_cut: bool,
}
