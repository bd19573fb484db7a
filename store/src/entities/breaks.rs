//! Breaks of reconciliations.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "breaks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub break_id: String,
    pub layer: String,
    pub break_type: String,
    pub class: String,
    pub subject: String,
    pub status: String,
    pub day: String,
    pub currency: String,
    pub ours: Option<i64>,
    pub theirs: Option<i64>,
    pub suspense: i64,
    pub checkout_id: Option<String>,
    pub workflow_id: Option<String>,
    pub evidence_ours: String,
    pub evidence_theirs: String,
    pub digest: String,
    pub assignee: Option<String>,
    pub wait_until: Option<String>,
    pub proposed_by: Option<String>,
    pub proposed_template: Option<String>,
    pub reason_code: Option<String>,
    pub resolved_by: Option<String>,
    pub resolved_template: Option<String>,
    pub entry_id: Option<String>,
    pub opened_at: DateTimeUtc,
    pub last_seen_at: DateTimeUtc,
    pub last_seen_run: String,
    pub resolved_at: Option<DateTimeUtc>,
    pub version: i32,
    pub escalation: i32,
    pub escalated_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
