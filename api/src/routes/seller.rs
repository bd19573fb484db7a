//! Sellers: who is paid, on which account, when, and whether a payout is allowed now.

mod bodies;
pub(crate) mod hold;
mod request;

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{id::SellerAccount, seller::AccountCheck};
use store::{Page, SellerFilter, SellerRecord, Window};

use crate::{
    Api,
    http::{
        body::JsonBody,
        caller::{FinanceCaller, WalletCaller},
        marks::Unchanged,
        paging::{ListBody, Paging, window},
        parameters::Parameters,
        problem::{Code, Problem},
        reading::Reading,
        table::parameters,
    },
    openapi::{refusals::refusals, shapes::SellerName},
};

use bodies::{PayoutStatusName, RevealedBody, SellerBody, SignInLinkBody};
use request::{NewSellerBody, RevealBody, VerifyBody, read_new, read_reason, read_verified};

refusals! {
    FindRefusals: SellerNotFound;
    PutRefusals: EncryptionKeysMissing, SellerNotFound, TemporalUnavailable, ValidationFailed;
    RevealRefusals: EncryptionKeysMissing, SellerNotFound, ValidationFailed;
    VerifyRefusals:
        AccountNotVerifiable, FourEyes, RequestInProgress, SellerNotFound, TemporalUnavailable, ValidationFailed;
}

parameters! {
    /// Which sellers.
    pub(crate) struct ChosenSellers {
        payout_status: PayoutStatusName,
    }
}

/// Create or change a seller
///
/// The body is the whole of what the marketplace says of the seller. The payment provider is told by itself, and
/// `payout_status` says how far the seller is. To send the same again changes nothing, unless the payment provider
/// refused it before: then it is sent again. Nothing is paid to a bank account that was changed less than a day ago
/// (`payouts.cool_down_hours`).
#[utoipa::path(
    put,
    path = "/v1/sellers/{seller_account}",
    operation_id = "put_seller",
    tag = "Sellers",
    security(("bearer" = ["finance"])),
    params(("seller_account" = SellerName, Path, description = "The seller")),
    request_body = NewSellerBody,
    responses(
        (status = 200, description = "It is changed", body = SellerBody),
        (status = 201, description = "It is created", body = SellerBody),
        PutRefusals
    )
)]
pub(crate) async fn put(
    State(api): State<Arc<Api>>,
    caller: FinanceCaller,
    Path(seller): Path<String>,
    body: JsonBody,
) -> Result<Response, Problem> {
    let seller = seller_of(seller)?;
    let new = read_new(&body, caller.caller().principal)?;
    let put = service::seller::put(&api.service, &seller, &new).await?;
    let status = if put.is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(SellerBody::new(&put.record, &api))).into_response())
}

/// List sellers
///
/// By their names. A seller that only ever appeared in a checkout is among them. With `payout_status` a page may have
/// fewer items than `limit` and still a `next_cursor`.
#[utoipa::path(
    get,
    path = "/v1/sellers",
    operation_id = "list_sellers",
    tag = "Sellers",
    security(("bearer" = ["read"])),
    params(ChosenSellers, Paging),
    responses((status = 200, description = "A page", body = ListBody<SellerBody>))
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    caller: WalletCaller,
    parameters: Parameters,
) -> Result<Json<ListBody<SellerBody>>, Problem> {
    let payout_status = ChosenSellers::of(&parameters)?.payout_status;
    let filter = SellerFilter { payout_status, paid_by: api.service.settings.plan_rules.by, text: None };
    let window: Window<SellerAccount> = window(&parameters)?;
    let (page, next) = match caller.seller() {
        Some(own) => (only(&api, own, &filter).await?, None),
        None => api.service.reader.sellers(&filter, &window).await?,
    };
    let data = page.items.iter().map(|record| SellerBody::new(record, &api)).collect();
    Ok(Json(ListBody::behind(data, next.as_ref())))
}

/// What a key that is confined to a seller sees.
async fn only(api: &Api, own: &SellerAccount, filter: &SellerFilter) -> Result<Page<SellerRecord>, Problem> {
    let record = api.service.reader.seller(own).await?;
    let wanted = |record: &SellerRecord| {
        filter.payout_status.is_none_or(|status| status == service::seller::payout_status(&api.service, record))
    };
    Ok(Page { items: record.into_iter().filter(wanted).collect(), more: false })
}

/// Read a seller
///
/// The account number is masked. `next_payouts` are the next twelve days on which the seller is paid out.
#[utoipa::path(
    get,
    path = "/v1/sellers/{seller_account}",
    operation_id = "read_seller",
    tag = "Sellers",
    security(("bearer" = ["read"])),
    params(("seller_account" = SellerName, Path, description = "The seller")),
    responses((status = 200, description = "The seller", body = SellerBody), FindRefusals)
)]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    caller: WalletCaller,
    Path(seller): Path<String>,
) -> Result<Json<SellerBody>, Problem> {
    let seller = seller_of(seller)?;
    caller.may_read(&seller)?;
    let record = service::seller::show(&api.service, &seller).await?;
    let holds = api.service.reader.seller_holds(&seller).await?;
    Ok(Json(SellerBody::new(&record, &api).with_holds(&holds)))
}

/// Read what is sealed of a seller
///
/// Contact and bank account in the clear. A line of the audit log names the key and the reason before
/// anything is shown.
#[utoipa::path(
    post,
    path = "/v1/sellers/{seller_account}/bank-account/reveal",
    operation_id = "reveal_seller",
    tag = "Sellers",
    security(("bearer" = ["finance"])),
    params(("seller_account" = SellerName, Path, description = "The seller")),
    request_body = RevealBody,
    responses((status = 200, description = "In the clear", body = RevealedBody), RevealRefusals)
)]
pub(crate) async fn reveal(
    State(api): State<Arc<Api>>,
    _: FinanceCaller,
    reading: Reading,
    Path(seller): Path<String>,
    body: JsonBody,
) -> Result<Response, Problem> {
    let seller = seller_of(seller)?;
    let reason = read_reason(&body)?;
    let details = service::seller::reveal(&api.service, &seller).await?;
    reading.write_down(&api, &format!("bank account: {reason}")).await?;
    // The line of the reading is the line of this request.
    Ok((Extension(Unchanged), Json(RevealedBody::new(&details))).into_response())
}

/// Call a bank account verified
///
/// Where sellers are paid by bank file (`payouts.by`): nobody registers them at the payment provider, and a principal
/// who has seen a proof of the account says so: another principal than the one who set the account. `account` is the
/// `number` of the bank account that the principal looked at; a changed account has another number, and is verified
/// anew.
#[utoipa::path(
    post,
    path = "/v1/sellers/{seller_account}/bank-account/verify",
    operation_id = "verify_seller_account",
    tag = "Sellers",
    security(("bearer" = ["finance"])),
    params(("seller_account" = SellerName, Path, description = "The seller")),
    request_body = VerifyBody,
    responses((status = 200, description = "It is verified", body = SellerBody), VerifyRefusals)
)]
pub(crate) async fn verify_account(
    State(api): State<Arc<Api>>,
    caller: FinanceCaller,
    Path(seller): Path<String>,
    body: JsonBody,
) -> Result<Json<SellerBody>, Problem> {
    let (account, reason) = read_verified(&body)?;
    let by = caller.caller().principal;
    let check = AccountCheck { seller: seller_of(seller)?, account, by, reason };
    let record = service::seller::verify_account(&api.service, check).await?;
    Ok(Json(SellerBody::new(&record, &api)))
}

/// Make a sign-in link for a seller
///
/// A link to the console that shows the seller the own wallet, payouts and statements, and nothing else. It signs in
/// one browser, once, within ten minutes: lead the seller's browser to it when the seller asks for it.
#[utoipa::path(
    post,
    path = "/v1/sellers/{seller_account}/sign-in-link",
    operation_id = "create_seller_sign_in_link",
    tag = "Sellers",
    security(("bearer" = ["finance"])),
    params(("seller_account" = SellerName, Path, description = "The seller")),
    responses((status = 201, description = "The link", body = SignInLinkBody), FindRefusals)
)]
pub(crate) async fn sign_in_link(
    State(api): State<Arc<Api>>,
    _: FinanceCaller,
    Path(seller): Path<String>,
) -> Result<Response, Problem> {
    let seller = seller_of(seller)?;
    service::seller::show(&api.service, &seller).await?;
    let link = service::console::offer_link(&api.service, &api.key_pepper, seller).await?;
    Ok((StatusCode::CREATED, Json(SignInLinkBody::new(&link, &api))).into_response())
}

pub(crate) fn seller_of(text: String) -> Result<SellerAccount, Problem> {
    SellerAccount::parse(text).map_err(|_| Problem::new(Code::SellerNotFound, "This is no seller account."))
}
