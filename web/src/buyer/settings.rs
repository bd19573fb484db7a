//! What an operator can set of the buyer's pages, and their addresses.

use std::time::Duration;

use domain::{Currency, id::CheckoutId, payment_method::PaymentMethod};
use store::ConfirmToken;

/// What an operator can set of the buyer's pages.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address that buyers reach, without a slash at its end; payment pages are below it.
    pub public_url: String,
    /// The PSP's public keys, for the payment window, by the currency of their contract.
    pub psp_client_keys: Vec<(Currency, String)>,
    /// The PSP's script for the browser.
    pub psp_script_url: String,
    /// What the payment page offers, in this order; at least one method.
    pub methods: Vec<PaymentMethod>,
    /// How long the pages show what was bought.
    pub kept: PagesKept,
    /// The shop, as its papers name it.
    pub shop: Shop,
}

/// The shop, as its papers name it. Source: Act on Consumer Protection in Electronic Commerce, Articles 10 and 13.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shop {
    /// What it is called.
    pub name: Option<String>,
    /// The representative of the business (대표자).
    pub representative: Option<String>,
    /// The number of its registration as a business (사업자등록번호).
    pub business_number: Option<String>,
    /// The number of its report as a mail-order business (통신판매업 신고번호).
    pub mail_order_number: Option<String>,
    /// Where it is.
    pub address: Option<String>,
    /// Its telephone number.
    pub phone: Option<String>,
    /// Its e-mail address.
    pub email: Option<String>,
}

impl Settings {
    /// The currencies in which a buyer can pay.
    pub fn currencies(&self) -> Vec<Currency> {
        self.psp_client_keys.iter().map(|(currency, _)| *currency).collect()
    }

    /// The PSP's public key of a currency; empty where there is none, and then the PSP's script refuses it.
    pub(crate) fn client_key(&self, currency: Currency) -> &str {
        let found = self.psp_client_keys.iter().find(|(of, _)| *of == currency);
        found.map_or("", |(_, key)| key.as_str())
    }
}

/// How long the buyer's pages show goods, receipt and account; after that they show the status alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PagesKept {
    /// After the payment.
    pub after_payment: Duration,
    /// After the time to pay, where nothing was paid.
    pub after_expiry: Duration,
}

impl Default for PagesKept {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self { after_payment: DAY * 30, after_expiry: DAY }
    }
}

/// The path of a page of the buyer's, with the token where there is one: `/checkout/{id}/success?token=…`.
pub fn page_path(checkout_id: &CheckoutId, page: &str, token: Option<&ConfirmToken>) -> String {
    let query = token.map_or_else(String::new, |token| format!("?token={}", token.as_str()));
    format!("/checkout/{checkout_id}{page}{query}")
}
