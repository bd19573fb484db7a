//! Carries webhooks: takes what is due from the outbox, sends it, and notes what came back.

use std::sync::{Arc, Weak};
use std::time::Duration;

use chrono::TimeDelta;
use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::outbox::Attempt;
use crate::world::Shared;

/// A receiver has this long to answer 200.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most webhooks on their way at once.
const MAX_ON_THEIR_WAY: usize = 16;
/// Longest sleep: payments expire by the clock also without requests.
const LONGEST_NAP: Duration = Duration::from_secs(1);

/// Starts the sender on the first call made inside a runtime.
pub(crate) fn start(shared: &Arc<Shared>) {
    if shared.takes_sending() {
        tokio::spawn(run(Arc::downgrade(shared), shared.bell(), shared.closing()));
    }
}

/// Sends until the simulator closes or is gone.
async fn run(shared: Weak<Shared>, bell: Arc<Notify>, mut closing: watch::Receiver<bool>) {
    let client = match client() {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(%error, "no webhook will be sent: could not build the HTTP client");
            return;
        }
    };
    let mut on_their_way = JoinSet::new();
    loop {
        let Some(strong) = shared.upgrade() else { return };
        let room = MAX_ON_THEIR_WAY - on_their_way.len();
        let (attempts, next_due) = strong.enter(|world, now| {
            let attempts = world.outbox.due(now, room);
            let attempts: Vec<_> = attempts.into_iter().map(|attempt| (world.signature(&attempt), attempt)).collect();
            (attempts, world.outbox.next_due().map(|due| due - now))
        });
        drop(strong);
        for (signature, attempt) in attempts {
            on_their_way.spawn(send(client.clone(), attempt, signature));
        }
        tokio::select! {
            _ = closing.wait_for(|is_closing| *is_closing) => return,
            () = bell.notified() => {}
            () = tokio::time::sleep(nap(next_due)) => {}
            Some(Ok((id, status))) = on_their_way.join_next() => {
                let Some(strong) = shared.upgrade() else { return };
                strong.enter(|world, now| world.outbox.finish(id, status, now));
            }
        }
    }
}

/// Until the next delivery is due. One that is due already waits for room or for its order, and either
/// ends with a finished send, which wakes the loop by itself.
fn nap(next_due: Option<TimeDelta>) -> Duration {
    next_due
        .and_then(|until| until.to_std().ok())
        .filter(|until| !until.is_zero())
        .map_or(LONGEST_NAP, |until| until.min(LONGEST_NAP))
}

fn client() -> reqwest::Result<Client> {
    // reqwest is built without a provider of its own. Losing the race to install one means there is one.
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        let _already_there = rustls::crypto::ring::default_provider().install_default().is_err();
    }
    // A webhook goes where it was told to go: no proxy from the environment, no redirect.
    Client::builder().timeout(PATIENCE).redirect(Policy::none()).no_proxy().build()
}

async fn send(client: Client, attempt: Attempt, signature: Option<String>) -> (u64, Option<u16>) {
    let mut request = client
        .post(&attempt.url)
        .header(CONTENT_TYPE, "application/json;charset=UTF-8")
        .header("tosspayments-webhook-transmission-time", &attempt.transmission_time)
        .header("tosspayments-webhook-transmission-retried-count", attempt.retried)
        .header("tosspayments-webhook-transmission-id", &attempt.transmission_id)
        .body(attempt.body);
    if let Some(signature) = signature {
        request = request.header("tosspayments-webhook-signature", signature);
    }
    match request.send().await {
        Ok(response) => (attempt.id, Some(response.status().as_u16())),
        Err(error) => {
            tracing::debug!(%error, transmission.id = attempt.transmission_id, "webhook not delivered");
            (attempt.id, None)
        }
    }
}
