//! What the marketplace keeps of a seller's sales, from when on; append only.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "commission_rates")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub seller_account: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub effective_from: DateTimeUtc,
    pub basis_points: i32,
    pub set_at: DateTimeUtc,
    pub on_refund: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
