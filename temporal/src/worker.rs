//! The worker: every workflow and every activity. Deliveries have a task queue of their own, so that an endpoint
//! never occupies the place of a payment.

use std::time::Duration;

use activities::{
    checkout::Checkouts, dead_letter::DeadLetters, delivery::Deliveries, ledger::Ledger, payout::Payouts, psp::Psp,
    refund::Refunds, risk::Risk, seller::Sellers,
};
use temporalio_client::Client;
use temporalio_sdk::{Runtime, WorkerOptions};
use tokio_util::sync::CancellationToken;
use workflows::{
    checkout::CheckoutWorkflow, payout_run::PayoutRunWorkflow, refund::RefundWorkflow, refunds::RefundsWorkflow,
    seller::SellerWorkflow, seller_hold::SellerHoldWorkflow,
};

use crate::{Cause, TemporalError, attempts, deliveries, unreadable::UnreadableSignals};

/// How many workflows a worker keeps in memory, at about 70 KiB each; others are replayed when they go on. Those that
/// are being paid are few and short; those that wait for their buyers are many, and should cost nothing.
const CACHED_WORKFLOWS: usize = 150;

/// The activities of a worker, with what each needs.
pub struct Activities {
    /// The rows of checkouts.
    pub checkouts: Checkouts,
    /// The books.
    pub ledger: Ledger,
    /// Refunds at the PSP and their rows.
    pub refunds: Refunds,
    /// Payouts at the PSP and their rows.
    pub payouts: Payouts,
    /// Dead letters.
    pub dead_letters: DeadLetters,
    /// Charges at the PSP.
    pub psp: Psp,
    /// Risk rules and the risk hook.
    pub risk: Risk,
    /// Registrations of sellers at the PSP, and holds on their money.
    pub sellers: Sellers,
    /// Deliveries to webhook endpoints.
    pub deliveries: Deliveries,
}

/// What a worker is made of.
pub struct WorkerParts {
    /// Its activities.
    pub activities: Activities,
    /// The counter of signals that it cannot read.
    pub unreadable: UnreadableSignals,
    /// How long running activities get to finish when the worker stops.
    pub stop_time: Duration,
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
}

impl Worker {
    /// Makes a worker, which polls once it runs. Needs a Tokio runtime.
    pub fn try_new(client: &Client, parts: WorkerParts) -> Result<Self, TemporalError> {
        let set_up = |error: Cause| TemporalError::WorkerSetUp(error);
        let WorkerParts { activities, unreadable, stop_time } = parts;
        let options = WorkerOptions::new(workflows::TASK_QUEUE)
            .register_workflow::<CheckoutWorkflow>()
            .and_then(|options| options.register_workflow::<RefundsWorkflow>())
            .and_then(|options| options.register_workflow::<RefundWorkflow>())
            .and_then(|options| options.register_workflow::<PayoutRunWorkflow>())
            .and_then(|options| options.register_workflow::<SellerWorkflow>())
            .and_then(|options| options.register_workflow::<SellerHoldWorkflow>())
            .map_err(|error| set_up(error.into()))?
            .register_activities(activities.checkouts)
            .register_activities(activities.ledger)
            .register_activities(activities.refunds)
            .register_activities(activities.payouts)
            .register_activities(activities.dead_letters)
            .register_activities(activities.psp)
            .register_activities(activities.risk)
            .register_activities(activities.sellers)
            // As a plugin it comes after the one for traces, and so sees the span of the attempt.
            .worker_plugin(attempts::plugin())
            .worker_plugin(unreadable.plugin())
            .max_cached_workflows(CACHED_WORKFLOWS)
            .sticky_queue_schedule_to_start_timeout(STICKY_TIME)
            .graceful_shutdown_period(stop_time)
            .build();
        let runtime = Runtime::from_current_tokio(Default::default()).map_err(|error| set_up(error.into()))?;
        let payments = temporalio_sdk::Worker::new(&runtime, client.clone(), options);
        let payments = payments.map_err(|error| set_up(error.into()))?;
        let deliveries = activities.deliveries;
        let hooks = deliveries::worker(client, &runtime, deliveries.clone(), stop_time)?;
        Ok(Self { payments, hooks, client: client.clone(), deliveries })
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
        let (payments, hooks, (), (), ()) = tokio::join!(
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
            deliveries::keep_running(&self.client, &self.deliveries),
            watcher.run()
        );
        payments.and(hooks).map_err(|error| TemporalError::WorkerStopped(error.into()))
    }
}
