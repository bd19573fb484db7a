//! The browser's side: the script, the payment window, and the way back to the shop.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Form, Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::authorization::{KeyPair, client_key_owner};
use crate::banks::bank_code;
use crate::cash_receipt::{ReceiptKind, ReceiptWish};
use crate::codes::{Code, Language};
use crate::currency::{Amount, Currency, Money};
use crate::fields::{MAX_BODY, is_order_id, is_order_name};
use crate::method::Method;
use crate::pages;
use crate::payment::{Payment, Status};
use crate::terms::{Terms, WindowRequest};
use crate::till::{Kept, WayBack};
use crate::time::Instant;
use crate::wallets::{DEFAULT_ISSUER, EasyPay};
use crate::way_back::{Ended, Exit, ReturnFields, Success, end, refuse, show, show_to};
use crate::world::{Shared, World};

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SCRIPT: &str = include_str!("standard.js");
const FINISH: &str = include_str!("finish.js");
const WIDGET_STYLE: &str = include_str!("widget.css");

type Sim = State<Arc<Shared>>;

/// The routes a browser uses.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/", get(|| async { show(StatusCode::OK, pages::front()) }))
        .route("/v2/standard", get(script))
        .route("/v1/payment", get(script_of_v1))
        .route("/v1/payment-widget", get(script_of_v1))
        .route("/v1/brandpay", get(script_of_v1))
        .route("/v1/payments/{payment_key}/checkout", get(checkout))
        .route("/_window/open", get(open))
        .route("/_window/finish.js", get(|| async { ([(CONTENT_TYPE, JAVASCRIPT)], FINISH) }))
        .route("/_window/receipts/{payment_key}", get(receipt))
        .route("/_window/cash-receipts/{receipt_key}", get(cash_receipt))
        .route("/_window/{payment_key}", get(window))
        .route("/_window/{payment_key}/pay", post(pay))
        .route("/_window/{payment_key}/decline", post(decline))
        .route("/_window/{payment_key}/close", post(close))
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

/// The older scripts are not simulated. A shop's page that loads one reads so in the console of the browser.
async fn script_of_v1() -> Response {
    let message = Code::NotSimulated.message(Language::English);
    let script = format!("throw new Error({});", json!(format!("NOT_SIMULATED: {message} Use /v2/standard.")));
    // A browser does not run a script that comes with an error.
    ([(CONTENT_TYPE, JAVASCRIPT)], script).into_response()
}

/// Client keys are public, so the script may know which ones exist and refuse the others by itself.
async fn script(sim: Sim) -> Response {
    let (payment, widget): (Map<String, Value>, Map<String, Value>) = sim.enter(|world, _| {
        let keys = world.merchants.iter().map(|merchant| {
            let currency = merchant.currency.code();
            let of_key = |key: &String| (key.clone(), Value::from(currency));
            (of_key(&merchant.client_key), of_key(&merchant.widget_client_key))
        });
        keys.unzip()
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
            let offered_in = Currency::ALL.into_iter().filter(|currency| method.is_offered_in(*currency));
            let currencies: Vec<&str> = offered_in.map(Currency::code).collect();
            let hint = pages::hint(method);
            json!({ "method": name, "code": code, "label": label, "hint": hint, "currencies": currencies })
        })
        .collect();
    let script = SCRIPT
        .replace("__PAYMENT_KEYS__", &json!(payment).to_string())
        .replace("__WIDGET_KEYS__", &json!(widget).to_string())
        .replace("__METHODS__", &json!(methods).to_string())
        .replace("__WIDGET_STYLE__", &json!(WIDGET_STYLE).to_string());
    ([(CONTENT_TYPE, JAVASCRIPT), (CACHE_CONTROL, "no-store")], script).into_response()
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Opening {
    client_key: String,
    order_id: String,
    order_name: String,
    amount: String,
    currency: String,
    method: String,
    customer_key: String,
    customer_name: String,
    /// The rest of the request, as JSON.
    wishes: String,
    #[serde(flatten)]
    back: ReturnFields,
}

/// Opens a window: a payment that is READY, then its page. What Toss refuses goes back to the shop.
///
/// A GET that creates something, because the script may only navigate: a form would need the shop's
/// content security policy to allow it.
async fn open(sim: Sim, opening: Result<Query<Opening>, QueryRejection>) -> Response {
    let Ok(Query(opening)) = opening else { return refuse(Code::InvalidRequiredParam) };
    let (back, order_id) = (opening.back.clone(), opening.order_id.clone());
    match sim.enter(|world, now| open_payment(world, opening, now)) {
        Ok(address) => Redirect::to(&address).into_response(),
        Err(code) => back.turned_away(code, &order_id),
    }
}

/// The amount of a window, in the currency of the merchant's contract.
fn window_amount(opening: &Opening, currency: Currency) -> Result<Money, Code> {
    if opening.amount.is_empty() {
        return Err(Code::RequiredAmount);
    }
    // A window that names none is one of won.
    let named = if opening.currency.is_empty() { Currency::Krw.code() } else { &opening.currency };
    if named != currency.code() {
        return Err(Code::InvalidCurrency);
    }
    let amount: Amount = serde_json::from_str(&opening.amount).map_err(|_| Code::InvalidRequest)?;
    let minor = amount.minor(currency)?;
    if minor == 0 { Err(Code::BelowZeroAmount) } else { Ok(Money { minor, currency }) }
}

fn open_payment(world: &mut World, opening: Opening, now: Instant) -> Result<String, Code> {
    let (merchant, pair) = client_key_owner(&opening.client_key, &world.merchants).ok_or(Code::InvalidClientKey)?;
    if !is_order_id(&opening.order_id) {
        return Err(Code::InvalidOrderId);
    }
    if !is_order_name(&opening.order_name) {
        return Err(Code::InvalidOrderName);
    }
    let currency = world.currency_of(merchant);
    let amount = window_amount(&opening, currency)?;
    let method = Method::named(&opening.method).ok_or(Code::NotFoundMethod)?;
    if !method.is_offered_in(currency) {
        return Err(Code::NotSupportedMethod);
    }
    // The shop's script asks for cards, whose window offers the easy pays; only a widget asks for an easy pay itself.
    if method == Method::EasyPay && pair != KeyPair::Widget {
        return Err(Code::NotFoundMethod);
    }
    let way_back = opening.back.read()?;
    let (terms, offer) = WindowRequest { method, amount, wishes: &opening.wishes }.read(now)?;

    let merchant_id = world.merchants.get(merchant).map_or("", |merchant| merchant.merchant_id.as_str());
    let key = world.mint.payment_key(merchant_id, now);
    let mut payment = Payment::ready(key.clone(), opening.order_id, opening.order_name, amount, now);
    payment.customer_key = Some(opening.customer_key).filter(|key| !key.is_empty());
    if !opening.customer_name.is_empty() {
        payment.customer_name = opening.customer_name;
    }
    payment.terms = terms;
    let kept = Kept { pair: Some(pair), offer: Some(offer), way_back: Some(way_back), ..Kept::of(payment, merchant) };
    if !world.till.keep(kept) {
        return Err(Code::FailedInternalSystemProcessing);
    }
    Ok(format!("/_window/{key}"))
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
        let page = pages::payment_window(&kept.payment, merchant_name(world, kept), kept.offer.as_ref());
        Ok((page, opener(kept).map(str::to_owned)))
    });
    page.map_or_else(refuse, |(page, opener)| show_to(opener.as_deref(), StatusCode::OK, page))
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
    easy_pay: Option<String>,
    installment: Option<String>,
    /// The kind of the cash receipt; empty for none, and as the shop asked when absent.
    cash_receipt: Option<String>,
    receipt_number: Option<String>,
    decline_on_confirm: Option<String>,
}

impl Choice {
    /// What the buyer chose, where the window offers it.
    fn terms(&self, kept: &Kept) -> Result<Terms, Code> {
        let mut terms = kept.payment.terms.clone();
        let Some(offer) = &kept.offer else { return Ok(terms) };
        if let Some(name) = &self.easy_pay {
            let chosen = EasyPay::named(name).filter(|chosen| offer.easy_pays.contains(chosen));
            terms.easy_pay = chosen.ok_or(Code::NotFoundMethod)?;
        }
        if let Some(months) = &self.installment {
            let chosen = months.parse().ok().filter(|months| offer.months.contains(months));
            terms.card.installment_months = chosen.ok_or(Code::InvalidCardInstallmentPlan)?;
        }
        let issuer = terms.card.issuer.as_deref().unwrap_or(DEFAULT_ISSUER);
        terms.card.is_interest_free = offer.is_free(issuer, terms.card.installment_months);
        let kind = match self.cash_receipt.as_deref() {
            None => offer.receipt,
            Some("") => None,
            Some(name) => Some(ReceiptKind::named(name).ok_or(Code::InvalidRequest)?),
        };
        terms.cash_receipt = kind.map(|kind| self.receipt_wish(kind)).transpose()?;
        Ok(terms)
    }

    fn receipt_wish(&self, kind: ReceiptKind) -> Result<ReceiptWish, Code> {
        let typed = self.receipt_number.clone().filter(|number| !number.is_empty());
        let number = typed.unwrap_or_else(|| kind.usual_number().to_owned());
        if kind.takes(&number) { Ok(ReceiptWish { kind, number }) } else { Err(Code::InvalidRegistrationNumberType) }
    }
}

/// The buyer pays: the payment is IN_PROGRESS, and the browser goes to the success page.
async fn pay(sim: Sim, Path(payment_key): Path<String>, choice: Result<Form<Choice>, FormRejection>) -> Response {
    let Ok(Form(choice)) = choice else { return refuse(Code::InvalidRequest) };
    let Some(method) = Method::named(&choice.method) else { return refuse(Code::NotFoundMethod) };
    let named = |name: &String| Code::named(name).unwrap_or(Code::RejectCardPayment);
    let decline = choice.decline_on_confirm.as_ref().map(named);
    end(sim.enter(|world, now| {
        let exit = exit(world, &payment_key, Ended::Done)?;
        let kept = world.till.get(&payment_key).ok_or(Code::NotFoundPayment)?;
        let is_offered = match &kept.offer {
            Some(offer) => offer.methods.contains(&method),
            None => method.is_offered_in(kept.payment.currency),
        };
        if !is_offered {
            return Err(Code::NotFoundMethod);
        }
        let terms = choice.terms(kept)?;
        world
            .till
            .change(&payment_key, |payment| {
                payment.authenticate(method, decline, now)?;
                payment.terms = terms;
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
    end(sim.enter(|world, _| exit(world, &payment_key, Ended::Refused(Code::RejectCardCompany))))
}

/// The buyer closed the window: Toss then leaves out the orderId, and sends no webhook.
async fn close(sim: Sim, Path(payment_key): Path<String>) -> Response {
    end(sim.enter(|world, _| exit(world, &payment_key, Ended::Closed)))
}

fn exit(world: &World, payment_key: &str, ended: Ended) -> Result<Exit, Code> {
    let kept = world.till.get(payment_key).ok_or(Code::NotFoundPayment)?;
    if let Some(code) = closed_by(&kept.payment) {
        return Err(code);
    }
    let payment = &kept.payment;
    let (order_id, amount) = (payment.order_id.as_str(), payment.currency.text(payment.total));
    let pairs = [
        ("paymentType", "NORMAL"),
        ("orderId", order_id),
        ("paymentKey", payment.key.as_str()),
        ("amount", amount.as_str()),
    ];
    let paid = json!({ "currency": payment.currency.code(), "value": payment.currency.number(payment.total) });
    let value = json!({ "paymentKey": payment.key, "orderId": order_id, "amount": paid });
    let way_back = kept.way_back.as_ref().ok_or(Code::NotFoundPaymentSession)?;
    way_back.exit(ended, &Success { pairs: &pairs, value }, Some(order_id))
}

async fn receipt(sim: Sim, Path(payment_key): Path<String>) -> Response {
    let page = sim.enter(|world, _| {
        let kept = world.till.get(&payment_key).ok_or(Code::NotFoundPayment)?;
        Ok(pages::receipt(&kept.payment, merchant_name(world, kept)))
    });
    page.map_or_else(refuse, |page| show(StatusCode::OK, page))
}

async fn cash_receipt(sim: Sim, Path(receipt_key): Path<String>) -> Response {
    let page = sim.enter(|world, now| {
        let receipt = world.receipt_called(&receipt_key).ok_or(Code::NotFound)?;
        Ok(pages::cash_receipt(&receipt.json(&world.public_url, now)))
    });
    page.map_or_else(refuse, |page| show(StatusCode::OK, page))
}
