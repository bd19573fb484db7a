//! The payments that checkouts tried and that were declined; append only.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "declined_payments")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub checkout_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub payment_key: String,
    pub revision: i32,
    pub failure_code: Option<String>,
    pub failure_message: Option<String>,
    pub failure_retry_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
