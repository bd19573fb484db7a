//! Sellers: what the marketplace says of them.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sellers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub seller_account: String,
    pub version: i32,
    pub details_version: i32,
    pub name: Option<String>,
    pub business_type: Option<String>,
    pub details: Option<String>,
    pub email_masked: Option<String>,
    pub account_masked: Option<String>,
    pub account: i32,
    pub account_changed_at: Option<DateTimeUtc>,
    pub account_by: Option<String>,
    pub cycle: Option<String>,
    pub days: String,
    pub lag_business_days: i32,
    pub holiday: String,
    pub minimum_payout: i64,
    pub metadata: String,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
