//! Every address that is served, each registered together with its description.

use std::sync::{Arc, LazyLock};

use axum::{
    Extension, Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
};
use serde_json::Value;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Api,
    http::{
        audit,
        body::MAX_BODY_BYTES,
        caller, leftover_body,
        limits::{self, Gate},
        metrics, problem, request,
        route_rules::{self, RouteRules},
    },
    openapi,
    routes::{
        ask_psp, audit_log, bank_statement, breaks, buyer, buyer_page, cash_receipts, checkout, codec, console,
        dead_letter, event, health, history, ledger, payment_order, payments_list, payout, payout_run, purchase,
        purchase_statement, rate, reconciliation, refund, report, saved_card, seller, settlement, sweep, wallet,
        webhook, webhook_endpoint,
    },
};

/// The API and the buyer's pages.
pub fn router(api: Api) -> Router {
    let api = Arc::new(api);
    let (served, _) = described().split_for_parts();
    served
        .merge(console::routes(&api))
        .fallback(problem::no_such_route)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(from_fn(limits::admit))
        // A refused request of a key is in the audit log too: the key is known by then.
        .layer(from_fn_with_state(RouteRules::of(document()), route_rules::hold))
        .layer(from_fn_with_state(api.clone(), caller::introduce))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(CatchPanicLayer::custom(problem::of_panic))
        .layer(from_fn_with_state(Gate::new(api.settings.limits.clone()), limits::guard))
        .layer(from_fn(problem::render))
        .layer(from_fn_with_state(audit::Auditor::new(&api), audit::record))
        .layer(from_fn_with_state(api.metrics.clone(), metrics::count))
        .layer(from_fn_with_state(api.clone(), request::observe))
        .layer(from_fn(leftover_body::read_or_close))
        .layer(Extension(openapi::Document(document())))
        .with_state(api)
}

/// Made once: the document depends on the code alone.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| openapi::document::complete(described().into_openapi()));

/// The OpenAPI document.
pub fn document() -> &'static Value {
    &DOCUMENT
}

/// Every route with what the OpenAPI document says of it.
fn described() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::default()
        .nest("/v1/payments", payments())
        .nest("/payments/payment/v1", payments())
        .routes(routes!(webhook::receive))
        .routes(routes!(webhook::receive_by_older_path))
        .routes(routes!(wallet::show))
        .routes(routes!(wallet::movements))
        .routes(routes!(ledger::accounts::list))
        .routes(routes!(ledger::accounts::show))
        .routes(routes!(ledger::movements::list))
        .routes(routes!(ledger::entries::list))
        .routes(routes!(ledger::entries::show))
        .routes(routes!(ledger::reversal::preview, ledger::reversal::ask))
        .routes(routes!(ledger::reversal::approve))
        .routes(routes!(ledger::reversal::reject))
        .routes(routes!(ledger::reversal::undo))
        .routes(routes!(ledger::trial_balance::show))
        .routes(routes!(payout_run::list, payout_run::create))
        .routes(routes!(payout_run::show))
        .routes(routes!(payout_run::approve))
        .routes(routes!(payout_run::reject))
        .routes(routes!(payout_run::cancel))
        .routes(routes!(payout_run::bank_file::take))
        .routes(routes!(payout::list))
        .routes(routes!(payout::show))
        .routes(routes!(payout::cancel))
        .routes(routes!(payout::retry))
        .routes(routes!(payout::returned))
        .routes(routes!(payout::received))
        .routes(routes!(payout::paid))
        .routes(routes!(payout::failed))
        .routes(routes!(payout::statement))
        .routes(routes!(sweep::create))
        .routes(routes!(sweep::free))
        .routes(routes!(refund::approvals_list::list))
        .routes(routes!(refund::approval::approve))
        .routes(routes!(refund::approval::reject))
        .routes(routes!(seller::list))
        .routes(routes!(seller::show, seller::put))
        .routes(routes!(seller::reveal))
        .routes(routes!(seller::verify_account))
        .routes(routes!(seller::sign_in_link))
        .routes(routes!(seller::hold::place))
        .routes(routes!(seller::hold::lift))
        .routes(routes!(reconciliation::list, reconciliation::start))
        .routes(routes!(reconciliation::show))
        .routes(routes!(breaks::list))
        .routes(routes!(breaks::show))
        .routes(routes!(breaks::assign))
        .routes(routes!(breaks::comment))
        .routes(routes!(breaks::wait))
        .routes(routes!(breaks::resolve))
        .routes(routes!(breaks::undo))
        .routes(routes!(settlement::list))
        .routes(routes!(bank_statement::import))
        .routes(routes!(rate::list, rate::import))
        .routes(routes!(report::owed_to_sellers))
        .routes(routes!(report::seller_sales))
        .routes(routes!(report::refund_deadlines::refund_deadlines))
        .routes(routes!(report::cash_receipts::cash_receipts))
        .routes(routes!(report::psp_fees::psp_fees))
        .routes(routes!(report::fx_trading::fx_trading))
        .routes(routes!(dead_letter::list))
        .routes(routes!(dead_letter::bulk))
        .routes(routes!(dead_letter::show))
        .routes(routes!(dead_letter::retry))
        .routes(routes!(dead_letter::resolve))
        .routes(routes!(dead_letter::discard))
        .routes(routes!(webhook_endpoint::list, webhook_endpoint::create))
        .routes(routes!(webhook_endpoint::show, webhook_endpoint::change, webhook_endpoint::remove))
        .routes(routes!(webhook_endpoint::rotate))
        .routes(routes!(webhook_endpoint::test))
        .routes(routes!(webhook_endpoint::replay))
        .routes(routes!(webhook_endpoint::deliveries::list))
        .routes(routes!(webhook_endpoint::deliveries::redeliver))
        .routes(routes!(event::list))
        .routes(routes!(audit_log::list))
        .routes(routes!(buyer::erase))
        .merge(codec::described())
        .routes(routes!(health::alive))
        .routes(routes!(health::ready))
        .routes(routes!(buyer_page::checkout))
        .routes(routes!(buyer_page::success))
        .routes(routes!(buyer_page::fail))
        .routes(routes!(buyer_page::statement))
        .routes(routes!(buyer_page::status))
        .routes(routes!(saved_card::list, saved_card::create))
        .routes(routes!(saved_card::show, saved_card::delete))
        .routes(routes!(saved_card::charge))
        .routes(routes!(saved_card::page::register))
        .routes(routes!(saved_card::page::success))
        .routes(routes!(saved_card::page::fail))
        .routes(routes!(metrics::show))
        .routes(routes!(openapi::show))
        .routes(routes!(openapi::page::lead))
        .routes(routes!(openapi::page::show))
}

/// Payments, under their documented path and under the older one.
fn payments() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::default()
        .routes(routes!(payments_list::list, checkout::create))
        .routes(routes!(payment_order::show, refund::delete))
        .routes(routes!(history::show))
        .routes(routes!(cash_receipts::show, cash_receipts::request))
        .routes(routes!(checkout::confirm))
        .routes(routes!(refund::cancel))
        .routes(routes!(purchase::report))
        .routes(routes!(purchase_statement::show))
        .routes(routes!(ask_psp::ask))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_is_served_is_in_the_document_and_nothing_else() {
        let (served, _) = described().split_for_parts();
        // The router names its paths in its debugging form and nowhere else.
        let told = format!("{served:?}");
        let is_path = |text: &&str| text.starts_with("/") && !text.contains("axum_fallback");
        let served: BTreeSet<&str> = told.split('"').filter(is_path).collect();
        let described: BTreeSet<&str> = document()["paths"].as_object().unwrap().keys().map(String::as_str).collect();
        assert!(described.len() > 15, "{described:?}");
        assert_eq!(served, described);
    }
}
