//! Every address that is served.

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
    routing::{delete, get, post},
};
use tower_http::catch_panic::CatchPanicLayer;

use crate::{
    Api, audit, body::MAX_BODY_BYTES, buyers, checkout, codec, dead_letters, health, ledger, pages, payment_order,
    payments_list, problem, refund, requests, wallets, webhook,
};

/// The API and the buyer's pages.
pub fn router(api: Api) -> Router {
    let api = Arc::new(api);
    Router::new()
        .nest("/v1/payments", payments())
        .nest("/payments/payment/v1", payments())
        .route("/v1/webhooks/toss", post(webhook::receive))
        .route("/payments/webhook", post(webhook::receive))
        .route("/v1/wallets/{seller_account}", get(wallets::show))
        .route("/v1/wallets/{seller_account}/entries", get(wallets::movements))
        .route("/v1/ledger/accounts", get(ledger::accounts))
        .route("/v1/ledger/accounts/{account}", get(ledger::account))
        .route("/v1/ledger/accounts/{account}/entries", get(ledger::movements))
        .route("/v1/ledger/entries", get(ledger::entries))
        .route("/v1/ledger/entries/{entry_id}", get(ledger::entry))
        .route("/v1/ledger/trial-balance", get(ledger::trial_balance))
        .route("/v1/buyers/{buyer_id}/personal-data", delete(buyers::erase))
        .merge(codec::routes())
        .route("/v1/dead-letters", get(dead_letters::list))
        .route("/v1/dead-letters/bulk", post(dead_letters::bulk))
        .route("/v1/dead-letters/{id}", get(dead_letters::show))
        .route("/v1/dead-letters/{id}/retry", post(dead_letters::retry))
        .route("/v1/dead-letters/{id}/resolve", post(dead_letters::resolve))
        .route("/v1/dead-letters/{id}/discard", post(dead_letters::discard))
        .route("/v1/audit-log", get(audit::list))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/checkout/{checkout_id}", get(pages::checkout))
        .route("/checkout/{checkout_id}/success", get(pages::success))
        .route("/checkout/{checkout_id}/fail", get(pages::fail))
        .fallback(problem::no_such_route)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(CatchPanicLayer::custom(problem::of_panic))
        .layer(from_fn(problem::render))
        .layer(from_fn_with_state(api.clone(), audit::record))
        .layer(from_fn(requests::observe))
        .with_state(api)
}

/// Payments, under their documented path and under the older one.
fn payments() -> Router<Arc<Api>> {
    Router::new()
        .route("/", get(payments_list::list).post(checkout::create))
        .route("/{id}", get(payment_order::show).delete(refund::delete))
        .route("/{id}/cancel", post(refund::cancel))
        .route("/{id}/history", get(checkout::history))
        .route("/{id}/confirm", post(checkout::confirm))
}
