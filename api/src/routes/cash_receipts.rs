//! `GET /v1/payments/{id}/cash-receipts`: what Toss says of the cash receipts of a payment.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use domain::{
    cash_receipt::{CashReceipt, ReceiptPurpose, ReceiptStanding},
    id::CheckoutId,
};
use serde::Serialize;

use crate::{
    Api,
    http::{
        caller::ReadCaller,
        problem::Problem,
        values::{decimal, rfc3339},
    },
    openapi::{
        refusals::refusals,
        shapes::{
            Amount, Balance, CheckoutName, CurrencyCode, Instant, ReceiptEntryName, ReceiptPurposeName,
            ReceiptStandingName, ReceiptStatusName,
        },
    },
    routes::shapes::FailureBody,
};

refusals! { ReceiptRefusals: CheckoutNotFound; }

/// The cash receipts of a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = CashReceipts)]
pub(crate) struct ReceiptsBody {
    #[schema(value_type = CheckoutName)]
    checkout_id: String,
    /// Where the receipts stand together; null before Toss's first answer, and for a payment that was not paid like
    /// cash.
    #[schema(value_type = Option<ReceiptStandingName>)]
    standing: Option<&'static str>,
    /// When Toss was asked last.
    #[schema(value_type = Option<Instant>)]
    looked_at: Option<String>,
    receipts: Vec<ReceiptBody>,
}

/// A cash receipt, or the cancellation of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = CashReceipt)]
struct ReceiptBody {
    /// Toss's name of it.
    receipt_key: String,
    #[schema(value_type = ReceiptEntryName)]
    entry: &'static str,
    #[schema(value_type = Option<ReceiptPurposeName>)]
    purpose: Option<&'static str>,
    #[schema(value_type = Amount)]
    amount: String,
    /// The part of the amount without tax.
    #[schema(value_type = Balance)]
    tax_free_amount: String,
    #[schema(value_type = CurrencyCode)]
    currency: &'static str,
    #[schema(value_type = ReceiptStatusName)]
    status: &'static str,
    /// Its number at the tax office.
    number: Option<String>,
    receipt_url: Option<String>,
    /// Why the tax office refused it.
    failure: Option<FailureBody>,
    #[schema(value_type = Option<Instant>)]
    requested_at: Option<String>,
}

/// Read the cash receipts of a payment
///
/// Each receipt and each cancellation that Toss names, the oldest first. Toss issues a receipt with the payment, and
/// takes it back with a refund.
#[utoipa::path(
    get,
    path = "/{id}/cash-receipts",
    operation_id = "read_cash_receipts",
    tag = "Payments",
    security(("bearer" = ["read"])),
    params(("id" = CheckoutName, Path, description = "The checkout")),
    responses((status = 200, description = "The receipts", body = ReceiptsBody), ReceiptRefusals)
)]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    _: ReadCaller,
    Path(id): Path<String>,
) -> Result<Json<ReceiptsBody>, Problem> {
    let id = CheckoutId::parse(id).map_err(|_| Problem::no_checkout())?;
    api.service.reader.checkout(&id).await?.ok_or_else(Problem::no_checkout)?;
    let found = api.service.reader.cash_receipts(&id).await?;
    Ok(Json(ReceiptsBody {
        checkout_id: id.to_string(),
        standing: found.standing.map(ReceiptStanding::as_str),
        looked_at: found.looked_at.map(rfc3339),
        receipts: found.receipts.into_iter().map(ReceiptBody::new).collect(),
    }))
}

impl ReceiptBody {
    fn new(receipt: CashReceipt) -> Self {
        let (amount, currency) = decimal(receipt.amount);
        Self {
            entry: receipt.entry.as_str(),
            purpose: receipt.purpose.map(ReceiptPurpose::as_str),
            amount,
            tax_free_amount: decimal(receipt.tax_free).0,
            currency,
            status: receipt.status.as_str(),
            number: receipt.number,
            receipt_url: receipt.url,
            failure: receipt.failure.as_ref().map(|failure| FailureBody::new(failure, false)),
            requested_at: receipt.requested_at.map(rfc3339),
            receipt_key: receipt.key,
        }
    }
}
