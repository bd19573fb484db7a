//! Carrying out the steps of an inquiry: calls to the PSP, pauses, the undo, the call for a person.
//!
//! [`domain::inquiry`] decides each step; [`follow`] carries it out by a [`Driver`], which knows the ports and the
//! records of its subject. Charges and refunds are followed here.

use std::time::Duration;

use domain::{
    Timestamp,
    failure::{Failure, OurCode},
    inquiry::{At, Doubt, Inquiry, Knowledge, KnowledgeOf, Request, Step, Subject},
};
use temporalio_workflow::{
    ActivityCloseTimeouts, ActivityExecutionError, ActivityOptions, RetryPolicy, WorkflowCancellationToken,
    WorkflowContext,
    common::{
        ActivityDefinition,
        data_converters::{TemporalDeserializable, TemporalSerializable},
        error::IncomingError,
    },
};

use crate::{
    ports,
    task::{self, readable},
    write_options::listed_write,
};

/// How long one call to the PSP may take: its answer time and the way to it.
const PSP_CALL_TIME: Duration = Duration::from_secs(5);
/// How long all attempts to send one request may take: less than the buyer's browser waits. For so long the record of a
/// new charge says `NOT_STARTED`.
const SENDING_TIME: Duration = Duration::from_secs(8);
/// How often a request that was provably not carried out is sent before the PSP is asked about it.
const SENDING_ATTEMPTS: u32 = 5;
/// How long all attempts to charge a saved card may take: the PSP asks its clients to wait a minute for the answer, and
/// no browser waits meanwhile. Source: Toss Payments, `/v1/billing/{billingKey}`.
const PATIENT_SENDING_TIME: Duration = Duration::from_secs(75);
/// How long one attempt may take of it.
const PATIENT_CALL_TIME: Duration = Duration::from_secs(65);
/// How soon Temporal learns that the worker of such an attempt is gone.
const PATIENT_HEARTBEAT_TIME: Duration = Duration::from_secs(15);
/// The pause after the first attempt; it doubles: 1 s, 2 s, 4 s, 8 s.
const FIRST_SENDING_PAUSE: Duration = Duration::from_secs(1);

/// What the Temporal UI shows of a look-up.
const ASKING: &str = "asking what happened";

/// What a subject brings to the steps of its inquiry.
pub trait Driver {
    /// What the inquiry is about.
    type Subject: Subject;
    /// Why the workflow cannot go on.
    type Stop;

    /// The inquiry.
    fn inquiry(&mut self) -> &mut Inquiry<Self::Subject>;

    /// The time.
    fn now(&self) -> Timestamp;

    /// What matters to the next decision besides the time.
    fn circumstances(&self, knowledge: &KnowledgeOf<Self::Subject>) -> CircumstancesOf<Self>;

    /// Makes sure that the record names the request. The inquiry goes on after it.
    fn begin(&mut self) -> impl Future<Output = Result<(), Self::Stop>>;

    /// Sends the request.
    fn send(&mut self, request: Request) -> impl Future<Output = KnowledgeOf<Self::Subject>>;

    /// Writes down what is waited for, where the record does not say so yet.
    fn record_wait(
        &mut self,
        wait: <Self::Subject as Subject>::Wait,
        knowledge: &KnowledgeOf<Self::Subject>,
    ) -> impl Future<Output = Result<(), Self::Stop>>;

    /// Asks the PSP after a pause.
    fn ask_after(
        &mut self,
        pause_ms: u64,
        circumstances: CircumstancesOf<Self>,
    ) -> impl Future<Output = KnowledgeOf<Self::Subject>>;

    /// Begins the undo, and asks the PSP what it holds.
    fn begin_undo(
        &mut self,
        reason: <Self::Subject as Subject>::UndoReason,
        knowledge: &KnowledgeOf<Self::Subject>,
    ) -> impl Future<Output = Result<Next<Self::Subject>, Self::Stop>>;

    /// Tells the PSP to undo the request.
    fn undo(
        &mut self,
        reason: <Self::Subject as Subject>::UndoReason,
    ) -> impl Future<Output = KnowledgeOf<Self::Subject>>;

    /// Calls a person, and waits for their answer.
    fn call_for_help(&mut self, failure: Failure) -> impl Future<Output = Result<Next<Self::Subject>, Self::Stop>>;
}

/// The circumstances of a driver's subject.
pub type CircumstancesOf<D> = <<D as Driver>::Subject as Subject>::Circumstances;

/// The conclusion of a driver's subject.
pub type ConclusionOf<D> = <<D as Driver>::Subject as Subject>::Conclusion;

/// How an inquiry goes on.
#[derive(Debug)]
pub enum Next<S: Subject> {
    /// With what was learned.
    Learned(KnowledgeOf<S>),
    /// It has ended.
    Concluded(S::Conclusion),
}

/// Follows an inquiry from what is known to its conclusion.
pub async fn follow<D: Driver>(
    driver: &mut D,
    mut knowledge: KnowledgeOf<D::Subject>,
) -> Result<ConclusionOf<D>, D::Stop> {
    loop {
        let at = At { now: driver.now(), circumstances: driver.circumstances(&knowledge) };
        let step = driver.inquiry().next(&knowledge, at);
        if !matches!(step, Step::Conclude(_)) {
            driver.begin().await?;
        }
        let next = match step {
            Step::Conclude(conclusion) => Next::Concluded(conclusion),
            Step::Send(request) => Next::Learned(driver.send(request).await),
            Step::Ask { pause_ms, wait } => {
                driver.record_wait(wait, &knowledge).await?;
                Next::Learned(driver.ask_after(pause_ms, at.circumstances).await)
            }
            Step::BeginUndo(reason) => driver.begin_undo(reason, &knowledge).await?,
            Step::Undo(reason) => Next::Learned(driver.undo(reason).await),
            Step::CallForHelp(failure) => driver.call_for_help(failure).await?,
        };
        match next {
            Next::Learned(learned) => knowledge = learned,
            Next::Concluded(conclusion) => return Ok(conclusion),
        }
    }
}

/// Sends a request to the PSP.
pub(crate) async fn send<W, P, R>(
    ctx: &WorkflowContext<W>,
    port: P,
    request: P::Input,
    call: PspCall,
) -> Knowledge<P::Output, R>
where
    P: ActivityDefinition + Copy + 'static,
    P::Input: TemporalSerializable,
    P::Output: TemporalDeserializable,
{
    match readable(ctx.execute_activity(port, request, call.options()).await) {
        Ok(answer) => Knowledge::Answered(answer),
        Err(error) => Knowledge::Lost(doubt_of(&error)),
    }
}

/// Asks the PSP what came of a request.
pub(crate) async fn look_up<W, P, A>(ctx: &WorkflowContext<W>, port: P, question: P::Input) -> Knowledge<A, P::Output>
where
    P: ActivityDefinition + Copy + 'static,
    P::Input: TemporalSerializable,
    P::Output: TemporalDeserializable,
{
    let timeouts = ActivityCloseTimeouts::StartToClose(PSP_CALL_TIME);
    let call = PspCall { timeouts, attempts: 1, heartbeat: None, summary: ASKING };
    report(ctx, port, question, call.options()).await
}

/// Asks the PSP what came of a request, by a port that reads a list of the PSP and sends a heartbeat with each page.
pub(crate) async fn look_up_in_list<W, P, A>(
    ctx: &WorkflowContext<W>,
    port: P,
    question: P::Input,
) -> Knowledge<A, P::Output>
where
    P: ActivityDefinition + Copy + 'static,
    P::Input: TemporalSerializable,
    P::Output: TemporalDeserializable,
{
    let once = RetryPolicy::builder().maximum_attempts(1).build();
    report(ctx, port, question, listed_write(once, ASKING)).await
}

async fn report<W, P, A>(
    ctx: &WorkflowContext<W>,
    port: P,
    question: P::Input,
    options: ActivityOptions,
) -> Knowledge<A, P::Output>
where
    P: ActivityDefinition + Copy + 'static,
    P::Input: TemporalSerializable,
    P::Output: TemporalDeserializable,
{
    match readable(ctx.execute_activity(port, question, options).await) {
        Ok(report) => Knowledge::Reported(report),
        Err(_) => Knowledge::NoReport,
    }
}

/// Tells the PSP to undo a request. What came of it is only believed where `proof` finds it in the answer.
pub(crate) async fn undo<W, P, A>(
    ctx: &WorkflowContext<W>,
    port: P,
    request: P::Input,
    proof: impl FnOnce(P::Output) -> Option<P::Output>,
) -> Knowledge<A, P::Output>
where
    P: ActivityDefinition + Copy + 'static,
    P::Input: TemporalSerializable,
    P::Output: TemporalDeserializable,
{
    let timeouts = ActivityCloseTimeouts::StartToClose(PSP_CALL_TIME);
    let summary = "giving the payment back";
    let call = PspCall { timeouts, attempts: SENDING_ATTEMPTS, heartbeat: None, summary };
    match readable(ctx.execute_activity(port, request, call.options()).await) {
        // Anything else does not prove that nothing is held: ask again, after a pause.
        Ok(answer) => proof(answer).map_or(Knowledge::NoReport, Knowledge::Reported),
        Err(error) => doubt_of(&error).refusal.map_or(Knowledge::NoReport, Knowledge::UndoRefused),
    }
}

/// How the PSP is called.
pub(crate) struct PspCall {
    timeouts: ActivityCloseTimeouts,
    attempts: u32,
    heartbeat: Option<Duration>,
    summary: &'static str,
}

impl PspCall {
    /// A request whose answer comes within seconds.
    pub(crate) const fn brief(summary: &'static str) -> Self {
        let timeouts = ActivityCloseTimeouts::ScheduleAndStartToClose {
            schedule_to_close: SENDING_TIME,
            start_to_close: PSP_CALL_TIME,
        };
        Self { timeouts, attempts: SENDING_ATTEMPTS, heartbeat: None, summary }
    }

    /// A request that takes up to a minute, by a port that sends heartbeats meanwhile.
    pub(crate) const fn patient(summary: &'static str) -> Self {
        let timeouts = ActivityCloseTimeouts::ScheduleAndStartToClose {
            schedule_to_close: PATIENT_SENDING_TIME,
            start_to_close: PATIENT_CALL_TIME,
        };
        Self { timeouts, attempts: SENDING_ATTEMPTS, heartbeat: Some(PATIENT_HEARTBEAT_TIME), summary }
    }

    /// The call is not cut off when the workflow is canceled: its outcome has to be known.
    fn options(self) -> ActivityOptions {
        let policy = RetryPolicy::builder()
            .initial_interval(FIRST_SENDING_PAUSE)
            .backoff_coefficient(2.0)
            .maximum_attempts(self.attempts);
        ActivityOptions::with_close_timeouts(self.timeouts)
            .retry_policy(policy.build())
            .maybe_heartbeat_timeout(self.heartbeat)
            .summary(self.summary)
            .cancellation_token(WorkflowCancellationToken::new())
            .build()
    }
}

/// Why the outcome is unknown, for the record; `None` where nothing was lost.
pub(crate) fn outcome_unknown<A, R>(knowledge: &Knowledge<A, R>) -> Option<Failure> {
    match knowledge {
        Knowledge::Lost(doubt) => Some(Failure::new(OurCode::OutcomeUnknown, doubt.evidence.clone())),
        Knowledge::Answered(_) | Knowledge::Reported(_) | Knowledge::NoReport | Knowledge::UndoRefused(_) => None,
    }
}

/// The doubt that a failed call leaves: in the activity's words if it has any, otherwise that no answer came.
fn doubt_of(error: &ActivityExecutionError) -> Doubt {
    let told = match error.cause() {
        Some(IncomingError::Application(failure)) if failure.type_name() == Some(ports::DOUBT) => {
            failure.details::<Doubt>().unwrap_or_else(|error| task::fail(format!("a doubt is unreadable: {error}")))
        }
        _ => None,
    };
    told.unwrap_or_else(|| Doubt::unanswered("the call to the PSP did not return".to_owned()))
}
