//! What a buyer is called and how to reach them: sealed, kept apart, erased on request with the names of their cards.
//!
//! Nothing of it moves money, so it never enters a workflow or the books. It is written before the workflow
//! starts, under the idempotency key and the body's fingerprint; where no checkout comes of it, it goes again.

use chrono::Utc;
use domain::{
    Timestamp,
    id::{BuyerId, CheckoutId, WorkflowId},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict, Query},
};

use crate::{
    BuyerDetails, BuyerDigests, Journal, Keyring, KeyringError, Reader, Sealed, StoreError,
    cash_receipt::erase_numbers,
    convert::{corrupt, to_column_time},
    entities::{buyer_details, checkout_requests, payment_events, risk_decisions},
    sealing::holder::{open_holder, seal_holder},
};

/// What was erased of a buyer; nothing where it was done before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erased {
    /// Of how many checkouts details were kept.
    pub checkouts: u64,
    /// In how many risk decisions a card was named.
    pub cards: u64,
    /// Of how many virtual accounts the holder's name was kept.
    pub account_holders: u64,
    /// Of how many cash receipts that were asked for the number was kept.
    pub receipt_numbers: u64,
}

/// The sealed details of a buyer, as a request for a checkout brings them.
#[derive(Debug, Clone)]
pub struct SealedBuyer<'a> {
    pub workflow_id: &'a WorkflowId,
    /// The hash of the request's body.
    pub fingerprint: &'a str,
    pub buyer_id: &'a BuyerId,
    pub details: Sealed,
    pub digests: BuyerDigests,
}

impl Journal {
    /// Keeps a buyer's sealed details. The workflow id and the fingerprint are the key: the first ones stay.
    pub async fn keep_buyer(&self, buyer: SealedBuyer<'_>) -> Result<(), StoreError> {
        let SealedBuyer { workflow_id, fingerprint, buyer_id, details, digests } = buyer;
        let row = buyer_details::ActiveModel {
            workflow_id: Set(workflow_id.to_string()),
            fingerprint: Set(fingerprint.to_owned()),
            buyer_id: Set(buyer_id.to_string()),
            key_name: Set(Some(details.key_name)),
            sealed: Set(Some(details.bytes)),
            kept_at: Set(Utc::now()),
            erased_at: Set(None),
            is_digested: Set(true),
            name_digest: Set(digests.name),
            email_digest: Set(digests.email),
            phone_digest: Set(digests.phone),
        };
        buyer_details::Entity::insert(row)
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(self.connection())
            .await?;
        Ok(())
    }

    /// Erases all details of a buyer, the names of the buyer's cards and the names on virtual accounts.
    pub async fn erase_buyer(&self, buyer_id: &BuyerId) -> Result<Erased, StoreError> {
        let transaction = self.begin().await?;
        let erased = buyer_details::Entity::update_many()
            .col_expr(buyer_details::Column::Sealed, Expr::value(None::<Vec<u8>>))
            .col_expr(buyer_details::Column::KeyName, Expr::value(None::<String>))
            .col_expr(buyer_details::Column::NameDigest, Expr::value(None::<String>))
            .col_expr(buyer_details::Column::EmailDigest, Expr::value(None::<String>))
            .col_expr(buyer_details::Column::PhoneDigest, Expr::value(None::<String>))
            .col_expr(buyer_details::Column::ErasedAt, Expr::value(Utc::now()))
            .filter(buyer_details::Column::BuyerId.eq(buyer_id.as_str()))
            .filter(buyer_details::Column::ErasedAt.is_null())
            .exec(&transaction)
            .await?;
        let cards = risk_decisions::Entity::update_many()
            .col_expr(risk_decisions::Column::Card, Expr::value(None::<String>))
            .filter(risk_decisions::Column::BuyerId.eq(buyer_id.as_str()))
            .filter(risk_decisions::Column::Card.is_not_null())
            .exec(&transaction)
            .await?;
        let holders = payment_events::Entity::update_many()
            .col_expr(payment_events::Column::AccountHolder, Expr::value(None::<String>))
            .filter(payment_events::Column::BuyerId.eq(buyer_id.as_str()))
            .filter(payment_events::Column::AccountHolder.is_not_null())
            .exec(&transaction)
            .await?;
        let receipt_numbers = erase_numbers(&transaction, buyer_id).await?;
        transaction.commit().await?;
        Ok(Erased {
            checkouts: erased.rows_affected,
            cards: cards.rows_affected,
            account_holders: holders.rows_affected,
            receipt_numbers,
        })
    }

    /// Removes details from between two instants that no checkout came of.
    pub async fn forget_unrecorded_buyers(&self, from: Timestamp, before: Timestamp) -> Result<u64, StoreError> {
        let recorded = Query::select()
            .column(checkout_requests::Column::WorkflowId)
            .from(checkout_requests::Entity)
            .and_where(
                Expr::col((checkout_requests::Entity, checkout_requests::Column::WorkflowId))
                    .equals((buyer_details::Entity, buyer_details::Column::WorkflowId)),
            )
            .and_where(
                Expr::col((checkout_requests::Entity, checkout_requests::Column::Fingerprint))
                    .equals((buyer_details::Entity, buyer_details::Column::Fingerprint)),
            )
            .and_where(checkout_requests::Column::Accepted.eq(true))
            .to_owned();
        let removed = buyer_details::Entity::delete_many()
            .filter(buyer_details::Column::KeptAt.gte(to_column_time(from)))
            .filter(buyer_details::Column::KeptAt.lt(to_column_time(before)))
            .filter(Expr::exists(recorded).not())
            .exec(self.connection())
            .await?;
        Ok(removed.rows_affected)
    }

    /// Seals up to `limit` details anew that are not under the newest key, or that payments are not found by yet.
    /// Answers how many there were.
    pub async fn reseal_buyers(&self, keys: &Keyring, limit: u64) -> Result<usize, StoreError> {
        let newest = keys.names().next().unwrap_or_default();
        let rows = buyer_details::Entity::find()
            .filter(buyer_details::Column::KeyName.is_not_null())
            .filter(buyer_details::Column::KeyName.ne(newest).or(buyer_details::Column::IsDigested.eq(false)))
            .order_by_asc(buyer_details::Column::WorkflowId)
            .limit(limit)
            .all(self.connection())
            .await?;
        let found = rows.len();
        for row in rows {
            let (workflow_id, fingerprint) = (row.workflow_id.clone(), row.fingerprint.clone());
            let Some(old) = sealed(row) else { continue };
            let id = WorkflowId::parse(&workflow_id).map_err(|error| corrupt("an id", error))?;
            let (new, digests) = seal_anew(keys, &old, &id).map_err(|error| corrupt("details", error))?;
            buyer_details::Entity::update_many()
                .col_expr(buyer_details::Column::Sealed, Expr::value(Some(new.bytes)))
                .col_expr(buyer_details::Column::KeyName, Expr::value(Some(new.key_name)))
                .col_expr(buyer_details::Column::IsDigested, Expr::value(true))
                .col_expr(buyer_details::Column::NameDigest, Expr::value(digests.name))
                .col_expr(buyer_details::Column::EmailDigest, Expr::value(digests.email))
                .col_expr(buyer_details::Column::PhoneDigest, Expr::value(digests.phone))
                .filter(buyer_details::Column::WorkflowId.eq(workflow_id))
                .filter(buyer_details::Column::Fingerprint.eq(fingerprint))
                // One that was erased meanwhile stays erased.
                .filter(buyer_details::Column::KeyName.eq(old.key_name))
                .exec(self.connection())
                .await?;
        }
        Ok(found)
    }

    /// Seals up to `limit` names on virtual accounts anew that are not under the newest key. Answers how many there
    /// were.
    pub async fn reseal_holders(&self, keys: &Keyring, limit: u64) -> Result<usize, StoreError> {
        use payment_events::Column;
        let newest = keys.names().next().unwrap_or_default();
        let rows = payment_events::Entity::find()
            .filter(Column::AccountHolder.is_not_null())
            .filter(Column::AccountHolder.not_like(format!("{newest}:%")))
            .order_by_asc(Column::CheckoutId)
            .limit(limit)
            .all(self.connection())
            .await?;
        let found = rows.len();
        for row in rows {
            let Some(old) = row.account_holder else { continue };
            let checkout_id = CheckoutId::parse(row.checkout_id).map_err(|error| corrupt("an id", error))?;
            let name = open_holder(keys, &checkout_id, &old).map_err(|error| corrupt("a holder", error))?;
            let new = seal_holder(keys, &checkout_id, &name).map_err(|error| corrupt("a holder", error))?;
            payment_events::Entity::update_many()
                .col_expr(Column::AccountHolder, Expr::value(Some(new)))
                .filter(Column::CheckoutId.eq(checkout_id.as_str()))
                // One that was erased meanwhile stays erased.
                .filter(Column::AccountHolder.eq(old))
                .exec(self.connection())
                .await?;
        }
        Ok(found)
    }
}

impl Reader {
    /// The sealed details of the buyer of a checkout: the ones that came with the body it was made of.
    pub async fn buyer_details(&self, workflow_id: &WorkflowId) -> Result<Option<Sealed>, StoreError> {
        let Some(request) = self.request(workflow_id).await? else { return Ok(None) };
        let key = (workflow_id.to_string(), request.fingerprint);
        Ok(buyer_details::Entity::find_by_id(key).one(self.connection()).await?.and_then(sealed))
    }
}

fn seal_anew(keys: &Keyring, old: &Sealed, id: &WorkflowId) -> Result<(Sealed, BuyerDigests), KeyringError> {
    let details = BuyerDetails::open(keys, old, id)?;
    Ok((details.seal(keys, id)?, details.digests(keys)?))
}

fn sealed(row: buyer_details::Model) -> Option<Sealed> {
    row.key_name.zip(row.sealed).map(|(key_name, bytes)| Sealed { key_name, bytes })
}
