//! Revoking an API key.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
};
use domain::id::ApiKeyId;
use store::ApiKey;
use web::console::{MAX_ACT_REASON_CHARS, Outcome, RevokeForm, Wrong};

use super::{
    acts::{came_of, reason, unchanged},
    frame::Person,
    guard::Form,
};
use crate::{
    Api,
    http::problem::{Code, Problem},
};

/// A key by its id.
pub(super) async fn found(api: &Api, id: String) -> Result<ApiKey, Problem> {
    let unknown = || Problem::new(Code::NotFound, "No API key has this id.");
    let id = ApiKeyId::parse(id).map_err(|_| unknown())?;
    api.service.reader.api_key(&id).await?.ok_or_else(unknown)
}

/// The page that confirms a revocation.
pub(super) async fn ask(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let key = found(&api, id).await?;
    Ok(person.answer(RevokeForm { key: &key, wrong: None }.page(&person.frame())))
}

/// Revokes a key. A key that was revoked before stays revoked.
pub(super) async fn revoke(
    State(api): State<Arc<Api>>,
    person: Person,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    let key = found(&api, id).await?;
    if reason(&form, MAX_ACT_REASON_CHARS).is_none() {
        let again = RevokeForm { key: &key, wrong: Some(Wrong::Reason) };
        return Ok(unchanged(person.answer(again.page(&person.frame()))));
    }
    api.service.journal.revoke_api_key(&key.grant.id, &api.key_pepper).await?;
    Ok(came_of(&person, Outcome::KeyRevoked, None, "/console/api-keys"))
}
