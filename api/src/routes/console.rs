//! The console: pages for support, operations and finance. `web` makes the pages.
//!
//! Every page and every act stands in one table with the scope that it needs, which is the scope that an API key needs
//! for the same data; a seller has pages of its own. The layer that the table puts around a handler finds the session,
//! refuses roles that the row does not admit, and takes a form only with the token of the session.
//!
//! # Invariants
//!
//! * No handler of the table runs without a session whose roles admit to its row.
//! * No form is read that lacks the token of its session.

mod acts;
mod books;
mod break_acts;
mod breaks;
mod cookies;
mod frame;
mod freezing;
mod guard;
mod key_requests;
mod keys;
mod letter_acts;
mod letters;
mod needs;
mod notes;
mod operations;
mod overview;
mod own;
mod past_days;
mod payments;
mod payout_runs;
mod payouts;
mod proofs;
mod psp_view;
mod reason;
mod reconciliations;
mod refund;
mod refund_approvals;
mod refund_waits;
mod seller_acts;
mod sellers;
mod sign_in;
mod story;

use std::sync::Arc;

use axum::{
    Router,
    middleware::from_fn_with_state,
    response::Redirect,
    routing::{any, get, post},
};
use store::Scope;

use crate::Api;
use guard::Guard;
pub use needs::Needs;
pub use past_days::PastDays;
pub use sign_in::{SIGN_IN_CALLBACK, SIGN_IN_LINK};

/// A page or an act, and what it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// `get` or `post`.
    pub method: &'static str,
    /// The path, with its variable parts in braces.
    pub path: &'static str,
    /// What the roles of the person must include.
    pub needs: Needs,
}

/// What a row of the table names: a kind of session, or a scope.
macro_rules! needs {
    (Admin) => {
        Needs::Admin
    };
    (Seller) => {
        Needs::Seller
    };
    (Session) => {
        Needs::Session
    };
    ($scope:ident) => {
        Needs::Scope(Scope::$scope)
    };
}

/// Declares the pages and acts. A new one is one row.
macro_rules! guarded {
    ($($method:ident $path:literal $needs:ident $handler:path;)+) => {
        /// Every page and act of the console that needs a session.
        pub const ACCESS: &[Access] =
            &[$(Access { method: stringify!($method), path: $path, needs: needs!($needs) }),+];

        fn guarded(api: &Arc<Api>) -> Router<Arc<Api>> {
            Router::new()$(
                .route($path, $method($handler).layer(from_fn_with_state(
                    Guard { api: api.clone(), needs: needs!($needs) },
                    guard::admit,
                )))
            )+
        }
    };
}

guarded! {
    get "/console" Read overview::show;
    get "/console/payments" Read payments::list;
    get "/console/payments/{id}" Read story::show;
    get "/console/payments/{id}/ask-toss" Ops acts::ask_toss;
    post "/console/payments/{id}/ask-toss" Ops acts::do_ask_toss;
    get "/console/payments/{id}/cancel" Checkout acts::cancel;
    post "/console/payments/{id}/cancel" Checkout acts::do_cancel;
    get "/console/payments/{id}/refund" Refund refund::show;
    post "/console/payments/{id}/refund/review" Refund refund::review;
    post "/console/payments/{id}/refund" Refund refund::carry_out;
    get "/console/payments/{id}/refunds/{refund}/{step}" Refund refund_approvals::ask;
    post "/console/payments/{id}/refunds/{refund}/{step}" Refund refund_approvals::decide;
    get "/console/refund-approvals" Read refund_approvals::list;
    get "/console/payments/{id}/toss" Read psp_view::ask;
    post "/console/payments/{id}/toss" Read psp_view::show;
    get "/console/payments/{id}/note" Refund notes::ask;
    post "/console/payments/{id}/note" Refund notes::write;
    get "/console/dead-letters" Ops letters::list;
    get "/console/dead-letters/bulk" Ops letter_acts::bulk;
    post "/console/dead-letters/bulk" Ops letter_acts::do_bulk;
    get "/console/dead-letters/{id}" Ops letters::show;
    get "/console/dead-letters/{id}/resolve" Ops letter_acts::resolve;
    post "/console/dead-letters/{id}/resolve" Ops letter_acts::do_resolve;
    get "/console/dead-letters/{id}/retry" Ops letters::retry;
    post "/console/dead-letters/{id}/retry" Ops letters::do_retry;
    get "/console/dead-letters/{id}/discard" Ops letters::discard;
    post "/console/dead-letters/{id}/discard" Ops letters::do_discard;
    get "/console/sellers" Read sellers::list;
    get "/console/sellers/{seller}" Read sellers::show;
    get "/console/sellers/{seller}/hold" Finance seller_acts::hold;
    post "/console/sellers/{seller}/hold" Finance seller_acts::do_hold;
    get "/console/sellers/{seller}/holds/{hold}/lift" Finance seller_acts::lift;
    post "/console/sellers/{seller}/holds/{hold}/lift" Finance seller_acts::do_lift;
    get "/console/sellers/{seller}/reveal" Finance seller_acts::reveal;
    post "/console/sellers/{seller}/reveal" Finance seller_acts::do_reveal;
    get "/console/sellers/{seller}/verify" Finance seller_acts::verify;
    post "/console/sellers/{seller}/verify" Finance seller_acts::do_verify;
    get "/console/payout-runs" Read payout_runs::list;
    get "/console/payout-runs/new" Finance freezing::ask;
    post "/console/payout-runs/new" Finance freezing::carry_out;
    get "/console/payout-runs/{run}" Read payout_runs::show;
    get "/console/payout-runs/{run}/{step}" Finance payout_runs::ask;
    post "/console/payout-runs/{run}/{step}" Finance payout_runs::decide;
    get "/console/payouts" Read payouts::list;
    get "/console/payouts/{payout}" Read payouts::show;
    get "/console/payouts/{payout}/statement" Read payouts::statement;
    get "/console/payouts/{payout}/act/{step}" Finance payouts::ask;
    post "/console/payouts/{payout}/act/{step}" Finance payouts::act;
    get "/console/reconciliations" Read reconciliations::list;
    get "/console/reconciliations/{day}" Read reconciliations::show;
    get "/console/reconciliations/{day}/start" Finance reconciliations::ask;
    post "/console/reconciliations/{day}/start" Finance reconciliations::start;
    get "/console/breaks" Read breaks::list;
    get "/console/breaks/{break}" Read breaks::show;
    get "/console/breaks/{break}/{step}" Finance break_acts::ask;
    post "/console/breaks/{break}/{step}" Finance break_acts::act;
    get "/console/settlements" Read reconciliations::settlements;
    get "/console/fx-trading" Read reconciliations::exchanges;
    get "/console/fx-trading/export" Read reconciliations::export_exchanges;
    get "/console/wallets" Read books::wallets;
    get "/console/wallets/{seller}" Read books::wallet;
    get "/console/ledger" Read books::accounts;
    get "/console/ledger/entries" Read proofs::list;
    get "/console/ledger/proofs" Finance proofs::proofs;
    post "/console/ledger/proofs" Finance proofs::verify;
    get "/console/ledger/export" Finance proofs::export;
    get "/console/ledger/accounts/{account}" Read books::account;
    get "/console/ledger/entries/{entry}" Read books::entry;
    get "/console/events" Read operations::events;
    get "/console/webhook-endpoints" Ops operations::endpoints;
    get "/console/webhook-endpoints/{id}" Ops operations::endpoint;
    get "/console/webhook-endpoints/{id}/deliveries/{delivery}/redeliver" Ops operations::redeliver;
    post "/console/webhook-endpoints/{id}/deliveries/{delivery}/redeliver" Ops operations::do_redeliver;
    get "/console/api-keys" Ops operations::api_keys;
    get "/console/api-keys/{key}/revoke" Admin keys::ask;
    post "/console/api-keys/{key}/revoke" Admin keys::revoke;
    get "/console/api-keys/{key}/rotate" Admin key_requests::ask_rotation;
    post "/console/api-keys/{key}/rotate" Admin key_requests::send_rotation;
    get "/console/api-key-requests/new" Admin key_requests::ask;
    get "/console/api-key-requests/{request}" Admin key_requests::show;
    post "/console/api-key-requests/{request}" Admin key_requests::send;
    get "/console/api-key-requests/{request}/approve" Admin key_requests::approve;
    post "/console/api-key-requests/{request}/approve" Admin key_requests::do_approve;
    get "/console/api-key-requests/{request}/reject" Admin key_requests::reject;
    post "/console/api-key-requests/{request}/reject" Admin key_requests::do_reject;
    get "/console/api-key-requests/{request}/secret" Admin key_requests::show;
    post "/console/api-key-requests/{request}/secret" Admin key_requests::secret;
    get "/console/audit-log" Ops operations::audit_log;
    get "/console/sessions" Ops operations::sessions;
    post "/console/sessions/{session}/end" Ops operations::end_session;
    get "/console/system" Ops operations::system;
    get "/console/own" Seller own::show;
    get "/console/own/payouts" Seller own::payouts;
    get "/console/own/payouts/{payout}" Seller own::payout;
    get "/console/own/payouts/{payout}/statement" Seller own::statement;
    post "/console/sign-out" Session sign_in::sign_out;
}

/// The console. The way in needs no session.
pub(crate) fn routes(api: &Arc<Api>) -> Router<Arc<Api>> {
    guarded(api)
        .route("/console/sign-in", get(sign_in::show))
        .route("/console/sign-in/provider", get(sign_in::to_provider))
        .route(SIGN_IN_CALLBACK, get(sign_in::from_provider))
        .route(SIGN_IN_LINK, get(sign_in::by_link))
        .route("/console/language/{tag}", get(sign_in::language))
        .route("/console/", get(|| async { Redirect::permanent("/console") }))
        .route("/console/{*rest}", any(frame::unknown))
}
