//! Wallets: balances folded from postings, moved in the same transaction.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "wallets")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub seller_account: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub currency: String,
    pub pending: i64,
    pub available: i64,
    pub held: i64,
    pub in_transit: i64,
    pub paid_out: i64,
    pub debt: i64,
    pub updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
