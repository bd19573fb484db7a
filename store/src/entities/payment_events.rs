//! Checkouts.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payment_events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub checkout_id: String,
    pub workflow_id: String,
    pub order_name: String,
    pub buyer_id: String,
    pub amount: i64,
    pub currency: String,
    pub status: String,
    pub revision: i32,
    pub is_payment_done: bool,
    pub payment_key: Option<String>,
    pub psp_method: Option<String>,
    pub psp_approved_at: Option<DateTimeUtc>,
    pub psp_receipt_url: Option<String>,
    pub approval_number: Option<String>,
    pub cash_receipt_number: Option<String>,
    pub failure_code: Option<String>,
    pub failure_message: Option<String>,
    pub failure_retryable: bool,
    pub failure_retry_at: Option<DateTimeUtc>,
    pub account_bank: Option<String>,
    pub account_number: Option<String>,
    pub account_due_at: Option<DateTimeUtc>,
    pub account_holder: Option<String>,
    pub success_url: Option<String>,
    pub fail_url: Option<String>,
    pub metadata: Option<String>,
    pub created_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub confirm_token_hash: Option<String>,
    pub saved_card_id: Option<String>,
    pub use_escrow: bool,
    pub receipt_preset: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
