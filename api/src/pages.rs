//! The buyer's pages: pay, back from the payment window, payment did not happen.
//!
//! These are the only place of this crate that speaks the PSP's words, because they hand the buyer over to
//! its script and take the buyer back. Card data is entered at the PSP and never comes here: the window
//! opens by navigating away, not in a frame (PCI DSS, SAQ A).

mod banks;
pub(crate) mod policy;
mod states;
mod words;

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use domain::{
    Currency, Money,
    calendar::KoreanTime,
    charge::{Failure, VirtualAccount},
    checkout::Status,
    id::CheckoutId,
};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use store::CheckoutRecord;

use crate::{
    Api, IsForBuyer,
    openapi::{refusals::refusals, shapes::CheckoutName},
    problem::{Code, Problem},
    shapes::{now, payment_page},
};
use policy::Policy;
use states::WayOut;
use words::{Language, Reason, Words};

refusals! { PageRefusals: DatabaseUnavailable; }

const STYLE: &str = include_str!("pages/style.css");
const PAY_SCRIPT: &str = include_str!("pages/pay.js");
const RETURN_SCRIPT: &str = include_str!("pages/return.js");
/// How a test key of the PSP begins.
const TEST_KEY_PREFIX: &str = "test_";

/// The payment page
///
/// What is to be paid, and the button that opens the payment window.
#[utoipa::path(
    get,
    path = "/checkout/{checkout_id}",
    operation_id = "show_payment_page",
    tag = "Buyer's pages",
    params(("checkout_id" = CheckoutName, Path, description = "The checkout")),
    responses((status = 200, description = "The page", body = String, content_type = "text/html"), (status = 404, description = "There is no such checkout", body = String, content_type = "text/html"), PageRefusals)
)]
pub(crate) async fn checkout(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let page = Page::of(&headers);
    let Some(record) = find(&api, &id).await? else { return Ok(page.unknown_checkout()) };
    let policy = Policy::with_psp(&api.settings.psp_script_url);
    Ok(page.answer(&policy, page.words.pay_title, Some(PAY_SCRIPT), &page.checkout(&record, &api)))
}

/// The success page
///
/// The buyer is back from the window; the page confirms the payment.
#[utoipa::path(
    get,
    path = "/checkout/{checkout_id}/success",
    operation_id = "show_success_page",
    tag = "Buyer's pages",
    params(("checkout_id" = CheckoutName, Path, description = "The checkout")),
    responses((status = 200, description = "The page", body = String, content_type = "text/html"), (status = 404, description = "There is no such checkout", body = String, content_type = "text/html"), PageRefusals)
)]
pub(crate) async fn success(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let page = Page::of(&headers);
    let Some(record) = find(&api, &id).await? else { return Ok(page.unknown_checkout()) };
    let body = page.returned(&record);
    Ok(page.answer(&Policy::own(), page.words.confirming_title, Some(RETURN_SCRIPT), &body))
}

/// The failure page
///
/// The window closed without a payment, and why.
#[utoipa::path(
    get,
    path = "/checkout/{checkout_id}/fail",
    operation_id = "show_failure_page",
    tag = "Buyer's pages",
    params(("checkout_id" = CheckoutName, Path, description = "The checkout"), ("code" = Option<String>, Query, description = "Why, in a code of the payment provider")),
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
    let code = parameters.get("code").map_or("", String::as_str);
    let body = page.failed(&record, words::reason(code, page.words));
    Ok(page.answer(&Policy::own(), page.words.failed_title, None, &body))
}

async fn find(api: &Api, id: &str) -> Result<Option<CheckoutRecord>, Problem> {
    let Ok(id) = CheckoutId::parse(id) else { return Ok(None) };
    Ok(api.reader.checkout(&id).await?)
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

    fn checkout(&self, record: &CheckoutRecord, api: &Api) -> Markup {
        let settings = &api.settings;
        let address = payment_page(&record.checkout_id, settings);
        let again = record.takes_retry(now());
        let payable = record.status == Status::NotStarted || again;
        html! {
            main data-status=(record.status)
                data-client-key=(settings.psp_client_key)
                data-script=(settings.psp_script_url)
                data-order=(record.checkout_id)
                data-order-name=(record.order_name)
                data-amount=(record.total.to_decimal_string())
                data-currency=(record.total.currency())
                data-success=(format!("{address}/success"))
                data-fail=(format!("{address}/fail"))
                data-left-ms=(left_ms(record))
                data-trouble=(self.words.trouble)
            {
                @if settings.psp_client_key.starts_with(TEST_KEY_PREFIX) { p.badge { (self.words.test_mode) } }
                h1 { (record.order_name) }
                (self.lines(record))
                @if again { (self.declined(record, api.is_for_buyer)) }
                @if payable {
                    p.left { (self.words.time_left) " " strong #countdown role="timer" { "–" } }
                    button #pay type="button" {
                        (if again { self.words.pay_again } else { self.words.pay }) " " (self.money(record.total))
                    }
                    p #notice role="alert" {}
                    noscript { p.notice { (self.words.needs_script) } }
                    p.quiet { (self.words.pay_hint) }
                } @else {
                    div role="status" { (states::section(record.status, self.words, true)) }
                    (self.account(record))
                    (self.way_out(record))
                }
            }
        }
    }

    /// Why the last payment did not succeed, and that another may.
    fn declined(&self, record: &CheckoutRecord, is_for_buyer: IsForBuyer) -> Markup {
        let failure = record.failure.as_ref();
        let retry_at = failure.and_then(|failure| failure.retry_at).filter(|retry_at| *retry_at > now());
        html! {
            div role="status" { (states::retry(self.words, true)) }
            @if let Some(reason) = failure.and_then(|failure| self.reason(failure, is_for_buyer)) {
                p #reason { (reason) }
            }
            @if let Some(retry_at) = retry_at {
                p #come-back { (self.words.come_back.replace("{time}", &KoreanTime(retry_at).to_string())) }
            }
        }
    }

    /// A failure in the PSP's words where they are meant for the buyer, else in ours.
    fn reason<'a>(&self, failure: &'a Failure, is_for_buyer: IsForBuyer) -> Option<&'a str> {
        if is_for_buyer(&failure.code) {
            return Some(&failure.message);
        }
        self.words.failures.iter().find(|(code, _)| *code == failure.code).map(|(_, text)| *text)
    }

    /// Where the buyer pays into, while the deposit is awaited.
    fn account(&self, record: &CheckoutRecord) -> Markup {
        let account = record.psp.as_ref().and_then(|psp| psp.virtual_account.as_ref());
        let account: Option<&VirtualAccount> = account.filter(|_| record.status == Status::WaitingForDeposit);
        html! {
            @if let Some(account) = account {
                dl.account {
                    dt { (self.words.bank) } dd #bank { (banks::name(&account.bank, self.language)) }
                    dt { (self.words.account_number) } dd #account-number { (account.account_number) }
                    @if let Some(due) = account.due_date {
                        dt { (self.words.due_date) } dd #due-date { (KoreanTime(due)) }
                    }
                }
            }
        }
    }

    fn returned(&self, record: &CheckoutRecord) -> Markup {
        let shown = states::on_return(record.status);
        html! {
            main data-status=(shown)
                data-confirm=(format!("/v1/payments/{}/confirm", record.checkout_id))
                data-success=[record.success_url.as_deref().map(|url| return_address(url, record))]
                data-fail=[record.fail_url.as_deref().map(|url| return_address(url, record))]
                data-come-back=(self.words.come_back)
            {
                h1 { (record.order_name) }
                p.total { (self.money(record.total)) }
                div role="status" aria-live="polite" { (states::sections(shown, self.words)) }
                p #reason {}
                p #come-back {}
                a.button #next hidden { (self.words.back_to_shop) }
                a.button #again hidden href=(format!("/checkout/{}", record.checkout_id)) { (self.words.back_to_checkout) }
                noscript { p.notice { (self.words.needs_script) } }
            }
        }
    }

    fn failed(&self, record: &CheckoutRecord, reason: Reason) -> Markup {
        html! {
            main data-status=(record.status) data-code=[reason.code] {
                @if record.takes_retry(now()) {
                    (states::closed_window(reason, self.words))
                } @else {
                    (states::after_window(record.status, reason, self.words))
                }
                p { (record.order_name) " · " (self.money(record.total)) }
                a.button href=(format!("/checkout/{}", record.checkout_id)) { (self.words.back_to_checkout) }
                (self.way_out(record))
            }
        }
    }

    fn lines(&self, record: &CheckoutRecord) -> Markup {
        html! {
            ul.lines aria-label=(self.words.lines) {
                @for order in &record.orders {
                    li { span { (order.order.seller) } span { (self.money(order.order.amount)) } }
                }
            }
            p.total { span { (self.words.total) } " " strong #total { (self.money(record.total)) } }
        }
    }

    /// The way back to the marketplace, where it named one.
    fn way_out(&self, record: &CheckoutRecord) -> Markup {
        let url = match WayOut::of(record.status) {
            WayOut::Success => &record.success_url,
            WayOut::Failure => &record.fail_url,
            WayOut::None => &None,
        };
        html! {
            @if let Some(url) = url { a.plain href=(return_address(url, record)) { (self.words.back_to_shop) } }
        }
    }

    /// An amount as a buyer reads it: `15,000원`, `12.50 USD`.
    fn money(&self, money: Money) -> String {
        let text = grouped(&money.to_decimal_string());
        match (self.language, money.currency()) {
            (Language::Korean, Currency::Krw) => format!("{text}원"),
            (Language::Korean, Currency::Jpy) => format!("{text}엔"),
            (Language::Korean, Currency::Usd) | (Language::English, _) => format!("{text} {}", money.currency()),
        }
    }

    fn unknown_checkout(&self) -> Response {
        let body = html! {
            main data-status="NOT_FOUND" { h1 { (self.words.unknown_title) } p { (self.words.unknown) } }
        };
        let page = self.answer(&Policy::own(), self.words.unknown_title, None, &body);
        (Code::CheckoutNotFound.status(), page).into_response()
    }

    fn answer(&self, policy: &Policy, title: &str, script: Option<&str>, body: &Markup) -> Response {
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
                    @if let Some(script) = script { script nonce=(policy.nonce()) { (PreEscaped(script)) } }
                }
            }
        };
        let headers: [(HeaderName, HeaderValue); 4] = [
            (header::CONTENT_SECURITY_POLICY, policy.header()),
            // The address of the return page holds the payment key.
            (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (header::CONTENT_LANGUAGE, HeaderValue::from_static(self.language.tag())),
            (header::VARY, HeaderValue::from_static("accept-language")),
        ];
        (headers, page).into_response()
    }
}

/// How long the buyer has left, in milliseconds.
fn left_ms(record: &CheckoutRecord) -> u64 {
    record.expires_at.ms_since(now())
}

/// The marketplace's address with the checkout's id added to its query.
fn return_address(url: &str, record: &CheckoutRecord) -> String {
    let (url, fragment) = url.split_once('#').map_or((url, String::new()), |(url, rest)| (url, format!("#{rest}")));
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}checkout_id={}{fragment}", record.checkout_id)
}

/// A decimal text with a comma before every third digit from the decimal point.
fn grouped(decimal: &str) -> String {
    let (whole, rest) = decimal.find('.').map_or((decimal, ""), |point| decimal.split_at(point));
    let mut text = String::with_capacity(decimal.len() * 2);
    for (place, digit) in whole.char_indices() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text + rest
}

#[cfg(test)]
mod tests;
