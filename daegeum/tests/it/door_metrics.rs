//! The metrics: what they say, and who may read them.

use std::process::Command;

use serde_json::{Value, json};

use crate::{database::Kind, documents::blocks, roles::Roles, stack::Dev};

const METRICS_PAGE: &str = include_str!("../../../docs/reference/metrics.md");
const DASHBOARDS: [&str; 2] =
    [include_str!("../../../deploy/dashboards/events.json"), include_str!("../../../deploy/dashboards/payments.json")];
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// The alerts on events, beside this folder's parent.
const ALERTS: &str = "deploy/alerts-events.yaml";

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
        "daegeum_refunds{status=\"SUCCEEDED\"} 0",
        "daegeum_dead_letters{status=\"OPEN\"} 0",
        "daegeum_declined_payments 0",
        "daegeum_confirm_to_paid_seconds_count 1",
        "daegeum_toss_call_duration_seconds_count{operation=\"payment.confirm\"} 1",
        "daegeum_toss_calls_total{operation=\"payment.confirm\",outcome=\"succeeded\"} 1",
        "route=\"/v1/payments/{id}/confirm\",method=\"POST\",status=\"200\",le=\"+Inf\"} 1",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    are_told_of(&text);
    // A request through a proxy only seems to come from loopback.
    let forwarded = || shop.http.get(&url).header("x-forwarded-for", "203.0.113.9");
    assert_eq!(forwarded().send().await.unwrap().status(), 401);
    assert_eq!(forwarded().bearer_auth(&shop.api_key).send().await.unwrap().status(), 200);
}

/// Metrics of the alerts that a `dev` does not serve: it seals nothing for others, and its Temporal may be older.
const NOT_IN_DEV: [&str; 2] = ["daegeum_workers_open_seals", "daegeum_workflows_with_failing_task"];
/// What somebody must be woken for.
const WAKING: [&str; 9] = [
    "daegeum_checkouts",
    "daegeum_dead_letters",
    "daegeum_oldest_checkout_seconds",
    "daegeum_oldest_refund_seconds",
    "daegeum_workflows_with_failing_task",
    "daegeum_workers_polling",
    "daegeum_database_writable",
    "daegeum_clock_agrees",
    "daegeum_watch_stuck",
];

/// The names of metrics in a text.
fn metrics_in(text: &str) -> Vec<&str> {
    let name = |at: usize| {
        let ends = |character: char| !(character.is_ascii_lowercase() || character == '_');
        let name = text[at..].split(ends).next().unwrap();
        ["_bucket", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
    };
    text.match_indices("daegeum_").map(|(at, _)| name(at)).collect()
}

/// Every metric stands in the documentation; dashboard and alerts ask for none that there is not.
fn are_told_of(text: &str) {
    let served: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    for name in &served {
        assert!(METRICS_PAGE.contains(&format!("| `{name}` |")), "docs/reference/metrics.md does not tell of {name}");
    }
    for dashboard in DASHBOARDS {
        let dashboard: Value = serde_json::from_str(dashboard).unwrap();
        let panels = dashboard["panels"].as_array().unwrap().iter();
        for target in panels.flat_map(|panel| panel["targets"].as_array().unwrap()) {
            for name in metrics_in(target["expr"].as_str().unwrap()) {
                assert!(served.contains(&name) || is_of_kafka(name), "the dashboard asks for {name}");
            }
        }
    }
    let alerts = &blocks(METRICS_PAGE, "What to be woken for", "")[0];
    let alerts = metrics_in(alerts);
    for name in &alerts {
        assert!(served.contains(name) || NOT_IN_DEV.contains(name), "an alert asks for {name}");
    }
    for name in WAKING {
        assert!(alerts.contains(&name), "no alert asks for {name}");
    }
}

/// Whether a metric is one of the Kafka sink, which the usual build does not have.
fn is_of_kafka(name: &str) -> bool {
    name.starts_with("daegeum_kafka_") && METRICS_PAGE.contains(&format!("| `{name}` |"))
}

#[test]
fn every_alert_asks_for_metrics_that_there_are_and_leads_to_a_runbook() {
    let rules = std::fs::read_to_string(format!("{ROOT}/{ALERTS}")).unwrap();
    for name in rules.lines().filter(|line| !line.starts_with('#')).flat_map(metrics_in) {
        assert!(METRICS_PAGE.contains(&format!("| `{name}` |")), "{ALERTS} asks for {name}");
    }
    let runbooks: Vec<_> = rules.lines().filter_map(|line| line.trim().strip_prefix("runbook: ")).collect();
    assert_eq!(runbooks.len(), rules.matches("- alert: ").count());
    for runbook in runbooks {
        let (file, anchor) = runbook.split_once('#').unwrap();
        let text = std::fs::read_to_string(format!("{ROOT}/{file}")).unwrap();
        let mut headings = text.lines().filter_map(|line| line.strip_prefix("## "));
        assert!(headings.any(|heading| heading.to_lowercase().replace(' ', "-") == anchor), "no section {runbook}");
    }
}

#[test]
fn promtool_takes_the_alert_rules_and_each_fires_on_what_it_is_for() {
    for arguments in [["check", "rules", ALERTS], ["test", "rules", "deploy/alerts-events.test.yaml"]] {
        let ran = Command::new("promtool").current_dir(ROOT).args(arguments).output().unwrap();
        let told = [ran.stdout, ran.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        assert!(ran.status.success(), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_alone_tells_what_it_counts_to_whom_it_was_told() {
    let roles = Roles::start(Kind::Sqlite).await;
    let shop = &roles.shop;
    let worker = async |settings: &str| {
        let file = roles.place().join("metrics.toml");
        std::fs::write(&file, settings).unwrap();
        roles.worker_with_metrics(&["--config", file.to_str().unwrap()]).await
    };
    let (process, url) = worker("metrics_listen = \"127.0.0.1:0\"\n").await;
    shop.create("refused-1").await;
    let refusal =
        json!({ "on": "confirm", "kind": "error_before", "code": "REJECT_CARD_PAYMENT", "orderId": "refused-1" });
    shop.simulate("mischief", &refusal).await;
    let key = shop.authorize("refused-1").await;
    assert_eq!(shop.confirm("refused-1", &key, "23000").await.0, 402);
    let text = shop.http.get(&url).send().await.unwrap().text().await.unwrap();
    let line = "daegeum_toss_refusals_total{operation=\"payment.confirm\",code=\"REJECT_CARD_PAYMENT\"} 1";
    assert!(text.contains(line), "{text}");
    drop(process);

    let (_process, url) = worker("metrics_listen = \"127.0.0.1:0\"\nmetrics_from = [\"192.0.2.0/24\"]\n").await;
    assert_eq!(shop.http.get(&url).send().await.unwrap().status(), 403);
}
