//! Transfers of files.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payout_transfers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub ref_payout_id: String,
    pub payout_id: String,
    pub run_id: String,
    pub number: i32,
    pub reference: String,
    pub amount: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
