//! Replays recorded histories. A change that breaks running workflows fails here.

use std::sync::Arc;

use store::Keyring;
use temporalio_client::{Client, UntypedWorkflow, WorkflowFetchHistoryOptions, WorkflowHistory};
use temporalio_sdk::workflow_replayer::{WorkflowReplayer, WorkflowReplayerOptions};
use workflows::{
    cash_receipt::CashReceiptsWorkflow,
    checkout::CheckoutWorkflow,
    delivery::DeliveryWorkflow,
    housekeeping::{HousekeepingWorkflow, RetentionWorkflow},
    payout_calendar::PayoutCalendarWorkflow,
    payout_run::PayoutRunWorkflow,
    reconciliation::{BreakActWorkflow, DailyReconciliationWorkflow, ReconciliationWorkflow},
    refund::RefundWorkflow,
    refunds::RefundsWorkflow,
    reversal::ReversalActWorkflow,
    saved_card::{SavedCardDeletionWorkflow, SavedCardRegistrationWorkflow},
    seller::SellerWorkflow,
    seller_account::SellerAccountWorkflow,
    seller_hold::SellerHoldWorkflow,
};

use crate::{ReplayError, codec::data_converter};

/// Replays histories on the workflows of this build.
pub struct Replayer(WorkflowReplayer);

impl Replayer {
    /// A replayer that opens sealed histories with the given keys. Histories that are not sealed replay as they are.
    pub fn try_new(keys: Option<Arc<Keyring>>) -> Result<Self, ReplayError> {
        let options = WorkflowReplayerOptions::new()
            .data_converter(data_converter(keys))
            .register_workflow::<CheckoutWorkflow>()
            .and_then(|options| options.register_workflow::<RefundsWorkflow>())
            .and_then(|options| options.register_workflow::<RefundWorkflow>())
            .and_then(|options| options.register_workflow::<DeliveryWorkflow>())
            .and_then(|options| options.register_workflow::<PayoutRunWorkflow>())
            .and_then(|options| options.register_workflow::<PayoutCalendarWorkflow>())
            .and_then(|options| options.register_workflow::<SellerWorkflow>())
            .and_then(|options| options.register_workflow::<SellerAccountWorkflow>())
            .and_then(|options| options.register_workflow::<SellerHoldWorkflow>())
            .and_then(|options| options.register_workflow::<ReconciliationWorkflow>())
            .and_then(|options| options.register_workflow::<DailyReconciliationWorkflow>())
            .and_then(|options| options.register_workflow::<BreakActWorkflow>())
            .and_then(|options| options.register_workflow::<ReversalActWorkflow>())
            .and_then(|options| options.register_workflow::<HousekeepingWorkflow>())
            .and_then(|options| options.register_workflow::<RetentionWorkflow>())
            .and_then(|options| options.register_workflow::<CashReceiptsWorkflow>())
            .and_then(|options| options.register_workflow::<SavedCardRegistrationWorkflow>())
            .and_then(|options| options.register_workflow::<SavedCardDeletionWorkflow>())
            .map_err(|error| ReplayError::SetUp(error.into()))?
            .build();
        WorkflowReplayer::new(options).map(Self).map_err(|error| ReplayError::SetUp(error.into()))
    }

    /// Replays a history that the SDK wrote as JSON.
    pub async fn replay_json(&self, json: &[u8]) -> Result<(), ReplayError> {
        let history = WorkflowHistory::from_json(json).map_err(|error| ReplayError::Unreadable(error.into()))?;
        self.0.replay_workflow(history).await.map_err(|error| ReplayError::Diverged(error.into()))
    }

    /// Replays the history of a workflow that the server has.
    pub async fn replay_workflow(&self, client: &Client, workflow_id: &str) -> Result<(), ReplayError> {
        let handle = client.get_workflow_handle::<UntypedWorkflow>(workflow_id);
        let history = handle.fetch_history(WorkflowFetchHistoryOptions::default());
        self.0.replay_workflow(history).await.map_err(|error| ReplayError::Diverged(error.into()))
    }
}
