//! `daegeum doctor`: is everything there that a payment needs, and how to mend what is not.
//!
//! Each part is looked at by itself: what one lacks hides nothing of the others, except where it cannot be reached
//! without them. Nothing is changed.

mod agreement;
mod event_log;
mod holidays;
#[cfg(feature = "kafka")]
mod kafka;
mod payouts;
mod processes;
mod result;
mod schedules;
mod versions;
mod webhook_endpoint;

use std::{process::ExitCode, time::Duration};

use anyhow::Context as _;
use domain::payout::PaidBy;
use migrations::{Migrator, MigratorTrait};
use result::{ANSWER_TIME, CheckResult, SERVER_ERROR};
use store::{Database, DatabaseUrl, Reader};
use temporal::{MEND_KEYS, Understood, failing_tasks, namespace, polling, understood};
use temporalio_client::{Client, NamespacedClient as _, grpc::WorkflowService as _, tonic::IntoRequest};
use temporalio_common::protos::temporal::api::{
    enums::v1::TaskQueueType, workflowservice::v1::DescribeNamespaceRequest,
};
use workflows::attributes;

use crate::{
    cli::{
        api_key,
        output::{Output, print_json},
    },
    clock::ahead_of_toss,
    compose,
    settings::{Settings, near},
};

/// How far our clock may be from Toss's. Toss takes sealed requests of the last five minutes alone, and the times of
/// entries are ours.
const MOST_SKEW: Duration = Duration::from_secs(5);
/// Toss's code for a payment that it does not know: it has taken the key.
const UNKNOWN_PAYMENT: &str = "NOT_FOUND_PAYMENT";
/// Toss's codes for a key that it does not take.
const WRONG_KEY: [&str; 4] =
    ["INCORRECT_BASIC_AUTH_FORMAT", "INVALID_API_KEY", "NOT_FOUND_MERCHANT", "UNAUTHORIZED_KEY"];
/// Toss's code for an address that it does not serve.
const NO_SUCH_ADDRESS: &str = "NOT_FOUND";
/// How many workflows that stand still are named.
const MOST_NAMED: usize = 10;

/// The result of one check.
struct Finding {
    part: &'static str,
    result: CheckResult,
}

/// Looks at everything and says what it found; the exit code says whether anything is ill.
pub(crate) async fn run(settings: &Settings, output: Output) -> anyhow::Result<ExitCode> {
    let mut findings = Vec::new();
    let mut find = |part, result| findings.push(Finding { part, result });
    find("configuration", configuration(settings));
    let (reader, result) = within(database(settings)).await.unwrap_or_else(|| (None, late("the database")));
    find("database", result);
    let keys = match &reader {
        Some(reader) => within(api_keys(settings, reader)).await.unwrap_or_else(|| late("the database")),
        None => CheckResult::Unseen("database"),
    };
    find("API keys", keys);
    let log = match &reader {
        Some(reader) => within(event_log::look(reader)).await.unwrap_or_else(|| late("the database")),
        None => CheckResult::Unseen("database"),
    };
    find("event log", log);
    let hooks = match &reader {
        Some(reader) => within(webhook_endpoint::look(reader)).await.unwrap_or_else(|| late("the database")),
        None => CheckResult::Unseen("database"),
    };
    find("webhook endpoints", hooks);
    let waiting = match &reader {
        Some(reader) => within(payouts::look(settings, reader)).await.unwrap_or_else(|| late("the database")),
        None => CheckResult::Unseen("database"),
    };
    find("payouts", waiting);
    #[cfg(feature = "kafka")]
    if let Some(kafka) = &settings.kafka {
        let looked = within(kafka::look(kafka, reader.as_ref())).await;
        find("kafka", looked.unwrap_or_else(|| late("Kafka or the database")));
    }
    let (client, result) = within(temporal(settings)).await.unwrap_or_else(|| (None, late("Temporal")));
    find("temporal", result);
    match &client {
        Some(client) => {
            find("search attributes", within(search_attributes(client)).await.unwrap_or_else(|| late("Temporal")));
            find("worker", within(worker(settings, client)).await.unwrap_or_else(|| late("Temporal")));
            find("worker versions", within(worker_versions(client)).await.unwrap_or_else(|| late("Temporal")));
            find("workflow tasks", within(workflow_tasks(client)).await.unwrap_or_else(|| late("Temporal")));
            find("schedules", within(schedules::look(client)).await.unwrap_or_else(|| late("Temporal")));
        }
        None => {
            find("search attributes", CheckResult::Unseen("temporal"));
            find("worker", CheckResult::Unseen("temporal"));
            find("worker versions", CheckResult::Unseen("temporal"));
            find("workflow tasks", CheckResult::Unseen("temporal"));
            find("schedules", CheckResult::Unseen("temporal"));
        }
    }
    find("API process", within(processes::api(settings)).await.unwrap_or_else(|| late("the API")));
    if let Some(address) = settings.door.metrics_listen.and_then(|address| near("http", address)) {
        let looked = within(processes::worker(&address)).await;
        find("worker process", looked.unwrap_or_else(|| late("the worker")));
    }
    let toss = within(toss_takes_our_key(settings)).await.unwrap_or_else(|| late("Toss"));
    let is_known = matches!(toss, CheckResult::Well(_));
    find("toss", toss);
    let service = match settings.payouts.by {
        PaidBy::Psp if !is_known => CheckResult::Unseen("toss"),
        PaidBy::Psp | PaidBy::BankFile => within(payouts::service(settings)).await.unwrap_or_else(|| late("Toss")),
    };
    find("payout service", service);
    find("clock", within(clock(settings)).await.unwrap_or(CheckResult::Unseen("toss")));
    find("holidays", holidays::known_ahead(service::now()));
    let agreed = match (&client, &reader) {
        (Some(client), Some(reader)) => within(agreement(client, reader)).await.unwrap_or_else(|| late("one of them")),
        (None, _) => CheckResult::Unseen("temporal"),
        (_, None) => CheckResult::Unseen("database"),
    };
    find("database and temporal", agreed);
    tell(&findings, output)?;
    let is_well =
        findings.iter().all(|finding| matches!(finding.result, CheckResult::Well(_) | CheckResult::Unasked(_)));
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn within<T>(looking: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(ANSWER_TIME, looking).await.ok()
}

fn late(who: &str) -> CheckResult {
    CheckResult::ill(
        format!("{who} did not answer for {} s", ANSWER_TIME.as_secs()),
        "see whether it runs and is reachable",
    )
}

/// The settings could be read, or we were not here. What has no default is looked at.
fn configuration(settings: &Settings) -> CheckResult {
    let toss = &settings.toss;
    match (&toss.secret_key, &toss.client_key) {
        (Some(_), Some(_)) => CheckResult::Well("every setting is known and well formed".to_owned()),
        (None, _) => {
            CheckResult::ill("no secret key of Toss is set", "set TOSS_SECRET_KEY; for a try, run `daegeum dev`")
        }
        (_, None) => {
            CheckResult::ill("no client key of Toss is set", "set TOSS_CLIENT_KEY, which buyers' browsers see")
        }
    }
}

async fn database(settings: &Settings) -> (Option<Reader>, CheckResult) {
    match try_database(settings).await {
        Ok((_, url, pending)) if pending > 0 => {
            let what = format!("the database {url} lacks {pending} schema changes");
            (None, CheckResult::ill(what, "run `daegeum migrate up`"))
        }
        Ok((reader, url, _)) => (Some(reader), CheckResult::Well(format!("{url}, and its schema is up to date"))),
        Err(error) => {
            let mend = "name it with --data-dir or --database-url, see that it runs, and run `daegeum migrate up`";
            (None, CheckResult::ill(format!("{error:#}"), mend))
        }
    }
}

async fn try_database(settings: &Settings) -> anyhow::Result<(Reader, DatabaseUrl, usize)> {
    let url = settings.database()?;
    let opening = Database::connect_read_only(&url).await;
    let database = opening.with_context(|| format!("could not open the database {url}"))?;
    let pending = Migrator::get_pending_migrations_read_only(database.connection()).await?.len();
    Ok((Reader::new(database), url, pending))
}

/// Whether those who have keys get in.
async fn api_keys(settings: &Settings, reader: &Reader) -> CheckResult {
    let pepper = &settings.door.key_pepper;
    match reader.peppered(pepper).await {
        Ok(peppered) if peppered.good == 0 => {
            CheckResult::Well("there is none yet; `daegeum keys create` makes one".to_owned())
        }
        Ok(peppered) => match api_key::shut_out(&peppered, pepper) {
            None => CheckResult::Well(format!(
                "{} were made under the key_pepper that is set, or all without one",
                peppered.good
            )),
            Some(told) => CheckResult::ill(told, api_key::MEND_PEPPER),
        },
        Err(error) => CheckResult::ill(error.to_string(), "see whether the database is well"),
    }
}

async fn temporal(settings: &Settings) -> (Option<Client>, CheckResult) {
    let keys = match settings.temporal_keyring() {
        Ok(keys) => keys,
        Err(error) => return (None, CheckResult::ill(format!("{error:#}"), "set DAEGEUM_ENCRYPTION_KEYS")),
    };
    let client = match compose::connect(settings, keys).await {
        Ok(client) => client,
        Err(error) => {
            let mend = "set TEMPORAL_ADDRESS, and TEMPORAL_API_KEY or TEMPORAL_TLS_… where it wants them";
            return (None, CheckResult::ill(format!("{error:#}"), mend));
        }
    };
    let namespace = client.namespace();
    let request = DescribeNamespaceRequest { namespace: namespace.clone(), ..Default::default() };
    match client.clone().describe_namespace(request.into_request()).await {
        Ok(_) => (Some(client), CheckResult::Well(format!("it answers, and knows the namespace {namespace}"))),
        Err(error) => {
            let mend = "set TEMPORAL_NAMESPACE, or run `daegeum cluster apply`, which makes the namespace";
            (None, CheckResult::ill(format!("the namespace {namespace}: {}", error.message()), mend))
        }
    }
}

async fn search_attributes(client: &Client) -> CheckResult {
    let missing = match namespace::look_at(client).await.map_err(anyhow::Error::from) {
        Ok(found) => found.map(|found| found.missing).unwrap_or_default(),
        Err(error) => {
            return CheckResult::ill(format!("{error:#}"), "let the key describe the namespace");
        }
    };
    if missing.is_empty() {
        return CheckResult::Well(format!("all {} are registered", attributes::ALL.len()));
    }
    let names: Vec<_> = missing.iter().map(|attribute| attribute.name).collect();
    let commands = namespace::commands(&client.namespace(), &missing);
    CheckResult::ill(
        format!("{} are missing", names.join(", ")),
        format!("run `daegeum cluster apply`, or as an administrator\n{commands}"),
    )
}

async fn worker(settings: &Settings, client: &Client) -> CheckResult {
    let pollers = match polling(client).await.map_err(anyhow::Error::from) {
        Ok(pollers) => pollers,
        Err(error) => return CheckResult::ill(format!("{error:#}"), "let the key describe task queues"),
    };
    if pollers.is_empty() {
        return CheckResult::ill("no worker polls, so no checkout goes on", "run `daegeum worker` or `daegeum serve`");
    }
    let keys = match settings.temporal_keyring() {
        Ok(keys) => keys,
        Err(error) => return CheckResult::ill(format!("{error:#}"), "set DAEGEUM_ENCRYPTION_KEYS"),
    };
    match understood(&pollers, keys.as_deref()) {
        Understood::ByAll | Understood::NobodyPolls => {
            CheckResult::Well(format!("{} poll the task queue {}", pollers.len(), workflows::TASK_QUEUE))
        }
        Understood::BySome(told) | Understood::ByNone(told) => CheckResult::ill(told, MEND_KEYS),
    }
}

/// Whether the versions that get tasks have workers.
async fn worker_versions(client: &Client) -> CheckResult {
    match temporal::task_queue(client, TaskQueueType::Workflow).await.map_err(anyhow::Error::from) {
        Ok(polling) => versions::judge(&polling),
        Err(error) => CheckResult::ill(format!("{error:#}"), "let the key describe task queues"),
    }
}

/// A workflow whose task fails stands still, whatever its row says.
async fn workflow_tasks(client: &Client) -> CheckResult {
    match failing_tasks(client).await.map_err(anyhow::Error::from) {
        Ok(failing) if failing.is_empty() => {
            CheckResult::Well("no workflow stands still because its task fails".to_owned())
        }
        Ok(mut failing) => {
            let unnamed = failing.len().saturating_sub(MOST_NAMED);
            failing.truncate(MOST_NAMED);
            if unnamed > 0 {
                failing.push(format!("and {unnamed} more"));
            }
            CheckResult::ill(
                failing.join("\n"),
                "mend what the reason names: every worker needs the same version and the same encryption keys, those \
                 of the sender among them; the workflow goes on by itself then",
            )
        }
        Err(error) => CheckResult::ill(format!("{error:#}"), "let the key list and describe workflows"),
    }
}

/// Asks Toss about an order that does not exist. Toss says so, by its code, to a key that it knows.
async fn toss_takes_our_key(settings: &Settings) -> CheckResult {
    let client = match compose::toss_client(&settings.toss) {
        Ok(client) => client,
        Err(error) => return CheckResult::ill(format!("{error:#}"), "set TOSS_SECRET_KEY and TOSS_BASE_URL"),
    };
    let nobody = format!("doctor-{}", hex::encode(rand::random::<[u8; 8]>()));
    let base_url = &settings.toss.base_url;
    match client.payment_by_order(&nobody).await {
        Ok(_) => CheckResult::Well(format!("{base_url} takes our key")),
        Err(error) => refusal_of_toss(base_url, error),
    }
}

/// What an error of Toss says of our key, by Toss's code and never by the HTTP status alone.
fn refusal_of_toss(base_url: &str, error: toss::Error) -> CheckResult {
    let key = "set TOSS_SECRET_KEY to the secret key of your contract at this address";
    let later = "ask again in a minute; if it stays, ask Toss (its status page, its support)";
    let place = "set TOSS_BASE_URL to the address of Toss's API, https://api.tosspayments.com";
    let class = error.class();
    match &error {
        toss::Error::Refused { code, .. } if code == UNKNOWN_PAYMENT => {
            CheckResult::Well(format!("{base_url} takes our key"))
        }
        toss::Error::Refused { code, .. } if WRONG_KEY.contains(&code.as_str()) => {
            CheckResult::ill(error.to_string(), key)
        }
        toss::Error::Refused { code, .. } if code == NO_SUCH_ADDRESS => {
            CheckResult::ill(format!("{base_url} answers, and is not Toss's API: {error}"), place)
        }
        toss::Error::Refused { status, .. } if *status >= SERVER_ERROR || class == toss::Class::RetryLater => {
            CheckResult::ill(format!("Toss does not answer well: {error}"), later)
        }
        toss::Error::Refused { .. } => CheckResult::ill(
            format!("Toss refused for another reason than its key: {error}"),
            "see what Toss's documentation says of this code, and that TOSS_BASE_URL is the address of Toss's API",
        ),
        toss::Error::Unreadable { status, .. } if *status >= SERVER_ERROR => {
            CheckResult::ill(format!("Toss does not answer well: {:#}", anyhow::Error::from(error)), later)
        }
        toss::Error::Unreadable { .. } => CheckResult::ill(
            format!("{base_url} answers, and is not Toss's API: {:#}", anyhow::Error::from(error)),
            place,
        ),
        toss::Error::NotSent { .. } | toss::Error::NoAnswer { .. } | toss::Error::Limit(_) => {
            let error = anyhow::Error::from(error);
            CheckResult::ill(format!("{error:#}"), "see that TOSS_BASE_URL can be reached from here")
        }
    }
}

/// Compares our clock with the one in Toss's answers, to the second.
async fn clock(settings: &Settings) -> CheckResult {
    let Some(ahead) = ahead_of_toss(&settings.toss.base_url).await else { return CheckResult::Unseen("toss") };
    let skew = Duration::from_millis(ahead.num_milliseconds().unsigned_abs());
    if skew <= MOST_SKEW {
        return CheckResult::Well(format!("within {} s of Toss's", MOST_SKEW.as_secs()));
    }
    CheckResult::ill(format!("our clock is {} s away from Toss's", skew.as_secs()), "set it by NTP, on every machine")
}

async fn agreement(client: &Client, reader: &Reader) -> CheckResult {
    match agreement::look(client, reader).await {
        Ok(agreement::Looked { compared, apart }) if apart.is_empty() => {
            CheckResult::Well(format!("{compared} recent checkouts and refunds stand alike in both"))
        }
        Ok(agreement::Looked { apart, .. }) => CheckResult::ill(
            apart.join("\n"),
            "a workflow was ended by hand, or Temporal was lost: `daegeum recover` lists and `daegeum recover --yes` \
             restarts what has no workflow. If one of them was restored from an older backup or is another one's, stop \
             workers and API first, see docs/explanation/reliability.md, Restoring",
        ),
        Err(error) => CheckResult::ill(format!("{error:#}"), "see that both answer"),
    }
}

fn tell(findings: &[Finding], output: Output) -> anyhow::Result<()> {
    if output.json {
        let rows: Vec<_> = findings
            .iter()
            .map(|finding| {
                let (ok, detail, mend) = match &finding.result {
                    CheckResult::Well(detail) => (Some(true), detail.clone(), None),
                    CheckResult::Ill { what, mend } => (Some(false), what.clone(), Some(mend)),
                    CheckResult::Unasked(why) => (None, format!("not checked: {why}"), None),
                    CheckResult::Unseen(part) => (Some(false), format!("could not be looked at without: {part}"), None),
                };
                serde_json::json!({ "check": finding.part, "ok": ok, "detail": detail, "mend": mend })
            })
            .collect();
        return print_json(&rows);
    }
    for Finding { part, result } in findings {
        let indented = |text: &str| text.replace('\n', &format!("\n{:<29}", ""));
        match result {
            CheckResult::Well(detail) => println!("well  {part:<22} {}", indented(detail)),
            CheckResult::Ill { what, mend } => {
                println!("ILL   {part:<22} {}", indented(what));
                println!("{:>28} {}", "→", indented(mend));
            }
            CheckResult::Unasked(why) => println!("-     {part:<22} not checked: {}", indented(why)),
            CheckResult::Unseen(other) => println!("?     {part:<22} could not be looked at without: {other}"),
        }
    }
    Ok(())
}
