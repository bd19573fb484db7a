//! Beginning and finding sessions.

use store::{
    Pepper, StoreError,
    console::{NewSession, SessionRecord, SessionToken},
};

use crate::{Fault, Service, now};

/// A session that goes on, with the token of its browser.
#[derive(Debug, Clone)]
pub struct Open {
    /// The session.
    pub record: SessionRecord,
    /// What the browser holds.
    pub token: SessionToken,
}

/// The machine gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("this machine gives no random bytes")]
pub(super) struct NoRandomness;

/// Begins a session, under a token that no request has brought along.
pub async fn begin(service: &Service, pepper: &Pepper, new: NewSession) -> Result<Open, Fault> {
    let token = SessionToken::generate().ok_or_else(|| Fault::internal(NoRandomness))?;
    let record = service.journal.begin_session(&token, new, pepper).await?;
    Ok(Open { record, token })
}

/// The session of a token, if the session goes on. Finding it is using it.
pub async fn open(service: &Service, pepper: &Pepper, token: &str) -> Result<Option<Open>, StoreError> {
    let Some(token) = SessionToken::parse(token) else { return Ok(None) };
    let now = now();
    let found = service.reader.session(token.session_id()).await?;
    let Some(record) = found.filter(|record| record.opens_with(&token, pepper, now)) else { return Ok(None) };
    service.journal.session_seen(&record, now).await?;
    Ok(Some(Open { record, token }))
}
