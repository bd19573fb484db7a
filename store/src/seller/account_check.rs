//! What was said of sellers' bank accounts besides the PSP: a principal calls one verified, or it sent a transfer back.

use domain::{
    Timestamp,
    id::SellerAccount,
    seller::{AccountCheck, AccountChecked},
};
use sea_orm::{ActiveValue::Set, EntityTrait, QuerySelect};

use super::{
    checks::RETURNED,
    registration::{status, tell},
};
use crate::{
    StoreError, Writer,
    convert::{from_column_revision, to_column_revision, to_column_time},
    entities::{seller_account_checks, sellers},
    transaction::Transaction,
};

const VERIFIED: &str = "VERIFIED";
/// The author of what follows from a booked return.
const BOOKS: &str = "books";

impl Writer {
    /// Writes that a principal calls the bank account of a seller verified. The principal who set the account does not:
    /// no principal sends money to a new account alone. Account and seller are the key.
    pub async fn check_seller_account(
        &self,
        check: &AccountCheck,
        at: Timestamp,
    ) -> Result<AccountChecked, StoreError> {
        let transaction = self.begin().await?;
        let row = sellers::Entity::find_by_id(check.seller.as_str()).lock_exclusive().one(&transaction).await?;
        let Some(row) = row else { return Ok(AccountChecked::OtherAccount { account: 0 }) };
        let account = from_column_revision(row.account)?;
        if account == 0 || account != check.account {
            return Ok(AccountChecked::OtherAccount { account });
        }
        if is_said(&transaction, &check.seller, row.account, RETURNED).await? {
            return Ok(AccountChecked::Returned);
        }
        if is_said(&transaction, &check.seller, row.account, VERIFIED).await? {
            return Ok(AccountChecked::Done);
        }
        if row.account_by.as_ref().is_some_and(|author| *author == check.by.to_string()) {
            return Ok(AccountChecked::FourEyes);
        }
        let before = status(&transaction, &check.seller, at).await?;
        let said = seller_account_checks::ActiveModel {
            seller_account: Set(check.seller.to_string()),
            account: Set(row.account),
            outcome: Set(VERIFIED.to_owned()),
            checked_by: Set(check.by.to_string()),
            reason: Set(check.reason.clone()),
            checked_at: Set(to_column_time(at)),
        };
        seller_account_checks::Entity::insert(said).exec_without_returning(&transaction).await?;
        tell(&transaction, row, before, at).await?;
        transaction.commit().await?;
        Ok(AccountChecked::Done)
    }
}

/// Writes that a transfer to one of a seller's bank accounts came back: the account is not verified any more.
pub(crate) async fn transfer_returned(
    transaction: &Transaction,
    seller: &SellerAccount,
    account: u32,
    at: Timestamp,
) -> Result<(), StoreError> {
    let Some(row) = sellers::Entity::find_by_id(seller.as_str()).lock_exclusive().one(transaction).await? else {
        return Ok(());
    };
    let number = to_column_revision(account)?;
    if is_said(transaction, seller, number, RETURNED).await? {
        return Ok(());
    }
    let before = status(transaction, seller, at).await?;
    let said = seller_account_checks::ActiveModel {
        seller_account: Set(seller.to_string()),
        account: Set(number),
        outcome: Set(RETURNED.to_owned()),
        checked_by: Set(BOOKS.to_owned()),
        reason: Set("a transfer came back".to_owned()),
        checked_at: Set(to_column_time(at)),
    };
    seller_account_checks::Entity::insert(said).exec_without_returning(transaction).await?;
    tell(transaction, row, before, at).await
}

async fn is_said(
    transaction: &Transaction,
    seller: &SellerAccount,
    account: i32,
    outcome: &str,
) -> Result<bool, StoreError> {
    let key = (seller.to_string(), account, outcome.to_owned());
    Ok(seller_account_checks::Entity::find_by_id(key).one(transaction).await?.is_some())
}
