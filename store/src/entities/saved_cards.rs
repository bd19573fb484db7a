//! Saved cards.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "saved_cards")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub saved_card_id: String,
    pub buyer_id: String,
    pub created_by: String,
    pub fingerprint: String,
    pub return_url: Option<String>,
    pub status: String,
    pub sealed_key: Option<String>,
    pub key_digest: Option<String>,
    pub issuer: Option<String>,
    pub card_number: Option<String>,
    pub card_type: Option<String>,
    pub created_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    pub registered_at: Option<DateTimeUtc>,
    pub deleted_at: Option<DateTimeUtc>,
    pub deleted_by: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
