//! `GET /v1/payments`: the checkouts, newest first.

use std::sync::Arc;

use axum::{Json, extract::State};
use domain::{
    checkout::Status,
    id::{BuyerId, SellerAccount},
};
use store::{CheckoutFilter, CheckoutPosition, CheckoutRecord};

use crate::{
    Api,
    http::{
        caller::ReadCaller,
        paging::{ListBody, window},
        parameters::Parameters,
        problem::Problem,
    },
    openapi::parameters::{ChosenCheckouts, Paging},
    routes::shapes::CheckoutBody,
};

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
    Ok(CheckoutFilter {
        status: parameters.read("status", |text| Status::parse(text).ok_or_else(no_status))?,
        seller: parameters.read("seller_account", SellerAccount::parse)?,
        buyer: parameters.read("buyer_id", BuyerId::parse)?,
        created_from: parameters.border("created_from")?,
        created_to: parameters.border("created_to")?,
    })
}

fn no_status() -> String {
    format!("is none of: {}", Status::ALL.map(Status::as_str).join(", "))
}

fn position(record: &CheckoutRecord) -> CheckoutPosition {
    CheckoutPosition { created_at: record.created_at, checkout_id: record.checkout_id.clone() }
}
