//! A cluster on one machine: Temporal in four roles on PostgreSQL with two standbys, two `daegeum serve`, and HAProxy
//! before all of them.
//!
//! `make cluster` keeps the cluster up for a person; `make chaos ARGS="--cluster"` strikes it. Both use this code, so a
//! person tries what the test kills. The cluster runs on Linux: it needs `setpriv` and `/proc`.

mod balancer;
mod replicas;
mod servers;

use std::{
    convert::Infallible,
    fs::Permissions,
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
pub(crate) use replicas::Replicas;

use crate::{
    process::{Program, free_ports},
    schedule::Target,
    stack::{DEADLINE_S, Foundation, Stack, Timeline},
};

const NAMESPACE: &str = "daegeum";
/// The connections of each pool of a `serve`: two pools in each of two processes.
const DATABASE_CONNECTIONS: &str = "6";
/// By these files `make cluster ARGS=status` and `ARGS=stop` find the processes.
const SUPERVISOR_FILE: &str = "supervisor.pid";
const PROCESSES_FILE: &str = "processes";
const ENVIRONMENT_FILE: &str = "environment";
/// How often the list of processes is written anew.
const LISTED_EACH: Duration = Duration::from_secs(1);

/// A program that the script `daegeum/tests/cluster.sh` found.
fn program(variable: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::var_os(variable).with_context(|| format!("{variable} is not set; run `make cluster`"))?;
    Ok(path.into())
}

/// Says how far the start has come.
fn progress(line: &str) {
    println!("cluster: {line}");
}

/// Starts PostgreSQL and its standbys, makes the schema of Temporal, and says what else has to be started.
pub(crate) async fn foundation(directory: &Path, timeline: &Timeline) -> anyhow::Result<Foundation> {
    let began = Instant::now();
    let [api, temporal, database, first_serve, second_serve, servers @ ..] = free_ports::<24>();
    let (nodes, servers) = servers.split_at(3);
    progress("starting PostgreSQL and two standbys");
    let nodes = [nodes[0], nodes[1], nodes[2]].map(|address| address.port());
    let replicas = Arc::new(Replicas::start(program("POSTGRES_PROGRAMS")?, directory, nodes, timeline).await?);
    progress("making the schema of Temporal");
    let temporal_server = servers::Server {
        program: program("TEMPORAL_SERVER")?,
        frontend: temporal,
        database: database.port(),
        password: replicas.password().to_owned(),
    };
    temporal_server.make_schema(replicas.primary_port().await).await?;
    let roles = servers::roles(servers);
    let balanced = balancer::Balanced {
        api,
        serves: [first_serve, second_serve],
        temporal,
        frontends: servers::frontends(&roles),
        database,
        nodes,
    };
    let configuration = directory.join("haproxy.cfg");
    std::fs::write(&configuration, balancer::configuration(&balanced))?;
    let arguments = ["-db", "-f", &configuration.display().to_string()];
    let mut started = vec![(Target::Balancer, Program::new(program("HAPROXY")?, &arguments))];
    started.extend(temporal_server.programs(&roles));
    progress(&format!("starting Temporal in {} processes, after {:.0} s", roles.len(), began.elapsed().as_secs_f64()));
    let serve = |listen: std::net::SocketAddr| {
        let words = ["--listen", &listen.to_string(), "--checkout-deadline-s", DEADLINE_S, "serve"];
        words.map(str::to_owned).to_vec()
    };
    Ok(Foundation {
        api,
        temporal,
        namespace: NAMESPACE,
        database_url: Some(format!("postgres://daegeum:{}@{database}/daegeum", replicas.password())),
        settings: format!("database_connections = {DATABASE_CONNECTIONS}\ntrusted_proxies = [\"127.0.0.0/8\"]\n"),
        servers: started,
        daegeum: vec![(Target::FirstServe, serve(first_serve)), (Target::SecondServe, serve(second_serve))],
        replicas: Some(replicas),
    })
}

/// Makes the directory of a cluster, empty, into which the user of PostgreSQL can look.
pub(crate) fn make_directory(directory: &Path) -> anyhow::Result<()> {
    if directory.exists() {
        std::fs::remove_dir_all(directory).with_context(|| format!("removing {}", directory.display()))?;
    }
    std::fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
    std::fs::set_permissions(directory, Permissions::from_mode(0o711))?;
    std::fs::write(directory.join(SUPERVISOR_FILE), std::process::id().to_string())?;
    Ok(())
}

/// Says where everything is, and lists the processes for ever.
pub(crate) async fn keep_up(stack: &Stack, directory: &Path) -> anyhow::Result<Infallible> {
    let environment = directory.join(ENVIRONMENT_FILE);
    let mut file = std::fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&environment)?;
    for (name, value) in stack.environment() {
        writeln!(file, "{name}='{value}'")?;
    }
    writeln!(file, "DAEGEUM_PUBLIC_URL='{}'\nDAEGEUM_API_KEY='{}'", stack.api, stack.api_key)?;
    let (api, directory_told) = (&stack.api, directory.display());
    println!("cluster: it is up after {:.0} s", stack.timeline.now().as_secs_f64());
    println!("  API          {api}, two `daegeum serve` behind HAProxy; the key of scope ops is in the environment");
    println!(
        "  Temporal     {}, namespace {NAMESPACE}: 2 frontends, 2 histories, 2 matchings, 1 worker",
        stack.temporal
    );
    println!(
        "  PostgreSQL   three servers, each commit on two of them; the address of the primary is in the environment"
    );
    println!("  Toss         {}, the simulator", stack.simulator);
    println!("  logs         {directory_told}/*.log");
    println!("  environment  set -a; . {}; set +a", environment.display());
    println!(
        "Kill what you like, it comes back: make cluster ARGS=status lists the processes. Ctrl-C ends everything."
    );
    loop {
        std::fs::write(directory.join(PROCESSES_FILE), stack.processes().await)?;
        tokio::time::sleep(LISTED_EACH).await;
    }
}
