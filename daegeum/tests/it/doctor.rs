//! What `daegeum doctor` finds, and that it finds nothing where all is well.

use std::process::Command;

use serde_json::{Value, json};
use temporalio_client::WorkflowTerminateOptions;
use workflows::checkout::CheckoutWorkflow;

use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Dev, Process, daegeum, temporal_cli, until},
    virtual_accounts::stands_at,
};

on_both_databases!(
    it_says_what_is_missing,
    it_names_a_workflow_that_stands_still,
    readiness_tells_of_workers_that_open_nothing,
    it_sees_that_a_part_was_restored_from_an_older_backup,
    it_demands_a_workflow_where_something_is_waited_for,
);

/// What it finds: exit code and, per part, whether it is well.
fn examine(roles: &Roles, change: impl FnOnce(&mut Command)) -> (bool, Vec<(String, bool, String)>) {
    let mut command = roles.command(&["doctor", "--json"]);
    change(&mut command);
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    let findings: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {told}"));
    let finding = |row: &Value| {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        // What no setting names is not looked at, and no fault.
        let is_well = row["ok"] != json!(false);
        assert_eq!(row["mend"].is_null(), is_well || text("detail").starts_with("could not be looked at"), "{row}");
        (text("check"), is_well, text("detail"))
    };
    (output.status.success(), findings.as_array().unwrap().iter().map(finding).collect())
}

fn ill(roles: &Roles, change: impl FnOnce(&mut Command)) -> Vec<String> {
    let (success, findings) = examine(roles, change);
    let ill: Vec<_> = findings.into_iter().filter(|(_, is_well, _)| !is_well).map(|(part, ..)| part).collect();
    assert_eq!(success, ill.is_empty());
    ill
}

async fn it_says_what_is_missing(database: Kind) {
    let mut roles = Roles::start(database).await;
    assert_eq!(ill(&roles, |_| {}), ["worker", "schedules"]);
    let _worker = roles.role("worker");
    until("all is well", || async { ill(&roles, |_| {}).is_empty() }).await;
    let readable = roles.command(&["doctor"]).output().unwrap();
    assert!(readable.status.success());
    let lines = String::from_utf8(readable.stdout).unwrap();
    assert_eq!(lines.lines().filter(|line| line.starts_with("well  ")).count(), 18, "{lines}");
    assert!(lines.contains("not checked: neither public_url nor listen is set"), "{lines}");

    let stranger = ill(&roles, |command| {
        command.env("TOSS_SECRET_KEY", "test_sk_of_another");
    });
    assert_eq!(stranger, ["toss", "payout service"]);
    let unreachable = ill(&roles, |command| {
        command.env("TOSS_BASE_URL", "http://127.0.0.1:1");
    });
    assert_eq!(unreachable, ["toss", "payout service", "clock"]);
    the_payout_service_is_asked(&roles).await;
    let unset = ill(&roles, |command| {
        command.env_remove("TOSS_CLIENT_KEY");
    });
    assert_eq!(unset, ["configuration"]);
    let other_pepper = ill(&roles, |command| {
        command.env("DAEGEUM_KEY_PEPPER", "0123456789abcdef0123456789abcdef");
    });
    assert_eq!(other_pepper, ["API keys"]);
    let nowhere = ill(&roles, |command| {
        command.env("TEMPORAL_NAMESPACE", "nowhere");
    });
    assert_eq!(
        nowhere,
        [
            "temporal",
            "search attributes",
            "worker",
            "worker versions",
            "workflow tasks",
            "schedules",
            "database and temporal"
        ]
    );
    what_no_worker_opens_is_not_sealed(&roles);

    assert!(roles.command(&["migrate", "down"]).output().unwrap().status.success());
    assert_eq!(
        ill(&roles, |_| {}),
        ["database", "API keys", "event log", "webhook endpoints", "payouts", "dead letters", "database and temporal"]
    );
    assert!(roles.command(&["migrate", "up"]).output().unwrap().status.success());
    roles.stop_temporal();
    assert_eq!(ill(&roles, |_| {}), nowhere);
}

/// Without a payout contract Toss refuses to tell the balance; without a security key nobody asks.
async fn the_payout_service_is_asked(roles: &Roles) {
    let refused = json!({ "on": "balances", "kind": "error_before", "code": "PAYOUT_NOT_FOUND", "times": 0 });
    roles.shop.simulate("mischief", &refused).await;
    assert_eq!(ill(roles, |_| {}), ["payout service"]);
    let unasked = |command: &mut Command| {
        command.env_remove("TOSS_SECURITY_KEY");
    };
    assert!(ill(roles, unasked).is_empty());
    roles.shop.end_mischief().await;
    assert!(ill(roles, |_| {}).is_empty());
}

/// The workers have no keys: who seals finds out before it sends.
fn what_no_worker_opens_is_not_sealed(roles: &Roles) {
    let keys = store::Keyring::generate("other").unwrap();
    let (_, findings) = examine(roles, |command| {
        command.env("DAEGEUM_ENCRYPTION_KEYS", &keys);
    });
    let worker = findings.iter().find(|(part, ..)| part == "worker").unwrap();
    assert!(!worker.1 && worker.2.contains("do not have the encryption key other."), "{worker:?}");
    let mut api = roles.command(&["--listen", "127.0.0.1:0", "api"]);
    let refused = api.env("DAEGEUM_ENCRYPTION_KEYS", &keys).output().unwrap();
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && told.contains("do not have the encryption key other."), "{told}");
}

/// The API began when no worker ran. Then a worker came that has other keys: nothing that the API seals is opened.
async fn readiness_tells_of_workers_that_open_nothing(database: Kind) {
    let roles = Roles::start(database).await;
    let keys = store::Keyring::generate("api").unwrap();
    let (_api, api) = roles.another_api(&[("DAEGEUM_ENCRYPTION_KEYS", &keys)], &[]).await;
    let readiness = async || {
        let answer = roles.shop.http.get(format!("{api}/readyz")).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap()["detail"].to_string())
    };
    let gauge = async || {
        let metrics = roles.shop.http.get(format!("{api}/metrics")).bearer_auth(&roles.shop.api_key).send().await;
        let text = metrics.unwrap().text().await.unwrap();
        text.lines().find_map(|line| line.strip_prefix("daegeum_workers_open_seals ").map(str::to_owned))
    };
    assert_eq!(gauge().await.as_deref(), Some("1"), "no worker is no worker without the key");
    let deaf = roles.role("worker");
    until("it tells of the key", || async {
        let (status, detail) = readiness().await;
        status == 503 && detail.contains("No worker has the encryption key that seals here")
    })
    .await;
    assert_eq!(gauge().await.as_deref(), Some("0"));
    let log = std::fs::read_to_string(roles.log("another-api")).unwrap();
    assert!(log.contains("do not have the encryption key api."), "{log}");

    let mut command = roles.command(&["worker"]);
    let log = roles.log("hearing-worker");
    let _hearing = Process::start(command.env("DAEGEUM_ENCRYPTION_KEYS", &keys), &log);
    until("one of two opens it", || async { readiness().await.0 == 200 }).await;
    assert_eq!(gauge().await.as_deref(), Some("0"));
    drop(deaf);
}

/// A workflow of a type that no worker knows fails its task again and again, as one does that cannot be decoded.
async fn it_names_a_workflow_that_stands_still(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    until("all is well", || async { ill(&roles, |_| {}).is_empty() }).await;
    let mut start = Command::new(temporal_cli());
    start.args(["workflow", "start", "--address", &roles.temporal, "--task-queue", workflows::TASK_QUEUE]);
    let started = start.args(["--type", "NobodyKnowsIt", "--workflow-id", "stands-still"]).output().unwrap();
    assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
    until("the doctor sees it", || async { ill(&roles, |_| {}) == ["workflow tasks"] }).await;
    let (_, findings) = examine(&roles, |_| {});
    let tasks = findings.iter().find(|(part, ..)| part == "workflow tasks").unwrap();
    assert!(
        tasks.2.contains("the workflow stands-still stands still: ") && tasks.2.contains("NobodyKnowsIt"),
        "{tasks:?}"
    );
}

/// The word of the API's own process: what stands still there is seen nowhere else.
#[tokio::test(flavor = "multi_thread")]
async fn it_tells_what_the_processes_say_of_themselves() {
    let roles = Roles::start(Kind::Sqlite).await;
    let settings = roles.place().join("metrics.toml");
    std::fs::write(&settings, "metrics_listen = \"127.0.0.1:0\"\n").unwrap();
    let flags = ["--config", settings.to_str().unwrap()];
    let found = |api: &str, metrics: &str, part: &str| {
        let settings = roles.place().join("doctor.toml");
        let metrics = metrics.trim_start_matches("http://").trim_end_matches("/metrics");
        std::fs::write(&settings, format!("metrics_listen = \"{metrics}\"\n")).unwrap();
        let (success, findings) = examine(&roles, |command| {
            command.env("DAEGEUM_CONFIG", &settings).env("DAEGEUM_PUBLIC_URL", api);
        });
        let (_, is_well, detail) = findings.into_iter().find(|(name, ..)| name == part).unwrap();
        (success, is_well, detail)
    };
    let nobody = "http://127.0.0.1:1";
    let api = roles.shop.api.clone();
    let told = found(&api, nobody, "API process");
    assert!(!told.0 && !told.1 && told.2.contains("No worker serves the task queue."), "{told:?}");
    let (_worker, metrics) = roles.worker_with_metrics(&flags).await;
    until("all is well", || async { found(&api, &metrics, "API process").0 }).await;
    let told = found(&api, &metrics, "worker process");
    assert!(told.0 && told.1 && told.2.contains("says that it can do its work"), "{told:?}");
    let told = found(nobody, &metrics, "API process");
    assert!(!told.0 && !told.1 && told.2.contains("does not answer"), "{told:?}");
    let told = found(&roles.shop.simulator, &metrics, "API process");
    assert!(!told.0 && !told.1 && told.2.contains("not as daegeum does"), "{told:?}");
    let told = found(&api, nobody, "worker process");
    assert!(told.0 && told.2.starts_with("not checked: no worker answers"), "{told:?}");
}

/// Toss's code decides, and not the HTTP status.
#[tokio::test(flavor = "multi_thread")]
async fn it_tells_a_wrong_key_from_a_wrong_address_and_from_a_fault_of_toss() {
    for (status, body, told) in [
        (404, json!({ "code": "NOT_FOUND_PAYMENT", "message": "-" }).to_string(), ""),
        (404, json!({ "code": "NOT_FOUND", "message": "-" }).to_string(), "is not Toss's API"),
        (404, "<html>no such page</html>".to_owned(), "is not Toss's API"),
        (200, "<html>welcome</html>".to_owned(), "is not Toss's API"),
        (401, json!({ "code": "UNAUTHORIZED_KEY", "message": "-" }).to_string(), "UNAUTHORIZED_KEY"),
        (400, json!({ "code": "INVALID_API_KEY", "message": "-" }).to_string(), "INVALID_API_KEY"),
        (
            500,
            json!({ "code": "FAILED_INTERNAL_SYSTEM_PROCESSING", "message": "-" }).to_string(),
            "Toss does not answer well",
        ),
        (500, json!({ "code": "SOMETHING_NEW", "message": "-" }).to_string(), "Toss does not answer well"),
        (502, "<html>bad gateway</html>".to_owned(), "Toss does not answer well"),
        (403, json!({ "code": "SOMETHING_NEW", "message": "-" }).to_string(), "another reason than its key"),
    ] {
        let answer = (axum::http::StatusCode::from_u16(status).unwrap(), body.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = axum::Router::new().fallback(move || std::future::ready(answer.clone()));
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        let mut doctor = daegeum();
        doctor.args(["doctor", "--json"]).env("TOSS_BASE_URL", &url).env("TEMPORAL_ADDRESS", "127.0.0.1:1");
        doctor.env("TOSS_SECRET_KEY", toss_sim::DEFAULT_SECRET_KEY);
        let output = tokio::task::spawn_blocking(move || doctor.output().unwrap()).await.unwrap();
        let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
        let toss = findings.as_array().unwrap().iter().find(|row| row["check"] == "toss").unwrap();
        assert_eq!(toss["ok"], told.is_empty(), "{status} {body}: {toss}");
        assert!(toss["detail"].as_str().unwrap().contains(told), "{status} {body}: {toss}");
        let names_key = toss["mend"].as_str().unwrap_or_default().contains("TOSS_SECRET_KEY");
        assert_eq!(names_key, told == "UNAUTHORIZED_KEY" || told == "INVALID_API_KEY", "{status} {body}: {toss}");
        server.abort();
    }
}

/// Beside a `dev` on ports of its own choice, nothing has to be set.
#[tokio::test(flavor = "multi_thread")]
async fn beside_a_dev_nothing_has_to_be_set() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let run_with = |temporal: Option<&str>, arguments: &[&str]| {
        let mut command = daegeum();
        for name in ["TEMPORAL_ADDRESS", "TOSS_BASE_URL", "TOSS_SECRET_KEY", "TOSS_CLIENT_KEY"] {
            command.env_remove(name);
        }
        command.envs(temporal.map(|address| ("TEMPORAL_ADDRESS", address)));
        let output = command.arg("--data-dir").arg(dev.directory.path()).args(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    };
    let run = |arguments: &[&str]| run_with(None, arguments);
    let ready = format!("{}/readyz", dev.shop.api);
    until("it is ready", || async { dev.shop.http.get(&ready).send().await.unwrap().status() == 200 }).await;
    let (code, told) = run(&["doctor"]);
    assert_eq!((code, told.matches("well  ").count()), (Some(0), 19), "{told}");
    assert!(told.contains("says that it can do its work"), "{told}");
    let (code, told) = run(&["reconcile", "--grace", "0m"]);
    assert_eq!(code, Some(0), "{told}");
    let addresses = dev.directory.path().join("addresses.json");
    let written: Value = serde_json::from_slice(&std::fs::read(&addresses).unwrap()).unwrap();
    let temporal = written["temporal"].as_str().unwrap().replace("127.0.0.1", "localhost");
    let (code, told) = run_with(Some(&temporal), &["doctor"]);
    assert_eq!(code, Some(0), "who sets the address of this very Temporal is beside it too: {told}");
    let Dev { mut process, directory, .. } = dev;
    process.signal(nix::sys::signal::Signal::SIGTERM);
    assert!(process.wait(std::time::Duration::from_secs(10)));
    assert!(!addresses.exists(), "it stands there although nothing runs");
    drop(directory);
}

async fn it_sees_that_a_part_was_restored_from_an_older_backup(database: Kind) {
    let (roles, other) = (Roles::start(database).await, Roles::start(database).await);
    let _workers = (roles.role("worker"), other.role("worker"));
    for shop in [&roles.shop, &other.shop] {
        shop.create("before-the-backup").await;
        let key = shop.authorize("before-the-backup").await;
        assert_eq!(shop.confirm("before-the-backup", &key, "23000").await.0, 200);
        let refunded =
            shop.cancel("before-the-backup", "refund-1", &json!({ "amount": "1000", "reason": "변심" })).await;
        assert_eq!(refunded.status, 200, "{}", refunded.body);
    }
    until("all is well", || async { ill(&roles, |_| {}).is_empty() }).await;

    // A backup that is older than all there is: the database of one with the Temporal of another.
    let (_, findings) = examine(&roles, |command| {
        command.env("TEMPORAL_ADDRESS", &other.temporal);
    });
    let (part, is_well, detail) = findings.last().unwrap();
    assert_eq!((part.as_str(), *is_well), ("database and temporal", false));
    assert!(detail.contains("the database is older than Temporal"), "{detail}");
    for (part, status) in [("before-the-backup", "PARTIALLY_REFUNDED"), ("refund-", "SUCCEEDED")] {
        let line = detail.lines().find(|line| line.starts_with(part)).unwrap_or_default();
        assert!(line.contains(&format!("is {status}, and Temporal has no workflow of it")), "{detail}");
    }
    assert!(
        detail.lines().any(|line| line.starts_with("the workflow refund-") && line.contains("has no row")),
        "{detail}"
    );
}

async fn it_demands_a_workflow_where_something_is_waited_for(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let shop = &roles.shop;
    // Its workflow watches the deposit and knows nothing of the refund.
    let id = "refunded-deposit";
    shop.create(id).await;
    let key = shop.authorize_by(id, "가상계좌").await;
    shop.confirm(id, &key, "23000").await;
    stands_at(shop, id, "WAITING_FOR_DEPOSIT").await;
    shop.simulate("deposit", &json!({ "orderId": id })).await;
    stands_at(shop, id, "SUCCESS").await;
    let account = json!({ "bank": "20", "account_number": "1002123456789", "holder_name": "김토스" });
    let body = json!({ "reason": "변심", "amount": "1000", "refund_account": account });
    assert_eq!(shop.cancel(id, "part", &body).await.status, 200);
    shop.create("left-alone").await;
    until("all is well", || async { ill(&roles, |_| {}).is_empty() }).await;

    for (id, status) in [(id, "PARTIALLY_REFUNDED"), ("left-alone", "NOT_STARTED")] {
        let workflow = shop.get(&format!("/v1/payments/{id}")).await["workflow"]["id"].as_str().unwrap().to_owned();
        let client = roles.temporal().await;
        let workflow = client.get_workflow_handle::<CheckoutWorkflow>(workflow);
        workflow.terminate(WorkflowTerminateOptions::default()).await.unwrap();
        let (_, findings) = examine(&roles, |_| {});
        let (part, is_well, detail) = findings.last().unwrap();
        assert_eq!((part.as_str(), *is_well), ("database and temporal", false));
        let expected = format!("{id} is {status}, and its workflow is over (TERMINATED): nobody carries it on");
        assert!(detail.lines().any(|line| line == expected), "{detail}");
    }
}
