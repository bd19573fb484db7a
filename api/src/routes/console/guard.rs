//! The layer around every page and act: the session, the scope, and the token of a form.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    body::to_bytes,
    extract::{FromRequestParts, Query, Request, State},
    http::{HeaderMap, HeaderValue, Method, header, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Redirect, Response},
};
use service::console::{Open, open};
use subtle::ConstantTimeEq;
use web::console::{MAX_ACT_REASON_CHARS, not_set_up};

use super::{
    cookies::{cookie, session_cookie},
    frame::{Person, SignedIn, Visitor, problem_page},
    needs::Needs,
    reason::reason_in,
};
use crate::{
    Api,
    http::{
        marks::{Because, Signature},
        problem::{Code, Problem},
    },
};

/// The most bytes of a form.
const MAX_FORM_BYTES: usize = 16 * 1024;
/// The media type of forms.
const FORM: &str = "application/x-www-form-urlencoded";
/// The field that holds the token of the session.
const TOKEN_FIELD: &str = "form_token";
/// By this header a browser says where a request comes from.
const FETCH_SITE: &str = "sec-fetch-site";

/// What a page or an act needs.
#[derive(Clone)]
pub(super) struct Guard {
    pub(super) api: Arc<Api>,
    pub(super) needs: Needs,
}

/// A form whose token is that of the session.
#[derive(Debug, Clone, Default)]
pub(super) struct Form(Arc<BTreeMap<String, String>>);

impl Form {
    /// A field without the room around it; empty where it is not given.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |value| value.trim())
    }
}

/// A handler of forms stands outside of the table of pages and acts.
#[derive(Debug, thiserror::Error)]
#[error("no guard has read the form")]
struct Unread;

impl<S: Sync> FromRequestParts<S> for Form {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Problem::internal(&Unread))
    }
}

/// Lets a person in whose roles include the scope. Everybody else is led to the sign-in, or refused.
pub(super) async fn admit(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let Guard { api, needs } = guard;
    let visitor = Visitor::of(request.headers(), request.uri());
    let session = match session(&api, request.headers()).await {
        Ok(Some(session)) => session,
        Ok(None) => return nobody(&api, &visitor),
        Err(problem) => return problem_page(&visitor.frame(), problem),
    };
    if let Some(signature) = request.extensions().get::<Signature>() {
        signature.sign_person(&session.record.person);
    }
    let form_token = session.token.form_token(&api.key_pepper);
    let paid_by = api.service.settings.plan_rules.by;
    let person = Person(Arc::new(SignedIn { visitor, open: session, form_token, paid_by }));
    if !needs.admits(person.0.open.record.roles) {
        let detail = format!("This needs a role that includes `{}`.", needs.as_str());
        return problem_page(&person.frame(), Problem::new(Code::Forbidden, detail));
    }
    let mut response = match with_form(&person, request).await {
        Ok(mut request) => {
            request.extensions_mut().insert(person.clone());
            let because = request
                .extensions()
                .get::<Form>()
                .and_then(|form| reason_in(form.text("reason"), MAX_ACT_REASON_CHARS));
            let mut response = next.run(request).await;
            // The line of the audit log gives the reason of every act.
            if let Some(reason) = because {
                response.extensions_mut().insert(Because(reason));
            }
            response
        }
        Err(problem) => problem.into_response(),
    };
    match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem_page(&person.frame(), problem),
        None => response,
    }
}

/// The session of a request.
pub(super) async fn session(api: &Api, headers: &HeaderMap) -> Result<Option<Open>, Problem> {
    let Some(token) = cookie(headers, session_cookie(api)) else { return Ok(None) };
    Ok(open(&api.service, &api.key_pepper, token).await?)
}

/// The way in, or what it takes to have one.
fn nobody(api: &Api, visitor: &Visitor) -> Response {
    let frame = visitor.frame();
    if api.console.provider.is_none() && api.console.links.is_none() {
        return frame.answer(not_set_up(&frame, &api.console.callback));
    }
    Redirect::to("/console/sign-in").into_response()
}

/// The request with its form, if it changes something: no other page may send one.
async fn with_form(person: &Person, request: Request) -> Result<Request, Problem> {
    if [Method::GET, Method::HEAD].contains(request.method()) {
        return Ok(request);
    }
    let (mut parts, body) = request.into_parts();
    if parts.headers.get(FETCH_SITE).is_some_and(|site| site != "same-origin" && site != "none") {
        return Err(Problem::new(Code::Forbidden, "The form was sent by a page of another site."));
    }
    let is_form = |kind: &HeaderValue| kind.to_str().is_ok_and(|kind| kind.split(';').next() == Some(FORM));
    if !parts.headers.get(header::CONTENT_TYPE).is_some_and(is_form) {
        return Err(Problem::new(Code::UnsupportedMediaType, "A form is sent as the page sends it."));
    }
    let malformed = || Problem::new(Code::BodyMalformed, "The form cannot be read.");
    let bytes = to_bytes(body, MAX_FORM_BYTES).await.map_err(|_| malformed())?;
    // A form and a query are written alike.
    let text = std::str::from_utf8(&bytes).map_err(|_| malformed())?;
    let address = format!("/?{text}").parse().map_err(|_| malformed())?;
    let fields = Query::<BTreeMap<String, String>>::try_from_uri(&address).map_err(|_| malformed())?.0;
    let sent = fields.get(TOKEN_FIELD).map_or("", String::as_str);
    if !bool::from(sent.as_bytes().ct_eq(person.0.form_token.as_bytes())) {
        return Err(Problem::new(Code::Forbidden, "The form is not one of this session. Open the page again."));
    }
    parts.extensions.insert(Form(Arc::new(fields)));
    Ok(Request::from_parts(parts, axum::body::Body::empty()))
}
