//! Purchases that were confirmed, or reported as delivered.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "purchase_confirmations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub payment_order_id: String,
    pub checkout_id: String,
    pub confirmed_at: Option<DateTimeUtc>,
    pub delivered_at: Option<DateTimeUtc>,
    pub due_at: DateTimeUtc,
    pub recorded_by: String,
    pub recorded_at: DateTimeUtc,
    pub adopted_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
