//! The buyer's pages: pay, back from the payment window, payment did not happen.
//!
//! These are the only place of this crate that speaks the PSP's words, because they hand the buyer over to
//! its script and take the buyer back. Card data is entered at the PSP and never comes here: the window
//! opens by navigating away, not in a frame (PCI DSS, SAQ A).

mod access;
pub(crate) mod banks;
mod parts;
pub(crate) mod policy;
mod states;
mod views;
mod words;

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use domain::id::CheckoutId;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Serialize;
use store::{CheckoutRecord, ConfirmToken};

use crate::{
    Api, buyers,
    checkout::unknown,
    openapi::{
        refusals::refusals,
        shapes::{CheckoutName, StatusName},
    },
    problem::{Code, Problem},
    shapes::now,
};
use access::{Access, Made};
use policy::Policy;
use words::{Language, Words};

refusals! {
    PageRefusals: DatabaseUnavailable;
    StandingRefusals: CheckoutNotFound, DatabaseUnavailable;
}

const STYLE: &str = include_str!("pages/style.css");
const WATCH_SCRIPT: &str = include_str!("pages/watch.js");
const PAY_SCRIPT: &str = include_str!("pages/pay.js");
const ACCOUNT_SCRIPT: &str = include_str!("pages/account.js");
const RETURN_SCRIPT: &str = include_str!("pages/return.js");
/// A page is true when it is made, and nobody else's: the browser's own button back must not show an older one.
const NOT_STORED: [(HeaderName, HeaderValue); 1] = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];

/// The payment page
///
/// What is to be paid, and the button that opens the payment window.
#[utoipa::path(
    get,
    path = "/checkout/{checkout_id}",
    operation_id = "show_payment_page",
    extensions(("x-open-query" = json!(true))),
    tag = "Buyer's pages",
    params(("checkout_id" = CheckoutName, Path, description = "The checkout"), ("token" = Option<String>, Query, description = "The `confirm_token` of the checkout; without it the page shows the status alone")),
    responses((status = 200, description = "The page", body = String, content_type = "text/html"), (status = 404, description = "There is no such checkout", body = String, content_type = "text/html"), PageRefusals)
)]
pub(crate) async fn checkout(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    Query(parameters): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let page = Page::of(&headers);
    let Some(record) = find(&api, &id).await? else { return Ok(page.unknown_checkout()) };
    let token = token(&parameters);
    let made = match page.made(&api, &record, token.as_ref()) {
        Ok(made) => made,
        Err(bare) => return Ok(bare),
    };
    let policy = Policy::with_psp(&api.settings.psp_script_url);
    let scripts = [WATCH_SCRIPT, PAY_SCRIPT, ACCOUNT_SCRIPT];
    let holder = buyers::account_holder(&api, &record);
    let made = Made { holder: holder.as_deref(), ..made };
    Ok(page.answer(&policy, page.checkout_title(&record), &scripts, &page.checkout(&record, made)))
}

/// The success page
///
/// The buyer is back from the window; the page confirms the payment.
#[utoipa::path(
    get,
    path = "/checkout/{checkout_id}/success",
    operation_id = "show_success_page",
    extensions(("x-open-query" = json!(true))),
    tag = "Buyer's pages",
    params(("checkout_id" = CheckoutName, Path, description = "The checkout"), ("token" = Option<String>, Query, description = "The `confirm_token` of the checkout; without it the page shows the status alone")),
    responses((status = 200, description = "The page", body = String, content_type = "text/html"), (status = 404, description = "There is no such checkout", body = String, content_type = "text/html"), PageRefusals)
)]
pub(crate) async fn success(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    Query(parameters): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let page = Page::of(&headers);
    let Some(record) = find(&api, &id).await? else { return Ok(page.unknown_checkout()) };
    let token = token(&parameters);
    let made = match page.made(&api, &record, token.as_ref()) {
        Ok(made) => made,
        Err(bare) => return Ok(bare),
    };
    let body = page.returned(&record, made);
    Ok(page.answer(&Policy::own(), page.words.confirming.0, &[RETURN_SCRIPT], &body))
}

/// The failure page
///
/// The window closed without a payment, and why.
#[utoipa::path(
    get,
    path = "/checkout/{checkout_id}/fail",
    operation_id = "show_failure_page",
    extensions(("x-open-query" = json!(true))),
    tag = "Buyer's pages",
    params(("checkout_id" = CheckoutName, Path, description = "The checkout"), ("code" = Option<String>, Query, description = "Why, in a code of the payment provider"), ("token" = Option<String>, Query, description = "The `confirm_token` of the checkout; without it the page shows the status alone")),
    responses((status = 200, description = "The page", body = String, content_type = "text/html"), (status = 404, description = "There is no such checkout", body = String, content_type = "text/html"), PageRefusals)
)]
pub(crate) async fn fail(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    Query(parameters): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let page = Page::of(&headers);
    let Some(record) = find(&api, &id).await? else { return Ok(page.unknown_checkout()) };
    let token = token(&parameters);
    let made = match page.made(&api, &record, token.as_ref()) {
        Ok(made) => made,
        Err(bare) => return Ok(bare),
    };
    let code = parameters.get("code").map_or("", String::as_str);
    let body = page.failed(&record, words::reason(code, page.words), made);
    Ok(page.answer(&Policy::own(), page.words.failed_title, &[WATCH_SCRIPT], &body))
}

/// How far a checkout is
///
/// What a page of the buyer's asks to know whether it still shows the truth: whenever `revision` is another one, the
/// page has changed.
#[utoipa::path(
    get,
    path = "/checkout/{checkout_id}/status",
    operation_id = "watch_checkout",
    extensions(("x-open-query" = json!(true))),
    tag = "Buyer's pages",
    params(("checkout_id" = CheckoutName, Path, description = "The checkout")),
    responses((status = 200, description = "How far it is", body = StandingBody), StandingRefusals)
)]
pub(crate) async fn status(State(api): State<Arc<Api>>, Path(id): Path<String>) -> Result<Response, Problem> {
    let record = find(&api, &id).await?.ok_or_else(unknown)?;
    let standing = StandingBody { status: record.status.as_str(), revision: record.revision };
    Ok((NOT_STORED, Json(standing)).into_response())
}

/// How far a checkout is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Standing)]
struct StandingBody {
    #[schema(value_type = StatusName)]
    status: &'static str,
    /// How many changes were written since it was recorded.
    revision: u32,
}

async fn find(api: &Api, id: &str) -> Result<Option<CheckoutRecord>, Problem> {
    let Ok(id) = CheckoutId::parse(id) else { return Ok(None) };
    Ok(api.reader.checkout(&id).await?)
}

/// The confirmation token that an address brings along.
fn token(parameters: &BTreeMap<String, String>) -> Option<ConfirmToken> {
    parameters.get("token").map(ConfirmToken::sent)
}

/// A page in the buyer's language.
struct Page {
    language: Language,
    words: &'static Words,
}

impl Page {
    fn of(headers: &HeaderMap) -> Self {
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let language = Language::accepted(accepted.unwrap_or_default());
        Self { language, words: language.words() }
    }

    /// What a page of a checkout is made with, or the page that shows the status alone.
    #[expect(clippy::result_large_err, reason = "the error is the page that is answered at once")]
    fn made<'a>(
        &self,
        api: &'a Api,
        record: &CheckoutRecord,
        token: Option<&'a ConfirmToken>,
    ) -> Result<Made<'a>, Response> {
        let access = Access::of(record, token, api.settings.pages_kept, now());
        let made = Made { settings: &api.settings, is_for_buyer: api.is_for_buyer, token, holder: None };
        match access {
            Access::Whole => Ok(made),
            Access::Unproved | Access::Over => {
                let (title, body) = self.bare(record, made, access);
                Err(self.answer(&Policy::own(), title, &[WATCH_SCRIPT], &body))
            }
        }
    }

    fn unknown_checkout(&self) -> Response {
        let page = self.answer(&Policy::own(), self.words.unknown.0, &[], &self.unknown());
        (Code::CheckoutNotFound.status(), page).into_response()
    }

    fn answer(&self, policy: &Policy, title: &str, scripts: &[&str], body: &Markup) -> Response {
        let page = html! {
            (DOCTYPE)
            html lang=(self.language.tag()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="robots" content="noindex";
                    title { (title) }
                    link rel="icon" href="data:,";
                    style nonce=(policy.nonce()) { (PreEscaped(STYLE)) }
                }
                body {
                    (body)
                    @for script in scripts { script nonce=(policy.nonce()) { (PreEscaped(script)) } }
                }
            }
        };
        let headers: [(HeaderName, HeaderValue); 4] = [
            (header::CONTENT_SECURITY_POLICY, policy.header()),
            // The address holds the confirmation token, and that of the return page the payment key.
            (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (header::CONTENT_LANGUAGE, HeaderValue::from_static(self.language.tag())),
            (header::VARY, HeaderValue::from_static("accept-language")),
        ];
        (headers, NOT_STORED, page).into_response()
    }
}

#[cfg(test)]
mod tests;
