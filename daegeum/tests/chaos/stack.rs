//! The processes, and whoever starts them again: a supervisor as every production has one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use nix::{sys::signal::Signal, unistd::Pid};

use crate::{
    Arguments, Kind,
    cluster::{self, Replicas},
    process::{Environment, Program, free_ports},
    schedule::{Interruption, ScheduledInterruption, Target},
};

/// How often it is looked whether a process has ended by itself, and how soon it is started again.
pub(crate) const SUPERVISION: Duration = Duration::from_millis(300);
/// How long the processes may take to come up.
const START_TIME: Duration = Duration::from_secs(120);
/// How long a buyer may take to pay, in seconds.
pub(crate) const DEADLINE_S: &str = "60";
/// Payouts arrive a minute after they are sent.
const SETTINGS: &str = "[payouts]\ntiming = \"express\"\n";
const SETTINGS_FILE: &str = "daegeum.toml";
/// The namespace of the dev server.
const DEFAULT_NAMESPACE: &str = "default";

/// What happened and when, for whoever has to understand a failure.
#[derive(Clone)]
pub(crate) struct Timeline {
    began: Instant,
    lines: Arc<Mutex<Vec<(Duration, String)>>>,
}

impl Timeline {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), lines: Arc::default() }
    }

    pub(crate) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// The days in Korea on which the run has been.
    pub(crate) fn days(&self) -> BTreeSet<String> {
        let now = chrono::Utc::now() + chrono::TimeDelta::hours(9);
        [now, now - self.now()].map(|at| at.date_naive().to_string()).into()
    }

    pub(crate) fn note(&self, line: String) {
        self.lines.lock().unwrap().push((self.now(), line));
    }

    /// Line by line, in order.
    pub(crate) fn told(&self) -> String {
        let lines = self.lines.lock().unwrap();
        lines.iter().map(|(when, line)| format!("{:>9.3} s  {line}\n", when.as_secs_f64())).collect()
    }
}

struct Supervised {
    program: Program,
    child: Child,
}

/// What the processes of daegeum stand on, and where they are reached.
pub(crate) struct Foundation {
    pub(crate) api: SocketAddr,
    pub(crate) temporal: SocketAddr,
    pub(crate) namespace: &'static str,
    pub(crate) database_url: Option<String>,
    /// Lines at the top of the settings file.
    pub(crate) settings: String,
    /// What is started first.
    pub(crate) servers: Vec<(Target, Program)>,
    /// The roles of daegeum, by their arguments.
    pub(crate) daegeum: Vec<(Target, Vec<String>)>,
    pub(crate) replicas: Option<Arc<Replicas>>,
}

/// Everything that runs.
pub(crate) struct Stack {
    pub(crate) api: String,
    pub(crate) simulator: String,
    pub(crate) temporal: String,
    pub(crate) api_key: String,
    pub(crate) timeline: Timeline,
    directory: PathBuf,
    database_url: Option<String>,
    namespace: &'static str,
    temporal_cli: PathBuf,
    processes: Mutex<BTreeMap<Target, Supervised>>,
    replicas: Option<Arc<Replicas>>,
    beside: Option<PathBuf>,
}

impl Stack {
    /// Starts everything in a directory and waits until it can take work.
    pub(crate) async fn start(arguments: &Arguments, directory: &Path) -> anyhow::Result<Arc<Self>> {
        let temporal_cli: PathBuf = std::env::var_os("TEMPORAL_CLI")
            .unwrap_or_else(|| panic!("TEMPORAL_CLI is not set; run `make chaos`"))
            .into();
        let timeline = Timeline::new();
        let foundation = if arguments.cluster {
            cluster::foundation(directory, &timeline).await?
        } else {
            embedded(arguments, directory, &temporal_cli)
        };
        let [simulator] = free_ports();
        let mut stack = Self {
            api: format!("http://{}", foundation.api),
            simulator: format!("http://{simulator}"),
            temporal: foundation.temporal.to_string(),
            api_key: String::new(),
            timeline,
            directory: directory.to_owned(),
            database_url: foundation.database_url,
            namespace: foundation.namespace,
            temporal_cli,
            processes: Mutex::default(),
            replicas: foundation.replicas,
            beside: arguments.beside.clone(),
        };
        std::fs::write(directory.join(SETTINGS_FILE), format!("{}{SETTINGS}", foundation.settings))?;
        stack.start_all(foundation.servers);
        stack.until_done(&["migrate", "up"]).await;
        if arguments.cluster {
            stack.until_done(&["cluster", "apply"]).await;
        }
        stack.api_key = stack.create_key("ops");
        stack.start_all(stack.daegeum_programs(simulator, foundation.daegeum));
        let stack = Arc::new(stack);
        let supervisor = Arc::clone(&stack);
        tokio::spawn(async move { supervisor.supervise().await });
        if let Some(replicas) = stack.replicas.clone() {
            tokio::spawn(async move { replicas.supervise().await });
        }
        stack.wait_until_ready().await;
        Ok(stack)
    }

    fn daegeum_programs(&self, simulator: SocketAddr, roles: Vec<(Target, Vec<String>)>) -> Vec<(Target, Program)> {
        let (port, file) = (simulator.port().to_string(), self.directory.join("toss.db").display().to_string());
        let webhooks = format!("{}/v1/webhooks/toss", self.api);
        let simulator = ["toss-sim", "--sim-port", &port, "--sim-file", &file, "--webhook-url", &webhooks];
        let simulator = (Target::Simulator, simulator.map(str::to_owned).to_vec());
        let program = |(target, arguments)| {
            let other = self.beside.clone().filter(|_| [Target::SecondWorker, Target::SecondServe].contains(&target));
            let path = other.unwrap_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_daegeum")));
            (target, Program { path, arguments, environment: self.environment() })
        };
        std::iter::once(simulator).chain(roles).map(program).collect()
    }

    fn start_all(&self, programs: Vec<(Target, Program)>) {
        for (target, program) in programs {
            let child = program.spawn(target.name(), &self.directory).unwrap();
            self.processes.lock().unwrap().insert(target, Supervised { program, child });
        }
    }

    /// Repeats a command until it succeeds: the servers are coming up.
    async fn until_done(&self, arguments: &[&str]) {
        let began = Instant::now();
        loop {
            let done = self.daegeum(arguments).output().unwrap();
            if done.status.success() {
                return;
            }
            let told = [done.stdout, done.stderr].concat();
            assert!(began.elapsed() < START_TIME, "{arguments:?}: {}", String::from_utf8_lossy(&told));
            tokio::time::sleep(SUPERVISION).await;
            // A server of Temporal ends when it does not reach its database.
            self.start_again();
        }
    }

    /// A command of the binary under test, on this stack.
    pub(crate) fn daegeum(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_daegeum"));
        command.envs(self.environment()).args(arguments);
        command
    }

    /// A new API key.
    pub(crate) fn create_key(&self, scope: &str) -> String {
        let created = self.daegeum(&["keys", "create", "--scope", scope]).output().unwrap();
        String::from_utf8(created.stdout).unwrap().lines().last().unwrap().to_owned()
    }

    /// Where the data is.
    pub(crate) fn database_url(&self) -> String {
        let file = self.directory.join("daegeum.db");
        self.database_url.clone().unwrap_or_else(|| format!("sqlite://{}", file.display()))
    }

    /// The variables of daegeum's commands.
    pub(crate) fn environment(&self) -> Environment {
        let text = |words: &str| words.to_owned();
        let settings = self.directory.join(SETTINGS_FILE).display().to_string();
        let mut environment = vec![
            ("DAEGEUM_CONFIG", settings),
            ("DAEGEUM_DATA_DIR", self.directory.display().to_string()),
            ("TEMPORAL_ADDRESS", self.temporal.clone()),
            ("TEMPORAL_NAMESPACE", text(self.namespace)),
            ("TOSS_BASE_URL", self.simulator.clone()),
            ("TOSS_SECRET_KEY", text(toss_sim::DEFAULT_SECRET_KEY)),
            ("TOSS_SECURITY_KEY", text(toss_sim::DEFAULT_SECURITY_KEY)),
            ("TOSS_CLIENT_KEY", text(toss_sim::DEFAULT_CLIENT_KEY)),
            ("DAEGEUM_LOG", text("warn")),
        ];
        environment.extend(self.database_url.clone().map(|url| ("DAEGEUM_DATABASE_URL", url)));
        environment
    }

    /// A command of Temporal's own tool, on this stack.
    pub(crate) fn temporal(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.temporal_cli);
        command.args(arguments).args(["--address", &self.temporal, "--namespace", self.namespace]);
        command
    }

    async fn wait_until_ready(&self) {
        let http = reqwest::Client::new();
        let began = Instant::now();
        loop {
            let ready = http.get(format!("{}/readyz", self.api)).send().await;
            if ready.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            assert!(began.elapsed() < START_TIME, "the stack did not come up; see {}", self.directory.display());
            tokio::time::sleep(SUPERVISION).await;
        }
    }

    /// Starts again whatever has ended, for as long as the run lasts.
    async fn supervise(self: Arc<Self>) {
        loop {
            tokio::time::sleep(SUPERVISION).await;
            self.start_again();
        }
    }

    fn start_again(&self) {
        for (target, process) in self.processes.lock().unwrap().iter_mut() {
            if let Some(status) = process.child.try_wait().unwrap() {
                self.timeline.note(format!("{} ended by itself ({status}); started again", target.name()));
                process.child = process.program.spawn(target.name(), &self.directory).unwrap();
            }
        }
    }

    /// Carries out one interruption. Answers when it fell.
    pub(crate) async fn strike(&self, strike: ScheduledInterruption) -> Duration {
        let (name, now) = (strike.target.name(), self.timeline.now());
        match (strike.target, strike.interruption) {
            (Target::Database, Interruption::Kill | Interruption::Freeze(_)) => self.crash_database(name),
            (Target::Primary, _) => return self.fell(name, self.replicas().kill_primary().await),
            (Target::Standby, _) => return self.fell(name, self.replicas().kill_standby().await),
            (target, Interruption::Kill) => {
                self.timeline.note(format!("kill -9 {name}"));
                let mut processes = self.processes.lock().unwrap();
                let process = processes.get_mut(&target).unwrap();
                process.child.kill().unwrap();
                process.child.wait().unwrap();
                process.child = process.program.spawn(name, &self.directory).unwrap();
            }
            (target, Interruption::Freeze(time)) => {
                self.timeline.note(format!("SIGSTOP {name} for {} ms", time.as_millis()));
                let pid = self.signal(target, Signal::SIGSTOP);
                tokio::time::sleep(time).await;
                // Somebody may have killed it meanwhile; then there is nothing to wake.
                let _ = nix::sys::signal::kill(pid, Signal::SIGCONT);
            }
        }
        now
    }

    fn replicas(&self) -> &Replicas {
        self.replicas.as_ref().unwrap()
    }

    /// When an interruption of a database fell, which waits until the one before is over.
    fn fell(&self, name: &str, struck: anyhow::Result<Duration>) -> Duration {
        struck.unwrap_or_else(|error| {
            println!("{name}: {error:#}");
            self.timeline.note(format!("{name}: {error:#}"));
            self.timeline.now()
        })
    }

    fn crash_database(&self, name: &str) {
        self.timeline.note(format!("kill -9 {name}"));
        let crash = Command::new("bash")
            .args(["-c", ". daegeum/tests/postgres.sh && crash_postgres"])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .output()
            .unwrap();
        if !crash.status.success() {
            // It is recovering from the interruption before.
            self.timeline.note(format!("{name}: {}", String::from_utf8_lossy(&crash.stderr).trim()));
        }
    }

    fn signal(&self, target: Target, signal: Signal) -> Pid {
        let pid = self.processes.lock().unwrap()[&target].child.id();
        let pid = Pid::from_raw(i32::try_from(pid).unwrap());
        let _ = nix::sys::signal::kill(pid, signal);
        pid
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.stop_processes();
    }
}

impl Stack {
    /// Kills everything.
    pub(crate) async fn stop(&self) {
        self.stop_processes();
        if let Some(replicas) = &self.replicas {
            replicas.end().await;
        }
    }

    fn stop_processes(&self) {
        for (_, mut process) in std::mem::take(&mut *self.processes.lock().unwrap()) {
            let _ = process.child.kill();
            let _ = process.child.wait();
        }
    }

    /// The id and the name of each process, line by line.
    pub(crate) async fn processes(&self) -> String {
        let mut listed: Vec<_> = {
            let processes = self.processes.lock().unwrap();
            processes.iter().map(|(target, process)| (target.name().to_owned(), process.child.id())).collect()
        };
        if let Some(replicas) = &self.replicas {
            listed.extend(replicas.processes().await);
        }
        listed.iter().fold(String::new(), |mut text, (name, id)| {
            let _ = writeln!(text, "{id:>8}  {name}");
            text
        })
    }
}

/// One API, two workers and the dev server.
fn embedded(arguments: &Arguments, directory: &Path, temporal_cli: &Path) -> Foundation {
    let [api, temporal] = free_ports();
    let (port, file) = (temporal.port().to_string(), directory.join("temporal.db").display().to_string());
    let mut server = vec!["server", "start-dev", "--headless", "--ip", "127.0.0.1", "--log-level", "error"];
    server.extend(["--port", &port, "--db-filename", &file]);
    server.extend(["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"]);
    let listening = ["--listen", &api.to_string(), "--checkout-deadline-s", DEADLINE_S, "api"];
    let worker = vec!["worker".to_owned()];
    Foundation {
        api,
        temporal,
        namespace: DEFAULT_NAMESPACE,
        database_url: arguments.database_url(),
        settings: String::new(),
        servers: vec![(Target::Temporal, Program::new(temporal_cli, &server))],
        daegeum: vec![
            (Target::Api, listening.map(str::to_owned).to_vec()),
            (Target::FirstWorker, worker.clone()),
            (Target::SecondWorker, worker),
        ],
        replicas: None,
    }
}

impl Arguments {
    fn database_url(&self) -> Option<String> {
        match self.database {
            Kind::Sqlite => None,
            Kind::Postgres => Some(std::env::var("CHAOS_POSTGRES_URL").unwrap_or_else(|_| {
                panic!("CHAOS_POSTGRES_URL is not set; run `make chaos`, which starts a PostgreSQL")
            })),
        }
    }
}
