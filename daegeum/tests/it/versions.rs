//! Workers of a Worker Deployment: Temporal gives tasks to the build that an operator made current, running checkouts
//! go on with the next one, and it can be rolled back.

use std::process::Command;

use serde_json::Value;

use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Process, temporal_cli, until},
};

on_both_databases!(a_checkout_goes_on_with_the_next_build_and_with_the_one_before);

const DEPLOYMENT: &str = "daegeum";
const AMOUNT: &str = "23000";

/// A worker of a build.
fn worker(roles: &Roles, build: &str) -> Process {
    let mut command = roles.command(&["worker"]);
    command.envs([("TEMPORAL_DEPLOYMENT_NAME", DEPLOYMENT), ("TEMPORAL_WORKER_BUILD_ID", build)]);
    Process::start(&mut command, &roles.log(build))
}

/// Moves tasks to a build, as an operator does.
async fn route(roles: &Roles, command: &str, arguments: &[&str]) {
    // A version is known to the server a moment after its workers poll.
    until(command, || async {
        let mut ask = Command::new(temporal_cli());
        ask.args(["worker", "deployment", command, "--address", &roles.temporal, "--deployment-name", DEPLOYMENT]);
        ask.args(arguments).arg("--yes").output().unwrap().status.success()
    })
    .await;
}

/// What doctor says of the versions: whether all is well, and in words.
fn judged(roles: &Roles) -> (bool, String) {
    let said = roles.command(&["doctor", "--json"]).output().unwrap();
    let said: Value = serde_json::from_slice(&said.stdout).unwrap();
    let row = said.as_array().unwrap().iter().find(|row| row["check"] == "worker versions").unwrap();
    (row["ok"] == true, row["detail"].as_str().unwrap().to_owned())
}

async fn is_judged(roles: &Roles, is_well: bool, words: &[&str]) {
    until(&format!("doctor says {words:?}"), || async {
        let (ok, detail) = judged(roles);
        ok == is_well && words.iter().all(|word| detail.contains(word))
    })
    .await;
}

async fn is_ready(roles: &Roles, status: u16) {
    let address = format!("{}/readyz", roles.shop.api);
    until(&format!("readiness is {status}"), || async {
        roles.shop.http.get(&address).send().await.unwrap().status() == status
    })
    .await;
}

async fn pay(roles: &Roles, checkout: &str, payment_key: &str) {
    let (status, answer) = roles.shop.confirm(checkout, payment_key, AMOUNT).await;
    assert_eq!((status, answer["status"].as_str()), (200, Some("SUCCESS")), "{answer}");
}

async fn a_checkout_goes_on_with_the_next_build_and_with_the_one_before(database: Kind) {
    let roles = Roles::start(database).await;
    let mut half = roles.command(&["worker"]);
    let half = half.env("TEMPORAL_DEPLOYMENT_NAME", DEPLOYMENT).output().unwrap();
    assert!(!half.status.success());
    assert!(String::from_utf8_lossy(&half.stderr).contains("TEMPORAL_WORKER_BUILD_ID is not"), "{half:?}");

    // A build that nobody made current polls, and gets nothing.
    let old = worker(&roles, "one");
    is_judged(&roles, false, &["gets tasks and no worker of it polls", "gets no tasks: daegeum:one"]).await;
    is_ready(&roles, 503).await;
    route(&roles, "set-current-version", &["--build-id", "one"]).await;
    is_judged(&roles, true, &["daegeum:one is current (1 poll)"]).await;
    is_ready(&roles, 200).await;
    for checkout in ["paid-by-one", "begun-by-one", "back-to-one"] {
        roles.shop.create(checkout).await;
    }
    let key = roles.shop.authorize("paid-by-one").await;
    pay(&roles, "paid-by-one", &key).await;

    // The next build takes a share, then all, and goes on with what the first one began.
    let new = worker(&roles, "two");
    route(&roles, "set-ramping-version", &["--build-id", "two", "--percentage", "50"]).await;
    is_judged(&roles, true, &["daegeum:one is current (1 poll)", "daegeum:two gets 50 % of the tasks (1 poll)"]).await;
    route(&roles, "set-current-version", &["--build-id", "two"]).await;
    is_judged(&roles, true, &["daegeum:two is current (1 poll)", "gets no tasks: daegeum:one"]).await;
    drop(old);
    let key = roles.shop.authorize("begun-by-one").await;
    pay(&roles, "begun-by-one", &key).await;
    roles.shop.create("begun-by-two").await;

    // The way back.
    let _old = worker(&roles, "one");
    route(&roles, "set-current-version", &["--build-id", "one"]).await;
    is_judged(&roles, true, &["daegeum:one is current"]).await;
    drop(new);
    for checkout in ["begun-by-two", "back-to-one"] {
        let key = roles.shop.authorize(checkout).await;
        pay(&roles, checkout, &key).await;
    }
    roles.verify_books();
}
