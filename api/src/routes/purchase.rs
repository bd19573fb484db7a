//! `POST /v1/payments/{id}/confirm-purchase`: the buyer confirmed the purchase, or it was delivered.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use serde::Serialize;
use serde_json::{Value, json};
use service::checkout::{Named, find};
use store::PurchaseRecord;

use crate::{
    Api,
    http::{
        body::OptionalJsonBody, caller::CheckoutCaller, fields::FieldErrors, forms::Moment, marks::is_about,
        parameters::Parameters, problem::Problem, table::body, values::rfc3339,
    },
    openapi::{
        refusals::refusals,
        shapes::{Instant, PaymentOrderName},
    },
    routes::payment_order::{ChosenKind, kind},
};

refusals! { ReportRefusals: AmbiguousId, CheckoutNotFound, NotPaid, ValidationFailed; }

body! {
    /// What is reported of a purchase.
    pub(crate) struct ReportBody as "PurchaseReport" with example delivery {
        /// When the purchase was delivered, RFC 3339. Without it, the buyer has confirmed the purchase now.
        delivered_at: optional Moment,
    }
}

/// What was reported of an order.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ReportedOrder)]
struct ReportedBody {
    #[schema(value_type = PaymentOrderName)]
    payment_order_id: String,
    #[schema(value_type = Option<Instant>)]
    confirmed_at: Option<String>,
    #[schema(value_type = Option<Instant>)]
    delivered_at: Option<String>,
    /// When the seller's earnings are released: by the date that the order has, or by this report where it has none.
    #[schema(value_type = Instant)]
    releases_at: String,
}

/// What was reported of a purchase.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ReportedPurchase)]
pub(crate) struct ReportedPurchaseBody {
    payment_orders: Vec<ReportedBody>,
}

/// Confirm a purchase
///
/// The buyer confirmed the purchase, or, with `delivered_at`, it was delivered. With the setting `release_not_by_card =
/// "after_confirmation"`, the earnings of a payment into a virtual account or by a bank transfer are released by this:
/// at once after a confirmation, and when three business days have passed after a delivery. Reported again, the first
/// report stays.
#[utoipa::path(
    post,
    path = "/{id}/confirm-purchase",
    operation_id = "confirm_purchase",
    tag = "Payments",
    security(("bearer" = ["checkout"])),
    params(("id" = PaymentOrderName, Path, description = "The checkout, or the payment order"), ChosenKind),
    request_body = Option<ReportBody>,
    responses((status = 200, description = "It is written", body = ReportedPurchaseBody), ReportRefusals)
)]
pub(crate) async fn report(
    State(api): State<Arc<Api>>,
    caller: CheckoutCaller,
    Path(id): Path<String>,
    parameters: Parameters,
    body: Result<OptionalJsonBody, Problem>,
) -> Result<Json<ReportedPurchaseBody>, Problem> {
    let kind = kind(&parameters)?;
    let (body, mut errors) = (body?, FieldErrors::default());
    let ReportBody { delivered_at } = ReportBody::read(&body.fields(), &mut errors);
    errors.finish(Some(()))?;
    let named = find(&api.service, &id, kind).await?;
    let (Named::Checkout(record) | Named::Order { record, .. }) = &named;
    is_about(&record.checkout_id);
    let reported = service::purchase::report(&api.service, &caller.caller(), named, delivered_at).await?;
    Ok(Json(ReportedPurchaseBody { payment_orders: reported.iter().map(ReportedBody::new).collect() }))
}

impl ReportedBody {
    fn new(record: &PurchaseRecord) -> Self {
        Self {
            payment_order_id: record.payment_order_id.to_string(),
            confirmed_at: record.confirmed_at.map(rfc3339),
            delivered_at: record.delivered_at.map(rfc3339),
            releases_at: rfc3339(record.releases_at),
        }
    }
}

fn delivery() -> Value {
    json!({ "delivered_at": "2026-11-27T14:00:00+09:00" })
}
