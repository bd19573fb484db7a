//! Rows, and what the books expect of them.

use std::{
    collections::{BTreeMap, HashMap},
    ops::RangeInclusive,
};

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
    settlement::exchange,
};

/// A row that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRow {
    pub row: SettlementRow,
    /// The account on the other side, once the row is booked.
    pub counter: Option<Counter>,
    /// The key of the entry that booked it; `None` also where the row moves nothing.
    pub entry_key: Option<String>,
    /// The row as it was received.
    pub received: String,
}

/// Some of the rows of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowPage {
    pub rows: Vec<StoredRow>,
    /// The place of the last of them; `None` where there is none.
    pub last: Option<RowPlace>,
}

/// Where a row stands in the order in which rows came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowPlace {
    received_at: chrono::DateTime<chrono::Utc>,
    transaction_key: String,
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
    /// Whether the payment window was asked for escrow.
    pub use_escrow: bool,
}

/// A captured payment for which no row has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsettledCapture {
    pub checkout_id: CheckoutId,
    pub amount: Money,
    pub captured_at: Timestamp,
}

/// Rows whose booking somebody took back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReversedSettlement {
    /// The key of the entry that was taken back.
    pub entry_key: String,
    pub sold_on: Day,
    /// How many rows it booked.
    pub rows: u64,
    /// What they come to.
    pub amount: Flow,
}

/// One day of settlements.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettlementDay {
    pub rows: u64,
    /// In minor units with a sign, as all that follows.
    pub gross: i64,
    pub fee: i64,
    pub vat: i64,
    /// What the PSP gave of this currency for another one, less what it took of this currency to give another one.
    pub exchanged: i64,
    /// What the PSP pays in this currency: what is sold and exchanged less the fee.
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

/// One of the two currencies that a row may have amounts in.
#[derive(Debug, Clone, Copy)]
enum Side {
    /// In which the buyer paid.
    Sale,
    /// In which the PSP pays, where that is another one.
    Exchange,
}

/// The columns of the amounts in one currency.
struct SideColumns {
    currency: settlement_rows::Column,
    supply: settlement_rows::Column,
    vat: settlement_rows::Column,
}

impl Side {
    const fn columns(self) -> SideColumns {
        use settlement_rows::Column;
        match self {
            Self::Sale => SideColumns { currency: Column::Currency, supply: Column::Supply, vat: Column::Vat },
            Self::Exchange => SideColumns {
                currency: Column::ExchangeCurrency,
                supply: Column::ExchangeSupply,
                vat: Column::ExchangeVat,
            },
        }
    }
}

impl Reader {
    /// How many rows of one day of sale are kept.
    pub async fn settlement_row_count(&self, sold_on: Day) -> Result<u64, StoreError> {
        let of_day = settlement_rows::Column::SoldOn.eq(sold_on.to_string());
        Ok(settlement_rows::Entity::find().filter(of_day).count(self.connection()).await?)
    }

    /// Rows of one day of sale in the order in which they came, after a row.
    pub async fn settlement_rows(
        &self,
        sold_on: Day,
        after: Option<&RowPlace>,
        limit: u64,
    ) -> Result<RowPage, StoreError> {
        let place = Expr::tuple([
            Expr::col(settlement_rows::Column::ReceivedAt),
            Expr::col(settlement_rows::Column::TransactionKey),
        ]);
        let later = |after: &RowPlace| {
            place.gt(Expr::tuple([Expr::value(after.received_at), Expr::value(&after.transaction_key)]))
        };
        let rows = settlement_rows::Entity::find()
            .filter(settlement_rows::Column::SoldOn.eq(sold_on.to_string()))
            .filter(Condition::all().add_option(after.map(later)))
            .order_by_asc(settlement_rows::Column::ReceivedAt)
            .order_by_asc(settlement_rows::Column::TransactionKey)
            .limit(limit)
            .all(self.connection())
            .await?;
        let place = |row: &settlement_rows::Model| RowPlace {
            received_at: row.received_at,
            transaction_key: row.transaction_key.clone(),
        };
        let last = rows.last().map(place);
        Ok(RowPage { rows: rows.into_iter().map(stored).collect::<Result<_, _>>()?, last })
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
        let rows: Vec<(String, Option<String>, i64, String, bool)> = payment_events::Entity::find()
            .select_only()
            .columns([Column::CheckoutId, Column::PspMethod, Column::Amount, Column::Currency, Column::UseEscrow])
            .filter(Column::CheckoutId.is_in(ids.iter().copied()))
            .into_tuple()
            .all(self.connection())
            .await?;
        let recorded = |(id, method, amount, currency, use_escrow): (String, Option<String>, i64, String, bool)| {
            let amount = from_column_amount(amount, from_column_currency(&currency)?)?;
            Ok((id, RecordedPayment { method, amount, use_escrow }))
        };
        rows.into_iter().map(recorded).collect()
    }

    /// Those of the entries of rows that somebody took back.
    pub async fn reversed_settlements(&self, entry_keys: &[&str]) -> Result<Vec<ReversedSettlement>, StoreError> {
        use settlement_rows::Column;
        #[derive(FromQueryResult)]
        struct Row {
            entry_id: String,
            sold_on: String,
            currency: String,
            rows: i64,
            amount: i64,
        }
        let entries: Vec<String> = ledger_entries::Entity::find()
            .select_only()
            .column(ledger_entries::Column::Reverses)
            .filter(ledger_entries::Column::Reverses.is_in(entry_keys.iter().copied()))
            .into_tuple()
            .all(self.connection())
            .await?;
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let rows = settlement_rows::Entity::find()
            .select_only()
            .columns([Column::EntryId, Column::SoldOn, Column::Currency])
            .column_as(Func::count(Expr::col(Column::TransactionKey)).cast_as("bigint"), "rows")
            .column_as(Func::sum(Expr::col(Column::Amount)).cast_as("bigint"), "amount")
            .filter(Column::EntryId.is_in(entries))
            .group_by(Column::EntryId)
            .group_by(Column::SoldOn)
            .group_by(Column::Currency)
            .into_model::<Row>()
            .all(self.connection())
            .await?;
        let reversed = |row: Row| {
            let amount = Flow::of_signed(row.amount, from_column_currency(&row.currency)?);
            Ok(ReversedSettlement {
                entry_key: row.entry_id,
                sold_on: row.sold_on.parse().map_err(|_| corrupt("a day", &row.sold_on))?,
                rows: u64::try_from(row.rows).unwrap_or_default(),
                amount: amount.map_err(|error| corrupt("an amount", error))?,
            })
        };
        rows.into_iter().map(reversed).collect()
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
        let mut days = BTreeMap::new();
        self.add_days(Side::Sale, from..=to, calendar, today, &mut days).await?;
        self.add_days(Side::Exchange, from..=to, calendar, today, &mut days).await?;
        if calendar == SettlementCalendar::Sold {
            self.add_expectations(from, to, &mut days).await?;
        }
        Ok(days)
    }

    /// Adds what rows come to in the currency of one side.
    async fn add_days(
        &self,
        side: Side,
        of: RangeInclusive<Day>,
        calendar: SettlementCalendar,
        today: Day,
        days: &mut BTreeMap<(Day, Currency), SettlementDay>,
    ) -> Result<(), StoreError> {
        use settlement_rows::Column;
        #[derive(FromQueryResult)]
        struct Row {
            day: String,
            currency: String,
            rows: i64,
            gross: i64,
            supply: i64,
            vat: i64,
            exchanged: i64,
            net: i64,
            booked: i64,
            received: i64,
        }
        let column = match calendar {
            SettlementCalendar::Sold => Column::SoldOn,
            SettlementCalendar::PaidOut => Column::PaidOutOn,
        };
        let sum = |amount: SimpleExpr| -> SimpleExpr { Func::sum(amount).cast_as("bigint") };
        let if_so = |condition: SimpleExpr, amount: SimpleExpr| -> SimpleExpr {
            Expr::case(condition, amount).finally(0_i64).into()
        };
        let columns = side.columns();
        let paid = || match side {
            Side::Sale => if_so(Column::ExchangeCurrency.is_null(), Column::PayOut.into_expr()),
            Side::Exchange => Column::ExchangePayOut.into_expr(),
        };
        // A row counts where it was sold.
        let (rows, gross, exchanged) = match side {
            Side::Sale => (
                Func::count(Expr::col(Column::TransactionKey)).cast_as("bigint"),
                Column::Amount.into_expr(),
                if_so(Column::ExchangeCurrency.is_not_null(), Expr::value(0_i64).sub(Expr::col(Column::PayOut))),
            ),
            Side::Exchange => (
                Expr::value(0_i64).cast_as("bigint"),
                Expr::value(0_i64).cast_as("bigint"),
                Column::ExchangeAmount.into_expr(),
            ),
        };
        let rows = settlement_rows::Entity::find()
            .select_only()
            .column_as(column.into_expr(), "day")
            .column_as(columns.currency.into_expr(), "currency")
            .column_as(rows, "rows")
            .column_as(sum(gross), "gross")
            .column_as(sum(columns.supply.into_expr()), "supply")
            .column_as(sum(columns.vat.into_expr()), "vat")
            .column_as(sum(exchanged), "exchanged")
            .column_as(sum(paid()), "net")
            .column_as(sum(if_so(Column::BookedAt.is_not_null(), paid())), "booked")
            .column_as(sum(if_so(Column::PaidOutOn.lte(today.to_string()), paid())), "received")
            .filter(column.gte(of.start().to_string()))
            .filter(column.lte(of.end().to_string()))
            .filter(columns.currency.is_not_null())
            .group_by(column)
            .group_by(columns.currency)
            .into_model::<Row>()
            .all(self.connection())
            .await?;
        for row in rows {
            let day: Day = row.day.parse().map_err(|_| corrupt("a day", &row.day))?;
            let of_day = days.entry((day, from_column_currency(&row.currency)?)).or_default();
            of_day.rows += u64::try_from(row.rows).unwrap_or_default();
            of_day.gross += row.gross;
            of_day.fee += row.supply + row.vat;
            of_day.vat += row.vat;
            of_day.exchanged += row.exchanged;
            of_day.net += row.net;
            of_day.booked += row.booked;
            of_day.received += row.received;
        }
        Ok(())
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
    let exchange = exchange::stored(&row)?;
    Ok(StoredRow {
        row: SettlementRow {
            exchange,
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
        entry_key: row.entry_id,
        received: row.received,
    })
}
