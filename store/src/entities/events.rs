//! The event log: facts, and the position of each once it was given.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "events")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub append_id: i64,
    pub position: Option<i64>,
    #[sea_orm(column_name = "type")]
    pub event_type: String,
    pub object_id: String,
    pub version: i32,
    pub occurred_at: DateTimeUtc,
    pub recorded_at: DateTimeUtc,
    pub data: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
