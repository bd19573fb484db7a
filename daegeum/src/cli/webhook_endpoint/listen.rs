//! A small receiver: it verifies what arrives and prints it.

use std::net::Ipv4Addr;

use anyhow::Context as _;
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, Response},
    routing::post,
};
use serde_json::Value;
use store::webhook_endpoint::{SignedHeaders, WebhookSecret, WebhookSecretError};

use super::ListenOptions;
use crate::{compose, serving::shutdown, values::now};

/// The most bytes of a message. Source: Standard Webhooks 1.0.0, which recommends fewer than 20 kB.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// The answer to a message that is taken.
const TAKEN: u16 = 204;
/// The answer to a message that is not to be believed.
const REFUSED: u16 = 401;

/// Receives until a signal comes.
pub(super) async fn listen(options: &ListenOptions) -> anyhow::Result<()> {
    let secret = WebhookSecret::parse(&options.secret).context("--secret")?;
    let stop = shutdown::on_signal()?;
    let listener = compose::listen((Ipv4Addr::LOCALHOST, options.port).into(), "--port").await?;
    println!("daegeum webhooks listen: http://{}/", listener.local_addr()?);
    let router = Router::new()
        .route("/", post(receive))
        .route("/{*path}", post(receive))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(secret);
    let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
    served.await.context("the receiver stopped")
}

async fn receive(State(secret): State<WebhookSecret>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let status = match verify(&secret, &headers, &body) {
        Ok(()) => {
            println!("{}", told(&headers, &body));
            TAKEN
        }
        Err(error) => {
            eprintln!("daegeum: a message was refused: {error}");
            REFUSED
        }
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status.try_into().unwrap_or_default();
    response
}

/// Checks the signature of a message.
pub(crate) fn verify(secret: &WebhookSecret, headers: &HeaderMap, body: &[u8]) -> Result<(), WebhookSecretError> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let signed = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
    let (Some(id), Some(timestamp), Some(signature)) = signed else { return Err(WebhookSecretError::Headers) };
    secret.verify(SignedHeaders { id, timestamp, signature }, body, now().epoch_ms().div_euclid(1_000))
}

fn told(headers: &HeaderMap, body: &[u8]) -> String {
    let id = headers.get("webhook-id").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let event: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let position = event["position"].as_u64().map_or_else(|| "-".to_owned(), |position| position.to_string());
    let object = &event["object"];
    format!(
        "{:<8} {:<28} {}:{} version {}  {id}\n         {}",
        position,
        text(&event["type"]),
        text(&object["type"]),
        text(&object["id"]),
        object["version"],
        event["data"]
    )
}
