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
    callers::ReadCaller,
    paging::{ListBody, PAGING, window},
    parameters::Parameters,
    problem::Problem,
    shapes::CheckoutBody,
};

/// The parameters that choose among checkouts.
const CHOICE: [&str; 5] = ["status", "seller_account", "buyer_id", "created_from", "created_to"];

/// `GET /v1/payments?status=&seller_account=&buyer_id=&created_from=&created_to=`. `created_from` is the first
/// instant that counts, `created_to` the first that does not.
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    caller: ReadCaller,
    parameters: Parameters,
) -> Result<Json<ListBody<CheckoutBody>>, Problem> {
    parameters.refuse_others(&[&PAGING[..], &CHOICE].concat())?;
    let page = api.reader.checkouts(&chosen(&parameters)?, &window(&parameters)?).await?;
    Ok(Json(ListBody::new(&page, position, |record| CheckoutBody::for_scope(caller.scope, record, &api))))
}

fn chosen(parameters: &Parameters) -> Result<CheckoutFilter, Problem> {
    Ok(CheckoutFilter {
        status: parameters.read("status", |text| Status::parse(text).ok_or("is no status of a checkout"))?,
        seller: parameters.read("seller_account", SellerAccount::parse)?,
        buyer: parameters.read("buyer_id", BuyerId::parse)?,
        created_from: parameters.border("created_from")?,
        created_to: parameters.border("created_to")?,
    })
}

fn position(record: &CheckoutRecord) -> CheckoutPosition {
    CheckoutPosition { created_at: record.created_at, checkout_id: record.checkout_id.clone() }
}
