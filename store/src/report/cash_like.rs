//! Sales that were paid like cash, with their cash receipts.

use domain::{
    Money, Timestamp,
    cash_receipt::{CASH_LIKE_METHODS, ReceiptStanding},
    checkout::Status,
    id::CheckoutId,
};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Query};

use crate::{
    CashReceipts, Reader, StoreError,
    convert::{
        corrupt, from_column_amount, from_column_currency, from_column_status, from_column_time, to_column_time,
    },
    entities::{
        cash_receipt_watches as watches,
        payment_events::{Column, Entity, Model},
    },
};

/// A sale that was paid like cash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CashLikeSale {
    pub checkout_id: CheckoutId,
    pub amount: Money,
    pub status: Status,
    /// The PSP's word for the method.
    pub method: String,
    pub paid_at: Timestamp,
    /// What the PSP said of its receipts.
    pub receipts: CashReceipts,
}

impl Reader {
    /// Sales that were paid like cash from one instant until another; the oldest first, at most `limit`. Of those that
    /// were given back in full, the ones whose receipts are wrong.
    pub async fn cash_like_sales(
        &self,
        from: Timestamp,
        to: Timestamp,
        limit: u64,
    ) -> Result<Vec<CashLikeSale>, StoreError> {
        let wrong = ReceiptStanding::ALL.into_iter().filter(|standing| standing.is_wrong());
        let wrong = Query::select()
            .column(watches::Column::CheckoutId)
            .from(watches::Entity)
            .and_where(watches::Column::Standing.is_in(wrong.map(ReceiptStanding::as_str)))
            .take();
        let rows = Entity::find()
            .filter(Column::IsPaymentDone.eq(true))
            .filter(
                Condition::any()
                    .add(Column::PspMethod.is_in(CASH_LIKE_METHODS))
                    .add(Column::CashReceiptNumber.is_not_null()),
            )
            .filter(
                Condition::any()
                    .add(Column::Status.ne(Status::Refunded.as_str()))
                    .add(Column::CheckoutId.in_subquery(wrong)),
            )
            .filter(Column::PspApprovedAt.gte(to_column_time(from)))
            .filter(Column::PspApprovedAt.lt(to_column_time(to)))
            .order_by_asc(Column::PspApprovedAt)
            .order_by_asc(Column::CheckoutId)
            .limit(limit)
            .all(self.connection())
            .await?;
        let mut sales = rows.into_iter().map(sale).collect::<Result<Vec<_>, _>>()?;
        for portion in sales.chunks_mut(IDS_AT_ONCE) {
            let ids: Vec<CheckoutId> = portion.iter().map(|sale| sale.checkout_id.clone()).collect();
            let mut receipts = self.cash_receipts_of(&ids).await?;
            for sale in portion {
                sale.receipts = receipts.remove(sale.checkout_id.as_str()).unwrap_or_default();
            }
        }
        Ok(sales)
    }
}

/// How many ids stand in one statement.
const IDS_AT_ONCE: usize = 500;

fn sale(row: Model) -> Result<CashLikeSale, StoreError> {
    let paid_at = row.psp_approved_at.ok_or_else(|| corrupt("no time of a payment", &row.checkout_id))?;
    Ok(CashLikeSale {
        amount: from_column_amount(row.amount, from_column_currency(&row.currency)?)?,
        status: from_column_status(&row.status)?,
        method: row.psp_method.unwrap_or_default(),
        paid_at: from_column_time(paid_at),
        checkout_id: CheckoutId::parse(row.checkout_id).map_err(|error| corrupt("an id", error))?,
        receipts: CashReceipts::default(),
    })
}
