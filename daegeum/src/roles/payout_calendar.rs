//! The run of each business day: frozen in the morning, once sellers are due, by whichever worker looks first.
//!
//! The run has the id of its day, so any number of workers freeze it once. It waits for two principals.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use domain::{
    Timestamp,
    calendar::Day,
    id::{ApiKeyId, PayoutRunId},
    payout::{
        CALENDAR,
        plan::{DayText, PlanRules, RunRequest},
    },
    principal::Principal,
};
use store::{PlanRequest, Reader, Writer};
use temporalio_client::{Client, WorkflowStartOptions, errors::WorkflowStartError};
use tokio_util::sync::CancellationToken;
use workflows::{
    TASK_QUEUE,
    payout_run::{FreezeAsked, PayoutRunInput, PayoutRunWorkflow, workflow_id},
};

/// How often it is looked whether sellers are due.
const PAUSE: Duration = Duration::from_secs(5 * 60);
/// When the run of a day is frozen at the earliest: so many hours after midnight in Korea.
const MORNING_MS: u64 = 7 * 60 * 60 * 1_000;

/// What the calendar works with.
pub(crate) struct PayoutCalendar {
    pub(crate) client: Client,
    pub(crate) writer: Writer,
    pub(crate) reader: Reader,
    pub(crate) rules: PlanRules,
}

impl PayoutCalendar {
    /// Looks until the token is canceled. What goes wrong is logged and tried again after a pause.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut last = None;
        loop {
            match self.look(last).await {
                Ok(frozen) => last = frozen.or(last),
                Err(error) => tracing::warn!("the payout calendar is behind: {error:#}"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    /// Freezes the run of today, if it is morning and sellers are due. Answers the day of the run that exists.
    async fn look(&self, last: Option<Day>) -> anyhow::Result<Option<Day>> {
        let now: Timestamp = self.writer.time().await?;
        let today = Day::of(now);
        let is_morning = now >= today.start().plus_ms(MORNING_MS);
        if last == Some(today) || !is_morning || !self.rules.holidays.is_business_day(today) {
            return Ok(None);
        }
        let run_id = PayoutRunId::of_day(today);
        if self.reader.payout_run(&run_id).await?.is_some() {
            return Ok(Some(today));
        }
        let request = PlanRequest { date: today, sellers: None, rules: &self.rules, now };
        if self.reader.plan_payouts(request).await?.payouts.is_empty() {
            return Ok(None);
        }
        let by = ApiKeyId::parse(CALENDAR.to_owned()).map(Principal::Key).context("the principal of the calendar")?;
        let request = RunRequest { date: Some(DayText(today)), sellers: None };
        let input = PayoutRunInput::new(run_id.clone(), Some(FreezeAsked { request, by }));
        let options = WorkflowStartOptions::new(TASK_QUEUE, workflow_id(&run_id))
            .static_summary(format!("the payout run of {today}"))
            .build();
        match self.client.start_workflow(PayoutRunWorkflow::run, input, options).await {
            Ok(_) | Err(WorkflowStartError::AlreadyStarted { .. }) => Ok(Some(today)),
            Err(error) => Err(error).context("Temporal did not start the run of the day"),
        }
    }
}
