//! The processes, and whoever starts them again: a supervisor as every production has one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::OpenOptions,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use nix::{sys::signal::Signal, unistd::Pid};
use rand::Rng;

use crate::{
    Arguments, Kind,
    schedule::{Interruption, ScheduledInterruption, Target},
};

/// How often it is looked whether a process has ended by itself, and how soon it is started again.
const SUPERVISION: Duration = Duration::from_millis(300);
/// How long the processes may take to come up.
const START_TIME: Duration = Duration::from_secs(60);
/// Below the ports from which outgoing connections take theirs: a process must find its port free again.
const PORTS: std::ops::Range<u16> = 20_000..30_000;
/// How long a buyer may take to pay, in seconds.
const DEADLINE_S: &str = "60";

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
    arguments: Vec<String>,
    program: PathBuf,
    child: Child,
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
    temporal_cli: PathBuf,
    processes: Mutex<BTreeMap<Target, Supervised>>,
}

impl Stack {
    /// Starts everything in a directory and waits until it can take work.
    pub(crate) async fn start(arguments: &Arguments, directory: &Path) -> Arc<Self> {
        let temporal_cli =
            std::env::var_os("TEMPORAL_CLI").unwrap_or_else(|| panic!("TEMPORAL_CLI is not set; run `make chaos`"));
        let [api, simulator, temporal] = free_ports();
        let mut stack = Self {
            api: format!("http://{api}"),
            simulator: format!("http://{simulator}"),
            temporal: temporal.to_string(),
            api_key: String::new(),
            timeline: Timeline::new(),
            directory: directory.to_owned(),
            database_url: arguments.database_url(),
            temporal_cli: temporal_cli.into(),
            processes: Mutex::default(),
        };
        let migrated = stack.daegeum(&["migrate", "up"]).output().unwrap();
        assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
        let created = stack.daegeum(&["keys", "create", "--scope", "ops"]).output().unwrap();
        stack.api_key = String::from_utf8(created.stdout).unwrap().lines().last().unwrap().to_owned();
        stack.start_all(api, simulator, temporal);
        let stack = Arc::new(stack);
        let supervisor = Arc::clone(&stack);
        tokio::spawn(async move { supervisor.supervise().await });
        stack.wait_until_ready().await;
        stack
    }

    fn start_all(&self, api: SocketAddr, simulator: SocketAddr, temporal: SocketAddr) {
        let text = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let file = |name: &str| self.directory.join(name).display().to_string();
        let mut server = text(&["server", "start-dev", "--headless", "--ip", "127.0.0.1", "--log-level", "error"]);
        server.extend(text(&["--port", &temporal.port().to_string(), "--db-filename", &file("temporal.db")]));
        server.extend(text(&["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"]));
        let mut psp = text(&["toss-sim", "--sim-port", &simulator.port().to_string(), "--sim-file", &file("toss.db")]);
        psp.extend(text(&["--webhook-url", &format!("{}/v1/webhooks/toss", self.api)]));
        let listening = text(&["--listen", &api.to_string(), "--checkout-deadline-s", DEADLINE_S, "api"]);
        let program = PathBuf::from(env!("CARGO_BIN_EXE_daegeum"));
        let plan = [
            (Target::Temporal, self.temporal_cli.clone(), server),
            (Target::Simulator, program.clone(), psp),
            (Target::Api, program.clone(), listening),
            (Target::FirstWorker, program.clone(), text(&["worker"])),
            (Target::SecondWorker, program, text(&["worker"])),
        ];
        for (target, program, arguments) in plan {
            let child = self.spawn(target, &program, &arguments);
            self.processes.lock().unwrap().insert(target, Supervised { arguments, program, child });
        }
    }

    fn spawn(&self, target: Target, program: &Path, arguments: &[String]) -> Child {
        let log = self.directory.join(format!("{}.log", target.name()));
        let output = OpenOptions::new().create(true).append(true).open(log).unwrap();
        let mut command = Command::new(program);
        if program != self.temporal_cli {
            self.configure(&mut command);
        }
        command.args(arguments).stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        command.spawn().unwrap()
    }

    /// A command of the binary under test, on this stack.
    pub(crate) fn daegeum(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_daegeum"));
        self.configure(&mut command);
        command.args(arguments);
        command
    }

    fn configure(&self, command: &mut Command) {
        command.env("DAEGEUM_DATA_DIR", &self.directory).env("TEMPORAL_ADDRESS", &self.temporal);
        command.env("TOSS_BASE_URL", &self.simulator).env("TOSS_SECRET_KEY", toss_sim::DEFAULT_SECRET_KEY);
        command.env("TOSS_SECURITY_KEY", toss_sim::DEFAULT_SECURITY_KEY);
        command.env("TOSS_CLIENT_KEY", toss_sim::DEFAULT_CLIENT_KEY).env("DAEGEUM_LOG", "warn");
        if let Some(url) = &self.database_url {
            command.env("DAEGEUM_DATABASE_URL", url);
        }
    }

    /// A command of Temporal's own tool, on this stack.
    pub(crate) fn temporal(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.temporal_cli);
        command.args(arguments).args(["--address", &self.temporal]);
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
            for (target, process) in self.processes.lock().unwrap().iter_mut() {
                if let Some(status) = process.child.try_wait().unwrap() {
                    self.timeline.note(format!("{} ended by itself ({status}); started again", target.name()));
                    process.child = self.spawn(*target, &process.program, &process.arguments);
                }
            }
        }
    }

    /// Carries out one interruption.
    pub(crate) async fn strike(&self, strike: ScheduledInterruption) {
        let name = strike.target.name();
        match (strike.target, strike.interruption) {
            (Target::Database, Interruption::Kill | Interruption::Freeze(_)) => {
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
            (target, Interruption::Kill) => {
                self.timeline.note(format!("kill -9 {name}"));
                let mut processes = self.processes.lock().unwrap();
                let process = processes.get_mut(&target).unwrap();
                process.child.kill().unwrap();
                process.child.wait().unwrap();
                process.child = self.spawn(target, &process.program, &process.arguments);
            }
            (target, Interruption::Freeze(time)) => {
                self.timeline.note(format!("SIGSTOP {name} for {} ms", time.as_millis()));
                let pid = self.signal(target, Signal::SIGSTOP);
                tokio::time::sleep(time).await;
                // Somebody may have killed it meanwhile; then there is nothing to wake.
                let _ = nix::sys::signal::kill(pid, Signal::SIGCONT);
            }
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
        self.stop();
    }
}

impl Stack {
    /// Kills everything.
    pub(crate) fn stop(&self) {
        for (_, mut process) in std::mem::take(&mut *self.processes.lock().unwrap()) {
            let _ = process.child.kill();
            let _ = process.child.wait();
        }
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

fn free_ports<const N: usize>() -> [SocketAddr; N] {
    let mut held = Vec::new();
    while held.len() < N {
        let port = rand::rng().random_range(PORTS);
        held.extend(TcpListener::bind((Ipv4Addr::LOCALHOST, port)));
    }
    std::array::from_fn(|index: usize| held[index].local_addr().unwrap())
}
