//! Wallets and the books.

use domain::{
    Money, Timestamp,
    id::SellerAccount,
    ledger::{Account, NormalSide},
    wallet::Wallet,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::Reader;
use crate::{
    StoreError,
    convert::{corrupt, from_column_amount, from_column_currency, from_column_time, wallet_of_row},
    entities::{ledger_balances, wallets},
};

/// A seller's wallet in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalletRecord {
    /// What is in it.
    pub wallet: Wallet,
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
    fn of_row(row: ledger_balances::Model) -> Result<Self, StoreError> {
        let currency = from_column_currency(&row.currency)?;
        Ok(Self {
            account: row.account.parse().map_err(|_| corrupt("an account", &row.account))?,
            debits: from_column_amount(row.debits, currency)?,
            credits: from_column_amount(row.credits, currency)?,
        })
    }

    /// The balance on the side on which the account grows; `None` when it stands on the other side.
    pub fn balance(&self) -> Option<Money> {
        match self.account.normal_side() {
            NormalSide::Debit => self.debits.minus(self.credits).ok(),
            NormalSide::Credit => self.credits.minus(self.debits).ok(),
        }
    }
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
            .map(|row| Ok(WalletRecord { wallet: wallet_of_row(&row)?, updated_at: from_column_time(row.updated_at) }))
            .collect()
    }

    /// Debits and credits of every account, in the order of the accounts.
    pub async fn trial_balance(&self) -> Result<Vec<AccountBalance>, StoreError> {
        let rows = ledger_balances::Entity::find().all(self.connection()).await?;
        let mut balances = rows.into_iter().map(AccountBalance::of_row).collect::<Result<Vec<_>, _>>()?;
        balances.sort_by_cached_key(|balance| (balance.account.clone(), balance.debits.currency()));
        Ok(balances)
    }
}
