//! Sales that were paid like cash, for which a cash receipt may be due.

use domain::{Money, Timestamp, checkout::Status, id::CheckoutId};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::{
    Reader, StoreError,
    convert::{
        corrupt, from_column_amount, from_column_currency, from_column_status, from_column_time, to_column_time,
    },
    entities::payment_events::{Column, Entity, Model},
};

/// How the PSP calls the methods that count as cash: virtual account and transfer, in Korean and in English.
const CASH_LIKE: [&str; 4] = ["가상계좌", "계좌이체", "Virtual account", "Transfer"];

/// A sale that was paid like cash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CashLikeSale {
    pub checkout_id: CheckoutId,
    pub amount: Money,
    pub status: Status,
    /// The PSP's word for the method.
    pub method: String,
    pub paid_at: Timestamp,
}

impl Reader {
    /// Sales that were paid like cash from one instant until another and not given back in full; the oldest first, at
    /// most `limit`.
    pub async fn cash_like_sales(
        &self,
        from: Timestamp,
        to: Timestamp,
        limit: u64,
    ) -> Result<Vec<CashLikeSale>, StoreError> {
        let rows = Entity::find()
            .filter(Column::IsPaymentDone.eq(true))
            .filter(Column::Status.ne(Status::Refunded.as_str()))
            .filter(Column::PspMethod.is_in(CASH_LIKE))
            .filter(Column::PspApprovedAt.gte(to_column_time(from)))
            .filter(Column::PspApprovedAt.lt(to_column_time(to)))
            .order_by_asc(Column::PspApprovedAt)
            .order_by_asc(Column::CheckoutId)
            .limit(limit)
            .all(self.connection())
            .await?;
        rows.into_iter().map(sale).collect()
    }
}

fn sale(row: Model) -> Result<CashLikeSale, StoreError> {
    let paid_at = row.psp_approved_at.ok_or_else(|| corrupt("no time of a payment", &row.checkout_id))?;
    Ok(CashLikeSale {
        amount: from_column_amount(row.amount, from_column_currency(&row.currency)?)?,
        status: from_column_status(&row.status)?,
        method: row.psp_method.unwrap_or_default(),
        paid_at: from_column_time(paid_at),
        checkout_id: CheckoutId::parse(row.checkout_id).map_err(|error| corrupt("an id", error))?,
    })
}
