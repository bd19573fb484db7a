//! A worker that dies between the verdict of a run and the end of its workflow: the next run is told, and not that one.

use std::{fs::File, process::Stdio};

use sea_orm_migration::sea_orm::ConnectionTrait;
use serde_json::Value;
use store::{Database, DatabaseUrl};
use temporalio_client::WorkflowStartOptions;
use workflows::{
    TASK_QUEUE,
    reconciliation::{ReconciliationInput, ReconciliationWorkflow},
};

use super::{reconcile, today};
use crate::{database::Kind, on_both_databases, roles::Roles, stack::until};

on_both_databases!(a_run_that_had_its_verdict_before_is_not_told_as_the_result);

/// Begins the workflow of today. Answers its run. No worker takes it up.
async fn begun(roles: &Roles) -> String {
    let input = ReconciliationInput { day: today(), as_of: None, grace_ms: None, silence_ms: None };
    let options = WorkflowStartOptions::new(TASK_QUEUE, format!("reconciliation.{}", today())).build();
    let started = roles.temporal().await.start_workflow(ReconciliationWorkflow::run, input, options).await.unwrap();
    started.info().run_id.clone().unwrap()
}

async fn a_run_that_had_its_verdict_before_is_not_told_as_the_result(database: Kind) {
    let roles = Roles::start(database).await;
    let worker = roles.role("worker");
    let (code, first) = reconcile(&roles, &[]);
    assert_eq!((code, &first["number"]), (Some(0), &1.into()), "{first}");
    // The verdict comes before the end of the workflow.
    let workflow_id = format!("reconciliation.{}", today());
    let has_closed = || {
        let described = roles.ask_temporal("describe", &workflow_id);
        described["workflowExecutionInfo"]["status"] == "WORKFLOW_EXECUTION_STATUS_COMPLETED"
    };
    until("the first run has closed", || async { has_closed() }).await;
    drop(worker);

    // What a worker leaves that is killed behind the verdict: the row has the verdict, and the workflow is open.
    let run_id = begun(&roles).await;
    let url: DatabaseUrl = roles.database_url().parse().unwrap();
    let with_verdict = format!(
        "INSERT INTO reconciliations (run_id, day, number, as_of, status, progress, summary, started_at, ended_at) \
         SELECT '{run_id}', day, 2, as_of, status, progress, summary, started_at, ended_at FROM reconciliations"
    );
    Database::connect(&url).await.unwrap().connection().execute_unprepared(&with_verdict).await.unwrap();

    let told = roles.log("following");
    let mut command = roles.command(&["reconcile", "--day", &today(), "--json"]);
    let following = command.stdout(Stdio::piped()).stderr(File::create(&told).unwrap()).spawn().unwrap();
    let waits = || std::fs::read_to_string(&told).unwrap().contains("has not closed yet");
    until("the command waits for the end of the run before", || async { waits() }).await;
    let _worker = roles.role("worker");
    let output = tokio::task::spawn_blocking(|| following.wait_with_output().unwrap()).await.unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["number"], &report["verdict"]), (&3.into(), &"CLEAN".into()), "{report}");
    assert_ne!(report["run_id"], run_id.as_str(), "{report}");
}
