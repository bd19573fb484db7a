//! Buyers' personal details, sealed.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "buyer_details")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workflow_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub fingerprint: String,
    pub buyer_id: String,
    pub key_name: Option<String>,
    pub sealed: Option<Vec<u8>>,
    pub kept_at: DateTimeUtc,
    pub erased_at: Option<DateTimeUtc>,
    pub is_digested: bool,
    pub name_digest: Option<String>,
    pub email_digest: Option<String>,
    pub phone_digest: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
