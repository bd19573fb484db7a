//! What each route takes, by its description in the OpenAPI document. A request that brings anything else is refused
//! before its handler sees it: a parameter or a body that is passed over in silence changes what was asked for.
//!
//! The rules are read from the document, so a new route has them as soon as it is described.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use axum::{
    body::HttpBody as _,
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, Method, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::Value;

use crate::http::{
    fields::FieldErrors,
    marks::Introduced,
    parameters::pairs,
    problem::{Code, FieldCode, Problem},
};

/// Marks an operation that takes any parameter: others decide what they add to the address, the payment provider's
/// window and whoever registered the webhook. Such a route reads from the query only what its description names.
pub(crate) const OPEN_QUERY: &str = "x-open-query";
/// The headers that decide who asks, whom, and how the body is read. Two of one would be read differently by a proxy.
const ONCE: [HeaderName; 4] = [header::HOST, header::AUTHORIZATION, header::CONTENT_TYPE, header::CONTENT_ENCODING];

/// The rules of every route.
#[derive(Debug)]
pub(crate) struct RouteRules(HashMap<(String, Method), Rule>);

#[derive(Debug)]
struct Rule {
    query: Query,
    body: Body,
    key: Key,
}

/// Whether an API key is asked for before anything else of the request is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    /// A request without a valid key is refused while its body is still on the way, and is told nothing of the route.
    Needed,
    /// The handler decides.
    Optional,
}

/// The route that answers some networks without a key, as the settings say.
const BY_NETWORK: &str = "/metrics";

#[derive(Debug, PartialEq, Eq)]
enum Query {
    Any,
    Only(BTreeSet<String>),
}

#[derive(Debug, PartialEq, Eq)]
enum Body {
    Read,
    Refused,
}

impl RouteRules {
    /// The rules that a document describes.
    pub(crate) fn of(document: &Value) -> Arc<Self> {
        let mut rules = HashMap::new();
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                if let Ok(method) = Method::from_bytes(method.to_ascii_uppercase().as_bytes()) {
                    let key =
                        if is_by_key_alone(operation) && path != BY_NETWORK { Key::Needed } else { Key::Optional };
                    rules.insert((path.clone(), method), Rule::of(operation, key));
                }
            }
        }
        Arc::new(Self(rules))
    }

    fn rule(&self, matched: &MatchedPath, method: &Method) -> Option<&Rule> {
        let method = if *method == Method::HEAD { Method::GET } else { method.clone() };
        let path = match matched.as_str().trim_end_matches('/') {
            "" => "/",
            path => path,
        };
        self.0.get(&(path.to_owned(), method))
    }
}

impl Rule {
    fn of(operation: &Value, key: Key) -> Self {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let named = parameters
            .filter(|parameter| parameter["in"] == "query")
            .filter_map(|parameter| parameter["name"].as_str().map(str::to_owned));
        let is_open = operation[OPEN_QUERY] == true;
        Self {
            query: if is_open { Query::Any } else { Query::Only(named.collect()) },
            body: if operation["requestBody"].is_object() { Body::Read } else { Body::Refused },
            key,
        }
    }

    fn check(&self, request: &Request) -> Result<(), Problem> {
        if self.key == Key::Needed {
            request.extensions().get::<Introduced>().map_or(Err(Problem::no_key()), Introduced::check)?;
        }
        match &self.query {
            Query::Any => {}
            Query::Only(known) => check_query(request.uri(), known)?,
        }
        match self.body {
            Body::Read => check_encoding(request.headers()),
            Body::Refused if request.body().is_end_stream() => Ok(()),
            Body::Refused => {
                let detail = "Nothing of a body would be read here. Send the request without one.";
                Err(Problem::new(Code::BodyNotExpected, detail))
            }
        }
    }
}

/// The ways to send an API key.
const KEY_SCHEMES: [&str; 2] = ["bearer", "basic"];

/// Whether nothing but an API key lets a caller in.
fn is_by_key_alone(operation: &Value) -> bool {
    let is_key = |way: &Value| KEY_SCHEMES.iter().any(|scheme| way.get(scheme).is_some());
    operation["security"].as_array().is_some_and(|ways| !ways.is_empty() && ways.iter().all(is_key))
}

/// Passes on what a route takes, and refuses everything else.
pub(crate) async fn hold(State(rules): State<Arc<RouteRules>>, request: Request, next: Next) -> Response {
    match check(&rules, &request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn check(rules: &RouteRules, request: &Request) -> Result<(), Problem> {
    check_headers(request.headers())?;
    check_path(request.uri().path())?;
    // What is not routed, or not by this method, is refused by the router.
    let matched = request.extensions().get::<MatchedPath>();
    match matched.and_then(|matched| rules.rule(matched, request.method())) {
        Some(rule) => rule.check(request),
        None => Ok(()),
    }
}

fn check_headers(headers: &HeaderMap) -> Result<(), Problem> {
    match ONCE.iter().find(|name| headers.get_all(*name).iter().nth(1).is_some()) {
        Some(name) => Err(Problem::new(Code::HeaderRepeated, format!("Send the header `{name}` once."))),
        None => Ok(()),
    }
}

/// No id holds a control character, and a database may not take one.
fn check_path(path: &str) -> Result<(), Problem> {
    let escaped = path.split('%').skip(1).filter_map(|rest| u8::from_str_radix(rest.get(..2)?, 16).ok());
    if escaped.into_iter().any(|byte| byte.is_ascii_control()) {
        return Err(Problem::new(Code::AddressMalformed, "The path holds a control character."));
    }
    Ok(())
}

fn check_query(uri: &Uri, known: &BTreeSet<String>) -> Result<(), Problem> {
    let mut errors = FieldErrors::default();
    let mut seen = BTreeSet::new();
    for (name, value) in pairs(uri)? {
        if !known.contains(&name) {
            errors.add(name, FieldCode::UnknownField, unknown_parameter(known));
        } else if value.chars().any(char::is_control) {
            errors.add(name, FieldCode::Invalid, "may hold no control characters");
        } else if !seen.insert(name.clone()) {
            errors.add(name, FieldCode::Invalid, "is given more than once");
        }
    }
    errors.finish(Some(()))
}

fn unknown_parameter(known: &BTreeSet<String>) -> String {
    if known.is_empty() {
        return "is not a parameter of this route, which has none".to_owned();
    }
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    format!("is not a parameter of this route; known parameters are: {}", known.join(", "))
}

fn check_encoding(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get(header::CONTENT_ENCODING) {
        Some(encoding) if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") => {
            let detail = "A compressed body is not read. Send the body as it is, without `Content-Encoding`.";
            Err(Problem::new(Code::UnsupportedMediaType, detail))
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body as Content;

    use super::*;

    fn known() -> BTreeSet<String> {
        ["at", "by"].map(str::to_owned).into()
    }

    #[test]
    fn every_parameter_that_is_not_known_is_named_at_once() {
        let refused = |query: &str| {
            let problem = check_query(&format!("/x?{query}").parse().unwrap(), &known()).unwrap_err();
            problem.fields().iter().map(|error| (error.field.clone(), error.code)).collect::<Vec<_>>()
        };
        let unknown = FieldCode::UnknownField;
        assert_eq!(refused("at=1&att=2&amount=3"), [("att".to_owned(), unknown), ("amount".to_owned(), unknown)]);
        assert_eq!(refused("amount"), [("amount".to_owned(), unknown)]);
        assert_eq!(refused("at=1&at=1"), [("at".to_owned(), FieldCode::Invalid)]);
        assert_eq!(refused("at=%00"), [("at".to_owned(), FieldCode::Invalid)]);
        check_query(&"/x?by=1&at=2".parse().unwrap(), &known()).unwrap();
        check_query(&"/x?".parse().unwrap(), &known()).unwrap();
    }

    #[test]
    fn a_header_that_decides_stands_once() {
        for name in ONCE {
            let headers = |count| std::iter::repeat_n((name.clone(), "x".parse().unwrap()), count).collect();
            check_headers(&headers(1)).unwrap();
            assert_eq!(check_headers(&headers(2)).unwrap_err().code(), Code::HeaderRepeated, "{name}");
        }
    }

    #[test]
    fn a_path_holds_no_control_character() {
        for path in ["/v1/payments/%00", "/v1/%0a/x", "/a%7Fb"] {
            assert_eq!(check_path(path).unwrap_err().code(), Code::AddressMalformed, "{path}");
        }
        for path in ["/", "/v1/payments/%ED%99%8D", "/v1/%2F", "/%", "/%0"] {
            check_path(path).unwrap();
        }
    }

    #[test]
    fn a_body_is_refused_where_none_is_described() {
        let document = serde_json::json!({ "paths": { "/a": {
            "delete": { "parameters": [{ "in": "path", "name": "id" }] },
            "post": { "requestBody": {}, "parameters": [{ "in": "query", "name": "at" }], "x-open-query": true },
        } } });
        let rules = RouteRules::of(&document);
        let rule = |method| rules.0.get(&("/a".to_owned(), method)).unwrap();
        let request = |encoding: &str, body| {
            Request::builder().uri("/a").header("content-encoding", encoding).body(Content::from(body)).unwrap()
        };
        let refused =
            |method, encoding, body| rule(method).check(&request(encoding, body)).map_err(|error| error.code());
        assert_eq!(refused(Method::DELETE, "identity", ""), Ok(()));
        assert_eq!(refused(Method::DELETE, "identity", "{}"), Err(Code::BodyNotExpected));
        assert_eq!(refused(Method::POST, "identity", "{}"), Ok(()));
        assert_eq!(refused(Method::POST, "gzip", "{}"), Err(Code::UnsupportedMediaType));
        assert_eq!(
            (&rule(Method::POST).query, &rule(Method::DELETE).query),
            (&Query::Any, &Query::Only(BTreeSet::new()))
        );
    }
}
