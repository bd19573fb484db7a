//! What a step works with: the sources, the rules, and where its findings go.

use std::{collections::BTreeMap, ops::Range};

use domain::{
    Limits, Timestamp,
    calendar::{Day, Holidays},
    payout::PaidBy,
    reconciliation::{EscalationSteps, Finding, repair::RepairLimits},
    settlement::FeeContracts,
};
use store::{Progress, Reader, StoreError, Writer};
use temporalio_sdk::activities::ActivityContext;
use workflows::reconciliation::StepRequest;

use super::source::{StepError, incomplete};
use crate::heartbeat;

/// The activities of reconciliations.
#[derive(Debug, Clone)]
pub struct Reconciliations {
    /// Books rows and writes breaks.
    pub writer: Writer,
    /// Reads the books.
    pub reader: Reader,
    /// The PSP.
    pub toss: toss::Client,
    /// What an operator can set.
    pub rules: ReconciliationRules,
}

/// What an operator can set about reconciliations.
#[derive(Debug, Clone)]
pub struct ReconciliationRules {
    /// Which days are no business days.
    pub holidays: Holidays,
    /// The fees of the contracts with the PSP. Of a currency without one, fees are booked and not judged.
    pub fee_contracts: FeeContracts,
    /// The largest difference that one principal resolves alone.
    pub alone_up_to: Limits,
    /// What the machine does by itself.
    pub repairs: RepairLimits,
    /// After how many business days behind its deadline a break is escalated.
    pub escalation: EscalationSteps,
    /// The way on which the next run pays: by bank file, what the PSP settles comes to our bank.
    pub paid_by: PaidBy,
}

impl Default for ReconciliationRules {
    fn default() -> Self {
        Self {
            holidays: Holidays::default(),
            fee_contracts: FeeContracts::default(),
            alone_up_to: Limits::default(),
            repairs: RepairLimits::default(),
            escalation: EscalationSteps::default(),
            paid_by: PaidBy::Psp,
        }
    }
}

/// What is read at once: memory grows with what moved in this time, and one statement over a large day takes too long.
const HOUR_MS: u64 = 60 * 60 * 1_000;

/// A stretch of time in hours.
pub(super) fn hours(from: Timestamp, to: Timestamp) -> impl Iterator<Item = Range<Timestamp>> {
    let begins = std::iter::successors(Some(from), |begins| Some(begins.plus_ms(HOUR_MS)));
    begins.take_while(move |begins| *begins < to).map(move |begins| begins..begins.plus_ms(HOUR_MS).min(to))
}

/// Counts and sums of a step by their names.
#[derive(Debug, Clone, Default)]
pub(super) struct Figures(pub(super) BTreeMap<String, i64>);

impl Figures {
    pub(super) fn add(&mut self, name: impl Into<String>, amount: i64) {
        let sum = self.0.entry(name.into()).or_default();
        *sum = sum.saturating_add(amount);
    }

    /// Adds what another part came to.
    pub(super) fn merge(&mut self, other: Self) {
        for (name, amount) in other.0 {
            self.add(name, amount);
        }
    }

    pub(super) fn of(&self, name: &str) -> u64 {
        self.0.get(name).map_or(0, |amount| amount.unsigned_abs())
    }
}

/// A step under way.
pub(super) struct StepRun<'a> {
    pub(super) of: &'a Reconciliations,
    pub(super) request: &'a StepRequest,
    pub(super) context: &'a ActivityContext,
    pub(super) progress: tokio::sync::watch::Sender<Progress>,
}

impl StepRun<'_> {
    pub(super) fn day(&self) -> Result<Day, StepError> {
        self.request.run.day.parse().map_err(|_| incomplete("the day of the run is no date"))
    }

    pub(super) fn as_of(&self) -> Result<Day, StepError> {
        self.request.run.as_of.parse().map_err(|_| incomplete("the day of judgement is no date"))
    }

    /// Tells Temporal that the step lives.
    pub(super) async fn alive(&self) {
        heartbeat::send(self.context).await;
    }

    pub(super) fn report(&self, step: String, done: u64) {
        self.progress.send_replace(Progress { step, done, total: None });
    }

    pub(super) async fn note(&self, findings: &[Finding]) -> Result<(), StoreError> {
        if findings.is_empty() {
            return Ok(());
        }
        self.of.writer.note_findings(&self.request.run.run_id, findings).await
    }
}
