//! The books: entries in one hash chain; append only.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ledger_entries")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub sequence: i64,
    pub entry_id: String,
    pub reason: String,
    pub checkout_id: Option<String>,
    pub reverses: Option<String>,
    pub occurred_at: DateTimeUtc,
    pub booked_at: DateTimeUtc,
    pub hash: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
