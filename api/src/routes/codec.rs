//! Opening sealed payloads for the Temporal UI, for operators only.
//!
//! The protocol is Temporal's "remote codec": the browser posts the payloads of a history and shows what comes
//! back. A browser sends no API key by itself, so an operator signs in here once and gets a cookie: it holds the
//! key's name and an end, sealed, and is good for as long as the key is.

use std::sync::Arc;

use axum::{
    Extension, Form, Json,
    extract::{DefaultBodyLimit, FromRequestParts, State, rejection::FormRejection},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{Html, IntoResponse, Response},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use chrono::Utc;
use domain::id::ApiKeyId;
use maud::{DOCTYPE, html};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{Keyring, Scope, Sealed};
use temporalio_client::NamespacedClient as _;
use temporalio_common::{data_converters::SerializationContextData, protos::temporal::api::common::v1::Payload};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use service::now;

use crate::{
    Api,
    http::{
        body::JsonBody,
        caller::{OpsCaller, prove},
        limits::Visit,
        marks::{Signature, Unchanged},
        problem::{Code, FieldCode, Problem},
        reading::Reading,
    },
    openapi::{examples, refusals::refusals, shapes::Base64},
};

/// The most bytes of one question: the payloads of a page of history.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// How long an operator stays signed in, in seconds: a working day.
const SESSION_S: i64 = 8 * 60 * 60;
pub(crate) const COOKIE: &str = "daegeum_codec";
/// What a session is sealed for.
const SESSION_PLACE: &[u8] = b"codec session";

refusals! {
    DecodeRefusals: NotDecodable, ValidationFailed;
    PageRefusals: NotFound;
    SignInRefusals:
        BodyTooLarge,
        DatabaseUnavailable,
        Forbidden,
        NotFound,
        Unauthorized,
        UnsupportedMediaType,
        ValidationFailed;
}

/// The codec's routes.
pub(crate) fn described() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::default()
        .routes(routes!(decode, preflight))
        .layer(DefaultBodyLimit::max(MAX_BYTES))
        .routes(routes!(sign_in_page))
        .routes(routes!(sign_in))
}

/// Payloads as the Temporal UI writes them: all bytes in base64.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(examples(examples::payloads))]
pub(crate) struct Payloads {
    payloads: Vec<PayloadBody>,
}

/// One payload.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Payload)]
struct PayloadBody {
    #[serde(default)]
    #[schema(value_type = std::collections::BTreeMap<String, Base64>)]
    metadata: BTreeMap<String, String>,
    #[serde(default)]
    #[schema(value_type = Base64)]
    data: String,
}

/// An operator, by an API key of scope `ops` or by the cookie of one.
#[derive(Debug)]
pub(crate) struct Operator;

impl FromRequestParts<Arc<Api>> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        if parts.headers.contains_key(header::AUTHORIZATION) {
            return OpsCaller::from_request_parts(parts, api).await.map(|_| Self);
        }
        let signature = parts.extensions.get::<Signature>().cloned().unwrap_or_default();
        let id = api.service.keyring.as_deref().and_then(|keys| session(&parts.headers, keys));
        let id = id.ok_or_else(Problem::no_key)?;
        let key = api.service.reader.api_key(&id).await?.filter(|key| key.is_good(&api.key_pepper, now()));
        let key = key.ok_or_else(Problem::unauthorized)?;
        signature.sign(&key.grant.id);
        if key.grant.scopes.includes(Scope::Ops) { Ok(Self) } else { Err(Problem::forbidden(&[Scope::Ops])) }
    }
}

/// Open sealed payloads
///
/// Temporal's remote codec: what is not sealed comes back as it is. The Temporal UI asks with the cookie of an operator
/// who has signed in at `/codec`. Each time a line of the audit log names the operator's key, before anything is shown.
#[utoipa::path(
    post,
    path = "/codec/decode",
    operation_id = "decode_payloads",
    tag = "Operators",
    security(("bearer" = ["ops"]), ("session" = [])),
    request_body = Payloads,
    responses((status = 200, description = "The payloads, opened", body = Payloads), DecodeRefusals)
)]
pub(crate) async fn decode(
    State(api): State<Arc<Api>>,
    _: Operator,
    reading: Reading,
    headers: HeaderMap,
    body: Result<JsonBody, Problem>,
) -> Result<Response, Problem> {
    let sealed = read(&body.map_err(with_own_limit)?)?;
    let converter = api.service.temporal.data_converter();
    let opened = converter.codec().decode(&SerializationContextData::None, sealed).await;
    let opened = opened.map_err(|error| Problem::new(Code::NotDecodable, error.to_string()))?;
    let body = Payloads { payloads: opened.into_iter().map(PayloadBody::of).collect() };
    reading.write_down(&api, "opened payloads").await?;
    let mut response = (across(&api, &headers), Json(body)).into_response();
    // Its line is written already.
    response.extensions_mut().insert(Unchanged);
    Ok(response)
}

fn read(body: &JsonBody) -> Result<Vec<Payload>, Problem> {
    let none = || Problem::of_field("payloads", FieldCode::Invalid, "these are no payloads of Temporal");
    let asked = Payloads::deserialize(body.value()).map_err(|_| none())?;
    asked.payloads.into_iter().map(PayloadBody::read).collect::<Option<_>>().ok_or_else(none)
}

/// Here more is taken than elsewhere.
fn with_own_limit(problem: Problem) -> Problem {
    match problem.code() {
        Code::BodyTooLarge => Problem::new(Code::BodyTooLarge, format!("Payloads have at most {MAX_BYTES} bytes.")),
        _ => problem,
    }
}

/// Ask whether a page may ask
///
/// A browser does, before it sends payloads of the Temporal UI.
#[utoipa::path(
    options,
    path = "/codec/decode",
    operation_id = "preflight_decode",
    tag = "Operators",
    responses((status = 204, description = "The headers say who may; they are missing where nobody may"))
)]
pub(crate) async fn preflight(State(api): State<Arc<Api>>, headers: HeaderMap) -> Response {
    (StatusCode::NO_CONTENT, across(&api, &headers)).into_response()
}

/// The sign-in page of the codec
///
/// For operators who read sealed histories in the Temporal UI.
#[utoipa::path(
    get,
    path = "/codec",
    operation_id = "show_codec_page",
    tag = "Operators",
    responses((status = 200, description = "The page", body = String, content_type = "text/html"), PageRefusals)
)]
pub(crate) async fn sign_in_page(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    keyring(&api)?;
    Ok(page(html! {
        form method="post" action="/codec/session" {
            label for="key" { "API key of scope ops" }
            input #key name="key" type="password" autocomplete="off" required;
            button { "Sign in" }
        }
        p { "The Temporal UI then shows what is sealed: in its settings, set the codec server to "
            code { (api.settings.buyer_pages.public_url) "/codec" } " and tick “include cross-origin credentials”." }
    }))
}

/// An API key of scope `ops`, from a form.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(examples(examples::sign_in))]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    key: String,
}

/// Sign in to the codec
///
/// From the page's form. The cookie `daegeum_codec` is good for eight hours, and no longer than the key.
#[utoipa::path(
    post,
    path = "/codec/session",
    operation_id = "sign_in_to_codec",
    tag = "Operators",
    request_body(content = SignIn, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "Signed in", body = String, content_type = "text/html"), SignInRefusals)
)]
pub(crate) async fn sign_in(
    State(api): State<Arc<Api>>,
    visit: Option<Extension<Visit>>,
    form: Result<Form<SignIn>, FormRejection>,
) -> Result<Response, Problem> {
    let keys = keyring(&api)?;
    let Form(form) = form.map_err(not_signed_in)?;
    let key = prove(&api, form.key.trim(), visit.as_deref()).await?;
    if !key.grant.scopes.includes(Scope::Ops) {
        return Err(Problem::forbidden(&[Scope::Ops]));
    }
    let ends_at = Utc::now().timestamp() + SESSION_S;
    let sealed = keys.seal(format!("{ends_at} {}", key.grant.id).as_bytes(), SESSION_PLACE);
    let sealed = sealed.map_err(|error| Problem::internal(&error))?;
    let value = format!("{}.{}", sealed.key_name, URL_SAFE_NO_PAD.encode(sealed.bytes));
    let secure = if api.settings.buyer_pages.public_url.starts_with("https://") { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={value}; Path=/codec; HttpOnly; SameSite=Lax; Max-Age={SESSION_S}{secure}");
    let signed_in =
        page(html! { p role="status" { "You are signed in for eight hours. Go back to the Temporal UI." } });
    Ok(([(header::SET_COOKIE, cookie)], signed_in).into_response())
}

fn not_signed_in(rejection: FormRejection) -> Problem {
    match rejection {
        FormRejection::InvalidFormContentType(_) => Problem::new(Code::UnsupportedMediaType, "Send a form."),
        FormRejection::BytesRejection(_) => Problem::new(Code::BodyTooLarge, "A form with one API key is short."),
        _ => Problem::of_field("key", FieldCode::Invalid, "must stand in the form, once and alone"),
    }
}

fn keyring(api: &Api) -> Result<&Keyring, Problem> {
    let none = || Problem::new(Code::NotFound, "Nothing is sealed here: no encryption keys are set.");
    api.service.keyring.as_deref().ok_or_else(none)
}

/// Whose cookie it is, while it lasts.
fn session(headers: &HeaderMap, keys: &Keyring) -> Option<ApiKeyId> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let value = cookies.flat_map(|cookies| cookies.split(';')).find_map(|cookie| {
        let (name, value) = cookie.trim().split_once('=')?;
        (name == COOKIE).then_some(value)
    })?;
    let (key_name, bytes) = value.split_once('.')?;
    let sealed = Sealed { key_name: key_name.to_owned(), bytes: URL_SAFE_NO_PAD.decode(bytes).ok()? };
    let text = String::from_utf8(keys.open(&sealed, SESSION_PLACE).ok()?).ok()?;
    let (ends_at, id) = text.split_once(' ')?;
    let lasts = ends_at.parse::<i64>().is_ok_and(|ends_at| Utc::now().timestamp() < ends_at);
    ApiKeyId::parse(id).ok().filter(|_| lasts)
}

/// What lets the Temporal UI, and no other site, ask from a browser.
fn across(api: &Api, headers: &HeaderMap) -> HeaderMap {
    let mut allowed = HeaderMap::from_iter([(header::VARY, HeaderValue::from_static("origin"))]);
    let origin = headers.get(header::ORIGIN).filter(|origin| {
        let ui = api.settings.temporal_ui_url.as_deref().and_then(origin_of);
        ui.is_some_and(|ui| origin.as_bytes() == ui.as_bytes())
    });
    if let Some(origin) = origin {
        let fixed: [(HeaderName, &str); 4] = [
            (header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"),
            (header::ACCESS_CONTROL_ALLOW_METHODS, "POST"),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization,content-type,x-namespace"),
            (header::ACCESS_CONTROL_MAX_AGE, "600"),
        ];
        allowed.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        allowed.extend(fixed.map(|(name, value)| (name, HeaderValue::from_static(value))));
    }
    allowed
}

/// `https://ui.example.com` of an address below it.
fn origin_of(url: &str) -> Option<&str> {
    let host = url.find("://")? + 3;
    let end = url[host..].find('/').map_or(url.len(), |slash| host + slash);
    url.get(..end)
}

impl PayloadBody {
    fn read(self) -> Option<Payload> {
        let bytes = |text: &str| STANDARD.decode(text).ok();
        let metadata = self.metadata.into_iter().map(|(name, value)| Some((name, bytes(&value)?)));
        Some(Payload { metadata: metadata.collect::<Option<_>>()?, data: bytes(&self.data)?, ..Payload::default() })
    }

    fn of(payload: Payload) -> Self {
        let metadata = payload.metadata.into_iter().map(|(name, value)| (name, STANDARD.encode(value)));
        Self { metadata: metadata.collect(), data: STANDARD.encode(payload.data) }
    }
}

fn page(body: maud::Markup) -> Response {
    let nonce = Uuid::new_v4().simple().to_string();
    let policy = format!("default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; frame-ancestors 'none'");
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "daegeum codec" }
                style nonce=(nonce) {
                    "body{font:16px/1.5 system-ui;max-width:32rem;margin:3rem auto;padding:0 1rem}"
                    "input,button{font:inherit;padding:.5rem;width:100%;box-sizing:border-box;margin:.25rem 0}"
                }
            }
            body { h1 { "Sealed payloads" } (body) }
        }
    };
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(page.into_string())).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_the_part_before_the_path() {
        assert_eq!(origin_of("https://ui.example.com"), Some("https://ui.example.com"));
        assert_eq!(origin_of("http://127.0.0.1:8233/a/b"), Some("http://127.0.0.1:8233"));
        assert_eq!(origin_of("nothing"), None);
    }

    #[test]
    fn a_session_ends_and_cannot_be_made_up() {
        let keys = Keyring::parse(&Keyring::generate("a").unwrap()).unwrap();
        let cookie = |text: &str, place: &[u8]| {
            let sealed = keys.seal(text.as_bytes(), place).unwrap();
            let value = format!("x=1; {COOKIE}=a.{}", URL_SAFE_NO_PAD.encode(sealed.bytes));
            session(&HeaderMap::from_iter([(header::COOKIE, value.parse().unwrap())]), &keys)
        };
        let now = Utc::now().timestamp();
        assert_eq!(cookie(&format!("{} abcd", now + 60), SESSION_PLACE), ApiKeyId::parse("abcd").ok());
        assert_eq!(cookie(&format!("{} abcd", now - 1), SESSION_PLACE), None);
        assert_eq!(cookie(&format!("{} abcd", now + 60), b"another place"), None);
        let made_up = HeaderMap::from_iter([(header::COOKIE, format!("{COOKIE}=a.AAAA").parse().unwrap())]);
        assert_eq!(session(&made_up, &keys), None);
    }
}
