//! What runs found.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reconciliation_findings")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub run_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub break_id: String,
    pub layer: String,
    pub break_type: String,
    pub class: String,
    pub subject: String,
    pub day: String,
    pub currency: String,
    pub ours: Option<i64>,
    pub theirs: Option<i64>,
    pub suspense: Option<i64>,
    pub checkout_id: Option<String>,
    pub workflow_id: Option<String>,
    pub evidence_ours: String,
    pub evidence_theirs: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
