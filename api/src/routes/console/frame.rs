//! What is around a page of the console: the person, the language, the address.

use std::{collections::BTreeMap, convert::Infallible, sync::Arc};

use axum::{
    extract::{FromRequestParts, OriginalUri},
    http::{HeaderMap, StatusCode, Uri, header, request::Parts},
    response::Response,
};
use domain::{Timestamp, id::PersonId, payout::PaidBy, principal::Principal};
use service::{Caller, console::Open, now};
use store::{Scope, Window};
use web::{
    console::{Frame, Page, Place, Refusal, encoded, refused},
    language::Language,
};

use super::cookies::{LANGUAGE_COOKIE, cookie};
use crate::{
    Api,
    http::{
        paging::{DEFAULT_LIMIT, Position, cursor_of, place_of},
        problem::{Code, Problem},
    },
};

/// The visitor of a page, signed in or not.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    pub(super) language: Language,
    /// The path with its query.
    pub(super) address: String,
    now: Timestamp,
}

impl Visitor {
    pub(super) fn of(headers: &HeaderMap, uri: &Uri) -> Self {
        let chosen = cookie(headers, LANGUAGE_COOKIE).and_then(Language::parse);
        let accepted = || headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let language = chosen.unwrap_or_else(|| Language::accepted(accepted().unwrap_or_default()));
        let address = uri.path_and_query().map_or_else(|| uri.path().to_owned(), ToString::to_string);
        Self { language, address, now: now() }
    }

    /// What is around a page that needs no session.
    pub(super) fn frame(&self) -> Frame<'_> {
        let (address, language, now) = (self.address.as_str(), self.language, self.now);
        Frame { language, session: None, form_token: "", here: None, address, now, paid_by: PaidBy::Psp }
    }
}

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |uri| &uri.0);
        Ok(Self::of(&parts.headers, uri))
    }
}

/// The person of a request that the guard has let in.
#[derive(Debug, Clone)]
pub(super) struct Person(pub(super) Arc<SignedIn>);

/// A visitor with a session.
#[derive(Debug)]
pub(super) struct SignedIn {
    pub(super) visitor: Visitor,
    pub(super) open: Open,
    pub(super) form_token: String,
    /// The way on which the next run pays.
    pub(super) paid_by: PaidBy,
}

/// A handler stands outside of the table of pages and acts.
#[derive(Debug, thiserror::Error)]
#[error("no guard is around a page of the console")]
struct Unguarded;

impl FromRequestParts<Arc<Api>> for Person {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Api>) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Problem::internal(&Unguarded))
    }
}

impl Person {
    /// What is around a page of this person.
    pub(super) fn frame(&self) -> Frame<'_> {
        let SignedIn { visitor, open, form_token, paid_by } = &*self.0;
        let here = Place::of(visitor.address.split('?').next().unwrap_or_default());
        Frame { session: Some(&open.record), form_token, here, paid_by: *paid_by, ..visitor.frame() }
    }

    /// The page as an answer.
    pub(super) fn answer(&self, page: Page) -> Response {
        self.frame().answer(page)
    }

    /// The person, as use cases know callers.
    pub(super) fn caller(&self) -> Caller {
        service::console::caller(&self.0.open.record)
    }

    /// The person as a principal.
    pub(super) fn principal(&self) -> Principal {
        self.0.open.record.principal()
    }

    /// The person, by the identity provider's name.
    pub(super) fn id(&self) -> &PersonId {
        &self.0.open.record.person
    }

    /// Whether the roles include a scope.
    pub(super) fn may(&self, scope: Scope) -> bool {
        self.0.open.record.roles.scopes().includes(scope)
    }
}

/// What stands behind the question mark. What cannot be read is left out: an address that a person typed shows what
/// can be shown.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    path: String,
    values: BTreeMap<String, String>,
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let pairs = crate::http::parameters::pairs(&parts.uri).unwrap_or_default();
        let plain = |value: &str| !value.chars().any(char::is_control);
        let values = pairs.into_iter().filter(|(_, value)| plain(value)).collect();
        Ok(Self { path: parts.uri.path().to_owned(), values })
    }
}

impl Asked {
    /// A value without the room around it; empty where it is not given.
    pub(super) fn text(&self, name: &str) -> &str {
        self.values.get(name).map_or("", |value| value.trim())
    }

    /// The page of a list that is asked for; the first one where the cursor is none of the list.
    pub(super) fn window<P: Position>(&self) -> Window<P> {
        Window { after: place_of(self.text("cursor")), limit: DEFAULT_LIMIT }
    }

    /// The address of the rest of a list behind its last item.
    pub(super) fn next<I, P: Position>(&self, page: &store::Page<I>, place: impl Fn(&I) -> P) -> Option<String> {
        let last = page.items.last().filter(|_| page.more)?;
        Some(self.with("cursor", &cursor_of(&place(last))))
    }

    /// The same address with another value.
    pub(super) fn with(&self, name: &str, value: &str) -> String {
        let kept = self.values.iter().filter(|(other, value)| *other != name && !value.is_empty());
        let kept = kept.map(|(name, value)| (name.as_str(), value.as_str())).chain([(name, value)]);
        let query: Vec<String> = kept.map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        format!("{}?{}", self.path, query.join("&"))
    }
}

/// The page that a problem is. The problem stays with the answer, for the log and for the audit log.
pub(super) fn problem_page(frame: &Frame<'_>, problem: Problem) -> Response {
    let code = problem.code();
    let refusal = match code {
        Code::Forbidden | Code::FourEyes => Refusal::Forbidden,
        _ if code.status() == StatusCode::NOT_FOUND => Refusal::NotFound,
        _ if code.is_transient() => Refusal::Passes,
        _ => Refusal::Stays,
    };
    let said = match frame.language {
        Language::Korean => code.in_korean(),
        Language::English => problem.detail(),
    };
    let mut response = frame.answer(refused(frame, refusal, code.name(), said));
    *response.status_mut() = code.status();
    response.extensions_mut().insert(problem);
    response
}

/// The page at an address of the console where nothing is.
pub(super) async fn unknown(visitor: Visitor) -> Response {
    problem_page(&visitor.frame(), Problem::new(Code::NotFound, "The console has no page at this address."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &[(&str, &str)]) -> Asked {
        let values = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Asked { path: "/console/payments".to_owned(), values }
    }

    #[test]
    fn the_address_of_the_rest_keeps_the_search() {
        let asked = asked(&[("cursor", "old"), ("q", "김 & co"), ("status", "")]);
        assert_eq!(asked.with("cursor", "new"), "/console/payments?q=%EA%B9%80%20%26%20co&cursor=new");
    }
}
