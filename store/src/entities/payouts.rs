//! Payouts.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payouts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub payout_id: String,
    pub run_id: String,
    pub seller_account: String,
    pub period: String,
    pub amount: i64,
    pub status: String,
    pub destination: String,
    pub attempt: i32,
    pub ref_payout_id: String,
    pub batch: Option<i32>,
    pub pays_on: Option<String>,
    pub psp_payout_id: Option<String>,
    pub failure_code: Option<String>,
    pub failure_message: Option<String>,
    pub is_void: bool,
    pub frozen_at: DateTimeUtc,
    pub sent_at: Option<DateTimeUtc>,
    pub ended_at: Option<DateTimeUtc>,
    pub version: i32,
    pub kind: String,
    pub received_at: Option<DateTimeUtc>,
    pub bank_line: Option<String>,
    pub paid_by: String,
    pub answer: Option<String>,
    pub answered_by: Option<String>,
    pub answered_at: Option<DateTimeUtc>,
    pub answer_reason: Option<String>,
    pub confirmed_by: Option<String>,
    pub return_line: Option<String>,
    pub part: Option<i32>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
