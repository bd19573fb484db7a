//! One id names one checkout or one payment order, never both.

use std::str::FromStr;

use sea_orm_migration::sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use store::{Database, DatabaseUrl};

use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Shop, until},
};

on_both_databases!(
    ids_that_clash_are_refused_when_they_are_made,
    an_id_of_older_data_that_names_two_things_moves_nothing
);

fn body(checkout: &str, orders: &[&str]) -> Value {
    let order =
        |id: &&str| json!({ "payment_order_id": id, "seller_account": "s", "amount": "1000", "currency": "KRW" });
    let orders: Vec<Value> = orders.iter().map(order).collect();
    json!({ "checkout_id": checkout, "order_name": "n", "buyer_info": { "id": "b" }, "payment_orders": orders })
}

/// How often a request is sent that is not recorded in the ten seconds that it waits: a worker may begin slowly, and
/// must not take for ever.
const MAX_REQUESTS: usize = 3;

/// The final answer to a request for a checkout.
async fn made(shop: &Shop, body: &Value) -> (u16, String) {
    let key = body["checkout_id"].as_str().unwrap();
    let key = format!("{key}-{}", body["payment_orders"][0]["payment_order_id"].as_str().unwrap());
    for _ in 0..MAX_REQUESTS {
        let response = shop.post(&key, body).await;
        let status = response.status().as_u16();
        let answer: Value = response.json().await.unwrap();
        let code = answer["code"].as_str().unwrap_or_default().to_owned();
        if status != 429 && code != "no_worker" {
            return (status, code);
        }
    }
    panic!("no answer came to {body}");
}

async fn ids_that_clash_are_refused_when_they_are_made(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let shop = &roles.shop;
    let taken = (409, "checkout_exists".to_owned());
    assert_eq!(made(shop, &body("number-1", &["number-2", "number-3"])).await.0, 201);
    assert_eq!(made(shop, &body("number-2", &["number-9"])).await, taken, "a checkout named as an order");
    assert_eq!(made(shop, &body("number-8", &["number-9", "number-1"])).await, taken, "an order named as a checkout");
    assert_eq!(made(shop, &body("number-7", &["number-7"])).await, taken, "within one body");
    assert_eq!(made(shop, &body("number-8", &["number-8-a", "number-9"])).await.0, 201, "nothing of them was kept");
    for round in 0..10 {
        let (one, other) = (format!("one-{round:04}"), format!("other-{round:04}"));
        let bodies = (body(&one, &[&other]), body(&other, &[&one]));
        let (left, right) = tokio::join!(made(shop, &bodies.0), made(shop, &bodies.1));
        let mut statuses = [left.0, right.0];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409], "round {round}");
    }
}

async fn an_id_of_older_data_that_names_two_things_moves_nothing(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let shop = &roles.shop;
    for (checkout, orders) in [("mine-0001", ["mine-a", "mine-b"]), ("yours-0001", ["yours-a", "yours-b"])] {
        assert_eq!(made(shop, &body(checkout, &orders)).await.0, 201);
        let authorized = json!({ "orderId": checkout, "amount": 2_000, "method": "카드" });
        let key = shop.simulate("authorize", &authorized).await["paymentKey"].as_str().unwrap().to_owned();
        until("it is paid", || async { shop.confirm(checkout, &key, "2000").await.0 == 200 }).await;
    }
    // As an older version would have taken it: a line of mine has the number of your checkout.
    let own = Database::connect(&DatabaseUrl::from_str(&roles.database_url()).unwrap()).await.unwrap();
    let clash = "UPDATE payment_orders SET payment_order_id = 'yours-0001' WHERE payment_order_id = 'mine-a'";
    own.connection().execute_unprepared(clash).await.unwrap();

    let ambiguous = json!("ambiguous_id");
    assert_eq!(shop.get("/v1/payments/yours-0001").await["code"], ambiguous);
    let refused = shop.delete("yours-0001").await;
    assert_eq!((refused.status, &refused.body["code"]), (409, &ambiguous));
    for part in [json!({ "reason": "x" }), json!({ "reason": "x", "amount": "500" })] {
        let refused = shop.cancel("yours-0001", "key-1", &part).await;
        assert_eq!((refused.status, &refused.body["code"]), (409, &ambiguous));
    }
    for checkout in ["mine-0001", "yours-0001"] {
        assert_eq!(shop.at_toss(checkout).await["canceled"], 0, "{checkout}");
    }
    assert_eq!(shop.get("/v1/payments/yours-0001?kind=checkout").await["checkout_id"], "yours-0001");
    assert_eq!(shop.get("/v1/payments/yours-0001?kind=payment_order").await["checkout_id"], "mine-0001");
    let part = json!({ "reason": "x", "amount": "500" });
    until("the order that is meant is refunded", || async {
        let url = format!("{}/v1/payments/yours-0001/cancel?kind=payment_order", shop.api);
        let request = shop.http.post(url).bearer_auth(&shop.api_key).header("Idempotency-Key", "key-2").json(&part);
        request.send().await.unwrap().status() == 200
    })
    .await;
    assert_eq!(shop.at_toss("mine-0001").await["canceled"], 500);
    assert_eq!(shop.at_toss("yours-0001").await["canceled"], 0);
}
