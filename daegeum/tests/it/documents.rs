//! The documents: their examples are run, and both languages show the same ones.

use std::process::Command;

use serde_json::Value;

use crate::{database::Kind, stack::Dev};

const README: &str = include_str!("../../../README.md");
const README_KO: &str = include_str!("../../../README.ko.md");
const TUTORIAL: &str = include_str!("../../../docs/tutorial.md");
/// How a shop takes payments; a browser test serves its pages.
pub(crate) const INTEGRATE: &str = include_str!("../../../docs/how-to/integrate.md");
const DEPLOY: &str = include_str!("../../../docs/how-to/deploy.md");
/// The front page is two screens.
const MAX_README_LINES: usize = 160;

/// The fenced blocks of a language in one section of a document.
pub(crate) fn blocks(document: &str, section: &str, language: &str) -> Vec<String> {
    let section = document.split("\n## ").find(|text| text.starts_with(section)).unwrap();
    let fenced = section.split("\n```").filter_map(|block| block.strip_prefix(&format!("{language}\n")));
    fenced.map(str::to_owned).collect()
}

/// The names of all fields and what is below them; of a value, only its kind.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), shape(value))).collect(),
        Value::Array(values) => values.iter().map(shape).collect(),
        Value::String(_) => "text".into(),
        Value::Bool(_) => "truth".into(),
        Value::Number(_) => "number".into(),
        Value::Null => Value::Null,
    }
}

/// Runs the shell examples of a section against a `dev` and returns each JSON answer.
async fn answers(document: &str, section: &str) -> Vec<Value> {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let place = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(dev.directory.path(), place.path().join(".daegeum")).unwrap();
    let script = blocks(document, section, "sh").join("\n");
    let script =
        script.replace("http://127.0.0.1:8080", &dev.shop.api).replace("curl -s ", "curl -s --fail-with-body ");
    let script = script.replace("http://127.0.0.1:9090", &dev.shop.simulator);
    let ran = Command::new("bash").args(["-euo", "pipefail", "-c", &script]).current_dir(&place).output().unwrap();
    let output = String::from_utf8(ran.stdout).unwrap();
    assert!(ran.status.success(), "{output}{}", String::from_utf8_lossy(&ran.stderr));
    serde_json::Deserializer::from_str(&output).into_iter().map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tutorial_shows_what_curl_answers() {
    let answers = answers(TUTORIAL, "Try it by hand").await;
    let [created, confirmed, checkout, history, wallet, books, part, canceled] = &answers[..] else {
        panic!("other answers than the tutorial shows: {answers:?}");
    };
    let printed: Value = serde_json::from_str(&blocks(TUTORIAL, "Try it by hand", "json")[0]).unwrap();
    assert_eq!(shape(&printed), shape(created));
    assert_eq!((&confirmed["status"], &checkout["status"]), (&"SUCCESS".into(), &"SUCCESS".into()));
    assert_eq!(history["history"].as_array().unwrap().len(), 3);
    assert_eq!((&wallet["pending"], &books["balanced"]), (&"15000".into(), &true.into()));
    assert_eq!((&part["status"], &part["refund"]["amount"]), (&"PARTIALLY_REFUNDED".into(), &"5000".into()));
    assert_eq!((&canceled["status"], &canceled["refund"]["status"]), (&"REFUNDED".into(), &"SUCCEEDED".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readme_shows_a_first_payment_by_curl() {
    let answers = answers(README, "First payment").await;
    let [created, checkout, wallet] = &answers[..] else { panic!("other answers than the README shows: {answers:?}") };
    assert_eq!(created["status"], "NOT_STARTED");
    assert!(created["payment_page"].is_string());
    assert_eq!(checkout["checkout_id"], created["checkout_id"]);
    assert_eq!(wallet["seller_account"], "seller-a");
}

#[test]
fn both_readmes_give_the_same_examples_in_two_screens() {
    assert_eq!(blocks(README, "Two commands", "sh"), blocks(README_KO, "두 개의 명령", "sh"));
    assert_eq!(blocks(README, "Two commands", "text"), blocks(README_KO, "두 개의 명령", "text"));
    let first_payment = blocks(README, "First payment", "sh");
    assert_eq!(first_payment.len(), 2);
    assert_eq!(first_payment, blocks(README_KO, "첫 결제", "sh"));
    for readme in [README, README_KO] {
        assert!(readme.lines().count() <= MAX_README_LINES, "the front page has become longer than two screens");
    }
}

/// A production needs all of it, in whatever language its operator reads.
#[test]
fn the_readmes_name_what_a_production_needs() {
    for (readme, section, named) in [
        (README, "In production", ["search attributes", "webhook address", "encryption keys", "guessable"]),
        (README_KO, "운영", ["검색 속성", "웹훅 주소", "암호화 키", "추측할 수 없어야"]),
    ] {
        let text = readme.split("\n## ").find(|text| text.starts_with(section)).unwrap();
        for name in named {
            assert!(text.contains(name), "{section} does not name {name}");
        }
    }
    for route in ["daegeum cluster apply", "/v1/webhooks/toss", "DAEGEUM_ENCRYPTION_KEYS"] {
        assert!(DEPLOY.contains(route), "docs/how-to/deploy.md does not name {route}");
    }
}

/// The reference names every route, and the page about events every type.
#[test]
fn every_route_and_every_type_of_event_is_described() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let (api, events) = (read("docs/reference/api.md"), read("docs/explanation/events.md"));
    let described: serde_json::Value = serde_json::from_str(&read("api/openapi.json")).unwrap();
    for path in described["paths"].as_object().unwrap().keys().filter(|path| path.starts_with("/v1/")) {
        let literal = |segment: &&str| !segment.starts_with('{');
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let (noun, last) = (segments[1], *segments.iter().rfind(|segment| literal(segment)).unwrap());
        let (noun, last) = (format!("/v1/{noun}"), format!("/{last}"));
        let is_named = api.lines().any(|line| line.contains(&noun) && line.contains(&last));
        let below = api.lines().any(|line| line.contains(&format!("{noun}` and below")));
        assert!(is_named || below, "docs/reference/api.md does not name {path}");
    }
    for event_type in domain::event::EventType::ALL {
        let (object, change) = event_type.as_str().split_once('.').unwrap();
        let is_named =
            events.lines().any(|line| line.contains(&format!("`{object}.")) && line.contains(&format!(".{change}`")));
        assert!(is_named, "docs/explanation/events.md does not name {}", event_type.as_str());
    }
}

/// Every relative link of every document leads to a file.
#[test]
fn links_between_documents_lead_somewhere() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let arguments = ["ls-files", "--cached", "--others", "--exclude-standard", "*.md"];
    let listed = Command::new("git").args(arguments).current_dir(root).output().unwrap();
    assert!(listed.status.success());
    for document in String::from_utf8(listed.stdout).unwrap().lines() {
        let document = root.join(document);
        let Ok(text) = std::fs::read_to_string(&document) else { continue };
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = target.split('#').next().unwrap();
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            assert!(document.parent().unwrap().join(target).exists(), "{}: {target}", document.display());
        }
    }
}
