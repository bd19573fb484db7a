//! Completes the document with what is the same for many routes.

use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use super::refusals;
use crate::{
    http::{
        problem::{Body, Code},
        route_rules::OPEN_QUERY,
    },
    routes::{codec, webhook_endpoint::add_webhooks},
};

/// The path under which payments are served a second time, as the source designs name them.
const OLDER_PATH: &str = "/payments/payment/v1";
/// What any request can meet before its handler sees it.
const EVERYWHERE: [Code; 8] = [
    Code::AddressMalformed,
    Code::AddressTooLong,
    Code::DeadlineExceeded,
    Code::HeaderRepeated,
    Code::HeadersTooLarge,
    Code::Internal,
    Code::Overloaded,
    Code::RateLimited,
];
/// What a request that needs an API key can meet.
const WITH_KEY: [Code; 3] = [Code::DatabaseUnavailable, Code::Forbidden, Code::Unauthorized];
/// What a request with a body can meet.
const WITH_BODY: [Code; 4] = [Code::BodyMalformed, Code::BodyTimeout, Code::BodyTooLarge, Code::UnsupportedMediaType];
/// What a request without a body can meet.
const WITHOUT_BODY: [Code; 1] = [Code::BodyNotExpected];
/// What a request can meet that brings other parameters behind the question mark than the route has.
const WITH_CLOSED_QUERY: [Code; 1] = [Code::ValidationFailed];
/// The methods of a path; its other members are none.
const METHODS: [&str; 6] = ["get", "post", "put", "patch", "delete", "options"];

const DESCRIPTION: &str = "\
A payment backend for marketplaces: pay-in through Toss Payments, wallets, and a double-entry ledger.

Money is a decimal string with an ISO 4217 currency; times are RFC 3339. Errors are RFC 9457 problem details; decide \
by `code`. An API key goes into `Authorization: Bearer`, or is the user name of HTTP Basic. A request that creates \
something takes an `Idempotency-Key`: the same request sent again gets the first answer. An answer with `Retry-After` \
says in how many seconds the same request may be sent again; after 402, in how many the same way of paying may \
succeed. `RateLimit` says how many requests are left, `RateLimit-Policy` of how many.";

/// What no route names by itself.
#[derive(OpenApi)]
#[openapi(components(schemas(Body)))]
struct Shared;

/// The whole document.
pub(crate) fn complete(mut described: utoipa::openapi::OpenApi) -> Value {
    described.merge(Shared::openapi());
    let mut document = serde_json::to_value(described).unwrap_or_default();
    document["info"] = json!({
        "title": "daegeum",
        "version": env!("CARGO_PKG_VERSION"),
        "description": DESCRIPTION,
        "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
    });
    document["servers"] = json!([{ "url": "/" }]);
    document["tags"] = tags();
    document["components"]["securitySchemes"] = security_schemes();
    document["components"]["headers"] = headers();
    document["components"]["examples"] = refusals::examples();
    document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] =
        Code::ALL.iter().map(|code| code.name()).collect();
    let paths = document["paths"].as_object_mut();
    for (path, item) in paths.into_iter().flatten() {
        for method in METHODS {
            if let Some(operation) = item.get_mut(method).and_then(Value::as_object_mut) {
                complete_operation(path, operation);
            }
        }
    }
    add_webhooks(&mut document);
    document
}

/// A body may be absent, and is not `null`.
fn drop_null_body(operation: &mut Map<String, Value>) {
    let schema =
        operation.get_mut("requestBody").and_then(|body| body.pointer_mut("/content/application~1json/schema"));
    let Some(schema) = schema else { return };
    let is_null = |schema: &Value| schema["type"] == "null";
    let named = schema["oneOf"].as_array().and_then(|either| {
        let named = either.iter().find(|schema| !is_null(schema)).cloned();
        named.filter(|_| either.iter().any(is_null))
    });
    if let Some(named) = named {
        *schema = named;
    }
}

fn complete_operation(path: &str, operation: &mut Map<String, Value>) {
    drop_null_body(operation);
    let declared = operation.get("security").and_then(Value::as_array).cloned().unwrap_or_default();
    let scopes = declared.iter().find_map(|one| one.get("bearer")).cloned();
    let security: Vec<Value> = declared.into_iter().flat_map(each_way).collect();
    operation.insert("security".to_owned(), security.into());
    let has_open_query = operation.get(OPEN_QUERY).is_some();
    let has_body = operation.contains_key("requestBody");
    let mut met = EVERYWHERE.to_vec();
    met.extend(WITH_KEY.iter().filter(|_| scopes.is_some()));
    met.extend(if has_body { &WITH_BODY[..] } else { &WITHOUT_BODY });
    met.extend(WITH_CLOSED_QUERY.iter().filter(|_| !has_open_query));
    if let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) {
        for (status, response) in refusals::of(&met) {
            let response = serde_json::to_value(response).unwrap_or_default();
            merge_response(responses.entry(status).or_insert(Value::Null), response);
        }
        for (status, response) in responses.iter_mut() {
            add_headers(status, response);
        }
    }
    if path.starts_with(OLDER_PATH) {
        let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default().to_owned();
        operation.insert("operationId".to_owned(), format!("{id}_by_older_path").into());
        operation.insert("tags".to_owned(), json!(["Older paths"]));
    }
}

/// A key goes in either scheme.
fn each_way(declared: Value) -> Vec<Value> {
    match declared.get("bearer") {
        Some(scopes) => vec![json!({ "bearer": scopes }), json!({ "basic": scopes })],
        None => vec![declared],
    }
}

/// Adds the problems of a status to those that the route itself names.
fn merge_response(response: &mut Value, added: Value) {
    let Some(told) = response["description"].as_str().map(str::to_owned) else {
        *response = added;
        return;
    };
    let more = added["description"].as_str().unwrap_or_default();
    response["description"] = format!("{told}; {more}").into();
    let content = &mut response["content"][refusals::PROBLEM];
    if content.is_null() {
        *content = added["content"][refusals::PROBLEM].clone();
    } else if let (Some(examples), Some(more)) =
        (content["examples"].as_object_mut(), added["content"][refusals::PROBLEM]["examples"].as_object())
    {
        examples.extend(more.clone());
    }
}

fn add_headers(status: &str, response: &mut Value) {
    let mut names = vec!["X-Request-Id", "RateLimit", "RateLimit-Policy"];
    match status {
        "401" => names.push("WWW-Authenticate"),
        "202" | "402" | "429" | "503" => names.push("Retry-After"),
        "405" => names.push("Allow"),
        _ => {}
    }
    for name in names {
        response["headers"][name] = json!({ "$ref": format!("#/components/headers/{name}") });
    }
}

fn headers() -> Value {
    let schema = json!({ "type": "string" });
    let text =
        |description: &str, example: &str| json!({ "description": description, "schema": schema, "example": example });
    json!({
        "Allow": text("The methods of this address.", "GET,HEAD"),
        "Idempotent-Replayed": text("`true` on the answer to a request that was sent before.", "true"),
        "Location": text("Where to read what was created.", "/v1/payments/order-2026-1"),
        "RateLimit": text("`r`: how many requests are left; `t`: in how many seconds all of them are again.",
            "\"key\";r=199;t=1"),
        "RateLimit-Policy": text("`q`: how many requests at once; `w`: in how many seconds that many come again.",
            "\"key\";q=200;w=4"),
        "Retry-After": {
            "description": "In how many seconds the same request may be sent again.",
            "schema": { "type": "integer", "minimum": 0 },
            "example": 1,
        },
        "WWW-Authenticate": text("How to authenticate.", "Bearer"),
        "X-Request-Id": text("Names the request in our log; the caller's own, if it sent a plain one.", "req-1"),
    })
}

fn security_schemes() -> Value {
    json!({
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "dk_…",
            "description": "An API key. `daegeum keys create` makes one. Its scopes are among `read`, `checkout`, \
                            `refund`, `ops` and `finance`. Every scope includes `read`, and `ops` includes all but \
                            `finance`.",
        },
        "basic": {
            "type": "http",
            "scheme": "basic",
            "description": "The API key as user name, and an empty password.",
        },
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": codec::COOKIE,
            "description": "What an operator gets who signs in at `/codec`; for the codec alone.",
        },
    })
}

fn tags() -> Value {
    json!([
        { "name": "Payments", "description": "Checkouts: create one, let the buyer pay, read what came of it." },
        {
            "name": "Saved cards",
            "description": "Cards that buyers register once, and that are charged without the payment window.",
        },
        {
            "name": "Sellers",
            "description": "Who is paid, on which account, when, and whether a payout is allowed now.",
        },
        { "name": "Wallets", "description": "What a seller has, has had, and how it moved." },
        { "name": "Payouts", "description": "Runs, their approval by a second principal, payouts and statements." },
        { "name": "Ledger", "description": "The books: accounts, entries, and the trial balance." },
        {
            "name": "Reconciliation",
            "description": "What the payment provider settles, what does not match, and what people do about it.",
        },
        { "name": "Events", "description": "What happened, in one log, and the endpoints that it is pushed to." },
        { "name": "Webhooks", "description": "What the payment provider sends." },
        { "name": "Buyer's pages", "description": "HTML for the buyer's browser, in Korean or English." },
        {
            "name": "Operators",
            "description": "What needs a person, who changed what, and what is sealed: for keys of scope `ops`.",
        },
        { "name": "Service", "description": "Whether it is well, and what it serves." },
        { "name": "Older paths", "description": "The routes of `/v1/payments` once more, under their older path." },
    ])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    use crate::router::document;

    #[test]
    fn every_code_is_in_the_document() {
        let names: BTreeSet<&str> = Code::ALL.iter().map(|code| code.name()).collect();
        assert!(names.len() > 20 && names.len() == Code::ALL.len(), "a name stands twice: {names:?}");
        let examples = document()["components"]["examples"].as_object().unwrap();
        for code in Code::ALL {
            assert_eq!(examples[code.name()]["value"]["status"], code.status().as_u16(), "{}", code.name());
        }
    }
}
