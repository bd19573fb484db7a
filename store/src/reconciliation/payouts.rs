//! What the books say of the payout balance and of payouts, at one instant.

use std::collections::{BTreeMap, HashMap};

use domain::{
    Currency,
    calendar::Day,
    ledger::Account,
    payout::{PaidBy, PayoutStatus},
    reconciliation::payouts::AskedPayout,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, Func, SimpleExpr},
};

use crate::{
    Reader, StoreError,
    convert::{corrupt, from_column_time, to_column_time},
    entities::{ledger_balances, payout_attempts, payouts, settlement_rows},
    payout::record::{self, PayoutRecord},
};

/// How many names one statement asks for: SQLite takes 32,766 values.
const BATCH: usize = 1_000;

/// Which payouts are asked about.
#[derive(Debug, Clone, Copy)]
pub struct PayoutBooksQuestion<'a> {
    /// Payouts that left on this day or later, besides those that have not ended.
    pub since: Day,
    /// The day by which the PSP has paid its settlement rows into the balance.
    pub as_of: Day,
    /// The names that the PSP lists.
    pub listed: &'a [String],
}

/// What the books say, in minor units of won with a sign.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PayoutBooks {
    /// What stands on the payout balance.
    pub booked: i64,
    /// What of it the PSP pays in later.
    pub not_paid_yet: i64,
    /// The attempts of payouts, by our name.
    pub asked: BTreeMap<String, AskedPayout>,
    /// The PSP's names of present attempts that the PSP has accepted, by ours.
    pub psp_payout_ids: BTreeMap<String, String>,
}

impl Reader {
    /// The first day on which the PSP may list a payout that has not ended.
    pub async fn first_open_payout(&self) -> Result<Option<Day>, StoreError> {
        let row = payouts::Entity::find()
            .filter(payouts::Column::Status.is_in(open()))
            .filter(by_psp())
            .filter(payouts::Column::SentAt.is_not_null())
            .order_by_asc(payouts::Column::SentAt)
            .one(self.connection())
            .await?;
        Ok(row.and_then(|row| row.sent_at).map(|at| Day::of(from_column_time(at))))
    }

    /// The payout balance and the payouts that may explain it, in one snapshot.
    pub async fn payout_books(&self, question: PayoutBooksQuestion<'_>) -> Result<PayoutBooks, StoreError> {
        // What is booked meanwhile moves the balance and the payout.
        let snapshot = self.snapshot().await?;
        let mut rows: HashMap<String, PayoutRecord> = HashMap::new();
        let expected = Condition::any()
            .add(payouts::Column::SentAt.gte(to_column_time(question.since.start())))
            .add(payouts::Column::Status.is_in(open()));
        add(&mut rows, payouts::Entity::find().filter(expected).filter(by_psp()).all(&snapshot).await?)?;
        let mut attempts = Vec::new();
        for names in question.listed.chunks(BATCH) {
            let named = payout_attempts::Column::RefPayoutId.is_in(names.iter().map(String::as_str));
            attempts.extend(payout_attempts::Entity::find().filter(named).all(&snapshot).await?);
        }
        let ids: Vec<String> = rows.keys().cloned().collect();
        for ids in ids.chunks(BATCH) {
            let theirs = payout_attempts::Column::PayoutId.is_in(ids.iter().map(String::as_str));
            attempts.extend(payout_attempts::Entity::find().filter(theirs).all(&snapshot).await?);
        }
        let unread: Vec<String> = attempts.iter().map(|attempt| attempt.payout_id.clone()).collect();
        let unread: Vec<String> = unread.into_iter().filter(|id| !rows.contains_key(id)).collect();
        for ids in unread.chunks(BATCH) {
            let named = payouts::Column::PayoutId.is_in(ids.iter().map(String::as_str));
            add(&mut rows, payouts::Entity::find().filter(named).all(&snapshot).await?)?;
        }
        let (mut asked, mut psp_payout_ids) = (BTreeMap::new(), BTreeMap::new());
        for attempt in attempts {
            let payout = rows.get(&attempt.payout_id);
            let payout = payout.ok_or_else(|| corrupt("no payout of an attempt", &attempt.payout_id))?;
            let is_present = payout.ref_payout_id == attempt.ref_payout_id;
            let accepted = payout.psp_payout_id.clone().filter(|_| is_present);
            psp_payout_ids.extend(accepted.map(|id| (attempt.ref_payout_id.clone(), id)));
            asked.insert(attempt.ref_payout_id.clone(), asked_payout(payout, attempt.ref_payout_id));
        }
        let books = PayoutBooks {
            booked: booked(&snapshot).await?,
            not_paid_yet: settled_after(&snapshot, question.as_of).await?,
            asked,
            psp_payout_ids,
        };
        snapshot.rollback().await?;
        Ok(books)
    }
}

/// What is paid by bank file was never asked of the PSP: a payout under its name is one that nobody here asked for.
fn by_psp() -> SimpleExpr {
    payouts::Column::PaidBy.eq(PaidBy::Psp.as_str())
}

fn open() -> impl Iterator<Item = &'static str> {
    PayoutStatus::ALL.into_iter().filter(|status| status.is_followed()).map(PayoutStatus::as_str)
}

fn add(into: &mut HashMap<String, PayoutRecord>, rows: Vec<payouts::Model>) -> Result<(), StoreError> {
    for row in rows {
        into.insert(row.payout_id.clone(), record::payout(row)?);
    }
    Ok(())
}

fn asked_payout(payout: &PayoutRecord, ref_payout_id: String) -> AskedPayout {
    let is_former = payout.ref_payout_id != ref_payout_id;
    AskedPayout {
        ref_payout_id,
        run_id: payout.run_id.clone(),
        status: payout.status,
        is_former,
        // A present attempt has a number of its batch once it may have left.
        was_sent: is_former || payout.batch.is_some(),
        amount: payout.amount,
        sent_at: payout.sent_at,
        due_on: payout.pays_on.or_else(|| payout.sent_at.map(Day::of)).unwrap_or(payout.period),
    }
}

async fn booked(connection: &impl ConnectionTrait) -> Result<i64, StoreError> {
    let row = ledger_balances::Entity::find()
        .filter(ledger_balances::Column::Account.eq(Account::PspPayoutBalance.to_string()))
        .filter(ledger_balances::Column::Currency.eq(Currency::Krw.code()))
        .one(connection)
        .await?;
    Ok(row.map_or(0, |row| row.debits - row.credits))
}

/// What the PSP pays into the balance after a day, by rows that are booked: of sales in won, and of sales that it
/// exchanged into won.
pub(crate) async fn settled_after(connection: &impl ConnectionTrait, day: Day) -> Result<i64, StoreError> {
    use settlement_rows::Column;
    let won = Currency::Krw.code();
    let mut sum = 0_i64;
    let in_won = Column::Currency.eq(won).and(Column::ExchangeCurrency.is_null());
    for (is_paid, pay_out) in [(in_won, Column::PayOut), (Column::ExchangeCurrency.eq(won), Column::ExchangePayOut)] {
        let paid = settlement_rows::Entity::find()
            .select_only()
            .column_as(Func::sum(Expr::col(pay_out)).cast_as("bigint"), "net")
            .filter(is_paid)
            .filter(Column::PaidOutOn.gt(day.to_string()))
            .filter(Column::BookedAt.is_not_null())
            .into_tuple::<Option<i64>>()
            .one(connection)
            .await?;
        sum = sum.saturating_add(paid.flatten().unwrap_or_default());
    }
    Ok(sum)
}
