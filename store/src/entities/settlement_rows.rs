//! Rows of the PSP's settlements.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "settlement_rows")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub transaction_key: String,
    pub payment_key: String,
    pub order_name: String,
    pub kind: String,
    pub currency: String,
    pub amount: i64,
    pub pay_out: i64,
    pub supply: i64,
    pub vat: i64,
    pub sold_on: String,
    pub paid_out_on: String,
    pub approved_at: Option<DateTimeUtc>,
    pub method: Option<String>,
    pub merchant_id: Option<String>,
    pub received: String,
    pub digest: String,
    pub received_at: DateTimeUtc,
    pub counter: Option<String>,
    pub entry_id: Option<String>,
    pub booked_at: Option<DateTimeUtc>,
    pub exchange_currency: Option<String>,
    pub exchange_amount: Option<i64>,
    pub exchange_pay_out: Option<i64>,
    pub exchange_supply: Option<i64>,
    pub exchange_vat: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
