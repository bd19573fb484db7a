//! Sending: lanes of batches, each an inquiry that ends with the PSP's word on every payout.

use std::{convert::Infallible, time::Duration};

use domain::{
    Timestamp,
    calendar::Day,
    dead_letter::Awaits,
    failure::Failure,
    inquiry::{Inquiry, Request},
    payout::{
        PayoutStatus,
        batch::{Batch, BatchConclusion, BatchSubject, BatchWait, Divided, Knowledge, PayoutChange},
        plan::DayText,
    },
};
use temporalio_workflow::{WorkflowCancellationToken, WorkflowTermination, common::ActivityDefinition as _, join_all};

use super::state::{Context, PayoutRunWorkflow, run_id};
use crate::{
    dead_letter::{self, FailedStep},
    facts::facts_of,
    inquiry::{self, Driver, Next, PspCall},
    patches::PAYOUT_LANES_END,
    ports::{
        BatchToSend, BeginPayouts, ChangePayouts, LookUpPayouts, NextPayouts, PayoutChanges, PayoutsQuestion,
        RequestPayouts,
    },
    time::{detached, now, until},
    writing::{self, Alarm},
};

/// How many batches are under way at once: one that waits for its outcome holds up no other.
const LANES: usize = 4;
/// How far back the PSP's list is read for a batch that may have left on any day, in milliseconds: longer than a
/// request may stay unanswered.
const LIST_TIME_MS: u64 = 14 * DAY_MS;
/// A day: the PSP's clock may be behind ours.
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// How many days later than planned the PSP may pay, because it did not take the days before.
const MAX_DAYS_LATER: u32 = 30;

/// Whether the history is so long that no other batch begins in it.
pub(super) fn is_too_long(ctx: &Context) -> bool {
    ctx.continue_as_new_suggested() && ctx.patched(PAYOUT_LANES_END)
}

/// Sends every payout that waits, and finds out about those that may have left; or those for which the history is short
/// enough.
pub(super) async fn send_all(ctx: &Context) -> Result<(), WorkflowTermination> {
    let lanes = (0..LANES).map(|_| lane(ctx));
    for ended in join_all(lanes).await {
        ended?;
    }
    Ok(())
}

async fn lane(ctx: &Context) -> Result<(), WorkflowTermination> {
    loop {
        if is_too_long(ctx) {
            return Ok(());
        }
        ctx.wait_condition_with_options(|run| !run.beginning, detached()).await?;
        // Between the wait and this line nothing else runs.
        let busy = ctx.state_mut(|run| {
            run.beginning = true;
            run.busy.iter().copied().collect()
        });
        let next = NextPayouts { run_id: run_id(ctx), now: now(ctx), busy };
        let begun = writing::write_decided(ctx, BeginPayouts, next, "the next payouts leave", |_: Alarm| {}).await;
        ctx.state_mut(|run| run.beginning = false);
        let Some(begun) = begun?.begun else { return Ok(()) };
        ctx.state_mut(|run| run.busy.insert(begun.number));
        send(ctx, begun.batch, begun.left_on).await?;
        ctx.state_mut(|run| run.busy.remove(&begun.number));
    }
}

/// Sends a batch until the PSP's word is known of each of its payouts.
async fn send(ctx: &Context, batch: Batch, left_on: Option<DayText>) -> Result<(), WorkflowTermination> {
    let since = listed_since(ctx, &batch, left_on);
    let mut waiting = vec![batch];
    let mut days_later = 0;
    while let Some(mut batch) = waiting.pop() {
        match conclude(ctx, &batch, since).await? {
            BatchConclusion::Accepted(reports) => {
                change(ctx, reports.into_iter().map(PayoutChange::from).collect()).await?;
            }
            BatchConclusion::Part(reports) => {
                waiting.push(batch.unreported(&reports));
                change(ctx, reports.into_iter().map(PayoutChange::from).collect()).await?;
            }
            BatchConclusion::Refused { offender, failure } => {
                let Divided { refused, again } = batch.divide(offender.as_deref());
                if let Some(refused) = refused {
                    change(ctx, vec![PayoutChange::of(&refused, PayoutStatus::Failed, Some(failure))]).await?;
                }
                waiting.extend(again);
            }
            BatchConclusion::OtherDay(failure) => {
                let Some(day) = batch.pays_on.filter(|_| days_later < MAX_DAYS_LATER) else {
                    fail(ctx, batch, failure).await?;
                    continue;
                };
                days_later += 1;
                batch.pays_on = Some(DayText(day.0.next()));
                batch.may_have_left = false;
                waiting.push(batch);
            }
        }
    }
    Ok(())
}

/// The PSP makes none of these payouts on any day.
async fn fail(ctx: &Context, batch: Batch, failure: Failure) -> Result<(), WorkflowTermination> {
    let failed = |item| PayoutChange::of(item, PayoutStatus::Failed, Some(failure.clone()));
    change(ctx, batch.items.iter().map(failed).collect()).await
}

/// From which day on the PSP lists the payouts of a batch: it pays no payout before the day of the request.
fn listed_since(ctx: &Context, batch: &Batch, left_on: Option<DayText>) -> DayText {
    let now = now(ctx);
    match left_on {
        Some(DayText(day)) => DayText(day.before()),
        None if batch.may_have_left => DayText(Day::of(now.minus_ms(LIST_TIME_MS))),
        None => DayText(Day::of(now.minus_ms(DAY_MS))),
    }
}

async fn conclude(ctx: &Context, batch: &Batch, since: DayText) -> Result<BatchConclusion, WorkflowTermination> {
    let (subject, began_at) = (BatchSubject::new(batch), now(ctx));
    let (inquiry, request) = if batch.may_have_left {
        (Inquiry::resumed(subject, began_at, began_at), None)
    } else {
        let (inquiry, request) = Inquiry::new(subject, began_at);
        (inquiry, Some(request))
    };
    let mut driver = BatchDriver { ctx, inquiry, batch, since };
    let knowledge = match request {
        Some(request) => driver.send(request).await,
        None => driver.look_up().await,
    };
    inquiry::follow(&mut driver, knowledge).await
}

async fn change(ctx: &Context, changes: Vec<PayoutChange>) -> Result<(), WorkflowTermination> {
    let changes = PayoutChanges { run_id: run_id(ctx), changes };
    writing::write_decided(ctx, ChangePayouts, changes, "what came of payouts", |_: Alarm| {}).await
}

/// A batch under way.
struct BatchDriver<'a> {
    ctx: &'a Context,
    inquiry: Inquiry<BatchSubject>,
    batch: &'a Batch,
    since: DayText,
}

impl BatchDriver<'_> {
    async fn look_up(&self) -> Knowledge {
        let ref_payout_ids = self.batch.items.iter().map(|item| item.ref_payout_id.clone()).collect();
        let question = PayoutsQuestion { ref_payout_ids, since: self.since };
        inquiry::look_up_in_list(self.ctx, LookUpPayouts, question).await
    }

    async fn mark(&self, status: PayoutStatus, failure: Option<Failure>) -> Result<(), WorkflowTermination> {
        let changed = |item| PayoutChange::of(item, status, failure.clone());
        change(self.ctx, self.batch.items.iter().map(changed).collect()).await
    }
}

impl Driver for BatchDriver<'_> {
    type Subject = BatchSubject;
    type Stop = WorkflowTermination;

    fn inquiry(&mut self) -> &mut Inquiry<BatchSubject> {
        &mut self.inquiry
    }

    fn now(&self) -> Timestamp {
        now(self.ctx)
    }

    fn circumstances(&self, _knowledge: &Knowledge) {}

    /// The payouts are written down as sent before.
    async fn begin(&mut self) -> Result<(), WorkflowTermination> {
        Ok(())
    }

    async fn send(&mut self, request: Request) -> Knowledge {
        let key_number = self.inquiry.send(request, now(self.ctx));
        let to_send = BatchToSend { batch: self.batch.clone(), idempotency_key: self.batch.key(key_number) };
        inquiry::send(self.ctx, RequestPayouts, to_send, PspCall::brief("sending payouts")).await
    }

    async fn record_wait(&mut self, wait: BatchWait, knowledge: &Knowledge) -> Result<(), WorkflowTermination> {
        match (wait, knowledge) {
            // The rows change when something new is known, not with each look-up.
            (_, Knowledge::Reported(_) | Knowledge::NoReport | Knowledge::UndoRefused(_)) => Ok(()),
            (BatchWait::Moment(failure), _) => self.mark(PayoutStatus::Sending, Some(failure)).await,
            (BatchWait::Outcome, _) => self.mark(PayoutStatus::Unknown, inquiry::outcome_unknown(knowledge)).await,
        }
    }

    async fn ask_after(&mut self, pause_ms: u64, _circumstances: ()) -> Knowledge {
        let replies = self.ctx.state(|run| run.desk.replies());
        let is_asked = move |run: &PayoutRunWorkflow| run.desk.replies() != replies;
        let pause = Duration::from_millis(pause_ms);
        until(self.ctx, is_asked, pause, "before asking the PSP", WorkflowCancellationToken::new()).await;
        self.inquiry.pause_passed();
        self.look_up().await
    }

    async fn begin_undo(
        &mut self,
        never: Infallible,
        _knowledge: &Knowledge,
    ) -> Result<Next<BatchSubject>, WorkflowTermination> {
        match never {}
    }

    async fn undo(&mut self, never: Infallible) -> Knowledge {
        match never {}
    }

    /// Nobody can declare that money was sent or not: a person mends the cause, and the PSP is asked again.
    async fn call_for_help(&mut self, failure: Failure) -> Result<Next<BatchSubject>, WorkflowTermination> {
        let replies = self.ctx.state(|run| run.desk.replies());
        self.mark(PayoutStatus::Stuck, Some(failure.clone())).await?;
        let count = self.batch.items.len();
        let first = self.batch.items.first().map(|item| item.payout_id.to_string()).unwrap_or_default();
        let input = facts_of([("payout_run_id", &run_id(self.ctx)), ("first_payout_id", &first), ("payouts", &count)]);
        let awaits = Awaits::Person { outcomes: Vec::new() };
        let step = RequestPayouts.name().to_owned();
        dead_letter::call(self.ctx, FailedStep { step, failure, input, awaits }).await;
        let is_helped = move |run: &PayoutRunWorkflow| run.desk.reply_since(replies).is_some();
        // The token is detached, so this wait has no other end.
        let _ = self.ctx.wait_condition_with_options(is_helped, detached()).await;
        dead_letter::close_answered(self.ctx).await;
        self.inquiry.start_over(now(self.ctx));
        Ok(Next::Learned(self.look_up().await))
    }
}
