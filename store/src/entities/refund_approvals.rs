//! Refunds that wait for a second principal, and what became of them.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refund_approvals")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub refund_id: String,
    pub checkout_id: String,
    pub fingerprint: String,
    pub amount: i64,
    pub currency: String,
    pub requested_by: String,
    pub requested_at: DateTimeUtc,
    pub key_name: String,
    pub sealed: Vec<u8>,
    pub decision: Option<String>,
    pub decided_by: Option<String>,
    pub decided_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
