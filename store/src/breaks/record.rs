//! A break as it is read from its row.

use std::borrow::Cow;

use domain::{
    Currency, Timestamp,
    calendar::Day,
    id::{BreakId, CheckoutId},
    reconciliation::{Actor, BreakClass, BreakState, BreakStatus, BreakType, Layer, Owner, Proposal, Template},
    settlement::Flow,
};
use serde_json::Value;

use crate::{
    StoreError,
    convert::{corrupt, from_column_currency, from_column_revision, from_column_time},
    entities::{break_history, breaks},
};

/// How many characters the hash of a line of a bank statement has: SHA-256 in hex.
const HASH_CHARS: usize = 64;

/// A break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakRecord {
    pub break_id: BreakId,
    pub layer: Layer,
    pub break_type: BreakType,
    pub class: BreakClass,
    /// What it is about, such as an order or a transaction key.
    pub subject: String,
    pub status: BreakStatus,
    /// The day on which the fact was expected.
    pub day: Day,
    pub currency: Currency,
    pub ours: Option<Flow>,
    pub theirs: Option<Flow>,
    /// What is in suspense for it now: towards us is a credit.
    pub suspense: Flow,
    pub checkout_id: Option<CheckoutId>,
    /// The workflow that may look at the PSP again.
    pub workflow_id: Option<String>,
    pub evidence_ours: String,
    pub evidence_theirs: String,
    pub assignee: Option<String>,
    pub wait_until: Option<Day>,
    pub proposal: Option<Proposal>,
    pub reason_code: Option<String>,
    pub resolved_by: Option<String>,
    pub resolved_template: Option<Template>,
    pub opened_at: Timestamp,
    pub last_seen_at: Timestamp,
    pub last_seen_run: String,
    pub resolved_at: Option<Timestamp>,
    /// The number of its last change.
    pub version: u32,
    /// The step that it was escalated to; 0 before the first.
    pub escalation: u32,
    pub escalated_at: Option<Timestamp>,
}

/// Something that happened to a break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakEvent {
    /// From 1.
    pub number: u32,
    pub act: String,
    pub actor: String,
    pub reason: String,
    pub reason_code: Option<String>,
    pub detail: Option<String>,
    pub acted_at: Timestamp,
}

impl BreakRecord {
    /// What the break is about, as a person knows it: of a line of a bank statement its day and its text, where the key
    /// is a hash.
    pub fn told_subject(&self) -> Cow<'_, str> {
        let is_hash = self.subject.len() == HASH_CHARS && self.subject.bytes().all(|byte| byte.is_ascii_hexdigit());
        if self.layer != Layer::Bank || !is_hash {
            return Cow::Borrowed(&self.subject);
        }
        let line: Value = serde_json::from_str(&self.evidence_theirs).unwrap_or_default();
        match (line["day"].as_str(), line["label"].as_str()) {
            (Some(day), Some(label)) => Cow::Owned(format!("{day} {label}")),
            _ => Cow::Borrowed(&self.subject),
        }
    }

    /// The first to look at it now.
    pub const fn owner(&self) -> Owner {
        let owner = self.break_type.owner();
        if self.escalation > 0 { owner.escalated() } else { owner }
    }

    /// What an act needs to know of it, but for what rules did about it.
    pub fn state(&self) -> BreakState {
        let signed = |flow: Option<Flow>| flow.map_or(0, Flow::signed);
        let apart = signed(self.theirs).abs_diff(signed(self.ours));
        BreakState {
            break_type: self.break_type,
            status: self.status,
            assignee: self.assignee.clone(),
            gap: domain::Money::try_from_minor(apart, self.currency).unwrap_or(self.suspense.amount()),
            suspense: Some(self.suspense),
            proposal: self.proposal.clone(),
            is_repaired: false,
        }
    }
}

pub(super) fn record(row: breaks::Model) -> Result<BreakRecord, StoreError> {
    let currency = from_column_currency(&row.currency)?;
    let flow = |minor: i64| Flow::of_signed(minor, currency).map_err(|error| corrupt("an amount", error));
    let day = |text: &str| text.parse::<Day>().map_err(|_| corrupt("a day", text));
    let template = |text: &str| Template::parse(text).ok_or_else(|| corrupt("a template", text));
    let proposal = match (&row.proposed_by, &row.proposed_template) {
        (Some(by), Some(proposed)) => Some(Proposal {
            by: Actor::parse(by).map_err(|_| corrupt("an author", by))?,
            template: template(proposed)?,
        }),
        _ => None,
    };
    Ok(BreakRecord {
        break_id: BreakId::parse(row.break_id).map_err(|error| corrupt("an id", error))?,
        layer: Layer::parse(&row.layer).ok_or_else(|| corrupt("a layer", &row.layer))?,
        break_type: BreakType::parse(&row.break_type).ok_or_else(|| corrupt("a type", &row.break_type))?,
        class: BreakClass::parse(&row.class).ok_or_else(|| corrupt("a class", &row.class))?,
        subject: row.subject,
        status: BreakStatus::parse(&row.status).ok_or_else(|| corrupt("a status", &row.status))?,
        day: day(&row.day)?,
        currency,
        ours: row.ours.map(flow).transpose()?,
        theirs: row.theirs.map(flow).transpose()?,
        suspense: flow(row.suspense)?,
        checkout_id: row.checkout_id.map(CheckoutId::parse).transpose().map_err(|error| corrupt("an id", error))?,
        workflow_id: row.workflow_id,
        evidence_ours: row.evidence_ours,
        evidence_theirs: row.evidence_theirs,
        assignee: row.assignee,
        wait_until: row.wait_until.as_deref().map(day).transpose()?,
        proposal,
        reason_code: row.reason_code,
        resolved_by: row.resolved_by,
        resolved_template: row.resolved_template.as_deref().map(template).transpose()?,
        opened_at: from_column_time(row.opened_at),
        last_seen_at: from_column_time(row.last_seen_at),
        last_seen_run: row.last_seen_run,
        resolved_at: row.resolved_at.map(from_column_time),
        version: from_column_revision(row.version)?,
        escalation: from_column_revision(row.escalation)?,
        escalated_at: row.escalated_at.map(from_column_time),
    })
}

pub(super) fn event(row: break_history::Model) -> Result<BreakEvent, StoreError> {
    Ok(BreakEvent {
        number: from_column_revision(row.number)?,
        act: row.act,
        actor: row.actor,
        reason: row.reason,
        reason_code: row.reason_code,
        detail: row.detail,
        acted_at: from_column_time(row.acted_at),
    })
}
