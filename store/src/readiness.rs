//! Whether the database takes a write, and whether its clock agrees with this machine's.

use chrono::Utc;
use sea_orm::{EntityTrait, sea_query::Expr};

use crate::{
    Journal, StoreError,
    convert::corrupt,
    entities::readiness_probe::{Column, Entity},
};

impl Journal {
    /// Writes, in a transaction like any other, and compares the clocks. It costs a flush to the disk: a cache stands
    /// before it.
    pub async fn probe(&self) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        let written =
            Entity::update_many().col_expr(Column::WrittenAt, Expr::value(Utc::now())).exec(&transaction).await?;
        if written.rows_affected != 1 {
            return Err(corrupt("a number of rows in readiness_probe", written.rows_affected));
        }
        let agreed = self.clock().time(&transaction).await;
        transaction.commit().await?;
        agreed.map(|_| ())
    }
}
