//! Payouts: runs and their rows, and the calls to the PSP that send money to sellers.
#![expect(missing_docs, reason = "`#[activities]` expands each method to a constant without a docstring")]

pub(crate) mod words;

use std::{collections::HashSet, sync::Arc};

use domain::{
    calendar::Day,
    failure::{Failure, OurCode},
    payout::{
        PayoutStatus,
        batch::{BatchAnswer, BatchRefusal, BatchReport, PayoutChange, PayoutReport, RefusalKind},
        plan::{DayText, PlanRules},
    },
};
use futures::{StreamExt as _, pin_mut};
use store::{BeginBatch, Freeze, PayoutRecord, PayoutRefusal, PayoutRequest, RunDecision, Withdrawal, Writer};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use toss::webhook::Webhook;
use workflows::ports::{
    ActOnPayout, ActOnPayouts, BatchToSend, BeginPayouts, BegunBatch, BegunPayouts, ChangePayouts, CompletePayouts,
    CompleteRun, DecideOnRun, DecidePayouts, FollowPayouts, FollowRun, FreezePayouts, FreezeRun, FrozenRun,
    LookUpPayouts, NextPayouts, PayoutAct, PayoutActed, PayoutChanges, PayoutWork, PayoutsQuestion, RequestPayouts,
    RunDecided, RunToFollow, WorkOfRun,
};

use crate::{
    failure::{PspErrorClass, after_attempt, classify, doubtful, refused, store_failure, try_again},
    psp::idempotency_key,
};
use words::{Refusal, day, refusal, report, to_toss};

/// When the PSP pays what is approved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PayoutTiming {
    /// At once, in the hours in which the PSP does that. Nobody can cancel it.
    Express,
    /// On the next business day. Until then it can be canceled.
    #[default]
    NextBusinessDay,
}

/// What an operator sets of payouts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PayoutRules {
    /// The rules of a plan.
    pub plan: PlanRules,
    /// When the PSP pays.
    pub timing: PayoutTiming,
}

/// The activities of payouts.
#[derive(Debug, Clone)]
pub struct Payouts {
    /// Where they are written.
    pub writer: Writer,
    /// The way to the PSP.
    pub toss: toss::Client,
    /// What an operator sets.
    pub rules: PayoutRules,
}

/// Our name of the payout that a webhook is about; `None` for a webhook about anything else. It is a hint and nothing
/// more: anybody can send one.
pub fn read_webhook(body: &[u8]) -> Option<String> {
    match toss::webhook::parse(body).ok()? {
        Webhook::PayoutChanged(entity) => words::reference(&entity),
        Webhook::PaymentStatusChanged { .. }
        | Webhook::DepositCallback { .. }
        | Webhook::CancelStatusChanged { .. }
        | Webhook::BillingDeleted { .. }
        | Webhook::SellerChanged(_)
        | Webhook::Other { .. } => None,
    }
}

#[activities]
impl Payouts {
    /// Freezes a run. The run's id is the key.
    #[activity(definition = FreezePayouts)]
    pub async fn freeze(self: Arc<Self>, _ctx: ActivityContext, run: FreezeRun) -> Result<FrozenRun, ActivityError> {
        let FreezeRun { run_id, request, by } = run;
        let frozen = self.writer.freeze_payouts(&Freeze { run_id, request, by }, &self.rules.plan).await;
        let run = frozen.map_err(store_failure)?;
        Ok(FrozenRun { status: run.status, payouts: run.payout_count })
    }

    /// Decides on a run, or says why not.
    #[activity(definition = DecidePayouts)]
    pub async fn decide(
        self: Arc<Self>,
        _ctx: ActivityContext,
        asked: DecideOnRun,
    ) -> Result<RunDecided, ActivityError> {
        let DecideOnRun { run_id, decision, by, reason } = asked;
        let decided = self.writer.decide_payout_run(&RunDecision { run_id, decision, by, reason }).await;
        Ok(match decided.map_err(store_failure)? {
            None => RunDecided::Unknown,
            Some(Ok(run)) => RunDecided::Done(run.status),
            Some(Err(undecidable)) => RunDecided::Refused(undecidable),
        })
    }

    /// Reads what is left to do of a run.
    #[activity(definition = PayoutWork)]
    pub async fn work(self: Arc<Self>, _ctx: ActivityContext, run: RunToFollow) -> Result<WorkOfRun, ActivityError> {
        let work = self.writer.payout_run_work(&run.run_id).await.map_err(store_failure)?;
        Ok(work.map_or(WorkOfRun::none(), |work| WorkOfRun {
            status: Some(work.status),
            approved: work.approved,
            unanswered: work.unanswered,
            open: work.open,
            is_stopped: work.is_stopped,
        }))
    }

    /// Writes down that the next payouts leave now.
    #[activity(definition = BeginPayouts)]
    pub async fn begin(
        self: Arc<Self>,
        _ctx: ActivityContext,
        next: NextPayouts,
    ) -> Result<BegunPayouts, ActivityError> {
        let pays_on = match self.rules.timing {
            PayoutTiming::Express => None,
            PayoutTiming::NextBusinessDay => Some(self.rules.plan.holidays.business_days_after(Day::of(next.now), 1)),
        };
        let begin = BeginBatch { run_id: next.run_id, pays_on, busy: next.busy };
        let begun = self.writer.begin_payout_batch(&begin, &self.rules.plan).await.map_err(store_failure)?;
        Ok(BegunPayouts { begun: begun.map(|begun| BegunBatch { number: begun.number, batch: begun.batch }) })
    }

    /// Sends a batch: the PSP makes all of its payouts or none. A doubt is an error.
    #[activity(definition = RequestPayouts)]
    pub async fn request(
        self: Arc<Self>,
        ctx: ActivityContext,
        to_send: BatchToSend,
    ) -> Result<BatchAnswer, ActivityError> {
        if self.writer.are_payouts_stopped().await.map_err(store_failure)? {
            return stopped(ctx.info().attempt);
        }
        let key = idempotency_key(&to_send.idempotency_key)?;
        let pays_on = to_send.batch.pays_on.map(|DayText(day)| day);
        let requests: Vec<_> = to_send.batch.items.iter().map(|item| to_toss(item, pays_on)).collect();
        let error = match self.toss.request_payouts(&requests, &key).await {
            Ok(payouts) => {
                let reports: Option<Vec<PayoutReport>> = payouts.iter().map(report).collect();
                return reports.map(BatchAnswer::Accepted).ok_or_else(words::unreadable).map_err(doubtful);
            }
            Err(error) => error,
        };
        match refusal(&error) {
            // After the first attempt of this activity, an earlier one may have gone through.
            Refusal::Known(refusal) if ctx.info().attempt <= 1 => Ok(BatchAnswer::Refused(refusal)),
            Refusal::Known(refusal) => Err(doubtful(refused(refusal.failure))),
            Refusal::Unclear => match after_attempt(ctx.info().attempt, classify(&error)) {
                PspErrorClass::TryAgain => Err(try_again(error)),
                PspErrorClass::Ask(doubt) => Err(doubtful(doubt)),
                PspErrorClass::Refused(failure) | PspErrorClass::NotOurs(failure) => Err(doubtful(refused(failure))),
            },
        }
    }

    /// Asks which payouts of a batch the PSP has. A list that breaks off is no answer.
    #[activity(definition = LookUpPayouts)]
    pub async fn look_up(
        self: Arc<Self>,
        _ctx: ActivityContext,
        question: PayoutsQuestion,
    ) -> Result<BatchReport, ActivityError> {
        let names: HashSet<&str> = question.ref_payout_ids.iter().map(String::as_str).collect();
        self.listed(question.since.0, &names).await.map(|found| BatchReport { found })
    }

    /// Writes what is known of payouts.
    #[activity(definition = ChangePayouts)]
    pub async fn change(self: Arc<Self>, _ctx: ActivityContext, known: PayoutChanges) -> Result<(), ActivityError> {
        self.writer.change_payouts(&known.changes).await.map(|_| ()).map_err(store_failure)
    }

    /// Asks the PSP about the payouts that it has taken, and writes what it says. Answers how many changed.
    #[activity(definition = FollowPayouts)]
    pub async fn follow(self: Arc<Self>, _ctx: ActivityContext, run: FollowRun) -> Result<u32, ActivityError> {
        let Some(open) = self.writer.open_payouts(&run.run_id).await.map_err(store_failure)? else { return Ok(0) };
        let names: HashSet<&str> = open.ref_payout_ids.iter().map(String::as_str).collect();
        let found = self.listed(open.since, &names).await?;
        let changes: Vec<PayoutChange> = found.into_iter().map(PayoutChange::from).collect();
        let changed = self.writer.change_payouts(&changes).await.map_err(store_failure)?;
        Ok(u32::try_from(changed).unwrap_or(u32::MAX))
    }

    /// Writes that a run is complete, if it is.
    #[activity(definition = CompletePayouts)]
    pub async fn complete(self: Arc<Self>, _ctx: ActivityContext, run: CompleteRun) -> Result<bool, ActivityError> {
        self.writer.complete_payout_run(&run.run_id).await.map_err(store_failure)
    }

    /// Takes a payout back, begins a new attempt, or books a return.
    #[activity(definition = ActOnPayouts)]
    pub async fn act(self: Arc<Self>, _ctx: ActivityContext, asked: ActOnPayout) -> Result<PayoutActed, ActivityError> {
        let ActOnPayout { payout_id, act, by, reason } = asked;
        let request = PayoutRequest { payout_id, by, reason };
        let done = match act {
            PayoutAct::Cancel => match self.writer.withdraw_payout(&request).await.map_err(store_failure)? {
                Ok(Withdrawal::Done(payout)) => Ok(payout),
                Ok(Withdrawal::AtPsp(payout)) => return self.cancel_at_psp(&payout).await,
                Err(refusal) => Err(refusal),
            },
            PayoutAct::Retry => self.writer.retry_payout(&request, &self.rules.plan).await.map_err(store_failure)?,
            PayoutAct::Return => self.writer.return_payout(&request).await.map_err(store_failure)?,
        };
        Ok(match done {
            Ok(payout) => PayoutActed::Done(payout.status),
            Err(refusal) => acted(&refusal),
        })
    }
}

impl Payouts {
    /// What the PSP lists of these payouts, from a day on.
    async fn listed(&self, since: Day, names: &HashSet<&str>) -> Result<Vec<PayoutReport>, ActivityError> {
        let since = day(since).ok_or_else(words::unreadable).map_err(doubtful)?;
        let payouts = self.toss.payouts_since(since);
        pin_mut!(payouts);
        let mut found = Vec::new();
        while let Some(payout) = payouts.next().await {
            let payout = payout.map_err(try_again)?;
            if names.contains(payout.ref_payout_id.as_str()) {
                found.push(report(&payout).ok_or_else(words::unreadable).map_err(doubtful)?);
            }
        }
        Ok(found)
    }

    /// Cancels a payout that waits for its day. The PSP's record of the payout decides what came of it.
    async fn cancel_at_psp(&self, payout: &PayoutRecord) -> Result<PayoutActed, ActivityError> {
        let Some(id) = &payout.psp_payout_id else { return Ok(acted(&PayoutRefusal::Status(payout.status))) };
        let key = idempotency_key(&format!("cancel.{}", payout.ref_payout_id))?;
        let known = match self.toss.cancel_payout(id, &key).await {
            Ok(payout) => payout,
            Err(_) => self.toss.payout(id).await.map_err(try_again)?,
        };
        let report = report(&known).ok_or_else(words::unreadable).map_err(doubtful)?;
        self.writer.change_payouts(&[report.into()]).await.map_err(store_failure)?;
        let now = self.writer.payout_now(&payout.payout_id).await.map_err(store_failure)?;
        let status = now.map_or(payout.status, |payout| payout.status);
        Ok(match status {
            PayoutStatus::Canceled => PayoutActed::Done(status),
            status => acted(&PayoutRefusal::Status(status)),
        })
    }
}

/// Nothing leaves while payouts are stopped; an earlier attempt of the activity may have left.
fn stopped(attempt: u32) -> Result<BatchAnswer, ActivityError> {
    let message = "Payouts are stopped until somebody resolves the break of a payout that nobody asked for.";
    let failure = Failure::new(OurCode::PayoutsStopped, message);
    if attempt > 1 {
        return Err(doubtful(refused(failure)));
    }
    Ok(BatchAnswer::Refused(BatchRefusal { kind: RefusalKind::Later, failure }))
}

fn acted(refusal: &PayoutRefusal) -> PayoutActed {
    let status = match refusal {
        PayoutRefusal::Status(status) => Some(*status),
        PayoutRefusal::Unknown
        | PayoutRefusal::NotApproved
        | PayoutRefusal::SellerChanged
        | PayoutRefusal::NotEnough => None,
    };
    PayoutActed::Refused { status, detail: refusal.to_string() }
}
