//! The OpenAPI document and its page, held against what is served.

use serde_json::Value;

use crate::{
    database::Kind,
    roles::Roles,
    stack::{Dev, Shop},
};

/// The checkout of the examples.
const STORY: &str = "order-2026-1";

/// Every `curl` of the page, in its order.
fn examples(page: &str) -> Vec<String> {
    let between =
        |rest: &str| rest.split_once("<code>")?.1.split_once("</code>").map(|(command, _)| command.to_owned());
    let commands = page.split("<pre class=\"curl\"").skip(1).filter_map(between);
    let plain =
        |text: String| text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    commands.map(plain).collect()
}

/// The status that a command of the page is answered with.
async fn run(command: &str, shop: &Shop) -> u16 {
    let quiet = command.replacen("curl -s ", "curl -s -o /dev/null -w %{http_code} ", 1);
    let output = tokio::process::Command::new("sh").args(["-c", &quiet]).env("KEY", &shop.api_key).output().await;
    let status = String::from_utf8(output.unwrap().stdout).unwrap();
    status.parse().unwrap_or_else(|_| panic!("{command} answered {status:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_curl_of_every_route_does_what_the_page_says() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let shop = &dev.shop;
    let response = shop.http.get(format!("{}/docs", shop.api)).send().await.unwrap();
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let examples = examples(&response.text().await.unwrap());
    let document = shop.get("/openapi.json").await;
    let paths = document["paths"].as_object().unwrap().values();
    assert_eq!(examples.len(), paths.map(|path| path.as_object().unwrap().len()).sum::<usize>());

    // The page creates its checkout first; it is paid in a browser, which is no matter of the page.
    let (create, others) = examples.split_first().unwrap();
    assert_eq!(run(create, shop).await, 201, "{create}");
    let key = shop.authorize(STORY).await;
    assert_eq!(shop.confirm(STORY, &key, "23000").await.0, 200);
    for command in others {
        let status = run(command, shop).await;
        let expected = match command {
            // The purchase is paid, so it can be confirmed.
            command if command.contains("/confirm-purchase") => (200..300).contains(&status),
            // It is paid by card, which takes no cash receipt of its own.
            command if command.contains("/cash-receipts") && command.contains("Idempotency-Key") => status == 409,
            // The setting of the story is that Toss verifies accounts.
            command if command.contains("/bank-account/verify") => status == 409,
            // No hold in the story has the id of the example.
            command if command.contains("/holds/") => status == 404,
            // It is paid by another payment than that of the example.
            command if command.contains("/confirm") => status == 409,
            // The beginning leads to the page.
            command if command.ends_with('/') => status == 307,
            // No refund in the story waits for a second principal.
            command if command.contains("/v1/refunds/") => status == 404,
            // No run and no payout in the story has the id of the example.
            command if command.contains("/v1/payout-runs/") || command.contains("/v1/payouts/") => status == 404,
            // No setting in the story names our own company.
            command if command.contains("/v1/sweeps ") => status == 409,
            // The preview of another entry has another digest, and nothing was asked for.
            command if command.contains("/reversal") => [200, 404, 409].contains(&status),
            // Nothing in the story came to nothing.
            command if command.contains("/v1/dead-letters/checkout-") => status == 404,
            // No break in the story has the id of the example, and the day of the example may not be reconciled yet.
            command if command.contains("/v1/breaks/") => status == 404,
            command if command.contains("/v1/reconciliations/") => [200, 404].contains(&status),
            // No endpoint in the story has the id of the example.
            command if command.contains("/v1/webhook-endpoints/") => status == 404,
            // No card in the story has the id of the example, and the cards of one buyer are listed.
            command if command.contains("/saved-cards/") => status == 404,
            command if command.contains("/v1/saved-cards") && !command.contains(" -d ") => status == 422,
            // It is paid, and nothing of it is under way.
            command if command.contains("/ask-psp") => status == 409,
            _ => (200..300).contains(&status),
        };
        assert!(expected, "{status}: {command}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_call_is_as_the_document_says() {
    let roles = Roles::start(Kind::Sqlite).await;
    let shop = &roles.shop;
    let reader = roles.create_key("read");
    let document = shop.get("/openapi.json").await;
    // A redirect is an answer of its own.
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let url = format!("{}{}", shop.api, path.replace(['{', '}'], ""));
            let method: reqwest::Method = method.to_uppercase().parse().unwrap();
            let status = async |key: Option<&str>| {
                let request = http.request(method.clone(), &url);
                let request = if let Some(key) = key { request.bearer_auth(key) } else { request };
                let status = request.send().await.unwrap().status();
                assert!(operation["responses"][status.as_str()].is_object(), "{method} {path} answers {status}");
                status.as_u16()
            };
            let (keyless, read) = (status(None).await, status(Some(&reader)).await);
            match operation["security"][0]["bearer"][0].as_str() {
                None => assert!(![401, 403].contains(&keyless), "{method} {path}: {keyless}"),
                Some("read") => {
                    assert!(keyless == 401 && ![401, 403].contains(&read), "{method} {path}: {keyless}, {read}");
                }
                Some(_) => assert_eq!((keyless, read), (401, 403), "{method} {path}"),
            }
            asked += 1;
        }
    }
    assert!(asked > 20, "{asked}");
    let unknown: Value = shop.get("/v1/nothing").await;
    assert_eq!(unknown["code"], "not_found");
}
