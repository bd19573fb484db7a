//! A process that is connected to another database than its namespace does not work.

use std::time::Duration;

use serde_json::Value;

use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Process, until},
};

on_both_databases!(a_process_with_another_database_than_its_namespace_does_not_work);

/// Within so long a role that may not work has ended.
const ENDS_WITHIN: Duration = Duration::from_secs(30);

async fn a_process_with_another_database_than_its_namespace_does_not_work(database: Kind) {
    let roles = Roles::start(database).await;
    let mut worker = roles.role("worker");
    let status = |roles: &Roles, arguments: &[&str]| {
        let said = roles.command(&[&["cluster"], arguments, &["--json"]].concat()).output().unwrap();
        let said: Value = serde_json::from_slice(&said.stdout).unwrap();
        let parts = said["parts"].as_array().unwrap().clone();
        parts.into_iter().find(|part| part["part"] == "database").unwrap()
    };
    until("the worker says which database the namespace belongs to", || async {
        status(&roles, &["status"])["detail"].as_str().unwrap().contains("belongs to the database")
    })
    .await;
    roles.shop.create("right-1").await;

    // Another database, for roles of the same namespace.
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("other.db");
    let other_database = match database {
        Kind::Sqlite => vec!["--database-url".to_owned(), format!("sqlite://{}", file.display())],
        Kind::Postgres => database.flags().await,
    };
    let other = |arguments: &[&str]| {
        let mut all: Vec<&str> = other_database.iter().map(String::as_str).collect();
        all.extend(["--listen", "127.0.0.1:0"]);
        all.extend(arguments);
        roles.command(&all)
    };
    assert!(other(&["migrate", "up"]).output().unwrap().status.success());
    for role in ["worker", "api", "serve"] {
        let log = directory.path().join(format!("{role}.log"));
        let mut process = Process::start(&mut other(&[role]), &log);
        assert!(!tokio::task::block_in_place(|| process.wait(ENDS_WITHIN)), "{role} works");
        let told = std::fs::read_to_string(&log).unwrap();
        assert!(told.contains("belongs to the database") && told.contains("--adopt-database"), "{role}: {told}");
    }
    roles.shop.create("right-2").await;

    // The namespace changes hands: those who served it stop by themselves.
    let adopted = other(&["cluster", "apply", "--adopt-database"]).output().unwrap();
    assert!(adopted.status.success(), "{adopted:?}");
    assert!(!tokio::task::block_in_place(|| worker.wait(ENDS_WITHIN)), "the worker ended well");
    let told = std::fs::read_to_string(roles.log("worker")).unwrap();
    assert!(told.contains("stopped: "), "{told}");
    let log = directory.path().join("worker-again.log");
    let mut worker = Process::start(&mut other(&["worker"]), &log);
    worker.says("daegeum worker: polling").await.unwrap();
}
