//! Events that wait at an endpoint: for their next attempt, or for an earlier event of their object.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_retries")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub endpoint_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i64,
    pub event_id: String,
    pub event_type: String,
    pub object: String,
    pub attempts: i32,
    pub due_at: DateTimeUtc,
    pub woken: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
