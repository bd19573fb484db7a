//! API keys: what each may reach, and how it ends.

use std::str::FromStr as _;

use serde_json::{Value, json};

use sea_orm_migration::sea_orm::ConnectionTrait;
use store::{Database, DatabaseUrl};

use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Process, Shop, checkout, until},
};

on_both_databases!(
    a_key_lives_and_ends,
    a_key_gives_money_back_only_where_it_may,
    who_writes_to_the_table_revives_no_key
);

/// The status and the problem of a read.
async fn read(shop: &Shop, key: &str, path: &str) -> (u16, Value) {
    let response = shop.http.get(format!("{}{path}", shop.api)).bearer_auth(key).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

/// The public part of a key.
fn id(key: &str) -> &str {
    key.split('_').nth(1).unwrap()
}

async fn a_key_lives_and_ends(database: Kind) {
    let mut roles = Roles::start(database).await;
    let worker = roles.role("worker");
    a_request_outlives_the_rotation_of_its_key(&mut roles, &worker).await;
    let shop = &roles.shop;

    let mistyped = format!("{}x", &shop.api_key[..shop.api_key.len() - 1]);
    let (status, problem) = read(shop, &mistyped, "/v1/payments").await;
    assert_eq!(
        (status, problem["detail"].as_str()),
        (401, Some("What came is an API key that was mistyped or cut off."))
    );

    let short_lived = roles.last_line(&["keys", "create", "--scope", "read", "--expires-in", "0m"]);
    let (status, problem) = read(shop, &short_lived, "/v1/payments").await;
    assert_eq!((status, problem["detail"].as_str()), (401, Some("The API key is unknown, revoked or expired.")));

    let revoked = roles.create_key("read");
    assert_eq!(read(shop, &revoked, "/v1/payments").await.0, 200);
    roles.last_line(&["keys", "revoke", id(&revoked)]);
    assert_eq!(read(shop, &revoked, "/v1/payments").await.0, 401, "a revoked key ends at once");

    let used = async || {
        let keys = roles.command(&["keys", "list", "--json"]).output().unwrap().stdout;
        let keys: Value = serde_json::from_slice(&keys).unwrap();
        let key = keys.as_array().unwrap().iter().find(|key| key["id"] == id(&revoked)).unwrap().clone();
        key["last_used_at"].is_string() && key["revoked_at"].is_string()
    };
    until("the use of a key is written down", used).await;
}

/// The old key goes on for a while, and both are the same client.
async fn a_request_outlives_the_rotation_of_its_key(roles: &mut Roles, _worker: &Process) {
    roles.shop.create("before-rotation").await;
    let old = roles.shop.api_key.clone();
    let new = roles.last_line(&["keys", "rotate", id(&old), "--overlap", "1h"]);
    assert_ne!(old, new);
    for key in [&old, &new] {
        roles.shop.api_key.clone_from(key);
        let again = roles.shop.post("before-rotation", &checkout("before-rotation")).await;
        assert_eq!(again.status(), 201);
        assert_eq!(again.headers()["idempotent-replayed"], "true", "one client, one checkout");
    }
    let newest = roles.last_line(&["keys", "rotate", id(&new), "--overlap", "0m"]);
    assert_eq!(read(&roles.shop, &new, "/v1/payments").await.0, 401);
    assert_eq!(read(&roles.shop, &old, "/v1/payments").await.0, 200);
    roles.shop.api_key = newest;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sellers_key_reads_its_own_wallet_and_nothing_else() {
    let roles = Roles::start(Kind::Sqlite).await;
    let worker = roles.role("worker");
    let shop = &roles.shop;
    shop.create("of-two-sellers").await;
    let key = roles.last_line(&["keys", "create", "--seller", "seller-a"]);
    let document = shop.get("/openapi.json").await;
    let mut refused = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation["security"].as_array().unwrap().is_empty() {
                continue;
            }
            let method: reqwest::Method = method.to_uppercase().parse().unwrap();
            let mut told = Vec::new();
            for seller in ["seller-a", "seller-b", "no-such-seller"] {
                let path = path.replace("{seller_account}", seller).replace("{account}", "seller:seller-a:pending");
                let url = format!("{}{}", shop.api, path.replace("{id}", "of-two-sellers").replace(['{', '}'], ""));
                let response = shop.http.request(method.clone(), url).bearer_auth(&key).send().await.unwrap();
                told.push(response.status().as_u16());
            }
            let expected = match (method.as_str(), path.as_str()) {
                ("GET", "/v1/sellers/{seller_account}") => [200, 403, 403],
                ("GET", path) if path.starts_with("/v1/wallets/") => [200, 403, 403],
                // These lists hold the seller's own.
                ("GET", "/v1/payouts" | "/v1/sellers") => [200; 3],
                _ => [403; 3],
            };
            assert_eq!(told, expected, "{method} {path}");
            refused += usize::from(expected == [403; 3]);
        }
    }
    assert!(refused > 10, "{refused}");
    let too_much = roles.command(&["keys", "create", "--seller", "seller-a", "--scope", "checkout"]).output().unwrap();
    assert!(!too_much.status.success());
    drop(worker);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_made_without_the_pepper_is_not_taken() {
    const PEPPER: &str = "0123456789abcdef0123456789abcdef";
    let roles = Roles::start(Kind::Sqlite).await;
    let peppered = roles.command(&["keys", "create", "--scope", "read"]).env("DAEGEUM_KEY_PEPPER", PEPPER).output();
    let peppered = String::from_utf8(peppered.unwrap().stdout).unwrap();
    let shop = &roles.shop;
    assert_eq!(read(shop, peppered.trim(), "/v1/payments").await.0, 401);
    assert_eq!(read(shop, &shop.api_key, "/v1/payments").await.0, 200);

    let (_process, address) = roles.another_api(&[("DAEGEUM_KEY_PEPPER", PEPPER)], &[]).await;
    let with_pepper = Shop { api: address, ..shop.clone() };
    assert_eq!(read(&with_pepper, peppered.trim(), "/v1/payments").await.0, 200);
    assert_eq!(read(&with_pepper, &shop.api_key, "/v1/payments").await.0, 401);
    let log = roles.log("another-api");
    let told = std::fs::read_to_string(log).unwrap();
    assert!(told.contains("1 of 2 API keys were made under another key_pepper than now"), "{told}");
    assert!(told.contains(&format!("the API key {} was made under another key_pepper", id(&shop.api_key))), "{told}");

    let lost = [("DAEGEUM_KEY_PEPPER", "fedcba9876543210fedcba9876543210")];
    let refused = roles.command(&["--listen", "127.0.0.1:0", "api"]).envs(lost).output().unwrap();
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && told.contains("2 of 2 API keys"), "{told}");
    let weak = roles.command(&["keys", "list"]).env("DAEGEUM_KEY_PEPPER", "short").output().unwrap();
    assert!(String::from_utf8(weak.stderr).unwrap().contains("key_pepper"));
}

async fn a_key_gives_money_back_only_where_it_may(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let seller_only = Shop { api_key: roles.create_key("checkout"), ..roles.shop.clone() };
    let refunder = Shop { api_key: roles.create_key("refund"), ..roles.shop.clone() };
    let both = Shop {
        api_key: roles.last_line(&["keys", "create", "--scope", "checkout", "--scope", "refund"]),
        ..roles.shop.clone()
    };
    for id in ["scoped-1", "scoped-2"] {
        seller_only.create(id).await;
    }
    assert_eq!(refunder.post("scoped-3", &checkout("scoped-3")).await.status(), 403);
    let refused = |answer: &crate::stack::Answer, scope: &str| {
        assert_eq!((answer.status, &answer.body["code"]), (403, &json!("forbidden")), "{}", answer.body);
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("`{scope}`")), "{detail}");
    };
    refused(&refunder.delete("scoped-2").await, "checkout");
    assert_eq!(seller_only.delete("scoped-2").await.status, 200, "an unpaid one is given up");

    let key = seller_only.authorize("scoped-1").await;
    assert_eq!(seller_only.confirm("scoped-1", &key, "23000").await.0, 200);
    refused(&seller_only.delete("scoped-1").await, "refund");
    let part = json!({ "amount": "5000", "reason": "단순 변심" });
    refused(&seller_only.cancel("scoped-1", "part", &part).await, "refund");
    assert_eq!(seller_only.charged().await, (23_000, 0), "nothing went back");
    assert_eq!(refunder.cancel("scoped-1", "part", &part).await.status, 200);
    assert_eq!(both.delete("scoped-1").await.status, 200);
    assert_eq!(both.charged().await, (0, 0));

    let listed = roles.command(&["keys", "list", "--json"]).output().unwrap().stdout;
    let listed: Value = serde_json::from_slice(&listed).unwrap();
    let made = listed.as_array().unwrap().iter().find(|made| made["id"] == id(&both.api_key)).unwrap();
    assert_eq!(made["scopes"], json!(["checkout", "refund"]));
}

async fn who_writes_to_the_table_revives_no_key(database: Kind) {
    const PEPPER: &str = "0123456789abcdef0123456789abcdef";
    let roles = Roles::start(database).await;
    let keys = |arguments: &[&str]| {
        let output = roles.command(arguments).env("DAEGEUM_KEY_PEPPER", PEPPER).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().last().unwrap_or_default().to_owned()
    };
    let revoked = keys(&["keys", "create", "--scope", "ops"]);
    let ends = keys(&["keys", "create", "--scope", "ops", "--expires-in", "0m"]);
    let (_process, api) = roles.another_api(&[("DAEGEUM_KEY_PEPPER", PEPPER)], &[]).await;
    let shop = Shop { api, ..roles.shop.clone() };
    assert_eq!(read(&shop, &revoked, "/v1/payments").await.0, 200);
    keys(&["keys", "revoke", id(&revoked)]);
    let own = Database::connect(&DatabaseUrl::from_str(&roles.database_url()).unwrap()).await.unwrap();
    for change in ["revoked_at = NULL", "expires_at = NULL"] {
        let statement = format!("UPDATE api_keys SET {change}");
        own.connection().execute_unprepared(&statement).await.unwrap();
    }
    for key in [&revoked, &ends] {
        assert_eq!(read(&shop, key, "/v1/payments").await.0, 401);
    }
    let log = std::fs::read_to_string(roles.log("another-api")).unwrap();
    assert!(log.contains(&format!("the end of the API key {} was changed in the database", id(&revoked))), "{log}");
}
