//! The books: entries, postings and the wallets folded from them, with the status they bring about.

use std::collections::BTreeMap;

use chrono::Utc;
use domain::{
    Currency, Timestamp,
    checkout::Status,
    id::{CheckoutId, SellerAccount},
    ledger::{Account, Entry},
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter, sea_query::Expr,
    sea_query::OnConflict,
};

use super::{
    Writer,
    checkouts::{Approval, NextStatus, Written, write_status},
};
use crate::{
    StoreError,
    convert::{to_column_amount, to_column_time},
    entities::{ledger_entries, ledger_postings, payment_orders, wallets},
};

impl Writer {
    /// Books a captured payment: the entry with its postings, the sellers' wallets, the payment orders, the
    /// checkout's status and its line of history, all or nothing. The revision and the entry's key are the
    /// keys: asked again, it changes nothing.
    pub async fn post(
        &self,
        checkout_id: &CheckoutId,
        (revision, status): (u32, Status),
        occurred_at: Timestamp,
        entry: &Entry,
        (method, receipt_url): (Option<&str>, Option<&str>),
    ) -> Result<(), StoreError> {
        let approved_at = entry.fields().occurred_at;
        let next = NextStatus {
            checkout_id,
            revision,
            status,
            occurred_at,
            payment_key: None,
            failure: None,
            psp: Some(Approval { method, receipt_url, approved_at }),
        };
        let transaction = self.begin().await?;
        if write_status(&transaction, next).await? == Written::Now {
            insert_entry(&transaction, entry).await?;
            credit_wallets(&transaction, entry).await?;
            mark_orders_booked(&transaction, checkout_id, status).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

/// Inserts an entry that is not there yet; one that is means that a revision was written without it, and
/// the unique key stops the transaction.
async fn insert_entry(transaction: &DatabaseTransaction, entry: &Entry) -> Result<(), StoreError> {
    let fields = entry.fields();
    let row = ledger_entries::ActiveModel {
        entry_id: Set(fields.key.clone()),
        reason: Set(fields.reason.as_str().to_owned()),
        checkout_id: Set(fields.checkout_id.to_string()),
        occurred_at: Set(to_column_time(fields.occurred_at)),
        booked_at: Set(Utc::now()),
    };
    ledger_entries::Entity::insert(row).exec_without_returning(transaction).await?;
    let mut postings = Vec::with_capacity(fields.postings.len());
    for (line, posting) in (0..).zip(&fields.postings) {
        let posting = posting.fields();
        postings.push(ledger_postings::ActiveModel {
            entry_id: Set(fields.key.clone()),
            line: Set(line),
            debit_account: Set(posting.debit.to_string()),
            credit_account: Set(posting.credit.to_string()),
            amount: Set(to_column_amount(posting.amount)?),
            currency: Set(posting.amount.currency().code().to_owned()),
            payment_order_id: Set(posting.order.as_ref().map(ToString::to_string)),
        });
    }
    ledger_postings::Entity::insert_many(postings).exec_without_returning(transaction).await?;
    Ok(())
}

/// Moves the wallets by what the entry moves on the sellers' accounts. In the order of the accounts, so
/// that two entries over the same sellers wait for each other and do not deadlock.
async fn credit_wallets(transaction: &DatabaseTransaction, entry: &Entry) -> Result<(), StoreError> {
    let mut pending: BTreeMap<(&SellerAccount, Currency), i64> = BTreeMap::new();
    for posting in &entry.fields().postings {
        let posting = posting.fields();
        let amount = to_column_amount(posting.amount)?;
        for (account, change) in [(&posting.debit, -amount), (&posting.credit, amount)] {
            match account {
                Account::SellerPending(seller) => {
                    let balance = pending.entry((seller, posting.amount.currency())).or_default();
                    *balance = balance.checked_add(change).ok_or(StoreError::Amount)?;
                }
                Account::PspReceivable => {}
            }
        }
    }
    for ((seller, currency), change) in pending {
        let wallet = wallets::ActiveModel {
            seller_account: Set(seller.to_string()),
            currency: Set(currency.code().to_owned()),
            pending: Set(change),
            available: Set(0),
            paid_out: Set(0),
            updated_at: Set(Utc::now()),
        };
        let moved = Expr::col((wallets::Entity, wallets::Column::Pending)).add(change);
        wallets::Entity::insert(wallet)
            .on_conflict(
                OnConflict::columns([wallets::Column::SellerAccount, wallets::Column::Currency])
                    .value(wallets::Column::Pending, moved)
                    .update_column(wallets::Column::UpdatedAt)
                    .to_owned(),
            )
            .exec_without_returning(transaction)
            .await?;
    }
    Ok(())
}

async fn mark_orders_booked(
    transaction: &DatabaseTransaction,
    checkout_id: &CheckoutId,
    status: Status,
) -> Result<(), StoreError> {
    payment_orders::Entity::update_many()
        .col_expr(payment_orders::Column::PaymentOrderStatus, Expr::value(status.as_str()))
        .col_expr(payment_orders::Column::WalletUpdated, Expr::value(true))
        .col_expr(payment_orders::Column::LedgerUpdated, Expr::value(true))
        .filter(payment_orders::Column::CheckoutId.eq(checkout_id.as_str()))
        .exec(transaction)
        .await?;
    Ok(())
}
