//! Webhook endpoints, each a cursor on the event log.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_endpoints")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub endpoint_id: String,
    pub url: String,
    pub types: Option<String>,
    pub description: String,
    pub secret: String,
    pub previous_secret: Option<String>,
    pub previous_until: Option<DateTimeUtc>,
    pub status: String,
    pub disabled_reason: Option<String>,
    pub position: i64,
    pub replay_until: Option<i64>,
    pub resume_at: Option<i64>,
    pub failing_since: Option<DateTimeUtc>,
    pub paused_until: Option<DateTimeUtc>,
    pub generation: i32,
    pub carrier: i32,
    pub version: i32,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
