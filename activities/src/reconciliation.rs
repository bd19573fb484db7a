//! The reconciliation of a day, step by step: what each layer says, what differs, and what is done about it.
//!
//! # Invariants
//!
//! * A source that was not read to its end gives no verdict: nothing is opened and nothing is closed.
//! * Nothing is booked past the workflow that owns a payment. What is booked here is the PSP's own settlement rows.
//! * A step that runs twice finds the same and books nothing twice.
#![expect(missing_docs, reason = "`#[activities]` expands each method to a constant without a docstring")]

mod attributes;
mod balances;
mod classes;
mod payouts;
mod pull;
mod repairs;
mod settlements;
mod source;
mod step;
mod sweeps;
mod transactions;
mod transfers;
mod whole;

use std::{collections::BTreeMap, sync::Arc};

use domain::{
    calendar::Day,
    reconciliation::{Act, ActRefusal, BreakStatus, DueEscalation, Layer, RunStatus},
};
use store::{
    BreakActRequest, ConcludeRun as StoredConclusion, LayerDays, LayerSummary, NewRun, Progress, Refusal, ReversalWord,
    RunSummary, StoreError,
};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::reconciliation::{
    ActOnBreak, BeginRun, Begun, BreakAct, BreakActed, ConcludeRun, Concluded, Conclusion, HoldMoney, LayerOutcome,
    Run, Step, StepOutcome, StepRequest, TakeStep, settled_from,
};
use workflows::reversal::{ActOnReversal, ReversalAct, ReversalActed, ReversalStep};

pub use self::step::{ReconciliationRules, Reconciliations};
use self::{
    repairs::ToAsk,
    source::{StepError, incomplete},
    step::{Figures, StepRun},
};
use crate::failure::store_failure;

#[activities]
impl Reconciliations {
    /// Writes that a run begins. The run's id is the key.
    #[activity(definition = BeginRun)]
    pub async fn begin(self: Arc<Self>, _ctx: ActivityContext, run: Run) -> Result<Option<Begun>, ActivityError> {
        let today = Day::of(source::machine_time());
        let day = |text: &str| text.parse::<Day>().unwrap_or(today);
        let new = NewRun { day: day(&run.day), as_of: day(&run.as_of), run_id: run.run_id };
        self.writer.begin_reconciliation(&new).await.map_err(store_failure)?;
        Ok(Some(Begun { settled_from: settled_from(new.day, &self.rules.holidays).to_string() }))
    }

    /// Compares one slice of one layer. Run and break are the key of a finding.
    #[activity(definition = TakeStep)]
    pub async fn step(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: StepRequest,
    ) -> Result<StepOutcome, ActivityError> {
        let (progress, mut told) = tokio::sync::watch::channel(Progress::default());
        let run = StepRun { of: &self, request: &request, context: &ctx, progress };
        let report = async {
            // Ends when the step drops its end.
            while told.changed().await.is_ok() {
                let progress = told.borrow_and_update().clone();
                if let Err(error) = self.writer.report_reconciliation(&request.run.run_id, &progress).await {
                    tracing::debug!(error = &error as &dyn std::error::Error, "the progress was not written");
                }
            }
        };
        let work = async {
            run.alive().await;
            let taken = take(&run).await;
            drop(run);
            taken
        };
        let (taken, ()) = tokio::join!(work, report);
        match taken {
            Ok(figures) => Ok(StepOutcome::Done { figures: figures.0 }),
            Err(StepError::Incomplete(reason)) => Ok(StepOutcome::Incomplete { reason }),
            Err(StepError::LeftOut(reason)) => Ok(StepOutcome::LeftOut { reason }),
            Err(StepError::Store(error)) => Err(store_failure(error)),
        }
    }

    /// Ends a run with its verdict. The run's id is the key.
    #[activity(definition = ConcludeRun)]
    pub async fn conclude(
        self: Arc<Self>,
        _ctx: ActivityContext,
        conclusion: Conclusion,
    ) -> Result<Concluded, ActivityError> {
        self.conclude_run(&conclusion).await.map_err(store_failure)
    }

    /// Holds sellers' money. Break and order are the key of a hold.
    #[activity(definition = HoldMoney)]
    pub async fn hold(self: Arc<Self>, _ctx: ActivityContext, run: Run) -> Result<u64, ActivityError> {
        self.hold_for(&run.run_id).await.map_err(store_failure)
    }

    /// Carries out an act of a person. Break and version are the key.
    #[activity(definition = ActOnBreak)]
    pub async fn act(self: Arc<Self>, _ctx: ActivityContext, act: BreakAct) -> Result<BreakActed, ActivityError> {
        let resolves = matches!(act.act, Act::Resolve { .. });
        let break_id = act.break_id.clone();
        let request = BreakActRequest {
            break_id: act.break_id,
            version: act.version,
            act: act.act,
            by: act.by,
            reason: act.reason,
            alone_up_to: self.rules.alone_up_to,
        };
        match self.writer.act_on_break(&request).await {
            Ok(_) => {}
            Err(StoreError::Refused(Refusal::Break(ActRefusal::FourEyes))) => {
                return Ok(BreakActed::FourEyes { detail: ActRefusal::FourEyes.to_string() });
            }
            Err(StoreError::Refused(refusal)) => return Ok(BreakActed::Refused { detail: refusal.to_string() }),
            Err(error) => return Err(store_failure(error)),
        }
        let record = self.reader.break_record(&break_id).await.map_err(store_failure)?;
        if resolves && record.is_some_and(|record| record.status == BreakStatus::Resolved) {
            self.let_go_of(&break_id).await.map_err(store_failure)?;
        }
        Ok(BreakActed::Done)
    }

    /// Carries out an act of a person on the reversal of an entry. The word of a principal is the key.
    #[activity(definition = ActOnReversal)]
    pub async fn act_on_reversal(
        self: Arc<Self>,
        _ctx: ActivityContext,
        act: ReversalAct,
    ) -> Result<ReversalActed, ActivityError> {
        let ReversalAct { entry_key, step, by, reason } = act;
        let word = ReversalWord { key: entry_key, by, reason };
        let done = match step {
            ReversalStep::Propose { digest } => self.writer.propose_reversal(&word, &digest).await,
            ReversalStep::Approve { digest } => self.writer.approve_reversal(&word, &digest).await,
            ReversalStep::Reject => self.writer.reject_reversal(&word).await,
            ReversalStep::Undo => self.writer.undo_reversal(&word).await,
        };
        match done {
            Ok(_) => Ok(ReversalActed::Done),
            Err(StoreError::Refused(refusal)) => Ok(refused(&refusal)),
            Err(error) => Err(store_failure(error)),
        }
    }
}

/// Why an act on a reversal was refused.
fn refused(refusal: &Refusal) -> ReversalActed {
    let detail = refusal.to_string();
    if matches!(refusal, Refusal::ReversalFourEyes { .. }) {
        ReversalActed::FourEyes { detail }
    } else if matches!(refusal, Refusal::StalePreview { .. }) {
        ReversalActed::Outdated { detail }
    } else {
        ReversalActed::Refused { detail }
    }
}

async fn take(run: &StepRun<'_>) -> Result<Figures, StepError> {
    let sold = |day: &str| day.parse::<Day>().map_err(|_| incomplete("a day of settlements is no date"));
    match &run.request.step {
        Step::Internal => balances::internal(run).await,
        Step::Transactions { from, to } => transactions::compare(run, *from, *to).await,
        Step::PullSettlements { sold_on } => pull::pull(run, sold(sold_on)?).await,
        Step::Settle { sold_on } => settlements::settle(run, sold(sold_on)?).await,
        Step::ReadPayoutBalance => payouts::readable(run).await,
        Step::PayoutBalance => payouts::compare(run).await,
        Step::Bank => balances::bank(run).await,
    }
}

impl Reconciliations {
    async fn conclude_run(&self, conclusion: &Conclusion) -> Result<Concluded, StoreError> {
        let run = &conclusion.run;
        let (mut compared, mut summary) = (Vec::new(), RunSummary::new());
        for LayerOutcome { layer, figures, left_out } in &conclusion.layers {
            let figures = figures.iter().map(|(name, amount)| (name.clone(), amount.to_string())).collect();
            let of_layer = LayerSummary { figures, left_out: left_out.clone(), breaks: BTreeMap::new() };
            summary.insert(layer.clone(), of_layer);
            if left_out.is_none() {
                compared.extend(Layer::parse(layer).map(|layer| LayerDays { layer, days: days_of(layer, run) }));
            }
        }
        let ending = StoredConclusion {
            run_id: run.run_id.clone(),
            compared,
            incomplete: conclusion.incomplete.clone(),
            summary,
            due: self.due_escalations(&run.as_of),
        };
        self.writer.conclude_reconciliation(&ending).await?;
        let record = self.reader.reconciliation_run(&run.run_id).await?;
        let status = record.map_or(RunStatus::NoVerdict, |record| record.status);
        let asked = if status == RunStatus::Breaks { self.to_ask(&run.run_id).await? } else { ToAsk::default() };
        let ToAsk { workflows: to_ask, payouts: payouts_to_ask } = asked;
        Ok(Concluded { status: status.as_str().to_owned(), to_ask, payouts_to_ask })
    }
}

impl Reconciliations {
    /// What has reached which step of escalation by a day.
    fn due_escalations(&self, as_of: &str) -> Vec<DueEscalation> {
        let ReconciliationRules { holidays, escalation, .. } = &self.rules;
        as_of.parse::<Day>().map(|as_of| escalation.due(as_of, holidays)).unwrap_or_default()
    }
}

/// The days that a layer of a run has looked at.
fn days_of(layer: Layer, run: &Run) -> Option<(Day, Day)> {
    let day: Day = run.day.parse().ok()?;
    let first = run.settled_days(day).first().copied().unwrap_or(day);
    match layer {
        Layer::Internal | Layer::PayoutBalance => None,
        Layer::Transactions => Some((day, day)),
        Layer::Settlements | Layer::Bank => Some((first, day)),
    }
}
