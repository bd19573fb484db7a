//! Freezing a run: reservations, statements, payouts and the digest, portion by portion.
//!
//! Each portion is a transaction of some hundred sellers, so payments are booked between two portions, and no run is
//! in memory as a whole. Nobody sees the run before its last portion is written, with the digest of all of them.

use domain::{
    Timestamp,
    calendar::Day,
    id::PayoutRunId,
    ledger::Hold,
    payout::{
        MAX_PAYOUTS_PER_RUN, PaidBy, PayoutKind, PayoutStatus, RunStatus, approvals_needed,
        digest::{DigestLine, DigestScheme},
        plan::{CarriedOver, CarryReason, PlanRules, PlannedPayout, Room, RunRequest},
    },
    principal::Principal,
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, PaginatorTrait, QueryFilter,
    sea_query::Expr,
};

use super::{
    bank_money,
    events::append_run,
    frozen,
    lines::Frozen as FrozenSum,
    parts::{self, NewPart},
    plan::{Part, PlanRequest, PlannedPart, plan_part},
    record::{self, RunRecord},
    statement::{Making, NewStatement, make_all},
};
use crate::{
    StoreError, Writer,
    books::open::Books,
    convert::{corrupt, to_column_amount, to_column_revision, to_column_sequence, to_column_time},
    entities::{payout_attempts, payout_runs, payouts, statement_lines, statements},
    hold,
    transaction::Transaction,
};

/// How many rows one statement writes: a row has at most 22 values, of which SQLite takes 32,766.
const ROWS: usize = 1_000;

/// See [`plan_by_values`].
const PLAN_BY_VALUES: &str = "SET LOCAL plan_cache_mode = force_custom_plan";

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

/// What came of freezing a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FreezeOutcome {
    /// The run is written.
    Frozen(Box<RunRecord>),
    /// No seller is paid, and nothing is written.
    NothingDue(Vec<CarriedOver>),
}

/// A payout with its statement, to be written.
struct Frozen {
    planned: PlannedPayout,
    statement: NewStatement,
}

impl Writer {
    /// Freezes the next sellers of a run: what each is paid is reserved, and the statement of each is made. Where
    /// nothing is due, nothing is written. A run whose payouts have no statement that adds up is complete at once.
    /// Answers the outcome once all sellers are frozen; the same run, by its id, goes on where it was.
    pub async fn freeze_portion(
        &self,
        freeze: &Freeze,
        rules: &PlanRules,
    ) -> Result<Option<FreezeOutcome>, StoreError> {
        let transaction = self.begin().await?;
        plan_by_values(&transaction).await?;
        let mut books = Books::open(&transaction, self.database().clock()).await?;
        let now = books.now();
        let row = match payout_runs::Entity::find_by_id(freeze.run_id.as_str()).one(&transaction).await? {
            Some(row) if row.freezes_after.is_none() => {
                return Ok(Some(FreezeOutcome::Frozen(Box::new(record::run(row)?))));
            }
            Some(row) => row,
            None => begin(&transaction, freeze, rules.by, now).await?,
        };
        let after = row.freezes_after.clone().unwrap_or_default();
        let run = record::run(row)?;
        let portion = Portion {
            freeze,
            run: &run,
            number: parts::next_number(&transaction, &run.run_id).await?,
            now,
            last_sequence: to_column_sequence(books.last_sequence()?),
        };
        let room = MAX_PAYOUTS_PER_RUN.saturating_sub(frozen::count_so_far(&transaction, &run).await?);
        // The way of the run stays, whatever is set meanwhile.
        let rules = &PlanRules { by: run.paid_by, ..rules.clone() };
        let request = PlanRequest { date: run.date, sellers: freeze.request.sellers.as_deref(), rules, now };
        let room = Room { payouts: room, money: bank_money::money_left(&transaction, run.paid_by).await? };
        let planned = plan_part(&transaction, request, Part { after: &after, room }).await?;
        let PlannedPart { plan, next } = planned;
        let mut carried_over = plan.carried_over;
        // The whole run is this portion, and the row of the run goes with the transaction.
        if after.is_empty() && next.is_none() && plan.payouts.is_empty() {
            return Ok(Some(FreezeOutcome::NothingDue(carried_over)));
        }
        let frozen = portion.freeze(&mut books, plan.payouts, &mut carried_over).await?;
        portion.write(&transaction, &frozen).await?;
        books.close().await?;
        portion.write_part(&transaction, &frozen, &carried_over).await?;
        portion.move_on(&transaction, next.as_deref()).await?;
        let outcome = match next {
            Some(_) => None,
            None => Some(FreezeOutcome::Frozen(Box::new(finish(&transaction, &run.run_id, now).await?))),
        };
        transaction.commit().await?;
        Ok(outcome)
    }
}

/// Has PostgreSQL plan each statement of the transaction by its values. A plan for any values takes a range of the
/// ledger for a short one: the whole ledger would be read for some sellers, and each row compared with each name.
async fn plan_by_values(transaction: &Transaction) -> Result<(), StoreError> {
    if transaction.get_database_backend() == DbBackend::Postgres {
        transaction.execute_unprepared(PLAN_BY_VALUES).await?;
    }
    Ok(())
}

/// Writes the row of a run that nobody sees yet.
async fn begin(
    transaction: &Transaction,
    freeze: &Freeze,
    by: PaidBy,
    now: Timestamp,
) -> Result<payout_runs::Model, StoreError> {
    let date = freeze.request.date.map_or_else(|| Day::of(now), |date| date.0);
    let row = payout_runs::ActiveModel {
        run_id: Set(freeze.run_id.to_string()),
        run_date: Set(date.to_string()),
        status: Set(RunStatus::Frozen.as_str().to_owned()),
        digest: Set(String::new()),
        total: Set(0),
        payout_count: Set(0),
        carried_over: Set("[]".to_owned()),
        frozen_by: Set(freeze.by.to_string()),
        frozen_at: Set(to_column_time(now)),
        decided_by: Set(None),
        decided_at: Set(None),
        decision_reason: Set(None),
        completed_at: Set(None),
        version: Set(0),
        approvals_needed: Set(to_column_revision(approvals_needed(&freeze.by))?),
        first_approval_by: Set(None),
        first_approval_at: Set(None),
        first_approval_digest: Set(None),
        freezes_after: Set(Some(String::new())),
        kind: Set(PayoutKind::Seller.as_str().to_owned()),
        paid_by: Set(by.as_str().to_owned()),
        digest_scheme: Set(DigestScheme::Parts.number()),
    };
    payout_runs::Entity::insert(row).exec_without_returning(transaction).await?;
    let id = freeze.run_id.as_str();
    let row = payout_runs::Entity::find_by_id(id).one(transaction).await?;
    row.ok_or_else(|| corrupt("no run whose freeze began", id))
}

/// Shows the run, with the digest of all that was frozen.
async fn finish(transaction: &Transaction, id: &PayoutRunId, now: Timestamp) -> Result<RunRecord, StoreError> {
    let row = payout_runs::Entity::find_by_id(id.as_str()).one(transaction).await?;
    let run = record::run(row.ok_or_else(|| corrupt("no run that is being frozen", id))?)?;
    let FrozenSum { digest, total, .. } = frozen::sum_up(transaction, &run).await?;
    let mut carried_over = run.carried_over;
    carried_over.extend(parts::carried_over(transaction, id).await?);
    let carried_over = serde_json::to_string(&carried_over).map_err(|error| corrupt("what is carried over", error))?;
    let count = payouts::Entity::find().filter(payouts::Column::RunId.eq(id.as_str())).count(transaction).await?;
    let count = i32::try_from(count).map_err(|_| corrupt("a count of payouts", count))?;
    let (status, completed_at) =
        if count == 0 { (RunStatus::Completed, Some(to_column_time(now))) } else { (RunStatus::Frozen, None) };
    payout_runs::Entity::update_many()
        .col_expr(payout_runs::Column::Status, Expr::value(status.as_str()))
        .col_expr(payout_runs::Column::Digest, Expr::value(digest))
        .col_expr(payout_runs::Column::Total, Expr::value(to_column_amount(total)?))
        .col_expr(payout_runs::Column::PayoutCount, Expr::value(count))
        .col_expr(payout_runs::Column::CarriedOver, Expr::value(carried_over))
        .col_expr(payout_runs::Column::CompletedAt, Expr::value(completed_at))
        .col_expr(payout_runs::Column::FreezesAfter, Expr::value(None::<String>))
        .filter(payout_runs::Column::RunId.eq(id.as_str()))
        .exec(transaction)
        .await?;
    let row = payout_runs::Entity::find_by_id(id.as_str()).one(transaction).await?;
    let run = record::run(row.ok_or_else(|| corrupt("no run that was just frozen", id))?)?;
    append_run(transaction, &run, now).await?;
    Ok(run)
}

/// Some sellers of a run, frozen in one transaction.
struct Portion<'a> {
    freeze: &'a Freeze,
    run: &'a RunRecord,
    /// Its number in the run.
    number: u32,
    now: Timestamp,
    last_sequence: i64,
}

impl Portion<'_> {
    /// Makes the statements and reserves the money. A seller whose numbers do not add up is carried over.
    async fn freeze(
        &self,
        books: &mut Books<'_>,
        planned: Vec<PlannedPayout>,
        carried_over: &mut Vec<CarriedOver>,
    ) -> Result<Vec<Frozen>, StoreError> {
        let making = Making {
            run_id: &self.freeze.run_id,
            date: self.run.date,
            at: self.now,
            last_sequence: self.last_sequence,
        };
        let mut frozen = Vec::with_capacity(planned.len());
        for (planned, statement) in make_all(books, making, planned).await? {
            match statement {
                Some(statement) => frozen.push(Frozen { planned, statement }),
                None => carried_over.push(CarriedOver {
                    seller: planned.seller,
                    amount: planned.amount,
                    reason: CarryReason::StatementOff,
                }),
            }
        }
        let hold = |Frozen { planned, statement }: &Frozen| Hold {
            id: statement.payout_id.attempt(1),
            seller: planned.seller.clone(),
            amount: planned.amount,
        };
        let holds: Vec<Hold> = frozen.iter().map(hold).collect();
        hold::write::reserve_all(books, &holds, self.now).await?;
        Ok(frozen)
    }

    async fn write(&self, transaction: &Transaction, frozen: &[Frozen]) -> Result<(), StoreError> {
        for page in frozen.chunks(ROWS) {
            let rows = page.iter().map(|frozen| self.payout(frozen)).collect::<Result<Vec<_>, _>>()?;
            payouts::Entity::insert_many(rows).exec_without_returning(transaction).await?;
            let rows = page.iter().map(|frozen| self.attempt(frozen));
            payout_attempts::Entity::insert_many(rows).exec_without_returning(transaction).await?;
            let rows = page.iter().map(|frozen| self.statement(frozen));
            statements::Entity::insert_many(rows).exec_without_returning(transaction).await?;
        }
        let mut lines = Vec::new();
        for Frozen { statement, .. } in frozen {
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

    /// Writes the portion as a part of the run: what its digest is over, and what it carries over.
    async fn write_part(
        &self,
        transaction: &Transaction,
        frozen: &[Frozen],
        carried_over: &[CarriedOver],
    ) -> Result<(), StoreError> {
        if frozen.is_empty() && carried_over.is_empty() {
            return Ok(());
        }
        let line = |Frozen { planned, statement }: &Frozen| DigestLine {
            payout_id: statement.payout_id.clone(),
            seller: planned.seller.clone(),
            amount: planned.amount,
            destination: planned.destination.clone(),
            statement_sha256: statement.sha256.clone(),
        };
        let lines: Vec<DigestLine> = frozen.iter().map(line).collect();
        let part = NewPart { run_id: &self.run.run_id, number: self.number, lines: &lines, carried_over };
        parts::write(transaction, part).await
    }

    /// Writes where the next portion begins.
    async fn move_on(&self, transaction: &Transaction, next: Option<&str>) -> Result<(), StoreError> {
        payout_runs::Entity::update_many()
            .filter(payout_runs::Column::RunId.eq(self.run.run_id.as_str()))
            .col_expr(payout_runs::Column::FreezesAfter, Expr::value(next.unwrap_or_default()))
            .exec(transaction)
            .await?;
        Ok(())
    }

    fn payout(&self, Frozen { planned, statement }: &Frozen) -> Result<payouts::ActiveModel, StoreError> {
        Ok(payouts::ActiveModel {
            payout_id: Set(statement.payout_id.to_string()),
            run_id: Set(self.run.run_id.to_string()),
            seller_account: Set(planned.seller.to_string()),
            period: Set(self.run.date.to_string()),
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
            kind: Set(PayoutKind::Seller.as_str().to_owned()),
            received_at: Set(None),
            bank_line: Set(None),
            paid_by: Set(self.run.paid_by.as_str().to_owned()),
            part: Set(match self.run.digest_scheme {
                // The freeze began before there were parts.
                DigestScheme::Payouts => None,
                DigestScheme::Parts => Some(to_column_revision(self.number)?),
            }),
            ..Default::default()
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
            period: Set(self.run.date.to_string()),
            content: Set(statement.content.clone()),
            sha256: Set(statement.sha256.clone()),
            last_sequence: Set(self.last_sequence),
            frozen_at: Set(to_column_time(self.now)),
            voided_at: Set(None),
        }
    }
}
