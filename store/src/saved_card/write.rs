//! Writing saved cards.

use domain::{
    Timestamp,
    event::EventType,
    id::{BuyerId, SavedCardId},
    principal::Principal,
    saved_card::{DeletedCard, Forgotten, Kept, RegisteredCard, SavedCardStatus},
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};

use super::{
    read::{SavedCardRecord, record},
    secret::CardSecret,
};
use crate::{
    Journal, Keyring, StoreError, Writer,
    convert::{corrupt, to_column_time},
    entities::saved_cards::{ActiveModel, Column, Entity, Model},
    event::append_saved_card,
    transaction::Transaction,
};

/// A card that a buyer is asked to register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSavedCard {
    pub saved_card_id: SavedCardId,
    pub buyer_id: BuyerId,
    /// The principal that asks for it.
    pub created_by: Principal,
    /// SHA-256 of the request in lower-case hex.
    pub fingerprint: String,
    /// Where the buyer is led after the registration.
    pub return_url: Option<String>,
    pub created_at: Timestamp,
    /// Until when it can be registered.
    pub expires_at: Timestamp,
}

/// A card that stands under the id of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SavedCardPut {
    /// By this request.
    Now(SavedCardRecord),
    /// By an earlier one.
    Before(SavedCardRecord),
}

impl Journal {
    /// Writes a card that waits for its registration. The id is the key: the first request stays.
    pub async fn put_saved_card(&self, new: &NewSavedCard) -> Result<SavedCardPut, StoreError> {
        let row = ActiveModel {
            saved_card_id: Set(new.saved_card_id.to_string()),
            buyer_id: Set(new.buyer_id.to_string()),
            created_by: Set(new.created_by.to_string()),
            fingerprint: Set(new.fingerprint.clone()),
            return_url: Set(new.return_url.clone()),
            status: Set(SavedCardStatus::Registering.as_str().to_owned()),
            sealed_key: Set(None),
            key_digest: Set(None),
            issuer: Set(None),
            card_number: Set(None),
            card_type: Set(None),
            created_at: Set(to_column_time(new.created_at)),
            expires_at: Set(to_column_time(new.expires_at)),
            registered_at: Set(None),
            deleted_at: Set(None),
            deleted_by: Set(None),
        };
        let inserted = Entity::insert(row)
            .on_conflict(OnConflict::column(Column::SavedCardId).do_nothing().to_owned())
            .exec_without_returning(self.connection())
            .await?;
        let kept = Entity::find_by_id(new.saved_card_id.as_str()).one(self.connection()).await?;
        let kept = record(kept.ok_or_else(|| corrupt("a saved card that was written", &new.saved_card_id))?)?;
        Ok(if inserted == 1 { SavedCardPut::Now(kept) } else { SavedCardPut::Before(kept) })
    }

    /// Seals up to `limit` keys of cards anew that are not under the newest encryption key. Answers how many there
    /// were.
    pub async fn reseal_saved_cards(&self, keys: &Keyring, limit: u64) -> Result<usize, StoreError> {
        let newest = keys.names().next().unwrap_or_default();
        let rows = Entity::find()
            .filter(Column::SealedKey.is_not_null())
            .filter(Column::SealedKey.not_like(format!("{newest}:%")))
            .order_by_asc(Column::SavedCardId)
            .limit(limit)
            .all(self.connection())
            .await?;
        let found = rows.len();
        for row in rows {
            let Some(old) = row.sealed_key else { continue };
            let id = SavedCardId::parse(row.saved_card_id).map_err(|error| corrupt("an id", error))?;
            let unreadable = |error| corrupt("the key of a saved card", error);
            let secret = CardSecret::open_key(keys, &id, &old).map_err(unreadable)?;
            let new = secret.seal_key(keys, &id).map_err(unreadable)?;
            let digest = secret.digests(keys).map_err(unreadable)?.into_iter().next();
            Entity::update_many()
                .col_expr(Column::SealedKey, Expr::value(Some(new)))
                .col_expr(Column::KeyDigest, Expr::value(digest))
                .filter(Column::SavedCardId.eq(id.as_str()))
                // One that was deleted meanwhile stays deleted.
                .filter(Column::SealedKey.eq(old))
                .exec(self.connection())
                .await?;
        }
        Ok(found)
    }
}

impl Writer {
    /// Keeps the key of a card that waits for its registration. Digest and card are the key: the same key again is
    /// kept already.
    pub async fn register_saved_card(&self, registered: &RegisteredCard) -> Result<Kept, StoreError> {
        let RegisteredCard { saved_card_id, issued, at } = registered;
        let transaction = self.begin().await?;
        let row = locked(&transaction, saved_card_id).await?;
        if row.key_digest.as_ref() == Some(&issued.key_digest) {
            return Ok(Kept::Active);
        }
        if row.status != SavedCardStatus::Registering.as_str() {
            return Ok(Kept::Superseded);
        }
        let mut row = row.into_active_model();
        row.status = Set(SavedCardStatus::Active.as_str().to_owned());
        row.sealed_key = Set(Some(issued.sealed_key.clone()));
        row.key_digest = Set(Some(issued.key_digest.clone()));
        row.issuer = Set(issued.face.issuer.clone());
        row.card_number = Set(issued.face.number.clone());
        row.card_type = Set(issued.face.card_type.clone());
        row.registered_at = Set(Some(to_column_time(*at)));
        let row = row.update(&transaction).await?;
        append_saved_card(&transaction, &row, EventType::SavedCardRegistered, *at).await?;
        transaction.commit().await?;
        Ok(Kept::Active)
    }

    /// Writes that a card is charged no more, and forgets its key; but no other key than the one that was revoked. A
    /// card that is deleted stays as it is. The world is told of cards that could be charged.
    pub async fn delete_saved_card(&self, deleted: &DeletedCard) -> Result<Forgotten, StoreError> {
        let DeletedCard { saved_card_id, by, revoked, at } = deleted;
        let transaction = self.begin().await?;
        let row = locked(&transaction, saved_card_id).await?;
        if row.status == SavedCardStatus::Deleted.as_str() {
            return Ok(Forgotten::Done);
        }
        if row.key_digest.is_some() && row.key_digest != *revoked {
            return Ok(Forgotten::OtherKey);
        }
        let was_active = row.status == SavedCardStatus::Active.as_str();
        let mut row = row.into_active_model();
        row.status = Set(SavedCardStatus::Deleted.as_str().to_owned());
        row.sealed_key = Set(None);
        row.key_digest = Set(None);
        row.deleted_at = Set(Some(to_column_time(*at)));
        row.deleted_by = Set(Some(by.as_str().to_owned()));
        let row = row.update(&transaction).await?;
        if was_active {
            append_saved_card(&transaction, &row, EventType::SavedCardDeleted, *at).await?;
        }
        transaction.commit().await?;
        Ok(Forgotten::Done)
    }
}

async fn locked(transaction: &Transaction, id: &SavedCardId) -> Result<Model, StoreError> {
    let row = Entity::find_by_id(id.as_str()).lock_exclusive().one(transaction).await?;
    row.ok_or_else(|| corrupt("no saved card of the id", id))
}
