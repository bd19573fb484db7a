//! Sweeps: what may be swept, the run of one payout to our own company, and the line of our bank that shows it.

use domain::{
    Currency, Money, Timestamp,
    calendar::Day,
    id::{PayoutId, PayoutRunId, SellerAccount},
    ledger::{Account, Entry, SweepStep},
    payout::{
        PaidBy, PayoutKind, PayoutStatus, RunStatus, approvals_needed,
        digest::{DigestLine, NO_STATEMENT, of_run, sha256},
        plan::PlanRules,
        status::MoneyAt,
        sweep::{Funds, OwnCompany, SweepRefusal, plan},
    },
    principal::Principal,
    refund::RefundStatus,
    settlement::RowKind,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, Func, Query, SelectStatement, SimpleExpr},
};

use super::{
    events::append_run,
    frozen::run_of,
    plan::{standing, this_week},
    record::{self, PayoutRecord, RunRecord},
    refusal::{PayoutRefusal, payout_of},
};
use crate::{
    Reader, StoreError, Writer,
    books::{open::Books, refusal::Refusal},
    convert::{corrupt, to_column_amount, to_column_revision, to_column_time},
    entities::{
        ledger_balances, payment_orders, payout_attempts, payout_runs, payouts, refunds, settlement_rows, wallets,
    },
    reconciliation::settled_after,
    seller::payout_terms,
    transaction::Transaction,
};

/// A sweep to freeze.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreezeSweep {
    /// The id of its run: frozen again, it stays as it is.
    pub run_id: PayoutRunId,
    /// How much; all that is free where it is absent.
    pub amount: Option<Money>,
    /// The author.
    pub by: Principal,
}

/// A sweep before it is frozen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepPlan {
    /// Our own company.
    pub seller: SellerAccount,
    /// Its name at the PSP.
    pub destination: String,
    /// How much.
    pub amount: Money,
}

/// Somebody, or a line of a bank statement, shows that a sweep is in our bank account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepReceipt {
    /// The sweep.
    pub payout_id: PayoutId,
    /// The line, by its hash; nothing where a person says so.
    pub bank_line: Option<String>,
}

impl Reader {
    /// What a sweep would take now, or why it takes nothing. Nothing is written.
    pub async fn plan_sweep(
        &self,
        amount: Option<Money>,
        rules: &PlanRules,
    ) -> Result<Result<SweepPlan, SweepRefusal>, StoreError> {
        if rules.by == PaidBy::BankFile {
            return Ok(Err(SweepRefusal::ByBankFile));
        }
        let now = self.time().await?;
        // The balances and the rows beside them are of one moment.
        let snapshot = self.snapshot().await?;
        let planned = allowed(&snapshot, amount, rules, now).await?;
        snapshot.rollback().await?;
        Ok(planned)
    }

    /// What the books say of our own money at the PSP.
    pub async fn sweep_funds(&self) -> Result<Funds, StoreError> {
        let now = self.time().await?;
        let snapshot = self.snapshot().await?;
        let funds = funds(&snapshot, now).await?;
        snapshot.rollback().await?;
        Ok(funds)
    }

    /// Sweeps that the PSP has paid and that no line of a bank statement was found for.
    pub async fn sweeps_without_line(&self) -> Result<Vec<PayoutRecord>, StoreError> {
        let rows = payouts::Entity::find()
            .filter(payouts::Column::Kind.eq(PayoutKind::Sweep.as_str()))
            .filter(payouts::Column::Status.eq(PayoutStatus::Paid.as_str()))
            .filter(payouts::Column::BankLine.is_null())
            .all(self.connection())
            .await?;
        rows.into_iter().map(record::payout).collect()
    }

    /// Which of these lines of bank statements show a sweep, a transfer, or the return of a transfer.
    pub async fn lines_of_payouts(&self, hashes: &[String]) -> Result<Vec<String>, StoreError> {
        let mut lines = Vec::new();
        for column in [payouts::Column::BankLine, payouts::Column::ReturnLine] {
            let found: Vec<Option<String>> = payouts::Entity::find()
                .select_only()
                .column(column)
                .filter(column.is_in(hashes.iter().map(String::as_str)))
                .into_tuple()
                .all(self.connection())
                .await?;
            lines.extend(found.into_iter().flatten());
        }
        Ok(lines)
    }
}

impl Writer {
    /// Freezes a sweep, or says why not; then nothing is written. The run's id is the key.
    pub async fn freeze_sweep(
        &self,
        sweep: &FreezeSweep,
        rules: &PlanRules,
    ) -> Result<Result<RunRecord, SweepRefusal>, StoreError> {
        let transaction = self.begin().await?;
        let books = Books::open(&transaction, self.database().clock()).await?;
        if let Some(run) = run_of(&transaction, &sweep.run_id).await? {
            return Ok(Ok(run));
        }
        if rules.by == PaidBy::BankFile {
            return Ok(Err(SweepRefusal::ByBankFile));
        }
        let now = books.now();
        let planned = match allowed(&transaction, sweep.amount, rules, now).await? {
            Ok(planned) => planned,
            Err(refusal) => return Ok(Err(refusal)),
        };
        write(&transaction, sweep, &planned, now).await?;
        books.close().await?;
        let run = run_of(&transaction, &sweep.run_id).await?;
        let run = run.ok_or_else(|| corrupt("no run of a sweep that was just frozen", &sweep.run_id))?;
        append_run(&transaction, &run, now).await?;
        transaction.commit().await?;
        Ok(Ok(run))
    }

    /// Books that a sweep is in our bank account. The sweep is the key; a line that is found later is kept with it.
    pub async fn receive_sweep(
        &self,
        receipt: &SweepReceipt,
    ) -> Result<Result<PayoutRecord, PayoutRefusal>, StoreError> {
        let transaction = self.begin().await?;
        let mut books = Books::open(&transaction, self.database().clock()).await?;
        let Some(payout) = payout_of(&transaction, &receipt.payout_id).await? else {
            return Ok(Err(PayoutRefusal::Unknown));
        };
        if payout.kind != PayoutKind::Sweep {
            return Ok(Err(PayoutRefusal::NoSweep));
        }
        if payout.status != PayoutStatus::Paid {
            return Ok(Err(PayoutRefusal::Status(payout.status)));
        }
        receive(&mut books, &payout, receipt.bank_line.as_deref()).await?;
        books.close().await?;
        let payout = payout_of(&transaction, &receipt.payout_id).await?;
        let payout = payout.ok_or_else(|| corrupt("no sweep that was received", &receipt.payout_id))?;
        transaction.commit().await?;
        Ok(Ok(payout))
    }
}

/// Books that a paid sweep is in our bank account, once, and keeps the first line that shows it.
pub(super) async fn receive(
    books: &mut Books<'_>,
    payout: &PayoutRecord,
    line: Option<&str>,
) -> Result<(), StoreError> {
    if payout.received_at.is_none() {
        book(books, payout, SweepStep::Received).await?;
    }
    let received_at = to_column_time(payout.received_at.unwrap_or(books.now()));
    let line = payout.bank_line.as_deref().or(line).map(str::to_owned);
    payouts::Entity::update_many()
        .col_expr(payouts::Column::ReceivedAt, Expr::value(received_at))
        .col_expr(payouts::Column::BankLine, Expr::value(line))
        .filter(payouts::Column::PayoutId.eq(payout.payout_id.as_str()))
        .exec(books.transaction)
        .await?;
    Ok(())
}

/// What a sweep may take, as the rows are.
pub(super) async fn allowed(
    connection: &impl ConnectionTrait,
    amount: Option<Money>,
    rules: &PlanRules,
    now: Timestamp,
) -> Result<Result<SweepPlan, SweepRefusal>, StoreError> {
    let Some(seller) = rules.own_seller.clone() else { return Ok(Err(SweepRefusal::NoOwnSeller)) };
    let mut terms = payout_terms(connection, std::slice::from_ref(&seller), now).await?;
    let Some(terms) = terms.remove(&seller) else { return Ok(Err(SweepRefusal::NotPayable)) };
    let Some(destination) = terms.psp_seller_id.as_ref().map(ToString::to_string) else {
        return Ok(Err(SweepRefusal::NotPayable));
    };
    let taken = this_week(connection, now, &[&seller]).await?.get(seller.as_str()).copied().unwrap_or_default();
    let own = OwnCompany {
        standing: standing(&terms, PaidBy::Psp),
        account_changed_at: terms.account_changed_at,
        this_week: record::won(taken)?,
    };
    let free = funds(connection, now).await?.free();
    Ok(plan(amount, free, &own, rules, now).map(|amount| SweepPlan { seller, destination, amount }))
}

/// Whether a sweep that was approved leaves what is owed, as the books are now. A payout to a seller is reserved.
pub(super) async fn still_free(
    transaction: &Transaction,
    payout: &PayoutRecord,
    now: Timestamp,
) -> Result<Result<(), SweepRefusal>, StoreError> {
    if payout.kind != PayoutKind::Sweep {
        return Ok(Ok(()));
    }
    let mut funds = funds(transaction, now).await?;
    // The sweep itself is among those that are under way.
    funds.sweeps = funds.sweeps.saturating_sub(to_column_amount(payout.amount)?);
    let free = funds.free();
    Ok(if payout.amount.minor() > free.minor() { Err(SweepRefusal::TooMuch { free }) } else { Ok(()) })
}

/// Books what a change of a sweep does. Our own money is nobody's wallet, so nothing moves before the PSP has paid.
pub(super) async fn move_money(
    books: &mut Books<'_>,
    payout: &PayoutRecord,
    next: PayoutStatus,
) -> Result<(), StoreError> {
    match (payout.status.money(), next.money()) {
        (MoneyAt::Held | MoneyAt::InTransit, MoneyAt::Held | MoneyAt::InTransit | MoneyAt::Free) => Ok(()),
        (MoneyAt::Held | MoneyAt::InTransit, MoneyAt::SellerBank) => book(books, payout, SweepStep::Paid).await,
        (MoneyAt::SellerBank, MoneyAt::Free) => book(books, payout, SweepStep::Returned).await,
        (MoneyAt::SellerBank | MoneyAt::Free, _) => Err(corrupt("a sweep that goes back", &payout.payout_id)),
    }
}

async fn book(books: &mut Books<'_>, payout: &PayoutRecord, step: SweepStep) -> Result<(), StoreError> {
    let attempt = payout.hold()?.id;
    let entry = Entry::of_sweep(&attempt, payout.amount, step, books.now()).map_err(Refusal::from)?;
    books.book(entry).await.map(|_| ())
}

async fn write(
    transaction: &Transaction,
    sweep: &FreezeSweep,
    planned: &SweepPlan,
    now: Timestamp,
) -> Result<(), StoreError> {
    let date = Day::of(now);
    let name = sha256(format!("daegeum-sweep 1\n{}", sweep.run_id).as_bytes());
    let payout_id = PayoutId::of_statement(&name);
    let line = DigestLine {
        payout_id: payout_id.clone(),
        seller: planned.seller.clone(),
        amount: planned.amount,
        destination: planned.destination.clone(),
        statement_sha256: NO_STATEMENT.to_owned(),
    };
    let run = payout_runs::ActiveModel {
        run_id: Set(sweep.run_id.to_string()),
        kind: Set(PayoutKind::Sweep.as_str().to_owned()),
        paid_by: Set(PaidBy::Psp.as_str().to_owned()),
        run_date: Set(date.to_string()),
        status: Set(RunStatus::Frozen.as_str().to_owned()),
        digest: Set(of_run(&sweep.run_id, date, &[line])),
        total: Set(to_column_amount(planned.amount)?),
        payout_count: Set(1),
        carried_over: Set("[]".to_owned()),
        frozen_by: Set(sweep.by.to_string()),
        frozen_at: Set(to_column_time(now)),
        version: Set(0),
        approvals_needed: Set(to_column_revision(approvals_needed(&sweep.by))?),
        ..Default::default()
    };
    payout_runs::Entity::insert(run).exec_without_returning(transaction).await?;
    let payout = payouts::ActiveModel {
        payout_id: Set(payout_id.to_string()),
        run_id: Set(sweep.run_id.to_string()),
        kind: Set(PayoutKind::Sweep.as_str().to_owned()),
        paid_by: Set(PaidBy::Psp.as_str().to_owned()),
        seller_account: Set(planned.seller.to_string()),
        period: Set(date.to_string()),
        amount: Set(to_column_amount(planned.amount)?),
        status: Set(PayoutStatus::Frozen.as_str().to_owned()),
        destination: Set(planned.destination.clone()),
        attempt: Set(1),
        ref_payout_id: Set(payout_id.attempt(1).to_string()),
        is_void: Set(false),
        frozen_at: Set(to_column_time(now)),
        version: Set(0),
        ..Default::default()
    };
    payouts::Entity::insert(payout).exec_without_returning(transaction).await?;
    let attempt = payout_attempts::ActiveModel {
        payout_id: Set(payout_id.to_string()),
        attempt: Set(1),
        ref_payout_id: Set(payout_id.attempt(1).to_string()),
        requested_by: Set(sweep.by.to_string()),
        reason: Set("frozen".to_owned()),
        created_at: Set(to_column_time(now)),
    };
    payout_attempts::Entity::insert(attempt).exec_without_returning(transaction).await?;
    Ok(())
}

/// What the books and the rows beside them say of the money at the PSP.
async fn funds(connection: &impl ConnectionTrait, now: Timestamp) -> Result<Funds, StoreError> {
    let debits = async |account: Account| {
        let row = ledger_balances::Entity::find()
            .filter(ledger_balances::Column::Account.eq(account.to_string()))
            .filter(ledger_balances::Column::Currency.eq(Currency::Krw.code()))
            .one(connection)
            .await?;
        Ok::<_, StoreError>(row.map_or(0, |row| row.debits - row.credits))
    };
    let wallet = async |part: wallets::Column| {
        let rows = wallets::Entity::find().select_only().column_as(sum(part), "sum");
        let rows = rows.filter(wallets::Column::Currency.eq(Currency::Krw.code()));
        Ok::<_, StoreError>(rows.into_tuple::<Option<i64>>().one(connection).await?.flatten().unwrap_or_default())
    };
    Ok(Funds {
        booked: debits(Account::PspPayoutBalance).await?,
        // What is paid in today may come later today.
        not_paid_yet: settled_after(connection, Day::of(now).before()).await?,
        receivable: debits(Account::PspReceivable).await?,
        pending: wallet(wallets::Column::Pending).await?,
        settled_pending: settled_pending(connection).await?,
        available: wallet(wallets::Column::Available).await?,
        held: wallet(wallets::Column::Held).await?,
        in_transit: wallet(wallets::Column::InTransit).await?,
        refunds_payable: -debits(Account::RefundsPayable).await?,
        refunds_to_deduct: refunds_to_deduct(connection).await?,
        suspense: -debits(Account::Suspense).await?,
        exchanged: -debits(Account::FxTrading).await?,
        sweeps: sweeps_at(connection, &[MoneyAt::Held, MoneyAt::InTransit]).await?,
    })
}

fn sum(column: impl ColumnTrait) -> SimpleExpr {
    Func::sum(Expr::col(column.as_column_ref())).cast_as("bigint")
}

/// The payments that the PSP has settled, by the names of their checkouts.
fn settled() -> SelectStatement {
    Query::select()
        .column(settlement_rows::Column::OrderName)
        .from(settlement_rows::Entity)
        .and_where(settlement_rows::Column::Kind.eq(RowKind::Approval.as_str()))
        .and_where(settlement_rows::Column::BookedAt.is_not_null())
        .to_owned()
}

async fn settled_pending(connection: &impl ConnectionTrait) -> Result<i64, StoreError> {
    let rows = payment_orders::Entity::find()
        .select_only()
        .column_as(sum(payment_orders::Column::Unreleased), "sum")
        .filter(payment_orders::Column::Currency.eq(Currency::Krw.code()))
        .filter(payment_orders::Column::Unreleased.gt(0))
        .filter(payment_orders::Column::CheckoutId.in_subquery(settled()));
    Ok(rows.into_tuple::<Option<i64>>().one(connection).await?.flatten().unwrap_or_default())
}

/// Refunds of settled payments of which no row of the PSP is booked.
async fn refunds_to_deduct(connection: &impl ConnectionTrait) -> Result<i64, StoreError> {
    use settlement_rows::Column as Row;
    let of_refund = |column: refunds::Column| Expr::col((refunds::Entity, column));
    let of_row = |column: Row| Expr::col((settlement_rows::Entity, column));
    let by_name = of_row(Row::TransactionKey).eq(of_refund(refunds::Column::TransactionKey));
    // A refund whose name at the PSP was lost is deducted by a row over the same amount.
    let by_amount = of_refund(refunds::Column::TransactionKey)
        .is_null()
        .and(of_row(Row::Amount).add(of_refund(refunds::Column::Amount)).eq(0));
    let deducted = Query::select()
        .expr(Expr::val(1))
        .from(settlement_rows::Entity)
        .and_where(of_row(Row::Kind).eq(RowKind::Cancel.as_str()))
        .and_where(of_row(Row::BookedAt).is_not_null())
        .and_where(of_row(Row::OrderName).eq(of_refund(refunds::Column::CheckoutId)))
        .and_where(by_name.or(by_amount))
        .to_owned();
    let rows = refunds::Entity::find()
        .select_only()
        .column_as(sum(refunds::Column::Amount), "sum")
        .filter(refunds::Column::Currency.eq(Currency::Krw.code()))
        .filter(refunds::Column::Status.eq(RefundStatus::Succeeded.as_str()))
        .filter(refunds::Column::CheckoutId.in_subquery(settled()))
        .filter(Expr::exists(deducted).not());
    Ok(rows.into_tuple::<Option<i64>>().one(connection).await?.flatten().unwrap_or_default())
}

/// The sum of sweeps whose money is in one of these places.
async fn sweeps_at(connection: &impl ConnectionTrait, places: &[MoneyAt]) -> Result<i64, StoreError> {
    let there = PayoutStatus::ALL.into_iter().filter(|status| places.contains(&status.money()));
    let rows = payouts::Entity::find()
        .select_only()
        .column_as(sum(payouts::Column::Amount), "sum")
        .filter(payouts::Column::Kind.eq(PayoutKind::Sweep.as_str()))
        .filter(payouts::Column::Status.is_in(there.map(PayoutStatus::as_str)));
    Ok(rows.into_tuple::<Option<i64>>().one(connection).await?.flatten().unwrap_or_default())
}

/// The sum of sweeps that the PSP has paid and that no bank statement shows, in won: what is in transit.
pub(crate) async fn not_received(connection: &impl ConnectionTrait) -> Result<i64, StoreError> {
    let rows = payouts::Entity::find()
        .select_only()
        .column_as(sum(payouts::Column::Amount), "sum")
        .filter(payouts::Column::Kind.eq(PayoutKind::Sweep.as_str()))
        .filter(payouts::Column::Status.eq(PayoutStatus::Paid.as_str()))
        .filter(payouts::Column::ReceivedAt.is_null());
    Ok(rows.into_tuple::<Option<i64>>().one(connection).await?.flatten().unwrap_or_default())
}
