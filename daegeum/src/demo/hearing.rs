//! The shop's receiver of webhooks: it hears of its payments whether a browser is open or not.

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use serde_json::Value;
use store::webhook_endpoint::WebhookSecret;
use tokio::{
    net::TcpListener,
    time::{Instant, sleep},
};

use crate::{cli::webhook_endpoint::listen::verify, demo::shop::Shop};

/// How often it is looked whether something was heard.
const POLL: Duration = Duration::from_millis(20);

/// What the shop has heard.
#[derive(Debug, Clone, Default)]
pub(super) struct Hearing {
    secret: Arc<Mutex<Option<WebhookSecret>>>,
    heard: Arc<Mutex<Vec<Value>>>,
}

impl Hearing {
    /// Listens on a free port, and registers there.
    pub(super) async fn start(shop: &Shop) -> anyhow::Result<Self> {
        let hearing = Self::default();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}/webhooks", listener.local_addr()?);
        let router = Router::new().route("/webhooks", post(receive)).with_state(hearing.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let secret = WebhookSecret::parse(&shop.register(&url).await?)?;
        *hearing.secret.lock().unwrap_or_else(PoisonError::into_inner) = Some(secret);
        Ok(hearing)
    }

    /// The event of a type about a checkout, once it was heard, within a time.
    pub(super) async fn of(&self, checkout_id: &str, event_type: &str, limit: Duration) -> Option<Value> {
        let until = Instant::now() + limit;
        loop {
            let is_meant = |event: &&Value| event["type"] == event_type && event["object"]["id"] == checkout_id;
            let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner).iter().find(is_meant).cloned();
            if heard.is_some() || Instant::now() >= until {
                return heard;
            }
            sleep(POLL).await;
        }
    }
}

/// Believes only what is signed.
async fn receive(State(hearing): State<Hearing>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let secret = hearing.secret.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let event = serde_json::from_slice(&body).ok();
    match (secret.is_some_and(|secret| verify(&secret, &headers, &body).is_ok()), event) {
        (true, Some(event)) => {
            hearing.heard.lock().unwrap_or_else(PoisonError::into_inner).push(event);
            StatusCode::NO_CONTENT
        }
        (false, _) | (_, None) => StatusCode::UNAUTHORIZED,
    }
}
