//! The worker: every workflow and every activity. Deliveries have a task queue of their own, so that an endpoint
//! never occupies the place of a payment.

use std::time::Duration;

use activities::{
    cash_receipt::CashReceipts, checkout::Checkouts, dead_letter::DeadLetters, delivery::Deliveries,
    housekeeping::Housekeeping, ledger::Ledger, payout::Payouts, psp::Psp, psp_refund::PspRefunds,
    reconciliation::Reconciliations, refund::Refunds, risk::Risk, saved_card::SavedCards, seller::Sellers,
};
use store::Writer;
use temporalio_client::Client;
use temporalio_sdk::{Runtime, WorkerOptions};
use tokio_util::sync::CancellationToken;
use workflows::{
    cash_receipt::CashReceiptsWorkflow,
    checkout::CheckoutWorkflow,
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

use crate::{
    Cause, DeploymentVersion, SdkCounts, TemporalError, attempts,
    deliveries::{self, WorkerTerms},
    deployment, housekeeping, schedules,
    unreadable::UnreadableSignals,
};

/// How many workflows a worker keeps in memory, at about 70 KiB each; others are replayed when they go on. Those that
/// are being paid are few and short; those that wait for their buyers are many, and should cost nothing.
const CACHED_WORKFLOWS: usize = 150;

/// The activities of a worker, with what each needs.
pub struct Activities {
    /// The rows of checkouts.
    pub checkouts: Checkouts,
    /// The books.
    pub ledger: Ledger,
    /// The rows of refunds.
    pub refunds: Refunds,
    /// Payouts at the PSP and their rows.
    pub payouts: Payouts,
    /// Dead letters.
    pub dead_letters: DeadLetters,
    /// Charges at the PSP.
    pub psp: Psp,
    /// Refunds at the PSP.
    pub psp_refunds: PspRefunds,
    /// Risk rules and the risk hook.
    pub risk: Risk,
    /// Registrations of sellers at the PSP, and holds on their money.
    pub sellers: Sellers,
    /// Saved cards, and their charges at the PSP.
    pub saved_cards: SavedCards,
    /// Releases, expiries, and what is too old.
    pub housekeeping: Housekeeping,
    /// How cash receipts stand.
    pub cash_receipts: CashReceipts,
    /// Reconciliations and acts on breaks.
    pub reconciliations: Reconciliations,
    /// Deliveries to webhook endpoints.
    pub deliveries: Deliveries,
}

/// What a worker is made of.
pub struct WorkerParts {
    /// Its activities.
    pub activities: Activities,
    /// The counter of signals that it cannot read.
    pub unreadable: UnreadableSignals,
    /// What the SDK counts.
    pub sdk: SdkCounts,
    /// How long running activities get to finish when the worker stops.
    pub stop_time: Duration,
    /// The version of its Worker Deployment; none makes a worker that is not versioned.
    pub version: Option<DeploymentVersion>,
}

/// How long a task waits for the worker that has the workflow in its cache. When that worker has died, a buyer waits so
/// long before another takes over, and the API's answer is due after 10 s.
const STICKY_TIME: Duration = Duration::from_secs(3);

/// A worker that runs every workflow and every activity.
pub struct Worker {
    payments: temporalio_sdk::Worker,
    hooks: temporalio_sdk::Worker,
    client: Client,
    deliveries: Deliveries,
    writer: Writer,
}

impl Worker {
    /// Makes a worker, which polls once it runs. Needs a Tokio runtime.
    pub fn try_new(client: &Client, parts: WorkerParts) -> Result<Self, TemporalError> {
        let set_up = |error: Cause| TemporalError::WorkerSetUp(error);
        let WorkerParts { activities, unreadable, sdk, stop_time, version } = parts;
        let writer = activities.housekeeping.writer.clone();
        let mut options = WorkerOptions::new(workflows::TASK_QUEUE)
            .register_workflow::<CheckoutWorkflow>()
            .and_then(|options| options.register_workflow::<RefundsWorkflow>())
            .and_then(|options| options.register_workflow::<RefundWorkflow>())
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
            .map_err(|error| set_up(error.into()))?
            .register_activities(activities.checkouts)
            .register_activities(activities.ledger)
            .register_activities(activities.refunds)
            .register_activities(activities.payouts)
            .register_activities(activities.dead_letters)
            .register_activities(activities.psp)
            .register_activities(activities.psp_refunds)
            .register_activities(activities.risk)
            .register_activities(activities.sellers)
            .register_activities(activities.reconciliations)
            .register_activities(activities.housekeeping)
            .register_activities(activities.cash_receipts)
            .register_activities(activities.saved_cards)
            // As a plugin it comes after the one for traces, and so sees the span of the attempt.
            .worker_plugin(attempts::plugin())
            .worker_plugin(unreadable.plugin())
            .max_cached_workflows(CACHED_WORKFLOWS)
            .sticky_queue_schedule_to_start_timeout(STICKY_TIME)
            .graceful_shutdown_period(stop_time)
            .build();
        deployment::join(&mut options, version.as_ref());
        let runtime = Runtime::from_current_tokio(sdk.runtime_options()?).map_err(|error| set_up(error.into()))?;
        let payments = temporalio_sdk::Worker::new(&runtime, client.clone(), options);
        let payments = payments.map_err(|error| set_up(error.into()))?;
        let deliveries = activities.deliveries;
        let hooks = deliveries::worker(client, &runtime, deliveries.clone(), WorkerTerms { stop_time, version })?;
        Ok(Self { payments, hooks, client: client.clone(), deliveries, writer })
    }

    /// Runs until the token is canceled. The future is not `Send`: it stays on the task that called.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), TemporalError> {
        let (stop_payments, stop_hooks) = (self.payments.shutdown_handle(), self.hooks.shutdown_handle());
        let watcher = self.deliveries.watcher();
        let canceled = stop.clone();
        let watch = async {
            canceled.cancelled().await;
            watcher.stop();
            stop_payments();
            stop_hooks();
        };
        // A worker that ends by itself takes the rest down with it.
        let (payments, hooks, (), (), (), (), ()) = tokio::join!(
            async {
                let run = self.payments.run().await;
                stop.cancel();
                run
            },
            async {
                let run = self.hooks.run().await;
                stop.cancel();
                run
            },
            watch,
            schedules::keep_schedules(&self.client, &stop),
            housekeeping::wake(&self.client, &self.writer, &stop),
            deliveries::keep_running(&self.client, &self.deliveries),
            watcher.run()
        );
        payments.and(hooks).map_err(|error| TemporalError::WorkerStopped(error.into()))
    }
}
