//! Making a statement from the postings of a seller since the statement before.

use std::collections::HashMap;

use domain::{
    Currency, Money, Timestamp,
    calendar::Day,
    id::{HoldId, PayoutId, PayoutRunId, SellerAccount},
    ledger::{Account, Entry},
    payout::{
        digest::sha256,
        plan::{DayText, PlannedPayout},
        statement::{Activity, HoldRole, Net, Remainder, Statement, StatementFields, activity},
        status::MoneyAt,
    },
};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect};

use super::record::{self, PayoutRecord, StatementRecord};
use crate::{
    BookedEntry, StoreError,
    books::open::Books,
    convert::corrupt,
    entities::{ledger_entries, ledger_postings, payout_attempts, payouts, statements},
};

/// How many entries are read at once.
const PAGE: usize = 5_000;

/// A posting, by its place in the ledger.
pub(super) type PostingPlace = (i64, i32);

/// The run for which a statement is made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Making<'a> {
    pub(super) run_id: &'a PayoutRunId,
    pub(super) date: Day,
    pub(super) at: Timestamp,
    /// The last entry that the statements of the run are about.
    pub(super) last_sequence: i64,
}

/// A statement to be written, with the postings that it is about.
#[derive(Debug)]
pub(super) struct NewStatement {
    pub(super) payout_id: PayoutId,
    pub(super) content: String,
    pub(super) sha256: String,
    pub(super) postings: Vec<PostingPlace>,
}

/// Makes the statement of a planned payout; none where the numbers of the seller do not add up.
pub(super) async fn make(
    books: &mut Books<'_>,
    making: Making<'_>,
    planned: &PlannedPayout,
) -> Result<Option<NewStatement>, StoreError> {
    let seller = &planned.seller;
    let transaction = books.transaction;
    let wallet = books.wallet(seller, Currency::Krw).await?;
    let previous = last_statement(transaction, seller).await?;
    let after = previous.as_ref().map_or(0, |(_, last_sequence)| *last_sequence);
    let live = LivePayouts::of(transaction, seller).await?;
    let postings = postings_of(transaction, seller, after, making.last_sequence).await?;
    let entries = entries_of(transaction, &postings).await?;
    let Activity { lines, debt_recovered } = activity(seller, &entries, |hold| live.role(hold));
    let unpaid = |at: MoneyAt| live.sum(at);
    let held = wallet.held.minus(unpaid(MoneyAt::Held)?);
    let in_transit = wallet.in_transit.minus(unpaid(MoneyAt::InTransit)?);
    let carried_over = wallet.available.minus(planned.amount);
    let (Ok(held), Ok(in_transit), Ok(carried_over)) = (held, in_transit, carried_over) else {
        return Ok(refuse(seller, "less is held or available than payouts say"));
    };
    let Ok(held) = held.plus(in_transit) else { return Ok(refuse(seller, "too much is held")) };
    let remainder = Remainder { pending: wallet.pending, carried_over, held, debt: wallet.debt };
    let stays = [wallet.pending, carried_over, held].into_iter().try_fold(Money::zero(Currency::Krw), Money::plus);
    let Ok(stays) = stays else { return Ok(refuse(seller, "the sum is beyond all money")) };
    let fields = StatementFields {
        run_id: making.run_id.clone(),
        seller: seller.clone(),
        period: DayText(making.date),
        previous: previous.as_ref().map(|(statement, _)| statement.payout_id.clone()),
        from: previous.as_ref().map(|(statement, _)| statement.statement.fields().to),
        to: making.at,
        opening: previous.as_ref().map_or_else(Net::default, |(statement, _)| statement.statement.fields().closing),
        lines,
        debt_recovered,
        payout: planned.amount,
        remainder,
        closing: Net::of(stays, wallet.debt),
    };
    let statement = match Statement::try_new(fields) {
        Ok(statement) => statement,
        Err(error) => return Ok(refuse(seller, &error.to_string())),
    };
    let content = serde_json::to_string(&statement).map_err(|error| corrupt("a statement without JSON", error))?;
    let sha256 = sha256(content.as_bytes());
    Ok(Some(NewStatement { payout_id: PayoutId::of_statement(&sha256), content, sha256, postings }))
}

/// A seller whose numbers do not add up is not paid, and the others are.
fn refuse(seller: &SellerAccount, problem: &str) -> Option<NewStatement> {
    tracing::error!(seller = %seller, problem, "a statement does not add up; run `daegeum ledger verify`");
    None
}

/// The last statement of a seller that is not void, and the last entry that it is about.
async fn last_statement(
    connection: &impl ConnectionTrait,
    seller: &SellerAccount,
) -> Result<Option<(StatementRecord, i64)>, StoreError> {
    let row = statements::Entity::find()
        .filter(statements::Column::SellerAccount.eq(seller.as_str()))
        .filter(statements::Column::VoidedAt.is_null())
        .order_by(statements::Column::LastSequence, Order::Desc)
        .order_by(statements::Column::FrozenAt, Order::Desc)
        .one(connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let last_sequence = row.last_sequence;
    Ok(Some((record::statement(row)?, last_sequence)))
}

/// The payouts of a seller whose statements are not void.
struct LivePayouts {
    payouts: Vec<PayoutRecord>,
    attempts: HashMap<String, i32>,
}

impl LivePayouts {
    async fn of(connection: &impl ConnectionTrait, seller: &SellerAccount) -> Result<Self, StoreError> {
        let rows = payouts::Entity::find()
            .filter(payouts::Column::SellerAccount.eq(seller.as_str()))
            .filter(payouts::Column::IsVoid.eq(false))
            .all(connection)
            .await?;
        let payouts = rows.into_iter().map(record::payout).collect::<Result<Vec<_>, _>>()?;
        let ids = payouts.iter().map(|payout| payout.payout_id.as_str());
        let attempts = payout_attempts::Entity::find()
            .filter(payout_attempts::Column::PayoutId.is_in(ids))
            .all(connection)
            .await?;
        let attempts = attempts.into_iter().map(|row| (row.ref_payout_id, row.attempt)).collect();
        Ok(Self { payouts, attempts })
    }

    fn role(&self, hold: &HoldId) -> HoldRole {
        match self.attempts.get(hold.as_str()) {
            None => HoldRole::Other,
            Some(1) => HoldRole::FirstAttempt,
            Some(_) => HoldRole::LaterAttempt,
        }
    }

    /// The sum of the payouts whose money is in a part of the wallet.
    fn sum(&self, at: MoneyAt) -> Result<Money, StoreError> {
        let there = self.payouts.iter().filter(|payout| payout.status.money() == at);
        there
            .map(|payout| payout.amount)
            .try_fold(Money::zero(Currency::Krw), Money::plus)
            .map_err(|error| corrupt("the sum of a seller's payouts", error))
    }
}

async fn postings_of(
    connection: &impl ConnectionTrait,
    seller: &SellerAccount,
    after: i64,
    last: i64,
) -> Result<Vec<PostingPlace>, StoreError> {
    let accounts = [
        Account::SellerPending,
        Account::SellerAvailable,
        Account::SellerHeld,
        Account::PayoutInTransit,
        Account::SellerDebt,
    ]
    .map(|account| account(seller.clone()).to_string());
    let about_seller = Condition::any()
        .add(ledger_postings::Column::DebitAccount.is_in(accounts.clone()))
        .add(ledger_postings::Column::CreditAccount.is_in(accounts));
    Ok(ledger_postings::Entity::find()
        .select_only()
        .column(ledger_postings::Column::Sequence)
        .column(ledger_postings::Column::Line)
        .filter(ledger_postings::Column::Sequence.gt(after))
        .filter(ledger_postings::Column::Sequence.lte(last))
        .filter(ledger_postings::Column::Currency.eq(Currency::Krw.code()))
        .filter(about_seller)
        .order_by_asc(ledger_postings::Column::Sequence)
        .order_by_asc(ledger_postings::Column::Line)
        .into_tuple()
        .all(connection)
        .await?)
}

async fn entries_of(connection: &impl ConnectionTrait, postings: &[PostingPlace]) -> Result<Vec<Entry>, StoreError> {
    let mut sequences: Vec<i64> = postings.iter().map(|(sequence, _)| *sequence).collect();
    sequences.dedup();
    let mut entries = Vec::with_capacity(sequences.len());
    for page in sequences.chunks(PAGE) {
        let rows = ledger_entries::Entity::find()
            .filter(ledger_entries::Column::Sequence.is_in(page.iter().copied()))
            .all(connection)
            .await?;
        entries.extend(BookedEntry::complete(rows, connection).await?.into_iter().map(|booked| booked.entry));
    }
    Ok(entries)
}
