//! What `daegeum doctor` finds, and that it finds nothing where all is well.

use std::process::Command;

use serde_json::{Value, json};
use temporalio_client::WorkflowTerminateOptions;
use workflows::checkout::CheckoutWorkflow;

use crate::{database::Kind, on_both_databases, roles::Roles, stack::until, virtual_accounts::stands_at};

on_both_databases!(
    it_says_what_is_missing,
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
        let is_well = row["ok"].as_bool().unwrap();
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
    assert_eq!(ill(&roles, |_| {}), ["worker"]);
    let _worker = roles.role("worker");
    until("all is well", || async { ill(&roles, |_| {}).is_empty() }).await;
    let readable = roles.command(&["doctor"]).output().unwrap();
    assert!(readable.status.success());
    let lines = String::from_utf8(readable.stdout).unwrap();
    assert_eq!(lines.lines().filter(|line| line.starts_with("well  ")).count(), 9, "{lines}");

    let stranger = ill(&roles, |command| {
        command.env("TOSS_SECRET_KEY", "test_sk_of_another");
    });
    assert_eq!(stranger, ["toss"]);
    let unreachable = ill(&roles, |command| {
        command.env("TOSS_BASE_URL", "http://127.0.0.1:1");
    });
    assert_eq!(unreachable, ["toss", "clock"]);
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
    assert_eq!(nowhere, ["temporal", "search attributes", "worker", "database and temporal"]);

    assert!(roles.command(&["migrate", "down"]).output().unwrap().status.success());
    assert_eq!(ill(&roles, |_| {}), ["database", "API keys", "database and temporal"]);
    assert!(roles.command(&["migrate", "up"]).output().unwrap().status.success());
    roles.stop_temporal();
    assert_eq!(ill(&roles, |_| {}), ["temporal", "search attributes", "worker", "database and temporal"]);
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
