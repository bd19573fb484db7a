//! What a run sees: new breaks are opened, known ones are seen again.

use std::collections::{BTreeMap, HashMap};

use domain::{
    Timestamp,
    calendar::Day,
    event::EventType,
    reconciliation::{Actor, BreakClass, BreakStatus, Finding},
    settlement::Flow,
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use sha2::{Digest, Sha256};

use crate::{
    StoreError,
    convert::to_column_time,
    entities::{break_history, breaks},
    event::append_break,
    transaction::Transaction,
};

/// How many breaks are read or written by one statement: each has about 30 columns, and SQLite takes 32,766 values.
const BATCH: usize = 500;
/// The author of what a run does by itself, with the version of its rules.
pub(super) const RUN: &str = "rule:reconciliation/1";

/// Which run sees, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sighting<'a> {
    pub(crate) run_id: &'a str,
    pub(crate) at: Timestamp,
    /// The day on which the run judges deadlines.
    pub(crate) today: Day,
}

/// Something that happened to a break, not written yet.
pub(super) struct Happened<'a> {
    pub(super) break_id: &'a str,
    pub(super) number: i32,
    pub(super) act: &'a str,
    pub(super) actor: &'a str,
    pub(super) reason: &'a str,
    pub(super) reason_code: Option<&'a str>,
    pub(super) detail: Option<String>,
    pub(super) at: Timestamp,
}

impl Happened<'_> {
    pub(super) fn to_row(&self) -> break_history::ActiveModel {
        break_history::ActiveModel {
            break_id: Set(self.break_id.to_owned()),
            number: Set(self.number),
            act: Set(self.act.to_owned()),
            actor: Set(self.actor.to_owned()),
            reason: Set(self.reason.to_owned()),
            reason_code: Set(self.reason_code.map(str::to_owned)),
            detail: Set(self.detail.clone()),
            acted_at: Set(to_column_time(self.at)),
        }
    }
}

/// Writes what a run saw. The same break in the same run changes nothing.
pub(crate) async fn see(
    transaction: &Transaction,
    findings: &[Finding],
    sighting: Sighting<'_>,
) -> Result<(), StoreError> {
    // One break may be found twice in one run: the first finding stands.
    let mut once: BTreeMap<String, &Finding> = BTreeMap::new();
    for finding in findings {
        once.entry(finding.break_id().to_string()).or_insert(finding);
    }
    let all: Vec<(String, &Finding)> = once.into_iter().collect();
    for batch in all.chunks(BATCH) {
        let ids: Vec<&str> = batch.iter().map(|(id, _)| id.as_str()).collect();
        let known = breaks::Entity::find().filter(breaks::Column::BreakId.is_in(ids)).all(transaction).await?;
        let known: HashMap<String, breaks::Model> = known.into_iter().map(|row| (row.break_id.clone(), row)).collect();
        let fresh = batch.iter().filter(|(id, _)| !known.contains_key(id));
        open(transaction, &fresh.collect::<Vec<_>>(), sighting).await?;
        let mut unchanged = Vec::new();
        for (id, finding) in batch {
            let Some(row) = known.get(id) else { continue };
            if !see_again(transaction, row, finding, sighting).await? {
                unchanged.push(id.as_str());
            }
        }
        breaks::Entity::update_many()
            .col_expr(breaks::Column::LastSeenAt, Expr::value(to_column_time(sighting.at)))
            .col_expr(breaks::Column::LastSeenRun, Expr::value(sighting.run_id))
            .filter(breaks::Column::BreakId.is_in(unchanged))
            .exec(transaction)
            .await?;
    }
    Ok(())
}

async fn open(
    transaction: &Transaction,
    findings: &[&(String, &Finding)],
    sighting: Sighting<'_>,
) -> Result<(), StoreError> {
    if findings.is_empty() {
        return Ok(());
    }
    let (mut rows, mut history) = (Vec::new(), Vec::new());
    for (id, finding) in findings {
        rows.push(new_row(id, finding, sighting));
        let happened = |number, act, reason_code| Happened {
            break_id: id,
            number,
            act,
            actor: RUN,
            reason: "",
            reason_code,
            detail: Some(sighting.run_id.to_owned()),
            at: sighting.at,
        };
        history.push(happened(1, "open", None).to_row());
        if finding.closes_at_once() {
            history.push(happened(2, "resolve", Some(finding.break_type.reason_code().as_str())).to_row());
        }
    }
    breaks::Entity::insert_many(rows).exec_without_returning(transaction).await?;
    break_history::Entity::insert_many(history).exec_without_returning(transaction).await?;
    for (id, finding) in findings {
        append_break(transaction, EventType::BreakOpened, id, 1, sighting.at).await?;
        if finding.closes_at_once() {
            append_break(transaction, EventType::BreakResolved, id, 2, sighting.at).await?;
        }
    }
    Ok(())
}

/// Answers whether the row was written.
async fn see_again(
    transaction: &Transaction,
    row: &breaks::Model,
    finding: &Finding,
    sighting: Sighting<'_>,
) -> Result<bool, StoreError> {
    let has_changed = row.digest != digest(finding);
    let is_resolved = row.status == BreakStatus::Resolved.as_str();
    let by_rule = row.resolved_by.as_deref().and_then(|by| Actor::parse(by).ok());
    let by_rule = matches!(by_rule, Some(Actor::Rule(_)));
    // What a person closed stays closed while both sides say the same.
    let reopens = is_resolved && !finding.closes_at_once() && (has_changed || by_rule);
    let wakes = row.status == BreakStatus::Waiting.as_str()
        && row.wait_until.as_deref().and_then(|day| day.parse::<Day>().ok()).is_none_or(|day| day <= sighting.today);
    if !(reopens || wakes || has_changed) {
        return Ok(false);
    }
    let act = if reopens || wakes { "reopen" } else { "change" };
    let number = row.version + 1;
    let mut changed: breaks::ActiveModel = row.clone().into();
    if reopens || wakes {
        changed.status = Set(BreakStatus::Open.as_str().to_owned());
        changed.wait_until = Set(None);
        changed.resolved_at = Set(None);
        changed.resolved_by = Set(None);
        changed.resolved_template = Set(None);
        changed.reason_code = Set(None);
        changed.entry_id = Set(None);
    }
    changed.class = Set(class_of(row, finding).as_str().to_owned());
    changed.ours = Set(finding.ours.map(Flow::signed));
    changed.theirs = Set(finding.theirs.map(Flow::signed));
    changed.evidence_ours = Set(finding.evidence.ours.clone());
    changed.evidence_theirs = Set(finding.evidence.theirs.clone());
    changed.digest = Set(digest(finding));
    // A proposal was made about other amounts.
    changed.proposed_by = Set(None);
    changed.proposed_template = Set(None);
    changed.last_seen_at = Set(to_column_time(sighting.at));
    changed.last_seen_run = Set(sighting.run_id.to_owned());
    changed.version = Set(number);
    changed.update(transaction).await?;
    let happened = Happened {
        break_id: &row.break_id,
        number,
        act,
        actor: RUN,
        reason: "",
        reason_code: None,
        detail: Some(sighting.run_id.to_owned()),
        at: sighting.at,
    };
    break_history::Entity::insert(happened.to_row()).exec_without_returning(transaction).await?;
    if reopens {
        let version = u32::try_from(number).unwrap_or(u32::MAX);
        append_break(transaction, EventType::BreakOpened, &row.break_id, version, sighting.at).await?;
    }
    Ok(true)
}

/// A break that was escalated does not go back to the machine's queue.
fn class_of(row: &breaks::Model, finding: &Finding) -> BreakClass {
    if row.escalation > 0 { finding.class.escalated() } else { finding.class }
}

fn new_row(id: &str, finding: &Finding, sighting: Sighting<'_>) -> breaks::ActiveModel {
    let closes = finding.closes_at_once();
    let status = if closes { BreakStatus::Resolved } else { BreakStatus::Open };
    let at = to_column_time(sighting.at);
    breaks::ActiveModel {
        break_id: Set(id.to_owned()),
        layer: Set(finding.layer.as_str().to_owned()),
        break_type: Set(finding.break_type.as_str().to_owned()),
        class: Set(finding.class.as_str().to_owned()),
        subject: Set(finding.key.clone()),
        status: Set(status.as_str().to_owned()),
        day: Set(finding.day.to_string()),
        currency: Set(finding.currency.code().to_owned()),
        ours: Set(finding.ours.map(Flow::signed)),
        theirs: Set(finding.theirs.map(Flow::signed)),
        suspense: Set(finding.suspense.map_or(0, Flow::signed)),
        checkout_id: Set(finding.checkout_id.as_ref().map(ToString::to_string)),
        workflow_id: Set(finding.workflow_id.clone()),
        evidence_ours: Set(finding.evidence.ours.clone()),
        evidence_theirs: Set(finding.evidence.theirs.clone()),
        digest: Set(digest(finding)),
        assignee: Set(None),
        wait_until: Set(None),
        proposed_by: Set(None),
        proposed_template: Set(None),
        reason_code: Set(closes.then(|| finding.break_type.reason_code().as_str().to_owned())),
        resolved_by: Set(closes.then(|| RUN.to_owned())),
        resolved_template: Set(None),
        entry_id: Set(None),
        opened_at: Set(at),
        last_seen_at: Set(at),
        last_seen_run: Set(sighting.run_id.to_owned()),
        resolved_at: Set(closes.then_some(at)),
        version: Set(if closes { 2 } else { 1 }),
        escalation: Set(0),
        escalated_at: Set(None),
    }
}

/// SHA-256 of what both sides say, in lower-case hex: a person's decision stands while it is the same.
fn digest(finding: &Finding) -> String {
    let signed = |flow: Option<Flow>| flow.map_or_else(String::new, |flow| flow.signed().to_string());
    let (ours, theirs) = (signed(finding.ours), signed(finding.theirs));
    let text = format!("{}\n{}\n{ours}\n{theirs}", finding.class.as_str(), finding.currency.code());
    hex::encode(Sha256::digest(text.as_bytes()))
}
