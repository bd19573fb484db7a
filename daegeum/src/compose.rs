//! The composition root: which room gets what.

use std::sync::Arc;

use activities::{
    delivery::{Deliveries, DeliveryClock, DeliveryCounts, DeliveryParts, DeliveryRules},
    paid::PaidTimes,
    payout::PayoutRules,
    psp::to_toss_currency,
    reconciliation::{ReconciliationRules, Reconciliations},
};
use anyhow::{Context as _, ensure};
use axum::http::HeaderMap;
use domain::{Currency, calendar::ReleaseRule};
use migrations::{Migrator, MigratorTrait};
use service::{
    Service,
    console::SignInLinks,
    psp_view::PspProbe,
    readiness::Readiness,
    schedule::{self, Schedule, ScheduleProbe},
    system::SystemProbe,
};
use store::{Database, DatabaseUrl, Journal, Keyring, Reader, Writer};
use temporal::{
    Activities, ClientParts, DeploymentVersion, FailingTasks, ScheduleState, ScheduleWatch, SdkCounts,
    UnreadableSignals, Worker, WorkerParts,
};
use temporalio_client::Client;
use tokio::net::TcpListener;

use crate::{
    serving::shutdown::WORKER_STOP_TIME,
    settings::{Door, KeySet, Risk, Settings, Toss},
    telemetry::{metrics::WorkerMetrics, traces},
    values,
};

/// How long a buyer's browser waits for the outcome of a payment before it is told to ask again.
const CONFIRM_WAIT: std::time::Duration = std::time::Duration::from_secs(10);
/// How long a request to create a checkout waits for it to be recorded.
const RECORD_WAIT: std::time::Duration = std::time::Duration::from_secs(10);

/// Opens the database for writing and for reading. Its schema must be up to date.
pub(crate) async fn open(url: &DatabaseUrl) -> anyhow::Result<(Writer, Reader)> {
    let database = Database::connect(url).await.with_context(|| format!("could not open the database {url}"))?;
    Ok((Writer::new(database), open_reader(url).await?))
}

/// Opens the database for the API: to read, and to write down what comes in. Its schema must be up to date.
pub(crate) async fn open_for_api(url: &DatabaseUrl) -> anyhow::Result<(Journal, Reader)> {
    let database = Database::connect(url).await.with_context(|| format!("could not open the database {url}"))?;
    Ok((Journal::new(database), open_reader(url).await?))
}

/// Opens the database for reading alone: who may only SELECT can. Its schema must be up to date.
pub(crate) async fn open_reader(url: &DatabaseUrl) -> anyhow::Result<Reader> {
    let database =
        Database::connect_read_only(url).await.with_context(|| format!("could not open the database {url}"))?;
    let pending = Migrator::get_pending_migrations_read_only(database.connection()).await?;
    ensure!(pending.is_empty(), "the database {url} lacks {} schema changes; run `daegeum migrate up`", pending.len());
    Ok(Reader::new(database))
}

/// Opens the database for reading alone: for an auditor, who may have no right to write.
pub(crate) async fn open_to_read(url: &DatabaseUrl) -> anyhow::Result<Reader> {
    let reading = Database::connect_read_only(url).await;
    let reading = reading
        .with_context(|| format!("could not open the database {url}; name it with --data-dir or --database-url"))?;
    Ok(Reader::new(reading))
}

/// What a worker goes by besides its workflows.
pub(crate) struct WorkerRules<'a> {
    /// When sellers' earnings become available.
    pub(crate) release_rule: ReleaseRule,
    /// Which payments are not charged at once.
    pub(crate) risk: &'a Risk,
    /// The keys under which cards are named, names on virtual accounts are sealed, and secrets of webhook endpoints.
    pub(crate) keyring: Option<Arc<Keyring>>,
    /// Where events are pushed to, and how often.
    pub(crate) webhooks: DeliveryRules,
    /// The rules of payouts.
    pub(crate) payouts: PayoutRules,
    /// How breaks are judged.
    pub(crate) reconciliation: ReconciliationRules,
    /// The version of the worker's deployment.
    pub(crate) version: Option<DeploymentVersion>,
}

/// Connects to the Temporal of the settings; the connection is traced while traces are on.
pub(crate) async fn connect(settings: &Settings, keys: Option<Arc<Keyring>>) -> anyhow::Result<Client> {
    let parts = ClientParts { api_key: settings.temporal_api_key.clone(), ..client_parts(keys) };
    Ok(temporal::connect(&settings.temporal, parts).await?)
}

/// What a client of Temporal is made of here.
pub(crate) fn client_parts(keys: Option<Arc<Keyring>>) -> ClientParts {
    ClientParts { keys, plugins: traces::plugins(), ..ClientParts::default() }
}

/// The database as a worker uses it.
#[derive(Debug, Clone)]
pub(crate) struct WorkerDatabase {
    pub(crate) writer: Writer,
    pub(crate) reader: Reader,
}

/// A worker that runs every workflow and every activity.
pub(crate) fn worker(
    client: &Client,
    WorkerDatabase { writer, reader }: WorkerDatabase,
    WorkerMetrics { toss, paid, unreadable, sdk, deliveries: counts, .. }: WorkerMetrics,
    WorkerRules { release_rule, risk, keyring, webhooks, payouts, reconciliation, version }: WorkerRules<'_>,
) -> anyhow::Result<Worker> {
    let (rules, hook) = (risk.rules.clone(), risk.hook()?);
    let deliveries = DeliveryParts {
        writer: writer.clone(),
        reader: reader.clone(),
        keyring: keyring.clone(),
        rules: webhooks,
        counts,
        clock: DeliveryClock::default(),
    };
    let (toss_of_sellers, toss_of_receipts, toss_of_cards) = (toss.clone(), toss.clone(), toss.clone());
    let paid_by = payouts.plan.by;
    let reconciliations =
        Reconciliations { writer: writer.clone(), reader: reader.clone(), toss: toss.clone(), rules: reconciliation };
    let activities = Activities {
        checkouts: activities::checkout::Checkouts { writer: writer.clone(), reader },
        ledger: activities::ledger::Ledger { writer: writer.clone(), release_rule, paid },
        refunds: activities::refund::Refunds { writer: writer.clone() },
        payouts: activities::payout::Payouts {
            writer: writer.clone(),
            toss: toss.clone(),
            rules: payouts,
            keyring: keyring.clone(),
        },
        dead_letters: activities::dead_letter::DeadLetters { writer: writer.clone() },
        psp_refunds: activities::psp_refund::PspRefunds { toss: toss.clone() },
        psp: activities::psp::Psp { toss, keyring: keyring.clone() },
        sellers: activities::seller::Sellers {
            writer: writer.clone(),
            toss: toss_of_sellers,
            keyring: keyring.clone(),
            paid_by,
        },
        housekeeping: activities::housekeeping::Housekeeping { writer: writer.clone() },
        cash_receipts: activities::cash_receipt::CashReceipts {
            writer: writer.clone(),
            toss: toss_of_receipts,
            keyring: keyring.clone(),
        },
        saved_cards: activities::saved_card::SavedCards {
            writer: writer.clone(),
            toss: toss_of_cards,
            keyring: keyring.clone(),
        },
        risk: activities::risk::Risk { writer, rules, hook, keyring },
        reconciliations,
        deliveries: Deliveries::try_new(deliveries)?,
    };
    let parts = WorkerParts { activities, unreadable, sdk, stop_time: WORKER_STOP_TIME, version };
    Ok(Worker::try_new(client, parts)?)
}

/// A client of Toss, and what is counted of a worker that uses it.
pub(crate) fn worker_metrics(toss: &Toss) -> anyhow::Result<WorkerMetrics> {
    let (paid, unreadable) = (PaidTimes::default(), UnreadableSignals::default());
    let (tasks, deliveries) = (FailingTasks::default(), DeliveryCounts::default());
    Ok(WorkerMetrics {
        toss: toss_client(toss)?,
        paid,
        unreadable,
        tasks,
        schedules: ScheduleWatch::default(),
        sdk: SdkCounts::default(),
        deliveries,
        #[cfg(feature = "kafka")]
        kafka: crate::kafka::KafkaCounts::default(),
    })
}

/// The client of Toss.
pub(crate) fn toss_client(toss: &Toss) -> anyhow::Result<toss::Client> {
    let secret_key = toss
        .secret_key
        .clone()
        .context("no secret key of Toss is set; set TOSS_SECRET_KEY (for a try without one, run `daegeum dev`)")?;
    let mut config = toss::Config::new(toss.base_url.clone(), secret_key);
    config.currency = to_toss_currency(toss.currency);
    for KeySet { currency, secret_key, .. } in &toss.others {
        let secret_key = secret_key.clone().with_context(|| {
            format!("no secret key of Toss for {currency} is set; set TOSS_{currency}_SECRET_KEY beside the client key")
        })?;
        config.other_keys.push((to_toss_currency(*currency), secret_key));
    }
    config.concurrency_limit = toss.concurrent_calls.unwrap_or(config.concurrency_limit);
    config.security_key.clone_from(&toss.security_key);
    toss::Client::try_new(config).context("the settings of Toss are malformed")
}

/// The client key of each currency in which a checkout can be paid.
fn client_keys(toss: &Toss) -> anyhow::Result<Vec<(Currency, String)>> {
    let first = toss.client_key.clone().context("no client key of Toss is set; set TOSS_CLIENT_KEY")?;
    let others = toss.others.iter().map(|keys| (keys.currency, keys.client_key.clone()));
    Ok(std::iter::once((toss.currency, first)).chain(others).collect())
}

/// The process that the API runs in.
pub(crate) struct ApiProcess<'a> {
    pub(crate) public_url: String,
    /// Whether a worker shares the process. Only then can a workflow start eagerly.
    pub(crate) has_worker: bool,
    /// The keys of the Temporal client, if it encrypts.
    pub(crate) sealing: Option<&'a Arc<Keyring>>,
    /// The sign-in links of the console, in `dev`.
    pub(crate) sign_in_links: Option<SignInLinks>,
}

/// The settings of the API and of the use cases behind it.
pub(crate) struct ApiSettings {
    api: api::Settings,
    use_cases: service::Settings,
    console: api::Console,
}

/// The settings of the API in a process.
pub(crate) fn api_settings(settings: &Settings, process: ApiProcess<'_>) -> anyhow::Result<ApiSettings> {
    let ApiProcess { public_url, has_worker, sealing, sign_in_links } = process;
    let console = settings.console.console(&public_url, sign_in_links)?;
    let use_cases = service::Settings {
        checkout_deadline: settings.checkout_deadline,
        confirm_wait: CONFIRM_WAIT,
        record_wait: RECORD_WAIT,
        eager_start: has_worker,
        histories: sealing.map_or(service::Histories::InTheClear, |_| service::Histories::Sealed),
        refund_rules: settings.refund_rules,
        plan_rules: settings.payout_rules().plan,
        release_rule: settings.release_rule.clone(),
        reports: settings.reconciliation.reports(),
        letters_alone_up_to: settings.letters_alone_up_to,
    };
    let api = api::Settings {
        return_hosts: service::return_hosts::ReturnHosts::new(
            &public_url,
            settings.return_hosts.clone().unwrap_or_default(),
        ),
        buyer_pages: web::buyer::Settings {
            public_url,
            psp_client_keys: client_keys(&settings.toss)?,
            psp_script_url: settings.toss.script_url.clone(),
            methods: settings.toss.offered(),
            kept: settings.door.pages_kept,
            shop: settings.shop.clone(),
        },
        temporal_ui_url: settings.temporal_ui_url.clone(),
        limits: settings.door.limits.clone(),
        metrics_from: settings.door.metrics_from(),
        webhooks: settings.webhooks.permitted(),
    };
    Ok(ApiSettings { api, use_cases, console })
}

/// What the API is made of.
pub(crate) struct ApiParts<'a> {
    pub(crate) temporal: Client,
    pub(crate) journal: Journal,
    pub(crate) reader: Reader,
    pub(crate) door: &'a Door,
    pub(crate) keyring: Option<Arc<Keyring>>,
    /// The metrics of a worker in the same process, which the API shows with its own.
    pub(crate) worker: Option<WorkerMetrics>,
    pub(crate) readiness: Readiness,
    /// Asks Toss for its own view of a payment.
    pub(crate) psp: Arc<PspProbe>,
    /// Looks at everything that a payment needs.
    pub(crate) system: Arc<SystemProbe>,
    pub(crate) settings: ApiSettings,
}

/// The API, ready to be served.
pub(crate) async fn router(parts: ApiParts<'_>) -> anyhow::Result<axum::Router> {
    let ApiParts { temporal, journal, reader, door, keyring, worker, readiness, psp, system, settings } = parts;
    let ApiSettings { api: settings, use_cases, console } = settings;
    ensure!(
        keyring.is_some() || !use_cases.refund_rules.may_wait(),
        "a refund that waits for its approval is kept sealed: set encryption_keys (DAEGEUM_ENCRYPTION_KEYS) beside \
         refund_approval_above and refund_approval_for_accounts"
    );
    let key_pepper = door.key_pepper.clone();
    let confirm_tokens = reader.confirm_tokens(&key_pepper).await.context("could not read the secret of the tokens")?;
    let metrics = api::Metrics::new(worker.map_or_else(|| Arc::new(|_: &mut _| {}) as _, WorkerMetrics::into_more));
    let events = api::EventFeed::new(&journal, reader.clone());
    let schedules = schedules(&temporal);
    let service = Service {
        temporal,
        reader,
        journal,
        keyring,
        confirm_tokens,
        readiness,
        schedules,
        psp,
        system,
        settings: use_cases,
    };
    Ok(api::router(api::Api {
        service,
        events,
        key_pepper,
        metrics,
        settings,
        read_psp_hint,
        read_psp_payout: activities::payout::read_webhook,
        read_psp_seller: activities::seller::read_webhook,
        is_for_buyer,
        console,
    }))
}

/// How the console asks what the schedules do.
fn schedules(client: &Client) -> Arc<ScheduleProbe> {
    let client = client.clone();
    let shown = |state: ScheduleState| Schedule {
        id: state.id,
        is_paused: state.is_paused,
        last: state.last.map(values::instant),
        next: state.next.map(values::instant),
    };
    Arc::new(move || {
        let client = client.clone();
        Box::pin(async move {
            let listed = tokio::time::timeout(schedule::ANSWER_TIME, temporal::list_schedules(&client)).await.ok()?;
            listed.map(|schedules| schedules.into_iter().map(shown).collect())
        })
    })
}

fn read_psp_hint(headers: &HeaderMap, body: &[u8]) -> Option<api::PspHint> {
    let hint = activities::psp::read_webhook(body, |name| headers.get(name)?.to_str().ok())?;
    Some(api::PspHint {
        checkout_id: hint.checkout_id,
        event: Some(hint.event.to_owned()),
        delivery_id: hint.delivery_id,
        sent_at: hint.sent_at,
        retries: hint.retries,
    })
}

/// What only the buyer can change, Toss tells the buyer.
fn is_for_buyer(code: &str) -> bool {
    toss::codes::class(toss::Operation::Confirm, code) == Some(toss::Class::BuyerActs)
}

/// Takes the port of the API, unless it would carry keys in the clear.
pub(crate) async fn listen_for_api(settings: &Settings) -> anyhow::Result<TcpListener> {
    settings.door.check(settings.listen)?;
    listen(settings.listen, "--listen").await
}

/// Takes a port, or says which one is taken and what to do.
pub(crate) async fn listen(address: std::net::SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!(
            "could not listen on {address}; is another daegeum running? choose another port with {flag}, or 0 for a \
             free one"
        )
    })
}
