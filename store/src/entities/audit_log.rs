//! The audit log; append only.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_log")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub sequence: i64,
    pub occurred_at: DateTimeUtc,
    pub actor_kind: String,
    pub actor: String,
    pub action: String,
    pub object: String,
    pub result: String,
    pub address: Option<String>,
    pub request_id: Option<String>,
    pub line_id: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
