//! Cash receipts of payments, as the PSP reports them.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "cash_receipts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub receipt_key: String,
    pub checkout_id: String,
    pub entry: String,
    pub purpose: Option<String>,
    pub amount: i64,
    pub tax_free_amount: i64,
    pub currency: String,
    pub receipt_number: Option<String>,
    pub receipt_url: Option<String>,
    pub status: String,
    pub failure_code: Option<String>,
    pub failure_message: Option<String>,
    pub requested_at: Option<DateTimeUtc>,
    pub first_seen_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
