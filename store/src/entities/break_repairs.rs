//! What rules did about breaks.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "break_repairs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub break_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub rule: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject: String,
    pub rule_version: i32,
    pub amount: i64,
    pub currency: String,
    pub day: String,
    pub run_id: String,
    pub done_at: DateTimeUtc,
    pub undone_at: Option<DateTimeUtc>,
    pub undone_by: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
