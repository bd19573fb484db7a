//! Every address that is served.

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::from_fn,
    routing::{delete, get, post},
};
use tower_http::catch_panic::CatchPanicLayer;

use crate::{
    Api, body::MAX_BODY_BYTES, buyers, checkout, codec, health, ledger, pages, payment_order, payments_list, problem,
    refund, requests, wallets, webhook,
};

/// The API and the buyer's pages.
pub fn router(api: Api) -> Router {
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
        .layer(from_fn(requests::observe))
        .with_state(Arc::new(api))
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
