//! The control plane of payouts: whose money there is, whom Toss knows, and what a bank sends back.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::bodies::Won;
use crate::codes::Code;
use crate::control::{Objection, Told, code_named};
use crate::payout::Payout;
use crate::seller::{Seller, SellerStatus};
use crate::till::MAX_AMOUNT;
use crate::world::Shared;

/// The control plane acts for the first merchant, as `POST /_sim/authorize` does.
const FIRST: usize = 0;

type Sim = State<Arc<Shared>>;

/// The routes of the control plane that concern payouts.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/_sim/balance", post(put_into_balance))
        .route("/_sim/seller-status", post(set_seller_status))
        .route("/_sim/payout-failure", post(fail_payout))
        .route("/_sim/payouts", get(list_payouts))
        .route("/_sim/sellers", get(list_sellers))
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
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PayoutFailureBody {
    ref_payout_id: String,
    code: Option<String>,
}

/// The bank sends a payout back.
async fn fail_payout(sim: Sim, Told(body): Told<PayoutFailureBody>) -> Result<Json<Value>, Objection> {
    let code = code_named(body.code.as_deref(), Code::InvalidAccountNumber)?;
    let unknown = || Objection::Unknown(format!("payout {}", body.ref_payout_id));
    sim.enter(|world, now| {
        let id = world.payouts.payout_called(FIRST, &body.ref_payout_id).cloned().ok_or_else(unknown)?;
        let failed = world.payouts.change_payout(&id, |payout| payout.fail(code));
        failed.ok_or_else(unknown)?.map_err(Objection::WrongState)?;
        world.announce_payout(&id, now);
        world.payouts.payout(&id).map(|payout| Json(payout.json())).ok_or_else(unknown)
    })
}

/// What really happened: the payouts, and how much of them has arrived.
async fn list_payouts(sim: Sim) -> Json<Value> {
    Json(sim.enter(|world, _| {
        let payouts: Vec<Value> = world.payouts.payouts(FIRST).map(Payout::json).collect();
        let (completed, count) = world.payouts.completed();
        json!({ "payouts": payouts, "completed": completed, "count": count })
    }))
}

async fn list_sellers(sim: Sim) -> Json<Vec<Value>> {
    Json(sim.enter(|world, _| world.payouts.sellers(FIRST).map(Seller::json).collect()))
}
