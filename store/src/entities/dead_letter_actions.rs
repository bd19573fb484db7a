//! What people did about dead letters; append only.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "dead_letter_actions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub letter_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i32,
    pub action: String,
    pub actor: String,
    pub reason: String,
    pub outcome: Option<String>,
    pub acted_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
