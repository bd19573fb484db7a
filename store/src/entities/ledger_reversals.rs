//! Reversals of entries: who asked for each, who approved it, and who undid it.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ledger_reversals")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub entry_key: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i32,
    pub digest: String,
    pub reason: String,
    pub proposed_by: String,
    pub proposed_at: DateTimeUtc,
    pub decision: Option<String>,
    pub decided_by: Option<String>,
    pub decided_at: Option<DateTimeUtc>,
    pub decision_reason: Option<String>,
    pub undone_by: Option<String>,
    pub undone_at: Option<DateTimeUtc>,
    pub undo_reason: Option<String>,
    pub undo_entry: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
