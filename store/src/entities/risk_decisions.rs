//! What was decided about the risk of each attempt to pay, by rules or by a person; append only.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "risk_decisions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub checkout_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub attempt: i32,
    #[sea_orm(primary_key, auto_increment = false)]
    pub decided_by: String,
    pub verdict: String,
    pub reasons: String,
    pub buyer_id: String,
    pub card: Option<String>,
    pub amount: i64,
    pub currency: String,
    pub decided_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
