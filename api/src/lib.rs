//! Listens: HTTP in, Temporal and the books behind it.
//!
//! A route starts a workflow, updates one, signals one, or reads what workflows have written. The buyer's
//! pages are here too.
//!
//! # What this crate does not do
//!
//! It decides nothing about money: whether a payment may be confirmed is asked of `domain`, and what comes
//! of it of the workflow. It moves no checkout and no money, for it has only a [`Reader`](store::Reader) and a
//! [`Journal`](store::Journal) of what came in, and it never talks to the PSP. The PSP's words stop at the pages,
//! which hand them over.
//!
//! # Invariants
//!
//! * A route is answered in bounded time; what takes longer is answered truthfully with "not known yet" and
//!   an address to ask again.
//! * The status of an error is decided in `problem/code.rs` and nowhere else.
//! * One API key and one idempotency key make one workflow, however often and however simultaneously the
//!   request arrives.
//! * No secret, no card number and no body is ever logged or echoed.

#![cfg_attr(test, expect(clippy::unwrap_used, reason = "a test that meets what it does not expect has failed"))]

mod http;
mod openapi;
mod router;
mod routes;

use std::fmt;

use axum::http::HeaderMap;
use domain::id::{CheckoutId, PspSellerId};

pub use http::{
    exposition::Exposition,
    lifecycle::Lifecycle,
    limits::{ConnectionUse, Limits, Network, NetworkError, Peer, Rate},
    metrics::{Metrics, MoreMetrics, metrics_router},
};
pub use router::{document, router};
pub use routes::{
    console::{ACCESS, Access, Needs, PastDays, SIGN_IN_CALLBACK, SIGN_IN_LINK},
    event::EventFeed,
};
use service::{
    IsForBuyer, Service,
    console::{SignInLinks, provider::Provider},
    return_hosts::ReturnHosts,
};

/// What an operator can set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What the buyer's pages are made with, their address among it.
    pub buyer_pages: web::buyer::Settings,
    /// The Temporal UI, without a slash at its end, where operators have one.
    pub temporal_ui_url: Option<String>,
    /// Where a buyer's browser may be led after paying.
    pub return_hosts: ReturnHosts,
    /// How much may come in.
    pub limits: Limits,
    /// Networks that may read the metrics without a key, when no proxy stands between.
    pub metrics_from: Vec<Network>,
    /// Which addresses events may be pushed to.
    pub webhooks: domain::webhook_endpoint::Permitted,
}

/// What a webhook of the PSP is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PspHint {
    /// The checkout that something may have happened to.
    pub checkout_id: CheckoutId,
    /// What kind of event it was, in the PSP's words.
    pub event: Option<String>,
    /// The PSP's name of this sending.
    pub delivery_id: Option<String>,
    /// When the PSP says that it sent it, in its own format.
    pub sent_at: Option<String>,
    /// How often the PSP says that it was sent before.
    pub retries: Option<u32>,
}

/// Reads the headers and the body of a webhook; `None` when it is none that concerns a checkout.
pub type ReadPspHint = fn(&HeaderMap, &[u8]) -> Option<PspHint>;

/// Reads the body of a webhook: our name of the payout that it is about; `None` when it is about none.
pub type ReadPspPayout = fn(&[u8]) -> Option<String>;
/// Reads the body of a webhook; `None` when it is none that concerns a seller.
pub type ReadPspSeller = fn(&[u8]) -> Option<PspSellerId>;

/// Everything that the routes reach.
#[derive(Clone)]
pub struct Api {
    /// What a caller can ask for.
    pub service: Service,
    /// The secret behind the hashes of API keys.
    pub key_pepper: store::Pepper,
    /// The event log, for those who wait.
    pub events: EventFeed,
    /// What was counted.
    pub metrics: Metrics,
    /// What an operator can set.
    pub settings: Settings,
    /// Translates the PSP's webhooks.
    pub read_psp_hint: ReadPspHint,
    /// Translates the PSP's webhooks about payouts.
    pub read_psp_payout: ReadPspPayout,
    /// Translates the PSP's webhooks about sellers.
    pub read_psp_seller: ReadPspSeller,
    /// Knows the PSP's error codes.
    pub is_for_buyer: IsForBuyer,
    /// How persons sign in to the console.
    pub console: Console,
}

/// How persons sign in to the console. Without a provider and without a link nobody can.
#[derive(Debug, Clone)]
pub struct Console {
    /// By their company account.
    pub provider: Option<Provider>,
    /// By a link in the terminal of `dev`.
    pub links: Option<SignInLinks>,
    /// Where the provider sends browsers back to.
    pub callback: String,
    /// Whether browsers reach the console by HTTPS alone.
    pub is_https: bool,
    /// What the overview shows of days that are over.
    pub past_days: PastDays,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("settings", &self.settings).finish_non_exhaustive()
    }
}
