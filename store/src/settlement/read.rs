//! Rows, and what the books expect of them.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::{
    Currency, Money, Timestamp,
    calendar::Day,
    id::CheckoutId,
    ledger::{Account, Reason},
    refund::RefundStatus,
    settlement::{CanceledRows, Counter, Flow, RowKind, SettlementRow},
};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, FromQueryResult, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait,
    sea_query::{Expr, Func, Query, SimpleExpr},
};

use crate::{
    Reader, StoreError,
    convert::{corrupt, from_column_amount, from_column_currency, from_column_time, to_column_time},
    entities::{ledger_entries, payment_events, refunds, settlement_rows},
    ledger::read::is_reversed,
};

/// A row that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRow {
    pub row: SettlementRow,
    /// The account on the other side, once the row is booked.
    pub counter: Option<Counter>,
    /// The row as it was received.
    pub received: String,
}

/// What the books know of a checkout that a row names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapturedCheckout {
    /// What the PSP calls the payment.
    pub payment_key: Option<String>,
    /// What was captured, by the books.
    pub captured: Option<Money>,
    /// The refunds that were carried out.
    pub refunds: Vec<RefundedPart>,
}

/// A refund that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundedPart {
    /// The PSP's name of the cancellation, where it was told.
    pub transaction_key: Option<String>,
    pub amount: Money,
}

/// A payment that was given back in full, by its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanceledPayment {
    /// The name of the order.
    pub order: String,
    pub currency: Currency,
    pub rows: CanceledRows,
}

/// A capture that stands in the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandingCapture {
    pub amount: Money,
    /// When it happened, by the books.
    pub occurred_at: Timestamp,
}

/// How a checkout was paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedPayment {
    /// The PSP's name of the method.
    pub method: Option<String>,
    pub amount: Money,
}

/// A captured payment for which no row has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsettledCapture {
    pub checkout_id: CheckoutId,
    pub amount: Money,
    pub captured_at: Timestamp,
}

/// One day of settlements.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettlementDay {
    pub rows: u64,
    /// In minor units with a sign, as all that follows.
    pub gross: i64,
    pub fee: i64,
    pub vat: i64,
    /// What the PSP pays.
    pub net: i64,
    /// What of it is booked.
    pub booked: i64,
    /// What of it the PSP says that it has paid by today.
    pub received: i64,
    /// What the books expect of the day: what was captured less what was given back; by day of sale alone.
    pub expected: Option<i64>,
}

/// Which day of a row is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettlementCalendar {
    /// The day of the sale.
    Sold,
    /// The day on which the PSP pays.
    PaidOut,
}

impl Reader {
    /// How many rows of one day of sale are kept.
    pub async fn settlement_row_count(&self, sold_on: Day) -> Result<u64, StoreError> {
        let of_day = settlement_rows::Column::SoldOn.eq(sold_on.to_string());
        Ok(settlement_rows::Entity::find().filter(of_day).count(self.connection()).await?)
    }

    /// Rows of one day of sale in the order of their keys, after a key.
    pub async fn settlement_rows(
        &self,
        sold_on: Day,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Vec<StoredRow>, StoreError> {
        let rows = settlement_rows::Entity::find()
            .filter(settlement_rows::Column::SoldOn.eq(sold_on.to_string()))
            .filter(Condition::all().add_option(after.map(|key| settlement_rows::Column::TransactionKey.gt(key))))
            .order_by_asc(settlement_rows::Column::TransactionKey)
            .limit(limit)
            .all(self.connection())
            .await?;
        rows.into_iter().map(stored).collect()
    }

    /// What the books know of the checkouts of some rows; those that are no checkouts of ours are absent.
    pub async fn captured_checkouts(&self, ids: &[String]) -> Result<HashMap<String, CapturedCheckout>, StoreError> {
        let events: Vec<(String, Option<String>)> = payment_events::Entity::find()
            .select_only()
            .columns([payment_events::Column::CheckoutId, payment_events::Column::PaymentKey])
            .filter(payment_events::Column::CheckoutId.is_in(ids))
            .into_tuple()
            .all(self.connection())
            .await?;
        let mut known: HashMap<String, CapturedCheckout> = events
            .into_iter()
            .map(|(id, payment_key)| (id, CapturedCheckout { payment_key, captured: None, refunds: Vec::new() }))
            .collect();
        if known.is_empty() {
            return Ok(known);
        }
        for (checkout_id, turnover) in self.standing_captures(known.keys().cloned().collect()).await? {
            if let Some(checkout) = known.get_mut(checkout_id.as_str()) {
                checkout.captured = Some(turnover.taken);
            }
        }
        let refunded = refunds::Entity::find()
            .filter(refunds::Column::CheckoutId.is_in(known.keys().cloned().collect::<Vec<_>>()))
            .filter(refunds::Column::Status.eq(RefundStatus::Succeeded.as_str()))
            .all(self.connection())
            .await?;
        for refund in refunded {
            let currency = from_column_currency(&refund.currency)?;
            let amount = from_column_amount(refund.amount.unwrap_or_default(), currency)?;
            let part = RefundedPart { transaction_key: refund.transaction_key, amount };
            known.entry(refund.checkout_id).and_modify(|checkout| checkout.refunds.push(part));
        }
        Ok(known)
    }

    /// Payments whose last row is of a day of sale, whose rows are all booked and come to nothing, and whose fees do
    /// not.
    pub async fn canceled_payments(&self, sold_on: Day, limit: u64) -> Result<Vec<CanceledPayment>, StoreError> {
        use settlement_rows::Column;
        #[derive(FromQueryResult)]
        struct Row {
            order_name: String,
            currency: String,
            rows: i64,
            supply: i64,
            vat: i64,
        }
        let sum = |column: Column| -> SimpleExpr { Func::sum(Expr::col(column)).cast_as("bigint") };
        let open = Expr::case(Column::Counter.eq(Counter::Receivable.as_str()), 0_i64).finally(1_i64);
        let canceled = settlement_rows::Entity::find()
            .select_only()
            .column(Column::OrderName)
            .filter(Column::SoldOn.eq(sold_on.to_string()))
            .filter(Column::Kind.eq(RowKind::Cancel.as_str()));
        let rows = settlement_rows::Entity::find()
            .select_only()
            .columns([Column::OrderName, Column::Currency])
            .column_as(Func::count(Expr::col(Column::TransactionKey)).cast_as("bigint"), "rows")
            .column_as(sum(Column::Supply), "supply")
            .column_as(sum(Column::Vat), "vat")
            .filter(Column::OrderName.in_subquery(canceled.into_query()))
            .group_by(Column::OrderName)
            .group_by(Column::PaymentKey)
            .group_by(Column::Currency)
            .having(sum(Column::Amount).eq(0_i64))
            .having(sum(Column::Supply).ne(0_i64))
            .having(SimpleExpr::from(Func::sum(open)).eq(0_i64))
            .having(SimpleExpr::from(Func::max(Expr::col(Column::SoldOn))).eq(sold_on.to_string()))
            .order_by_asc(Column::OrderName)
            .limit(limit)
            .into_model::<Row>()
            .all(self.connection())
            .await?;
        let payment = |row: Row| {
            let rows = u64::try_from(row.rows).unwrap_or_default();
            Ok(CanceledPayment {
                currency: from_column_currency(&row.currency)?,
                rows: CanceledRows { rows, supply: row.supply, vat: row.vat },
                order: row.order_name,
            })
        };
        rows.into_iter().map(payment).collect()
    }

    /// Payments that were captured in a stretch of time and for which no row has come, at most `limit`.
    pub async fn captures_without_row(
        &self,
        from: Timestamp,
        to: Timestamp,
        limit: u64,
    ) -> Result<Vec<UnsettledCapture>, StoreError> {
        use ledger_entries::Column as Entry;
        let settled = Query::select()
            .expr(Expr::value(1))
            .from(settlement_rows::Entity)
            .and_where(settlement_rows::Column::Kind.eq(RowKind::Approval.as_str()))
            .and_where(
                Expr::col(settlement_rows::Column::OrderName.as_column_ref()).equals(Entry::CheckoutId.as_column_ref()),
            )
            .to_owned();
        let rows = ledger_entries::Entity::find()
            .filter(Entry::Reason.eq(Reason::PaymentCaptured.as_str()))
            .filter(Entry::OccurredAt.gte(to_column_time(from)))
            .filter(Entry::OccurredAt.lt(to_column_time(to)))
            .filter(is_reversed().not())
            .filter(Expr::exists(settled).not())
            .order_by_asc(Entry::OccurredAt)
            .order_by_asc(Entry::Sequence)
            .limit(limit)
            .all(self.connection())
            .await?;
        let mut captures = Vec::with_capacity(rows.len());
        let ids: Vec<String> = rows.iter().filter_map(|row| row.checkout_id.clone()).collect();
        let taken: HashMap<CheckoutId, Money> =
            self.standing_captures(ids).await?.into_iter().map(|(id, turnover)| (id, turnover.taken)).collect();
        for row in rows {
            let Some(id) = row.checkout_id else { continue };
            let checkout_id = CheckoutId::parse(id).map_err(|error| corrupt("an id", error))?;
            let Some(amount) = taken.get(&checkout_id).copied() else { continue };
            captures.push(UnsettledCapture { checkout_id, amount, captured_at: from_column_time(row.occurred_at) });
        }
        Ok(captures)
    }

    /// What stands in the books as captured of a checkout, and when that happened by the books.
    pub async fn standing_capture(&self, checkout_id: &CheckoutId) -> Result<Option<StandingCapture>, StoreError> {
        let captured = self.standing_captures(vec![checkout_id.to_string()]).await?;
        let Some((_, turnover)) = captured.into_iter().next() else { return Ok(None) };
        let last: Option<chrono::DateTime<chrono::Utc>> = ledger_entries::Entity::find()
            .select_only()
            .column(ledger_entries::Column::OccurredAt)
            .filter(ledger_entries::Column::CheckoutId.eq(checkout_id.as_str()))
            .filter(ledger_entries::Column::Reason.eq(Reason::PaymentCaptured.as_str()))
            .order_by_desc(ledger_entries::Column::Sequence)
            .into_tuple()
            .one(self.connection())
            .await?;
        Ok(last.map(|at| StandingCapture { amount: turnover.taken, occurred_at: from_column_time(at) }))
    }

    /// How checkouts were paid, by their ids; those that are no checkouts of ours are absent.
    pub async fn recorded_payments(&self, ids: &[&str]) -> Result<HashMap<String, RecordedPayment>, StoreError> {
        use payment_events::Column;
        let rows: Vec<(String, Option<String>, i64, String)> = payment_events::Entity::find()
            .select_only()
            .columns([Column::CheckoutId, Column::PspMethod, Column::Amount, Column::Currency])
            .filter(Column::CheckoutId.is_in(ids.iter().copied()))
            .into_tuple()
            .all(self.connection())
            .await?;
        let recorded = |(id, method, amount, currency): (String, Option<String>, i64, String)| {
            let amount = from_column_amount(amount, from_column_currency(&currency)?)?;
            Ok((id, RecordedPayment { method, amount }))
        };
        rows.into_iter().map(recorded).collect()
    }

    /// Which rows of these keys had their entry taken back.
    pub async fn reversed_rows(&self, keys: &[&str]) -> Result<HashSet<String>, StoreError> {
        let reversed = Query::select()
            .expr(Expr::value(1))
            .from(ledger_entries::Entity)
            .and_where(
                Expr::col(ledger_entries::Column::Reverses.as_column_ref())
                    .equals(settlement_rows::Column::EntryId.as_column_ref()),
            )
            .to_owned();
        let reversed: Vec<String> = settlement_rows::Entity::find()
            .select_only()
            .column(settlement_rows::Column::TransactionKey)
            .filter(settlement_rows::Column::TransactionKey.is_in(keys.iter().copied()))
            .filter(Expr::exists(reversed))
            .into_tuple()
            .all(self.connection())
            .await?;
        Ok(reversed.into_iter().collect())
    }

    /// What stands on an account, in minor units: debits less credits.
    pub async fn debit_balance(&self, account: &Account, currency: Currency) -> Result<i64, StoreError> {
        let balances = self.account(account, None).await?;
        let of = balances.iter().find(|balance| balance.debits.currency() == currency);
        Ok(of.map_or(0, |balance| balance.debits.minor().cast_signed() - balance.credits.minor().cast_signed()))
    }

    /// What the PSP pays on one day, by its rows: how many rows, and their sum in minor units with a sign.
    pub async fn paid_out_on(&self, day: Day, currency: Currency) -> Result<(u64, i64), StoreError> {
        let days = self.settlement_days(day, day, SettlementCalendar::PaidOut, day).await?;
        Ok(days.get(&(day, currency)).map_or((0, 0), |day| (day.rows, day.net)))
    }

    /// The calendar of settlements by day and currency, both days included.
    pub async fn settlement_days(
        &self,
        from: Day,
        to: Day,
        calendar: SettlementCalendar,
        today: Day,
    ) -> Result<BTreeMap<(Day, Currency), SettlementDay>, StoreError> {
        use settlement_rows::Column;
        #[derive(FromQueryResult)]
        struct Row {
            day: String,
            currency: String,
            rows: i64,
            gross: i64,
            supply: i64,
            vat: i64,
            net: i64,
            booked: i64,
            received: i64,
        }
        let column = match calendar {
            SettlementCalendar::Sold => Column::SoldOn,
            SettlementCalendar::PaidOut => Column::PaidOutOn,
        };
        let sum = |amount: SimpleExpr| -> SimpleExpr { Func::sum(amount).cast_as("bigint") };
        let net_if = |condition: SimpleExpr| Expr::case(condition, Column::PayOut.into_expr()).finally(0_i64).into();
        let rows = settlement_rows::Entity::find()
            .select_only()
            .column_as(column.into_expr(), "day")
            .column(Column::Currency)
            .column_as(Func::count(Expr::col(Column::TransactionKey)).cast_as("bigint"), "rows")
            .column_as(sum(Column::Amount.into_expr()), "gross")
            .column_as(sum(Column::Supply.into_expr()), "supply")
            .column_as(sum(Column::Vat.into_expr()), "vat")
            .column_as(sum(Column::PayOut.into_expr()), "net")
            .column_as(sum(net_if(Column::BookedAt.is_not_null())), "booked")
            .column_as(sum(net_if(Column::PaidOutOn.lte(today.to_string()))), "received")
            .filter(column.gte(from.to_string()))
            .filter(column.lte(to.to_string()))
            .group_by(column)
            .group_by(Column::Currency)
            .into_model::<Row>()
            .all(self.connection())
            .await?;
        let mut days = BTreeMap::new();
        for row in rows {
            let day: Day = row.day.parse().map_err(|_| corrupt("a day", &row.day))?;
            let of_day = SettlementDay {
                rows: u64::try_from(row.rows).unwrap_or_default(),
                gross: row.gross,
                fee: row.supply + row.vat,
                vat: row.vat,
                net: row.net,
                booked: row.booked,
                received: row.received,
                expected: None,
            };
            days.insert((day, from_column_currency(&row.currency)?), of_day);
        }
        if calendar == SettlementCalendar::Sold {
            self.add_expectations(from, to, &mut days).await?;
        }
        Ok(days)
    }

    async fn add_expectations(
        &self,
        from: Day,
        to: Day,
        days: &mut BTreeMap<(Day, Currency), SettlementDay>,
    ) -> Result<(), StoreError> {
        for (day, turnover) in self.psp_turnover_of_days(from, to).await? {
            let expected = turnover.taken.minor().cast_signed() - turnover.given_back.minor().cast_signed();
            let of_day = days.entry((day, turnover.taken.currency())).or_default();
            *of_day.expected.get_or_insert(0) += expected;
        }
        Ok(())
    }
}

fn stored(row: settlement_rows::Model) -> Result<StoredRow, StoreError> {
    let currency = from_column_currency(&row.currency)?;
    let flow = |minor: i64| Flow::of_signed(minor, currency).map_err(|error| corrupt("an amount", error));
    let day = |text: &str| text.parse::<Day>().map_err(|_| corrupt("a day", text));
    let kind = RowKind::parse(&row.kind).ok_or_else(|| corrupt("a kind of row", &row.kind))?;
    let counter = row.counter.as_deref().map(|text| Counter::parse(text).ok_or_else(|| corrupt("a counter", text)));
    Ok(StoredRow {
        row: SettlementRow {
            kind,
            amount: flow(row.amount)?,
            pay_out: flow(row.pay_out)?,
            supply: flow(row.supply)?,
            vat: flow(row.vat)?,
            sold_on: day(&row.sold_on)?,
            paid_out_on: day(&row.paid_out_on)?,
            approved_at: row.approved_at.map(from_column_time),
            transaction_key: row.transaction_key,
            payment_key: row.payment_key,
            order: row.order_name,
            method: row.method,
            merchant_id: row.merchant_id,
        },
        counter: counter.transpose()?,
        received: row.received,
    })
}
