//! The control plane, `/_sim`: what a test or a curious person does to the simulator, never Toss.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, Path, Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use chrono::TimeDelta;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::codes::{Code, Language};
use crate::currency::{Amount, Currency, Money};
use crate::fields::{MAX_BODY, is_order_id, is_order_name};
use crate::method::Method;
use crate::mischief::{Chance, DEFAULT_DELAY_MS, Kind, MAX_DELAY_MS, MAX_MISCHIEFS, Mischief, Pages, Subject};
use crate::payment::Payment;
use crate::terms::ReceiptBody;
use crate::till::{Kept, MAX_PAYMENTS, Totals};
use crate::time::{Instant, with_offset};
use crate::wallets::ForeignEasyPay;
use crate::world::{MAX_CLOCK_AHEAD, Shared, World};

type Sim = State<Arc<Shared>>;

/// The routes of the control plane.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/_sim/authorize", post(authorize))
        .route("/_sim/mischief", post(add_mischief).get(list_mischief).delete(clear_mischief))
        .route("/_sim/mischief/random", post(leave_to_chance))
        .route("/_sim/bank", post(close_bank))
        .route("/_sim/deposit", post(deposit))
        .route("/_sim/deposit-error", post(deposit_error))
        .route("/_sim/cash-receipts/{receipt_key}/fail", post(fail_receipt))
        .route("/_sim/clock", post(advance_clock).get(read_clock))
        .route("/_sim/payments", get(list_payments))
        .route("/_sim/payments/{order_id}", get(show_order))
        .route("/_sim/calls", get(list_calls))
        .route("/_sim/totals", get(totals))
}

/// Why the control plane did not do something. This is where its HTTP statuses are decided.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Objection {
    #[error("the body is not understood: {0}")]
    Malformed(String),
    #[error("{0}")]
    Invalid(String),
    #[error("no payment has the orderId {0}")]
    UnknownOrder(String),
    #[error("there is no {0}")]
    Unknown(String),
    #[error("{0}")]
    WrongState(&'static str),
    #[error("the simulator is full: {0}")]
    Full(String),
}

impl IntoResponse for Objection {
    fn into_response(self) -> Response {
        let (status, code) = match &self {
            Self::Malformed(_) => (StatusCode::BAD_REQUEST, "malformed_body"),
            Self::Invalid(_) => (StatusCode::BAD_REQUEST, "invalid_value"),
            Self::UnknownOrder(_) => (StatusCode::NOT_FOUND, "unknown_order"),
            Self::Unknown(_) => (StatusCode::NOT_FOUND, "unknown"),
            Self::WrongState(_) => (StatusCode::CONFLICT, "wrong_state"),
            Self::Full(_) => (StatusCode::INSUFFICIENT_STORAGE, "full"),
        };
        (status, Json(json!({ "code": code, "message": self.to_string() }))).into_response()
    }
}

/// A JSON body whose content type does not matter: `curl -d` need not say it.
pub(crate) struct Told<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Told<T> {
    type Rejection = Objection;

    async fn from_request(request: Request, _: &S) -> Result<Self, Objection> {
        let body: Bytes =
            to_bytes(request.into_body(), MAX_BODY).await.map_err(|error| Objection::Malformed(error.to_string()))?;
        serde_json::from_slice(&body).map(Told).map_err(|error| Objection::Malformed(error.to_string()))
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AuthorizeBody {
    order_id: String,
    amount: Amount,
    /// Won unless said.
    #[serde(default)]
    currency: Currency,
    order_name: Option<String>,
    method: Option<String>,
    customer_key: Option<String>,
    /// The receipt that the buyer asks for in the window.
    cash_receipt: Option<ReceiptBody>,
    /// The part of the amount without tax, as the shop told the window.
    tax_free_amount: Option<Amount>,
    /// The `mId` of the merchant; the first one of the currency when absent.
    merchant: Option<String>,
}

async fn authorize(sim: Sim, Told(body): Told<AuthorizeBody>) -> Result<Json<Value>, Objection> {
    let order_name = body.order_name.unwrap_or_else(|| "테스트 주문".to_owned());
    let method = body.method.as_deref().map_or(Ok(Method::Card), |name| {
        Method::named(name).ok_or_else(|| {
            Objection::Invalid(format!(
                "method {name} is none of {}",
                Method::ALL.map(|method| method.name(Language::Korean)).join(", ")
            ))
        })
    })?;
    if !is_order_id(&body.order_id) {
        return Err(Objection::Invalid("orderId has 6 to 64 of A-Z a-z 0-9 - _ =".to_owned()));
    }
    if !is_order_name(&order_name) {
        return Err(Objection::Invalid("orderName has 1 to 100 characters".to_owned()));
    }
    let currency = body.currency;
    let code = currency.code();
    let minor = body.amount.minor(currency).ok().filter(|minor| *minor > 0);
    let minor = minor.ok_or_else(|| Objection::Invalid(format!("amount is no amount of {code} above 0")))?;
    if !method.is_offered_in(currency) {
        return Err(Objection::Invalid(format!("no contract in {code} has {}", method.name(Language::Korean))));
    }
    let (order_id, customer_key) = (body.order_id, body.customer_key);
    let wrong = |code: Code| Objection::Invalid(code.name().to_owned());
    let cash_receipt = body.cash_receipt.map_or(Ok(None), ReceiptBody::wish).map_err(wrong)?;
    let tax_free = body.tax_free_amount.map_or(Ok(0), |amount| amount.minor(currency)).map_err(wrong)?;
    if tax_free > minor {
        return Err(Objection::Invalid("taxFreeAmount is a part of the amount".to_owned()));
    }
    let key = sim.enter(|world, now| {
        let merchant = match &body.merchant {
            None => world.merchant_in(currency).ok_or_else(|| Objection::Unknown(format!("merchant of {code}")))?,
            Some(id) => world.merchant_called(id).ok_or_else(|| Objection::Unknown(format!("merchant {id}")))?,
        };
        if world.currency_of(merchant) != currency {
            return Err(Objection::Invalid(format!("the merchant's contract is not in {code}")));
        }
        let merchant_id = world.merchants.get(merchant).map_or("", |merchant| merchant.merchant_id.as_str());
        let key = world.mint.payment_key(merchant_id, now);
        let mut payment = Payment::ready(key.clone(), order_id.clone(), order_name, Money { minor, currency }, now);
        payment.terms.foreign_easy_pay = (method == Method::ForeignEasyPay).then_some(ForeignEasyPay::PayPal);
        payment.terms.cash_receipt = cash_receipt;
        payment.terms.tax_free = tax_free;
        payment.customer_key = customer_key;
        payment.authenticate(method, None, now).map_err(|code| Objection::WrongState(code.name()))?;
        let is_kept = world.till.keep(Kept::of(payment, merchant));
        if is_kept { Ok(key) } else { Err(Objection::Full(format!("{MAX_PAYMENTS} payments"))) }
    })?;
    Ok(Json(json!({ "paymentKey": key, "orderId": order_id, "amount": currency.number(minor) })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RefusalBody {
    #[serde(default = "usual_refusal")]
    message: String,
}

fn usual_refusal() -> String {
    "[TS2] 국세청에 등록되지 않은 번호입니다.".to_owned()
}

/// The tax office refuses a receipt, or the cancellation of one.
async fn fail_receipt(
    sim: Sim,
    Path(receipt_key): Path<String>,
    Told(body): Told<RefusalBody>,
) -> Result<Json<Value>, Objection> {
    let refused = sim.enter(|world, now| world.refuse_receipt(&receipt_key, body.message, now));
    refused.map(Json).ok_or_else(|| Objection::Unknown(format!("cash receipt {receipt_key}")))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MischiefBody {
    on: Subject,
    kind: Kind,
    times: Option<u64>,
    delay_ms: Option<u64>,
    code: Option<String>,
    #[serde(rename = "orderId")]
    order_id: Option<String>,
    pages: Option<Pages>,
}

#[derive(Debug, Serialize)]
struct MischiefShown {
    on: Subject,
    kind: Kind,
    times: u64,
    delay_ms: u64,
    code: &'static str,
    #[serde(rename = "orderId")]
    order_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pages: Option<Pages>,
}

impl MischiefShown {
    fn of(mischief: &Mischief) -> Self {
        Self {
            on: mischief.on,
            kind: mischief.kind,
            times: mischief.times.unwrap_or(0),
            delay_ms: mischief.delay_ms,
            code: mischief.code.name(),
            order_id: mischief.order_id.clone(),
            pages: mischief.pages,
        }
    }
}

/// The code of that name, or another when none is given.
pub(crate) fn code_named(name: Option<&str>, otherwise: Code) -> Result<Code, Objection> {
    let Some(name) = name else { return Ok(otherwise) };
    Code::named(name).ok_or_else(|| Objection::Invalid(format!("{name} is not a Toss error code known here")))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChanceBody {
    seed: u64,
    rate_bps: u16,
}

/// Mischief by chance, wherever none waits: that many calls and webhooks of ten thousand.
async fn leave_to_chance(sim: Sim, Told(body): Told<ChanceBody>) -> Result<Json<Value>, Objection> {
    let chance = Chance::new(body.seed, body.rate_bps)
        .ok_or_else(|| Objection::Invalid("rate_bps is at most 10000".to_owned()))?;
    sim.enter(|world, _| world.mischief.leave_to(chance));
    Ok(Json(json!({ "seed": body.seed, "rate_bps": body.rate_bps })))
}

async fn add_mischief(sim: Sim, Told(body): Told<MischiefBody>) -> Result<Json<MischiefShown>, Objection> {
    if !body.kind.applies_to(body.on) {
        return Err(Objection::Invalid(format!("{} cannot be done to that", body.kind.name())));
    }
    if body.pages.is_some() && !body.on.has_pages() {
        return Err(Objection::Invalid("pages are of transactions, settlements and payouts".to_owned()));
    }
    let code = code_named(body.code.as_deref(), Code::FailedInternalSystemProcessing)?;
    let delay_ms = body.delay_ms.unwrap_or(DEFAULT_DELAY_MS);
    if delay_ms > MAX_DELAY_MS {
        return Err(Objection::Invalid(format!("delay_ms is at most {MAX_DELAY_MS}")));
    }
    let mischief = Mischief {
        on: body.on,
        kind: body.kind,
        times: Some(body.times.unwrap_or(1)).filter(|times| *times > 0),
        delay_ms,
        code,
        order_id: body.order_id,
        pages: body.pages,
    };
    let shown = MischiefShown::of(&mischief);
    let has_room = sim.enter(|world, _| world.mischief.push(mischief));
    if has_room { Ok(Json(shown)) } else { Err(Objection::Full(format!("{MAX_MISCHIEFS} mischiefs"))) }
}

async fn list_mischief(sim: Sim) -> Json<Vec<MischiefShown>> {
    Json(sim.enter(|world, _| world.mischief.iter().map(MischiefShown::of).collect()))
}

async fn clear_mischief(sim: Sim) -> Json<Value> {
    Json(json!({ "cleared": sim.enter(|world, _| world.mischief.clear()) }))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OrderBody {
    order_id: String,
}

async fn deposit(sim: Sim, Told(body): Told<OrderBody>) -> Result<Json<Value>, Objection> {
    sim.enter(|world, now| {
        let key = key_of(world, &body.order_id)?;
        let deposited = world.till.change(&key, |payment| payment.deposit(now, world.mint.fresh()));
        finish_transfer(world, &key, deposited, now)
    })
}

async fn deposit_error(sim: Sim, Told(body): Told<OrderBody>) -> Result<Json<Value>, Objection> {
    sim.enter(|world, now| {
        let key = key_of(world, &body.order_id)?;
        let taken_back = world.till.change(&key, |payment| payment.take_deposit_back(now, world.mint.fresh()));
        finish_transfer(world, &key, taken_back, now)
    })
}

fn key_of(world: &World, order_id: &str) -> Result<String, Objection> {
    let kept = world.till.of_order(order_id).ok_or_else(|| Objection::UnknownOrder(order_id.to_owned()))?;
    Ok(kept.payment.key.clone())
}

fn finish_transfer(
    world: &mut World,
    key: &str,
    changed: Option<Result<(), &'static str>>,
    now: Instant,
) -> Result<Json<Value>, Objection> {
    let unknown = || Objection::UnknownOrder(key.to_owned());
    changed.ok_or_else(unknown)?.map_err(Objection::WrongState)?;
    world.note_capture(key, now);
    world.announce(key, now);
    let kept = world.till.get(key).ok_or_else(unknown)?;
    Ok(Json(world.show(kept, Language::Korean, now)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockBody {
    advance_s: u64,
}

async fn advance_clock(sim: Sim, Told(body): Told<ClockBody>) -> Result<Json<Value>, Objection> {
    let too_far = || Objection::Invalid("the clock is at most a hundred years ahead".to_owned());
    let step = i64::try_from(body.advance_s).ok().and_then(TimeDelta::try_seconds).ok_or_else(too_far)?;
    let now = sim.enter(|world, _| {
        let ahead = world.clock_ahead.checked_add(&step).filter(|ahead| *ahead <= MAX_CLOCK_AHEAD);
        world.clock_ahead = ahead.ok_or_else(too_far)?;
        let now = world.now();
        world.tick(now);
        Ok(now)
    })?;
    // A resend may have become due although nothing new was posted.
    sim.bell().notify_one();
    Ok(Json(json!({ "now": with_offset(now) })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BankBody {
    closed_s: u64,
}

/// Banks keep their hours: transfers and refunds through one are refused meanwhile.
async fn close_bank(sim: Sim, Told(body): Told<BankBody>) -> Result<Json<Value>, Objection> {
    let too_long = || Objection::Invalid("a bank is closed for a hundred years at most".to_owned());
    let closed =
        i64::try_from(body.closed_s).ok().and_then(TimeDelta::try_seconds).filter(|closed| *closed <= MAX_CLOCK_AHEAD);
    let until = sim.enter(|world, now| {
        let until = now + closed.ok_or_else(too_long)?;
        world.bank_closed_until = Some(until);
        Ok(until)
    })?;
    Ok(Json(json!({ "closed_until": with_offset(until) })))
}

async fn read_clock(sim: Sim) -> Json<Value> {
    Json(json!({ "now": with_offset(sim.enter(|_, now| now)) }))
}

async fn list_payments(sim: Sim) -> Json<Vec<Value>> {
    Json(sim.enter(|world, now| world.till.iter().map(|kept| world.show(kept, Language::Korean, now)).collect()))
}

/// The payment that stands for the order, with what all its attempts come to beside it.
async fn show_order(sim: Sim, Path(order_id): Path<String>) -> Result<Json<Value>, Objection> {
    sim.enter(|world, now| {
        let kept = world.till.of_order(&order_id).ok_or_else(|| Objection::UnknownOrder(order_id.clone()))?;
        let mut shown = world.show(kept, Language::Korean, now);
        let attempts: Vec<&Payment> = world.till.attempts(&order_id).map(|kept| &kept.payment).collect();
        let captured = || attempts.iter().filter(|payment| payment.captured);
        if let Value::Object(fields) = &mut shown {
            let terms = &kept.payment.terms;
            fields.insert("customerEmail".to_owned(), json!(terms.customer_email));
            fields.insert("customerMobilePhone".to_owned(), json!(terms.customer_mobile_phone));
            fields.insert("charges".to_owned(), json!(captured().count()));
            let currency = kept.payment.currency;
            let alike = || captured().filter(|payment| payment.currency == currency);
            let sum = |amount: fn(&Payment) -> u64| currency.number(alike().map(|payment| amount(payment)).sum());
            fields.insert("charged".to_owned(), json!(sum(|payment| payment.total)));
            fields.insert("canceled".to_owned(), json!(sum(Payment::refunded)));
            let tried: Vec<Value> = attempts
                .iter()
                .map(|payment| json!({ "paymentKey": payment.key, "status": payment.status.name() }))
                .collect();
            fields.insert("attempts".to_owned(), Value::Array(tried));
            let calls: Vec<_> = world.calls.iter().filter(|call| call.order_id.as_ref() == Some(&order_id)).collect();
            fields.insert("calls".to_owned(), json!(calls));
        }
        Ok(Json(shown))
    })
}

async fn list_calls(sim: Sim) -> Json<Value> {
    Json(sim.enter(|world, _| json!(world.calls.iter().collect::<Vec<_>>())))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TotalsQuery {
    /// Won unless said.
    #[serde(default)]
    currency: Currency,
}

async fn totals(sim: Sim, query: Result<Query<TotalsQuery>, QueryRejection>) -> Result<Json<Totals>, Objection> {
    let Query(TotalsQuery { currency }) = query.map_err(|error| Objection::Invalid(error.body_text()))?;
    Ok(Json(sim.enter(|world, _| world.till.totals(currency))))
}
