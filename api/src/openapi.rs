//! The OpenAPI 3.1 document of everything that is served, made from the code, and a page that shows it.
//!
//! A route is registered together with its description (`routes!` in `router.rs` does not compile for a handler
//! without one), so none is served that the document does not know. What is the same for many routes is added
//! here: the problems that any request can meet, the headers of every answer, and who may call.

mod curl;
pub(crate) mod document;
pub(crate) mod examples;
mod operation;
pub(crate) mod page;
pub(crate) mod readers;
pub(crate) mod refusals;
pub(crate) mod shapes;

use axum::{
    Extension, Json,
    http::{HeaderValue, header},
    response::IntoResponse,
};
use serde_json::Value;

/// The document, as the router hands it to the routes that show it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Document(pub(crate) &'static Value);

/// This document
///
/// OpenAPI 3.1 in JSON. It is made from the code that serves the routes.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "read_document",
    tag = "Service",
    responses((status = 200, description = "The document", body = Object, content_type = "application/json"))
)]
pub(crate) async fn show(Extension(Document(document)): Extension<Document>) -> impl IntoResponse {
    // The same for every caller until the next release.
    let kept = HeaderValue::from_static("public, max-age=300");
    ([(header::CACHE_CONTROL, kept)], Json(document))
}

#[cfg(test)]
mod tests {
    use super::operation::operations;
    use crate::router::document;

    /// The copy that is checked in, so that a change of the API is seen in review.
    const COPY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

    #[test]
    fn the_copy_is_the_document() {
        let made = serde_json::to_string_pretty(document()).unwrap() + "\n";
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(COPY, &made).unwrap();
        }
        let copy = std::fs::read_to_string(COPY).unwrap_or_default();
        assert!(
            copy == made,
            "api/openapi.json is not what the code says; `UPDATE=1 cargo test -p api openapi` renews it"
        );
    }

    #[test]
    fn every_operation_says_all_that_a_caller_needs() {
        let mut ids = std::collections::BTreeSet::new();
        for operation in operations(document()) {
            let id = operation.value["operationId"].as_str().unwrap();
            assert!(ids.insert(id), "{id} stands twice");
            assert!(operation.value["summary"].is_string(), "{id} has no summary");
            assert!(operation.value["security"].is_array(), "{id} does not say who may call");
            let responses = operation.value["responses"].as_object().unwrap();
            for status in ["429", "500", "503"] {
                assert!(responses.contains_key(status), "{id} lacks {status}");
            }
            for (status, response) in responses {
                let waits = ["202", "402", "429", "503"].contains(&status.as_str());
                assert_eq!(response["headers"].get("Retry-After").is_some(), waits, "{id} {status}");
            }
        }
    }

    #[test]
    fn every_reference_arrives() {
        let text = document().to_string();
        for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(document().pointer(reference).is_some(), "nothing is at {reference}");
        }
    }
}
