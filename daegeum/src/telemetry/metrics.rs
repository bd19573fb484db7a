//! What a worker counts, for Prometheus: its calls to Toss, and how long buyers waited.

use std::sync::Arc;

use activities::{
    delivery::DeliveryCounts,
    paid::{self, PaidTimes},
};
use api::{Exposition, MoreMetrics};
use temporal::{FailingTasks, ScheduleWatch, SdkCounts, UnreadableSignals};
use temporalio_client::Client;
use tokio_util::sync::CancellationToken;
use toss::{ANSWER_TIME_ENDS_MS, OperationMetrics};

use super::{
    delivery_metrics::of_deliveries,
    temporal_metrics::{of_schedules, of_sdk},
};

/// What a worker counts since its process began.
#[derive(Debug, Clone)]
pub(crate) struct WorkerMetrics {
    /// The client that the worker calls Toss with.
    pub(crate) toss: toss::Client,
    /// How long buyers waited.
    pub(crate) paid: PaidTimes,
    /// How many signals could not be read.
    pub(crate) unreadable: UnreadableSignals,
    /// How many workflows stand still.
    pub(crate) tasks: FailingTasks,
    /// What the schedules of the namespace do.
    pub(crate) schedules: ScheduleWatch,
    /// What Temporal's SDK counts.
    pub(crate) sdk: SdkCounts,
    /// What was delivered to webhook endpoints.
    pub(crate) deliveries: DeliveryCounts,
    /// What was sent to Kafka.
    #[cfg(feature = "kafka")]
    pub(crate) kafka: crate::kafka::KafkaCounts,
}

impl WorkerMetrics {
    /// Asks Temporal what it knows of workflows and schedules, until the token is canceled.
    pub(crate) fn watch_temporal(&self, client: &Client, stop: &CancellationToken) -> impl Future<Output = ()> + use<> {
        let tasks = self.tasks.clone().watch(client.clone(), stop.clone());
        let schedules = self.schedules.clone().watch(client.clone(), stop.clone());
        async {
            tokio::join!(tasks, schedules);
        }
    }

    /// Writes them at each reading.
    pub(crate) fn into_more(self) -> MoreMetrics {
        Arc::new(move |text| {
            of_paid(&self.paid, text);
            of_toss(&self.toss.metrics(), text);
            of_unreadable(&self.unreadable, text);
            of_tasks(&self.tasks, text);
            of_schedules(&self.schedules, text);
            of_sdk(&self.sdk, text);
            of_deliveries(&self.deliveries, text);
            #[cfg(feature = "kafka")]
            self.kafka.expose(text);
        })
    }
}

/// Left out where Temporal does not say.
fn of_tasks(tasks: &FailingTasks, text: &mut Exposition) {
    const NAME: &str = "daegeum_workflows_with_failing_task";
    if let Some(number) = tasks.number() {
        text.begin(NAME, "gauge", "Open workflows that stand still because their task fails, as Temporal reports it.");
        text.value(NAME, &[], number);
    }
}

fn of_paid(times: &PaidTimes, text: &mut Exposition) {
    const NAME: &str = "daegeum_confirm_to_paid_seconds";
    text.begin(NAME, "histogram", "How long payments took from the buyer's confirmation to the books.");
    let counted = times.counted();
    text.histogram(NAME, &[], paid::ENDS_MS.iter().zip(&counted.in_bucket), (counted.payments, counted.spent));
}

fn of_unreadable(signals: &UnreadableSignals, text: &mut Exposition) {
    const NAME: &str = "daegeum_unreadable_signals_total";
    text.begin(NAME, "counter", "Signals of workflows that could not be read and were ignored.");
    text.value(NAME, &[], signals.counted());
}

fn of_toss(operations: &[OperationMetrics], text: &mut Exposition) {
    const TIMES: &str = "daegeum_toss_call_duration_seconds";
    text.begin("daegeum_toss_calls_total", "counter", "Calls to Toss, by what became of them.");
    for operation in operations {
        let name = operation.operation.name();
        for (outcome, calls) in [
            ("succeeded", operation.succeeded),
            ("refused", operation.refused),
            ("not_connected", operation.not_connected),
            ("no_answer", operation.no_answer),
            ("unreadable", operation.unreadable),
            ("abandoned", operation.abandoned),
            ("turned_away_by_breaker", operation.turned_away_by_breaker),
            ("turned_away_by_crowd", operation.turned_away_by_crowd),
        ] {
            text.value("daegeum_toss_calls_total", &[("operation", name), ("outcome", outcome)], calls);
        }
    }
    text.begin("daegeum_toss_refusals_total", "counter", "Calls that Toss refused, by its code.");
    for operation in operations {
        for (code, calls) in &operation.refusals {
            let labels = [("operation", operation.operation.name()), ("code", *code)];
            text.value("daegeum_toss_refusals_total", &labels, calls);
        }
    }
    text.begin(TIMES, "histogram", "How long calls to Toss took, of operations that were ever called.");
    for operation in operations.iter().filter(|operation| operation.ended() > 0) {
        let in_bucket = ANSWER_TIME_ENDS_MS.iter().zip(&operation.answer_times);
        let labels = [("operation", operation.operation.name())];
        text.histogram(TIMES, &labels, in_bucket, (operation.ended(), operation.time_spent));
    }
    text.begin("daegeum_toss_calls_in_flight", "gauge", "Calls to Toss that are under way.");
    for operation in operations {
        let labels = [("operation", operation.operation.name())];
        text.value("daegeum_toss_calls_in_flight", &labels, operation.in_flight);
    }
}
