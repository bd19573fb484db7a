//! The metrics: what they say, and who may read them.

use crate::{database::Kind, stack::Dev};

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_what_happened_to_whom_may_know() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let shop = &dev.shop;
    shop.create("counted-1").await;
    let key = shop.authorize("counted-1").await;
    assert_eq!(shop.confirm("counted-1", &key, "23000").await.0, 200);
    let url = format!("{}/metrics", shop.api);
    let text = shop.http.get(&url).send().await.unwrap().text().await.unwrap();
    for line in [
        "daegeum_checkouts{status=\"SUCCESS\"} 1",
        "daegeum_checkouts{status=\"STUCK\"} 0",
        "daegeum_toss_calls_total{operation=\"payment.confirm\",outcome=\"succeeded\"} 1",
        "route=\"/v1/payments/{id}/confirm\",method=\"POST\",status=\"200\",le=\"+Inf\"} 1",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    // Whoever comes through a proxy only seems to be near.
    let forwarded = || shop.http.get(&url).header("x-forwarded-for", "203.0.113.9");
    assert_eq!(forwarded().send().await.unwrap().status(), 401);
    assert_eq!(forwarded().bearer_auth(&shop.api_key).send().await.unwrap().status(), 200);
}
