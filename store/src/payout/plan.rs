//! What a run would pay, from the rows as they are.

use std::collections::{HashMap, HashSet};

use domain::{
    Currency, Money, Timestamp,
    calendar::Day,
    id::SellerAccount,
    ledger::{Account, Reason},
    payout::{
        MAX_PAYOUTS_PER_RUN, PaidBy, PayoutKind, PayoutStatus,
        plan::{self, Candidate, CarriedOver, CarryReason, Plan, PlanRules, Room, Standing, WEEK_DAYS},
        schedule::PayoutDay,
    },
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, Order, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Query, SelectStatement},
};

use super::{bank_money, record};
use crate::{
    PayoutTerms, Reader, StoreError, Writer,
    convert::{corrupt, to_column_time, wallet_of_row},
    entities::{ledger_entries, ledger_postings, payouts, wallets},
    ledger::read::join_entries,
    seller::payout_terms,
};

/// How many sellers are planned at once.
pub(super) const PORTION: usize = 500;
/// A day, in milliseconds.
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// A run to plan.
#[derive(Debug, Clone, Copy)]
pub struct PlanRequest<'a> {
    /// Its day.
    pub date: Day,
    /// The sellers whom somebody named; all that are due where it is absent.
    pub sellers: Option<&'a [SellerAccount]>,
    /// What an operator sets.
    pub rules: &'a PlanRules,
    /// The time.
    pub now: Timestamp,
}

/// A part of a run: the next sellers, and what the run may still pay.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    /// The seller after whom the part begins; empty for the first.
    pub(super) after: &'a str,
    pub(super) room: Room,
}

/// The plan of a part.
#[derive(Debug)]
pub(super) struct PlannedPart {
    pub(super) plan: Plan,
    /// The seller after whom the next part begins; nothing where no seller is left.
    pub(super) next: Option<String>,
}

impl Reader {
    /// Plans a run and writes nothing.
    pub async fn plan_payouts(&self, request: PlanRequest<'_>) -> Result<Plan, StoreError> {
        let (mut whole, mut after) = (Plan::empty(), String::new());
        let mut room = whole_room(self.connection(), request.rules.by).await?;
        loop {
            let part = Part { after: &after, room };
            let PlannedPart { plan, next } = plan_part(self.connection(), request, part).await?;
            room = plan.payouts.iter().fold(room, |room, payout| room.less(payout.amount));
            whole.payouts.extend(plan.payouts);
            whole.carried_over.extend(plan.carried_over);
            let Some(next) = next else { return Ok(whole) };
            after = next;
        }
    }

    /// Whether a run would pay somebody.
    pub async fn is_a_payout_due(&self, request: PlanRequest<'_>) -> Result<bool, StoreError> {
        is_a_payout_due(self.connection(), request).await
    }
}

impl Writer {
    /// Whether a run would pay somebody.
    pub async fn is_a_payout_due(&self, request: PlanRequest<'_>) -> Result<bool, StoreError> {
        is_a_payout_due(self.connection(), request).await
    }
}

async fn is_a_payout_due(connection: &impl ConnectionTrait, request: PlanRequest<'_>) -> Result<bool, StoreError> {
    let mut after = String::new();
    let room = whole_room(connection, request.rules.by).await?;
    loop {
        let part = Part { after: &after, room };
        let PlannedPart { plan, next } = plan_part(connection, request, part).await?;
        if !plan.payouts.is_empty() {
            return Ok(true);
        }
        let Some(next) = next else { return Ok(false) };
        after = next;
    }
}

/// What a run that begins may pay.
async fn whole_room(connection: &impl ConnectionTrait, by: PaidBy) -> Result<Room, StoreError> {
    Ok(Room { payouts: MAX_PAYOUTS_PER_RUN, money: bank_money::money_left(connection, by).await? })
}

/// Plans the next sellers of a run on a connection.
pub(super) async fn plan_part(
    connection: &impl ConnectionTrait,
    request: PlanRequest<'_>,
    part: Part<'_>,
) -> Result<PlannedPart, StoreError> {
    let PlanRequest { date, sellers, rules, now } = request;
    let mut rows = wallets::Entity::find()
        .filter(wallets::Column::Currency.eq(Currency::Krw.code()))
        .filter(wallets::Column::Available.gt(0))
        .filter(wallets::Column::SellerAccount.gt(part.after));
    if let Some(sellers) = sellers {
        rows = rows.filter(wallets::Column::SellerAccount.is_in(sellers.iter().map(SellerAccount::as_str)));
    }
    let rows = rows.order_by(wallets::Column::SellerAccount, Order::Asc).limit(PORTION as u64);
    let mut wallets = Vec::new();
    for row in rows.all(connection).await? {
        wallets.push((record::seller(row.seller_account.clone())?, wallet_of_row(&row)?));
    }
    let next = wallets.last().filter(|_| wallets.len() == PORTION).map(|(seller, _)| seller.to_string());
    let others = in_other_currencies(connection, sellers, part.after, next.as_deref()).await?;
    let all: Vec<SellerAccount> = wallets.iter().map(|(seller, _)| seller.clone()).collect();
    let known: Vec<SellerAccount> = all.iter().chain(others.iter().map(|(seller, _)| seller)).cloned().collect();
    let terms = payout_terms(connection, &known, now).await?;
    let is_named = sellers.is_some();
    let due = |seller: &SellerAccount| terms.get(seller).and_then(|terms| due_on(terms, date, rules, is_named));
    let not_paid_out = others.into_iter().filter(|(seller, _)| due(seller).is_some());
    let not_paid_out =
        not_paid_out.map(|(seller, amount)| CarriedOver { seller, amount, reason: CarryReason::OtherCurrency });
    let due_sellers: Vec<&SellerAccount> = all.iter().filter(|seller| due(seller).is_some()).collect();
    if due_sellers.is_empty() {
        return Ok(PlannedPart { plan: Plan { carried_over: not_paid_out.collect(), ..Plan::empty() }, next });
    }
    let earliest = due_sellers.iter().filter_map(|seller| due(seller).map(|day| day.released_before)).min();
    let late = match earliest {
        Some(earliest) if !is_named => Releases::since(connection, earliest, &due_sellers).await?,
        Some(_) | None => Releases::default(),
    };
    let paid_already = paid_already(connection, date, &due_sellers).await?;
    let this_week = this_week(connection, now, &due_sellers).await?;
    let mut candidates = Vec::new();
    for (seller, wallet) in wallets {
        let (Some(terms), Some(day)) = (terms.get(&seller), due(&seller)) else { continue };
        let released_late = late.after(&seller, day.released_before);
        candidates.push(Candidate {
            available: wallet.available,
            released: wallet.available.minus(released_late).unwrap_or(Money::zero(Currency::Krw)),
            debt: wallet.debt,
            standing: standing(terms, rules.by),
            destination: terms.destination_by(rules.by),
            account_changed_at: terms.account_changed_at,
            is_blocked: !terms.blocked.is_empty(),
            minimum: terms.minimum,
            this_week: record::won(this_week.get(seller.as_str()).copied().unwrap_or_default())?,
            is_paid_already: paid_already.contains(seller.as_str()),
            seller,
        });
    }
    let not_paid_out: Vec<CarriedOver> = not_paid_out.collect();
    let mut plan = plan::plan_part(candidates, rules, now, part.room);
    plan.carried_over.extend(not_paid_out);
    plan.carried_over.sort_by(|one, other| one.seller.cmp(&other.seller));
    Ok(PlannedPart { plan, next })
}

/// What sellers of a part have available in other currencies than won, at most [`PORTION`] of it: a run says that it is
/// not paid out.
async fn in_other_currencies(
    connection: &impl ConnectionTrait,
    sellers: Option<&[SellerAccount]>,
    after: &str,
    until: Option<&str>,
) -> Result<Vec<(SellerAccount, Money)>, StoreError> {
    use wallets::Column;
    let mut rows = wallets::Entity::find()
        .filter(Column::Currency.ne(Currency::Krw.code()))
        .filter(Column::Available.gt(0))
        .filter(Column::SellerAccount.gt(after))
        .filter(Condition::all().add_option(until.map(|until| Column::SellerAccount.lte(until))));
    if let Some(sellers) = sellers {
        rows = rows.filter(Column::SellerAccount.is_in(sellers.iter().map(SellerAccount::as_str)));
    }
    let rows = rows.order_by_asc(Column::SellerAccount).order_by_asc(Column::Currency).limit(PORTION as u64);
    let of_row = |row: wallets::Model| {
        let available = wallet_of_row(&row)?.available;
        Ok((record::seller(row.seller_account)?, available))
    };
    rows.all(connection).await?.into_iter().map(of_row).collect()
}

/// The payout of a seller on a day; a seller who is named is due on any day.
pub(super) fn due_on(terms: &PayoutTerms, date: Day, rules: &PlanRules, is_named: bool) -> Option<PayoutDay> {
    if is_named {
        return Some(terms.schedule.payout(date, &rules.holidays));
    }
    terms.schedule.on(date, &rules.holidays)
}

pub(super) fn standing(terms: &PayoutTerms, by: PaidBy) -> Standing {
    use domain::seller::PayoutStatus as SellerStatus;
    match terms.status_by(by) {
        SellerStatus::Approved => Standing::Approved,
        SellerStatus::Limited => Standing::Limited,
        SellerStatus::Unregistered
        | SellerStatus::PendingApproval
        | SellerStatus::KycRequired
        | SellerStatus::AccountUnverified
        | SellerStatus::Suspended => Standing::Refused,
    }
}

/// What was released lately, by seller.
#[derive(Debug, Default)]
struct Releases(HashMap<String, Vec<(Timestamp, i64)>>);

#[derive(Debug, FromQueryResult)]
struct ReleaseRow {
    credit_account: String,
    amount: i64,
    occurred_at: sea_orm::prelude::DateTimeUtc,
}

impl Releases {
    async fn since(
        connection: &impl ConnectionTrait,
        earliest: Timestamp,
        sellers: &[&SellerAccount],
    ) -> Result<Self, StoreError> {
        let statement = releases_since(earliest, sellers);
        let rows = ReleaseRow::find_by_statement(connection.get_database_backend().build(&statement));
        let mut releases: HashMap<String, Vec<(Timestamp, i64)>> = HashMap::new();
        for row in rows.all(connection).await? {
            let at = crate::convert::from_column_time(row.occurred_at);
            releases.entry(row.credit_account).or_default().push((at, row.amount));
        }
        Ok(Self(releases))
    }

    /// What became available to a seller at an instant or later.
    fn after(&self, seller: &SellerAccount, from: Timestamp) -> Money {
        let account = Account::SellerAvailable(seller.clone()).to_string();
        let releases = self.0.get(&account).map(Vec::as_slice).unwrap_or_default();
        let sum = releases.iter().filter(|(at, _)| *at >= from).map(|(_, amount)| amount).sum();
        record::won(sum).unwrap_or(Money::zero(Currency::Krw))
    }
}

fn releases_since(earliest: Timestamp, sellers: &[&SellerAccount]) -> SelectStatement {
    let accounts = sellers.iter().map(|seller| Account::SellerAvailable((*seller).clone()).to_string());
    let mut statement = Query::select()
        .column((ledger_postings::Entity, ledger_postings::Column::CreditAccount))
        .column((ledger_postings::Entity, ledger_postings::Column::Amount))
        .column((ledger_entries::Entity, ledger_entries::Column::OccurredAt))
        .from(ledger_postings::Entity)
        .to_owned();
    join_entries(&mut statement);
    statement
        .and_where(ledger_entries::Column::Reason.eq(Reason::PendingReleased.as_str()))
        .and_where(ledger_entries::Column::OccurredAt.gte(to_column_time(earliest)))
        .and_where(ledger_postings::Column::Currency.eq(Currency::Krw.code()))
        .and_where(ledger_postings::Column::CreditAccount.is_in(accounts))
        .to_owned()
}

/// Those of the sellers with a payout of the period.
async fn paid_already(
    connection: &impl ConnectionTrait,
    date: Day,
    sellers: &[&SellerAccount],
) -> Result<HashSet<String>, StoreError> {
    let sellers: Vec<String> = payouts::Entity::find()
        .select_only()
        .column(payouts::Column::SellerAccount)
        .filter(payouts::Column::Period.eq(date.to_string()))
        .filter(payouts::Column::SellerAccount.is_in(sellers.iter().map(|seller| seller.as_str())))
        .filter(payouts::Column::Kind.eq(PayoutKind::Seller.as_str()))
        .filter(payouts::Column::IsVoid.eq(false))
        .into_tuple()
        .all(connection)
        .await?;
    Ok(sellers.into_iter().collect())
}

/// What payouts of the last seven days have taken or may take, by seller, in won. The window holds the calendar week,
/// and it goes by the day of the payout too, which is later than that of the request.
pub(super) async fn this_week(
    connection: &impl ConnectionTrait,
    now: Timestamp,
    sellers: &[&SellerAccount],
) -> Result<HashMap<String, i64>, StoreError> {
    let from = now.minus_ms(WEEK_DAYS * DAY_MS);
    let taking = PayoutStatus::ALL.into_iter().filter(|status| match status {
        PayoutStatus::Failed | PayoutStatus::Canceled => false,
        PayoutStatus::Frozen
        | PayoutStatus::Approved
        | PayoutStatus::Sending
        | PayoutStatus::Unknown
        | PayoutStatus::Requested
        | PayoutStatus::InProgress
        | PayoutStatus::Paid
        | PayoutStatus::Returned
        | PayoutStatus::Stuck => true,
    });
    let in_window = Condition::any()
        .add(payouts::Column::SentAt.is_null())
        .add(payouts::Column::SentAt.gte(to_column_time(from)))
        .add(payouts::Column::PaysOn.gte(Day::of(from).to_string()));
    let rows: Vec<(String, i64)> = payouts::Entity::find()
        .select_only()
        .column(payouts::Column::SellerAccount)
        .column(payouts::Column::Amount)
        .filter(payouts::Column::SellerAccount.is_in(sellers.iter().map(|seller| seller.as_str())))
        .filter(payouts::Column::Status.is_in(taking.map(PayoutStatus::as_str)))
        .filter(in_window)
        .into_tuple()
        .all(connection)
        .await?;
    let mut sums: HashMap<String, i64> = HashMap::new();
    for (seller, amount) in rows {
        let sum = sums.entry(seller).or_default();
        *sum = sum.checked_add(amount).ok_or_else(|| corrupt("the sum of a week", amount))?;
    }
    Ok(sums)
}
