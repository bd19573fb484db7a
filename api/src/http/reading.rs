//! Reading what is personal: a line of the audit log is written before anything is shown.
//!
//! A line that cannot be written leaves the data unread. So a line may stand for a reading whose answer got lost, and
//! no reading is without its line.

use std::{convert::Infallible, sync::Arc};

use axum::{
    extract::{FromRequestParts, MatchedPath, OriginalUri},
    http::{Method, request::Parts},
};
use store::AuditEntry;

use service::now;

use crate::{
    Api,
    http::{
        audit::object,
        marks::{Origin, RequestId, Signature},
        problem::Problem,
    },
};

/// A request that may show personal data. A handler takes it after the caller, who signs the request.
#[derive(Debug)]
pub(crate) struct Reading {
    method: Method,
    route: String,
    object: String,
    address: Option<String>,
    request_id: Option<String>,
    signature: Signature,
}

/// Nobody signed a request that shows personal data.
#[derive(Debug, thiserror::Error)]
#[error("personal data is read and nobody signed the request")]
struct Unsigned;

impl FromRequestParts<Arc<Api>> for Reading {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _api: &Arc<Api>) -> Result<Self, Infallible> {
        let extensions = &parts.extensions;
        // Inside of a nested router the address lacks its beginning.
        let path = extensions.get::<OriginalUri>().map_or(parts.uri.path(), |uri| uri.0.path());
        let route = extensions.get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
        Ok(Self {
            method: parts.method.clone(),
            object: object(&route, path),
            route,
            address: extensions.get::<Origin>().map(|origin| origin.0.to_string()),
            request_id: extensions.get::<RequestId>().map(|id| id.0.to_str().unwrap_or_default().to_owned()),
            signature: extensions.get::<Signature>().cloned().unwrap_or_default(),
        })
    }
}

impl Reading {
    /// Writes down who reads, and what is about to be shown.
    pub(crate) async fn write_down(self, api: &Api, shown: &str) -> Result<(), Problem> {
        let principal = self.signature.principal().ok_or_else(|| Problem::internal(&Unsigned))?;
        let entry = AuditEntry {
            occurred_at: now(),
            actor: principal.clone().into(),
            action: format!("{} {}", self.method, self.route),
            object: self.object,
            result: format!("200 {shown}"),
            address: self.address,
            request_id: self.request_id,
        };
        Ok(api.service.journal.audit(&entry).await?)
    }
}
