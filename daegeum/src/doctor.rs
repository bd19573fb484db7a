//! `daegeum doctor`: is everything there that a payment needs, and how to mend what is not.
//!
//! Each part is looked at by itself: what one lacks hides nothing of the others, except where it cannot be reached
//! without them. Nothing is changed.

mod agreement;
mod dead_letter;
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
use result::{ANSWER_TIME, CheckResult, MOST_NAMED, Part, SERVER_ERROR};
use service::system::Check;
use store::{Database, DatabaseUrl, Reader};
use temporal::{MEND_KEYS, Understood, failing_tasks, namespace, polling, understood};
use temporalio_client::{Client, NamespacedClient as _, grpc::WorkflowService as _, tonic::IntoRequest};
use temporalio_common::protos::temporal::api::{
    enums::v1::TaskQueueType, workflowservice::v1::DescribeNamespaceRequest,
};
use tokio::time::timeout;
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

/// What is looked at, and from where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Examination<'a> {
    pub(crate) settings: &'a Settings,
    /// How long one part may take to answer.
    pub(crate) answer_time: Duration,
    /// Whether the process calls Toss. An API alone needs no secret key of Toss.
    pub(crate) calls_toss: bool,
}

/// What reads the database, and what talks to Temporal, where either answered.
struct Reached<T>(Option<T>, Vec<Check>);

/// Looks at everything and says what it found; the exit code says whether anything is ill.
pub(crate) async fn run(settings: &Settings, output: Output) -> anyhow::Result<ExitCode> {
    let checks = Examination { settings, answer_time: ANSWER_TIME, calls_toss: true }.examine().await;
    tell(&checks, output)?;
    let is_well = checks.iter().all(|check| check.result.is_well());
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Examination<'_> {
    /// Every check. Parts that do not need each other are looked at side by side.
    pub(crate) async fn examine(self) -> Vec<Check> {
        let mut checks = vec![check(Part::Configuration, self.configuration())];
        let (Reached(reader, of_database), Reached(client, of_temporal), of_processes, of_toss) =
            tokio::join!(self.database(), self.temporal(), self.processes(), self.toss());
        for found in [of_database, of_temporal, of_processes, of_toss] {
            checks.extend(found);
        }
        checks.push(check(Part::Holidays, holidays::known_ahead(service::now())));
        let agreed = match (&client, &reader) {
            (Some(client), Some(reader)) => self.within("one of them", agreement(client, reader)).await,
            (None, _) => CheckResult::Unseen(Part::Temporal),
            (_, None) => CheckResult::Unseen(Part::Database),
        };
        checks.push(check(Part::Agreement, agreed));
        checks
    }

    async fn database(self) -> Reached<Reader> {
        let settings = self.settings;
        let (reader, result) =
            timeout(self.answer_time, database(settings)).await.unwrap_or_else(|_| (None, self.late("the database")));
        let mut checks = vec![check(Part::Database, result)];
        let Some(read) = &reader else {
            let parts = [Part::ApiKeys, Part::EventLog, Part::WebhookEndpoints, Part::Payouts, Part::DeadLetters];
            checks.extend(parts.map(|part| check(part, CheckResult::Unseen(Part::Database))));
            #[cfg(feature = "kafka")]
            checks.extend(self.kafka(None).await);
            return Reached(None, checks);
        };
        let late = "the database";
        checks.push(check(Part::ApiKeys, self.within(late, api_keys(settings, read)).await));
        checks.push(check(Part::EventLog, self.within(late, event_log::look(read)).await));
        checks.push(check(Part::WebhookEndpoints, self.within(late, webhook_endpoint::look(read)).await));
        checks.push(check(Part::Payouts, self.within(late, payouts::look(settings, read)).await));
        checks.push(check(Part::DeadLetters, self.within(late, dead_letter::look(read)).await));
        #[cfg(feature = "kafka")]
        checks.extend(self.kafka(Some(read)).await);
        Reached(reader, checks)
    }

    #[cfg(feature = "kafka")]
    async fn kafka(self, reader: Option<&Reader>) -> Option<Check> {
        let kafka = self.settings.kafka.as_ref()?;
        let looked = self.within("Kafka or the database", kafka::look(kafka, reader, self.answer_time / 2)).await;
        Some(check(Part::Kafka, looked))
    }

    async fn temporal(self) -> Reached<Client> {
        let settings = self.settings;
        let (client, result) =
            timeout(self.answer_time, temporal(settings)).await.unwrap_or_else(|_| (None, self.late("Temporal")));
        let mut checks = vec![check(Part::Temporal, result)];
        let Some(asked) = &client else {
            let parts =
                [Part::SearchAttributes, Part::Worker, Part::WorkerVersions, Part::WorkflowTasks, Part::Schedules];
            checks.extend(parts.map(|part| check(part, CheckResult::Unseen(Part::Temporal))));
            return Reached(None, checks);
        };
        let late = "Temporal";
        checks.push(check(Part::SearchAttributes, self.within(late, search_attributes(asked)).await));
        checks.push(check(Part::Worker, self.within(late, worker(settings, asked)).await));
        checks.push(check(Part::WorkerVersions, self.within(late, worker_versions(asked)).await));
        checks.push(check(Part::WorkflowTasks, self.within(late, workflow_tasks(asked)).await));
        checks.push(check(Part::Schedules, self.within(late, schedules::look(asked)).await));
        Reached(client, checks)
    }

    async fn processes(self) -> Vec<Check> {
        let settings = self.settings;
        let mut checks = vec![check(Part::ApiProcess, self.within("the API", processes::api(settings)).await)];
        if let Some(address) = settings.door.metrics_listen.and_then(|address| near("http", address)) {
            let looked = self.within("the worker", processes::worker(&address)).await;
            checks.push(check(Part::WorkerProcess, looked));
        }
        checks
    }

    async fn toss(self) -> Vec<Check> {
        let settings = self.settings;
        let toss = if self.has_no_key() {
            CheckResult::Unasked("this process does not call Toss; run `daegeum doctor` beside a worker".to_owned())
        } else {
            self.within("Toss", toss_takes_our_key(settings)).await
        };
        let is_known = matches!(toss, CheckResult::Well(_));
        let service = match settings.payouts.by {
            PaidBy::Psp if self.has_no_key() => CheckResult::Unasked("this process does not call Toss".to_owned()),
            PaidBy::Psp if !is_known => CheckResult::Unseen(Part::Toss),
            PaidBy::Psp | PaidBy::BankFile => self.within("Toss", payouts::service(settings)).await,
        };
        let clock = timeout(self.answer_time, clock(settings)).await.unwrap_or(CheckResult::Unseen(Part::Toss));
        vec![check(Part::Toss, toss), check(Part::PayoutService, service), check(Part::Clock, clock)]
    }

    /// Whether the secret key of Toss is neither here nor needed here.
    const fn has_no_key(self) -> bool {
        !self.calls_toss && self.settings.toss.secret_key.is_none()
    }

    async fn within(self, who: &str, looking: impl Future<Output = CheckResult>) -> CheckResult {
        timeout(self.answer_time, looking).await.unwrap_or_else(|_| self.late(who))
    }

    fn late(self, who: &str) -> CheckResult {
        CheckResult::ill(
            format!("{who} did not answer for {} s", self.answer_time.as_secs()),
            "see whether it runs and is reachable",
        )
    }

    /// The settings could be read, or we were not here. What has no default is looked at.
    fn configuration(self) -> CheckResult {
        let toss = &self.settings.toss;
        match (&toss.secret_key, &toss.client_key) {
            (None, _) if !self.has_no_key() => {
                CheckResult::ill("no secret key of Toss is set", "set TOSS_SECRET_KEY; for a try, run `daegeum dev`")
            }
            (_, None) => {
                CheckResult::ill("no client key of Toss is set", "set TOSS_CLIENT_KEY, which buyers' browsers see")
            }
            (_, Some(_)) => CheckResult::Well("every setting is known and well formed".to_owned()),
        }
    }
}

const fn check(part: Part, result: CheckResult) -> Check {
    Check { part, result }
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

/// Asks Toss about an order that does not exist, by the key of each contract. Toss says so, by its code, to a key that
/// it knows.
async fn toss_takes_our_key(settings: &Settings) -> CheckResult {
    let client = match compose::toss_client(&settings.toss) {
        Ok(client) => client,
        Err(error) => return CheckResult::ill(format!("{error:#}"), "set TOSS_SECRET_KEY and TOSS_BASE_URL"),
    };
    let nobody = format!("doctor-{}", hex::encode(rand::random::<[u8; 8]>()));
    let base_url = &settings.toss.base_url;
    let mut told = CheckResult::Well(format!("{base_url} takes our key"));
    for contract in client.contracts() {
        if let Err(error) = contract.payment_by_order(&nobody).await {
            told = refusal_of_toss(base_url, error);
        }
        if !matches!(told, CheckResult::Well(_)) {
            break;
        }
    }
    told
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
    let Some(ahead) = ahead_of_toss(&settings.toss.base_url).await else { return CheckResult::Unseen(Part::Toss) };
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

fn tell(checks: &[Check], output: Output) -> anyhow::Result<()> {
    if output.json {
        let rows: Vec<_> = checks
            .iter()
            .map(|Check { part, result }| {
                let (ok, detail, mend) = match result {
                    CheckResult::Well(detail) => (Some(true), detail.clone(), None),
                    CheckResult::Ill { what, mend } => (Some(false), what.clone(), Some(mend)),
                    CheckResult::Unasked(why) => (None, format!("not checked: {why}"), None),
                    CheckResult::Unseen(other) => {
                        (Some(false), format!("could not be looked at without: {}", other.as_str()), None)
                    }
                };
                serde_json::json!({ "check": part.as_str(), "ok": ok, "detail": detail, "mend": mend })
            })
            .collect();
        return print_json(&rows);
    }
    for Check { part, result } in checks {
        let part = part.as_str();
        let indented = |text: &str| text.replace('\n', &format!("\n{:<29}", ""));
        match result {
            CheckResult::Well(detail) => println!("well  {part:<22} {}", indented(detail)),
            CheckResult::Ill { what, mend } => {
                println!("ILL   {part:<22} {}", indented(what));
                println!("{:>28} {}", "→", indented(mend));
            }
            CheckResult::Unasked(why) => println!("-     {part:<22} not checked: {}", indented(why)),
            CheckResult::Unseen(other) => {
                println!("?     {part:<22} could not be looked at without: {}", other.as_str())
            }
        }
    }
    Ok(())
}
