//! The confirmation token: a checkout's id alone confirms nothing and shows nothing of the order.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::header;
use serde_json::{Value, json};
use temporalio_client::WorkflowFetchHistoryOptions;
use workflows::checkout::CheckoutWorkflow;

use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Shop, checkout, until},
};

on_both_databases!(only_who_proves_to_be_the_buyer_confirms, a_busy_checkout_asks_the_buyer_to_come_again);

/// What a browser is answered.
struct Told {
    status: u16,
    code: Value,
    retry_after: Option<u64>,
}

/// A browser confirms; without an API key, and with a token or without.
async fn confirm(shop: &Shop, id: &str, payment_key: &str, token: Option<&str>) -> Told {
    let mut body = json!({ "payment_key": payment_key, "order_id": id, "amount": "23000" });
    if let Some(token) = token {
        body["token"] = token.into();
    }
    let url = format!("{}/v1/payments/{id}/confirm", shop.api);
    let response = shop.http.post(url).json(&body).send().await.unwrap();
    let retry_after = response.headers().get(header::RETRY_AFTER).map(|value| value.to_str().unwrap().parse().unwrap());
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    let code = if body["code"].is_string() { body["code"].clone() } else { body["status"].clone() };
    Told { status, code, retry_after }
}

/// Everything that a history holds, opened.
fn payloads(history: &Value) -> String {
    match history {
        Value::Object(fields) => {
            let data = fields.get("data").and_then(Value::as_str).and_then(|data| STANDARD.decode(data).ok());
            let data = data.map(|data| String::from_utf8_lossy(&data).into_owned()).unwrap_or_default();
            data + &fields.values().map(payloads).collect::<String>()
        }
        Value::Array(values) => values.iter().map(payloads).collect(),
        _ => String::new(),
    }
}

/// Creates a checkout, and answers its token.
async fn created(shop: &Shop, id: &str) -> String {
    shop.create(id).await;
    let again: Value = shop.post(id, &checkout(id)).await.json().await.unwrap();
    again["confirm_token"].as_str().unwrap().to_owned()
}

async fn page(shop: &Shop, address: &str) -> String {
    shop.http.get(address).header(header::ACCEPT_LANGUAGE, "en").send().await.unwrap().text().await.unwrap()
}

async fn only_who_proves_to_be_the_buyer_confirms(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let shop = &roles.shop;
    let token = created(shop, "proved-1").await;
    assert!(token.len() > 30, "{token}");
    let others = created(shop, "proved-2").await;
    assert_ne!(token, others);
    let again: Value = shop.post("proved-1", &checkout("proved-1")).await.json().await.unwrap();
    assert_eq!(again["confirm_token"], token.as_str(), "the replayed answer is the first one");
    let address = again["payment_page"].as_str().unwrap();
    assert_eq!(address, format!("{}/checkout/proved-1?token={token}", shop.api));

    let key = shop.authorize("proved-1").await;
    for wrong in [None, Some(""), Some("ct_invented"), Some(others.as_str())] {
        let told = confirm(shop, "proved-1", &key, wrong).await;
        assert_eq!((told.status, &told.code), (403, &json!("confirm_token_invalid")), "{wrong:?}");
    }
    assert_eq!(confirm(shop, "no-such-checkout", &key, Some(&token)).await.status, 404);
    for (api_key, status) in [(roles.create_key("read"), 403), ("dk_nobody_0123456789abcdef".to_owned(), 401)] {
        let with_key = Shop { api_key, ..shop.clone() };
        assert_eq!(with_key.confirm("proved-1", &key, "23000").await.0, status);
    }
    // Nothing of it reached the payment provider or the workflow, and nothing of the order the pages.
    assert_eq!(shop.at_toss("proved-1").await["charges"], 0);
    let client = roles.temporal().await;
    let workflow = shop.get("/v1/payments/proved-1").await["workflow"]["id"].as_str().unwrap().to_owned();
    let workflow = client.get_workflow_handle::<CheckoutWorkflow>(workflow);
    let history = async || {
        let json = workflow.fetch_history(WorkflowFetchHistoryOptions::default()).to_json().await.unwrap();
        serde_json::from_slice::<Value>(&json).unwrap()
    };
    let before = history().await.to_string();
    assert!(!before.contains("UPDATE"), "an update was sent: {before}");
    pages_show_the_order_to_its_buyer(shop, "proved-1", &token).await;

    let told = confirm(shop, "proved-1", &key, Some(&token)).await;
    assert_eq!((told.status, &told.code), (200, &json!("SUCCESS")));
    let payloads = payloads(&history().await);
    assert!(payloads.contains("confirm_token_hash"), "the plan is in the history: {payloads}");
    assert!(!payloads.contains(&token) && !std::fs::read_to_string(roles.log("api")).unwrap().contains(&token));
    let reader = Shop { api_key: roles.create_key("read"), ..shop.clone() };
    let read = reader.get("/v1/payments/proved-1").await;
    assert_eq!(read["payment_page"], format!("{}/checkout/proved-1", shop.api), "who reads does not confirm");
    assert_eq!((&read["confirm_token"], shop.page("proved-1").await.as_str()), (&Value::Null, address));
    assert_eq!(shop.charged().await, (23_000, 0));
}

async fn pages_show_the_order_to_its_buyer(shop: &Shop, id: &str, token: &str) {
    for page_name in ["", "/success", "/fail"] {
        let address = format!("{}/checkout/{id}{page_name}", shop.api);
        let whole = page(shop, &format!("{address}?token={token}")).await;
        assert!(whole.contains("seller-a") && whole.contains("Test payment"), "{page_name}: {whole}");
        for wrong in ["", "?token=", "?token=ct_invented"] {
            let bare = page(shop, &format!("{address}{wrong}")).await;
            assert!(bare.contains("data-for=\"INCOMPLETE\"") && bare.contains("Test payment"), "{bare}");
            for hidden in ["seller-a", "티셔츠", "23,000", "id=\"pay\"", token] {
                assert!(!bare.contains(hidden), "{page_name}{wrong} {hidden}: {bare}");
            }
        }
    }
    let standing = shop.http.get(format!("{}/checkout/{id}/status", shop.api)).send().await.unwrap();
    assert_eq!(standing.json::<Value>().await.unwrap(), json!({ "status": "NOT_STARTED", "revision": 0 }));
}

async fn a_busy_checkout_asks_the_buyer_to_come_again(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let shop = &roles.shop;
    let token = created(shop, "busy-1").await;
    let [first, second] = [shop.authorize("busy-1").await, shop.authorize("busy-1").await];
    for on in ["confirm", "lookup"] {
        let stall = json!({ "on": on, "kind": "stall_before", "orderId": "busy-1", "times": 0 });
        shop.simulate("mischief", &stall).await;
    }
    let confirming = confirm(shop, "busy-1", &first, Some(&token));
    let other = async {
        until("the first payment is under way", || async { shop.status("busy-1").await != "NOT_STARTED" }).await;
        confirm(shop, "busy-1", &second, Some(&token)).await
    };
    let (told, other) = tokio::join!(confirming, other);
    assert_eq!(told.status, 202);
    assert_eq!((other.status, &other.code, other.retry_after), (429, &json!("confirmation_under_way"), Some(2)));

    shop.end_mischief().await;
    until("the first is paid", || async { shop.status("busy-1").await == "SUCCESS" }).await;
    let other = confirm(shop, "busy-1", &second, Some(&token)).await;
    assert_eq!((other.status, &other.code, other.retry_after), (409, &json!("not_confirmable"), None));
    assert_eq!(shop.charged().await, (23_000, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outsider_uses_up_no_quota_of_the_buyer() {
    let roles = Roles::start(Kind::Sqlite).await;
    let _worker = roles.role("worker");
    let settings = roles.place().join("limits.toml");
    let text = "trusted_proxies = [\"127.0.0.1\"]\n[limits]\nfailed_authentications = 5\n\
                confirmations_per_checkout = 3\nconfirmations_per_address = 4\n[pages]\nshown_days_after_payment = 0\n";
    std::fs::write(&settings, text).unwrap();
    let (_process, api) = roles.another_api(&[], &["--config", settings.to_str().unwrap()]).await;
    let shop = Shop { api, ..roles.shop.clone() };
    let token = created(&shop, "crowded-1").await;
    let others = created(&shop, "crowded-2").await;
    let key = shop.authorize("crowded-1").await;
    let other_key = shop.authorize("crowded-2").await;
    let send_for = async |id: &str, key: &str, from: &str, token: Option<&str>| {
        let body = json!({ "payment_key": key, "order_id": id, "amount": "23000", "token": token });
        let body: Value = body
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let request = shop.http.post(format!("{}/v1/payments/{id}/confirm", shop.api));
        request.header("x-forwarded-for", from).json(&body).send().await.unwrap().status().as_u16()
    };
    let send = async |from: &str, token: Option<&str>| send_for("crowded-1", &key, from, token).await;
    let mut outsider = Vec::new();
    for _ in 0..7 {
        outsider.push(send("203.0.113.9", None).await);
    }
    assert_eq!(outsider, [403, 403, 403, 403, 403, 429, 429]);
    let mut buyer = Vec::new();
    for _ in 0..4 {
        buyer.push(send("203.0.113.9", Some(&token)).await);
    }
    assert_eq!(
        buyer,
        [200, 200, 200, 429],
        "the buyer passes from the same address, and has a quota for this checkout"
    );
    assert_eq!(shop.confirm("crowded-1", &key, "23000").await.0, 200, "the marketplace is not held up");
    let mut of_another = Vec::new();
    for from in ["203.0.113.9", "203.0.113.9", "203.0.113.10"] {
        of_another.push(send_for("crowded-2", &other_key, from, Some(&others)).await);
    }
    assert_eq!(of_another, [200, 429, 200], "an address confirms so many, of whatever checkouts");

    // The time to show what was bought is over here, also for the buyer.
    let over = page(&shop, &format!("{}/checkout/crowded-1?token={token}", shop.api)).await;
    assert!(over.contains("data-for=\"SUCCESS\"") && !over.contains("seller-a") && !over.contains("receipt"), "{over}");
    let shown = page(&roles.shop, &format!("{}/checkout/crowded-1?token={token}", roles.shop.api)).await;
    assert!(shown.contains("seller-a"), "{shown}");
}
