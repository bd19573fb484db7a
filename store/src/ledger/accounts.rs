//! The list of accounts.

use domain::{Currency, id::SellerAccount, ledger::Account};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::{AccountBalance, Page, Reader, StoreError, Window, entities::ledger_balances};

/// Which accounts are wanted; all of them by default.
#[derive(Debug, Clone, Default)]
pub struct AccountFilter {
    /// Those of one seller.
    pub seller: Option<SellerAccount>,
    /// Those in one currency.
    pub currency: Option<Currency>,
}

/// A place in the list of accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountPosition {
    pub account: Account,
    /// The currency, for every account exists once in each.
    pub currency: Currency,
}

impl Reader {
    /// Accounts as they stand, in the order of their names, then currencies. Each page is read for itself: for
    /// balances that belong together ask for the trial balance.
    pub async fn accounts(
        &self,
        filter: &AccountFilter,
        window: &Window<AccountPosition>,
    ) -> Result<Page<AccountBalance>, StoreError> {
        use ledger_balances::Column;
        let of_seller = filter
            .seller
            .as_ref()
            .map(|seller| Column::Account.is_in(accounts_of(seller).iter().map(ToString::to_string)));
        let behind = window.after.as_ref().map(|position| {
            let name = position.account.to_string();
            Condition::any()
                .add(Column::Account.gt(name.clone()))
                .add(Condition::all().add(Column::Account.eq(name)).add(Column::Currency.gt(position.currency.code())))
        });
        let rows = ledger_balances::Entity::find()
            .filter(Condition::all().add_option(of_seller).add_option(behind))
            .filter(Condition::all().add_option(filter.currency.map(|currency| Column::Currency.eq(currency.code()))))
            .order_by_asc(Column::Account)
            .order_by_asc(Column::Currency)
            .limit(window.rows())
            .all(self.connection())
            .await?;
        window.page(rows, AccountBalance::of_row)
    }
}

/// The accounts that make up a seller's wallet.
pub(crate) fn accounts_of(seller: &SellerAccount) -> [Account; 5] {
    [
        Account::SellerPending(seller.clone()),
        Account::SellerAvailable(seller.clone()),
        Account::SellerHeld(seller.clone()),
        Account::PayoutInTransit(seller.clone()),
        Account::SellerDebt(seller.clone()),
    ]
}
