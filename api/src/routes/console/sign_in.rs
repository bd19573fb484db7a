//! The way in and the way out.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    extract::{Path, Query, Request, State},
    http::{HeaderMap, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use domain::id::{PersonId, SellerAccount};
use service::{
    console::{
        Open, SignInLink, begin,
        provider::{Answer, Attempt, Identity, Provider, ProviderError},
        take_link,
    },
    now,
};
use store::{
    Actor, AuditEntry,
    console::{MAX_SESSION_MS, NewSession, Role, Roles, SignedInBy},
};
use web::{
    console::{Place, no_role, not_set_up, sign_in, signed_out},
    language::Language,
};

use super::{
    cookies::{LANGUAGE_COOKIE, attempt_cookie, cookie, session_cookie, set_cookie, with_cookies},
    frame::{Asked, Person, Visitor, problem_page},
    guard,
};
use crate::{
    Api,
    http::{
        limits::Visit,
        marks::{Origin, RequestId},
        problem::{Code, Problem},
    },
};

/// Where the provider sends browsers back to.
pub const SIGN_IN_CALLBACK: &str = "/console/sign-in/callback";
/// Where a sign-in link leads.
pub const SIGN_IN_LINK: &str = "/console/sign-in/link";
/// How long a browser keeps an attempt to sign in, in seconds.
const ATTEMPT_S: u64 = 10 * 60;
/// How long a browser remembers the language, in seconds.
const LANGUAGE_S: u64 = 365 * 24 * 60 * 60;
/// The person whom the link of `dev` signs in.
const DEV_PERSON: &str = "dev";

/// The page that leads to the provider.
pub(super) async fn show(State(api): State<Arc<Api>>, visitor: Visitor, headers: HeaderMap) -> Response {
    let frame = visitor.frame();
    match guard::session(&api, &headers).await {
        Ok(Some(open)) => return Redirect::to(Place::home(open.record.roles).path()).into_response(),
        Ok(None) => {}
        Err(problem) => return problem_page(&frame, problem),
    }
    let (has_provider, has_link) = (api.console.provider.is_some(), api.console.links.is_some());
    if !has_provider && !has_link {
        return frame.answer(not_set_up(&frame, &api.console.callback));
    }
    frame.answer(sign_in(&frame, has_provider, has_link))
}

/// Sends the browser to the provider.
pub(super) async fn to_provider(State(api): State<Arc<Api>>, visitor: Visitor) -> Response {
    let begun = match provider(&api) {
        Ok(provider) => provider.begin().await.map_err(|error| of_provider(&error)),
        Err(problem) => Err(problem),
    };
    match begun {
        Ok(begun) => {
            let kept = set_cookie(&api, attempt_cookie(&api), &begun.attempt.to_text(), ATTEMPT_S);
            with_cookies(Redirect::to(&begun.address).into_response(), [kept])
        }
        Err(problem) => problem_page(&visitor.frame(), problem),
    }
}

/// The browser is back from the provider.
pub(super) async fn from_provider(State(api): State<Arc<Api>>, visitor: Visitor, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let kept = cookie(&parts.headers, attempt_cookie(&api)).and_then(Attempt::parse);
    let answer = Query::<BTreeMap<String, String>>::try_from_uri(&parts.uri).map(|Query(answer)| answer);
    let forget = || set_cookie(&api, attempt_cookie(&api), "", 0);
    let identity = match (provider(&api), kept) {
        (Ok(provider), Some(attempt)) => {
            let answer = read(answer.unwrap_or_default());
            provider.finish(&attempt, answer).await.map_err(|error| of_provider(&error))
        }
        (Ok(_), None) => Err(of_provider(&ProviderError::OtherAttempt)),
        (Err(problem), _) => Err(problem),
    };
    let signed_in = match identity {
        Ok(identity) => admit(&api, &visitor, &parts, identity, SignedInBy::Provider).await,
        Err(problem) => Err(problem),
    };
    with_cookies(signed_in.unwrap_or_else(|problem| problem_page(&visitor.frame(), problem)), [forget()])
}

fn read(mut answer: BTreeMap<String, String>) -> Answer {
    let mut take = |name| answer.remove(name);
    Answer { code: take("code"), state: take("state"), issuer: take("iss"), error: take("error") }
}

/// A link that signs somebody in once: of the shop for a seller, or of `dev` for an administrator or a seller.
pub(super) async fn by_link(State(api): State<Arc<Api>>, visitor: Visitor, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let signed_in = match linked(&api, &parts).await {
        Ok((identity, by)) => admit(&api, &visitor, &parts, identity, by).await,
        Err(problem) => Err(problem),
    };
    signed_in.unwrap_or_else(|problem| problem_page(&visitor.frame(), problem))
}

fn token_of(parts: &Parts) -> String {
    let sent = Query::<BTreeMap<String, String>>::try_from_uri(&parts.uri).map(|Query(sent)| sent).unwrap_or_default();
    sent.get("token").cloned().unwrap_or_default()
}

/// The identity that the link of a request signs in, and the kind of link.
async fn linked(api: &Api, parts: &Parts) -> Result<(Identity, SignedInBy), Problem> {
    let token = token_of(parts);
    if let Some(seller) = take_link(&api.service, &api.key_pepper, &token).await? {
        let identity = identity(seller.as_str(), Role::Seller, Some(seller.clone()))?;
        return Ok((identity, SignedInBy::ShopLink));
    }
    Ok((linked_by_dev(api, parts, &token)?, SignedInBy::Link))
}

fn useless_link() -> Problem {
    let next = "The shop makes the next link for a seller; the terminal of dev shows that of dev.";
    Problem::new(Code::Forbidden, format!("This link was used before, is too old, or is not a sign-in link. {next}"))
}

fn identity(name: &str, role: Role, seller: Option<SellerAccount>) -> Result<Identity, Problem> {
    let person = PersonId::parse(name).map_err(|error| Problem::internal(&error))?;
    Ok(Identity { person, name: name.to_owned(), roles: Some(Roles::only(role)), seller })
}

fn linked_by_dev(api: &Api, parts: &Parts, token: &str) -> Result<Identity, Problem> {
    // A wrong link is a failed authentication like any other.
    let wrong = || Visit::of(parts).map_or_else(useless_link, |visit| visit.count_failure(useless_link()));
    let links = api.console.links.as_ref().ok_or_else(wrong)?;
    let takes = |link: &SignInLink| link.take(token).map_err(|error| Problem::internal(&error));
    if takes(&links.admin)? {
        identity(DEV_PERSON, Role::Admin, None)
    } else if takes(&links.seller)? {
        identity(links.account.as_str(), Role::Seller, Some(links.account.clone()))
    } else {
        Err(wrong())
    }
}

/// Begins the session of a person, after a line of the audit log was written. Without a role nobody is let in.
async fn admit(
    api: &Api,
    visitor: &Visitor,
    parts: &Parts,
    identity: Identity,
    signed_in_by: SignedInBy,
) -> Result<Response, Problem> {
    let Identity { person, name, roles, seller } = identity;
    let result = match roles {
        Some(roles) => format!("ok by {} as {}", signed_in_by.as_str(), roles.to_text()),
        None => "refused: no role".to_owned(),
    };
    write_down(api, parts, &person, &name, result).await?;
    let Some(roles) = roles else {
        let frame = visitor.frame();
        let mut refused = frame.answer(no_role(&frame));
        *refused.status_mut() = Code::Forbidden.status();
        return Ok(refused);
    };
    // Another session of this browser ends: its token is worth nothing from here on.
    if let Some(Open { record, .. }) = guard::session(api, &parts.headers).await? {
        api.service.journal.end_session(&record.session_id, now()).await?;
    }
    let new = NewSession { person, name, roles, seller, signed_in_by, created_at: now() };
    let Open { token, .. } = begin(&api.service, &api.key_pepper, new).await?;
    let kept = set_cookie(api, session_cookie(api), &token.to_text(), MAX_SESSION_MS / 1_000);
    Ok(with_cookies(Redirect::to(Place::home(roles).path()).into_response(), [kept]))
}

/// Writes down who signs in.
async fn write_down(api: &Api, parts: &Parts, person: &PersonId, name: &str, result: String) -> Result<(), Problem> {
    let request_id = parts.extensions.get::<RequestId>().and_then(|id| id.0.to_str().ok()).map(str::to_owned);
    let entry = AuditEntry {
        occurred_at: now(),
        actor: Actor::Person(person.clone()),
        action: "console sign-in".to_owned(),
        object: name.chars().filter(|char| !char.is_control()).take(100).collect(),
        result,
        address: parts.extensions.get::<Origin>().map(|origin| origin.0.to_string()),
        request_id,
    };
    Ok(api.service.journal.audit(&entry).await?)
}

/// Ends the session.
pub(super) async fn sign_out(State(api): State<Arc<Api>>, person: Person) -> Result<Response, Problem> {
    let signed_in = &person.0;
    api.service.journal.end_session(&signed_in.open.record.session_id, now()).await?;
    let frame = signed_in.visitor.frame();
    let frame = web::console::Frame { address: "/console/sign-in", ..frame };
    let gone = set_cookie(&api, session_cookie(&api), "", 0);
    Ok(with_cookies(frame.answer(signed_out(&frame)), [gone]))
}

/// Remembers the language, and goes back to the page.
pub(super) async fn language(State(api): State<Arc<Api>>, Path(tag): Path<String>, asked: Asked) -> Response {
    let to = if is_own(asked.text("to")) { asked.text("to") } else { "/console" };
    let kept = Language::parse(&tag).and_then(|language| set_cookie(&api, LANGUAGE_COOKIE, language.tag(), LANGUAGE_S));
    with_cookies(Redirect::to(to).into_response(), [kept])
}

/// Whether an address is one of the console's, and nothing that a browser could take for another site's.
fn is_own(to: &str) -> bool {
    let rest = to.strip_prefix("/console");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
        && to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

fn provider(api: &Api) -> Result<&Provider, Problem> {
    let none = || Problem::new(Code::NotFound, "No identity provider is set.");
    api.console.provider.as_ref().ok_or_else(none)
}

/// What a person is told of a sign-in that failed; the cause goes to the log.
fn of_provider(error: &ProviderError) -> Problem {
    match error {
        ProviderError::OtherAttempt => {
            Problem::new(Code::Forbidden, "This browser began no such sign-in, or began it too long ago. Begin anew.")
        }
        ProviderError::Refused(code) => {
            Problem::new(Code::Forbidden, format!("The identity provider signed nobody in: {code}."))
        }
        ProviderError::Unreachable(_) | ProviderError::Unusable(_) | ProviderError::Untrusted(_) => {
            tracing::error!(error = error as &dyn std::error::Error, "nobody was signed in to the console");
            Problem::new(Code::NotReady, "The answer of the identity provider cannot be used. Our log says why.")
        }
        ProviderError::Internal(_) => Problem::internal(error),
    }
}

#[cfg(test)]
mod tests {
    use super::is_own;

    #[test]
    fn only_an_address_of_the_console_is_gone_back_to() {
        for own in ["/console", "/console/payments?q=a&b=%20", "/console?x"] {
            assert!(is_own(own), "{own}");
        }
        for other in
            ["", "/", "//evil.example", "/consolex", "https://evil.example/console", "/console/\\x", "/console/ "]
        {
            assert!(!is_own(other), "{other}");
        }
    }
}
