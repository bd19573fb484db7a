//! Payments and refunds that do not end, and a Toss that does not answer.

use std::process::Command;

use serde_json::json;

use super::{Prometheus, measured_worker};
use crate::{
    database::Kind,
    roles::Roles,
    stack::{Shop, temporal_cli},
};

pub(super) const CAUSED: &[&str] = &[
    "DaegeumBreakerOpen",
    "DaegeumOldestPaymentOpen",
    "DaegeumOldestRefundOpen",
    "DaegeumOutcomesUnknown",
    "DaegeumPersonNeeded",
    "DaegeumSignalsUnreadable",
    "DaegeumTossFailing",
    "DaegeumWorkflowTaskFails",
];

/// Toss answers what cannot be read, as often as it is asked about an order.
async fn garble(shop: &Shop, id: &str, calls: [&str; 2]) {
    for on in calls {
        shop.simulate("mischief", &json!({ "on": on, "kind": "garbage_after", "times": 0, "orderId": id })).await;
    }
}

async fn authorized(shop: &Shop, id: &str) -> String {
    shop.create(id).await;
    shop.authorize(id).await
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_that_do_not_end_are_told() {
    let roles = Roles::start(Kind::Sqlite).await;
    let (_worker, metrics) = measured_worker(&roles, "measured", "").await;
    let shop = &roles.shop;
    let key = authorized(shop, "alarm-paid").await;
    assert_eq!(shop.confirm("alarm-paid", &key, "23000").await.0, 200);
    let mut prometheus = Prometheus::start(shop, &[&shop.api, &metrics]).await;
    prometheus.is_silent(CAUSED).await;

    // A workflow that no worker knows fails its task again and again.
    let mut start = Command::new(temporal_cli());
    start.args(["workflow", "start", "--address", &roles.temporal, "--task-queue", workflows::TASK_QUEUE]);
    start.args(["--type", "NobodyKnowsIt", "--workflow-id", "stands-still"]);
    assert!(start.output().unwrap().status.success());

    let key = authorized(shop, "alarm-stuck").await;
    shop.lock_out("alarm-stuck", 3).await;
    assert_eq!(shop.confirm("alarm-stuck", &key, "23000").await.0, 202);
    let workflow = shop.get("/v1/payments/alarm-stuck").await["workflow"]["id"].as_str().unwrap().to_owned();
    let mut signal = Command::new(temporal_cli());
    signal.args(["workflow", "signal", "--address", &roles.temporal, "--workflow-id", &workflow, "--name", "resume"]);
    assert!(signal.args(["--input", "{\"nothing\": 1}"]).output().unwrap().status.success());

    garble(shop, "alarm-paid", ["cancel", "lookup"]).await;
    let part = json!({ "amount": "5000", "reason": "단순 변심" });
    let refund = shop.cancel("alarm-paid", "alarm-part", &part);
    let unknown = async |id: &str| {
        let key = authorized(shop, id).await;
        garble(shop, id, ["confirm", "lookup"]).await;
        assert_eq!(shop.confirm(id, &key, "23000").await.0, 202);
    };
    let unknown = [unknown("alarm-1"), unknown("alarm-2"), unknown("alarm-3"), unknown("alarm-4")];
    let (refund, _) = tokio::join!(refund, futures::future::join_all(unknown));
    assert_eq!(refund.status, 202, "{}", refund.body);
    let all_but_breaker: Vec<_> = CAUSED.iter().copied().filter(|name| *name != "DaegeumBreakerOpen").collect();
    prometheus.fires(&all_but_breaker).await;

    for on in ["confirm", "lookup"] {
        shop.simulate("mischief", &json!({ "on": on, "kind": "refuse_connection", "times": 0 })).await;
    }
    let refused = async |id: &str| {
        let key = authorized(shop, id).await;
        shop.confirm(id, &key, "23000").await;
    };
    futures::future::join_all([refused("alarm-5"), refused("alarm-6"), refused("alarm-7")]).await;
    prometheus.fires(CAUSED).await;
}
