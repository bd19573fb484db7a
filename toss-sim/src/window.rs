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
use serde_json::{Value, json};

use crate::authorization::{KeyPair, client_key_owner};
use crate::banks::bank_code;
use crate::bodies::MAX_BODY;
use crate::bodies::{Won, is_order_id, is_order_name};
use crate::codes::{Code, Language};
use crate::pages;
use crate::payment::{Method, Payment, Status};
use crate::till::{Kept, WayBack};
use crate::time::Instant;
use crate::world::{Shared, World};

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SCRIPT: &str = include_str!("standard.js");
const FINISH: &str = include_str!("finish.js");
const WIDGET_STYLE: &str = include_str!("widget.css");

/// What a page may do: run no script but the simulator's own last one, load nothing from outside, and be
/// framed by the page that opened it only. `form-action` stays open: a browser applies it to redirects
/// too, and the way back leads to the shop.
fn policy(opener: Option<&str>) -> String {
    let ancestors = opener.unwrap_or("'none'");
    format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; base-uri 'none'; frame-ancestors {ancestors}"
    )
}

type Sim = State<Arc<Shared>>;

/// The routes a browser uses.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/", get(|| async { show(StatusCode::OK, pages::front()) }))
        .route("/v2/standard", get(script))
        .route("/v1/payments/{payment_key}/checkout", get(checkout))
        .route("/_window/open", get(open))
        .route("/_window/finish.js", get(|| async { ([(CONTENT_TYPE, JAVASCRIPT)], FINISH) }))
        .route("/_window/receipts/{payment_key}", get(receipt))
        .route("/_window/{payment_key}", get(window))
        .route("/_window/{payment_key}/pay", post(pay))
        .route("/_window/{payment_key}/decline", post(decline))
        .route("/_window/{payment_key}/close", post(close))
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

fn show(status: StatusCode, page: Markup) -> Response {
    show_to(None, status, page)
}

fn show_to(opener: Option<&str>, status: StatusCode, page: Markup) -> Response {
    let headers = [(CONTENT_SECURITY_POLICY, policy(opener)), (CACHE_CONTROL, "no-store".to_owned())];
    (status, headers, page).into_response()
}

fn refuse(code: Code) -> Response {
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::BAD_REQUEST);
    show(status, pages::refusal(code))
}

/// Client keys are public, so the script may know which ones exist and refuse the others by itself.
async fn script(sim: Sim) -> Response {
    let (payment, widget): (Vec<String>, Vec<String>) = sim.enter(|world, _| {
        world.merchants.iter().map(|merchant| (merchant.client_key.clone(), merchant.widget_client_key.clone())).unzip()
    });
    let methods: Vec<_> = Method::ALL
        .into_iter()
        .map(|method| {
            let name = method.name(Language::English);
            // A widget offers an easy pay by its own name.
            let (code, label) = if method == Method::EasyPay {
                ("TOSSPAY", "토스페이")
            } else {
                (name, method.name(Language::Korean))
            };
            json!({ "method": name, "code": code, "label": label, "hint": pages::hint(method) })
        })
        .collect();
    let script = SCRIPT
        .replace("__PAYMENT_KEYS__", &json!(payment).to_string())
        .replace("__WIDGET_KEYS__", &json!(widget).to_string())
        .replace("__METHODS__", &json!(methods).to_string())
        .replace("__WIDGET_STYLE__", &json!(WIDGET_STYLE).to_string());
    ([(CONTENT_TYPE, JAVASCRIPT), (CACHE_CONTROL, "no-store")], script).into_response()
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Opening {
    client_key: String,
    order_id: String,
    order_name: String,
    amount: String,
    #[serde(default)]
    success_url: String,
    #[serde(default)]
    fail_url: String,
    /// The origin of the page that frames the window, when one does.
    #[serde(default)]
    opener: String,
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
    let method = Method::named(&opening.method).ok_or(Code::NotFoundMethod)?;
    // The shop's script asks for cards, whose window offers the easy pays; only a widget asks for an easy pay itself.
    if method == Method::EasyPay && pair != KeyPair::Widget {
        return Err(Code::NotFoundMethod);
    }
    let way_back = way_back_of(&opening)?;

    let merchant_id = world.merchants.get(merchant).map_or("", |merchant| merchant.merchant_id.as_str());
    let key = world.mint.payment_key(merchant_id, now);
    let mut payment = Payment::ready(key.clone(), opening.order_id, opening.order_name, amount, now);
    payment.customer_key = Some(opening.customer_key).filter(|key| !key.is_empty());
    if !opening.customer_name.is_empty() {
        payment.customer_name = opening.customer_name;
    }
    let kept = Kept {
        payment,
        merchant,
        pair: Some(pair),
        window_of: Some(method),
        is_billed: false,
        way_back: Some(way_back),
    };
    if !world.till.keep(kept) {
        return Err(Code::FailedInternalSystemProcessing);
    }
    Ok(format!("/_window/{key}"))
}

fn way_back_of(opening: &Opening) -> Result<WayBack, Code> {
    if !opening.opener.is_empty() {
        let opener = web_address(&opening.opener).ok_or(Code::InvalidRequest)?.origin().ascii_serialization();
        return Ok(WayBack::Message { opener });
    }
    web_address(&opening.success_url).ok_or(Code::IncorrectSuccessUrlFormat)?;
    web_address(&opening.fail_url).ok_or(Code::IncorrectFailUrlFormat)?;
    Ok(WayBack::Redirect { success: opening.success_url.clone(), fail: opening.fail_url.clone() })
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

async fn window(sim: Sim, Path(payment_key): Path<String>) -> Response {
    let page = sim.enter(|world, _| {
        let kept = world.till.get(&payment_key).ok_or(Code::NotFoundPayment)?;
        if let Some(code) = closed_by(&kept.payment) {
            return Err(code);
        }
        let page = pages::payment_window(&kept.payment, merchant_name(world, kept), offered(kept));
        Ok((page, opener(kept).map(str::to_owned)))
    });
    page.map_or_else(refuse, |(page, opener)| show_to(opener.as_deref(), StatusCode::OK, page))
}

/// What a window offers: what it was opened for. The window of cards offers the easy pays, too. A payment that no
/// script opened has no such choice.
fn offered(kept: &Kept) -> &'static [Method] {
    const CARDS: [Method; 2] = [Method::Card, Method::EasyPay];
    match kept.window_of {
        None => &Method::ALL,
        Some(Method::Card) => &CARDS,
        Some(only) => Method::ALL.iter().find(|method| **method == only).map_or(&[], std::slice::from_ref),
    }
}

fn opener(kept: &Kept) -> Option<&str> {
    match kept.way_back.as_ref()? {
        WayBack::Message { opener } => Some(opener),
        WayBack::Redirect { .. } => None,
    }
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
    #[serde(default)]
    bank: String,
    decline_on_confirm: Option<String>,
}

/// The buyer pays: the payment is IN_PROGRESS, and the browser goes to the success page.
async fn pay(sim: Sim, Path(payment_key): Path<String>, choice: Result<Form<Choice>, FormRejection>) -> Response {
    let Ok(Form(choice)) = choice else { return refuse(Code::InvalidRequest) };
    let Some(method) = Method::named(&choice.method) else { return refuse(Code::NotFoundMethod) };
    let decline = choice.decline_on_confirm.map(|name| Code::named(&name).unwrap_or(Code::RejectCardPayment));
    end(sim.enter(|world, now| {
        let exit = exit(world, &payment_key, &Ended::Paid)?;
        if !world.till.get(&payment_key).is_some_and(|kept| offered(kept).contains(&method)) {
            return Err(Code::NotFoundMethod);
        }
        world
            .till
            .change(&payment_key, |payment| {
                payment.authenticate(method, decline, now)?;
                if let Some(bank) = bank_code(&choice.bank) {
                    payment.bank_code = bank.to_owned();
                }
                Ok(())
            })
            .ok_or(Code::NotFoundPayment)??;
        Ok(exit)
    }))
}

/// The buyer could not authenticate. The payment stays READY and expires by itself.
async fn decline(sim: Sim, Path(payment_key): Path<String>) -> Response {
    end(sim.enter(|world, _| exit(world, &payment_key, &Ended::Refused(Code::RejectCardCompany))))
}

/// The buyer closed the window: Toss then leaves out the orderId, and sends no webhook.
async fn close(sim: Sim, Path(payment_key): Path<String>) -> Response {
    end(sim.enter(|world, _| exit(world, &payment_key, &Ended::Closed)))
}

/// How a window ended.
enum Ended {
    Paid,
    Refused(Code),
    Closed,
}

/// The address for the browser, or the message for the page around the frame.
enum Exit {
    Redirect(String),
    Message { opener: String, message: Value },
}

fn exit(world: &World, payment_key: &str, ended: &Ended) -> Result<Exit, Code> {
    let kept = world.till.get(payment_key).ok_or(Code::NotFoundPayment)?;
    if let Some(code) = closed_by(&kept.payment) {
        return Err(code);
    }
    match kept.way_back.as_ref().ok_or(Code::NotFoundPaymentSession)? {
        WayBack::Redirect { success, fail } => {
            let address = redirect(success, fail, &kept.payment, ended);
            address.map(Exit::Redirect).ok_or(Code::InvalidRequest)
        }
        WayBack::Message { opener } => {
            Ok(Exit::Message { opener: opener.clone(), message: message(&kept.payment, ended) })
        }
    }
}

fn redirect(success: &str, fail: &str, payment: &Payment, ended: &Ended) -> Option<String> {
    let (order_id, amount) = (payment.order_id.as_str(), payment.total.to_string());
    let message = |code: Code| [("code", code.name()), ("message", code.message(Language::Korean))];
    match ended {
        Ended::Paid => {
            let pairs = [
                ("paymentType", "NORMAL"),
                ("orderId", order_id),
                ("paymentKey", payment.key.as_str()),
                ("amount", amount.as_str()),
            ];
            with_query(success, &pairs)
        }
        Ended::Refused(code) => {
            let [code, message] = message(*code);
            with_query(fail, &[code, message, ("orderId", order_id)])
        }
        Ended::Closed => with_query(fail, &message(Code::PayProcessCanceled)),
    }
}

/// The message for the script. A closed window has its own name.
fn message(payment: &Payment, ended: &Ended) -> Value {
    let failure =
        |code: &str, message: &str| json!({ "from": "toss-sim", "failure": { "code": code, "message": message } });
    match ended {
        Ended::Paid => {
            let amount = json!({ "currency": "KRW", "value": payment.total });
            let success = json!({ "paymentKey": payment.key, "orderId": payment.order_id, "amount": amount });
            json!({ "from": "toss-sim", "success": success })
        }
        Ended::Refused(code) => failure(code.name(), code.message(Language::Korean)),
        Ended::Closed => failure("USER_CANCEL", "취소되었습니다."),
    }
}

fn with_query(address: &str, pairs: &[(&str, &str)]) -> Option<String> {
    let mut url = web_address(address)?;
    url.query_pairs_mut().extend_pairs(pairs);
    Some(url.into())
}

fn end(exit: Result<Exit, Code>) -> Response {
    match exit {
        Ok(Exit::Redirect(address)) => Redirect::to(&address).into_response(),
        Ok(Exit::Message { opener, message }) => {
            show_to(Some(&opener), StatusCode::OK, pages::finish(&opener, &message))
        }
        Err(code) => refuse(code),
    }
}

async fn receipt(sim: Sim, Path(payment_key): Path<String>) -> Response {
    let page = sim.enter(|world, _| {
        let kept = world.till.get(&payment_key).ok_or(Code::NotFoundPayment)?;
        Ok(pages::receipt(&kept.payment, merchant_name(world, kept)))
    });
    page.map_or_else(refuse, |page| show(StatusCode::OK, page))
}
