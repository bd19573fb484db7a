//! Everything on one machine: the Temporal dev server, the Toss simulator, the database, a worker and the API.

mod temporal_cli;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use domain::id::SellerAccount;
use service::{
    console::{SignInLink, SignInLinks},
    readiness::{Probes, Readiness},
};
use store::{DatabaseUrl, Reader, Scopes, Writer};
use temporal::{DEV_NAMESPACE, DevServer, DevServerOptions, Worker, ensure_search_attributes, stop_leftover};
use temporalio_client::Client;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use self::temporal_cli::find_cli;
use crate::{
    cli::{api_key, migrate},
    compose::{self, ApiParts, ApiProcess, WorkerDatabase, WorkerRules},
    private, psp_view,
    roles::{SimulatedMerchants, event_sink::EventSink, sequencing::Sequencing},
    serving::{
        self, Served,
        shutdown::{self, CHILD_STOP_TIME, StopTimes},
    },
    settings::{Addresses, DataDir, Settings, Toss, key_file},
    system,
    values::now,
};

/// The seller whom the second link signs in: the first seller of the examples.
const DEV_SELLER: &str = "seller-a";

/// The ports of `dev`; each may be 0 for a free one.
#[derive(Debug, Args)]
pub(crate) struct DevPorts {
    /// The API and the buyer's page, on 127.0.0.1 [default: the address that --listen names, or 8080]
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// The Temporal server
    #[arg(long, default_value_t = 7233)]
    pub(crate) temporal_port: u16,
    /// The Temporal UI
    #[arg(long, default_value_t = 8233)]
    pub(crate) ui_port: u16,
    /// The Toss simulator
    #[arg(long, default_value_t = 9090)]
    pub(crate) sim_port: u16,
    #[command(flatten)]
    pub(crate) merchants: SimulatedMerchants,
}

/// The file in the data directory that holds the API key of `dev`.
pub(crate) const KEY_FILE: &str = "api-key";

/// The file in the data directory in which the simulator remembers what it charged.
const SIMULATOR_FILE: &str = "toss-sim.db";

/// How long the parts of the stack may take to be ready before it is said to be up nevertheless.
const READY_TIME: std::time::Duration = std::time::Duration::from_secs(15);

/// What stops when.
#[derive(Debug, Clone, Default)]
struct Stops {
    /// The API takes no more requests, and lets those under way finish.
    api: CancellationToken,
    /// The worker, once no request waits for it.
    worker: CancellationToken,
    /// What the worker and the API need.
    rest: CancellationToken,
}

/// The stack, started: everything answers.
pub(crate) struct Stack {
    pub(crate) addresses: Addresses,
    pub(crate) api_key: String,
    public_url: String,
    sign_in_links: SignInLinks,
    pub(crate) temporal: Client,
    readiness: Readiness,
    server: DevServer,
    worker: Worker,
    tasks: Vec<JoinHandle<anyhow::Result<()>>>,
    stops: Stops,
    /// Held for as long as anything runs in it.
    _data_dir: DataDir,
}

/// Runs the stack until a signal comes.
pub(crate) async fn run(settings: &Settings, ports: &DevPorts) -> anyhow::Result<()> {
    refuse_other_toss(settings)?;
    let stop = shutdown::on_signal()?;
    let data_dir = DataDir::take(&settings.data_dir)?;
    eprintln!("Starting Temporal, the Toss simulator, the database, a worker and the API …");
    let started = tokio::select! {
        stack = Stack::start(settings, data_dir, ports, stop.clone()) => stack?,
        () = stop.cancelled() => return Ok(()),
    };
    let greeting = tokio::spawn(greet(welcome(&started), started.readiness.clone()));
    let ran = started.run().await;
    greeting.abort();
    ran?;
    eprintln!("Stopped.");
    Ok(())
}

/// `dev` pays at its own simulator. A setting that names another Toss stops the start, so that nobody believes that the
/// other Toss was asked.
fn refuse_other_toss(settings: &Settings) -> anyhow::Result<()> {
    let set = &settings.toss.set;
    ensure!(
        set.is_empty(),
        "`dev` runs its own Toss simulator and would not use {}; unset it (in the environment, daegeum.toml or the \
         flags), or run `daegeum serve` against that Toss",
        set.join(", ")
    );
    Ok(())
}

impl Stack {
    /// Starts everything in the data directory of the settings; when it returns, everything answers.
    pub(crate) async fn start(
        settings: &Settings,
        data_dir: DataDir,
        ports: &DevPorts,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        let cli = find_cli(settings.temporal_cli.as_deref())?;
        Addresses::remove(&settings.data_dir);
        // It would hold the ports as well.
        stop_leftover(data_dir.path()).await?;
        let (api_listener, sim_listener) = take_ports(settings, ports).await?;
        let database_url = settings.database_to_make()?;
        migrate::up(&database_url).await?;
        let (writer, reader) = compose::open(&database_url).await?;
        let api_key = api_key(settings, &database_url, &writer, &reader).await?;
        let (port, ui_port) = (ports.temporal_port, ports.ui_port);
        // Not sealed unless keys are set, so that the Temporal UI of a try shows everything.
        let sealing = settings.encryption_keys.as_ref();
        let options = DevServerOptions { cli: &cli, data_dir: data_dir.path(), port, ui_port };
        let (server, temporal) = DevServer::start(options, || compose::client_parts(sealing.cloned())).await?;
        let addresses = Addresses {
            api: format!("{}://{}", settings.door.scheme(), api_listener.local_addr()?),
            temporal: format!("127.0.0.1:{}", server.port),
            namespace: DEV_NAMESPACE.to_owned(),
            temporal_ui: format!("http://127.0.0.1:{}", server.ui_port),
            toss_simulator: format!("http://{}", sim_listener.local_addr()?),
            data_dir: settings.data_dir.clone(),
            seals_histories: sealing.is_some(),
        };
        ensure_search_attributes(&temporal).await?;

        let settings = settings_of_stack(settings, &addresses)?;
        let counted = compose::worker_metrics(&settings.toss)?;
        let keys = settings.encryption_keys.clone();
        let keys = keys.map_or_else(|| key_file::of_data_dir(&settings.data_dir), Ok)?;
        let (payouts, holidays) = (settings.payout_rules(), &settings.release_rule.holidays);
        let reconciliation = settings.reconciliation.rules(holidays, payouts.plan.by);
        let rules = WorkerRules {
            release_rule: settings.release_rule.clone(),
            risk: &settings.risk,
            keyring: Some(keys.clone()),
            webhooks: settings.webhooks.rules(),
            payouts,
            reconciliation,
            // Nobody would make a version current on a new server.
            version: None,
        };
        let database = WorkerDatabase { writer: writer.clone(), reader: reader.clone() };
        let worker = compose::worker(&temporal, database.clone(), counted.clone(), rules)?;
        let sink = EventSink::start(&settings, &database, &counted);
        let public_url = settings.public_url.clone().unwrap_or_else(|| addresses.api.clone());
        let sign_in_links = sign_in_links(&public_url)?;
        let process = ApiProcess {
            public_url: public_url.clone(),
            has_worker: true,
            sealing: settings.encryption_keys.as_ref(),
            sign_in_links: Some(sign_in_links.clone()),
        };
        let api_settings = compose::api_settings(&settings, process)?;
        let sequencing = Sequencing::start(&writer, settings.event_retention);
        let probes = Probes {
            journal: writer.journal(),
            polls: crate::roles::polls(&temporal),
            watches: vec![writer.bookkeeper(), sequencing.watch()],
            // Its worker has the keys of its API.
            seals: None,
        };
        let readiness = Readiness::start(probes);
        let watched = counted.clone();
        let router = compose::router(ApiParts {
            temporal: temporal.clone(),
            journal: writer.journal(),
            reader,
            door: &settings.door,
            keyring: Some(keys),
            worker: Some(counted),
            readiness: readiness.clone(),
            psp: psp_view::probe(Some(watched.toss.clone())),
            system: system::probe(&settings.within(&addresses), &temporal, true),
            settings: api_settings,
        })
        .await?;
        let stops = Stops { api: stop, ..Stops::default() };
        let worked = stops.rest.clone().cancelled_owned();
        let watching = watched.watch_temporal(&temporal, &stops.api);
        let tasks = vec![
            spawn_simulator(sim_listener, &settings, &addresses, &ports.merchants, &stops),
            spawn_api(api_listener, &settings, router, &stops),
            tokio::spawn(async move {
                worked.await;
                sequencing.end().await?;
                sink.end().await
            }),
            tokio::spawn(async move {
                watching.await;
                Ok(())
            }),
        ];
        addresses.write(&settings.data_dir)?;
        Ok(Self {
            addresses,
            api_key,
            public_url,
            sign_in_links,
            temporal,
            readiness,
            server,
            worker,
            tasks,
            stops,
            _data_dir: data_dir,
        })
    }

    /// Runs until the stack is told to stop, or a part of it ends; then stops every part.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let Self { mut server, worker, tasks, stops, addresses, .. } = self;
        let watched = {
            let stops = stops.clone();
            async move {
                tokio::select! {
                    () = stops.rest.cancelled() => (server, Ok(())),
                    ended = server.ended() => {
                        stops.api.cancel();
                        let status = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
                        (server, Err(anyhow::anyhow!("the Temporal server ended by itself ({status})")))
                    }
                }
            }
        };
        let working = async {
            let worked = worker.run(stops.worker.clone()).await;
            stops.api.cancel();
            stops.rest.cancel();
            worked
        };
        let (worked, (server, watched)) = tokio::join!(working, watched);
        for task in tasks {
            task.await??;
        }
        Addresses::remove(&addresses.data_dir);
        server.stop(CHILD_STOP_TIME).await?;
        worked?;
        watched
    }
}

/// The simulator, with what the settings say of the payment page.
fn simulated_toss(settings: &Settings, addresses: &Addresses) -> Toss {
    let simulated = addresses.simulated_toss();
    Toss { methods: settings.toss.methods.clone().or(simulated.methods), ..simulated }
}

/// Links to the console: the terminal shows the next link when one was used.
fn sign_in_links(public_url: &str) -> anyhow::Result<SignInLinks> {
    let link = |label: &'static str| {
        let base = public_url.to_owned();
        let link = SignInLink::try_new(move |secret| println!("  {label}{}", sign_in_address(&base, secret)))?;
        anyhow::Ok(Arc::new(link))
    };
    let account = SellerAccount::parse(DEV_SELLER).context("the seller of dev")?;
    Ok(SignInLinks { admin: link("Console          ")?, seller: link("Seller's corner  ")?, account })
}

fn sign_in_address(base: &str, secret: &str) -> String {
    format!("{base}{}?token={secret}", api::SIGN_IN_LINK)
}

/// The settings of a stack that pays at its own simulator.
fn settings_of_stack(settings: &Settings, addresses: &Addresses) -> anyhow::Result<Settings> {
    Ok(Settings {
        toss: simulated_toss(settings, addresses),
        temporal_ui_url: Some(addresses.temporal_ui.clone()),
        // A shop that is being built runs anywhere.
        return_hosts: settings.return_hosts.clone().or_else(|| Some(vec![service::return_hosts::ReturnHost::Any])),
        door: settings.door.for_dev()?,
        webhooks: settings.webhooks.for_dev(),
        reconciliation: settings.reconciliation.for_dev(),
        ..settings.clone()
    })
}

fn spawn_simulator(
    listener: TcpListener,
    settings: &Settings,
    addresses: &Addresses,
    merchants: &SimulatedMerchants,
    stops: &Stops,
) -> JoinHandle<anyhow::Result<()>> {
    let options = toss_sim::Options {
        file: Some(settings.data_dir.join(SIMULATOR_FILE)),
        webhook_urls: vec![format!("{}/v1/webhooks/toss", addresses.api)],
        merchants: merchants.all(),
        contract: merchants.contract(),
        exchanges: merchants.exchanges(),
        ..toss_sim::Options::default()
    };
    let stop = stops.rest.clone().cancelled_owned();
    tokio::spawn(async move { toss_sim::serve(listener, options, stop).await.context("the Toss simulator stopped") })
}

/// Serves the API. The worker stops after the last request, because requests wait for it.
fn spawn_api(
    listener: TcpListener,
    settings: &Settings,
    router: axum::Router,
    stops: &Stops,
) -> JoinHandle<anyhow::Result<()>> {
    let served = Served {
        router,
        tls: settings.door.tls.clone(),
        limits: settings.door.limits.clone(),
        stop_times: StopTimes { drain: settings.door.drain_or(StopTimes::DEV.drain), ..StopTimes::DEV },
    };
    let (stop, stops_worker) = (stops.api.clone(), stops.worker.clone().drop_guard());
    tokio::spawn(async move {
        let _stops_worker = stops_worker;
        serving::serve(listener, served, stop).await
    })
}

/// Takes the ports of the API and of the simulator, and looks whether the Temporal server will find its own.
/// Names all that cannot be had.
async fn take_ports(settings: &Settings, ports: &DevPorts) -> anyhow::Result<(TcpListener, TcpListener)> {
    let on_this_machine = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let wanted = [
        ("--port", ports.port.map_or(settings.listen, on_this_machine)),
        ("--sim-port", on_this_machine(ports.sim_port)),
        ("--temporal-port", on_this_machine(ports.temporal_port)),
        ("--ui-port", on_this_machine(ports.ui_port)),
    ];
    settings.door.check(wanted[0].1)?;
    let (mut taken, mut refused) = (Vec::new(), Vec::new());
    for (flag, address) in wanted {
        match TcpListener::bind(address).await {
            Ok(listener) => taken.push(listener),
            Err(error) => refused.push((flag, format!("\n  {address:<22} {flag:<16} {error}"))),
        }
    }
    let mut taken = taken.into_iter();
    if let (true, Some(api), Some(simulator)) = (refused.is_empty(), taken.next(), taken.next()) {
        return Ok((api, simulator));
    }
    let list: String = refused.iter().map(|(_, line)| line.as_str()).collect();
    let free = refused.iter().map(|(flag, _)| format!("{flag} 0")).collect::<Vec<_>>().join(" ");
    bail!(
        "could not listen on these addresses; is another daegeum running?{list}\n\
         Choose other ports, or 0 for free ones: `make dev ARGS=\"{free}\"`, or the same flags after `daegeum dev`."
    )
}

/// The key of `dev`: the one in the data directory while the database knows it, otherwise a new one.
async fn api_key(
    settings: &Settings,
    database_url: &DatabaseUrl,
    writer: &Writer,
    reader: &Reader,
) -> anyhow::Result<String> {
    let file = settings.data_dir.join(KEY_FILE);
    let pepper = &settings.door.key_pepper;
    let now = now();
    if let Ok(stored) = std::fs::read_to_string(&file)
        && let Ok((id, secret)) = service::api_key::SecretKey::parse(stored.trim())
        && reader.api_key(&id).await?.is_some_and(|key| key.opens_with(secret, pepper, now))
    {
        return Ok(stored.trim().to_owned());
    }
    let wanted = api_key::NewKey {
        name: "daegeum dev",
        scopes: Scopes::ALL,
        seller: None,
        refund_limit: None,
        expires_at: None,
    };
    let (_id, secret) = api_key::create(writer, wanted, pepper).await?;
    private::write(&file, &secret).with_context(|| format!("could not store the API key for {database_url}"))?;
    Ok(secret)
}

/// Says that the stack is up once it can do its work: its worker begins to poll after everything else answers.
async fn greet(welcome: String, readiness: Readiness) {
    if tokio::time::timeout(READY_TIME, readiness.come()).await.is_err() {
        tracing::warn!("not everything is ready after {} s; see /readyz", READY_TIME.as_secs());
    }
    println!("{welcome}");
}

fn welcome(stack: &Stack) -> String {
    let Addresses { api, temporal, temporal_ui, toss_simulator, data_dir, .. } = &stack.addresses;
    format!(
        "daegeum is up. Stop it with Ctrl-C.

  API              {api}
  API reference    {api}/docs
  Console          {console}
  Seller's corner  {corner}
  Temporal UI      {temporal_ui}
  Temporal         {temporal}
  Toss simulator   {toss_simulator}
  Data             {data}
  API key          {key}

Create a checkout, then open its payment_page in a browser and pay:

  curl -s {api}/v1/payments \\
    -H 'Authorization: Bearer {key}' \\
    -H \"Idempotency-Key: $(date +%s%N)\" \\
    -H 'Content-Type: application/json' \\
    -d '{{\"order_name\": \"토스 티셔츠 외 2건\", \"buyer_info\": {{\"id\": \"buyer-1\"}},
         \"payment_orders\": [
           {{\"seller_account\": \"seller-a\", \"amount\": \"15000\", \"currency\": \"KRW\"}},
           {{\"seller_account\": \"seller-b\", \"amount\": \"8000\", \"currency\": \"KRW\"}}]}}'

Hear of every event by webhook: register an endpoint, then receive with the secret that the first command prints last:

  {program} --data-dir {data} webhooks create http://127.0.0.1:3000/
  {program} webhooks listen --port 3000 --secret whsec_…
",
        program = crate::values::program(),
        data = data_dir.display(),
        key = stack.api_key,
        console = sign_in_address(&stack.public_url, &stack.sign_in_links.admin.secret()),
        corner = sign_in_address(&stack.public_url, &stack.sign_in_links.seller.secret()),
    )
}
