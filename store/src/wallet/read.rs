//! Wallets: as they stand, and as of any instant.

use std::collections::BTreeMap;

use domain::{
    Currency, Money, Timestamp,
    id::SellerAccount,
    ledger::Account,
    wallet::{Effect, Part, Wallet, effects},
};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Func, Query, SelectStatement},
};

use crate::{
    AsOf, Page, Reader, StoreError, Window,
    convert::{corrupt, from_column_amount, from_column_currency, from_column_time, wallet_of_row},
    entities::{ledger_postings, payment_orders, wallets},
    ledger::{accounts::accounts_of, side::Side},
    paging::all_of,
};

/// A seller's wallet in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalletRecord {
    /// What is in it.
    pub wallet: Wallet,
    /// When it last moved.
    pub updated_at: Timestamp,
}

/// What was ever added to a part of a wallet, and what was taken from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow {
    /// Added.
    pub added: Money,
    /// Taken.
    pub taken: Money,
}

/// A seller's wallet in one currency as it was. Seen by event time more may have been taken from a part than was
/// in it: what is booked late may have happened before what was booked first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastWallet {
    /// Earned, and not to be paid out yet.
    pub pending: Flow,
    /// Ready to be paid out.
    pub available: Flow,
    /// Reserved by holds.
    pub held: Flow,
    /// On its way to the seller's bank.
    pub in_transit: Flow,
    /// Arrived at the seller's bank.
    pub paid_out: Flow,
    /// Owed to us.
    pub debt: Flow,
}

impl PastWallet {
    /// A wallet that was never credited.
    pub const fn empty(currency: Currency) -> Self {
        let zero = Flow { added: Money::zero(currency), taken: Money::zero(currency) };
        Self { pending: zero, available: zero, held: zero, in_transit: zero, paid_out: zero, debt: zero }
    }

    pub const fn currency(&self) -> Currency {
        self.pending.added.currency()
    }

    fn add(&mut self, seller: &SellerAccount, sum: &Sum) -> Result<(), StoreError> {
        for effect in effects(&sum.debit, &sum.credit, seller) {
            let total = match effect {
                Effect::Add(part) => &mut self.part_mut(part).added,
                Effect::Take(part) => &mut self.part_mut(part).taken,
            };
            *total = plus(*total, sum.amount)?;
        }
        Ok(())
    }

    const fn part_mut(&mut self, part: Part) -> &mut Flow {
        match part {
            Part::Pending => &mut self.pending,
            Part::Available => &mut self.available,
            Part::Held => &mut self.held,
            Part::InTransit => &mut self.in_transit,
            Part::Debt => &mut self.debt,
            Part::PaidOut => &mut self.paid_out,
        }
    }
}

/// A place in the list of wallets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalletPosition {
    pub seller: SellerAccount,
    pub currency: Currency,
}

impl Reader {
    /// The wallets of all sellers, in the order of their names, then currencies.
    pub async fn all_wallets(
        &self,
        window: &Window<WalletPosition>,
    ) -> Result<Page<(WalletPosition, WalletRecord)>, StoreError> {
        use wallets::Column;
        let behind = window.after.as_ref().map(|position| {
            let same = Column::SellerAccount.eq(position.seller.as_str());
            let later = Condition::all().add(same).add(Column::Currency.gt(position.currency.code()));
            Condition::any().add(Column::SellerAccount.gt(position.seller.as_str())).add(later)
        });
        let rows = wallets::Entity::find()
            .filter(Condition::all().add_option(behind))
            .order_by_asc(Column::SellerAccount)
            .order_by_asc(Column::Currency)
            .limit(window.rows())
            .all(self.connection())
            .await?;
        window.page(rows, |row| {
            let wallet = wallet_of_row(&row)?;
            let seller =
                SellerAccount::parse(row.seller_account).map_err(|error| corrupt("a seller account", error))?;
            let position = WalletPosition { seller, currency: wallet.currency() };
            Ok((position, WalletRecord { wallet, updated_at: from_column_time(row.updated_at) }))
        })
    }

    /// A seller's wallets, one per currency. Empty when nothing was ever credited.
    pub async fn wallets(&self, seller: &SellerAccount) -> Result<Vec<WalletRecord>, StoreError> {
        let rows = wallets::Entity::find()
            .filter(wallets::Column::SellerAccount.eq(seller.as_str()))
            .order_by_asc(wallets::Column::Currency)
            .all(self.connection())
            .await?;
        rows.into_iter()
            .map(|row| Ok(WalletRecord { wallet: wallet_of_row(&row)?, updated_at: from_column_time(row.updated_at) }))
            .collect()
    }

    /// A seller's wallets as they were at an instant, one per currency. Folded from the postings on the seller's
    /// accounts up to then, which it reads by the indexes on the accounts; one statement, so that no posting is
    /// seen from one of its accounts only.
    pub async fn wallets_as_of(&self, seller: &SellerAccount, as_of: AsOf) -> Result<Vec<PastWallet>, StoreError> {
        let sums = all_of(Side::BOTH.map(|side| sums_of(seller, side, as_of)));
        let statement = self.connection().backend().build(&sums);
        let mut wallets: BTreeMap<Currency, PastWallet> = BTreeMap::new();
        for row in SumRow::find_by_statement(statement).all(self.connection()).await? {
            let sum = Sum::of_row(&row)?;
            let currency = sum.amount.currency();
            wallets.entry(currency).or_insert_with(|| PastWallet::empty(currency)).add(seller, &sum)?;
        }
        Ok(wallets.into_values().collect())
    }

    /// Whether an order or an entry has ever named the seller. A hold takes from a wallet, so it needs no look of
    /// its own.
    pub async fn knows_seller(&self, seller: &SellerAccount) -> Result<bool, StoreError> {
        let wallet = wallets::Entity::find().filter(wallets::Column::SellerAccount.eq(seller.as_str()));
        if wallet.one(self.connection()).await?.is_some() {
            return Ok(true);
        }
        let order = payment_orders::Entity::find().filter(payment_orders::Column::SellerAccount.eq(seller.as_str()));
        Ok(order.limit(1).one(self.connection()).await?.is_some())
    }
}

/// The sums of what was posted between every two accounts, one of which is the seller's. What moved between two
/// of them is counted among the debits.
fn sums_of(seller: &SellerAccount, side: Side, as_of: AsOf) -> SelectStatement {
    use ledger_postings::Column;
    let accounts = || accounts_of(seller).map(|account| account.to_string());
    let counted_before = match side {
        Side::Debit => None,
        Side::Credit => Some(Side::Debit.account().is_not_in(accounts())),
    };
    let mut statement = Query::select()
        .columns([Column::DebitAccount, Column::CreditAccount, Column::Currency].map(|column| column.as_column_ref()))
        .expr_as(Func::sum(Column::Amount.into_expr()).cast_as("bigint"), Column::Amount)
        .from(ledger_postings::Entity)
        .and_where(side.account().is_in(accounts()))
        .and_where_option(counted_before)
        .group_by_columns([Column::DebitAccount, Column::CreditAccount, Column::Currency].map(|c| c.as_column_ref()))
        .to_owned();
    as_of.keep_earlier(&mut statement);
    statement
}

#[derive(Debug, FromQueryResult)]
struct SumRow {
    debit_account: String,
    credit_account: String,
    currency: String,
    amount: i64,
}

/// What was ever posted between two accounts.
struct Sum {
    debit: Account,
    credit: Account,
    amount: Money,
}

impl Sum {
    fn of_row(row: &SumRow) -> Result<Self, StoreError> {
        let account = |text: &str| text.parse().map_err(|_| corrupt("an account", text));
        Ok(Self {
            debit: account(&row.debit_account)?,
            credit: account(&row.credit_account)?,
            amount: from_column_amount(row.amount, from_column_currency(&row.currency)?)?,
        })
    }
}

fn plus(sum: Money, amount: Money) -> Result<Money, StoreError> {
    sum.plus(amount).map_err(|_| StoreError::Amount)
}
