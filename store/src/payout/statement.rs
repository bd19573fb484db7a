//! Making a statement from the postings of a seller since the statement before.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::{
    Currency, Money, Timestamp,
    calendar::Day,
    id::{HoldId, PayoutId, PayoutRunId, SellerAccount},
    ledger::{Account, Entry},
    payout::{
        PayoutKind, PayoutStatus,
        digest::sha256,
        plan::{DayText, PlannedPayout},
        statement::{Activity, HoldRole, Net, Remainder, Statement, StatementFields, activity},
        status::MoneyAt,
    },
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Alias, Expr, Query},
};

use super::record::{self, PayoutRecord, StatementRecord};
use crate::{
    BookedEntry, StoreError,
    books::open::Books,
    convert::{corrupt, to_column_sequence},
    entities::{ledger_entries, ledger_postings, payout_attempts, payouts, statements},
};

/// How many entries are read at once.
const PAGE: usize = 5_000;
/// The postings of how many sellers are read at once.
const SELLERS: usize = 50;

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

/// Makes the statements of planned payouts; none where the numbers of the seller do not add up.
pub(super) async fn make_all(
    books: &mut Books<'_>,
    making: Making<'_>,
    planned: Vec<PlannedPayout>,
) -> Result<Vec<(PlannedPayout, Option<NewStatement>)>, StoreError> {
    books.look_up_sellers(planned.iter().map(|planned| planned.seller.clone()), Currency::Krw).await?;
    let transaction = books.transaction;
    let sellers: Vec<&str> = planned.iter().map(|planned| planned.seller.as_str()).collect();
    let mut previous = last_statements(transaction, &sellers).await?;
    let live = LivePayouts::of(transaction, &sellers).await?;
    // Sellers of whom the same entries are read.
    let mut groups: BTreeMap<i64, Vec<(PlannedPayout, Option<StatementRecord>)>> = BTreeMap::new();
    for planned in planned {
        let (statement, after) = previous.remove(planned.seller.as_str()).unzip();
        groups.entry(after.unwrap_or(0)).or_default().push((planned, statement));
    }
    let mut made = Vec::new();
    for (after, mut group) in groups {
        while !group.is_empty() {
            let rest = group.split_off(group.len().min(SELLERS));
            let part = std::mem::replace(&mut group, rest);
            let sellers: BTreeSet<&SellerAccount> = part.iter().map(|(planned, _)| &planned.seller).collect();
            let mut postings = postings_of(transaction, &sellers, after, making.last_sequence).await?;
            let entries = entries_of(transaction, &postings).await?;
            for (planned, previous) in part {
                let postings = postings.remove(&planned.seller).unwrap_or_default();
                let source = Source { previous, live: &live, postings, entries: &entries };
                let statement = make(books, making, &planned, source).await?;
                made.push((planned, statement));
            }
        }
    }
    Ok(made)
}

/// What a statement is made of.
struct Source<'a> {
    previous: Option<StatementRecord>,
    live: &'a LivePayouts,
    postings: Vec<PostingPlace>,
    entries: &'a BTreeMap<i64, Entry>,
}

impl Source<'_> {
    /// The entries about the seller, in their order.
    fn entries(&self) -> impl Iterator<Item = &Entry> {
        let sequences: BTreeSet<i64> = self.postings.iter().map(|(sequence, _)| *sequence).collect();
        sequences.into_iter().filter_map(|sequence| self.entries.get(&sequence))
    }
}

async fn make(
    books: &mut Books<'_>,
    making: Making<'_>,
    planned: &PlannedPayout,
    source: Source<'_>,
) -> Result<Option<NewStatement>, StoreError> {
    let seller = &planned.seller;
    let wallet = books.wallet(seller, Currency::Krw).await?;
    let Activity { lines, debt_recovered } = activity(seller, source.entries(), |hold| source.live.role(hold));
    let Source { previous, live, postings, .. } = source;
    let unpaid = |at: MoneyAt| live.sum(seller, at);
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
        previous: previous.as_ref().map(|statement| statement.payout_id.clone()),
        from: previous.as_ref().map(|statement| statement.statement.fields().to),
        to: making.at,
        opening: previous.as_ref().map_or_else(Net::default, |statement| statement.statement.fields().closing),
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

/// The last statement of each seller that is not void, and the last entry that it is about.
async fn last_statements(
    connection: &impl ConnectionTrait,
    sellers: &[&str],
) -> Result<HashMap<String, (StatementRecord, i64)>, StoreError> {
    let later = Alias::new("later");
    let column = |name: statements::Column| Expr::col((later.clone(), name));
    // A statement's reservation is booked after the last entry that the statement is about, so the last one is alone.
    let last = Query::select()
        .expr(column(statements::Column::LastSequence).max())
        .from_as(statements::Entity, later.clone())
        .and_where(
            column(statements::Column::SellerAccount).equals((statements::Entity, statements::Column::SellerAccount)),
        )
        .and_where(column(statements::Column::VoidedAt).is_null())
        .to_owned();
    let rows = statements::Entity::find()
        .filter(statements::Column::SellerAccount.is_in(sellers.iter().copied()))
        .filter(statements::Column::VoidedAt.is_null())
        .filter(statements::Column::LastSequence.in_subquery(last))
        .all(connection)
        .await?;
    let mut found = HashMap::new();
    for row in rows {
        let (seller, last_sequence) = (row.seller_account.clone(), row.last_sequence);
        found.insert(seller, (record::statement(row)?, last_sequence));
    }
    Ok(found)
}

/// The payouts of sellers whose statements are not void.
struct LivePayouts {
    /// Those whose money has not ended, by seller.
    open: HashMap<String, Vec<PayoutRecord>>,
    attempts: HashMap<String, i32>,
}

impl LivePayouts {
    async fn of(connection: &impl ConnectionTrait, sellers: &[&str]) -> Result<Self, StoreError> {
        let of_sellers = || payouts::Column::SellerAccount.is_in(sellers.iter().copied());
        let open = PayoutStatus::ALL.into_iter().filter(|status| !status.is_end()).map(PayoutStatus::as_str);
        let rows = payouts::Entity::find()
            .filter(of_sellers())
            .filter(payouts::Column::Kind.eq(PayoutKind::Seller.as_str()))
            .filter(payouts::Column::IsVoid.eq(false))
            .filter(payouts::Column::Status.is_in(open))
            .all(connection)
            .await?;
        let mut open: HashMap<String, Vec<PayoutRecord>> = HashMap::new();
        for row in rows {
            open.entry(row.seller_account.clone()).or_default().push(record::payout(row)?);
        }
        let live = payouts::Entity::find()
            .select_only()
            .column(payouts::Column::PayoutId)
            .filter(of_sellers())
            .filter(payouts::Column::IsVoid.eq(false));
        let attempts: Vec<(String, i32)> = payout_attempts::Entity::find()
            .select_only()
            .column(payout_attempts::Column::RefPayoutId)
            .column(payout_attempts::Column::Attempt)
            .filter(payout_attempts::Column::PayoutId.in_subquery(live.into_query()))
            .into_tuple()
            .all(connection)
            .await?;
        Ok(Self { open, attempts: attempts.into_iter().collect() })
    }

    fn role(&self, hold: &HoldId) -> HoldRole {
        match self.attempts.get(hold.as_str()) {
            None => HoldRole::Other,
            Some(1) => HoldRole::FirstAttempt,
            Some(_) => HoldRole::LaterAttempt,
        }
    }

    /// The sum of a seller's payouts whose money is in a part of the wallet.
    fn sum(&self, seller: &SellerAccount, at: MoneyAt) -> Result<Money, StoreError> {
        let open = self.open.get(seller.as_str()).map(Vec::as_slice).unwrap_or_default();
        open.iter()
            .filter(|payout| payout.status.money() == at)
            .map(|payout| payout.amount)
            .try_fold(Money::zero(Currency::Krw), Money::plus)
            .map_err(|error| corrupt("the sum of a seller's payouts", error))
    }
}

/// The postings of each seller behind an entry, in their order.
async fn postings_of(
    connection: &impl ConnectionTrait,
    sellers: &BTreeSet<&SellerAccount>,
    after: i64,
    last: i64,
) -> Result<BTreeMap<SellerAccount, Vec<PostingPlace>>, StoreError> {
    let accounts = || {
        sellers.iter().flat_map(|seller| {
            [
                Account::SellerPending,
                Account::SellerAvailable,
                Account::SellerHeld,
                Account::PayoutInTransit,
                Account::SellerDebt,
            ]
            .map(|account| account((*seller).clone()).to_string())
        })
    };
    let about_sellers = Condition::any()
        .add(ledger_postings::Column::DebitAccount.is_in(accounts()))
        .add(ledger_postings::Column::CreditAccount.is_in(accounts()));
    let rows: Vec<(i64, i32, String, String)> = ledger_postings::Entity::find()
        .select_only()
        .column(ledger_postings::Column::Sequence)
        .column(ledger_postings::Column::Line)
        .column(ledger_postings::Column::DebitAccount)
        .column(ledger_postings::Column::CreditAccount)
        .filter(ledger_postings::Column::Sequence.gt(after))
        .filter(ledger_postings::Column::Sequence.lte(last))
        .filter(ledger_postings::Column::Currency.eq(Currency::Krw.code()))
        .filter(about_sellers)
        .order_by_asc(ledger_postings::Column::Sequence)
        .order_by_asc(ledger_postings::Column::Line)
        .into_tuple()
        .all(connection)
        .await?;
    let mut postings: BTreeMap<SellerAccount, Vec<PostingPlace>> = BTreeMap::new();
    for (sequence, line, debit, credit) in rows {
        let mut about = BTreeSet::new();
        for text in [debit, credit] {
            let account: Account = text.parse().map_err(|_| corrupt("an account", &text))?;
            about.extend(account.seller().filter(|seller| sellers.contains(seller)).cloned());
        }
        for seller in about {
            postings.entry(seller).or_default().push((sequence, line));
        }
    }
    Ok(postings)
}

async fn entries_of(
    connection: &impl ConnectionTrait,
    postings: &BTreeMap<SellerAccount, Vec<PostingPlace>>,
) -> Result<BTreeMap<i64, Entry>, StoreError> {
    let sequences: BTreeSet<i64> = postings.values().flatten().map(|(sequence, _)| *sequence).collect();
    let sequences: Vec<i64> = sequences.into_iter().collect();
    let mut entries = BTreeMap::new();
    for page in sequences.chunks(PAGE) {
        let rows = ledger_entries::Entity::find()
            .filter(ledger_entries::Column::Sequence.is_in(page.iter().copied()))
            .all(connection)
            .await?;
        for booked in BookedEntry::complete(rows, connection).await? {
            entries.insert(to_column_sequence(booked.sequence), booked.entry);
        }
    }
    Ok(entries)
}
