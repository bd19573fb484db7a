//! Figures for reports, from the books alone.

mod cash_like;
mod fees;
mod refunds;

use std::collections::BTreeMap;

use domain::{
    Currency, Timestamp,
    id::SellerAccount,
    ledger::{Account, Reason},
};
use sea_orm::{
    ColumnTrait, Condition, ExprTrait, FromQueryResult,
    sea_query::{Expr, Func, Query, SimpleExpr},
};

pub use cash_like::CashLikeSale;
pub use fees::MethodFees;
pub use refunds::RefundInTime;

use crate::{
    AsOf, Reader, StoreError,
    convert::{corrupt, from_column_currency, to_column_time},
    entities::{ledger_entries, ledger_postings, payment_orders},
    ledger::read::join_entries,
};

/// What is owed to a seller, in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwedToSeller {
    pub seller: SellerAccount,
    pub currency: Currency,
    pub pending: i64,
    pub available: i64,
    pub held: i64,
    pub in_transit: i64,
    /// What the seller owes us.
    pub debt: i64,
}

/// The sales of a seller, in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SellerSales {
    pub seller: SellerAccount,
    pub currency: Currency,
    /// Orders that were paid.
    pub orders: u64,
    pub sales: i64,
    pub refunds: i64,
    pub commission: i64,
}

impl Reader {
    /// What is owed to each seller as of an instant, in the order of the sellers; sellers without any are left out.
    pub async fn owed_to_sellers(&self, as_of: AsOf) -> Result<Vec<OwedToSeller>, StoreError> {
        let mut owed: BTreeMap<(SellerAccount, Currency), OwedToSeller> = BTreeMap::new();
        for balance in self.trial_balance_as_of(as_of).await? {
            let Some(seller) = balance.account.seller().cloned() else { continue };
            let currency = balance.debits.currency();
            let credit = balance.credits.minor().cast_signed() - balance.debits.minor().cast_signed();
            let none = || OwedToSeller {
                seller: seller.clone(),
                currency,
                pending: 0,
                available: 0,
                held: 0,
                in_transit: 0,
                debt: 0,
            };
            let of_seller = owed.entry((seller.clone(), currency)).or_insert_with(none);
            match balance.account {
                Account::SellerPending(_) => of_seller.pending += credit,
                Account::SellerAvailable(_) => of_seller.available += credit,
                Account::SellerHeld(_) => of_seller.held += credit,
                Account::PayoutInTransit(_) => of_seller.in_transit += credit,
                Account::SellerDebt(_) => of_seller.debt -= credit,
                Account::PspReceivable
                | Account::Bank
                | Account::PspPayoutBalance
                | Account::InputVat
                | Account::OutputVat
                | Account::SweepInTransit
                | Account::Rounding
                | Account::FxTrading
                | Account::RefundsPayable
                | Account::Suspense
                | Account::PlatformCommission
                | Account::PspFees => {}
            }
        }
        Ok(owed.into_values().collect())
    }

    /// The sales of each seller from one instant until another.
    pub async fn seller_sales(&self, from: Timestamp, to: Timestamp) -> Result<Vec<SellerSales>, StoreError> {
        use ledger_entries::Column as Entry;
        use ledger_postings::Column as Posting;
        use payment_orders::Column as Order;
        #[derive(FromQueryResult)]
        struct Row {
            seller_account: String,
            currency: String,
            reason: String,
            orders: i64,
            moved: i64,
            commission: i64,
        }
        let sum = |amount: SimpleExpr| -> SimpleExpr { Func::sum(amount).cast_as("bigint") };
        let commissions = [Account::PlatformCommission, Account::OutputVat].map(|account| account.to_string());
        let is_commission = Posting::CreditAccount.is_in(commissions);
        let commission = Expr::case(is_commission, Posting::Amount.into_expr()).finally(0_i64);
        let orders = Func::count_distinct(Posting::PaymentOrderId.into_expr()).cast_as("bigint");
        let reasons = [Reason::PaymentCaptured, Reason::RefundExecuted].map(Reason::as_str);
        let mut statement = Query::select()
            .column(Order::SellerAccount.as_column_ref())
            .column(Posting::Currency.as_column_ref())
            .column(Entry::Reason.as_column_ref())
            .expr_as(orders, "orders")
            .expr_as(sum(Posting::Amount.into_expr()), "moved")
            .expr_as(sum(commission.into()), "commission")
            .from(ledger_postings::Entity)
            .cond_where(
                Condition::all()
                    .add(Entry::Reason.is_in(reasons))
                    .add(Entry::OccurredAt.gte(to_column_time(from)))
                    .add(Entry::OccurredAt.lt(to_column_time(to))),
            )
            .group_by_columns([Order::SellerAccount.as_column_ref(), Posting::Currency.as_column_ref()])
            .group_by_columns([Entry::Reason.as_column_ref()])
            .to_owned();
        join_entries(&mut statement);
        let same_order =
            Expr::col(Order::PaymentOrderId.as_column_ref()).equals(Posting::PaymentOrderId.as_column_ref());
        statement.inner_join(payment_orders::Entity, same_order);
        let statement = self.connection().backend().build(&statement);
        let rows = Row::find_by_statement(statement).all(self.connection()).await?;
        let mut sales: BTreeMap<(SellerAccount, Currency), SellerSales> = BTreeMap::new();
        for row in rows {
            let seller = SellerAccount::parse(row.seller_account).map_err(|error| corrupt("a seller", error))?;
            let currency = from_column_currency(&row.currency)?;
            let none = SellerSales { seller: seller.clone(), currency, orders: 0, sales: 0, refunds: 0, commission: 0 };
            let of_seller = sales.entry((seller, currency)).or_insert(none);
            if row.reason == Reason::PaymentCaptured.as_str() {
                of_seller.orders = u64::try_from(row.orders).unwrap_or_default();
                of_seller.sales = row.moved;
                of_seller.commission = row.commission;
            } else {
                of_seller.refunds = row.moved;
            }
        }
        Ok(sales.into_values().collect())
    }
}
