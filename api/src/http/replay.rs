//! What an answer says of a request that was sent before.

use axum::{
    http::{HeaderName, HeaderValue},
    response::Response,
};

/// `true` on the answer to a request that was sent before.
pub(crate) const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// What the header says.
pub(crate) const REPLAYED: HeaderValue = HeaderValue::from_static("true");

/// The answer, which says so where an earlier request was answered alike.
pub(crate) fn replayed(mut response: Response, is_replayed: bool) -> Response {
    if is_replayed {
        response.headers_mut().insert(IDEMPOTENT_REPLAYED, REPLAYED);
    }
    response
}
