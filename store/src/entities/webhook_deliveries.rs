//! Attempts to deliver an event to an endpoint; written once.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_deliveries")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub number: i64,
    pub endpoint_id: String,
    pub position: Option<i64>,
    pub event_id: String,
    pub event_type: String,
    pub object: String,
    pub attempt: i32,
    pub attempted_at: DateTimeUtc,
    pub latency_ms: i32,
    pub http_status: Option<i32>,
    pub outcome: String,
    pub status: String,
    pub answer: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
