//! A Toss Payments (토스페이먼츠) that declines, stalls, repeats and forgets on request.
//!
//! It speaks Toss's REST API at its root, stands in for the browser script and the payment window, sends
//! the webhooks, and has a control plane under `/_sim` where a test says what goes wrong next and asks
//! what really happened. It is fit for tests and for a developer's machine.
//!
//! # What this crate does not do
//!
//! It moves no money and checks no card. It shares no type with the client that talks to it: two
//! readings of one reference disagree where one of them is wrong, and that is what tests are for. It
//! knows one merchant contract for each currency and one version of the API; see the README for what is
//! not here.
//!
//! # Invariants
//!
//! * A refused transition changes nothing; the state machine in `payment` has no clock and no I/O.
//! * A request under one idempotency key is executed once, also when its client goes away.
//! * Money is never forgotten: when the simulator is full, it refuses new payments.
//! * With a file, what was answered is on disk before the answer; what cannot be written is not answered.
#![warn(missing_docs)]

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tokio::net::TcpListener;

use crate::connection::{Door, Line};
use crate::world::Shared;

mod announcements;
mod authorization;
mod banks;
mod billing;
mod billing_calls;
mod billing_window;
mod bodies;
mod calls;
mod cancel;
mod card_number;
mod cash_receipt;
mod cash_receipt_calls;
mod codes;
mod connection;
mod control;
mod control_payouts;
mod control_webhooks;
mod currency;
mod envelope;
mod exchange;
mod fields;
mod file;
mod gate;
mod idempotency;
mod jwe;
mod key_in;
mod method;
mod mint;
mod mischief;
mod operations;
mod options;
mod outbox;
mod pages;
mod payment;
mod payment_cancel;
mod payment_json;
mod payout;
mod payout_calls;
mod payout_office;
mod plants;
mod reception;
mod reconciliation;
mod registration;
mod seller;
mod sender;
mod shelf;
mod signature;
mod tamper;
mod terms;
mod till;
mod time;
mod wallets;
mod way_back;
mod window;
mod world;

pub use crate::currency::Currency;
pub use crate::exchange::{Exchange, ExchangeRate, FeeTaken};
pub use crate::options::{
    BankCodes, Compression, Contract, DEFAULT_CLIENT_KEY, DEFAULT_SECRET_KEY, DEFAULT_SECURITY_KEY,
    DEFAULT_WIDGET_CLIENT_KEY, DEFAULT_WIDGET_SECRET_KEY, Merchant, Options, SettlementCycle, SigningKey,
};

/// How long after the shutdown signal [`serve`] waits for connections to end.
const SHUTDOWN_PATIENCE: Duration = Duration::from_millis(1_500);

/// The routes of a new simulator.
///
/// Behind another server than [`serve`] a connection cannot be cut: mischief that would cut it answers an
/// empty 503.
///
/// # Errors
/// [`Options::file`] cannot be opened.
pub fn router(options: Options) -> std::io::Result<Router> {
    Ok(routes(Arc::new(Shared::open(options)?)))
}

fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .merge(gate::routes())
        .merge(control::routes())
        .merge(control_payouts::routes())
        .merge(control_webhooks::routes())
        .merge(window::routes())
        .merge(billing_window::routes())
        .layer(from_fn_with_state(Arc::clone(&shared), surround))
        .with_state(shared)
}

/// Around every request. The sender needs a runtime, and the first request is sure to bring one; and what
/// the file does not know is not answered.
async fn surround(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    sender::start(&shared);
    let line = Line::of(&request);
    let response = next.run(request).await;
    if shared.is_lost() { connection::hang_up(line) } else { response }
}

/// Serves a new simulator until `shutdown`, then lets go of every held request and ends within two seconds.
///
/// # Errors
/// The listener's address cannot be read, [`Options::file`] cannot be opened or written, or serving failed.
pub async fn serve(
    listener: TcpListener,
    mut options: Options,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let address = listener.local_addr()?;
    options.public_url.get_or_insert_with(|| format!("http://{address}"));
    let shared = Arc::new(Shared::open(options)?);
    sender::start(&shared);
    let service = routes(Arc::clone(&shared)).into_make_service_with_connect_info::<Line>();
    let closing = Arc::clone(&shared);
    let graceful = async move {
        tokio::select! {
            () = shutdown => closing.close(),
            () = closing.closed() => {}
        }
    };
    let patience = async {
        shared.closed().await;
        tokio::time::sleep(SHUTDOWN_PATIENCE).await;
    };
    let ended = tokio::select! {
        ended = axum::serve(Door(listener), service).with_graceful_shutdown(graceful) => ended,
        () = patience => Ok(()),
    };
    if shared.is_lost() { Err(std::io::Error::other("the simulator's file could not be written")) } else { ended }
}
