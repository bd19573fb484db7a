//! Recording checkouts and moving them on.
#![expect(missing_docs, reason = "`#[activities]` expands each method to a constant without a docstring")]

use std::sync::Arc;

use store::{Reader, RecallRecord, Writer};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::ports::{
    Advance, Change, NewCheckout, Recall, RecallCheckout, RecalledCheckout, Record, Recorded, Withdraw, Withdrawn,
};

use crate::failure::store_failure;

/// The activities that write checkouts.
#[derive(Debug, Clone)]
pub struct Checkouts {
    /// Where they are written.
    pub writer: Writer,
    /// What commission rates are read from.
    pub reader: Reader,
}

#[activities]
impl Checkouts {
    /// Records a new checkout. The workflow id is the key.
    #[activity(definition = Record)]
    pub async fn record(self: Arc<Self>, _ctx: ActivityContext, new: NewCheckout) -> Result<Recorded, ActivityError> {
        let accepted = self.writer.record_checkout(&new).await.map_err(store_failure)?;
        if !accepted {
            return Ok(Recorded::Exists);
        }
        let sellers: Vec<_> = new.plan.orders().iter().map(|order| &order.seller).collect();
        let rates = self.reader.commissions(&sellers, new.created_at).await.map_err(store_failure)?;
        Ok(Recorded::Accepted { rates })
    }

    /// Reads the record of a checkout whose workflow was lost, and closes the dead letters that nobody waits for.
    #[activity(definition = Recall)]
    pub async fn recall(
        self: Arc<Self>,
        _ctx: ActivityContext,
        asked: RecallCheckout,
    ) -> Result<Option<RecalledCheckout>, ActivityError> {
        let RecallCheckout { checkout_id, workflow_id, run_id } = asked;
        self.writer.close_lost_dead_letters(workflow_id.as_str(), &run_id).await.map_err(store_failure)?;
        let Some(lost) = self.reader.recall_checkout(&checkout_id).await.map_err(store_failure)? else {
            return Ok(None);
        };
        let RecallRecord { record, declined, captures, is_booked, is_watched } = lost;
        let sellers: Vec<_> = record.orders.iter().map(|line| &line.order.seller).collect();
        let rates = self.reader.commissions(&sellers, record.created_at).await.map_err(store_failure)?;
        Ok(Some(RecalledCheckout {
            status: record.status,
            revision: record.revision,
            expires_at: record.expires_at,
            rates,
            by_deposit: record.is_by_deposit(),
            captured_at: record.psp.as_ref().and_then(|psp| psp.approved_at),
            payment_key: record.psp.map(|psp| psp.payment_key),
            declined,
            failure: record.failure,
            captures,
            is_booked,
            is_watched,
        }))
    }

    /// Moves a checkout to its next status. The revision is the key.
    #[activity(definition = Advance)]
    pub async fn advance(self: Arc<Self>, _ctx: ActivityContext, change: Change) -> Result<(), ActivityError> {
        self.writer.advance(&change).await.map_err(store_failure)
    }

    /// Writes that a payment is about to be given back, unless it is booked. The revision is the key.
    #[activity(definition = Withdraw)]
    pub async fn withdraw(self: Arc<Self>, _ctx: ActivityContext, change: Change) -> Result<Withdrawn, ActivityError> {
        self.writer.withdraw(&change).await.map_err(store_failure)
    }
}
