//! Production: API and worker in one process, or each role its own.

pub(crate) mod event_sink;
pub(crate) mod housekeeping;
pub(crate) mod namespace_owner;
pub(crate) mod payout_calendar;
pub(crate) mod sequencing;

use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use service::readiness::{Probes, Readiness, SealProbe, Seals};
use store::{Keyring, Reader, Writer};
use temporal::{MEND_KEYS, Understood, ensure_search_attributes, polling, understood};
use temporalio_client::Client;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    cli::api_key,
    clock,
    compose::{self, ApiParts, ApiProcess, WorkerDatabase, WorkerRules},
    roles::{
        event_sink::EventSink, namespace_owner::NamespaceOwner, payout_calendar::PayoutCalendar, sequencing::Sequencing,
    },
    serving::{
        self, Served,
        shutdown::{self, StopTimes},
    },
    settings::Settings,
};

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
        ApiProcess { public_url: public_url.clone(), has_worker: true, sealing: keys.as_ref(), sign_in_link: None };
    let api_settings = compose::api_settings(settings, process)?;
    let client = compose::connect(settings, keys.clone()).await?;
    ensure_search_attributes(&client).await?;
    let owner = NamespaceOwner::new(&client, &reader);
    owner.claim().await?;
    let owner = tokio::spawn(owner.watch(stop.clone()));
    // Its own worker will have these keys.
    warn_of_deaf_workers(&client, keys.as_deref()).await;
    let watching = tokio::spawn(counted.tasks.clone().watch(client.clone(), stop.clone()));
    let rules = worker_rules(settings, keys.clone());
    let database = WorkerDatabase { writer: writer.clone(), reader: reader.clone() };
    let worker = compose::worker(&client, database.clone(), counted.clone(), rules)?;
    let calendar = payout_calendar(settings, &client, &writer, &reader, &stop);
    let (watch, sequencing) = (housekeeping::watch(), Sequencing::start(&writer, settings.event_retention));
    let sink = EventSink::start(settings, &database, &counted);
    let probes = Probes {
        journal: writer.journal(),
        temporal: client.clone(),
        watches: vec![writer.bookkeeper(), sequencing.watch(), watch.clone()],
        seals: seals(&client, keys.clone()),
    };
    let router = compose::router(ApiParts {
        temporal: client,
        journal: writer.journal(),
        reader,
        door: &settings.door,
        keyring: keys,
        worker: Some(counted),
        readiness: Readiness::start(probes),
        settings: api_settings,
    })
    .await?;
    let housekeeping = tokio::spawn(housekeeping::run(writer, watch, stop.clone()));
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
    housekeeping.await?;
    calendar.await?;
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
        ApiProcess { public_url: public_url.clone(), has_worker: false, sealing: keys.as_ref(), sign_in_link: None };
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
        temporal: client.clone(),
        watches: Vec::new(),
        seals: seals(&client, keys.clone()),
    };
    let router = compose::router(ApiParts {
        temporal: client,
        journal,
        reader,
        door: &settings.door,
        keyring: keys,
        worker: None,
        readiness: Readiness::start(probes),
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
    let watching = tokio::spawn(counted.tasks.clone().watch(client.clone(), stop.clone()));
    println!("daegeum worker: polling the task queue {}", workflows::TASK_QUEUE);
    let calendar = payout_calendar(settings, &client, &writer, &reader, &stop);
    let database = WorkerDatabase { writer: writer.clone(), reader };
    let worker = compose::worker(&client, database.clone(), counted.clone(), worker_rules(settings, keys))?;
    let (watch, sequencing) = (housekeeping::watch(), Sequencing::start(&writer, settings.event_retention));
    let sink = EventSink::start(settings, &database, &counted);
    let probes = Probes {
        journal: writer.journal(),
        temporal: client,
        watches: vec![writer.bookkeeper(), sequencing.watch(), watch.clone()],
        // This worker has its own keys.
        seals: None,
    };
    let readiness = Readiness::start(probes);
    let housekeeping = tokio::spawn(housekeeping::run(writer, watch, stop.clone()));
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
    housekeeping.await?;
    calendar.await?;
    watching.await?;
    sequencing.end().await?;
    sink.end().await?;
    if let Some(metrics) = metrics {
        metrics.await??;
    }
    owner.await??;
    Ok(worked?)
}

/// Freezes the run of each business day, where the settings say so.
fn payout_calendar(
    settings: &Settings,
    client: &Client,
    writer: &Writer,
    reader: &Reader,
    stop: &CancellationToken,
) -> JoinHandle<()> {
    if !settings.payouts.freeze_daily {
        return tokio::spawn(async {});
    }
    let (client, rules) = (client.clone(), settings.payout_rules().plan);
    let calendar = PayoutCalendar { client, writer: writer.clone(), reader: reader.clone(), rules };
    tokio::spawn(Arc::new(calendar).run(stop.clone()))
}

fn worker_rules(settings: &Settings, keyring: Option<Arc<Keyring>>) -> WorkerRules<'_> {
    let (release_rule, webhooks) = (settings.release_rule.clone(), settings.webhooks.rules());
    let reconciliation = settings.reconciliation.rules(&settings.release_rule.holidays);
    let payouts = settings.payout_rules();
    WorkerRules { release_rule, risk: &settings.risk, keyring, webhooks, payouts, reconciliation }
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
