//! The HTTP client that calls receivers, which may be anybody: slow, lying, or a way into our own network.

use std::{
    error::Error,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use domain::webhook_endpoint::{AttemptOutcome, Permitted, TargetUrl, is_public};
use reqwest::{
    Response,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER},
};
use tokio::time::timeout_at;

use super::message::Message;
use crate::words::plain;

/// How long a connection may take, with the resolution of the name and the handshake.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// How long a receiver may take to answer. Source: Standard Webhooks 1.0.0, which says 15 to 30 seconds.
const ANSWER_TIME: Duration = Duration::from_secs(15);
/// How long the body of an answer is read.
const BODY_TIME: Duration = Duration::from_secs(2);
/// The most bytes of an answer that are read; of more than that the connection is closed.
const BODY_LIMIT_BYTES: usize = 4 * 1024;
/// The most characters of an answer that are kept.
const KEPT_CHARS: usize = 1_000;
/// How long a connection without a request is kept open.
const IDLE_TIME: Duration = Duration::from_secs(30);
/// The most connections without a request to one receiver.
const IDLE_CONNECTIONS: usize = 16;

/// Calls receivers.
#[derive(Debug, Clone)]
pub struct WebhookClient {
    http: reqwest::Client,
    permitted: Permitted,
}

/// No client could be made.
#[derive(Debug, thiserror::Error)]
#[error("no client for webhook endpoints could be made")]
pub struct ClientError(#[source] reqwest::Error);

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answered {
    pub(super) outcome: AttemptOutcome,
    pub(super) http_status: Option<u16>,
    pub(super) latency: Duration,
    /// The pause that the receiver asks for, in seconds.
    pub(super) retry_after_s: Option<u32>,
    /// The beginning of the answer of a call that failed, or why there is none.
    pub(super) answer: Option<String>,
}

impl WebhookClient {
    /// A client that calls what is permitted.
    pub fn try_new(permitted: Permitted) -> Result<Self, ClientError> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("daegeum/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Arc::new(Guard { permitted }))
            .redirect(reqwest::redirect::Policy::none())
            // A proxy would resolve names by itself, behind our check.
            .no_proxy()
            .https_only(!permitted.http)
            .connect_timeout(CONNECT_TIME)
            .timeout(ANSWER_TIME)
            .pool_idle_timeout(IDLE_TIME)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .build()
            .map_err(ClientError)?;
        Ok(Self { http, permitted })
    }

    /// Sends a message once.
    pub(super) async fn send(&self, url: &str, message: &Message) -> Answered {
        let began = Instant::now();
        // The rules may have become stricter since the endpoint was created, and an address that is written as a
        // number is never resolved.
        let url = match TargetUrl::parse(url, self.permitted) {
            Ok(url) => url,
            Err(error) => return Answered::failed(AttemptOutcome::AddressRefused, began, error.to_string()),
        };
        let request = self.http.post(url.as_str()).header(CONTENT_TYPE, "application/json");
        let request = message.headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
        match request.body(message.body.clone()).send().await {
            Ok(response) => Answered::of(response, began).await,
            Err(error) => {
                let (outcome, told) = judged(&error);
                Answered::failed(outcome, began, told)
            }
        }
    }
}

impl Answered {
    fn failed(outcome: AttemptOutcome, began: Instant, told: String) -> Self {
        Self { outcome, http_status: None, latency: began.elapsed(), retry_after_s: None, answer: Some(plain(&told)) }
    }

    async fn of(response: Response, began: Instant) -> Self {
        let status = response.status().as_u16();
        let (outcome, latency) = (AttemptOutcome::of_status(status), began.elapsed());
        let retry_after_s = retry_after(response.headers());
        let body = beginning(response).await;
        let answer = (!outcome.is_delivered()).then(|| shown(&body));
        Self { outcome, http_status: Some(status), latency, retry_after_s, answer }
    }
}

/// The pause that a receiver asks for in seconds; a date is passed over.
fn retry_after(headers: &HeaderMap) -> Option<u32> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

/// The beginning of a body. What follows is not read: dropped, the response closes its connection.
async fn beginning(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    let until = Instant::now() + BODY_TIME;
    // The status is known; a body that breaks off or never ends changes nothing of it.
    while let Ok(Ok(Some(chunk))) = timeout_at(until.into(), response.chunk()).await {
        let room = BODY_LIMIT_BYTES - body.len();
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if body.len() == BODY_LIMIT_BYTES {
            break;
        }
    }
    body
}

fn shown(body: &[u8]) -> String {
    plain(&String::from_utf8_lossy(body)).chars().take(KEPT_CHARS).collect()
}

/// What an error says of the receiver. The text names no address, which may hold a secret.
fn judged(error: &reqwest::Error) -> (AttemptOutcome, String) {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    let mut last = String::new();
    let mut is_http = false;
    while let Some(current) = cause {
        if current.is::<Refused>() {
            return (AttemptOutcome::AddressRefused, current.to_string());
        }
        // The outermost text of reqwest holds the address.
        if !current.is::<reqwest::Error>() {
            last = current.to_string();
            is_http = is_http || last.contains("invalid HTTP") || last.contains("message head is too large");
        }
        cause = current.source();
    }
    let outcome = if error.is_timeout() {
        AttemptOutcome::Timeout
    } else if is_http {
        AttemptOutcome::Unreadable
    } else {
        AttemptOutcome::Unreachable
    };
    (outcome, last)
}

/// Resolves names, and keeps only addresses that are permitted. The connection goes to an address of this answer, so
/// a name cannot change between check and use.
#[derive(Debug, Clone, Copy)]
struct Guard {
    permitted: Permitted,
}

/// A name whose addresses are not public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name leads to no address that is public")]
struct Refused;

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let permitted = self.permitted;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> =
                found.filter(|address| permitted.private || is_public(address.ip())).collect();
            if allowed.is_empty() {
                return Err(Refused.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "in a test, what cannot be done fails the test")]

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    /// Calls a name that leads to this machine, past the check of the address as it is written.
    async fn call(permitted: Permitted) -> Result<u16, (AttemptOutcome, String)> {
        let _already_there = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://localhost:{}/hook", listener.local_addr().unwrap().port());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _read = stream.read(&mut [0; 1_024]).await.unwrap();
            stream.write_all(b"HTTP/1.1 204 Taken\r\n\r\n").await.unwrap();
        });
        let client = WebhookClient::try_new(permitted).unwrap();
        let answered = client.http.post(&url).send().await;
        answered.map(|response| response.status().as_u16()).map_err(|error| judged(&error))
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_refused_once_it_is_resolved() {
        assert_eq!(call(Permitted { private: true, http: true }).await, Ok(204), "the name can be called");
        match call(Permitted { private: false, http: true }).await {
            Err((outcome, told)) => {
                assert_eq!(
                    (outcome, told.as_str()),
                    (AttemptOutcome::AddressRefused, "the name leads to no address that is public")
                );
            }
            Ok(status) => panic!("it was called and answered {status}"),
        }
    }
}
