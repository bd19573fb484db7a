//! Every change that a key asks for is written down, and no secret with it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Shop, checkout},
};

on_both_databases!(who_changed_what_is_written_down);

/// Every route that changes something for a key, as its method and its path. One that is new joins the walk by itself:
/// none is served that the document does not tell of.
fn changing_routes(document: &Value) -> BTreeSet<(String, String)> {
    let mut routes = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let asks_for_a_key = operation["security"].get(0).is_some();
            if asks_for_a_key && method != "get" {
                routes.insert((method.clone(), path.clone()));
            }
        }
    }
    routes
}

async fn who_changed_what_is_written_down(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let shop = &roles.shop;
    let (key, secret) = service::api_key::SecretKey::parse(&shop.api_key).unwrap();

    let walked = every_changing_route_is_in_it(shop, key.as_str()).await;

    shop.create("audited-1").await;
    let created = newest(shop).await;
    assert_eq!((&created["object"], &created["result"]), (&json!("audited-1"), &json!("201")), "{created}");
    shop.create("audited-1").await;
    assert_eq!(newest(shop).await, created, "a repeated request changes nothing");
    let nobody = Shop { api_key: "dk_nobody_0123456789abcdef".to_owned(), ..shop.clone() };
    assert_eq!(nobody.post("nobody", &checkout("audited-2")).await.status(), 401);
    assert_eq!(newest(shop).await, created, "nobody is known to have called");
    let reader = Shop { api_key: roles.create_key("read"), ..shop.clone() };
    let made = newest(shop).await;
    assert_eq!((&made["action"], &made["actor_kind"]), (&json!("keys create --scope read"), &json!("operator")));
    assert_eq!(reader.post("forbidden", &checkout("audited-3")).await.status(), 403);
    let refused = newest(shop).await;
    assert_eq!((&refused["actor"], &refused["result"]), (&made["object"], &json!("403 forbidden")));
    assert_eq!(reader.get("/v1/audit-log").await["status"], 403);

    let id = made["object"].as_str().unwrap();
    assert!(roles.command(&["keys", "revoke", id]).output().unwrap().status.success());
    assert_eq!(newest(shop).await["action"], "keys revoke");
    commands_are_in_it(&roles).await;

    let of_key = shop.get(&format!("/v1/audit-log?actor={}&limit=100", key.as_str())).await;
    assert!(of_key["data"].as_array().unwrap().iter().all(|line| line["actor"] == key.as_str()), "{of_key}");
    let first = shop.get("/v1/audit-log?limit=2").await;
    let second = shop.get(&format!("/v1/audit-log?limit=2&cursor={}", first["next_cursor"].as_str().unwrap())).await;
    let number = |page: &Value, line: usize| page["data"][line]["sequence"].as_u64().unwrap();
    assert!(number(&first, 1) > number(&second, 0));

    let listed = roles.command(&["audit", "list", "--json", "--limit", "1000"]).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let lines: Vec<Value> = serde_json::from_str(&listed).unwrap();
    assert_eq!(lines[0]["action"], "webhooks delete");
    assert!(lines.len() > walked);
    for hidden in [secret, "someone@example.com"] {
        assert!(!listed.contains(hidden), "{hidden} stands in the audit log");
    }
}

/// What an operator changes by a command is in it too.
async fn commands_are_in_it(roles: &Roles) {
    let keys = store::Keyring::generate("audited").unwrap();
    let run = |arguments: &[&str]| {
        let output = roles.command(arguments).env("DAEGEUM_ENCRYPTION_KEYS", &keys).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let rotated = roles.create_key("read");
    let rotated = service::api_key::SecretKey::parse(&rotated).unwrap().0.to_string();
    for (arguments, action) in [
        (&["keys", "rotate", &rotated][..], "keys rotate"),
        (&["commissions", "set", "--bps", "250"], "commissions set"),
        (&["buyers", "erase", "buyer-1"], "buyers erase"),
        (&["encryption", "reseal"], "encryption reseal"),
        (&["ledger", "close", "--before", "2020-01-01"], "ledger close"),
        (&["webhooks", "create", "https://shop.example/"], "webhooks create"),
    ] {
        run(arguments);
        let line = newest(&roles.shop).await;
        assert_eq!((&line["action"], &line["actor_kind"]), (&json!(action), &json!("operator")), "{line}");
    }
    let endpoint = newest(&roles.shop).await["object"].as_str().unwrap().to_owned();
    run(&["webhooks", "delete", &endpoint]);
}

/// Answers how many routes were walked.
async fn every_changing_route_is_in_it(shop: &Shop, key: &str) -> usize {
    let routes = changing_routes(&shop.get("/openapi.json").await);
    assert!(routes.len() > 8, "the routes were not found: {routes:?}");
    let mut walked = 0;
    for (method, route) in &routes {
        let is_variable = |part: &&str| part.starts_with('{');
        let fill = |part| if is_variable(&part) { "walked-object" } else { part };
        let path = route.split('/').map(fill).collect::<Vec<_>>().join("/");
        let objects = vec!["walked-object"; route.split('/').filter(is_variable).count()].join("/");
        let request = shop.http.request(method.to_uppercase().parse().unwrap(), format!("{}{path}", shop.api));
        let request = request.bearer_auth(&shop.api_key).header("X-Request-Id", format!("walk-{walked}"));
        let answer = request.json(&json!({ "buyer_info": { "email": "someone@example.com" } })).send().await.unwrap();
        let status = answer.status().as_u16();
        let newest = newest(shop).await;
        let action = newest["action"].as_str().unwrap();
        let walked_route = action.split_once(' ').unwrap().1.trim_end_matches('/');
        assert_eq!(walked_route, *route, "{method} {route} is not in the audit log: {newest}");
        assert!(action.starts_with(&method.to_uppercase()), "{newest}");
        assert!(newest["result"].as_str().unwrap().starts_with(&status.to_string()), "{newest}");
        assert_eq!(newest["request_id"], format!("walk-{walked}"));
        assert_eq!((&newest["actor"], &newest["address"]), (&json!(key), &json!("127.0.0.1")));
        assert_eq!(newest["object"], objects, "{method} {route}");
        walked += 1;
    }
    walked
}

async fn newest(shop: &Shop) -> Value {
    shop.get("/v1/audit-log?limit=1").await["data"][0].clone()
}
