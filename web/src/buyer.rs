//! The buyer's pages: pay, back from the payment window, payment did not happen.
//!
//! These are the only place of this crate that speaks the PSP's words, because they hand the buyer over to
//! its script and take the buyer back. Card data is entered at the PSP and never comes here: the window
//! opens by navigating away, not in a frame (PCI DSS, SAQ A).

mod access;
pub mod banks;
mod contact;
mod methods;
mod parts;
mod settings;
mod states;
mod views;
mod words;

use std::collections::HashMap;

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{Html, IntoResponse, Response},
};
use domain::{cash_receipt::CashReceipt, checkout::Status, id::SellerAccount};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use service::{IsForBuyer, buyer::BuyerDetails, now, purchase_statement::PurchaseStatement};
use store::{CheckoutRecord, ConfirmToken};

use crate::{
    policy::Policy,
    purchase_statement::{self, Shown},
};
use access::{Access, Made};
use contact::Contact;
pub use settings::{PagesKept, Settings, Shop, page_path};
use words::Language;
use words::Words;

pub(crate) const STYLE: &str = include_str!("buyer/style.css");
const WATCH_SCRIPT: &str = include_str!("buyer/watch.js");
const PAY_SCRIPT: &str = include_str!("buyer/pay.js");
const ACCOUNT_SCRIPT: &str = include_str!("buyer/account.js");
const RETURN_SCRIPT: &str = include_str!("buyer/return.js");
/// A page is true when it is made, and nobody else's: the browser's own button back must not show an older one.
pub const NOT_STORED: [(HeaderName, HeaderValue); 1] = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];

/// What a page is made of.
#[derive(Clone, Copy)]
pub struct Visit<'a> {
    /// What an operator has set.
    pub settings: &'a Settings,
    /// Knows the PSP's error codes.
    pub is_for_buyer: IsForBuyer,
    /// The checkout.
    pub record: &'a CheckoutRecord,
    /// The confirmation token that the address brings along.
    pub token: Option<&'a ConfirmToken>,
    /// The headers of the request, for its language.
    pub headers: &'a HeaderMap,
    /// The names of the sellers, as far as they have any.
    pub sellers: &'a HashMap<SellerAccount, String>,
}

/// What is kept of a buyer, opened for the buyer's own page.
#[derive(Clone, Copy, Default)]
pub struct Personal<'a> {
    /// The name on the virtual account.
    pub holder: Option<&'a str>,
    /// The cash receipt.
    pub cash_receipt: Option<&'a CashReceipt>,
    /// How to reach the buyer.
    pub details: Option<&'a BuyerDetails>,
}

/// Whether the payment page hands the buyer's details over to the payment window: it can open one, and the address
/// proves that it is the buyer's.
pub fn hands_over(visit: Visit<'_>) -> bool {
    let Visit { settings, record, token, .. } = visit;
    let is_proved = record.confirm_token_hash.is_some();
    is_proved && takes_payment(record) && Access::of(record, token, settings.kept, now()) == Access::Whole
}

/// Whether the page of a checkout has the button that pays. A saved card is charged without the buyer; when that card
/// was declined, the buyer may pay in another way.
fn takes_payment(record: &CheckoutRecord) -> bool {
    (record.status == Status::NotStarted && record.saved_card.is_none()) || record.takes_retry(now())
}

/// The payment page, or where the checkout stands.
pub fn checkout(visit: Visit<'_>, personal: Personal<'_>) -> Response {
    let (page, record) = (Page::of_visit(&visit), visit.record);
    let contact = personal.details.filter(|_| hands_over(visit)).map(Contact::of).unwrap_or_default();
    let made = match page.made(visit) {
        Ok(made) => Made { holder: personal.holder, cash_receipt: personal.cash_receipt, contact: &contact, ..made },
        Err(bare) => return bare,
    };
    let policy = Policy::with_psp(&visit.settings.psp_script_url);
    let scripts = [WATCH_SCRIPT, PAY_SCRIPT, ACCOUNT_SCRIPT];
    page.answer(&policy, page.checkout_title(record), &scripts, &page.checkout(record, made))
}

/// The page that confirms the payment of a buyer who is back from the payment window.
pub fn success(visit: Visit<'_>) -> Response {
    let page = Page::of_visit(&visit);
    match page.made(visit) {
        Ok(made) => {
            let body = page.returned(visit.record, made);
            page.answer(&Policy::own(), page.words.confirming.0, &[RETURN_SCRIPT], &body)
        }
        Err(bare) => bare,
    }
}

/// The page of a payment window that closed without a payment. `code` says why, in the PSP's terms.
pub fn fail(visit: Visit<'_>, code: &str) -> Response {
    let page = Page::of_visit(&visit);
    match page.made(visit) {
        Ok(made) => {
            let body = page.failed(visit.record, words::reason(code, page.words), made);
            page.answer(&Policy::own(), page.words.failed_title, &[WATCH_SCRIPT], &body)
        }
        Err(bare) => bare,
    }
}

/// The page of a statement of a purchase. Only the browser that brings the token is shown it, and for as long as the
/// other pages show what was bought.
pub fn statement(visit: Visit<'_>, statement: &PurchaseStatement) -> Response {
    let page = Page::of_visit(&visit);
    if let Err(bare) = page.made(visit) {
        return bare;
    }
    let accept_language = visit.headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let shown = Shown { statement, shop: &visit.settings.shop, accept_language: accept_language.unwrap_or_default() };
    let policy = Policy::own();
    let html = purchase_statement::page(&shown, &policy);
    (page.headers(&policy), NOT_STORED, Html(html)).into_response()
}

/// The page of a checkout of which there is no statement: where it stands.
pub fn no_statement(visit: Visit<'_>) -> Response {
    let page = Page::of_visit(&visit);
    match page.made(visit) {
        Ok(made) => {
            let (title, body) = page.bare(visit.record, made, Access::Whole);
            page.answer(&Policy::own(), title, &[WATCH_SCRIPT], &body)
        }
        Err(bare) => bare,
    }
}

/// The page of a checkout that does not exist.
pub fn unknown(headers: &HeaderMap) -> Response {
    let page = Page::of(headers);
    page.answer(&Policy::own(), page.words.unknown.0, &[], &page.unknown())
}

/// A page in the buyer's language.
struct Page {
    language: Language,
    words: &'static Words,
    sellers: HashMap<SellerAccount, String>,
}

impl Page {
    fn of(headers: &HeaderMap) -> Self {
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let language = Language::accepted(accepted.unwrap_or_default());
        Self { language, words: language.words(), sellers: HashMap::new() }
    }

    fn of_visit(visit: &Visit<'_>) -> Self {
        Self { sellers: visit.sellers.clone(), ..Self::of(visit.headers) }
    }

    /// What a seller is called.
    fn seller<'a>(&'a self, seller: &'a SellerAccount) -> &'a str {
        self.sellers.get(seller).map_or(seller.as_str(), String::as_str)
    }

    /// What a page of a checkout is made with, or the page that shows the status alone.
    #[expect(clippy::result_large_err, reason = "the error is the page that is answered at once")]
    fn made<'a>(&self, visit: Visit<'a>) -> Result<Made<'a>, Response> {
        let Visit { settings, is_for_buyer, record, token, headers: _, sellers: _ } = visit;
        let access = Access::of(record, token, settings.kept, now());
        let (holder, cash_receipt) = (None, None);
        let made = Made { settings, is_for_buyer, token, holder, cash_receipt, contact: &Contact::NONE };
        match access {
            Access::Whole => Ok(made),
            Access::Unproved | Access::Over => {
                let (title, body) = self.bare(record, made, access);
                Err(self.answer(&Policy::own(), title, &[WATCH_SCRIPT], &body))
            }
        }
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
        (self.headers(policy), NOT_STORED, page).into_response()
    }

    fn headers(&self, policy: &Policy) -> [(HeaderName, HeaderValue); 4] {
        [
            (header::CONTENT_SECURITY_POLICY, policy.header()),
            // The address holds the confirmation token, and that of the return page the payment key.
            (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (header::CONTENT_LANGUAGE, HeaderValue::from_static(self.language.tag())),
            (header::VARY, HeaderValue::from_static("accept-language")),
        ]
    }
}

#[cfg(test)]
mod tests;
