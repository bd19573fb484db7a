//! What went wrong, as RFC 9457 problem details.
//!
//! Every error that leaves this crate is a [`Problem`], and its [`Code`] is the only thing that decides the HTTP
//! status of an error. A handler answers `Result<_, Problem>`; [`render`], around all routes, adds the
//! request's path and writes the body.

mod code;
mod korean;
mod use_cases;

use std::{borrow::Cow, error::Error, fmt::Display, time::Duration};

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use domain::{
    Timestamp,
    checkout::Status,
    failure::{Failure, FailureCode, OurCode},
};
use serde::Serialize;
use store::{Scope, StoreError};

pub(crate) use code::Code;

use service::{Fault, IsForBuyer, api_key::KeyError, error_chain};

use crate::{
    http::{
        replay::{IDEMPOTENT_REPLAYED, REPLAYED},
        values::{rfc3339, whole_seconds},
    },
    openapi::shapes::{Instant, StatusName},
};

/// Where the problem types are documented; the code follows.
pub(crate) const TYPE_BASE: &str = "https://daegeum.dev/problems/";
/// The media type of RFC 9457.
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");
/// When to try again after something that passes quickly, in seconds.
const RETRY_AFTER_S: u64 = 1;

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FieldCode {
    Required,
    WrongType,
    Invalid,
    UnknownField,
}

/// A field that is not valid, by its path: `payment_orders[0].amount`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct FieldError {
    pub(crate) field: String,
    pub(crate) code: FieldCode,
    pub(crate) detail: String,
}

/// What went wrong: the members of RFC 9457, then ours.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Body<'a> {
    /// The address of the problem's type; it ends in the code.
    #[serde(rename = "type")]
    kind: String,
    /// The same for every problem of this type.
    title: &'static str,
    /// The HTTP status, once more.
    status: u16,
    /// What went wrong this time.
    detail: &'a str,
    /// The path of the request.
    instance: &'a str,
    /// What a program decides by.
    code: &'static str,
    /// The fields or parameters that are not valid.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    /// The payment provider's code, where it speaks to the buyer.
    #[serde(skip_serializing_if = "Option::is_none")]
    psp_code: Option<&'a str>,
    /// The payment provider's sentence for the buyer.
    #[serde(skip_serializing_if = "Option::is_none")]
    psp_message: Option<&'a str>,
    /// Why a payment did not succeed, where the reason is ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_code: Option<&'a str>,
    /// Whether the checkout takes another payment; told only where it does.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    retryable: bool,
    /// Before when the same way of paying will not succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Instant>)]
    retry_at: Option<String>,
    /// Where the checkout stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<StatusName>)]
    checkout_status: Option<&'static str>,
    /// The oldest position of the event log that is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest_position: Option<u64>,
}

/// A request that failed, and all that its sender may know of it.
#[derive(Debug, Clone)]
pub(crate) struct Problem(Box<ProblemData>);

#[derive(Debug, Clone)]
struct ProblemData {
    code: Code,
    detail: Cow<'static, str>,
    fields: Vec<FieldError>,
    decline: Decline,
    /// Whether the checkout that it is about takes another payment.
    retryable: bool,
    /// When trying again may make sense, where more is known than that it passes, and in how many seconds that is.
    retry_at: Option<Timestamp>,
    retry_after_s: Option<u64>,
    /// Where the checkout stands that it is about.
    checkout_status: Option<Status>,
    /// The oldest position of the event log that is kept, where older ones were asked for.
    oldest_position: Option<u64>,
    /// Whether an earlier request was told the same.
    replayed: bool,
    /// What went wrong on our side: for the log, never for the sender.
    cause: Option<String>,
}

/// Why a payment did not succeed, as far as the buyer may know it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Decline {
    /// There is nothing to tell: no payment, or a reason that is none of the buyer's business, such as a wrong
    /// key of ours.
    #[default]
    Untold,
    /// In the PSP's words, which it means for the buyer.
    Psp(Failure),
    /// By one of our own codes.
    Ours(OurCode),
}

impl Decline {
    fn of(failure: Failure, is_for_buyer: IsForBuyer) -> Self {
        match &failure.code {
            FailureCode::Ours(code) => Self::Ours(*code),
            FailureCode::Psp(code) if is_for_buyer(code) => Self::Psp(failure),
            FailureCode::Psp(_) => Self::Untold,
        }
    }

    const fn psp(&self) -> Option<&Failure> {
        match self {
            Self::Psp(failure) => Some(failure),
            Self::Ours(_) | Self::Untold => None,
        }
    }

    const fn ours(&self) -> Option<&'static str> {
        match self {
            Self::Ours(code) => Some(code.as_str()),
            Self::Psp(_) | Self::Untold => None,
        }
    }
}

impl Problem {
    /// A problem of a kind, told in a sentence.
    pub(crate) fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(ProblemData {
            code,
            detail: detail.into(),
            fields: Vec::new(),
            decline: Decline::Untold,
            retryable: false,
            retry_at: None,
            retry_after_s: None,
            checkout_status: None,
            oldest_position: None,
            replayed: false,
            cause: None,
        }))
    }

    /// Fields that are not valid.
    pub(crate) fn of_fields(fields: Vec<FieldError>) -> Self {
        let names: Vec<&str> = fields.iter().map(|error| error.field.as_str()).collect();
        let detail = format!("See `errors` for what is wrong with: {}.", names.join(", "));
        let mut problem = Self::new(Code::ValidationFailed, detail);
        problem.0.fields = fields;
        problem
    }

    /// A body that is no JSON and makes no sense.
    pub(crate) fn of_body(detail: impl Display) -> Self {
        Self::of_field("body", FieldCode::Invalid, detail)
    }

    /// One field that is not valid.
    pub(crate) fn of_field(field: impl Into<String>, code: FieldCode, detail: impl Display) -> Self {
        Self::of_fields(vec![FieldError { field: field.into(), code, detail: detail.to_string() }])
    }

    /// The payment did not succeed. Only what the PSP says to the buyer is passed on to the buyer; the marketplace
    /// reads the rest in `failure` of the checkout.
    pub(crate) fn declined(failure: Option<Failure>, is_for_buyer: IsForBuyer, now: Timestamp) -> Self {
        let retry_at = failure.as_ref().and_then(|failure| failure.retry_at).filter(|retry_at| *retry_at > now);
        let decline = failure.map_or(Decline::Untold, |failure| Decline::of(failure, is_for_buyer));
        let detail = match decline.psp() {
            Some(failure) => Cow::Owned(failure.message.clone()),
            None => Cow::Borrowed("The payment did not succeed, and no money is held."),
        };
        let mut problem = Self::new(Code::PaymentDeclined, detail);
        problem.0.decline = decline;
        problem.0.retry_at = retry_at;
        problem.0.retry_after_s = retry_at.map(|retry_at| retry_at.ms_since(now).div_ceil(1_000));
        problem
    }

    /// No checkout has the id.
    pub(crate) fn no_checkout() -> Self {
        Self::new(Code::CheckoutNotFound, "No checkout has this id.")
    }

    /// A key that may not do this.
    pub(crate) fn forbidden(any_of: &[Scope]) -> Self {
        let scopes: Vec<String> = any_of.iter().map(|scope| format!("`{}`", scope.as_str())).collect();
        Self::new(Code::Forbidden, format!("This needs an API key of scope {}.", scopes.join(" or ")))
    }

    /// A browser that does not prove to be the buyer's. Nothing was asked of the workflow or the payment provider.
    pub(crate) fn confirm_token(was_sent: bool) -> Self {
        let detail = if was_sent {
            "The `token` is not that of this checkout. Open the checkout's `payment_page` as its creation answered it."
        } else {
            "Send the checkout's `confirm_token` as `token`, or an API key of scope `checkout`."
        };
        Self::new(Code::ConfirmTokenInvalid, detail)
    }

    /// A key of a seller, asked for what is not that seller's wallet. The same for what exists and what does not.
    pub(crate) fn not_of_this_seller() -> Self {
        Self::new(Code::Forbidden, "This API key belongs to a seller and reads alone what is that seller's.")
    }

    /// Events that retention has removed.
    pub(crate) fn events_expired(oldest_position: u64) -> Self {
        let before = oldest_position.saturating_sub(1);
        let detail =
            format!("The oldest position kept is {oldest_position}. Send `after={before}` to go on from there.");
        let mut problem = Self::new(Code::EventsExpired, detail);
        problem.0.oldest_position = Some(oldest_position);
        problem
    }

    /// What is too much; it is taken again after a while.
    pub(crate) fn rate_limited(wait: Duration) -> Self {
        let wait_s = whole_seconds(wait);
        let mut problem = Self::new(Code::RateLimited, format!("Send the same request again in {wait_s} s."));
        problem.0.retry_after_s = Some(wait_s);
        problem
    }

    /// What came as a key cannot be one.
    pub(crate) fn not_a_key(error: KeyError) -> Self {
        Self::new(Code::Unauthorized, format!("What came {error}."))
    }

    /// A key that is not known or not good any more. One sentence for all of them, so that nobody learns which
    /// keys exist.
    pub(crate) fn unauthorized() -> Self {
        Self::new(Code::Unauthorized, "The API key is unknown, revoked or expired.")
    }

    /// No key.
    pub(crate) fn no_key() -> Self {
        Self::new(
            Code::Unauthorized,
            "No API key came. Send `Authorization: Bearer <API key>`, or HTTP Basic with the \
             API key as user name.",
        )
    }

    /// Something that must not happen; the cause goes to the log.
    pub(crate) fn internal(cause: &dyn Error) -> Self {
        let detail = "Nothing is known to be wrong with the request. Our log has the request id.";
        Self::new(Code::Internal, detail).because_of(cause)
    }

    /// Temporal did not take a request.
    pub(crate) fn temporal(cause: &dyn Error) -> Self {
        let detail = "The request did not get through. Sending the same one again is safe.";
        Self::new(Code::TemporalUnavailable, detail).because_of(cause)
    }

    /// A workflow takes no more signals.
    pub(crate) fn too_many_signals(cause: &dyn Error) -> Self {
        let detail = "The workflow has taken as many signals as Temporal allows. See \
                      `history.maximumSignalsPerExecution` of the Temporal server.";
        Self::new(Code::TooManySignals, detail).because_of(cause)
    }

    /// The database did not answer in time.
    pub(crate) fn database(cause: &dyn Error) -> Self {
        let detail = "The database did not answer in time. Sending the same request again is safe.";
        Self::new(Code::DatabaseUnavailable, detail).because_of(cause)
    }

    /// Adds where the checkout stands that the request was about.
    pub(crate) fn about(mut self, status: Status) -> Self {
        self.0.checkout_status = Some(status);
        self
    }

    /// Adds whether the checkout takes another payment.
    pub(crate) fn retryable(mut self, retryable: bool) -> Self {
        self.0.retryable = retryable;
        self
    }

    /// The same problem, told again to the same request.
    pub(crate) fn replayed(mut self) -> Self {
        self.0.replayed = true;
        self
    }

    fn because_of(mut self, cause: &dyn Error) -> Self {
        self.0.cause = Some(error_chain(cause));
        self
    }

    /// The problem's kind.
    pub(crate) fn code(&self) -> Code {
        self.0.code
    }

    /// What went wrong, in a sentence.
    pub(crate) fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The fields that are not valid.
    #[cfg(test)]
    pub(crate) fn fields(&self) -> &[FieldError] {
        &self.0.fields
    }

    /// For the log: what went wrong on our side.
    pub(crate) fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// The body, for a request to `instance`.
    fn body<'a>(&'a self, instance: &'a str) -> Body<'a> {
        let code = self.0.code.name();
        Body {
            kind: format!("{TYPE_BASE}{code}"),
            title: self.0.code.title(),
            status: self.0.code.status().as_u16(),
            detail: &self.0.detail,
            instance,
            code,
            errors: &self.0.fields,
            psp_code: self.0.decline.psp().map(|failure| failure.code.as_str()),
            psp_message: self.0.decline.psp().map(|failure| failure.message.as_str()),
            failure_code: self.0.decline.ours(),
            retryable: self.0.retryable,
            retry_at: self.0.retry_at.map(rfc3339),
            checkout_status: self.0.checkout_status.map(Status::as_str),
            oldest_position: self.0.oldest_position,
        }
    }

    fn extra_headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if self.0.code == Code::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        let passes = self.0.code.is_transient().then_some(RETRY_AFTER_S);
        if let Some(seconds) = self.0.retry_after_s.or(passes) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.0.replayed {
            headers.insert(IDEMPOTENT_REPLAYED, REPLAYED);
        }
        headers
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error.is_unavailable() {
            return Self::database(&error);
        }
        Self::internal(&error)
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Store(error) => error.into(),
            Fault::DatabaseSlow(elapsed) => Self::database(&elapsed),
            Fault::Temporal(cause) => Self::temporal(cause.as_ref()),
            Fault::TooManySignals(cause) => Self::too_many_signals(cause.as_ref()),
            Fault::Internal(cause) => Self::internal(cause.as_ref()),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.0.code.status().into_response();
        response.headers_mut().extend(self.extra_headers());
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes the body of a problem, which names the request's path. An error of axum's own, such as a path that
/// is not UTF-8, becomes a problem too; a page for a browser stays one.
pub(crate) async fn render(request: Request, next: Next) -> Response {
    let instance = request.uri().path().to_owned();
    let response = next.run(request).await;
    let failed = response.status().is_client_error() || response.status().is_server_error();
    let mut response = match response.extensions().get::<Problem>() {
        None if failed && !is_html(&response) => {
            Problem::new(Code::AddressMalformed, "The path or the query cannot be read.").into_response()
        }
        Some(_) | None => response,
    };
    let is_page = is_html(&response);
    if let Some(problem) = response.extensions().get::<Problem>().filter(|_| !is_page) {
        let body = serde_json::to_vec(&problem.body(&instance)).unwrap_or_default();
        response.headers_mut().remove(header::CONTENT_LENGTH);
        response.headers_mut().insert(header::CONTENT_TYPE, MEDIA_TYPE);
        *response.body_mut() = body.into();
    }
    response
}

fn is_html(response: &Response) -> bool {
    let media_type = response.headers().get(header::CONTENT_TYPE);
    media_type.is_some_and(|media_type| media_type.as_bytes().starts_with(b"text/html"))
}

/// Nothing is served at this address.
pub(crate) async fn no_such_route() -> Problem {
    Problem::new(Code::NotFound, "No route has this path.")
}

/// Something is served at this address, but not by this method.
pub(crate) async fn no_such_method() -> Problem {
    Problem::new(Code::MethodNotAllowed, "The header `Allow` lists the methods of this address.")
}

/// A handler panicked: a defect of ours, and the end of that request only.
pub(crate) fn of_panic(panic: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let said = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let said = said.or_else(|| panic.downcast_ref::<String>().cloned());
    Problem::internal(&Panic(said.unwrap_or_default())).into_response()
}

/// What a panic said.
#[derive(Debug, thiserror::Error)]
#[error("a handler panicked: {0}")]
struct Panic(String);

#[cfg(test)]
mod tests;
