//! Refunds.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refunds")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub refund_id: String,
    pub workflow_id: String,
    pub checkout_id: String,
    pub payment_order_id: Option<String>,
    pub api_key_id: String,
    pub fingerprint: String,
    pub amount: Option<i64>,
    pub currency: String,
    pub reason: String,
    pub status: String,
    pub failure_code: Option<String>,
    pub failure_message: Option<String>,
    pub transaction_key: Option<String>,
    pub requested_at: DateTimeUtc,
    pub executed_at: Option<DateTimeUtc>,
    pub updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
