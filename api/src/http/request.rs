//! What happens around every request: an id, one line in the log, headers that no route may forget.

use std::{net::IpAddr, sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::Response,
};
use domain::{id::CheckoutId, principal::Principal};
use opentelemetry::trace::FutureExt as _;
use serde_json::Value;
use uuid::Uuid;

use service::api_key::{KeyError, SecretKey};

use crate::{
    Api,
    http::{
        card_numbers,
        limits::origin,
        marks::{About, Origin, RequestId, Signature},
        problem::Problem,
        trace::Followed,
    },
};

/// Names a request in the log, in the answer and, if the caller sent one, in the caller's log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The most characters of a request id that is taken over from the caller.
const MAX_REQUEST_ID_CHARS: usize = 64;

/// Gives the request an id and a span, logs one line about it and finishes the answer's headers. No body and no
/// query is logged: either may hold what must not be read in a log.
pub(crate) async fn observe(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request.headers().get(&REQUEST_ID).and_then(taken_over).unwrap_or_else(mint);
    let method = request.method().clone();
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("none", MatchedPath::as_str);
    let named = in_path(route, request.uri().path()).map(str::to_owned);
    let checkout_id = named.as_deref().filter(|_| names_a_checkout(route)).and_then(|id| CheckoutId::parse(id).ok());
    let followed = Followed::begin(&request, route, &id);
    let client = origin(&request, &api.settings.limits.trusted_proxies);
    let (signature, about) = (Signature::default(), About::begin(id.to_str().unwrap_or_default()));
    checkout_id.iter().for_each(|id| about.say(id));
    request.extensions_mut().insert(RequestId(id.clone()));
    request.extensions_mut().insert(Origin(client));
    request.extensions_mut().insert(signature.clone());
    let mut response = about.answer(next.run(request)).with_context(followed.context()).await;

    let made = made(route, &response);
    made.iter().filter_map(|id| CheckoutId::parse(id).ok()).for_each(|id| about.say(&id));
    let payment = named.or(made).or_else(|| about.checkout().map(CheckoutId::to_string));
    followed.end(&mut response, payment.as_deref());
    let line = Line {
        status: response.status().as_u16(),
        duration_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        request_id: id.to_str().unwrap_or_default(),
        payment: payment.as_deref(),
        checkout: about.checkout().map(CheckoutId::as_str),
        client,
        principal: signature.principal(),
        trace_id: followed.trace_id(),
        cause: response.extensions().get::<Problem>().and_then(Problem::cause),
    };
    line.log(&method, route);
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// What the log says of a request.
struct Line<'a> {
    status: u16,
    duration_ms: u64,
    request_id: &'a str,
    /// The checkout or the order that it was about.
    payment: Option<&'a str>,
    /// The checkout, once it was found.
    checkout: Option<&'a str>,
    /// Where it came from.
    client: IpAddr,
    /// Its sender, if the sender was proved.
    principal: Option<&'a Principal>,
    trace_id: Option<String>,
    /// What went wrong on our side.
    cause: Option<&'a str>,
}

impl Line<'_> {
    fn log(&self, method: &Method, route: &str) {
        let Self { status, duration_ms, request_id, payment, checkout, client, cause, .. } = *self;
        let trace_id = self.trace_id.as_deref();
        let (key, person) = match self.principal {
            Some(Principal::Key(id)) => (Some(id.as_str()), None),
            Some(Principal::Person(id)) => (None, Some(id.as_str())),
            None => (None, None),
        };
        match cause {
            Some(cause) => tracing::error!(
                %method, route, status, duration_ms, request_id, payment.id = payment, checkout.id = checkout,
                client.address = %client, api_key.id = key, person.id = person, trace_id, cause,
                "{method} {route}"
            ),
            None => tracing::info!(
                %method, route, status, duration_ms, request_id, payment.id = payment, checkout.id = checkout,
                client.address = %client, api_key.id = key, person.id = person, trace_id,
                "{method} {route}"
            ),
        }
    }
}

/// The checkout or the order that a path names; nothing that only looks like one.
fn in_path<'a>(route: &str, path: &'a str) -> Option<&'a str> {
    let is_named = |part: &str| ["{id}", "{checkout_id}"].contains(&part);
    let is_about_payments = ["/v1/payments/", "/payments/payment/v1/", "/checkout/", "/console/payments/"];
    is_about_payments.iter().find(|beginning| route.starts_with(*beginning))?;
    let (_, value) = route.split('/').zip(path.split('/')).find(|(part, _)| is_named(part))?;
    may_be_logged(value).then_some(value)
}

/// Whether what a path names is a checkout; elsewhere it may be a payment order.
fn names_a_checkout(route: &str) -> bool {
    let is_of_checkouts = ["/checkout/", "/console/payments/"].iter().any(|beginning| route.starts_with(*beginning));
    is_of_checkouts || ["/confirm", "/history"].iter().any(|ending| route.ends_with(*ending))
}

/// The checkout that a request made.
fn made(route: &str, response: &Response) -> Option<String> {
    let is_payments = ["/v1/payments", "/payments/payment/v1"].contains(&route.trim_end_matches('/'));
    let location = response.headers().get(header::LOCATION).filter(|_| is_payments)?.to_str().ok()?;
    location.rsplit('/').next().filter(|id| may_be_logged(id)).map(str::to_owned)
}

/// Whether it can be an id, and can be no card number and no API key that somebody put in the wrong place.
fn may_be_logged(text: &str) -> bool {
    let is_card_number = card_numbers::stands_in(&Value::from(text));
    CheckoutId::parse(text).is_ok() && !is_card_number && SecretKey::parse(text) == Err(KeyError::Form)
}

fn taken_over(id: &HeaderValue) -> Option<HeaderValue> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    (1..=MAX_REQUEST_ID_CHARS).contains(&id.len()).then_some(())?;
    let is_card_number = card_numbers::stands_in(&Value::from(id.to_str().ok()?));
    (id.as_bytes().iter().all(plain) && !is_card_number).then(|| id.clone())
}

fn mint() -> HeaderValue {
    HeaderValue::try_from(Uuid::new_v4().to_string()).unwrap_or(HeaderValue::from_static("none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_id_is_taken_over_only_when_it_is_harmless() {
        let taken = |text: &str| taken_over(&HeaderValue::from_str(text).unwrap()).is_some();
        assert!(taken("req-1.A_b"));
        assert!(!taken(""));
        assert!(!taken("a b"));
        assert!(!taken("a=\"b\""));
        assert!(!taken(&"a".repeat(65)));
        assert!(!taken("4111111111111111"), "a card number is none");
    }

    #[test]
    fn the_log_names_the_payment_of_the_path_and_nothing_that_looks_like_one() {
        let key = "dk_0123456789ab_mistyped";
        assert_eq!(in_path("/v1/payments/{id}/confirm", "/v1/payments/checkout-1/confirm"), Some("checkout-1"));
        assert_eq!(in_path("/checkout/{checkout_id}", "/checkout/checkout-1"), Some("checkout-1"));
        assert_eq!(in_path("/v1/buyers/{buyer_id}/personal-data", "/v1/buyers/buyer-1/personal-data"), None);
        assert_eq!(in_path("/v1/payments/{id}", "/v1/payments/4111111111111111"), None);
        assert_eq!(in_path("/v1/payments/{id}", "/v1/payments/%ED%99%8D"), None);
        assert_eq!(in_path("/v1/payments/{id}", &format!("/v1/payments/{key}")), None);
    }
}
