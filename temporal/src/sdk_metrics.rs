//! What Temporal's SDK counts in a worker, kept for the `/metrics` of the process.
//!
//! The SDK hands its measurements to a meter. This one keeps those that somebody must be woken for, and drops the rest.

use std::{
    collections::{BTreeMap, HashMap},
    error::Error,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use temporalio_common::telemetry::{
    TelemetryOptions,
    metrics::{
        CoreMeter, Counter, CounterBase, Gauge, GaugeBase, GaugeF64, Histogram, HistogramDuration,
        HistogramDurationBase, HistogramF64, MetricAttributable, MetricAttributes, MetricParameters, NewAttributes,
        NoOpCoreMeter, UpDownCounter,
    },
};
use temporalio_sdk::runtime::RuntimeOptions;

use crate::{Cause, TemporalError};

/// The upper ends of the buckets of waiting times, in milliseconds.
pub const WAIT_ENDS_MS: [u64; 9] = [5, 10, 50, 100, 500, 1_000, 5_000, 30_000, 120_000];
/// What the SDK writes before the names of its metrics.
const PREFIX: &str = "temporal_";

/// A number that the SDK counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SdkNumber {
    /// Workflow tasks that failed, by reason.
    WorkflowTaskFailures,
    /// Attempts at activities that failed, by step.
    ActivityFailures,
    /// Polls that are open, by task queue and kind.
    Pollers,
    /// Places for tasks that are taken, by task queue and kind.
    SlotsUsed,
    /// Places for tasks that are free, by task queue and kind.
    SlotsFree,
    /// Workflows in memory, by task queue.
    CachedWorkflows,
    /// Workflows that left the memory before their end, by task queue.
    Evictions,
}

/// A waiting time that the SDK measures, by task queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SdkWait {
    /// Of a workflow task, until a worker took it.
    WorkflowTask,
    /// Of an activity, until a worker took it.
    Activity,
}

/// The labels of the SDK that are kept.
type Labels = &'static [&'static str];

impl SdkNumber {
    /// Every number.
    pub const ALL: [Self; 7] = [
        Self::WorkflowTaskFailures,
        Self::ActivityFailures,
        Self::Pollers,
        Self::SlotsUsed,
        Self::SlotsFree,
        Self::CachedWorkflows,
        Self::Evictions,
    ];

    fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|number| number.sdk_name() == name)
    }

    const fn sdk_name(self) -> &'static str {
        match self {
            Self::WorkflowTaskFailures => "workflow_task_execution_failed",
            Self::ActivityFailures => "activity_execution_failed",
            Self::Pollers => "num_pollers",
            Self::SlotsUsed => "worker_task_slots_used",
            Self::SlotsFree => "worker_task_slots_available",
            Self::CachedWorkflows => "sticky_cache_size",
            Self::Evictions => "sticky_cache_total_forced_eviction",
        }
    }

    const fn sdk_labels(self) -> Labels {
        match self {
            Self::WorkflowTaskFailures => &["failure_reason"],
            Self::ActivityFailures => &["activity_type"],
            Self::Pollers => &["task_queue", "poller_type"],
            Self::SlotsUsed | Self::SlotsFree => &["task_queue", "worker_type"],
            Self::CachedWorkflows | Self::Evictions => &["task_queue"],
        }
    }
}

impl SdkWait {
    fn of(name: &str) -> Option<Self> {
        match name {
            "workflow_task_schedule_to_start_latency" => Some(Self::WorkflowTask),
            "activity_schedule_to_start_latency" => Some(Self::Activity),
            _ => None,
        }
    }
}

/// Times that were measured.
#[derive(Debug, Clone, Default)]
pub struct WaitTimes {
    /// How many ended in each bucket of [`WAIT_ENDS_MS`].
    pub in_bucket: [u64; WAIT_ENDS_MS.len()],
    /// How many there were.
    pub number: u64,
    /// How long they took together.
    pub spent: Duration,
}

impl WaitTimes {
    fn add(&mut self, took: Duration) {
        self.number += 1;
        self.spent += took;
        if let Some(bucket) = WAIT_ENDS_MS.iter().position(|end_ms| took <= Duration::from_millis(*end_ms)) {
            self.in_bucket[bucket] += 1;
        }
    }
}

/// A metric with the values of its labels.
type Series<M> = (M, Vec<String>);

/// What the SDK counted in this process.
#[derive(Debug, Clone, Default)]
pub struct SdkCounts(Arc<Kept>);

#[derive(Debug, Default)]
struct Kept {
    numbers: Mutex<BTreeMap<Series<SdkNumber>, Arc<AtomicU64>>>,
    waits: Mutex<BTreeMap<Series<SdkWait>, Arc<Mutex<WaitTimes>>>>,
}

impl SdkCounts {
    /// The values of a number, each with those of its labels.
    pub fn numbers(&self, wanted: SdkNumber) -> Vec<(Vec<String>, u64)> {
        let numbers = self.0.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let of = numbers.iter().filter(|((number, _), _)| *number == wanted);
        of.map(|((_, labels), value)| (labels.clone(), value.load(Ordering::Relaxed))).collect()
    }

    /// The waiting times of each task queue.
    pub fn waits(&self, wanted: SdkWait) -> Vec<(String, WaitTimes)> {
        let waits = self.0.waits.lock().unwrap_or_else(PoisonError::into_inner);
        let of = waits.iter().filter(|((wait, _), _)| *wait == wanted);
        of.map(|((_, labels), times)| {
            let times = times.lock().unwrap_or_else(PoisonError::into_inner).clone();
            (labels.first().cloned().unwrap_or_default(), times)
        })
        .collect()
    }

    /// The options of a runtime whose workers count here.
    pub(crate) fn runtime_options(&self) -> Result<RuntimeOptions, TemporalError> {
        let meter: Arc<dyn CoreMeter> = Arc::new(self.clone());
        let telemetry = TelemetryOptions::builder().metrics(meter).build();
        let options = RuntimeOptions::builder().telemetry_options(telemetry).build();
        options.map_err(|error| TemporalError::WorkerSetUp(Cause::from(error)))
    }

    fn number(&self, number: SdkNumber, attributes: &MetricAttributes) -> Arc<AtomicU64> {
        let series = (number, values(attributes, number.sdk_labels()));
        let mut numbers = self.0.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(numbers.entry(series).or_default())
    }

    fn wait(&self, wait: SdkWait, attributes: &MetricAttributes) -> Arc<Mutex<WaitTimes>> {
        let series = (wait, values(attributes, &["task_queue"]));
        let mut waits = self.0.waits.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(waits.entry(series).or_default())
    }
}

fn values(attributes: &MetricAttributes, labels: Labels) -> Vec<String> {
    let known = if let MetricAttributes::NoOp(known) = attributes { Some(known) } else { None };
    let value = |label: &str| known.and_then(|known: &Arc<HashMap<String, String>>| known.get(label)).cloned();
    labels.iter().map(|label| value(label).unwrap_or_default()).collect()
}

/// A number that is not yet bound to the values of its labels.
struct UnboundNumber(SdkCounts, SdkNumber);

struct BoundCounter(Arc<AtomicU64>);

struct BoundGauge(Arc<AtomicU64>);

impl MetricAttributable<Box<dyn CounterBase>> for UnboundNumber {
    fn with_attributes(&self, attributes: &MetricAttributes) -> Result<Box<dyn CounterBase>, Box<dyn Error>> {
        Ok(Box::new(BoundCounter(self.0.number(self.1, attributes))))
    }
}

impl CounterBase for BoundCounter {
    fn adds(&self, value: u64) {
        self.0.fetch_add(value, Ordering::Relaxed);
    }
}

impl MetricAttributable<Box<dyn GaugeBase>> for UnboundNumber {
    fn with_attributes(&self, attributes: &MetricAttributes) -> Result<Box<dyn GaugeBase>, Box<dyn Error>> {
        Ok(Box::new(BoundGauge(self.0.number(self.1, attributes))))
    }
}

impl GaugeBase for BoundGauge {
    fn records(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

/// A waiting time that is not yet bound to a task queue.
struct UnboundWait(SdkCounts, SdkWait);

struct BoundWait(Arc<Mutex<WaitTimes>>);

impl MetricAttributable<Box<dyn HistogramDurationBase>> for UnboundWait {
    fn with_attributes(&self, attributes: &MetricAttributes) -> Result<Box<dyn HistogramDurationBase>, Box<dyn Error>> {
        Ok(Box::new(BoundWait(self.0.wait(self.1, attributes))))
    }
}

impl HistogramDurationBase for BoundWait {
    fn records(&self, value: Duration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(value);
    }
}

/// The attributes are those of a meter that records nothing: a map of labels.
impl CoreMeter for SdkCounts {
    fn new_attributes(&self, attribs: NewAttributes) -> MetricAttributes {
        NoOpCoreMeter.new_attributes(attribs)
    }

    fn extend_attributes(&self, existing: MetricAttributes, attribs: NewAttributes) -> MetricAttributes {
        NoOpCoreMeter.extend_attributes(existing, attribs)
    }

    fn counter(&self, params: MetricParameters) -> Counter {
        match SdkNumber::of(name_of(&params)) {
            Some(number) => Counter::new(Arc::new(UnboundNumber(self.clone(), number))),
            None => NoOpCoreMeter.counter(params),
        }
    }

    fn histogram(&self, params: MetricParameters) -> Histogram {
        NoOpCoreMeter.histogram(params)
    }

    fn histogram_f64(&self, params: MetricParameters) -> HistogramF64 {
        NoOpCoreMeter.histogram_f64(params)
    }

    fn histogram_duration(&self, params: MetricParameters) -> HistogramDuration {
        match SdkWait::of(name_of(&params)) {
            Some(wait) => HistogramDuration::new(Arc::new(UnboundWait(self.clone(), wait))),
            None => NoOpCoreMeter.histogram_duration(params),
        }
    }

    fn gauge(&self, params: MetricParameters) -> Gauge {
        match SdkNumber::of(name_of(&params)) {
            Some(number) => Gauge::new(Arc::new(UnboundNumber(self.clone(), number))),
            None => NoOpCoreMeter.gauge(params),
        }
    }

    fn gauge_f64(&self, params: MetricParameters) -> GaugeF64 {
        NoOpCoreMeter.gauge_f64(params)
    }

    fn up_down_counter(&self, params: MetricParameters) -> UpDownCounter {
        NoOpCoreMeter.up_down_counter(params)
    }
}

fn name_of(params: &MetricParameters) -> &str {
    params.name.strip_prefix(PREFIX).unwrap_or(&params.name)
}

#[cfg(test)]
mod tests {
    use temporalio_common::telemetry::metrics::MetricKeyValue;

    use super::*;

    #[test]
    fn what_the_sdk_counts_is_kept_by_its_labels() {
        let counts = SdkCounts::default();
        let attributes = counts.new_attributes([MetricKeyValue::new("task_queue", "payments")].into());
        let reason = MetricKeyValue::new("failure_reason", "NonDeterminismError");
        let of_reason = counts.extend_attributes(attributes.clone(), [reason].into());
        let failures = counts.counter("temporal_workflow_task_execution_failed".into());
        failures.add(2, &of_reason);
        failures.add(1, &of_reason);
        let told = counts.numbers(SdkNumber::WorkflowTaskFailures);
        assert_eq!(told, [(vec!["NonDeterminismError".to_owned()], 3)]);
        let cached = counts.gauge("sticky_cache_size".into());
        cached.record(7, &attributes);
        cached.record(5, &attributes);
        assert_eq!(counts.numbers(SdkNumber::CachedWorkflows), [(vec!["payments".to_owned()], 5)]);
        let wait = counts.histogram_duration("activity_schedule_to_start_latency".into());
        wait.record(Duration::from_millis(7), &attributes);
        let waits = counts.waits(SdkWait::Activity);
        assert_eq!((waits[0].0.as_str(), waits[0].1.number, waits[0].1.in_bucket[1]), ("payments", 1, 1));
        counts.counter("of_no_interest".into()).add(1, &attributes);
    }
}
