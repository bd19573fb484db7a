//! Cash receipts that the marketplace asks for after the payment, and what is taken back of them.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "cash_receipt_requests")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub request_id: String,
    pub checkout_id: String,
    pub entry: String,
    pub purpose: Option<String>,
    pub sealed_number: Option<String>,
    pub amount: Option<i64>,
    pub tax_free_amount: Option<i64>,
    pub currency: String,
    pub status: String,
    pub receipt_key: Option<String>,
    pub attempt: i32,
    pub failure_code: Option<String>,
    pub failure_message: Option<String>,
    pub requested_by: Option<String>,
    pub requested_at: DateTimeUtc,
    pub try_at: DateTimeUtc,
    pub sent_at: Option<DateTimeUtc>,
    pub settled_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
