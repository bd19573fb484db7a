//! What happened to breaks.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "break_history")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub break_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i32,
    pub act: String,
    pub actor: String,
    pub reason: String,
    pub reason_code: Option<String>,
    pub detail: Option<String>,
    pub acted_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
