//! The browser's side: the script, the payment window, and the way back to the shop.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Form, Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use maud::Markup;
use reqwest::Url;
use serde::Deserialize;

use crate::authorization::client_key_owner;
use crate::bodies::{Won, is_order_id, is_order_name};
use crate::codes::{Code, Language};
use crate::gate::MAX_BODY;
use crate::pages;
use crate::payment::{Method, Payment, Status};
use crate::till::{Kept, ReturnUrls};
use crate::time::Instant;
use crate::world::{Shared, World};

const SCRIPT: &str = include_str!("standard.js");
/// No script, no outside resource. `form-action` stays open: a browser applies it to redirects too, and
/// the way back leads to the shop.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

type Sim = State<Arc<Shared>>;

/// The routes a browser uses.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/", get(|| async { show(StatusCode::OK, pages::front()) }))
        .route("/v2/standard", get(script))
        .route("/v1/payments/{payment_key}/checkout", get(checkout))
        .route("/_window/open", get(open))
        .route("/_window/receipts/{payment_key}", get(receipt))
        .route("/_window/{payment_key}", get(window))
        .route("/_window/{payment_key}/pay", post(pay))
        .route("/_window/{payment_key}/decline", post(decline))
        .route("/_window/{payment_key}/close", post(close))
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

fn show(status: StatusCode, page: Markup) -> Response {
    (status, [(CONTENT_SECURITY_POLICY, POLICY), (CACHE_CONTROL, "no-store")], page).into_response()
}

fn refuse(code: Code) -> Response {
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::BAD_REQUEST);
    show(status, pages::refusal(code))
}

/// Client keys are public, so the script may know which ones exist and refuse the others by itself.
async fn script(sim: Sim) -> Response {
    let keys: Vec<String> = sim.enter(|world, _| {
        let pairs = world.merchants.iter().flat_map(|merchant| [&merchant.client_key, &merchant.widget_client_key]);
        pairs.cloned().collect()
    });
    let script = SCRIPT.replace("__CLIENT_KEYS__", &serde_json::json!(keys).to_string());
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8"), (CACHE_CONTROL, "no-store")], script).into_response()
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Opening {
    client_key: String,
    order_id: String,
    order_name: String,
    amount: String,
    success_url: String,
    fail_url: String,
    #[serde(default)]
    currency: String,
    #[serde(default)]
    method: String,
    #[serde(default)]
    customer_key: String,
    #[serde(default)]
    customer_name: String,
}

/// Opens a window: a payment that is READY, then its page.
///
/// A GET that creates something, because the script may only navigate: a form would need the shop's
/// content security policy to allow it.
async fn open(sim: Sim, opening: Result<Query<Opening>, QueryRejection>) -> Response {
    let Ok(Query(opening)) = opening else { return refuse(Code::InvalidRequiredParam) };
    match sim.enter(|world, now| open_payment(world, opening, now)) {
        Ok(address) => Redirect::to(&address).into_response(),
        Err(code) => refuse(code),
    }
}

fn open_payment(world: &mut World, opening: Opening, now: Instant) -> Result<String, Code> {
    let (merchant, pair) = client_key_owner(&opening.client_key, &world.merchants).ok_or(Code::InvalidClientKey)?;
    if !is_order_id(&opening.order_id) {
        return Err(Code::InvalidOrderId);
    }
    if !is_order_name(&opening.order_name) {
        return Err(Code::InvalidOrderName);
    }
    if !matches!(opening.currency.as_str(), "" | "KRW") {
        return Err(Code::InvalidCurrency);
    }
    let Won(amount) = serde_json::from_str(&opening.amount).map_err(|_| Code::InvalidRequest)?;
    if amount == 0 {
        return Err(Code::BelowZeroAmount);
    }
    web_address(&opening.success_url).ok_or(Code::IncorrectSuccessUrlFormat)?;
    web_address(&opening.fail_url).ok_or(Code::IncorrectFailUrlFormat)?;

    let merchant_id = world.merchants.get(merchant).map_or("", |merchant| merchant.merchant_id.as_str());
    let key = world.mint.payment_key(merchant_id, now);
    let mut payment = Payment::ready(key.clone(), opening.order_id, opening.order_name, amount, now);
    payment.customer_key = Some(opening.customer_key).filter(|key| !key.is_empty());
    if !opening.customer_name.is_empty() {
        payment.customer_name = opening.customer_name;
    }
    let return_urls = Some(ReturnUrls { success: opening.success_url, fail: opening.fail_url });
    if !world.till.keep(Kept { payment, merchant, pair: Some(pair), is_billed: false, return_urls }) {
        return Err(Code::FailedInternalSystemProcessing);
    }
    let chosen = Method::named(&opening.method).unwrap_or(Method::Card);
    Ok(format!("/_window/{key}?method={}", chosen.name(Language::English)))
}

/// Any http address may be returned to, as with Toss; `javascript:` and `data:` may not.
fn web_address(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}

async fn checkout(Path(payment_key): Path<String>) -> Redirect {
    let encoded: String = reqwest::Url::parse("http://window/")
        .map(|mut url| {
            url.set_path(&payment_key);
            url.path().to_owned()
        })
        .unwrap_or_default();
    Redirect::to(&format!("/_window{encoded}"))
}

#[derive(Debug, Default, Deserialize)]
struct Preference {
    #[serde(default)]
    method: String,
}

async fn window(
    sim: Sim,
    Path(payment_key): Path<String>,
    preference: Result<Query<Preference>, QueryRejection>,
) -> Response {
    let Query(preference) = preference.unwrap_or_default();
    let chosen = Method::named(&preference.method).unwrap_or(Method::Card);
    let page = sim.enter(|world, _| {
        let kept = world.till.get(&payment_key).ok_or(Code::NotFoundPayment)?;
        if let Some(code) = closed_by(&kept.payment) {
            return Err(code);
        }
        Ok(pages::payment_window(&kept.payment, merchant_name(world, kept), chosen))
    });
    page.map_or_else(refuse, |page| show(StatusCode::OK, page))
}

/// Why the window of this payment no longer opens.
fn closed_by(payment: &Payment) -> Option<Code> {
    match payment.status {
        Status::Ready => None,
        Status::Expired => Some(Code::NotFoundPaymentSession),
        Status::InProgress
        | Status::WaitingForDeposit
        | Status::Done
        | Status::Canceled
        | Status::PartialCanceled
        | Status::Aborted => Some(Code::AlreadyProcessedPayment),
    }
}

fn merchant_name<'a>(world: &'a World, kept: &Kept) -> &'a str {
    world.merchants.get(kept.merchant).map_or("", |merchant| merchant.name.as_str())
}

#[derive(Debug, Deserialize)]
struct Choice {
    method: String,
    decline_on_confirm: Option<String>,
}

/// The buyer pays: the payment is IN_PROGRESS, and the browser goes to the shop's success address.
async fn pay(sim: Sim, Path(payment_key): Path<String>, choice: Result<Form<Choice>, FormRejection>) -> Response {
    let Ok(Form(choice)) = choice else { return refuse(Code::InvalidRequest) };
    let Some(method) = Method::named(&choice.method) else { return refuse(Code::NotFoundMethod) };
    let decline = choice.decline_on_confirm.map(|name| Code::named(&name).unwrap_or(Code::RejectCardPayment));
    let address = sim.enter(|world, now| {
        let address = way_back(world, &payment_key, |payment, urls| {
            let amount = payment.total.to_string();
            let pairs = [
                ("paymentType", "NORMAL"),
                ("orderId", payment.order_id.as_str()),
                ("paymentKey", payment.key.as_str()),
                ("amount", amount.as_str()),
            ];
            with_query(&urls.success, &pairs)
        })?;
        world
            .till
            .change(&payment_key, |payment| payment.authenticate(method, decline, now))
            .ok_or(Code::NotFoundPayment)??;
        Ok(address)
    });
    go(address)
}

/// The buyer could not authenticate. The payment stays READY and expires by itself.
async fn decline(sim: Sim, Path(payment_key): Path<String>) -> Response {
    let code = Code::RejectCardCompany;
    go(sim.enter(|world, _| {
        way_back(world, &payment_key, |payment, urls| {
            let pairs = [
                ("code", code.name()),
                ("message", code.message(Language::Korean)),
                ("orderId", payment.order_id.as_str()),
            ];
            with_query(&urls.fail, &pairs)
        })
    }))
}

/// The buyer closed the window: Toss then leaves out the orderId, and sends no webhook.
async fn close(sim: Sim, Path(payment_key): Path<String>) -> Response {
    let code = Code::PayProcessCanceled;
    go(sim.enter(|world, _| {
        way_back(world, &payment_key, |_, urls| {
            with_query(&urls.fail, &[("code", code.name()), ("message", code.message(Language::Korean))])
        })
    }))
}

fn way_back(
    world: &World,
    payment_key: &str,
    address: impl FnOnce(&Payment, &ReturnUrls) -> Option<String>,
) -> Result<String, Code> {
    let kept = world.till.get(payment_key).ok_or(Code::NotFoundPayment)?;
    if let Some(code) = closed_by(&kept.payment) {
        return Err(code);
    }
    let urls = kept.return_urls.as_ref().ok_or(Code::NotFoundPaymentSession)?;
    address(&kept.payment, urls).ok_or(Code::InvalidRequest)
}

fn with_query(address: &str, pairs: &[(&str, &str)]) -> Option<String> {
    let mut url = web_address(address)?;
    url.query_pairs_mut().extend_pairs(pairs);
    Some(url.into())
}

fn go(address: Result<String, Code>) -> Response {
    address.map_or_else(refuse, |address| Redirect::to(&address).into_response())
}

async fn receipt(sim: Sim, Path(payment_key): Path<String>) -> Response {
    let page = sim.enter(|world, _| {
        let kept = world.till.get(&payment_key).ok_or(Code::NotFoundPayment)?;
        Ok(pages::receipt(&kept.payment, merchant_name(world, kept)))
    });
    page.map_or_else(refuse, |page| show(StatusCode::OK, page))
}
