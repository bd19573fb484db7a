//! A break that grows too old is raised: the queue, the event, the metric and the page of the console say so.

use serde_json::{Value, json};

use super::{day_after, reconcile};
use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Process, Shop, until},
};

on_both_databases!(a_break_that_grows_old_is_escalated_once_for_each_step);

/// A day by which every break of today has reached the last step.
const LONG_AFTER: i64 = 90;

async fn escalations(shop: &Shop) -> Vec<Value> {
    let told = shop.get("/v1/events?type=break.escalated&limit=100").await;
    told["events"].as_array().unwrap().clone()
}

fn as_of(roles: &Roles, days: i64) -> (Option<i32>, Value) {
    reconcile(roles, &["--grace", "0m", "--as-of", &day_after(days)])
}

async fn a_break_that_grows_old_is_escalated_once_for_each_step(database: Kind) {
    let roles = Roles::start(database).await;
    let worker: Process = roles.role("worker");
    let shop = &roles.shop;
    let foreign = shop.authorize("of-another-shop").await;
    let charge = json!({ "paymentKey": foreign, "orderId": "of-another-shop", "amount": 23_000 });
    super::at_toss(shop, "confirm", &charge).await;
    let (code, report) = as_of(&roles, 0);
    assert_eq!(code, Some(1), "{report}");
    let id = report["breaks"][0]["break_id"].as_str().unwrap().to_owned();
    let path = format!("/v1/breaks/{id}");
    let found = shop.get(&path).await;
    assert_eq!((&found["escalation"], &found["escalated_at"]), (&json!(0), &Value::Null), "{found}");
    assert_eq!(escalations(shop).await.len(), 0);

    as_of(&roles, LONG_AFTER);
    until("the escalation is told", || async { escalations(shop).await.len() == 1 }).await;
    let found = shop.get(&path).await;
    assert_eq!((&found["escalation"], &found["owner"]), (&json!(3), &json!("investigation")), "{found}");
    assert!(found["escalated_at"].is_string(), "{found}");
    let last = found["history"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["act"], &last["by"]), (&json!("escalate"), &json!("rule:reconciliation/1")), "{found}");
    let [event] = &escalations(shop).await[..] else { panic!("one event") };
    assert_eq!((&event["object"]["id"], &event["data"]["escalation"]), (&json!(id), &json!(3)), "{event}");
    let listed = shop.get("/v1/breaks?escalated=true").await;
    assert_eq!(listed["data"][0]["break_id"], id.as_str(), "{listed}");
    let metrics = shop.http.get(format!("{}/metrics", shop.api)).bearer_auth(&shop.api_key).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(metrics.contains("daegeum_breaks_escalated{class=\"investigation\"} 1"), "{metrics}");

    // Again, and by another worker after the first one died: nothing more is told.
    drop(worker);
    let _worker = roles.role("worker");
    for _ in 0..2 {
        as_of(&roles, LONG_AFTER);
    }
    let acts = shop.get(&path).await["history"].to_string();
    assert_eq!((acts.matches("escalate").count(), escalations(shop).await.len()), (1, 1), "{acts}");
    assert_eq!(shop.get("/v1/breaks?escalated=false").await["data"].as_array().unwrap().len(), 1, "all of them");
}
