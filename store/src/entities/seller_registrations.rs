//! Registrations of sellers at the PSP.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "seller_registrations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub seller_account: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i32,
    pub ref_seller_id: String,
    pub psp_seller_id: Option<String>,
    pub business_type: String,
    pub approval: Option<String>,
    pub sent_version: i32,
    pub verified_account: i32,
    pub refused_account: i32,
    pub returned_account: i32,
    pub failure_code: Option<String>,
    pub begun_at: DateTimeUtc,
    pub registered_at: Option<DateTimeUtc>,
    pub checked_at: Option<DateTimeUtc>,
    pub deleted_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
