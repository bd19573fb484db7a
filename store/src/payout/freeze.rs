//! Freezing a run: reservations, statements, payouts and the digest, in one transaction.

use domain::{
    Currency, Money, Timestamp,
    calendar::Day,
    id::PayoutRunId,
    ledger::Hold,
    payout::{
        PayoutStatus, RunStatus, approvals_needed,
        digest::{DigestLine, of_run},
        plan::{CarriedOver, CarryReason, PlanRules, PlannedPayout, RunRequest},
    },
    principal::Principal,
};
use sea_orm::{ActiveValue::Set, EntityTrait};

use super::{
    events::append_run,
    plan::{PlanRequest, plan_run},
    record::{self, RunRecord},
    statement::{Making, NewStatement, make},
};
use crate::{
    StoreError, Writer,
    books::open::Books,
    convert::{corrupt, to_column_amount, to_column_revision, to_column_sequence, to_column_time},
    entities::{payout_attempts, payout_runs, payouts, statement_lines, statements},
    hold,
    transaction::Transaction,
};

/// How many rows one statement writes: a row has at most 19 values, of which SQLite takes 32,766.
const ROWS: usize = 1_000;

/// A run to freeze.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    /// Its id: frozen again, it stays as it is.
    pub run_id: PayoutRunId,
    /// What is asked for.
    pub request: RunRequest,
    /// The author.
    pub by: Principal,
}

/// A payout with its statement, to be written.
struct Frozen {
    planned: PlannedPayout,
    statement: NewStatement,
}

impl Writer {
    /// Freezes a run: what each seller is paid is reserved, and the statement of each is made. A run without payouts is
    /// complete at once. The run's id is the key.
    pub async fn freeze_payouts(&self, freeze: &Freeze, rules: &PlanRules) -> Result<RunRecord, StoreError> {
        let transaction = self.begin().await?;
        let mut books = Books::open(&transaction, self.database().clock()).await?;
        let id = freeze.run_id.as_str();
        if let Some(row) = payout_runs::Entity::find_by_id(id).one(&transaction).await? {
            return record::run(row);
        }
        let now = books.now();
        let date = freeze.request.date.map_or_else(|| Day::of(now), |date| date.0);
        let last_sequence = to_column_sequence(books.last_sequence()?);
        let request = PlanRequest { date, sellers: freeze.request.sellers.as_deref(), rules, now };
        let mut plan = plan_run(&transaction, request).await?;
        let making = Making { run_id: &freeze.run_id, date, at: now, last_sequence };
        let mut frozen = Vec::with_capacity(plan.payouts.len());
        for planned in std::mem::take(&mut plan.payouts) {
            let Some(statement) = make(&mut books, making, &planned).await? else {
                let reason = CarryReason::StatementOff;
                plan.carried_over.push(CarriedOver { seller: planned.seller, amount: planned.amount, reason });
                continue;
            };
            let hold_id = statement.payout_id.attempt(1);
            let hold = Hold { id: hold_id, seller: planned.seller.clone(), amount: planned.amount };
            hold::write::reserve(&mut books, &hold, None, now).await?;
            frozen.push(Frozen { planned, statement });
        }
        let written = New { freeze, date, now, last_sequence, carried_over: &plan.carried_over, frozen: &frozen };
        written.write(&transaction).await?;
        books.close().await?;
        let row = payout_runs::Entity::find_by_id(id).one(&transaction).await?;
        let run = record::run(row.ok_or_else(|| corrupt("no run that was just frozen", id))?)?;
        append_run(&transaction, &run, now).await?;
        transaction.commit().await?;
        Ok(run)
    }
}

/// A run that is written for the first time.
struct New<'a> {
    freeze: &'a Freeze,
    date: Day,
    now: Timestamp,
    last_sequence: i64,
    carried_over: &'a [CarriedOver],
    frozen: &'a [Frozen],
}

impl New<'_> {
    async fn write(&self, transaction: &Transaction) -> Result<(), StoreError> {
        payout_runs::Entity::insert(self.run()?).exec_without_returning(transaction).await?;
        for page in self.frozen.chunks(ROWS) {
            let rows = page.iter().map(|frozen| self.payout(frozen)).collect::<Result<Vec<_>, _>>()?;
            payouts::Entity::insert_many(rows).exec_without_returning(transaction).await?;
            let rows = page.iter().map(|frozen| self.attempt(frozen));
            payout_attempts::Entity::insert_many(rows).exec_without_returning(transaction).await?;
            let rows = page.iter().map(|frozen| self.statement(frozen));
            statements::Entity::insert_many(rows).exec_without_returning(transaction).await?;
        }
        let mut lines = Vec::new();
        for Frozen { statement, .. } in self.frozen {
            let payout_id = statement.payout_id.to_string();
            lines.extend(statement.postings.iter().map(|(sequence, line)| statement_lines::ActiveModel {
                sequence: Set(*sequence),
                line: Set(*line),
                payout_id: Set(payout_id.clone()),
            }));
        }
        while !lines.is_empty() {
            let rest = lines.split_off(lines.len().min(ROWS));
            statement_lines::Entity::insert_many(std::mem::replace(&mut lines, rest))
                .exec_without_returning(transaction)
                .await?;
        }
        Ok(())
    }

    fn run(&self) -> Result<payout_runs::ActiveModel, StoreError> {
        let digest_line = |Frozen { planned, statement }: &Frozen| DigestLine {
            payout_id: statement.payout_id.clone(),
            seller: planned.seller.clone(),
            amount: planned.amount,
            destination: planned.destination.clone(),
            statement_sha256: statement.sha256.clone(),
        };
        let lines: Vec<DigestLine> = self.frozen.iter().map(digest_line).collect();
        let amounts = lines.iter().map(|line| line.amount);
        let total = amounts.into_iter().try_fold(Money::zero(Currency::Krw), Money::plus);
        let count = u32::try_from(lines.len()).map_err(|_| corrupt("a count of payouts", lines.len()))?;
        let carried_over = serde_json::to_string(self.carried_over);
        let status = if lines.is_empty() { RunStatus::Completed } else { RunStatus::Frozen };
        Ok(payout_runs::ActiveModel {
            run_id: Set(self.freeze.run_id.to_string()),
            run_date: Set(self.date.to_string()),
            status: Set(status.as_str().to_owned()),
            digest: Set(of_run(&self.freeze.run_id, self.date, &lines)),
            total: Set(to_column_amount(total.map_err(|error| corrupt("the total of a run", error))?)?),
            payout_count: Set(to_column_revision(count)?),
            carried_over: Set(carried_over.map_err(|error| corrupt("what is carried over", error))?),
            frozen_by: Set(self.freeze.by.to_string()),
            frozen_at: Set(to_column_time(self.now)),
            decided_by: Set(None),
            decided_at: Set(None),
            decision_reason: Set(None),
            completed_at: Set(lines.is_empty().then(|| to_column_time(self.now))),
            version: Set(0),
            approvals_needed: Set(to_column_revision(approvals_needed(&self.freeze.by))?),
            first_approval_by: Set(None),
            first_approval_at: Set(None),
            first_approval_digest: Set(None),
        })
    }

    fn payout(&self, Frozen { planned, statement }: &Frozen) -> Result<payouts::ActiveModel, StoreError> {
        Ok(payouts::ActiveModel {
            payout_id: Set(statement.payout_id.to_string()),
            run_id: Set(self.freeze.run_id.to_string()),
            seller_account: Set(planned.seller.to_string()),
            period: Set(self.date.to_string()),
            amount: Set(to_column_amount(planned.amount)?),
            status: Set(PayoutStatus::Frozen.as_str().to_owned()),
            destination: Set(planned.destination.clone()),
            attempt: Set(1),
            ref_payout_id: Set(statement.payout_id.attempt(1).to_string()),
            batch: Set(None),
            pays_on: Set(None),
            psp_payout_id: Set(None),
            failure_code: Set(None),
            failure_message: Set(None),
            is_void: Set(false),
            frozen_at: Set(to_column_time(self.now)),
            sent_at: Set(None),
            ended_at: Set(None),
            version: Set(0),
        })
    }

    fn attempt(&self, Frozen { statement, .. }: &Frozen) -> payout_attempts::ActiveModel {
        payout_attempts::ActiveModel {
            payout_id: Set(statement.payout_id.to_string()),
            attempt: Set(1),
            ref_payout_id: Set(statement.payout_id.attempt(1).to_string()),
            requested_by: Set(self.freeze.by.to_string()),
            reason: Set("frozen".to_owned()),
            created_at: Set(to_column_time(self.now)),
        }
    }

    fn statement(&self, Frozen { planned, statement }: &Frozen) -> statements::ActiveModel {
        statements::ActiveModel {
            payout_id: Set(statement.payout_id.to_string()),
            seller_account: Set(planned.seller.to_string()),
            period: Set(self.date.to_string()),
            content: Set(statement.content.clone()),
            sha256: Set(statement.sha256.clone()),
            last_sequence: Set(self.last_sequence),
            frozen_at: Set(to_column_time(self.now)),
            voided_at: Set(None),
        }
    }
}
