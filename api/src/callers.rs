//! Who calls: an API key, and what it may do.

use std::{marker::PhantomData, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::id::ApiKeyId;
use store::{ApiKey, Reader, Scope};
use subtle::ConstantTimeEq;

use crate::{Api, audit::Signature, keys::SecretKey, problem::Problem};

/// A scope that a route needs.
pub(crate) trait Need {
    /// The scope.
    const SCOPE: Scope;
}

/// Needs [`Scope::Read`].
#[derive(Debug)]
pub(crate) struct ToRead;
/// Needs [`Scope::Checkout`].
#[derive(Debug)]
pub(crate) struct ToCheckout;
/// Needs [`Scope::Ops`].
#[derive(Debug)]
pub(crate) struct ToOperate;

impl Need for ToRead {
    const SCOPE: Scope = Scope::Read;
}

impl Need for ToCheckout {
    const SCOPE: Scope = Scope::Checkout;
}

impl Need for ToOperate {
    const SCOPE: Scope = Scope::Ops;
}

/// A caller with a valid API key whose scope includes what the route needs.
#[derive(Debug)]
pub(crate) struct Caller<N> {
    /// The key's public name.
    pub(crate) key: ApiKeyId,
    /// What it may do.
    pub(crate) scope: Scope,
    need: PhantomData<N>,
}

/// A caller who may read.
pub(crate) type ReadCaller = Caller<ToRead>;
/// A caller who may create and cancel checkouts.
pub(crate) type CheckoutCaller = Caller<ToCheckout>;
/// A caller who may look into workflows and act on stuck ones.
pub(crate) type OpsCaller = Caller<ToOperate>;

impl<N: Need + Send> FromRequestParts<Arc<Api>> for Caller<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let sent = sent_key(&parts.headers).ok_or_else(Problem::unauthorized)?;
        let key = authenticate(&api.reader, &sent).await?.ok_or_else(Problem::unauthorized)?;
        if let Some(signature) = parts.extensions.get::<Signature>() {
            signature.sign(&key.id);
        }
        if !key.scope.includes(N::SCOPE) {
            return Err(Problem::forbidden(N::SCOPE));
        }
        Ok(Self { key: key.id, scope: key.scope, need: PhantomData })
    }
}

/// The key of a request, from either scheme.
fn sent_key(headers: &HeaderMap) -> Option<String> {
    let (scheme, credentials) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let credentials = credentials.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(credentials.to_owned());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let decoded = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
        // The password is empty by custom; nothing is said by it.
        return decoded.split_once(':').map(|(user, _)| user.to_owned());
    }
    None
}

/// The key that a text is, with its secret; `None` for all that is none.
pub(crate) async fn authenticate(reader: &Reader, sent: &str) -> Result<Option<ApiKey>, Problem> {
    let Some((id, secret)) = SecretKey::parse(sent) else { return Ok(None) };
    let hash = ApiKey::hash(secret);
    let key = reader.api_key(&id).await?;
    Ok(key.filter(|key| key.revoked_at.is_none() && bool::from(key.secret_hash.as_bytes().ct_eq(hash.as_bytes()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(value: &str) -> Option<String> {
        sent_key(&HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]))
    }

    #[test]
    fn a_key_is_read_from_either_scheme() {
        assert_eq!(sent("Bearer dk_a_b"), Some("dk_a_b".to_owned()));
        assert_eq!(sent("bearer  dk_a_b "), Some("dk_a_b".to_owned()));
        assert_eq!(sent(&format!("Basic {}", STANDARD.encode("dk_a_b:"))), Some("dk_a_b".to_owned()));
    }

    #[test]
    fn anything_else_is_no_key() {
        for value in ["", "Bearer", "dk_a_b", "Basic !!", "Digest x", &format!("Basic {}", STANDARD.encode("no colon"))]
        {
            assert_eq!(sent(value), None, "{value}");
        }
    }
}
