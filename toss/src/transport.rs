//! One request, one bounded answer, and an honest account of what is known in between.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;

use crate::codes::Operation;
use crate::error::{Call, Error, NotSentReason, UnreadableReason};
use crate::jwe::{self, ContentKey};
use crate::shape::ShapeError;
use crate::span;

/// Bytes of an answer that are read before it is given up; pages of reports may have sixteen times as
/// many. A Payment is a few thousand.
pub const ANSWER_LIMIT_BYTES: usize = 1024 * 1024;
/// The same for a list: a thousand settlements of two thousand bytes, eight times over.
pub(crate) const LIST_LIMIT_BYTES: usize = 16 * 1024 * 1024;
/// Characters of an error's message. Source: Toss, request and response page.
const MESSAGE_LIMIT: usize = 510;
/// Characters of an error's code; the longest documented one has 47.
const CODE_LIMIT: usize = 100;
/// Characters of a trace id; a replayed answer carries two.
const TRACE_ID_LIMIT: usize = 200;
/// The longest wait a `Retry-After` can ask for.
const RETRY_AFTER_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

const TRACE_ID: HeaderName = HeaderName::from_static("x-tosspayments-trace-id");

/// Sends the request and reads what was asked for, or the reason why there is none.
///
/// With a key, a body in the form of a JWE is opened first. Toss may answer in plain JSON even to a
/// sealed request, which is read too: the connection already proves who speaks.
pub(crate) async fn exchange<T>(
    request: RequestBuilder,
    call: Call,
    key: Option<&ContentKey>,
    read: impl FnOnce(&[u8]) -> Result<T, ShapeError>,
) -> Result<T, Error> {
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) => return Err(unanswered(error, call)),
    };
    let status = response.status();
    span::answered(status.as_u16());
    let limit_bytes = answer_limit_bytes(call.operation);
    let head =
        Head { status, trace_id: trace_id(response.headers()), retry_after: retry_after(response.headers()), call };
    match body(response, limit_bytes).await.and_then(|body| unsealed(body, key)) {
        Ok(body) if status.is_success() => {
            read(&body).map_err(|source| head.unreadable(UnreadableReason::Shape(source)))
        }
        Ok(body) => Err(head.refused(&body)),
        Err(reason) => Err(head.unreadable(reason)),
    }
}

fn answer_limit_bytes(operation: Operation) -> usize {
    match operation {
        Operation::Transactions | Operation::Settlements | Operation::CashReceiptList => LIST_LIMIT_BYTES,
        Operation::Confirm
        | Operation::LookUp
        | Operation::Cancel
        | Operation::KeyIn
        | Operation::VirtualAccount
        | Operation::BillingIssue
        | Operation::BillingCharge
        | Operation::BillingDelete
        | Operation::SettlementRequest
        | Operation::CashReceiptIssue
        | Operation::CashReceiptCancel
        | Operation::Balance
        | Operation::SellerRegister
        | Operation::SellerUpdate
        | Operation::SellerDelete
        | Operation::SellerLookUp
        | Operation::PayoutRequest
        | Operation::PayoutCancel
        | Operation::PayoutLookUp => ANSWER_LIMIT_BYTES,
    }
}

fn unsealed(body: Vec<u8>, key: Option<&ContentKey>) -> Result<Vec<u8>, UnreadableReason> {
    match key {
        Some(key) if jwe::is_compact(&body) => jwe::open(&body, key).map_err(UnreadableReason::Sealed),
        Some(_) | None => Ok(body),
    }
}

/// Only a failure to connect proves that nothing left.
///
/// A connection taken from the pool that turns out to be closed is not such a proof: bytes may
/// have been read before it closed.
fn unanswered(error: reqwest::Error, call: Call) -> Error {
    // The address holds the payment key, and `call` has already said it.
    let source = error.without_url();
    if source.is_connect() || source.is_builder() {
        Error::NotSent { call, reason: NotSentReason::NoConnection(source) }
    } else {
        Error::NoAnswer { call, source }
    }
}

async fn body(mut response: Response, limit_bytes: usize) -> Result<Vec<u8>, UnreadableReason> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > limit_bytes => {
                return Err(UnreadableReason::TooLarge);
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) => return Err(UnreadableReason::CutOff(error.without_url())),
        }
    }
}

/// What an answer says before its body.
struct Head {
    call: Call,
    status: StatusCode,
    trace_id: Option<String>,
    retry_after: Option<Duration>,
}

impl Head {
    fn unreadable(self, reason: UnreadableReason) -> Error {
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            return self.refusal(Refusal::default());
        }
        Error::Unreadable { call: self.call, status: self.status.as_u16(), trace_id: self.trace_id, reason }
    }

    fn refused(self, body: &[u8]) -> Error {
        let is_error = self.status.is_client_error() || self.status.is_server_error();
        match Refusal::parse(body) {
            Some(refusal) if is_error => self.refusal(refusal),
            _ => self.unreadable(UnreadableReason::NotAnError),
        }
    }

    fn refusal(self, refusal: Refusal) -> Error {
        Error::Refused {
            call: self.call,
            status: self.status.as_u16(),
            code: refusal.code,
            message: refusal.message.chars().take(MESSAGE_LIMIT).collect(),
            trace_id: self.trace_id,
            retry_after: self.retry_after,
        }
    }
}

/// What Toss says when it says no.
#[derive(Default)]
pub(crate) struct Refusal {
    code: String,
    message: String,
}

impl Refusal {
    /// Reads `{code, message}`, or the same in the v2 envelope as `{error: {code, message}}`. The code decides, so a
    /// message of another type than text is none.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        let document: Value = serde_json::from_slice(body).ok()?;
        let text = |pair: &Value, key: &str| pair.get(key).and_then(Value::as_str).map(str::to_owned);
        let of =
            |pair: &Value| Some(Self { code: text(pair, "code")?, message: text(pair, "message").unwrap_or_default() });
        let refusal = of(&document).or_else(|| of(document.get("error")?))?;
        let is_code =
            (1..=CODE_LIMIT).contains(&refusal.code.len()) && refusal.code.bytes().all(|byte| byte.is_ascii_graphic());
        is_code.then_some(refusal)
    }
}

fn trace_id(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(TRACE_ID)?.to_str().ok()?;
    Some(text.chars().take(TRACE_ID_LIMIT).collect())
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_LIMIT))
}
