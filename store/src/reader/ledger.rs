//! Wallets and the books.

use std::collections::BTreeMap;

use domain::{
    Money, Timestamp,
    id::SellerAccount,
    ledger::{Account, NormalSide},
};
use sea_orm::{
    ColumnTrait, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};

use super::Reader;
use crate::{
    StoreError,
    convert::{corrupt, from_column_amount, from_column_currency, from_column_time},
    entities::{ledger_postings, wallets},
};

/// A seller's wallet in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalletRecord {
    /// Earned, and not to be paid out yet.
    pub pending: Money,
    /// Ready to be paid out.
    pub available: Money,
    /// Paid out so far.
    pub paid_out: Money,
    /// When it last moved.
    pub updated_at: Timestamp,
}

/// What stands on an account in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountBalance {
    /// The account.
    pub account: Account,
    /// The sum of its debits.
    pub debits: Money,
    /// The sum of its credits.
    pub credits: Money,
}

impl AccountBalance {
    /// The balance on the side on which the account grows; `None` when it stands on the other side.
    pub fn balance(&self) -> Option<Money> {
        match self.account.normal_side() {
            NormalSide::Debit => self.debits.minus(self.credits).ok(),
            NormalSide::Credit => self.credits.minus(self.debits).ok(),
        }
    }
}

#[derive(FromQueryResult)]
struct Turnover {
    account: String,
    currency: String,
    total: i64,
}

impl Reader {
    /// A seller's wallets, one per currency. Empty when nothing was ever credited.
    pub async fn wallets(&self, seller: &SellerAccount) -> Result<Vec<WalletRecord>, StoreError> {
        let rows = wallets::Entity::find()
            .filter(wallets::Column::SellerAccount.eq(seller.as_str()))
            .order_by_asc(wallets::Column::Currency)
            .all(self.connection())
            .await?;
        rows.into_iter()
            .map(|row| {
                let currency = from_column_currency(&row.currency)?;
                Ok(WalletRecord {
                    pending: from_column_amount(row.pending, currency)?,
                    available: from_column_amount(row.available, currency)?,
                    paid_out: from_column_amount(row.paid_out, currency)?,
                    updated_at: from_column_time(row.updated_at),
                })
            })
            .collect()
    }

    /// Debits and credits of every account, recomputed from the postings, in the order of the accounts.
    pub async fn trial_balance(&self) -> Result<Vec<AccountBalance>, StoreError> {
        let mut balances: BTreeMap<(Account, String), (i64, i64)> = BTreeMap::new();
        for turnover in self.turnovers(ledger_postings::Column::DebitAccount).await? {
            let (key, total) = keyed(turnover)?;
            balances.entry(key).or_default().0 = total;
        }
        for turnover in self.turnovers(ledger_postings::Column::CreditAccount).await? {
            let (key, total) = keyed(turnover)?;
            balances.entry(key).or_default().1 = total;
        }
        balances
            .into_iter()
            .map(|((account, currency), (debits, credits))| {
                let currency = from_column_currency(&currency)?;
                Ok(AccountBalance {
                    account,
                    debits: from_column_amount(debits, currency)?,
                    credits: from_column_amount(credits, currency)?,
                })
            })
            .collect()
    }

    async fn turnovers(&self, side: ledger_postings::Column) -> Result<Vec<Turnover>, StoreError> {
        // PostgreSQL sums bigint to numeric; the cast brings it back.
        let total = Expr::col(ledger_postings::Column::Amount).sum().cast_as("bigint");
        Ok(ledger_postings::Entity::find()
            .select_only()
            .column_as(side, "account")
            .column(ledger_postings::Column::Currency)
            .column_as(total, "total")
            .group_by(side)
            .group_by(ledger_postings::Column::Currency)
            .into_model::<Turnover>()
            .all(self.connection())
            .await?)
    }
}

fn keyed(turnover: Turnover) -> Result<((Account, String), i64), StoreError> {
    let account = turnover.account.parse().map_err(|_| corrupt("an account", &turnover.account))?;
    Ok(((account, turnover.currency), turnover.total))
}
