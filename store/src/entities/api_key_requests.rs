//! API keys that administrators ask for at the console.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_key_requests")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub request_id: String,
    pub api_key_id: String,
    pub name: String,
    pub scope: String,
    pub seller_account: Option<String>,
    pub refund_limit: Option<i64>,
    pub refund_currency: Option<String>,
    pub lifetime_ms: Option<i64>,
    pub replaces: Option<String>,
    pub overlap_ms: Option<i64>,
    pub reason: String,
    pub requested_by: String,
    pub requested_at: DateTimeUtc,
    pub request_mac: String,
    pub decision: Option<String>,
    pub decided_by: Option<String>,
    pub decided_at: Option<DateTimeUtc>,
    pub decision_mac: Option<String>,
    pub shown_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
