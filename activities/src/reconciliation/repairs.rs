//! What the machine does by itself: it holds sellers' money where a person has to decide, and lets it go afterwards.

use domain::{
    Money,
    id::{BreakId, HoldId},
    ledger::Hold,
    reconciliation::{BreakClass, BreakStatus, repair::RepairRule},
};
use store::{BreakRecord, Repair, RepairRequest, Repaired, StoreError};
use workflows::reconciliation::PayoutToAsk;

use super::step::Reconciliations;

/// The most breaks of one run that money is held for, or that workflows are asked about.
const MOST_REPAIRED: u64 = 1_000;

/// Workflows that may catch up when they ask the PSP.
#[derive(Debug, Default)]
pub(super) struct ToAsk {
    pub(super) workflows: Vec<String>,
    pub(super) payouts: Vec<PayoutToAsk>,
}

impl Reconciliations {
    /// Holds for the breaks of a run, and lets go what belongs to breaks that are closed. Answers how many holds are
    /// new.
    pub(super) async fn hold_for(&self, run_id: &str) -> Result<u64, StoreError> {
        for hold in self.reader.holds_of_breaks().await? {
            let closed = match break_of(&hold) {
                Some(id) => self.reader.break_record(&id).await?,
                None => None,
            };
            if closed.is_some_and(|record| record.status == BreakStatus::Resolved) {
                self.let_go(&hold).await?;
            }
        }
        let mut held = 0;
        for record in self.reader.breaks_of_run(run_id, MOST_REPAIRED).await? {
            if record.status == BreakStatus::Open && record.break_type.holds_money() {
                held += self.hold_for_break(&record).await?;
            }
        }
        Ok(held)
    }

    async fn hold_for_break(&self, record: &BreakRecord) -> Result<u64, StoreError> {
        let Some(checkout_id) = &record.checkout_id else { return Ok(0) };
        let Some(checkout) = self.reader.checkout(checkout_id).await? else { return Ok(0) };
        let weights: Vec<u64> = checkout.orders.iter().map(|order| order.order.amount.minor()).collect();
        let Ok(shares) = record.state().gap.split(&weights) else { return Ok(0) };
        let mut held = 0;
        for (number, (order, share)) in checkout.orders.iter().zip(shares).enumerate() {
            let available = self.available(order, share).await?;
            if available.is_zero() {
                continue;
            }
            let Ok(id) = HoldId::parse(format!("{}-{number}", record.break_id)) else { continue };
            let hold = Hold { id, seller: order.order.seller.clone(), amount: available };
            if self.repair(record, Repair::Hold(hold)).await? == Repaired::Now {
                held += 1;
            }
        }
        Ok(held)
    }

    /// The workflows of breaks that may catch up, as far as their rules ask them.
    pub(super) async fn to_ask(&self, run_id: &str) -> Result<ToAsk, StoreError> {
        let mut to_ask = ToAsk::default();
        for record in self.reader.breaks_of_run(run_id, MOST_REPAIRED).await? {
            let is_automatic = record.status == BreakStatus::Open
                // What was escalated is finance's, and its workflow is asked all the same.
                && (record.class == BreakClass::Automatic || record.escalation > 0);
            let Some(workflow_id) = record.workflow_id.clone().filter(|_| is_automatic) else { continue };
            let ask = |rule| Repair::Ask { rule, workflow_id: workflow_id.clone(), gap: record.state().gap };
            if record.break_type.asks_workflow() {
                if self.repair(&record, ask(RepairRule::AskWorkflow)).await?.may_ask() {
                    to_ask.workflows.push(workflow_id);
                }
            } else if record.break_type.asks_payout_run()
                && self.repair(&record, ask(RepairRule::AskPayoutRun)).await?.may_ask()
            {
                to_ask.payouts.push(PayoutToAsk { workflow_id, ref_payout_id: record.subject });
            }
        }
        Ok(to_ask)
    }

    async fn repair(&self, record: &BreakRecord, repair: Repair) -> Result<Repaired, StoreError> {
        let (break_id, run_id) = (record.break_id.clone(), record.last_seen_run.clone());
        self.writer.repair_break(&RepairRequest { break_id, run_id, repair }, &self.rules.repairs).await
    }

    /// How much of a share the seller has ready to be paid out. What is pending cannot be paid out anyway.
    async fn available(&self, order: &store::OrderRecord, share: Money) -> Result<Money, StoreError> {
        let wallets = self.reader.wallets(&order.order.seller).await?;
        let wallet = wallets.iter().find(|record| record.wallet.currency() == share.currency());
        Ok(wallet.map_or(Money::zero(share.currency()), |record| record.wallet.available.least(share)))
    }

    /// Lets the money of a closed break go.
    pub(super) async fn let_go_of(&self, break_id: &BreakId) -> Result<(), StoreError> {
        for hold in self.reader.holds_of_breaks().await? {
            if break_of(&hold).as_ref() == Some(break_id) {
                self.let_go(&hold).await?;
            }
        }
        Ok(())
    }

    async fn let_go(&self, hold: &HoldId) -> Result<(), StoreError> {
        let now = self.writer.time().await?;
        match self.writer.release_hold(hold, now).await {
            // Another hand was first.
            Ok(_) | Err(StoreError::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// The break that a hold belongs to.
fn break_of(hold: &HoldId) -> Option<BreakId> {
    let (id, _) = hold.as_str().rsplit_once('-')?;
    BreakId::parse(id).ok()
}
