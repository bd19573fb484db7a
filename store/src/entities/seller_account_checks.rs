//! What was said of sellers' bank accounts besides the PSP.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "seller_account_checks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub seller_account: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub account: i32,
    #[sea_orm(primary_key, auto_increment = false)]
    pub outcome: String,
    pub checked_by: String,
    pub reason: String,
    pub checked_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
