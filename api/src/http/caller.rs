//! The caller of a request: an API key, and what the key may do.
//!
//! A key of a seller reaches that seller's wallet and nothing else. So a handler that takes a [`Caller`] refuses
//! it, and only one that takes a [`WalletCaller`] gets to see it, together with the question whose wallet is meant.
//! What a key may not do is 403 whether or not the thing exists: the refusal says nothing about others.

use std::{marker::PhantomData, sync::Arc};

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, header, request::Parts},
    middleware::Next,
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    Money,
    id::{ApiKeyId, SellerAccount},
    principal::Principal,
};
use store::{ApiKey, Grant, Scope, Scopes};

use service::{api_key::SecretKey, now};

use crate::{
    Api,
    http::{
        limits::{Visit, is_probe},
        marks::{Introduced, Signature},
        problem::Problem,
    },
};

/// The scopes that a route needs.
pub(crate) trait Need {
    /// Any one of these suffices to be heard.
    const ANY_OF: &'static [Scope];
}

/// Needs [`Scope::Read`].
#[derive(Debug)]
pub(crate) struct ToRead;
/// Needs [`Scope::Checkout`].
#[derive(Debug)]
pub(crate) struct ToCheckout;
/// Needs [`Scope::Checkout`] before a payment and [`Scope::Refund`] after it.
#[derive(Debug)]
pub(crate) struct ToCancel;
/// Needs [`Scope::Read`] or [`Scope::Refund`]: a principal that decides on refunds has to find them.
#[derive(Debug)]
pub(crate) struct ToFindRefunds;
/// Needs [`Scope::Ops`].
#[derive(Debug)]
pub(crate) struct ToOperate;
/// Needs [`Scope::Finance`].
#[derive(Debug)]
pub(crate) struct ToPayOut;

impl Need for ToRead {
    const ANY_OF: &'static [Scope] = &[Scope::Read];
}

impl Need for ToCheckout {
    const ANY_OF: &'static [Scope] = &[Scope::Checkout];
}

impl Need for ToCancel {
    const ANY_OF: &'static [Scope] = &[Scope::Checkout, Scope::Refund];
}

impl Need for ToFindRefunds {
    const ANY_OF: &'static [Scope] = &[Scope::Read, Scope::Refund];
}

impl Need for ToPayOut {
    const ANY_OF: &'static [Scope] = &[Scope::Finance];
}

impl Need for ToOperate {
    const ANY_OF: &'static [Scope] = &[Scope::Ops];
}

/// A caller with a valid API key of the marketplace whose scopes include what the route needs.
#[derive(Debug)]
pub(crate) struct Caller<N> {
    /// The name by which requests of this key are known: that of the first key of its line, which stays when a key
    /// is rotated.
    pub(crate) key: ApiKeyId,
    /// What it may do.
    pub(crate) scopes: Scopes,
    /// The most that it gives back in a day, where it has a limit of its own.
    pub(crate) refund_limit: Option<Money>,
    need: PhantomData<N>,
}

/// A caller who may read.
pub(crate) type ReadCaller = Caller<ToRead>;
/// A caller who may create and confirm checkouts.
pub(crate) type CheckoutCaller = Caller<ToCheckout>;
/// A caller who may give checkouts up, or give money back, or both.
pub(crate) type CancelCaller = Caller<ToCancel>;
/// A caller who may see which refunds wait for a second principal.
pub(crate) type RefundsCaller = Caller<ToFindRefunds>;
/// A caller who may look into workflows and act on stuck ones.
pub(crate) type OpsCaller = Caller<ToOperate>;
/// A caller who may act on sellers, payouts, settlements and breaks.
pub(crate) type FinanceCaller = Caller<ToPayOut>;

impl<N> Caller<N> {
    /// Refuses a caller whose scopes do not include one.
    pub(crate) fn demand(&self, needed: Scope) -> Result<(), Problem> {
        if self.scopes.includes(needed) { Ok(()) } else { Err(Problem::forbidden(&[needed])) }
    }

    /// The principal that acts.
    pub(crate) fn principal(&self) -> Principal {
        Principal::Key(self.key.clone())
    }

    /// The caller, as use cases know it.
    pub(crate) fn caller(&self) -> service::Caller {
        service::Caller { principal: self.principal(), scopes: self.scopes, refund_limit: self.refund_limit }
    }
}

/// The sender of a confirmation.
#[derive(Debug)]
pub(crate) enum Confirmer {
    /// The marketplace, by an API key of scope `checkout`.
    Marketplace,
    /// A browser, which has to prove that it is the buyer's.
    Browser(Option<Visit>),
}

impl FromRequestParts<Arc<Api>> for Confirmer {
    type Rejection = Problem;

    /// A key that came and is not taken is an error: the sender relies on it.
    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        if !parts.headers.contains_key(header::AUTHORIZATION) {
            return Ok(Self::Browser(Visit::of(parts).cloned()));
        }
        CheckoutCaller::from_request_parts(parts, api).await.map(|_| Self::Marketplace)
    }
}

/// A caller who may read wallets: all of them, or one.
#[derive(Debug)]
pub(crate) struct WalletCaller {
    seller: Option<SellerAccount>,
}

impl WalletCaller {
    /// The seller to whom the caller is confined.
    pub(crate) const fn seller(&self) -> Option<&SellerAccount> {
        self.seller.as_ref()
    }

    /// Refuses a wallet that is not the caller's to read.
    pub(crate) fn may_read(&self, seller: &SellerAccount) -> Result<(), Problem> {
        match &self.seller {
            Some(own) if own != seller => Err(Problem::not_of_this_seller()),
            Some(_) | None => Ok(()),
        }
    }
}

impl<N: Need + Send> FromRequestParts<Arc<Api>> for Caller<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _api: &Arc<Api>) -> Result<Self, Problem> {
        let key = caller(parts)?;
        if key.grant.seller.is_some() {
            return Err(Problem::not_of_this_seller());
        }
        let Grant { origin, scopes, refund_limit, .. } = key.grant;
        if !N::ANY_OF.iter().any(|needed| scopes.includes(*needed)) {
            return Err(Problem::forbidden(N::ANY_OF));
        }
        Ok(Self { key: origin, scopes, refund_limit, need: PhantomData })
    }
}

impl FromRequestParts<Arc<Api>> for WalletCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _api: &Arc<Api>) -> Result<Self, Problem> {
        // Every scope includes reading.
        Ok(Self { seller: caller(parts)?.grant.seller })
    }
}

/// Proves the key of a request, if one was sent. A route that needs none answers whatever comes of it.
pub(crate) async fn introduce(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    if request.headers().contains_key(header::AUTHORIZATION) && !is_probe(&request) {
        let visit = request.extensions().get::<Visit>().cloned();
        let introduced = introduced(request.headers(), &api, visit.as_ref()).await;
        // Signed here, so that the audit log knows the key of a request that is refused before its handler.
        if let (Ok(key), Some(signature)) = (&introduced, request.extensions().get::<Signature>()) {
            signature.sign(&key.grant.id);
        }
        request.extensions_mut().insert(Introduced(introduced));
    }
    next.run(request).await
}

/// The key that stands in the headers, proved and counted.
async fn introduced(headers: &HeaderMap, api: &Api, visit: Option<&Visit>) -> Result<ApiKey, Problem> {
    let sent = sent_key(headers).ok_or_else(Problem::no_key)?;
    prove(api, &sent, visit).await
}

/// The key of a request, which was proved, counted and signed when the request came.
fn caller(parts: &Parts) -> Result<ApiKey, Problem> {
    let introduced = parts.extensions.get::<Introduced>();
    introduced.map_or_else(|| Err(Problem::no_key()), |Introduced(introduced)| introduced.clone())
}

/// The key that a text is, with its secret. A failure is counted, and so is the use.
pub(crate) async fn prove(api: &Api, sent: &str, visit: Option<&Visit>) -> Result<ApiKey, Problem> {
    let failed = |problem| visit.map_or_else(|| Problem::clone(&problem), |visit| visit.count_failure(problem.clone()));
    let (id, secret) = SecretKey::parse(sent).map_err(|error| failed(Problem::not_a_key(error)))?;
    let now = now();
    let found = api.service.reader.api_key(&id).await?;
    if let Some(key) = found.as_ref().filter(|key| !key.is_under(&api.key_pepper)) {
        // Not told to the caller: it says which keys exist.
        tracing::warn!(
            api_key.id = %id,
            made_under = key.pepper_id.as_deref().unwrap_or("none"),
            set = api.key_pepper.id().as_deref().unwrap_or("none"),
            "the API key {id} was made under another key_pepper than is set, and is not taken"
        );
    }
    if let Some(key) = found.as_ref().filter(|key| key.is_under(&api.key_pepper) && !key.is_intact(&api.key_pepper)) {
        tracing::error!(
            api_key.id = %key.grant.id,
            "the end of the API key {id} was changed in the database by somebody else than daegeum; it is not taken"
        );
    }
    let Some(key) = found.filter(|key| key.opens_with(secret, &api.key_pepper, now)) else {
        return Err(failed(Problem::unauthorized()));
    };
    if let Some(visit) = visit {
        visit.count_key(&key.grant.origin)?;
        visit.uses().note(&key.grant.id, &api.service.journal, now);
    }
    Ok(key)
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

    #[test]
    fn a_seller_reads_no_wallet_but_its_own() {
        let seller = |name: &str| SellerAccount::parse(name).unwrap();
        let caller = WalletCaller { seller: Some(seller("seller-a")) };
        caller.may_read(&seller("seller-a")).unwrap();
        assert!(caller.may_read(&seller("seller-b")).is_err());
        WalletCaller { seller: None }.may_read(&seller("seller-b")).unwrap();
    }
}
