//! Payment orders: each seller's part of a checkout.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payment_orders")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub payment_order_id: String,
    pub checkout_id: String,
    pub line: i32,
    pub seller_account: String,
    pub amount: i64,
    pub currency: String,
    pub payment_order_status: String,
    pub wallet_updated: bool,
    pub ledger_updated: bool,
    pub refunded_amount: i64,
    pub tax_free_amount: i64,
    pub item_name: Option<String>,
    pub commission: i64,
    pub commission_vat: i64,
    pub commission_on_refund: String,
    pub unreleased: i64,
    pub releases_at: Option<DateTimeUtc>,
    pub deposit_seen_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
