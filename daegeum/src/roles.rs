//! Production: API and worker in one process, or each role its own.

pub(crate) mod event_sink;
pub(crate) mod namespace_owner;
pub(crate) mod sequencing;

use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use service::readiness::{PollProbe, Probes, Readiness, SealProbe, Seals};
use store::Keyring;
use temporal::{MEND_KEYS, Understood, ensure_search_attributes, polled, polling, understood};
use temporalio_client::Client;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    cli::api_key,
    clock,
    compose::{self, ApiParts, ApiProcess, WorkerDatabase, WorkerRules},
    psp_view,
    roles::{event_sink::EventSink, namespace_owner::NamespaceOwner, sequencing::Sequencing},
    serving::{
        self, Served,
        shutdown::{self, StopTimes},
    },
    settings::Settings,
    system, values,
};

/// The longest time from sale to settlement that a simulator plays, in business days.
const MAX_SETTLEMENT_DAYS: i64 = 90;

/// The merchants that a simulator knows, and what they have agreed with it.
#[derive(Debug, Default, Args)]
pub(crate) struct SimulatedMerchants {
    /// A merchant that the simulator knows besides its own, with the keys test_ck_NAME, test_sk_NAME, test_gck_NAME and
    /// test_gsk_NAME; may be given several times [default: none]
    #[arg(long = "sim-merchant", value_name = "NAME", value_parser = values::simulated_merchant)]
    added: Vec<toss_sim::Merchant>,
    /// How many business days after a sale the simulator pays the sale out, as Toss does by contract; with 0 on the day
    /// of the sale [default: 2]
    #[arg(
        long = "sim-settlement-days",
        value_name = "DAYS",
        value_parser = clap::value_parser!(u32).range(..=MAX_SETTLEMENT_DAYS)
    )]
    settlement_days: Option<u32>,
    /// A currency whose sales the simulator settles in won, with the rate, such as USD=1391.5; may be given several
    /// times [default: none]
    #[arg(long = "sim-settled-in-won", value_name = "CURRENCY=RATE", value_parser = values::simulated_exchange)]
    exchanges: Vec<toss_sim::Exchange>,
}

impl SimulatedMerchants {
    /// The simulator's own merchant first, with a contract in each currency.
    pub(crate) fn all(&self) -> Vec<toss_sim::Merchant> {
        toss_sim::Merchant::defaults().into_iter().chain(self.added.iter().cloned()).collect()
    }

    pub(crate) fn exchanges(&self) -> Vec<toss_sim::Exchange> {
        self.exchanges.clone()
    }

    pub(crate) fn contract(&self) -> toss_sim::Contract {
        let agreed = toss_sim::Contract::default();
        toss_sim::Contract { payout_days: self.settlement_days.unwrap_or(agreed.payout_days), ..agreed }
    }
}

/// Options of the simulator.
#[derive(Debug, Args)]
pub(crate) struct SimulatorOptions {
    /// Its port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 9090)]
    pub(crate) sim_port: u16,
    /// A URL that receives webhooks; may be given several times [default: none]
    #[arg(long, value_name = "URL")]
    pub(crate) webhook_url: Vec<String>,
    /// The share of webhooks that the simulator withholds, of ten thousand
    #[arg(long, value_name = "SHARE", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=10_000))]
    pub(crate) withheld_webhooks_bps: u16,
    /// The SQLite file that keeps the simulator's state [default: none, the state ends with the process]
    #[arg(long, value_name = "PATH")]
    pub(crate) sim_file: Option<std::path::PathBuf>,
    #[command(flatten)]
    pub(crate) merchants: SimulatedMerchants,
}

/// API and worker in one process: small production.
pub(crate) async fn serve(settings: &Settings) -> anyhow::Result<()> {
    let stop = shutdown::on_signal()?;
    let counted = compose::worker_metrics(&settings.toss)?;
    let database = settings.database()?;
    let (writer, reader) = compose::open(&database).await?;
    clock::check(&database, &settings.toss.base_url, &writer).await?;
    api_key::check_pepper(&reader, &settings.door.key_pepper).await?;
    api_key::warn_of_old_scopes(&reader).await?;
    let listener = compose::listen_for_api(settings).await?;
    let public_url = public_url(settings, &listener)?;
    let keys = keyring(settings)?;
    let process =
        ApiProcess { public_url: public_url.clone(), has_worker: true, sealing: keys.as_ref(), sign_in_links: None };
    let api_settings = compose::api_settings(settings, process)?;
    let client = compose::connect(settings, keys.clone()).await?;
    ensure_search_attributes(&client).await?;
    let owner = NamespaceOwner::new(&client, &reader);
    owner.claim().await?;
    let owner = tokio::spawn(owner.watch(stop.clone()));
    // Its own worker will have these keys.
    warn_of_deaf_workers(&client, keys.as_deref()).await;
    let watching = tokio::spawn(counted.watch_temporal(&client, &stop));
    let rules = worker_rules(settings, keys.clone());
    let database = WorkerDatabase { writer: writer.clone(), reader: reader.clone() };
    let worker = compose::worker(&client, database.clone(), counted.clone(), rules)?;
    let sequencing = Sequencing::start(&writer, settings.event_retention);
    let sink = EventSink::start(settings, &database, &counted);
    let probes = Probes {
        journal: writer.journal(),
        polls: polls(&client),
        watches: vec![writer.bookkeeper(), sequencing.watch()],
        seals: seals(&client, keys.clone()),
    };
    let (psp, system) = (psp_view::probe(Some(counted.toss.clone())), system::probe(settings, &client, true));
    let router = compose::router(ApiParts {
        temporal: client,
        journal: writer.journal(),
        reader,
        door: &settings.door,
        keyring: keys,
        worker: Some(counted),
        readiness: Readiness::start(probes),
        psp,
        system,
        settings: api_settings,
    })
    .await?;
    println!("daegeum serve: API at {public_url}");
    // Requests under way need the worker.
    let worker_stop = CancellationToken::new();
    let serving = {
        let (served, stop, stops_worker) = (served(settings, router), stop.clone(), worker_stop.clone().drop_guard());
        tokio::spawn(async move {
            let _stops_worker = stops_worker;
            serving::serve(listener, served, stop).await
        })
    };
    let worked = worker.run(worker_stop).await;
    stop.cancel();
    watching.await?;
    serving.await??;
    sequencing.end().await?;
    sink.end().await?;
    owner.await??;
    Ok(worked?)
}

/// The API alone.
pub(crate) async fn api(settings: &Settings) -> anyhow::Result<()> {
    let stop = shutdown::on_signal()?;
    let (journal, reader) = compose::open_for_api(&settings.database()?).await?;
    api_key::check_pepper(&reader, &settings.door.key_pepper).await?;
    api_key::warn_of_old_scopes(&reader).await?;
    let listener = compose::listen_for_api(settings).await?;
    let public_url = public_url(settings, &listener)?;
    let keys = keyring(settings)?;
    let process =
        ApiProcess { public_url: public_url.clone(), has_worker: false, sealing: keys.as_ref(), sign_in_links: None };
    let api_settings = compose::api_settings(settings, process)?;
    let client = compose::connect(settings, keys.clone()).await?;
    ensure_search_attributes(&client).await?;
    let owner = NamespaceOwner::new(&client, &reader);
    owner.check().await?;
    let owner = tokio::spawn(owner.watch(stop.clone()));
    refuse_deaf_workers(&client, keys.as_deref()).await?;
    println!("daegeum api: {public_url}");
    let probes = Probes {
        journal: journal.clone(),
        polls: polls(&client),
        watches: Vec::new(),
        seals: seals(&client, keys.clone()),
    };
    // An API alone asks Toss nothing of its own, and may have no key.
    let toss = settings.toss.secret_key.is_some().then(|| compose::toss_client(&settings.toss)).transpose()?;
    let (psp, system) = (psp_view::probe(toss), system::probe(settings, &client, false));
    let router = compose::router(ApiParts {
        temporal: client,
        journal,
        reader,
        door: &settings.door,
        keyring: keys,
        worker: None,
        readiness: Readiness::start(probes),
        psp,
        system,
        settings: api_settings,
    })
    .await?;
    serving::serve(listener, served(settings, router), stop).await?;
    owner.await?
}

/// A worker alone.
pub(crate) async fn worker(settings: &Settings) -> anyhow::Result<()> {
    let stop = shutdown::on_signal()?;
    let counted = compose::worker_metrics(&settings.toss)?;
    let database = settings.database()?;
    let (writer, reader) = compose::open(&database).await?;
    clock::check(&database, &settings.toss.base_url, &writer).await?;
    let metrics_listener = listen_for_metrics(settings).await?;
    let metrics_from = settings.door.metrics_from_here()?;
    let keys = keyring(settings)?;
    let client = compose::connect(settings, keys.clone()).await?;
    ensure_search_attributes(&client).await?;
    let owner = NamespaceOwner::new(&client, &reader);
    owner.claim().await?;
    let owner = tokio::spawn(owner.watch(stop.clone()));
    let watching = tokio::spawn(counted.watch_temporal(&client, &stop));
    println!("daegeum worker: polling the task queue {}", workflows::TASK_QUEUE);
    let database = WorkerDatabase { writer: writer.clone(), reader };
    let worker = compose::worker(&client, database.clone(), counted.clone(), worker_rules(settings, keys))?;
    let sequencing = Sequencing::start(&writer, settings.event_retention);
    let sink = EventSink::start(settings, &database, &counted);
    let probes = Probes {
        journal: writer.journal(),
        polls: polls(&client),
        watches: vec![writer.bookkeeper(), sequencing.watch()],
        // This worker has its own keys.
        seals: None,
    };
    let readiness = Readiness::start(probes);
    let metrics = metrics_listener.map(|listener| {
        let served = Served {
            router: api::metrics_router(metrics_from, counted.into_more(), readiness),
            tls: None,
            limits: settings.door.limits.clone(),
            stop_times: StopTimes::METRICS,
        };
        tokio::spawn(serving::serve(listener, served, stop.clone()))
    });
    let worked = worker.run(stop).await;
    watching.await?;
    sequencing.end().await?;
    sink.end().await?;
    if let Some(metrics) = metrics {
        metrics.await??;
    }
    owner.await??;
    Ok(worked?)
}

fn worker_rules(settings: &Settings, keyring: Option<Arc<Keyring>>) -> WorkerRules<'_> {
    let (release_rule, webhooks) = (settings.release_rule.clone(), settings.webhooks.rules());
    let reconciliation =
        settings.reconciliation.rules(&settings.release_rule.holidays, settings.payout_rules().plan.by);
    let payouts = settings.payout_rules();
    let version = settings.worker_version.clone();
    WorkerRules { release_rule, risk: &settings.risk, keyring, webhooks, payouts, reconciliation, version }
}

/// The API as a role serves it.
fn served(settings: &Settings, router: axum::Router) -> Served {
    let door = &settings.door;
    let drain = door.drain_or(StopTimes::ROLE.drain);
    let stop_times = StopTimes { drain, ..StopTimes::ROLE };
    Served { router, tls: door.tls.clone(), limits: door.limits.clone(), stop_times }
}

/// Refuses to seal what no worker that polls can open: every checkout would stand still.
async fn refuse_deaf_workers(client: &Client, keys: Option<&Keyring>) -> anyhow::Result<()> {
    match understood(&polling(client).await?, keys) {
        Understood::ByNone(told) => anyhow::bail!("{told}; {MEND_KEYS}"),
        Understood::BySome(told) => tracing::error!("{told}; {MEND_KEYS}"),
        Understood::ByAll | Understood::NobodyPolls => {}
    }
    Ok(())
}

/// How readiness asks how many workers get tasks.
pub(crate) fn polls(client: &Client) -> Arc<PollProbe> {
    let client = client.clone();
    Arc::new(move || {
        let client = client.clone();
        Box::pin(async move { polled(&client).await.ok() })
    })
}

/// How readiness asks whether the workers open what this process seals.
fn seals(client: &Client, keys: Option<Arc<Keyring>>) -> Option<Arc<SealProbe>> {
    let (client, keys) = (client.clone(), keys?);
    Some(Arc::new(move || {
        let (client, keys) = (client.clone(), keys.clone());
        Box::pin(async move {
            match understood(&polling(&client).await.ok()?, Some(&keys)) {
                Understood::ByAll | Understood::NobodyPolls => Some(Seals::OpenedByAll),
                Understood::BySome(told) => Some(Seals::OpenedBySome(told)),
                Understood::ByNone(told) => Some(Seals::OpenedByNone(told)),
            }
        })
    }))
}

async fn warn_of_deaf_workers(client: &Client, keys: Option<&Keyring>) {
    match polling(client).await.map_err(anyhow::Error::from).map(|pollers| understood(&pollers, keys)) {
        Ok(Understood::ByNone(told) | Understood::BySome(told)) => tracing::error!("{told}; {MEND_KEYS}"),
        Ok(Understood::ByAll | Understood::NobodyPolls) => {}
        Err(error) => tracing::warn!("{error:#}"),
    }
}

/// Where a worker alone tells its metrics, if it does.
async fn listen_for_metrics(settings: &Settings) -> anyhow::Result<Option<TcpListener>> {
    let Some(address) = settings.door.metrics_listen else { return Ok(None) };
    let listener = TcpListener::bind(address).await;
    let listener = listener.with_context(|| format!("could not listen on {address}; set metrics_listen"))?;
    println!("daegeum worker metrics: http://{}/metrics", listener.local_addr()?);
    Ok(Some(listener))
}

/// The Toss simulator alone.
pub(crate) async fn toss_sim(options: &SimulatorOptions) -> anyhow::Result<()> {
    let stop = shutdown::on_signal()?;
    let listener = compose::listen((std::net::Ipv4Addr::LOCALHOST, options.sim_port).into(), "--sim-port").await?;
    println!("daegeum toss-sim: http://{}", listener.local_addr()?);
    let simulator = toss_sim::Options {
        webhook_urls: options.webhook_url.clone(),
        withheld_webhooks_bps: options.withheld_webhooks_bps,
        file: options.sim_file.clone(),
        merchants: options.merchants.all(),
        contract: options.merchants.contract(),
        exchanges: options.merchants.exchanges(),
        ..toss_sim::Options::default()
    };
    toss_sim::serve(listener, simulator, stop.cancelled_owned()).await.context("the simulator stopped")
}

/// The encryption keys; who runs without is told what that means.
fn keyring(settings: &Settings) -> anyhow::Result<Option<Arc<Keyring>>> {
    let keys = settings.keyring()?;
    if keys.is_none() {
        tracing::warn!(
            "no encryption keys are set: no personal details of buyers are kept, and workflow histories are not \
             sealed; `daegeum encryption generate` makes a key for DAEGEUM_ENCRYPTION_KEYS"
        );
    }
    Ok(keys)
}

fn public_url(settings: &Settings, listener: &TcpListener) -> anyhow::Result<String> {
    match &settings.public_url {
        Some(url) => Ok(url.clone()),
        None => Ok(format!("{}://{}", settings.door.scheme(), listener.local_addr()?)),
    }
}
