//! A marketplace reports that a buyer confirmed a purchase, or that it was delivered.

use domain::{Timestamp, calendar::PurchaseReport, checkout::Status, id::PaymentOrderId};
use store::{PurchaseRecord, ReportedPurchase, StoreError};

use crate::{Caller, Service, checkout::Named, now};

/// By how much the marketplace's clock may be ahead of ours, in milliseconds.
const CLOCK_SKEW_MS: u64 = 5 * 60 * 1_000;

/// Why a report is not taken.
#[derive(Debug, thiserror::Error)]
pub enum PurchaseError {
    /// The checkout is not paid.
    #[error("The checkout is {0}, so there is no purchase to confirm.")]
    NotPaid(Status),
    /// The delivery lies ahead.
    #[error("A delivery that lies ahead cannot be reported.")]
    NotYet,
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes a report about a checkout or one of its orders: a delivery, or else the buyer's confirmation, now. Reported
/// again, the first report stays.
pub async fn report(
    service: &Service,
    caller: &Caller,
    named: Named,
    delivered_at: Option<Timestamp>,
) -> Result<Vec<PurchaseRecord>, PurchaseError> {
    let (record, orders): (_, Vec<PaymentOrderId>) = match named {
        Named::Checkout(record) => {
            let orders = record.orders.iter().map(|order| order.order.id.clone()).collect();
            (record, orders)
        }
        Named::Order { record, order } => (record, vec![order]),
    };
    match record.status {
        Status::Success | Status::PartiallyRefunded | Status::Refunded => {}
        status @ (Status::NotStarted
        | Status::Executing
        | Status::Unknown
        | Status::WaitingForDeposit
        | Status::Failed
        | Status::Expired
        | Status::Canceled
        | Status::Stuck) => return Err(PurchaseError::NotPaid(status)),
    }
    let now = now();
    if delivered_at.is_some_and(|at| at > now.plus_ms(CLOCK_SKEW_MS)) {
        return Err(PurchaseError::NotYet);
    }
    let report = delivered_at.map_or(PurchaseReport::Confirmed(now), PurchaseReport::Delivered);
    let reported = ReportedPurchase {
        checkout_id: &record.checkout_id,
        orders: &orders,
        report,
        due_at: service.settings.release_rule.reported_release(report),
        recorded_by: &caller.principal.clone(),
    };
    Ok(service.journal.report_purchase(reported).await?)
}
