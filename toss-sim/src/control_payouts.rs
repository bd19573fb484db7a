//! The control plane of payouts: whose money there is, whom Toss knows, and what a bank sends back.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::codes::Code;
use crate::control::{Objection, Told, code_named};
use crate::currency::{Currency, Money};
use crate::exchange::{Exchange, ExchangeRate, FeeTaken, MAX_EXCHANGES};
use crate::fields::{MAX_AMOUNT, Won, is_order_id};
use crate::method::Method;
use crate::payment::{Payment, Twist};
use crate::payout::Payout;
use crate::plants::{MAX_PLANTS, Plant, PlantKind};
use crate::seller::{Seller, SellerStatus};
use crate::till::Kept;
use crate::time::Instant;
use crate::world::{FIRST, Shared, World};

const PLANT_KEY_LENGTH: usize = 26;

type Sim = State<Arc<Shared>>;

/// The routes of the control plane that concern payouts.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/_sim/balance", post(put_into_balance))
        .route("/_sim/seller-status", post(set_seller_status))
        .route("/_sim/balances", get(show_balances))
        .route("/_sim/payouts", get(list_payouts))
        .route("/_sim/payouts/{ref_payout_id}/fail", post(fail_payout))
        .route("/_sim/payouts/{ref_payout_id}/return", post(return_payout))
        .route("/_sim/sellers", get(list_sellers))
        .route("/_sim/settlements/plant", post(plant))
        .route("/_sim/exchange", post(exchange))
        .route("/_sim/charges", post(charge_many))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BalanceBody {
    amount: Won,
}

async fn put_into_balance(sim: Sim, Told(body): Told<BalanceBody>) -> Result<Json<Value>, Objection> {
    sim.enter(|world, now| {
        if !world.payouts.deposit(FIRST, body.amount.0, MAX_AMOUNT) {
            return Err(Objection::Invalid(format!("a balance is at most {MAX_AMOUNT} won")));
        }
        Ok(Json(json!({ "available": world.available(FIRST, now) })))
    })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SellerStatusBody {
    seller_id: String,
    status: SellerStatus,
}

async fn set_seller_status(sim: Sim, Told(body): Told<SellerStatusBody>) -> Result<Json<Value>, Objection> {
    sim.enter(|world, now| {
        world.set_seller_status(&body.seller_id, body.status, now);
        let seller = world.payouts.seller(&body.seller_id);
        seller.map(|seller| Json(seller.json())).ok_or_else(|| Objection::Unknown(format!("seller {}", body.seller_id)))
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FailBody {
    code: Option<String>,
}

/// The bank refuses a payout before it is completed. Toss sends a webhook.
async fn fail_payout(
    sim: Sim,
    Path(reference): Path<String>,
    Told(body): Told<FailBody>,
) -> Result<Json<Value>, Objection> {
    let code = code_named(body.code.as_deref(), Code::InvalidAccountNumber)?;
    change_payout(&sim, &reference, |payout| payout.fail(code))
}

/// The bank sends the money of a completed payout back. Only the balance shows it.
async fn return_payout(sim: Sim, Path(reference): Path<String>) -> Result<Json<Value>, Objection> {
    change_payout(&sim, &reference, Payout::give_back)
}

fn change_payout(
    sim: &Shared,
    reference: &str,
    change: impl FnOnce(&mut Payout) -> Result<(), &'static str>,
) -> Result<Json<Value>, Objection> {
    let unknown = || Objection::Unknown(format!("payout {reference}"));
    sim.enter(|world, now| {
        let id = world.payouts.payout_called(FIRST, reference).cloned().ok_or_else(unknown)?;
        let before = world.payouts.payout(&id).map(|payout| payout.status);
        world.payouts.change_payout(&id, change).ok_or_else(unknown)?.map_err(Objection::WrongState)?;
        let payout = world.payouts.payout(&id).ok_or_else(unknown)?;
        let shown = payout.truth();
        if before != Some(payout.status) {
            world.announce_payout(&id, now);
        }
        Ok(Json(shown))
    })
}

/// What the balance that payouts are made from is, and what it is made of, in won.
async fn show_balances(sim: Sim) -> Json<Value> {
    Json(sim.enter(|world, now| {
        let (completed, _) = world.payouts.completed();
        json!({
            "available": world.available(FIRST, now),
            "pending": world.pending(FIRST, now),
            "deposited": world.payouts.deposited(FIRST),
            "bound": world.payouts.taken(FIRST).saturating_sub(completed),
            "completed": completed,
        })
    }))
}

/// What really happened: the payouts, and how much of them has arrived.
async fn list_payouts(sim: Sim) -> Json<Value> {
    Json(sim.enter(|world, _| {
        let payouts: Vec<Value> = world.payouts.payouts(FIRST).map(Payout::truth).collect();
        let (completed, count) = world.payouts.completed();
        json!({ "payouts": payouts, "completed": completed, "count": count })
    }))
}

async fn list_sellers(sim: Sim) -> Json<Vec<Value>> {
    Json(sim.enter(|world, _| world.payouts.sellers(FIRST).map(Seller::json).collect()))
}

/// Most payments that one request charges.
const MAX_CHARGES: usize = 100_000;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ChargesBody {
    /// The order ids are this, a hyphen and a number from 0.
    order_prefix: String,
    count: usize,
    /// Of each, in won.
    amount: Won,
}

/// Many payments at once, each charged by card, without a webhook: the clean ones beside those of a test.
async fn charge_many(sim: Sim, Told(body): Told<ChargesBody>) -> Result<Json<Value>, Objection> {
    let ChargesBody { order_prefix, count, amount: Won(amount) } = body;
    if !(1..=MAX_CHARGES).contains(&count) || !(1..=MAX_AMOUNT).contains(&amount) {
        return Err(Objection::Invalid(format!("count is 1 to {MAX_CHARGES}, and amount 1 to {MAX_AMOUNT} won")));
    }
    let orders: Vec<String> = (0..count).map(|number| format!("{order_prefix}-{number:05}")).collect();
    if let Some(wrong) = orders.iter().find(|order| !is_order_id(order)) {
        return Err(Objection::Invalid(format!("{wrong} is no orderId")));
    }
    sim.enter(|world, now| {
        let charged = orders.into_iter().map(|order_id| {
            let key = world.charge_by_card(&order_id, amount, now)?;
            Some(json!({ "orderId": order_id, "paymentKey": key }))
        });
        let charged: Option<Vec<Value>> = charged.collect();
        charged.map(Value::from).map(Json).ok_or_else(|| Objection::Full("payments".to_owned()))
    })
}

/// How much a planted fee is too high by, or a planted lump or payment is, when the request does not say; in won.
const PLANTED_AMOUNT: u64 = 1_000;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PlantBody {
    kind: PlantKind,
    order_id: Option<String>,
    amount: Option<Won>,
}

/// Makes a settlement row wrong, or adds one that belongs to no payment of the merchant.
async fn plant(sim: Sim, Told(body): Told<PlantBody>) -> Result<Json<Value>, Objection> {
    let amount = body.amount.map_or(PLANTED_AMOUNT, |amount| amount.0);
    if !(1..=MAX_AMOUNT).contains(&amount) {
        return Err(Objection::Invalid(format!("amount is 1 to {MAX_AMOUNT} won")));
    }
    sim.enter(|world, now| {
        let key = world.mint.named("planted_", PLANT_KEY_LENGTH);
        let order_id = match body.order_id {
            Some(order_id) if body.kind.concerns_an_order() && world.till.of_order(&order_id).is_none() => {
                return Err(Objection::UnknownOrder(order_id));
            }
            Some(order_id) => order_id,
            None if body.kind.concerns_an_order() => {
                return Err(Objection::Invalid("this kind is about an order: say its orderId".to_owned()));
            }
            None => key.clone(),
        };
        if body.kind == PlantKind::ForeignPayment {
            world.charge_foreign(&order_id, amount, now).ok_or_else(|| Objection::Full("payments".to_owned()))?;
        } else {
            let plant =
                Plant { kind: body.kind, order_id: order_id.clone(), amount, key: key.clone(), planted_at: now };
            if !world.plants.add(plant) {
                return Err(Objection::Full(format!("{MAX_PLANTS} planted rows")));
            }
        }
        Ok(Json(json!({ "kind": body.kind, "orderId": order_id, "amount": amount })))
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExchangeBody {
    currency: Currency,
    /// Won for one unit; sales are settled in their own currency where it is null.
    rate: Option<ExchangeRate>,
    #[serde(default)]
    fee: FeeTaken,
}

/// Has sales of a currency settled in won from now on, or in their own currency again.
async fn exchange(sim: Sim, Told(body): Told<ExchangeBody>) -> Result<Json<Value>, Objection> {
    let ExchangeBody { currency, rate, fee } = body;
    if currency == Currency::Krw {
        return Err(Objection::Invalid("sales in won are settled in won".to_owned()));
    }
    sim.enter(|world, now| {
        let exchange = rate.map(|rate| Exchange { currency, rate, fee });
        if !world.exchanges.change(currency, exchange, now) {
            return Err(Objection::Full(format!("{MAX_EXCHANGES} changes of rates")));
        }
        let rate = rate.map(ExchangeRate::number);
        Ok(Json(json!({ "currency": currency.code(), "rate": rate, "fee": fee })))
    })
}

impl World {
    /// A payment of the merchant's other system: charged by card, with the usual webhook.
    fn charge_foreign(&mut self, order_id: &str, amount: u64, now: Instant) -> Option<()> {
        let key = self.charge_by_card(order_id, amount, now)?;
        self.announce(&key, now);
        Some(())
    }

    /// A payment by card, charged at once.
    fn charge_by_card(&mut self, order_id: &str, amount: u64, now: Instant) -> Option<String> {
        let merchant_id = self.merchants.get(FIRST).map(|merchant| merchant.merchant_id.clone())?;
        let key = self.mint.payment_key(&merchant_id, now);
        let name = "다른 시스템의 주문".to_owned();
        let mut payment = Payment::ready(key.clone(), order_id.to_owned(), name, Money::won(amount), now);
        payment.authenticate(Method::Card, None, now).ok()?;
        if !self.till.keep(Kept::of(payment, FIRST)) {
            return None;
        }
        let fresh = self.mint.fresh();
        self.till.change(&key, |payment| payment.confirm(order_id, amount, Twist::default(), now, fresh))?;
        self.note_capture(&key, now);
        Some(key)
    }
}
