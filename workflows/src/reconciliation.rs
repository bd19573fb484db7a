//! The reconciliation of a day: a workflow for each day, which compares layer by layer and gives a verdict at the end.
//!
//! Findings are kept in the database as they come, and become breaks with the verdict alone: where one source could not
//! be read to its end, nothing is opened and nothing is closed. Each step is a slice of a layer, so that a large day
//! makes many short activities; a step that runs twice finds the same.
#![expect(missing_docs, reason = "`#[workflow_methods]` expands each method to a constant without a docstring")]

use std::time::Duration;

use domain::{
    Timestamp,
    calendar::{Day, Holidays},
    id::BreakId,
    reconciliation::{Act, Actor, Layer},
};
use serde::{Deserialize, Serialize};
use temporalio_workflow::{
    ActivityOptions, ChildWorkflowOptions, ParentClosePolicy, WorkflowCancellationToken, WorkflowContext,
    WorkflowContextView, WorkflowResult, common::ActivityDefinition, workflow, workflow_methods,
};

use crate::{
    checkout::CheckoutWorkflow,
    dead_letter::AskPsp,
    patches::NOMINAL_DAY,
    payout_run::{PayoutNews, PayoutRunWorkflow},
    ports::ports,
    task::readable,
    time::{nominal, now},
    write_options::until_it_succeeds,
};

/// The workflow type's name; permanent.
pub const WORKFLOW_TYPE: &str = "reconciliation";
/// The type of the workflow that the schedule starts each morning; permanent.
pub const DAILY_TYPE: &str = "reconciliation_daily";
/// After how much silence of a step another worker takes it up.
pub const HEARTBEAT_TIME: Duration = Duration::from_secs(60);
/// How old a movement at the PSP must be before it counts as late, unless a caller says otherwise.
pub const GRACE_MS: u64 = 60 * 60 * 1_000;
/// How many days before a day its settlements are pulled again: rows can come late.
const LOOK_BACK_DAYS: u32 = 7;
/// At least how many business days these are. A row counts as overdue after three, and a run may have no verdict:
/// before a long holiday, seven days would end before anybody is told of a row that never came.
const LOOK_BACK_BUSINESS_DAYS: u16 = 5;
/// How many hours of transactions one step compares.
const SLICE_HOURS: u64 = 6;
const HOUR_MS: u64 = 60 * 60 * 1_000;
const DAY_HOURS: u64 = 24;
/// How long one step may take.
const STEP_TIME: Duration = Duration::from_secs(30 * 60);
/// How long a short write may take.
const WRITE_TIME: Duration = Duration::from_secs(60);
/// The first and the longest pause after an activity that failed.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];

ports! {
    /// The name of every port of reconciliations. Tests count their steps by it.
    list OF_RECONCILIATION:
    /// Writes that a run begins. Safe to repeat: the run's id is the key.
    BeginRun = "reconciliation.begin": Run => Option<Begun>;
    /// Compares one slice of one layer, and keeps what it found. Safe to repeat: run and break are the key of a
    /// finding, and the transaction key that of a booking.
    TakeStep = "reconciliation.step": StepRequest => StepOutcome;
    /// Opens, closes and sees breaks again, with the verdict, in one transaction. Safe to repeat: the run's id is the
    /// key.
    ConcludeRun = "reconciliation.conclude": Conclusion => Concluded;
    /// Holds sellers' money for breaks that a person has to decide. Safe to repeat: break and order are the hold's key.
    HoldMoney = "reconciliation.hold": Run => u64;
    /// Carries out an act on a break. Safe to repeat: break and version are the key.
    ActOnBreak = "break.act": BreakAct => BreakActed;
}

/// A reconciliation that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconciliationInput {
    /// The day in Korea, `2026-11-21`.
    pub day: String,
    /// The day on which deadlines are judged; today where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// How old a movement must be before it counts as late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_ms: Option<u64>,
    /// After how much silence of an activity another worker takes it up; a minute, unless a caller says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence_ms: Option<u64>,
}

/// A run, as its steps know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    pub run_id: String,
    pub day: String,
    /// The day on which deadlines are judged.
    pub as_of: String,
    /// What the PSP moved after it may not be booked yet.
    pub settled_by: Timestamp,
    /// The first day of sale whose settlements it looks at; a week before its day where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_from: Option<String>,
}

/// What the worker that begins a run says of it. Absent in histories that are older than it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// The first day of sale whose settlements the run looks at, by the holidays that are set.
    pub settled_from: String,
}

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Our books against each other.
    Internal,
    /// Transactions from one instant until another.
    Transactions { from: Timestamp, to: Timestamp },
    /// Reads the rows of a day of sale, twice.
    PullSettlements { sold_on: String },
    /// Reads the payout balance and compares nothing: a source that cannot be read is known before anything is booked.
    ReadPayoutBalance,
    /// Books the rows of a day of sale, and compares them with what was captured.
    Settle { sold_on: String },
    /// Payouts by name, and the payout balance.
    PayoutBalance,
    /// Lines of bank statements.
    Bank,
}

impl Step {
    /// The layer that the step is a part of.
    pub const fn layer(&self) -> Layer {
        match self {
            Self::Internal => Layer::Internal,
            Self::Transactions { .. } => Layer::Transactions,
            Self::PullSettlements { .. } | Self::Settle { .. } => Layer::Settlements,
            Self::ReadPayoutBalance | Self::PayoutBalance => Layer::PayoutBalance,
            Self::Bank => Layer::Bank,
        }
    }
}

/// A step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRequest {
    pub run: Run,
    pub step: Step,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    /// It is compared.
    Done {
        /// Counts and sums, added up by name.
        #[serde(default)]
        figures: std::collections::BTreeMap<String, i64>,
    },
    /// The contract does not offer the source.
    LeftOut { reason: String },
    /// The source could not be read to its end.
    Incomplete { reason: String },
}

/// How a run ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conclusion {
    pub run: Run,
    /// Each step and its outcome, in their order.
    pub layers: Vec<LayerOutcome>,
    /// Why there is no verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<String>,
}

/// What one layer came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerOutcome {
    pub layer: String,
    #[serde(default)]
    pub figures: std::collections::BTreeMap<String, i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concluded {
    /// `CLEAN`, `BREAKS` or `NO_VERDICT`.
    pub status: String,
    /// Workflows that may catch up when they ask the PSP.
    #[serde(default)]
    pub to_ask: Vec<String>,
    /// Payouts that may catch up when their workflows ask the PSP.
    #[serde(default)]
    pub payouts_to_ask: Vec<PayoutToAsk>,
}

/// A payout of which the PSP's word is not in the books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutToAsk {
    /// The workflow of its run.
    pub workflow_id: String,
    /// Our name of the payout.
    pub ref_payout_id: String,
}

/// An act of a person on a break.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakAct {
    pub break_id: BreakId,
    /// The version that the person saw.
    pub version: u32,
    pub act: Act,
    pub by: Actor,
    pub reason: String,
}

/// What came of an act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakActed {
    Done,
    /// A second principal has to decide.
    FourEyes {
        detail: String,
    },
    Refused {
        detail: String,
    },
}

/// The reconciliation of one day.
#[workflow]
pub struct ReconciliationWorkflow {
    input: ReconciliationInput,
}

/// The reconciliation of the day before, each morning.
#[workflow]
pub struct DailyReconciliationWorkflow;

/// An act on a break.
#[workflow]
pub struct BreakActWorkflow {
    input: BreakAct,
}

/// The id of the workflow that reconciles a day.
pub fn workflow_id(day: Day) -> String {
    format!("reconciliation.{day}")
}

/// The id of the workflow of an act on a break: one act for each version.
pub fn act_workflow_id(break_id: &BreakId, version: u32) -> String {
    format!("break.{break_id}.{version}")
}

#[workflow_methods]
impl ReconciliationWorkflow {
    #[init]
    fn new(_ctx: &WorkflowContextView, input: ReconciliationInput) -> Self {
        Self { input }
    }

    /// Compares the layers and answers the verdict.
    #[run(name = "reconciliation")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        let input = ctx.state(|reconciliation| reconciliation.input.clone());
        let began = now(ctx);
        let today = Day::of(began);
        let day: Day = input.day.parse().unwrap_or_else(|_| today.before());
        let grace_ms = input.grace_ms.unwrap_or(GRACE_MS);
        let silence = input.silence_ms.map_or(HEARTBEAT_TIME, Duration::from_millis);
        let mut run = Run {
            run_id: ctx.run_id().to_owned(),
            day: day.to_string(),
            as_of: input.as_of.unwrap_or_else(|| today.to_string()),
            settled_by: began.minus_ms(grace_ms),
            settled_from: None,
        };
        let begun = ctx.execute_activity(BeginRun, run.clone(), write_options("begin the run", silence)).await;
        run.settled_from = readable(begun)?.map(|begun| begun.settled_from);
        let mut conclusion = Conclusion { run: run.clone(), layers: Vec::new(), incomplete: None };
        for step in steps(&run, day, began) {
            ctx.set_current_details(format!("the reconciliation of {day}: {}", summary(&step)));
            let request = StepRequest { run: run.clone(), step: step.clone() };
            let outcome = readable(ctx.execute_activity(TakeStep, request, step_options(&step, silence)).await)?;
            if !note(&mut conclusion, &step, outcome) {
                break;
            }
        }
        let options = write_options("conclude the run", silence);
        let concluded = readable(ctx.execute_activity(ConcludeRun, conclusion, options).await)?;
        // Safe repairs: sellers' money is held where a person has to decide.
        let options = write_options("hold sellers' money", silence);
        readable(ctx.execute_activity(HoldMoney, run, options).await)?;
        ask_workflows(ctx, &concluded).await;
        ctx.set_current_details(format!("the reconciliation of {day}: {}", concluded.status));
        Ok(concluded.status)
    }
}

/// Workflows are asked to look at the PSP. Nothing is posted past the workflow that owns a payment.
async fn ask_workflows(ctx: &WorkflowContext<ReconciliationWorkflow>, concluded: &Concluded) {
    for workflow_id in &concluded.to_ask {
        let ask = AskPsp { by: "rule:reconciliation/1".to_owned() };
        let workflow = ctx.external_workflow(workflow_id, None);
        // One that has ended takes no signal: its break stays open, and the next run classes it anew.
        let _ = workflow.signal(CheckoutWorkflow::ask_psp, ask.into(), Default::default()).await;
    }
    for PayoutToAsk { workflow_id, ref_payout_id } in &concluded.payouts_to_ask {
        let news = PayoutNews { ref_payout_id: ref_payout_id.clone(), window_ends_at: None };
        let workflow = ctx.external_workflow(workflow_id, None);
        let _ = workflow.signal(PayoutRunWorkflow::psp_nudge, news.into(), Default::default()).await;
    }
}

/// Answers whether the run goes on.
fn note(conclusion: &mut Conclusion, step: &Step, outcome: StepOutcome) -> bool {
    let name = step.layer().as_str();
    let index = conclusion.layers.iter().position(|layer| layer.layer == name);
    let index = index.unwrap_or_else(|| {
        let layer = name.to_owned();
        conclusion.layers.push(LayerOutcome { layer, figures: Default::default(), left_out: None });
        conclusion.layers.len() - 1
    });
    let Some(layer) = conclusion.layers.get_mut(index) else { return false };
    match outcome {
        StepOutcome::Done { figures } => {
            for (figure, amount) in figures {
                let sum = layer.figures.entry(figure).or_default();
                *sum = sum.saturating_add(amount);
            }
        }
        StepOutcome::LeftOut { reason } => layer.left_out = Some(reason),
        StepOutcome::Incomplete { reason } => {
            conclusion.incomplete = Some(reason);
            return false;
        }
    }
    true
}

/// The steps of a day. Whole sources are read before anything is booked from them.
fn steps(run: &Run, day: Day, began: Timestamp) -> Vec<Step> {
    let mut steps = vec![Step::Internal];
    let end = day.next().start().min(began.plus_ms(1));
    for slice in 0..DAY_HOURS / SLICE_HOURS {
        let from = day.start().plus_ms(slice * SLICE_HOURS * HOUR_MS);
        let to = from.plus_ms(SLICE_HOURS * HOUR_MS).min(end);
        if from < to {
            steps.push(Step::Transactions { from, to });
        }
    }
    let days = run.settled_days(day);
    steps.extend(days.iter().map(|sold_on| Step::PullSettlements { sold_on: sold_on.to_string() }));
    steps.push(Step::ReadPayoutBalance);
    steps.extend(days.iter().map(|sold_on| Step::Settle { sold_on: sold_on.to_string() }));
    steps.extend([Step::PayoutBalance, Step::Bank]);
    steps
}

impl Run {
    /// The days of sale whose settlements the run of a day looks at, the oldest first.
    pub fn settled_days(&self, day: Day) -> Vec<Day> {
        let from: Option<Day> = self.settled_from.as_deref().and_then(|from| from.parse().ok());
        from.unwrap_or_else(|| week_before(day)).through(day).collect()
    }
}

/// The first day of sale whose settlements the run of a day looks at.
pub fn settled_from(day: Day, holidays: &Holidays) -> Day {
    week_before(day).min(holidays.business_days_before(day, LOOK_BACK_BUSINESS_DAYS))
}

fn week_before(day: Day) -> Day {
    (0..LOOK_BACK_DAYS).fold(day, |day, _| day.before())
}

fn summary(step: &Step) -> String {
    match step {
        Step::Internal => "our books against each other".to_owned(),
        Step::Transactions { from, .. } => format!("transactions from {}", domain::calendar::KoreanTime(*from)),
        Step::PullSettlements { sold_on } => format!("read the settlement rows of {sold_on}"),
        Step::Settle { sold_on } => format!("book the settlement rows of {sold_on}"),
        Step::ReadPayoutBalance | Step::PayoutBalance => "the payout balance".to_owned(),
        Step::Bank => "bank lines".to_owned(),
    }
}

fn step_options(step: &Step, silence: Duration) -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(STEP_TIME)
        .heartbeat_timeout(silence)
        .retry_policy(until_it_succeeds(PAUSES))
        .summary(summary(step))
        .build()
}

fn write_options(summary: &'static str, time: Duration) -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(time)
        .retry_policy(until_it_succeeds(PAUSES))
        .summary(summary.to_owned())
        .build()
}

#[workflow_methods]
impl DailyReconciliationWorkflow {
    #[init]
    fn new(_ctx: &WorkflowContextView, (): ()) -> Self {
        Self
    }

    /// Reconciles the day before the schedule's, by a workflow that has the id of the day. A morning that is made up
    /// for later is about its own day.
    #[run(name = "reconciliation_daily")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let morning = if ctx.patched(NOMINAL_DAY) { nominal(ctx) } else { now(ctx) };
        let yesterday = Day::of(morning).before();
        let input = ReconciliationInput { day: yesterday.to_string(), as_of: None, grace_ms: None, silence_ms: None };
        let options = ChildWorkflowOptions::builder()
            .workflow_id(workflow_id(yesterday))
            .parent_close_policy(ParentClosePolicy::Abandon)
            .cancellation_token(WorkflowCancellationToken::new())
            .static_summary(format!("the reconciliation of {yesterday}"))
            .build();
        // Where a person has started it already, that run is the day's.
        let _ = ctx.start_child_workflow(ReconciliationWorkflow::run, input, options).await;
        Ok(())
    }
}

#[workflow_methods]
impl BreakActWorkflow {
    #[init]
    fn new(_ctx: &WorkflowContextView, input: BreakAct) -> Self {
        Self { input }
    }

    /// Carries the act out once.
    #[run(name = "break_act")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<BreakActed> {
        let input = ctx.state(|act| act.input.clone());
        Ok(readable(ctx.execute_activity(ActOnBreak, input, write_options("act on the break", WRITE_TIME)).await)?)
    }
}
