//! What a worker tells of Temporal: the SDK's own counts, and the schedules.

use api::Exposition;
use temporal::{ScheduleWatch, SdkCounts, SdkNumber, SdkWait, WAIT_ENDS_MS};

/// Reasons for which a workflow task fails. Each is told from the start, since an increase from nothing is no increase.
const REASONS: [&str; 3] = ["NonDeterminismError", "WorkflowError", "PayloadsTooLarge"];

/// A number of the SDK as it is told.
struct Told {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
}

const fn told(number: SdkNumber) -> Told {
    let (queue_and_kind, queue): (&[&str], &[&str]) = (&["task_queue", "kind"], &["task_queue"]);
    let (name, kind, help, labels) = match number {
        SdkNumber::WorkflowTaskFailures => (
            "daegeum_workflow_task_failures_total",
            "counter",
            "Workflow tasks that failed in this process, by reason.",
            &["reason"] as &[&str],
        ),
        SdkNumber::ActivityFailures => (
            "daegeum_activity_failures_total",
            "counter",
            "Attempts at activities that failed in this process, by step.",
            &["step"] as &[&str],
        ),
        SdkNumber::Pollers => ("daegeum_pollers", "gauge", "Polls that this process has open.", queue_and_kind),
        SdkNumber::SlotsUsed => {
            ("daegeum_task_slots_used", "gauge", "Places for tasks that are taken in this process.", queue_and_kind)
        }
        SdkNumber::SlotsFree => {
            ("daegeum_task_slots_free", "gauge", "Places for tasks that are free in this process.", queue_and_kind)
        }
        SdkNumber::CachedWorkflows => {
            ("daegeum_cached_workflows", "gauge", "Workflows that this process keeps in memory.", queue)
        }
        SdkNumber::Evictions => (
            "daegeum_workflow_evictions_total",
            "counter",
            "Workflows that left the memory of this process before their end.",
            queue,
        ),
    };
    Told { name, kind, help, labels }
}

/// Writes what the SDK counted.
pub(crate) fn of_sdk(counts: &SdkCounts, text: &mut Exposition) {
    for number in SdkNumber::ALL {
        let told = told(number);
        text.begin(told.name, told.kind, told.help);
        let values = counts.numbers(number);
        if number == SdkNumber::WorkflowTaskFailures {
            let unseen =
                |reason: &&str| !values.iter().any(|(labels, _)| labels.first().is_some_and(|known| known == reason));
            for reason in REASONS.iter().filter(|reason| unseen(reason)) {
                text.value(told.name, &[("reason", reason)], 0);
            }
        }
        for (labels, value) in &values {
            let labels: Vec<_> = told.labels.iter().copied().zip(labels.iter().map(String::as_str)).collect();
            text.value(told.name, &labels, value);
        }
    }
    let waits = [
        (SdkWait::WorkflowTask, "daegeum_workflow_task_wait_seconds", "How long workflow tasks waited for a worker."),
        (SdkWait::Activity, "daegeum_activity_wait_seconds", "How long activities waited for a worker."),
    ];
    for (wait, name, help) in waits {
        text.begin(name, "histogram", help);
        for (task_queue, times) in counts.waits(wait) {
            let in_bucket = WAIT_ENDS_MS.iter().zip(&times.in_bucket);
            text.histogram(name, &[("task_queue", &task_queue)], in_bucket, (times.number, times.spent));
        }
    }
}

/// Left out where Temporal does not say.
pub(crate) fn of_schedules(watch: &ScheduleWatch, text: &mut Exposition) {
    const OVERDUE: &str = "daegeum_schedule_overdue_seconds";
    const IDLE: &str = "daegeum_schedule_idle_seconds";
    const PAUSED: &str = "daegeum_schedule_paused";
    let Some(schedules) = watch.schedules() else { return };
    text.begin(OVERDUE, "gauge", "For how long the next action of a schedule is overdue.");
    for schedule in &schedules {
        text.value(OVERDUE, &[("schedule", &schedule.id)], schedule.overdue().as_secs());
    }
    text.begin(IDLE, "gauge", "How long ago a schedule last acted; missing before its first action.");
    for schedule in &schedules {
        if let Some(idle) = schedule.idle() {
            text.value(IDLE, &[("schedule", &schedule.id)], idle.as_secs());
        }
    }
    text.begin(PAUSED, "gauge", "Whether a person paused a schedule.");
    for schedule in &schedules {
        text.value(PAUSED, &[("schedule", &schedule.id)], u8::from(schedule.is_paused));
    }
}
