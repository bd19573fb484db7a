//! Reading saved cards. No record holds the key of a card.

use domain::{
    Timestamp,
    id::{BuyerId, SavedCardId},
    principal::Principal,
    saved_card::{CardFace, DeletedBy, SavedCardStatus},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::{
    Reader, StoreError, Writer,
    convert::{corrupt, from_column_time},
    entities::saved_cards::{Column, Entity, Model},
};

/// The most cards that are listed of a buyer, the newest first.
const MAX_LISTED: u64 = 100;

/// A saved card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedCardRecord {
    pub saved_card_id: SavedCardId,
    pub buyer_id: BuyerId,
    /// The principal that asked for it.
    pub created_by: Principal,
    /// SHA-256 of the request in lower-case hex.
    pub fingerprint: String,
    /// Where the buyer is led after the registration.
    pub return_url: Option<String>,
    pub status: SavedCardStatus,
    /// What the PSP shows of the card.
    pub face: CardFace,
    pub created_at: Timestamp,
    /// Until when it can be registered.
    pub expires_at: Timestamp,
    pub registered_at: Option<Timestamp>,
    pub deleted_at: Option<Timestamp>,
    /// Where the deletion came from.
    pub deleted_by: Option<DeletedBy>,
}

/// The key of a card, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedCardKey {
    pub sealed: String,
    pub digest: String,
}

impl SavedCardRecord {
    /// Whether a buyer may register it.
    pub fn takes_registration(&self, now: Timestamp) -> bool {
        self.status == SavedCardStatus::Registering && now < self.expires_at
    }
}

impl Reader {
    /// A saved card.
    pub async fn saved_card(&self, id: &SavedCardId) -> Result<Option<SavedCardRecord>, StoreError> {
        Entity::find_by_id(id.as_str()).one(self.connection()).await?.map(record).transpose()
    }

    /// The saved cards of a buyer, the newest first; at most a hundred.
    pub async fn saved_cards_of(&self, buyer: &BuyerId) -> Result<Vec<SavedCardRecord>, StoreError> {
        let rows = Entity::find()
            .filter(Column::BuyerId.eq(buyer.as_str()))
            .order_by_desc(Column::CreatedAt)
            .order_by_asc(Column::SavedCardId)
            .limit(MAX_LISTED)
            .all(self.connection())
            .await?;
        rows.into_iter().map(record).collect()
    }

    /// The card whose key has one of some digests.
    pub async fn saved_card_of_key(&self, digests: &[String]) -> Result<Option<SavedCardId>, StoreError> {
        let found = Entity::find().filter(Column::KeyDigest.is_in(digests)).one(self.connection()).await?;
        found.map(|row| id(row.saved_card_id)).transpose()
    }
}

impl Writer {
    /// The key of a card that can be charged.
    pub async fn saved_card_key(&self, id: &SavedCardId) -> Result<Option<SealedCardKey>, StoreError> {
        let row = Entity::find_by_id(id.as_str()).one(self.connection()).await?;
        let keys = row.and_then(|row| row.sealed_key.zip(row.key_digest));
        Ok(keys.map(|(sealed, digest)| SealedCardKey { sealed, digest }))
    }
}

pub(super) fn record(row: Model) -> Result<SavedCardRecord, StoreError> {
    let deleted_by = row.deleted_by.as_deref();
    Ok(SavedCardRecord {
        saved_card_id: id(row.saved_card_id)?,
        buyer_id: BuyerId::parse(row.buyer_id).map_err(|error| corrupt("an id", error))?,
        created_by: Principal::parse(&row.created_by).map_err(|error| corrupt("a principal", error))?,
        fingerprint: row.fingerprint,
        return_url: row.return_url,
        status: SavedCardStatus::parse(&row.status)
            .ok_or_else(|| corrupt("the status of a saved card", &row.status))?,
        face: CardFace { issuer: row.issuer, number: row.card_number, card_type: row.card_type },
        created_at: from_column_time(row.created_at),
        expires_at: from_column_time(row.expires_at),
        registered_at: row.registered_at.map(from_column_time),
        deleted_at: row.deleted_at.map(from_column_time),
        deleted_by: deleted_by
            .map(|by| DeletedBy::parse(by).ok_or_else(|| corrupt("a deletion of a saved card", by)))
            .transpose()?,
    })
}

fn id(text: String) -> Result<SavedCardId, StoreError> {
    SavedCardId::parse(text).map_err(|error| corrupt("an id", error))
}
