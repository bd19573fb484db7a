//! What principals hold back of sellers.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "seller_holds")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub hold_id: String,
    pub seller_account: String,
    pub amount: Option<i64>,
    pub currency: Option<String>,
    pub reason: String,
    pub expires_at: Option<DateTimeUtc>,
    pub placed_by: String,
    pub placed_at: DateTimeUtc,
    pub lifted_by: Option<String>,
    pub lifted_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
