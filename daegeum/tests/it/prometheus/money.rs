//! Payouts that wait, stand or are not ours, and days that nobody reconciles.

use std::process::Command;

use serde_json::{Value, json};

use super::Prometheus;
use crate::{
    database::Kind,
    payouts::{Payers, names},
    reconciliation::payouts::{reconcile, reconcile_as_of, steal},
    stack::temporal_cli,
};

pub(super) const CAUSED: &[&str] = &[
    "DaegeumBreakEscalated",
    "DaegeumBreakOld",
    "DaegeumBreakUnexplained",
    "DaegeumOldestPayoutOpen",
    "DaegeumPayoutRunWaits",
    "DaegeumPayoutStuck",
    "DaegeumPayoutsStopped",
    "DaegeumReconciliationOverdue",
    "DaegeumScheduleStopped",
];
/// A day that was reconciled, and none after it.
const LAST_VERDICT: &str = "INSERT INTO reconciliations \
    (run_id, day, number, as_of, status, progress, started_at, ended_at) VALUES ('recon_past', '2026-01-02', 1, \
    '2026-01-03', 'CLEAN', '{}', '2026-01-03 06:00:00+00:00', '2026-01-03 06:01:00+00:00')";

/// Somebody pauses the schedule of the reconciliation.
fn pause_the_schedule(payers: &Payers) {
    let addresses = std::fs::read(payers.dev.directory.path().join("addresses.json")).unwrap();
    let addresses: Value = serde_json::from_slice(&addresses).unwrap();
    let mut pause = Command::new(temporal_cli());
    pause.args([
        "schedule",
        "toggle",
        "--pause",
        "--reason",
        "a test",
        "--schedule-id",
        temporal::RECONCILIATION_SCHEDULE,
    ]);
    let paused = pause.args(["--address", addresses["temporal"].as_str().unwrap()]).output().unwrap();
    assert!(paused.status.success(), "{}", String::from_utf8_lossy(&paused.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn payouts_and_breaks_that_nobody_settles_are_told() {
    let payers = Payers::start(Kind::Sqlite).await;
    let shop = payers.dev.shop.clone();
    let sellers = names("seller", 3);
    payers.register(&sellers).await;
    payers.sell("alarm-sale", &sellers, 20_000).await;
    let mut prometheus = Prometheus::start(&shop, &[&shop.api]).await;
    prometheus.is_silent(CAUSED).await;

    pause_the_schedule(&payers);
    payers.write(&[LAST_VERDICT.to_owned()]).await;
    let _waits = payers.freeze(&sellers[..1]).await;
    prometheus.fires(&["DaegeumPayoutRunWaits", "DaegeumReconciliationOverdue"]).await;

    // Toss does not take our key, and then no request of ours.
    let mischief = async |body: Value| {
        shop.end_mischief().await;
        shop.simulate("mischief", &body).await;
    };
    mischief(json!({ "on": "payouts", "kind": "error_before", "code": "UNAUTHORIZED_KEY", "times": 0 })).await;
    let refused = payers.freeze(&sellers[1..2]).await;
    assert_eq!(payers.approve(&refused).await.0, 200);
    prometheus.fires(&["DaegeumPayoutStuck"]).await;
    mischief(json!({ "on": "payouts", "kind": "stall_before", "times": 0 })).await;
    let stalls = payers.freeze(&sellers[2..3]).await;
    assert_eq!(payers.approve(&stalls).await.0, 200);
    prometheus.fires(&["DaegeumOldestPayoutOpen"]).await;
    shop.end_mischief().await;

    steal(&payers, 1_500).await;
    let (code, report) = reconcile(&payers);
    assert_eq!(code, Some(1), "{report:#}");
    // As if nobody had looked at it for a quarter of a year.
    assert_eq!(reconcile_as_of(&payers, 90).0, Some(1));
    prometheus.fires(CAUSED).await;
}
