//! Payout runs.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payout_runs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub run_id: String,
    pub run_date: String,
    pub status: String,
    pub digest: String,
    pub total: i64,
    pub payout_count: i32,
    pub carried_over: String,
    pub frozen_by: String,
    pub frozen_at: DateTimeUtc,
    pub decided_by: Option<String>,
    pub decided_at: Option<DateTimeUtc>,
    pub decision_reason: Option<String>,
    pub completed_at: Option<DateTimeUtc>,
    pub version: i32,
    pub approvals_needed: i32,
    pub first_approval_by: Option<String>,
    pub first_approval_at: Option<DateTimeUtc>,
    pub first_approval_digest: Option<String>,
    pub freezes_after: Option<String>,
    pub kind: String,
    pub paid_by: String,
    pub digest_scheme: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
