//! `GET /v1/payments`: the checkouts, newest first.

use std::sync::Arc;

use axum::{Json, extract::State};
use store::{CheckoutFilter, CheckoutPosition, CheckoutRecord};

use crate::{
    Api,
    http::{
        caller::ReadCaller,
        forms::Border,
        paging::{ListBody, Paging, window},
        parameters::Parameters,
        problem::Problem,
        table::parameters,
    },
    openapi::shapes::{BuyerName, SellerName, StatusName},
    routes::shapes::CheckoutBody,
};

parameters! {
    /// Which checkouts.
    pub(crate) struct ChosenCheckouts {
        status: StatusName,
        /// With a payment order of this seller.
        seller_account: SellerName,
        buyer_id: BuyerName,
        /// The first instant that counts, RFC 3339.
        created_from: Border,
        /// The first instant that does not, RFC 3339.
        created_to: Border,
    }
}

/// List checkouts
///
/// Newest first.
#[utoipa::path(
    get,
    path = "",
    operation_id = "list_checkouts",
    tag = "Payments",
    security(("bearer" = ["read"])),
    params(ChosenCheckouts, Paging),
    responses((status = 200, description = "A page", body = ListBody<CheckoutBody>))
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    caller: ReadCaller,
    parameters: Parameters,
) -> Result<Json<ListBody<CheckoutBody>>, Problem> {
    let page = api.service.reader.checkouts(&chosen(&parameters)?, &window(&parameters)?).await?;
    Ok(Json(ListBody::new(&page, position, |record| CheckoutBody::for_scopes(caller.scopes, record, &api))))
}

fn chosen(parameters: &Parameters) -> Result<CheckoutFilter, Problem> {
    let ChosenCheckouts { status, seller_account, buyer_id, created_from, created_to } =
        ChosenCheckouts::of(parameters)?;
    Ok(CheckoutFilter {
        status,
        seller: seller_account,
        buyer: buyer_id,
        created_from,
        created_to,
        ..CheckoutFilter::default()
    })
}

fn position(record: &CheckoutRecord) -> CheckoutPosition {
    CheckoutPosition { created_at: record.created_at, checkout_id: record.checkout_id.clone() }
}
