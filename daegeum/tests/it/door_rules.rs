//! What a route does not know is refused: every route is walked by its description, over real HTTP.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    database::Kind,
    on_both_databases,
    stack::{Dev, Shop, checkout, until},
};

on_both_databases!(a_part_never_becomes_the_whole);

/// How long a server may take to answer or to close.
const PATIENCE: Duration = Duration::from_secs(60);

/// One operation of the document.
#[derive(Clone)]
struct Operation {
    method: Method,
    path: String,
    value: Value,
}

impl Operation {
    fn all(document: &Value) -> Vec<Self> {
        let mut operations = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, value) in item.as_object().unwrap() {
                let method = method.to_uppercase().parse().unwrap();
                operations.push(Self { method, path: path.replace(['{', '}'], ""), value: value.clone() });
            }
        }
        assert!(operations.len() > 40, "{}", operations.len());
        operations
    }

    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn request(&self, shop: &Shop, query: &str) -> RequestBuilder {
        let url = format!("{}{}{query}", shop.api, self.path);
        shop.http.request(self.method.clone(), url).bearer_auth(&shop.api_key).header("Idempotency-Key", "walk")
    }

    /// The properties of its JSON body, where it has one of ours.
    fn properties(&self, document: &Value) -> Option<Vec<String>> {
        let schema = &self.value["requestBody"]["content"]["application/json"]["schema"];
        let schema = document.pointer(schema["$ref"].as_str()?.trim_start_matches('#'))?;
        Some(schema["properties"].as_object()?.keys().cloned().collect())
    }
}

/// The status, the code of the problem and its fields.
async fn told(request: RequestBuilder) -> (u16, String, Vec<String>) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let problem: Value = response.json().await.unwrap_or_default();
    let errors = problem["errors"].as_array().cloned().unwrap_or_default();
    let fields = errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect();
    (status, problem["code"].as_str().unwrap_or_default().to_owned(), fields)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_passes_over_a_parameter_or_a_body_in_silence() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let shop = &dev.shop;
    let document = shop.get("/openapi.json").await;
    let mut open = Vec::new();
    for operation in Operation::all(&document) {
        let name = operation.name();
        if operation.value["x-open-query"] == true {
            open.push(operation.path.clone());
        } else {
            let (status, code, fields) = told(operation.request(shop, "?surplus=1&amount=1")).await;
            assert_eq!((status, code.as_str()), (422, "validation_failed"), "{name}");
            assert_eq!(fields, ["surplus", "amount"], "{name}");
        }
        if operation.value["requestBody"].is_object() {
            let zipped = operation.request(shop, "").header("Content-Encoding", "gzip").body("x");
            assert_eq!(told(zipped).await.0, 415, "{name}");
        } else {
            for body in ["{}", "amount=1", " "] {
                let (status, code, _) = told(operation.request(shop, "").body(body)).await;
                assert_eq!((status, code.as_str()), (400, "body_not_expected"), "{name} with {body:?}");
            }
        }
    }
    let others_decide = [
        "/checkout/checkout_id",
        "/checkout/checkout_id/fail",
        "/checkout/checkout_id/statement",
        "/checkout/checkout_id/status",
        "/checkout/checkout_id/success",
        "/payments/webhook",
        "/saved-cards/saved_card_id",
        "/saved-cards/saved_card_id/fail",
        "/saved-cards/saved_card_id/success",
        "/v1/webhooks/toss",
    ];
    assert_eq!(open, others_decide);
}

/// A value that is not in the list of a parameter is refused with the list.
#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_of_a_few_values_lists_them() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let shop = &dev.shop;
    let document = shop.get("/openapi.json").await;
    let mut walked = Vec::new();
    for operation in Operation::all(&document) {
        for parameter in operation.value["parameters"].as_array().into_iter().flatten() {
            let schema = &parameter["schema"];
            let named = schema["$ref"].as_str().and_then(|name| document.pointer(name.trim_start_matches('#')));
            let values = named.unwrap_or(schema)["enum"].as_array();
            let (Some(values), "query") = (values, parameter["in"].as_str().unwrap()) else { continue };
            let name = parameter["name"].as_str().unwrap();
            let path = operation.path.replace("/accounts/account", "/accounts/psp:receivable");
            let operation = Operation { path, ..operation.clone() };
            let told = operation.request(shop, &format!("?{name}=nonsense")).send().await.unwrap();
            let (status, problem) = (told.status().as_u16(), told.json::<Value>().await.unwrap());
            let of_field = |error: &&Value| error["field"] == name;
            let error = problem["errors"].as_array().and_then(|errors| errors.iter().find(of_field));
            let detail = error.unwrap_or_else(|| panic!("{}: {problem}", operation.name()))["detail"].to_string();
            let lists = values.iter().all(|value| detail.contains(value.as_str().unwrap()));
            assert!(status == 422 && lists, "{} {name}: {detail}", operation.name());
            walked.push(name.to_owned());
        }
    }
    for name in ["status", "currency", "reason", "approval", "by", "kind"] {
        assert!(walked.contains(&name.to_owned()), "{name} is none of {walked:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_json_body_has_a_field_twice_an_unknown_field_or_a_null() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let shop = &dev.shop;
    let document = shop.get("/openapi.json").await;
    let mut walked = 0;
    for operation in Operation::all(&document) {
        let Some(properties) = operation.properties(&document) else { continue };
        let name = operation.name();
        let send =
            |body: String| told(operation.request(shop, "").header("Content-Type", "application/json").body(body));
        for property in &properties {
            for twice in [
                format!("{{\"{property}\":\"1000\",\"{property}\":\"1000\"}}"),
                format!("{{\"{property}\":[{{\"a\":1,\"a\":null}}]}}"),
            ] {
                let (status, code, _) = send(twice.clone()).await;
                assert_eq!((status, code.as_str()), (400, "body_malformed"), "{name} with {twice}");
            }
        }
        if operation.path == "/codec/decode" {
            // Its body is Temporal's, which may have more fields than we know.
            continue;
        }
        for property in &properties {
            let (status, _, fields) = send(json!({ property: null }).to_string()).await;
            assert_eq!(status, 422, "{name} with {property}: null");
            assert!(fields.contains(property), "{name} with {property}: null told {fields:?}");
        }
        let (status, _, fields) = send(json!({ "surplus": 1 }).to_string()).await;
        assert!(status == 422 && fields.contains(&"surplus".to_owned()), "{name}: {status} {fields:?}");
        walked += 1;
    }
    assert!(walked >= 10, "{walked}");
}

/// Each way to ask for a part that was once taken for a wish for everything.
async fn a_part_never_becomes_the_whole(database: Kind) {
    let dev = Dev::start(database, &[]).await;
    let shop = &dev.shop;
    shop.create("whole-1").await;
    let key = shop.authorize("whole-1").await;
    assert_eq!(shop.confirm("whole-1", &key, "23000").await.0, 200);
    let at = |query: &str| format!("{}/v1/payments/whole-1{query}", shop.api);
    let cancel = |query: &str, body: &str| {
        let request = shop.http.post(at(&format!("/cancel{query}"))).bearer_auth(&shop.api_key);
        request.header("Idempotency-Key", "part").header("Content-Type", "application/json").body(body.to_owned())
    };
    let delete = |url: String| shop.http.delete(url).bearer_auth(&shop.api_key);
    for (request, expected) in [
        (cancel("", r#"{"reason":"x","amount":null}"#), 422),
        (cancel("", r#"{"reason":"x","amount":""}"#), 422),
        (cancel("", r#"{"reason":"x","amount":1000}"#), 422),
        (cancel("", r#"{"reason":"x","amount":"1000","amount":null}"#), 400),
        (cancel("", r#"{"reason":"x","Amount":"1000"}"#), 422),
        (cancel("", r#"{"reason":"x","cancelAmount":1000}"#), 422),
        (cancel("?amount=1000", r#"{"reason":"x"}"#), 422),
        (delete(at("?amount=1000")), 422),
        (delete(at("?")).json(&json!({ "amount": "1000", "reason": "x" })), 400),
        (delete(at("")).body("amount=1000"), 400),
        (delete(format!("{}/payments/payment/v1/whole-1?amount=1000", shop.api)), 422),
    ] {
        let (status, code, fields) = told(request).await;
        assert_eq!(status, expected, "{code} {fields:?}");
    }
    let canceled = async || shop.at_toss("whole-1").await["canceled"].as_u64().unwrap();
    assert_eq!(canceled().await, 0);
    until("a part is refunded", || async { told(cancel("", r#"{"reason":"x","amount":"1000"}"#)).await.0 == 200 })
        .await;
    assert_eq!(canceled().await, 1_000);
}

async fn sent(api: &str, request: &str) -> TcpStream {
    let mut connection = TcpStream::connect(api.trim_start_matches("http://")).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    connection
}

/// What a raw request is answered by a server that closes then, in lower case.
async fn raw(api: &str, request: &str) -> String {
    let (mut connection, mut answer) = (sent(api, request).await, Vec::new());
    // One that closes before it has read all may reset the connection, after its answer.
    let _ = timeout(PATIENCE, connection.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8(answer).unwrap().to_ascii_lowercase()
}

/// Reads from a connection until a text has come so often. Answers what came, in lower case.
async fn heard(connection: &mut TcpStream, text: &str, times: usize) -> String {
    let (mut answer, mut buffer) = (String::new(), [0; 4096]);
    while answer.matches(text).count() < times {
        let read = timeout(PATIENCE, connection.read(&mut buffer)).await.unwrap().unwrap();
        assert!(read > 0, "the server closed after: {answer}");
        answer += &String::from_utf8_lossy(&buffer[..read]).to_ascii_lowercase();
    }
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_closes_says_so_and_others_stay() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let api = &dev.shop.api;
    // Too large, and refused before it was sent: the rest is not waited for.
    let answer = raw(api, "POST /v1/payments HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n{").await;
    assert!(answer.starts_with("http/1.1 401") && answer.contains("\r\nconnection: close\r\n"), "{answer}");
    // One that announces a body and never sends it.
    let answer = raw(api, "POST /v1/payments HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n").await;
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    let chunked = "DELETE /v1/payments/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n";
    let answer = raw(api, chunked).await;
    assert!(answer.starts_with("http/1.1 401") && answer.contains("\r\nconnection: close\r\n"), "{answer}");
    // A short body that has come is read to its end: the connection takes the next request, and the one after.
    let refused = "POST /v1/payments HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}";
    let mut connection = sent(api, &format!("{refused}{refused}")).await;
    let mut answer = heard(&mut connection, "http/1.1 401", 2).await;
    for _ in 0..2 {
        connection.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        answer += &heard(&mut connection, "http/1.1 200", 1).await;
    }
    assert!(!answer.contains("connection: close"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_decides_stands_once() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let shop = &dev.shop;
    let key = format!("Authorization: Bearer {}\r\n", shop.api_key);
    for headers in ["Host: a\r\nHost: b\r\n".to_owned(), format!("Host: a\r\n{key}{key}")] {
        let request = format!("GET /v1/payments HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
        let answer = raw(&shop.api, &request).await;
        assert!(answer.starts_with("http/1.1 400") && answer.contains("header_repeated"), "{answer}");
    }
    let answer =
        raw(&shop.api, &format!("GET /v1/payments HTTP/1.1\r\nHost: a\r\n{key}Connection: close\r\n\r\n")).await;
    assert!(answer.starts_with("http/1.1 200"), "{answer}");
    let greeting = std::fs::read_to_string(dev.directory.path().join("log")).unwrap();
    assert!(greeting.contains(&format!("{}/docs", shop.api)), "{greeting}");
    let answer = raw(&shop.api, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("http/1.1 307") && answer.contains("\r\nlocation: /docs\r\n"), "{answer}");
    let answer =
        raw(&shop.api, &format!("GET /v1/payments?status=PAID HTTP/1.1\r\nHost: a\r\n{key}Connection: close\r\n\r\n"))
            .await;
    assert!(answer.starts_with("http/1.1 422") && answer.contains("not_started, executing"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn buyers_are_led_to_hosts_that_are_set_and_to_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("hosts.toml");
    std::fs::write(&config, "return_hosts = [\"shop.example\", \"*.mall.example\"]\n").unwrap();
    let mut command = crate::stack::daegeum();
    command.arg("--data-dir").arg(directory.path()).arg("--config").arg(&config);
    command.args(["dev", "--port", "0", "--temporal-port", "0", "--ui-port", "0", "--sim-port", "0"]);
    let dev = Dev::start_by(directory, command).await;
    let shop = &dev.shop;
    let body = |address: &str| {
        let mut body = checkout("led-away-1");
        body["success_url"] = address.into();
        body
    };
    for address in ["https://evil.example/", "https://shop.example@evil.example/", "https://mall.example/"] {
        let response = shop.post("led-away", &body(address)).await;
        assert_eq!(response.status(), 422, "{address}");
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["errors"][0]["field"], "success_url");
    }
    let refused: Value = shop.post("led-away", &body("https://evil.example/")).await.json().await.unwrap();
    assert!(refused["errors"][0]["detail"].as_str().unwrap().contains("return_hosts"), "{refused}");
    shop.create_with("led-right", &body("https://a.mall.example/done")).await;
}
