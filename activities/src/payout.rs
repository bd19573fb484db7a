//! Payouts: runs and their rows, and the calls to the PSP that send money to sellers.
#![expect(missing_docs, reason = "`#[activities]` expands each method to a constant without a docstring")]

pub(crate) mod words;

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{
    calendar::Day,
    failure::{Failure, OurCode},
    payout::{
        PayoutStatus, RunStatus,
        bank_file::BankAnswer,
        batch::{BatchAnswer, BatchRefusal, BatchReport, PayoutChange, PayoutReport, RefusalKind},
        plan::{DayText, PlanRules},
    },
};
use futures::{Stream, StreamExt as _, TryStreamExt as _, pin_mut, stream::TryChunksError};
use store::{
    BankFileRefusal, BeginBatch, Freeze, FreezeOutcome, FreezeSweep, Keyring, PayoutRecord, PayoutRefusal,
    PayoutRequest, PlanRequest, RunDecision, RunRecord, TakeBankFile, Withdrawal, Writer,
};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use toss::{Payout, webhook::Webhook};
use workflows::ports::{
    ActOnPayout, ActOnPayouts, BankFileAsked, BankFileTaken, BatchToSend, BeginPayouts, BegunBatch, BegunPayouts,
    ChangePayouts, CompletePayouts, CompleteRun, DecideOnRun, DecidePayouts, DueDay, FollowPayouts, FollowRun,
    FreezePayouts, FreezeRun, FrozenRun, LookUpPayouts, LookWhoIsDue, NextPayouts, PayoutAct, PayoutActed,
    PayoutChanges, PayoutWork, PayoutsQuestion, RequestPayouts, RunDecided, RunToFollow, SweepRequest,
    TakeBankFile as TakeBankFilePort, WorkOfRun,
};

use crate::{
    failure::{PspErrorClass, after_attempt, classify, doubtful, refused, store_failure, try_again},
    heartbeat,
    psp::idempotency_key,
};
use words::{Refusal, day, refusal, report, to_toss};

/// For how long one activity freezes portions of a run: well below the time that it has.
const PORTIONS_TIME: Duration = Duration::from_secs(3);
/// How many payouts of the PSP's list are compared with ours at once.
const FOLLOWED: usize = 500;

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
    /// Whether the calendar freezes the run of each business day on which sellers are due.
    pub freezes_daily: bool,
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
    /// The keys under which sellers' bank accounts and files of transfers are sealed.
    pub keyring: Option<Arc<Keyring>>,
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

/// What a freeze comes to that writes no run.
const NOTHING_FROZEN: FrozenRun = FrozenRun { status: RunStatus::Canceled, payouts: 0, is_unfinished: false };

fn frozen_run(run: &RunRecord) -> FrozenRun {
    FrozenRun { status: run.status, payouts: run.payout_count, is_unfinished: false }
}

#[activities]
impl Payouts {
    /// Freezes a run. The run's id is the key.
    #[activity(definition = FreezePayouts)]
    pub async fn freeze(self: Arc<Self>, _ctx: ActivityContext, run: FreezeRun) -> Result<FrozenRun, ActivityError> {
        let FreezeRun { run_id, request, by, sweep } = run;
        let (rules, began) = (&self.rules.plan, Instant::now());
        if let Some(SweepRequest { amount }) = sweep {
            let sweep = FreezeSweep { run_id, amount, by };
            let frozen = self.writer.freeze_sweep(&sweep, rules).await.map_err(store_failure)?;
            return Ok(frozen.map_or(NOTHING_FROZEN, |run| frozen_run(&run)));
        }
        let freeze = Freeze { run_id, request, by };
        while began.elapsed() < PORTIONS_TIME {
            match self.writer.freeze_portion(&freeze, rules).await.map_err(store_failure)? {
                Some(FreezeOutcome::Frozen(run)) => return Ok(frozen_run(&run)),
                Some(FreezeOutcome::NothingDue(_)) => return Ok(NOTHING_FROZEN),
                None => {}
            }
        }
        Ok(FrozenRun { status: RunStatus::Frozen, payouts: 0, is_unfinished: true })
    }

    /// Looks whether the run of a day would pay somebody; nobody where the calendar freezes no runs.
    #[activity(definition = LookWhoIsDue)]
    pub async fn look_who_is_due(self: Arc<Self>, _ctx: ActivityContext, due: DueDay) -> Result<bool, ActivityError> {
        let DayText(date) = due.day;
        let rules = &self.rules.plan;
        if !self.rules.freezes_daily || !rules.holidays.is_business_day(date) {
            return Ok(false);
        }
        let now = self.writer.time().await.map_err(store_failure)?;
        let request = PlanRequest { date, sellers: None, rules, now };
        self.writer.is_a_payout_due(request).await.map_err(store_failure)
    }

    /// Decides on a run, or says why not.
    #[activity(definition = DecidePayouts)]
    pub async fn decide(
        self: Arc<Self>,
        ctx: ActivityContext,
        asked: DecideOnRun,
    ) -> Result<RunDecided, ActivityError> {
        let DecideOnRun { run_id, decision, by, reason } = asked;
        let decision = RunDecision { run_id, decision, by, reason };
        let decided = heartbeat::alive(&ctx, self.writer.decide_payout_run(&decision)).await;
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
            frozen: work.frozen,
            approved: work.approved,
            unanswered: work.unanswered,
            open: work.open,
            is_stopped: work.is_stopped,
            paid_by: work.paid_by,
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
        let begun = begun.map(|store::BegunBatch { number, batch, left_on }| BegunBatch {
            number,
            batch,
            left_on: left_on.map(DayText),
        });
        Ok(BegunPayouts { begun })
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
        ctx: ActivityContext,
        question: PayoutsQuestion,
    ) -> Result<BatchReport, ActivityError> {
        let names: HashSet<&str> = question.ref_payout_ids.iter().map(String::as_str).collect();
        let listed = self.listed(question.since.0)?.try_filter_map(|payout| {
            let is_asked = names.contains(payout.ref_payout_id.as_str());
            let found = is_asked.then(|| report(&payout).ok_or_else(words::unreadable).map_err(doubtful));
            std::future::ready(found.transpose())
        });
        Ok(BatchReport { found: heartbeat::alive(&ctx, listed.try_collect()).await? })
    }

    /// Writes what is known of payouts.
    #[activity(definition = ChangePayouts)]
    pub async fn change(self: Arc<Self>, _ctx: ActivityContext, known: PayoutChanges) -> Result<(), ActivityError> {
        self.writer.change_payouts(&known.changes).await.map(|_| ()).map_err(store_failure)
    }

    /// Asks the PSP about the payouts that it has taken, and writes what it says. Answers how many changed.
    #[activity(definition = FollowPayouts)]
    pub async fn follow(self: Arc<Self>, ctx: ActivityContext, run: FollowRun) -> Result<u32, ActivityError> {
        let since = self.writer.open_payouts_since(&run.run_id).await.map_err(store_failure)?;
        let Some(since) = since else { return Ok(0) };
        let pages = self.listed(since)?.try_chunks(FOLLOWED);
        pin_mut!(pages);
        let mut changed = 0;
        while let Some(page) = pages.next().await {
            // A page that was heard of counts, although the list breaks off behind it.
            let page = page.map_err(|TryChunksError(_, error)| error)?;
            let names: Vec<&str> = page.iter().map(|payout| payout.ref_payout_id.as_str()).collect();
            let open = self.writer.open_among(&run.run_id, &names).await.map_err(store_failure)?;
            let reports = page.iter().filter(|payout| open.contains(&payout.ref_payout_id)).map(report);
            let reports: Option<Vec<PayoutReport>> = reports.collect();
            let reports = reports.ok_or_else(words::unreadable).map_err(doubtful)?;
            let changes: Vec<PayoutChange> = reports.into_iter().map(PayoutChange::from).collect();
            if !changes.is_empty() {
                changed += self.writer.change_payouts(&changes).await.map_err(store_failure)?;
            }
            heartbeat::send(&ctx).await;
        }
        Ok(u32::try_from(changed).unwrap_or(u32::MAX))
    }

    /// Writes that a run is complete, if it is.
    #[activity(definition = CompletePayouts)]
    pub async fn complete(self: Arc<Self>, _ctx: ActivityContext, run: CompleteRun) -> Result<bool, ActivityError> {
        self.writer.complete_payout_run(&run.run_id).await.map_err(store_failure)
    }

    /// Makes a file of transfers to our bank, with which payouts leave. What it holds stays in the database, sealed.
    #[activity(definition = TakeBankFilePort)]
    pub async fn take_file(
        self: Arc<Self>,
        _ctx: ActivityContext,
        asked: BankFileAsked,
    ) -> Result<BankFileTaken, ActivityError> {
        let Some(keys) = &self.keyring else {
            let detail = "The worker has no encryption keys, under which bank accounts are sealed".to_owned();
            return Ok(BankFileTaken::Refused { detail });
        };
        let BankFileAsked { run_id, number, digest, by, reason } = asked;
        let take = TakeBankFile { run_id, number, digest, by, reason };
        let taken = self.writer.take_bank_file(&take, keys, &self.rules.plan).await.map_err(store_failure)?;
        Ok(match taken {
            Ok(file) => BankFileTaken::Done { sha256: file.sha256 },
            Err(BankFileRefusal::UnknownRun) => BankFileTaken::UnknownRun,
            Err(BankFileRefusal::NotApproved(status)) => BankFileTaken::NotApproved(status),
            Err(BankFileRefusal::DigestMismatch) => BankFileTaken::DigestMismatch,
            Err(BankFileRefusal::Stopped) => BankFileTaken::Stopped,
            Err(BankFileRefusal::NoSuchFile(_)) => BankFileTaken::NoSuchFile,
            Err(refusal @ (BankFileRefusal::NotByBankFile | BankFileRefusal::BankShort { .. })) => {
                BankFileTaken::Refused { detail: refusal.to_string() }
            }
        })
    }

    /// Takes a payout back, begins a new attempt, or hears what a bank made of it.
    #[activity(definition = ActOnPayouts)]
    pub async fn act(self: Arc<Self>, _ctx: ActivityContext, asked: ActOnPayout) -> Result<PayoutActed, ActivityError> {
        let ActOnPayout { payout_id, act, attempt, by, reason } = asked;
        let request = PayoutRequest { payout_id, attempt, by, reason };
        let answer = match act {
            PayoutAct::Cancel => {
                return match self.writer.withdraw_payout(&request).await.map_err(store_failure)? {
                    Ok(Withdrawal::Done(payout)) => Ok(came_of(Ok(payout))),
                    Ok(Withdrawal::AtPsp(payout)) => self.cancel_at_psp(&payout).await,
                    Err(refusal) => Ok(came_of(Err(refusal))),
                };
            }
            PayoutAct::Retry => {
                let done = self.writer.retry_payout(&request, &self.rules.plan).await.map_err(store_failure)?;
                return Ok(came_of(done));
            }
            PayoutAct::Paid => BankAnswer::Paid,
            PayoutAct::Failed => BankAnswer::Failed,
            PayoutAct::Return => BankAnswer::Returned,
            PayoutAct::Receive => BankAnswer::Received,
        };
        Ok(came_of(self.writer.answer_payout(&request, answer).await.map_err(store_failure)?))
    }
}

impl Payouts {
    /// What the PSP lists of payouts, from a day on.
    fn listed(&self, since: Day) -> Result<impl Stream<Item = Result<Payout, ActivityError>>, ActivityError> {
        let since = day(since).ok_or_else(words::unreadable).map_err(doubtful)?;
        Ok(self.toss.payouts_since(since).map(|payout| payout.map_err(try_again)))
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

fn came_of(done: Result<PayoutRecord, PayoutRefusal>) -> PayoutActed {
    match done {
        Ok(payout) => PayoutActed::Done(payout.status),
        Err(refusal) => acted(&refusal),
    }
}

fn acted(refusal: &PayoutRefusal) -> PayoutActed {
    let status = match refusal {
        PayoutRefusal::Status(status) => Some(*status),
        PayoutRefusal::Unknown
        | PayoutRefusal::OtherAttempt(_)
        | PayoutRefusal::NotApproved
        | PayoutRefusal::SellerChanged
        | PayoutRefusal::NotEnough
        | PayoutRefusal::Sweep(_)
        | PayoutRefusal::ByPsp
        | PayoutRefusal::NoSweep => None,
        PayoutRefusal::Received => Some(PayoutStatus::Paid),
    };
    PayoutActed::Refused { status, detail: refusal.to_string() }
}
