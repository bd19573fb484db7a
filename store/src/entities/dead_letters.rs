//! Failed steps that need or needed an operator.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "dead_letters")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub letter_id: String,
    pub workflow_id: String,
    pub run_id: String,
    pub workflow_type: String,
    pub checkout_id: Option<String>,
    pub step: String,
    pub code: String,
    pub message: String,
    pub input: String,
    pub awaits: String,
    pub outcomes: String,
    pub status: String,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub proposed_by: Option<String>,
    pub proposed_outcome: Option<String>,
    pub proposed_reason: Option<String>,
    pub proposed_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
