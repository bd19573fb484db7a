//! Limits of refunds per key and day, and refunds that wait for a second principal.

use serde_json::{Value, json};

use store::console::Role;

use crate::{
    console::{Visitor, database_at, keys::key_of, session_in},
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Process, Shop},
};

on_both_databases!(
    a_key_gives_back_no_more_than_its_limit,
    a_large_refund_waits_for_a_second_principal,
    a_person_and_the_key_that_the_person_saw_are_no_two_principals,
    a_commission_is_given_back_or_kept_as_the_sale_says,
);

const ENCRYPTION_KEY: &str = "test:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

async fn paid(shop: &Shop, id: &str) {
    shop.create(id).await;
    let key = shop.authorize(id).await;
    assert_eq!(shop.confirm(id, &key, "23000").await.0, 200);
}

fn part(amount: &str) -> Value {
    json!({ "amount": amount, "reason": "단순 변심" })
}

async fn a_key_gives_back_no_more_than_its_limit(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let limited = roles.last_line(&["keys", "create", "--scope", "refund", "--refund-limit", "10000"]);
    let limited = Shop { api_key: limited, ..roles.shop.clone() };
    for id in ["limited-1", "limited-2"] {
        paid(&roles.shop, id).await;
    }
    assert_eq!(limited.cancel("limited-1", "first", &part("6000")).await.status, 200);
    assert_eq!(limited.cancel("limited-1", "first", &part("6000")).await.status, 200, "a repetition is counted once");
    for (id, key, amount) in [("limited-1", "second", "4001"), ("limited-2", "third", "23000")] {
        let refused = limited.cancel(id, key, &part(amount)).await;
        assert_eq!((refused.status, &refused.body["code"]), (403, &json!("refund_limit_exceeded")), "{}", refused.body);
    }
    assert_eq!(limited.delete("limited-2").await.status, 403, "all that is left counts by its amount");

    // Two at once, each within the limit alone.
    let (one, other) = (part("4000"), part("4000"));
    let at_once = (limited.cancel("limited-1", "fourth", &one), limited.cancel("limited-2", "fifth", &other));
    let (one, other) = tokio::join!(at_once.0, at_once.1);
    let mut answers = [one.status, other.status];
    answers.sort_unstable();
    assert_eq!(answers, [200, 403]);
    let rotated = limited.api_key.split('_').nth(1).unwrap();
    let rotated = Shop { api_key: roles.last_line(&["keys", "rotate", rotated]), ..roles.shop.clone() };
    assert_eq!(rotated.cancel("limited-2", "sixth", &part("1")).await.status, 403, "a new key of the line is the same");
    assert_eq!(roles.shop.charged().await.0, 2 * 23_000 - 10_000);
    assert_eq!(roles.shop.delete("limited-2").await.status, 200, "another key is not held up");
}

async fn a_commission_is_given_back_or_kept_as_the_sale_says(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let ours = async || {
        let account = roles.shop.get("/v1/ledger/accounts/platform:commission").await;
        account["balances"][0]["balance"].as_str().unwrap_or("0").to_owned()
    };
    let set = |on_refund: &str| {
        let output = roles.command(&["commissions", "set", "--bps", "1000", "--on-refund", on_refund]).output();
        let told = String::from_utf8(output.unwrap().stdout).unwrap();
        assert!(told.contains(&format!("its commission is {on_refund}")), "{told}");
    };
    set("kept");
    paid(&roles.shop, "sale-kept").await;
    let kept = ours().await;
    assert_ne!(kept, "0");
    set("returned");
    paid(&roles.shop, "sale-returned").await;
    assert_ne!(ours().await, kept);
    // What is set later changes no sale, however late the refund is.
    for id in ["sale-kept", "sale-returned"] {
        assert_eq!(roles.shop.delete(id).await.status, 200, "{id}");
    }
    assert_eq!(ours().await, kept, "the commission of one sale is kept, and that of the other is given back");
    let verified = roles.command(&["ledger", "verify"]).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

/// An API that demands approvals, and its address.
async fn with_approvals(roles: &Roles) -> (Process, Shop) {
    let settings = [("DAEGEUM_REFUND_APPROVAL_ABOVE", "10000"), ("DAEGEUM_ENCRYPTION_KEYS", ENCRYPTION_KEY)];
    let (process, api) = roles.another_api(&settings, &[]).await;
    (process, Shop { api, ..roles.shop.clone() })
}

async fn decide(shop: &Shop, refund: &str, decision: &str) -> (u16, Value) {
    let url = format!("{}/v1/refunds/{refund}/{decision}", shop.api);
    let response = shop.http.post(url).bearer_auth(&shop.api_key).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn a_person_and_the_key_that_the_person_saw_are_no_two_principals(database: Kind) {
    let roles = Roles::start(database).await;
    let mut worker = roles.command(&["--listen", "127.0.0.1:0", "worker"]);
    worker.env("DAEGEUM_ENCRYPTION_KEYS", ENCRYPTION_KEY);
    let _worker = Process::start(&mut worker, &roles.log("worker"));
    let (_api, shop) = with_approvals(&roles).await;
    let database = database_at(&roles.database_url()).await;
    let signed_in =
        async |person| Visitor::with(&shop, &session_in(database.clone(), person, Role::Admin, service::now()).await);
    let [kim, lee] = [signed_in("kim").await, signed_in("lee").await];
    let of = |key: String| Shop { api_key: key, ..shop.clone() };
    let [of_kim, also_of_kim] =
        [of(key_of(&kim, &lee, &["scope_refund"]).await), of(key_of(&kim, &lee, &["scope_refund"]).await)];
    let of_lee = of(key_of(&lee, &kim, &["scope_refund"]).await);
    paid(&shop, "person-1").await;
    paid(&shop, "person-2").await;

    // The person asks, and keys that the person saw do not approve.
    let form = [("order", ""), ("amount", "10001"), ("reason", "a scratch"), ("key", "of-kim")];
    let waits = kim.post("/console/payments/person-1/refund", &form).await;
    assert!(waits.text.contains("data-outcome=\"refund-waits\""), "{} {}", waits.status, waits.text);
    let waiting = list(&of_kim, "?approval=WAITING").await;
    let by_person = waiting["data"][0]["refund_id"].as_str().unwrap().to_owned();
    let rotated = of_kim.api_key.split('_').nth(1).unwrap();
    let rotated = of(roles.last_line(&["keys", "rotate", rotated]));
    // A key asks, and another key that the same person saw does not approve.
    let asked = of_kim.cancel("person-2", "large", &part("10001")).await;
    let by_key = asked.body["refund"]["refund_id"].as_str().unwrap().to_owned();
    for (refund, key) in [(&by_person, &of_kim), (&by_person, &also_of_kim), (&by_person, &rotated)]
        .into_iter()
        .chain([(&by_key, &also_of_kim), (&by_key, &rotated)])
    {
        let (status, body) = decide(key, refund, "approve").await;
        assert_eq!((status, &body["code"]), (403, &json!("four_eyes")), "{body}");
    }
    assert_eq!(shop.charged().await.0, 2 * 23_000, "nothing went back");
    for refund in [&by_person, &by_key] {
        let (status, body) = decide(&of_lee, refund, "approve").await;
        assert_eq!(status, 200, "{body}");
    }
    assert_eq!(shop.charged().await.0, 2 * (23_000 - 10_001));
}

async fn list(shop: &Shop, query: &str) -> Value {
    shop.get(&format!("/v1/refunds{query}")).await
}

async fn a_large_refund_waits_for_a_second_principal(database: Kind) {
    let roles = Roles::start(database).await;
    // The worker opens what the API with encryption keys seals.
    let mut worker = roles.command(&["--listen", "127.0.0.1:0", "worker"]);
    worker.env("DAEGEUM_ENCRYPTION_KEYS", ENCRYPTION_KEY);
    let _worker = Process::start(&mut worker, &roles.log("worker"));
    let refused = roles.command(&["--listen", "127.0.0.1:0", "api"]).env("DAEGEUM_REFUND_APPROVAL_ABOVE", "1").output();
    let refused = String::from_utf8(refused.unwrap().stderr).unwrap();
    assert!(refused.contains("DAEGEUM_ENCRYPTION_KEYS"), "{refused}");

    let (_api, shop) = with_approvals(&roles).await;
    let first = Shop { api_key: roles.create_key("refund"), ..shop.clone() };
    let second = Shop { api_key: roles.create_key("refund"), ..shop.clone() };
    let seller = Shop { api_key: roles.create_key("checkout"), ..shop.clone() };
    paid(&shop, "eyes-1").await;
    assert_eq!(first.cancel("eyes-1", "small", &part("10000")).await.status, 200, "not above the amount");
    let asked = first.cancel("eyes-1", "large", &part("10001")).await;
    assert_eq!((asked.status, &asked.body["refund"]["approval"]), (202, &json!("WAITING")), "{}", asked.body);
    let refund = asked.body["refund"]["refund_id"].as_str().unwrap().to_owned();
    let again = first.cancel("eyes-1", "large", &part("10001")).await;
    assert_eq!((again.status, &again.body["refund"]), (202, &asked.body["refund"]));
    assert_eq!(first.cancel("eyes-1", "large", &part("10002")).await.status, 422, "another body under the same key");
    assert_eq!(shop.charged().await.0, 13_000, "nothing went back yet");

    let waiting = list(&second, "?approval=WAITING").await;
    let told = &waiting["data"][0];
    assert_eq!((waiting["data"].as_array().unwrap().len(), &told["refund_id"]), (1, &json!(refund)), "{waiting}");
    assert_eq!((&told["checkout_id"], &told["amount"]), (&json!("eyes-1"), &json!("10001")), "{told}");
    let request = json!({ "payment_order_id": null, "reason": "단순 변심", "names_account": false });
    assert_eq!((&told["request"], &told["decided_by"]), (&request, &Value::Null), "{told}");
    assert_eq!(told["requested_by"], format!("api_key:{}", first.api_key.split('_').nth(1).unwrap()));
    assert_eq!(list(&seller, "?approval=WAITING").await, waiting, "the scope checkout includes read");
    assert_eq!(list(&second, "?approval=waiting").await["errors"][0]["field"], "approval");

    let same = first.api_key.split('_').nth(1).unwrap();
    let same = Shop { api_key: roles.last_line(&["keys", "rotate", same]), ..shop.clone() };
    for own in [&first, &same] {
        let (status, body) = decide(own, &refund, "approve").await;
        assert_eq!((status, &body["code"]), (403, &json!("four_eyes")), "{body}");
    }
    assert_eq!(decide(&seller, &refund, "approve").await.0, 403);
    assert_eq!(decide(&second, "refund-of-nobody", "approve").await.1["code"], "refund_not_found");
    let (status, body) = decide(&second, &refund, "approve").await;
    assert_eq!(
        (status, &body["status"], &body["refund"]["amount"]),
        (200, &json!("PARTIALLY_REFUNDED"), &json!("10001"))
    );
    assert_eq!(decide(&second, &refund, "approve").await.0, 200, "the same again");
    assert_eq!(decide(&second, &refund, "reject").await.1["code"], "refund_decided");
    let told = first.cancel("eyes-1", "large", &part("10001")).await;
    assert_eq!((told.status, &told.body["refund"]["status"]), (200, &json!("SUCCEEDED")), "{}", told.body);
    assert_eq!(shop.charged().await.0, 2_999);

    paid(&shop, "eyes-2").await;
    let asked = first.delete("eyes-2").await;
    let refund = asked.body["refund"]["refund_id"].as_str().unwrap().to_owned();
    assert_eq!((asked.status, &asked.body["refund"]["amount"]), (202, &json!("23000")));
    let (status, body) = decide(&second, &refund, "reject").await;
    assert_eq!((status, &body["refund"]["approval"]), (200, &json!("REJECTED")), "{body}");
    assert_eq!(first.delete("eyes-2").await.body["code"], "refund_refused");
    assert_eq!(shop.charged().await.0, 25_999, "nothing went back");
    assert_eq!(list(&second, "?approval=WAITING").await["data"], json!([]));
    let reader = Shop { api_key: roles.create_key("read"), ..shop.clone() };
    let newest = list(&reader, "?limit=1").await;
    let older = list(&reader, &format!("?limit=1&cursor={}", newest["next_cursor"].as_str().unwrap())).await;
    let told =
        [&newest, &older].map(|page| (page["data"][0]["checkout_id"].clone(), page["data"][0]["approval"].clone()));
    assert_eq!(told, [(json!("eyes-2"), json!("REJECTED")), (json!("eyes-1"), json!("APPROVED"))]);
    assert_eq!(older["next_cursor"], Value::Null);
    roles.verify_books();
}
