//! The metrics: what they say, and who may read them.

use std::process::Command;

use serde_json::{Value, json};

use crate::{
    database::Kind,
    roles::Roles,
    stack::{Dev, until},
};

const METRICS_PAGE: &str = include_str!("../../../docs/reference/metrics.md");
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// The rules of alerts in `deploy/`; each has its tests beside it.
const ALERTS: [&str; 3] = ["alerts", "alerts-events", "alerts-money"];
/// The parts of a runbook.
const RUNBOOK: [&str; 5] = ["What it means", "What others see", "First look", "What to do", "When it is over"];

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
    // Temporal is asked once every half minute.
    until("Temporal has told of schedules and tasks", || async {
        let text = shop.http.get(&url).send().await.unwrap().text().await.unwrap();
        text.contains("daegeum_schedule_paused{") && text.contains("daegeum_workflows_with_failing_task ")
    })
    .await;
    are_told_of(&shop.http.get(&url).send().await.unwrap().text().await.unwrap());
    // A request through a proxy only seems to come from loopback.
    let forwarded = || shop.http.get(&url).header("x-forwarded-for", "203.0.113.9");
    assert_eq!(forwarded().send().await.unwrap().status(), 401);
    assert_eq!(forwarded().bearer_auth(&shop.api_key).send().await.unwrap().status(), 200);
}

/// Metrics of the alerts that a `dev` does not serve: it seals nothing for others.
const NOT_IN_DEV: [&str; 1] = ["daegeum_workers_open_seals"];

/// The names of metrics in a text.
fn metrics_in(text: &str) -> Vec<&str> {
    let name = |at: usize| {
        let ends = |character: char| !(character.is_ascii_lowercase() || character == '_');
        let name = text[at..].split(ends).next().unwrap();
        ["_bucket", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
    };
    text.match_indices("daegeum_").map(|(at, _)| name(at)).collect()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(format!("{ROOT}/{path}")).unwrap()
}

/// Every metric stands in the documentation; dashboards and alerts ask for none that there is not.
fn are_told_of(text: &str) {
    let served: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    for name in &served {
        assert!(METRICS_PAGE.contains(&format!("| `{name}` |")), "docs/reference/metrics.md does not tell of {name}");
    }
    let is_there = |name: &str| served.contains(&name) || is_of_kafka(name) || NOT_IN_DEV.contains(&name);
    for (file, dashboard) in dashboards() {
        for panel in dashboard["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().unwrap() {
                for name in metrics_in(target["expr"].as_str().unwrap()) {
                    assert!(is_there(name), "{file} asks for {name}");
                }
            }
        }
    }
    for file in ALERTS {
        for rule in rules(file) {
            for name in metrics_in(&rule.expression) {
                assert!(is_there(name), "{} asks for {name}", rule.name);
            }
        }
    }
}

/// Whether a metric is one of the Kafka sink, which the usual build does not have.
fn is_of_kafka(name: &str) -> bool {
    name.starts_with("daegeum_kafka_") && METRICS_PAGE.contains(&format!("| `{name}` |"))
}

/// The dashboards, by their files.
fn dashboards() -> Vec<(String, Value)> {
    let files = std::fs::read_dir(format!("{ROOT}/deploy/dashboards")).unwrap().map(|file| file.unwrap().path());
    let json = files.filter(|file| file.extension().is_some_and(|end| end == "json"));
    json.map(|file| {
        let text = std::fs::read_to_string(&file).unwrap();
        (file.file_name().unwrap().to_str().unwrap().to_owned(), serde_json::from_str(&text).unwrap())
    })
    .collect()
}

/// An alert, as its file says.
struct Rule {
    name: String,
    expression: String,
    lines: Vec<String>,
}

impl Rule {
    fn field(&self, name: &str) -> Option<&str> {
        self.lines.iter().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(": "))
    }
}

fn rules(file: &str) -> Vec<Rule> {
    let text = read(&format!("deploy/{file}.yaml"));
    let of = |rule: &str| {
        let lines: Vec<String> = rule.lines().map(str::to_owned).collect();
        let is_expression = |line: &&String| !line.trim().starts_with("for: ");
        let expression = lines[2..].iter().take_while(is_expression).cloned().collect::<Vec<_>>().join("\n");
        Rule { name: lines[0].clone(), expression, lines }
    };
    text.split("- alert: ").skip(1).map(of).collect()
}

#[test]
fn every_dashboard_is_complete_and_looks_like_the_others() {
    let dashboards = dashboards();
    let names: Vec<_> = dashboards.iter().map(|(file, _)| file.trim_end_matches(".json")).collect();
    for name in ["payments", "money", "workers", "temporal", "database", "events", "payouts", "reconciliation"] {
        assert!(names.contains(&name), "no dashboard {name}");
    }
    let mut uids: Vec<_> = dashboards.iter().map(|(_, dashboard)| dashboard["uid"].as_str().unwrap()).collect();
    uids.sort_unstable();
    uids.dedup();
    assert_eq!(uids.len(), dashboards.len(), "two dashboards have one uid");
    let source = json!({ "type": "prometheus", "uid": "${datasource}" });
    for (file, dashboard) in &dashboards {
        let variable = &dashboard["templating"]["list"][0];
        assert_eq!((&variable["name"], &variable["type"]), (&json!("datasource"), &json!("datasource")), "{file}");
        assert!(dashboard["description"].as_str().is_some_and(|text| text.ends_with('.')), "{file}");
        let mut titles = std::collections::BTreeSet::new();
        for panel in dashboard["panels"].as_array().unwrap() {
            let title = panel["title"].as_str().unwrap();
            assert!(titles.insert(title), "{file} has two panels {title}");
            assert!(panel["description"].as_str().is_some_and(|text| text.ends_with('.')), "{file}: {title}");
            assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{file}: {title}");
            assert_eq!(panel["datasource"], source, "{file}: {title}");
            for target in panel["targets"].as_array().unwrap() {
                assert_eq!(target["datasource"], source, "{file}: {title}");
                assert!(!target["legendFormat"].as_str().unwrap().is_empty(), "{file}: {title}");
            }
        }
    }
}

#[test]
fn every_alert_leads_to_a_runbook_that_says_what_to_do() {
    let runbooks = read("docs/how-to/alerts.md");
    let mut names = Vec::new();
    for rule in ALERTS.into_iter().flat_map(rules) {
        for field in ["for", "labels", "summary", "description", "runbook_url"] {
            assert!(rule.field(field).is_some(), "{} has no {field}", rule.name);
        }
        let severity = rule.field("labels").unwrap();
        assert!(["{severity: page}", "{severity: ticket}"].contains(&severity), "{}: {severity}", rule.name);
        let anchor = rule.name.to_lowercase();
        assert_eq!(rule.field("runbook_url"), Some(format!("docs/how-to/alerts.md#{anchor}").as_str()));
        let section = runbooks.split("\n## ").find(|section| section.starts_with(&format!("{}\n", rule.name)));
        let section = section.unwrap_or_else(|| panic!("no runbook of {}", rule.name));
        for part in RUNBOOK {
            assert!(section.contains(&format!("* **{part}**: ")), "the runbook of {} lacks: {part}", rule.name);
        }
        names.push(rule.name);
    }
    let sections = runbooks.lines().filter_map(|line| line.strip_prefix("## "));
    assert!(sections.eq(names.iter().map(String::as_str)), "one runbook for each alert, in the order of the rules");
}

#[test]
fn every_alert_has_a_test_in_which_it_fires_and_one_in_which_it_is_silent() {
    for file in ALERTS {
        let tests = read(&format!("deploy/{file}.test.yaml"));
        for rule in rules(file) {
            for what in ["fires", "is silent"] {
                assert!(tests.contains(&format!("  - name: {} {what}\n", rule.name)), "{} {what}", rule.name);
            }
        }
    }
}

#[test]
fn promtool_takes_the_alert_rules_and_each_fires_on_what_it_is_for() {
    for file in ALERTS {
        let (rules, tests) = (format!("deploy/{file}.yaml"), format!("deploy/{file}.test.yaml"));
        for arguments in [["check", "rules", &rules], ["test", "rules", &tests]] {
            let ran = Command::new("promtool").current_dir(ROOT).args(arguments).output().unwrap();
            let told = [ran.stdout, ran.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
            assert!(ran.status.success(), "{told}");
        }
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
