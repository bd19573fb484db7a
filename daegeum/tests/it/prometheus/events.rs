//! Receivers that do not take events, and workers that do not send them.

use std::{str::FromStr as _, time::Duration};

use axum::http::StatusCode;
use serde_json::json;
use store::{Database, DatabaseUrl, EventRetention, Keyring, Writer};

use super::Prometheus;
use crate::{
    database::Kind,
    roles::Roles,
    stack::{Process, Shop},
    webhook_receivers::{free_port, register},
};

pub(super) const CAUSED: &[&str] = &[
    "DaegeumCursorNearRetention",
    "DaegeumDeliveriesStopped",
    "DaegeumEndpointDisabled",
    "DaegeumEndpointFull",
    "DaegeumEndpointLate",
    "DaegeumEventsUndelivered",
    "DaegeumEventsWithoutPosition",
    "DaegeumReceiverBehind",
    "DaegeumReceiverMissedEvents",
    "DaegeumSealsNotOpened",
];
/// An event is given up after the third attempt, twenty seconds after the first.
const SETTINGS: &str = "metrics_listen = \"127.0.0.1:0\"\n\
                        [webhooks]\nallow_private = true\nallow_http = true\nretry_pauses_s = [0, 1, 20]\n";
/// How long a reader has an event cursor.
const LEASE: Duration = Duration::from_secs(60);
/// How long the test removes old events before it looks whether that was told. A round that another one kept from the
/// database is repeated by the next look.
const CUTTING: Duration = Duration::from_secs(1);

/// A worker with encryption keys, or without, and where it tells its metrics.
async fn worker(roles: &Roles, name: &str, keys: Option<&str>) -> (Process, String) {
    let mut command = roles.command(&["worker"]);
    command.envs(keys.map(|keys| ("DAEGEUM_ENCRYPTION_KEYS", keys)));
    Process::start_listening(&mut command, &roles.log(name), "worker metrics").await
}

/// A receiver that wants no more events.
async fn gone() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(async || StatusCode::GONE);
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// A principal changes what is known of a seller, which needs no worker. The log is told.
async fn change_a_seller(roles: &Roles, shop: &Shop) {
    let body = json!({
        "name": "김하나", "business_type": "INDIVIDUAL", "email": "hana@shop.example", "phone": "010-1234-5678",
        "bank_account": { "bank_code": "004", "account_number": "1002123456789", "holder_name": "김하나" },
        "payout_schedule": { "cycle": "manual" },
    });
    let request = shop.http.put(format!("{}/v1/sellers/seller-a", shop.api)).bearer_auth(roles.create_key("finance"));
    let answer = request.json(&body).send().await.unwrap();
    assert!(answer.status().is_success() || answer.status() == 503, "{}", answer.text().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_nobody_takes_are_told() {
    let mut settings = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut settings, SETTINGS.as_bytes()).unwrap();
    let roles = Roles::start_with(Kind::Sqlite, &["--config", settings.path().to_str().unwrap()]).await;
    let keys = Keyring::generate("alarm").unwrap();
    let (_api, api) = roles.another_api(&[("DAEGEUM_ENCRYPTION_KEYS", &keys)], &[]).await;
    let shop = Shop { api, ..roles.shop.clone() };
    register(&shop, &format!("http://127.0.0.1:{}/", free_port())).await;
    let mut prometheus = Prometheus::start(&shop, &[&shop.api]).await;
    prometheus.is_silent(CAUSED).await;

    change_a_seller(&roles, &shop).await;
    prometheus.fires(&["DaegeumEventsWithoutPosition"]).await;

    let (keyless, metrics) = worker(&roles, "keyless", None).await;
    prometheus.reads(&[&shop.api, &metrics]);
    prometheus.fires(&["DaegeumSealsNotOpened", "DaegeumDeliveriesStopped"]).await;
    drop(keyless);

    let (_worker, metrics) = worker(&roles, "keyed", Some(&keys)).await;
    prometheus.reads(&[&shop.api, &metrics]);
    // What a process counts before it is read is no increase.
    prometheus.sees_its_targets().await;
    register(&shop, &gone().await).await;
    for number in 0..5 {
        shop.create(&format!("alarm-{number}")).await;
    }
    let database = Database::connect(&DatabaseUrl::from_str(&roles.database_url()).unwrap()).await.unwrap();
    let writer = Writer::new(database);
    assert!(writer.take_event_cursor("analysis", LEASE).await.unwrap().is_some());
    let before_retention: Vec<_> =
        CAUSED.iter().copied().filter(|name| *name != "DaegeumReceiverMissedEvents").collect();
    prometheus.fires(&before_retention).await;
    let cut = || writer.sequencer(EventRetention(Duration::ZERO)).run(tokio::time::sleep(CUTTING));
    prometheus.fires_while(CAUSED, cut).await;
}
