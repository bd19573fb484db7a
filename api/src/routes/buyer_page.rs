//! The addresses of the buyer's pages. `web` makes the pages.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use axum::{
    Json,
    extract::{Path, Query, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use domain::id::{CheckoutId, SellerAccount};
use serde::Serialize;
use service::{
    buyer::{account_holder, kept},
    purchase_statement::{self, StatementError},
};
use store::{CashReceipts, CheckoutRecord, ConfirmToken};
use web::buyer::{self, NOT_STORED, Personal, Visit};

use crate::{
    Api,
    http::problem::{Code, Problem},
    openapi::{
        refusals::refusals,
        shapes::{CheckoutName, StatusName},
    },
};

refusals! {
    PageRefusals: DatabaseUnavailable;
    StandingRefusals: CheckoutNotFound, DatabaseUnavailable;
}

/// The payment page
///
/// What is to be paid, and the button that opens the payment window.
#[utoipa::path(
    get,
    path = "/checkout/{checkout_id}",
    operation_id = "show_payment_page",
    extensions(("x-open-query" = json!(true))),
    tag = "Buyer's pages",
    params(
        ("checkout_id" = CheckoutName, Path, description = "The checkout"),
        (
            "token" = Option<String>,
            Query,
            description = "The `confirm_token` of the checkout; without it the page shows the status alone",
        ),
    ),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 404, description = "There is no such checkout", body = String, content_type = "text/html"),
        PageRefusals,
    )
)]
pub(crate) async fn checkout(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    Query(parameters): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some(record) = find(&api, &id).await? else { return Ok(no_such_checkout(&headers)) };
    let token = token(&parameters);
    let sellers = sellers(&api, &record).await?;
    let visit = visit(&api, &record, token.as_ref(), &headers, &sellers);
    let details = if buyer::hands_over(visit) { kept(&api.service, &record).await? } else { None };
    let holder = account_holder(&api.service, &record);
    let is_paid = record.status.is_payment_done();
    let receipts =
        if is_paid { api.service.reader.cash_receipts(&record.checkout_id).await? } else { CashReceipts::default() };
    let cash_receipt = receipts.shown();
    let personal = Personal { holder: holder.as_deref(), cash_receipt, details: details.as_ref() };
    Ok(buyer::checkout(visit, personal))
}

/// The success page
///
/// The buyer is back from the window; the page confirms the payment.
#[utoipa::path(
    get,
    path = "/checkout/{checkout_id}/success",
    operation_id = "show_success_page",
    extensions(("x-open-query" = json!(true))),
    tag = "Buyer's pages",
    params(
        ("checkout_id" = CheckoutName, Path, description = "The checkout"),
        (
            "token" = Option<String>,
            Query,
            description = "The `confirm_token` of the checkout; without it the page shows the status alone",
        ),
    ),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 404, description = "There is no such checkout", body = String, content_type = "text/html"),
        PageRefusals,
    )
)]
pub(crate) async fn success(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    Query(parameters): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some(record) = find(&api, &id).await? else { return Ok(no_such_checkout(&headers)) };
    let token = token(&parameters);
    let sellers = sellers(&api, &record).await?;
    let visit = visit(&api, &record, token.as_ref(), &headers, &sellers);
    Ok(buyer::success(visit))
}

/// The failure page
///
/// The window closed without a payment, and why.
#[utoipa::path(
    get,
    path = "/checkout/{checkout_id}/fail",
    operation_id = "show_failure_page",
    extensions(("x-open-query" = json!(true))),
    tag = "Buyer's pages",
    params(
        ("checkout_id" = CheckoutName, Path, description = "The checkout"),
        ("code" = Option<String>, Query, description = "Why, in a code of the payment provider"),
        (
            "token" = Option<String>,
            Query,
            description = "The `confirm_token` of the checkout; without it the page shows the status alone",
        ),
    ),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 404, description = "There is no such checkout", body = String, content_type = "text/html"),
        PageRefusals,
    )
)]
pub(crate) async fn fail(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    Query(parameters): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some(record) = find(&api, &id).await? else { return Ok(no_such_checkout(&headers)) };
    let token = token(&parameters);
    let sellers = sellers(&api, &record).await?;
    let visit = visit(&api, &record, token.as_ref(), &headers, &sellers);
    Ok(buyer::fail(visit, parameters.get("code").map_or("", String::as_str)))
}

/// The statement of the purchase
///
/// What was bought of whom, its tax, what was given back, and the receipts. It prints. Before the payment, the page
/// shows the status.
#[utoipa::path(
    get,
    path = "/checkout/{checkout_id}/statement",
    operation_id = "show_purchase_statement",
    extensions(("x-open-query" = json!(true))),
    tag = "Buyer's pages",
    params(
        ("checkout_id" = CheckoutName, Path, description = "The checkout"),
        (
            "token" = Option<String>,
            Query,
            description = "The `confirm_token` of the checkout; without it the page shows the status alone",
        ),
    ),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 404, description = "There is no such checkout", body = String, content_type = "text/html"),
        PageRefusals,
    )
)]
pub(crate) async fn statement(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    Query(parameters): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Ok(id) = CheckoutId::parse(id) else { return Ok(no_such_checkout(&headers)) };
    let token = token(&parameters);
    match purchase_statement::statement(&api.service, &id).await {
        Ok(found) => {
            let visit = visit(&api, &found.record, token.as_ref(), &headers, &found.sellers);
            Ok(buyer::statement(visit, &found))
        }
        Err(StatementError::NotPaid(record)) => {
            Ok(buyer::no_statement(visit(&api, &record, token.as_ref(), &headers, &HashMap::new())))
        }
        Err(StatementError::NoCheckout) => Ok(no_such_checkout(&headers)),
        Err(error) => Err(error.into()),
    }
}

/// How far a checkout is
///
/// What a page of the buyer's asks to know whether it still shows the truth: whenever `revision` is another one, the
/// page has changed.
#[utoipa::path(
    get,
    path = "/checkout/{checkout_id}/status",
    operation_id = "watch_checkout",
    extensions(("x-open-query" = json!(true))),
    tag = "Buyer's pages",
    params(("checkout_id" = CheckoutName, Path, description = "The checkout")),
    responses((status = 200, description = "How far it is", body = StandingBody), StandingRefusals)
)]
pub(crate) async fn status(State(api): State<Arc<Api>>, Path(id): Path<String>) -> Result<Response, Problem> {
    let record = find(&api, &id).await?.ok_or_else(Problem::no_checkout)?;
    let standing = StandingBody { status: record.status.as_str(), revision: record.revision };
    Ok((NOT_STORED, Json(standing)).into_response())
}

/// How far a checkout is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Standing)]
struct StandingBody {
    #[schema(value_type = StatusName)]
    status: &'static str,
    /// How many changes were written since it was recorded.
    revision: u32,
}

async fn find(api: &Api, id: &str) -> Result<Option<CheckoutRecord>, Problem> {
    let Ok(id) = CheckoutId::parse(id) else { return Ok(None) };
    Ok(api.service.reader.checkout(&id).await?)
}

/// The confirmation token that an address brings along.
fn token(parameters: &BTreeMap<String, String>) -> Option<ConfirmToken> {
    parameters.get("token").map(ConfirmToken::sent)
}

fn visit<'a>(
    api: &'a Api,
    record: &'a CheckoutRecord,
    token: Option<&'a ConfirmToken>,
    headers: &'a HeaderMap,
    sellers: &'a HashMap<SellerAccount, String>,
) -> Visit<'a> {
    Visit { settings: &api.settings.buyer_pages, is_for_buyer: api.is_for_buyer, record, token, headers, sellers }
}

/// The names of the sellers of a checkout.
async fn sellers(api: &Api, record: &CheckoutRecord) -> Result<HashMap<SellerAccount, String>, Problem> {
    let accounts: Vec<SellerAccount> = record.orders.iter().map(|order| order.order.seller.clone()).collect();
    Ok(api.service.reader.seller_display_names(&accounts).await?)
}

fn no_such_checkout(headers: &HeaderMap) -> Response {
    (Code::CheckoutNotFound.status(), buyer::unknown(headers)).into_response()
}
