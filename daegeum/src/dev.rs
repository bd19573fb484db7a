//! Everything on one machine: the Temporal dev server, the Toss simulator, the database, a worker and the API.

pub(crate) mod data_dir;
mod temporal_cli;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use service::readiness::{Probes, Readiness};
use store::{DatabaseUrl, Reader, Scopes, Writer};
use temporal::{DEV_NAMESPACE, DevServer, DevServerOptions, Worker, ensure_search_attributes};
use temporalio_client::Client;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    cli::{DevPorts, api_key, encryption, ledger::now, migrate},
    compose::{self, WorkerRules},
    dev::{data_dir::DataDir, temporal_cli::find_cli},
    roles::{housekeeping, sequencing::Sequencing},
    serving::{
        self, Served,
        shutdown::{self, CHILD_STOP_TIME, StopTimes},
    },
    settings::{Settings, Toss},
};

/// The file in the data directory that holds the API key of `dev`.
const KEY_FILE: &str = "api-key";
/// The file in the data directory that says where everything listens.
const ADDRESSES_FILE: &str = "addresses.json";

/// The file in the data directory in which the simulator remembers what it charged.
const SIMULATOR_FILE: &str = "toss-sim.db";

/// How long the parts of the stack may take to be ready before it is said to be up nevertheless.
const READY_TIME: std::time::Duration = std::time::Duration::from_secs(15);

/// Where everything listens. The commands beside a running `dev` read it.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Addresses {
    pub(crate) api: String,
    pub(crate) temporal: String,
    pub(crate) namespace: String,
    pub(crate) temporal_ui: String,
    pub(crate) toss_simulator: String,
    pub(crate) data_dir: PathBuf,
    /// Whether workflow histories are sealed under the encryption keys that are set.
    pub(crate) seals_histories: bool,
}

impl Addresses {
    /// Where a `dev` listens that runs in a data directory, if one does.
    pub(crate) fn of_running(data_dir: &Path) -> anyhow::Result<Option<Self>> {
        let file = data_dir.join(ADDRESSES_FILE);
        // A `dev` that was killed leaves its file behind, and no lock.
        if !file.exists() || !DataDir::is_taken(data_dir)? {
            return Ok(None);
        }
        let text = match std::fs::read(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("could not read {}", file.display())),
        };
        let read = serde_json::from_slice(&text);
        read.map(Some).with_context(|| format!("{} is not what this version writes; start `dev` anew", file.display()))
    }

    /// The simulator, with the keys that it knows.
    pub(crate) fn simulated_toss(&self) -> Toss {
        Toss {
            base_url: self.toss_simulator.clone(),
            script_url: format!("{}/v2/standard", self.toss_simulator),
            client_key: Some(toss_sim::DEFAULT_CLIENT_KEY.to_owned()),
            secret_key: Some(toss_sim::DEFAULT_SECRET_KEY.to_owned().into()),
            set: Vec::new(),
        }
    }

    fn write(&self, data_dir: &Path) -> anyhow::Result<()> {
        let (file, whole) = (data_dir.join(ADDRESSES_FILE), data_dir.join(format!("{ADDRESSES_FILE}.new")));
        write_private(&whole, &serde_json::to_string_pretty(self)?)?;
        std::fs::rename(&whole, &file).with_context(|| format!("could not write {}", file.display()))
    }

    fn remove(data_dir: &Path) {
        // It may never have been written.
        let _ = std::fs::remove_file(data_dir.join(ADDRESSES_FILE));
    }
}

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

/// `dev` pays at its own simulator. A setting that names another Toss stops the start, so that nobody believes that the other Toss was asked.
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

        let settings = Settings {
            toss: addresses.simulated_toss(),
            temporal_ui_url: Some(addresses.temporal_ui.clone()),
            // A shop that is being built runs anywhere.
            return_hosts: settings.return_hosts.clone().or_else(|| Some(vec![service::return_hosts::ReturnHost::Any])),
            door: settings.door.for_dev()?,
            ..settings.clone()
        };
        let counted = compose::worker_metrics(&settings.toss)?;
        let keys = settings.encryption_keys.clone();
        let keys = keys.map_or_else(|| encryption::of_data_dir(&settings.data_dir), Ok)?;
        let rules = WorkerRules {
            release_rule: settings.release_rule.clone(),
            risk: &settings.risk,
            keyring: Some(keys.clone()),
        };
        let worker = compose::worker(&temporal, writer.clone(), counted.clone(), rules)?;
        let public_url = settings.public_url.clone().unwrap_or_else(|| addresses.api.clone());
        let api_settings = compose::api_settings(&settings, public_url, true, settings.encryption_keys.as_ref())?;
        let door = (&settings.door, Some(keys));
        let (watch, sequencing) = (housekeeping::watch(), Sequencing::start(&writer, settings.event_retention));
        let probes = Probes {
            journal: writer.journal(),
            temporal: temporal.clone(),
            watches: vec![writer.bookkeeper(), sequencing.watch(), watch.clone()],
            // Its worker has the keys of its API.
            seals: None,
        };
        let (door_db, readiness) = ((writer.journal(), reader), Readiness::start(probes));
        let tasks = counted.tasks.clone();
        let router =
            compose::router(temporal.clone(), door_db, door, Some(counted), readiness.clone(), api_settings).await?;
        let simulator = toss_sim::Options {
            file: Some(settings.data_dir.join(SIMULATOR_FILE)),
            webhook_urls: vec![format!("{}/v1/webhooks/toss", addresses.api)],
            ..toss_sim::Options::default()
        };
        let stops = Stops { api: stop, ..Stops::default() };
        let (sim_stop, worked) = (stops.rest.clone().cancelled_owned(), stops.rest.clone().cancelled_owned());
        let housekeeping = housekeeping::run(writer, watch, stops.api.clone());
        let watching = tasks.watch(temporal.clone(), stops.api.clone());
        let served = Served {
            router,
            tls: settings.door.tls.clone(),
            limits: settings.door.limits.clone(),
            stop_times: StopTimes { drain: settings.door.drain_or(StopTimes::DEV.drain), ..StopTimes::DEV },
        };
        let (api_stop, stops_worker) = (stops.api.clone(), stops.worker.clone().drop_guard());
        let tasks = vec![
            tokio::spawn(async move {
                toss_sim::serve(sim_listener, simulator, sim_stop).await.context("the Toss simulator stopped")
            }),
            tokio::spawn(async move {
                let _stops_worker = stops_worker;
                serving::serve(api_listener, served, api_stop).await
            }),
            tokio::spawn(async move {
                worked.await;
                sequencing.end().await
            }),
            tokio::spawn(async move {
                housekeeping.await;
                Ok(())
            }),
            tokio::spawn(async move {
                watching.await;
                Ok(())
            }),
        ];
        addresses.write(&settings.data_dir)?;
        Ok(Self { addresses, api_key, temporal, readiness, server, worker, tasks, stops, _data_dir: data_dir })
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
    let wanted = api_key::Wanted {
        name: "daegeum dev",
        scopes: Scopes::ALL,
        seller: None,
        refund_limit: None,
        expires_at: None,
    };
    let (_id, secret) = api_key::create(writer, wanted, pepper).await?;
    write_private(&file, &secret).with_context(|| format!("could not store the API key for {database_url}"))?;
    Ok(secret)
}

fn write_private(file: &std::path::Path, text: &str) -> std::io::Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let mut opened = std::fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(file)?;
    writeln!(opened, "{text}")
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
",
        data = data_dir.display(),
        key = stack.api_key,
    )
}
