//! The registration of one seller at the PSP, followed for as long as there is something to follow.
//!
//! A run begins whenever a principal changes the seller or the PSP says something, and reads what is written each time.
//! So no signal carries what is new, and a lost one costs a pause. Details of the seller are in no history: an activity
//! reads them when it sends them.
#![expect(missing_docs, reason = "`#[workflow_methods]` expands each method to a constant without a docstring")]

use std::time::Duration;

use domain::{
    Timestamp,
    id::{PspSellerId, SellerAccount},
    inquiry,
    seller::registration::{
        RegistrationChange, RegistrationEvent, RegistrationStep, SellerAnswer, SellerSending, pause_ms,
    },
};
use serde::{Deserialize, Serialize};
use temporalio_workflow::{
    ActivityOptions, ContinueAsNewOptions, SyncWorkflowContext, TimerOptions, WorkflowCancellationToken,
    WorkflowContext, WorkflowContextView, WorkflowResult,
    common::{
        ActivityDefinition,
        data_converters::{TemporalDeserializable, TemporalSerializable},
    },
    workflow, workflow_methods,
};

use crate::{
    echo::Echo,
    ports::{
        ChangeSeller, DeleteSeller, LookUpSeller, ReadSeller, RecordSeller, RegisterSeller, SellerName, SellerQuestion,
        SellerReport,
    },
    signal::{Received, SignalCount, read_signal},
    task::readable,
    time::{now, until},
    write_options::until_it_succeeds,
};

/// The workflow type's name; permanent.
pub const WORKFLOW_TYPE: &str = "seller";
/// How long one call to the PSP or one write may take: a list of sellers may have many pages.
const CALL_TIME: Duration = Duration::from_secs(60);
/// The first and the longest pause after a call that failed.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(10 * 60)];
/// The longest pause before a sending under another idempotency key, in milliseconds: an hour.
const LONGEST_KEY_PAUSE_MS: u64 = 60 * 60 * 1_000;
/// How many steps one run takes, so that its history stays short.
const STEPS: u32 = 200;

/// The id of the workflow that follows a seller. An account may hold a dot, which no other part of the id needs.
pub fn workflow_id(seller: &SellerAccount) -> String {
    format!("seller.{seller}")
}

/// What starts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SellerInput {
    /// The seller.
    pub seller: SellerAccount,
    /// How many pauses have passed since the PSP last said something new.
    #[serde(default)]
    pub pauses: u32,
    /// How many idempotency keys are spent on answers that do not tell.
    #[serde(default)]
    pub spent_keys: u32,
    /// When the PSP is asked for news that Temporal left out.
    #[serde(default)]
    pub echo: Echo,
}

impl SellerInput {
    /// The beginning.
    pub fn new(seller: SellerAccount) -> Self {
        Self { seller, pauses: 0, spent_keys: 0, echo: Echo::default() }
    }
}

/// Something is new: the seller has to be read again. A workflow believes no more of it than that.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SellerChanged {
    /// What is new, for a reader of the history.
    #[serde(default)]
    pub because: String,
    /// Until when further news of the PSP is left out; the PSP is asked once more after that.
    #[serde(default)]
    pub window_ends_at: Option<Timestamp>,
}

/// The registration of one seller.
#[workflow]
pub struct SellerWorkflow {
    input: SellerInput,
    /// How many signals were taken.
    changes: u32,
    signals: SignalCount,
}

/// How a step ended.
enum Stepped {
    /// The next one follows at once.
    On,
    /// There is nothing to follow.
    Rests,
}

#[workflow_methods]
impl SellerWorkflow {
    #[init]
    fn new(_ctx: &WorkflowContextView, input: SellerInput) -> Self {
        Self { input, changes: 0, signals: SignalCount::default() }
    }

    /// Follows the seller until there is nothing to follow.
    #[run(name = "seller")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        for _ in 0..STEPS {
            let changes = ctx.state(|seller| seller.changes);
            match step(ctx, changes).await? {
                Stepped::On => {}
                Stepped::Rests if ctx.state(|seller| seller.changes) == changes => return Ok(()),
                Stepped::Rests => {}
            }
            if ctx.continue_as_new_suggested() {
                break;
            }
        }
        let input = ctx.state(|seller| seller.input.clone());
        ctx.continue_as_new(input, ContinueAsNewOptions::default())?;
        Ok(())
    }

    /// Something is new: the seller is read again.
    #[signal(name = "changed")]
    pub fn changed(&mut self, ctx: &mut SyncWorkflowContext<Self>, changed: Received<SellerChanged>) {
        if let Some(changed) = read_signal(ctx, &mut self.signals, changed) {
            self.input.echo.add(changed.window_ends_at);
            self.changes = self.changes.saturating_add(1);
            self.input.pauses = 0;
        }
    }
}

async fn step(ctx: &WorkflowContext<SellerWorkflow>, changes: u32) -> WorkflowResult<Stepped> {
    let seller = ctx.state(|seller| seller.input.seller.clone());
    let state = call(ctx, ReadSeller, SellerName { seller }, "read the seller").await?;
    match state.next() {
        RegistrationStep::Rest => Ok(Stepped::Rests),
        RegistrationStep::Register(sending) => {
            let event = RegistrationEvent::Begun {
                ref_seller_id: sending.ref_seller_id.clone(),
                business_type: sending.wanted.business_type,
            };
            record(ctx, sending.number, event).await?;
            let sending = sending.under_key(ctx.state(|seller| seller.input.spent_keys));
            let answer = call(ctx, RegisterSeller, sending.clone(), "register the seller").await?;
            answered(ctx, &sending, answer).await
        }
        RegistrationStep::Change(sending) => {
            let sending = sending.under_key(ctx.state(|seller| seller.input.spent_keys));
            let answer = call(ctx, ChangeSeller, sending.clone(), "change the seller").await?;
            answered(ctx, &sending, answer).await
        }
        RegistrationStep::Delete(psp_seller_id) => {
            let number = state.last.as_ref().map_or(0, |last| last.number);
            delete(ctx, number, psp_seller_id).await
        }
        RegistrationStep::Follow { psp_seller_id, longest_pause_ms } => {
            let number = state.last.as_ref().map_or(0, |last| last.number);
            follow(ctx, Followed { number, psp_seller_id, longest_pause_ms, changes }).await
        }
    }
}

async fn answered(
    ctx: &WorkflowContext<SellerWorkflow>,
    sending: &SellerSending,
    answer: SellerAnswer,
) -> WorkflowResult<Stepped> {
    if answer == SellerAnswer::Again {
        let spent = ctx.state_mut(|seller| {
            seller.input.spent_keys = seller.input.spent_keys.saturating_add(1);
            seller.input.spent_keys
        });
        let pause = Duration::from_millis(inquiry::pause_ms(spent, LONGEST_KEY_PAUSE_MS));
        ctx.timer(TimerOptions::builder(pause).summary("before another key".to_owned()).build()).await;
        return Ok(Stepped::On);
    }
    ctx.state_mut(|seller| seller.input.spent_keys = 0);
    let event = RegistrationEvent::Answered { sent: sending.wanted, answer };
    record(ctx, sending.number, event).await?;
    Ok(Stepped::On)
}

async fn delete(
    ctx: &WorkflowContext<SellerWorkflow>,
    number: u32,
    psp_seller_id: PspSellerId,
) -> WorkflowResult<Stepped> {
    let seller = ctx.state(|seller| seller.input.seller.clone());
    call(ctx, DeleteSeller, SellerQuestion { seller, psp_seller_id }, "delete the registration").await?;
    record(ctx, number, RegistrationEvent::Deleted).await?;
    Ok(Stepped::On)
}

/// A registration that is followed.
struct Followed {
    number: u32,
    psp_seller_id: PspSellerId,
    longest_pause_ms: u64,
    /// How many signals were taken before the seller was read.
    changes: u32,
}

/// Asks the PSP, and waits for a signal or a pause.
async fn follow(ctx: &WorkflowContext<SellerWorkflow>, followed: Followed) -> WorkflowResult<Stepped> {
    let Followed { number, psp_seller_id, longest_pause_ms, changes } = followed;
    let seller = ctx.state(|seller| seller.input.seller.clone());
    let question = SellerQuestion { seller, psp_seller_id };
    ctx.state_mut(|seller| seller.input.echo.asked_at(now(ctx)));
    let event = match call(ctx, LookUpSeller, question, "ask how far the seller is").await? {
        SellerReport::Known(approval) => RegistrationEvent::Seen { approval },
        SellerReport::Gone => RegistrationEvent::Deleted,
    };
    let is_gone = event == RegistrationEvent::Deleted;
    record(ctx, number, event).await?;
    if is_gone {
        return Ok(Stepped::On);
    }
    let (pauses, echo) = ctx.state(|seller| (seller.input.pauses, seller.input.echo));
    let pause = echo.shortens(Duration::from_millis(pause_ms(pauses, longest_pause_ms)), now(ctx));
    let token = WorkflowCancellationToken::new();
    until(ctx, move |seller| seller.changes != changes, pause, "the next question to the PSP", token).await;
    ctx.state_mut(|seller| {
        if seller.changes == changes {
            seller.input.pauses = seller.input.pauses.saturating_add(1);
        }
    });
    Ok(Stepped::On)
}

async fn record(ctx: &WorkflowContext<SellerWorkflow>, number: u32, event: RegistrationEvent) -> WorkflowResult<()> {
    let seller = ctx.state(|seller| seller.input.seller.clone());
    call(ctx, RecordSeller, RegistrationChange { seller, number, event, at: now(ctx) }, "write what came of it").await
}

/// Asks a port until it answers. It goes on when the workflow is canceled: what was sent has to be known.
async fn call<P>(
    ctx: &WorkflowContext<SellerWorkflow>,
    port: P,
    input: P::Input,
    summary: &'static str,
) -> WorkflowResult<P::Output>
where
    P: ActivityDefinition + Copy + 'static,
    P::Input: TemporalSerializable,
    P::Output: TemporalDeserializable,
{
    let options = ActivityOptions::with_start_to_close_timeout(CALL_TIME)
        .retry_policy(until_it_succeeds(PAUSES))
        .summary(summary)
        .cancellation_token(WorkflowCancellationToken::new())
        .build();
    Ok(readable(ctx.execute_activity(port, input, options).await)?)
}
