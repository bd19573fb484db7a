//! The statement of a purchase (거래명세서): what was bought of whom, its tax, what was given back, and the receipts.

use std::collections::HashMap;

use domain::{
    id::{CheckoutId, SellerAccount},
    purchase::PurchaseSums,
    refund::RefundStatus,
};
use store::{CashReceipts, CheckoutRecord, RefundRecord, StoreError};

use crate::Service;

/// What a statement is made of. Orders, refunds and sums are of one instant.
#[derive(Debug, Clone)]
pub struct PurchaseStatement {
    /// The checkout.
    pub record: CheckoutRecord,
    /// The refunds that gave money back, the oldest first.
    pub refunds: Vec<RefundRecord>,
    /// The sums.
    pub sums: PurchaseSums,
    /// The cash receipts, as the PSP told them last.
    pub receipts: CashReceipts,
    /// The names of the sellers, as far as they have any.
    pub sellers: HashMap<SellerAccount, String>,
}

/// Why there is no statement.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// There is no such checkout.
    #[error("No checkout has this id.")]
    NoCheckout,
    /// Nothing was bought.
    #[error("The checkout is {}, so there is no purchase to state.", .0.status)]
    NotPaid(Box<CheckoutRecord>),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The statement of a purchase as it stands.
pub async fn statement(service: &Service, checkout_id: &CheckoutId) -> Result<PurchaseStatement, StatementError> {
    let reader = &service.reader;
    let found = reader.checkout_and_refunds(checkout_id).await?;
    let (record, mut refunds) = found.ok_or(StatementError::NoCheckout)?;
    if !record.status.is_payment_done() {
        return Err(StatementError::NotPaid(Box::new(record)));
    }
    refunds.retain(|refund| refund.status == RefundStatus::Succeeded);
    refunds.sort_by_key(|refund| refund.executed_at);
    let sums = PurchaseSums::of(record.orders.iter().map(|line| (&line.order, line.refunded)));
    let sums = sums.ok_or_else(|| StoreError::Corrupt { what: "the sums of", value: checkout_id.to_string() })?;
    let receipts = reader.cash_receipts(checkout_id).await?;
    let sellers: Vec<SellerAccount> = record.orders.iter().map(|line| line.order.seller.clone()).collect();
    let sellers = reader.seller_display_names(&sellers).await?;
    Ok(PurchaseStatement { record, refunds, sums, receipts, sellers })
}
