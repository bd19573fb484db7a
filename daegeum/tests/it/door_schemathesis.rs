//! The API, tried by schemathesis with what its OpenAPI document allows and with what it does not: no 5xx, and no
//! answer that the document does not describe.

use std::time::Duration;

use crate::{database::Kind, stack::Dev};

const CONFIGURATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemathesis/schemathesis.toml");
/// It tries many wrong keys, and expects to hear of each that it is wrong; the metrics ask for a key too.
const LIMITS: &str = "metrics_from = []\n[limits]\nfailed_authentications = 1000000\n";
/// How long it may go on finding new cases, in seconds.
const SEARCH_TIME_S: &str = "60";
/// How long all of it may take.
const LIMIT: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_nothing() {
    let place = tempfile::tempdir().unwrap();
    let settings = place.path().join("limits.toml");
    std::fs::write(&settings, LIMITS).unwrap();
    let dev = Dev::start(Kind::Sqlite, &["--config", settings.to_str().unwrap()]).await;
    let shop = &dev.shop;
    shop.create("order-2026-1").await;
    let key = shop.authorize("order-2026-1").await;
    assert_eq!(shop.confirm("order-2026-1", &key, "23000").await.0, 200);

    let mut command = tokio::process::Command::new("schemathesis");
    command.args(["--config-file", CONFIGURATION, "run", &format!("{}/openapi.json", shop.api)]);
    command.args(["--header", &format!("Authorization: Bearer {}", shop.api_key)]);
    command.args(["--phases", "examples,coverage,fuzzing", "--max-examples", "10", "--max-time", SEARCH_TIME_S]);
    // The same search each time: a test that finds something new by chance stops a change that did not bring it.
    command.args(["--seed", "1", "--continue-on-failure", "--suppress-health-check", "all", "--warnings", "off"]);
    command.current_dir(place.path()).kill_on_drop(true);
    let output = tokio::time::timeout(LIMIT, command.output()).await.unwrap().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("passed"), "it tried nothing: {told}");
}
