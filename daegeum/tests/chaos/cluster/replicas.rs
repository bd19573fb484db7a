//! PostgreSQL with two standbys, one of which confirms each commit, and the supervisor that promotes a standby.

use std::{
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::Child,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, User, geteuid},
};
use rand::Rng as _;
use tokio::{process::Command, sync::Mutex};

use super::balancer::CHECKER;
use crate::{
    process::{Environment, Program},
    stack::{SUPERVISION, Timeline},
};

/// PostgreSQL refuses to run as root.
const SERVER_USER: &str = "postgres";
/// The names by which standbys confirm commits.
const NAMES: [&str; 3] = ["postgres_1", "postgres_2", "postgres_3"];
/// How long a server may take to come up, and how long all three may take to agree.
const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(100);
/// What every server runs with. Processes die here and not the machine: what was handed to the kernel is kept without
/// fsync. A standby that was away finds the log of its time with the new primary.
const SETTINGS: [&str; 10] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=250",
    "shared_buffers=64MB",
    "fsync=off",
    "wal_keep_size=256MB",
    "wal_retrieve_retry_interval=500ms",
    "synchronous_commit=on",
    "synchronous_standby_names=ANY 1 (postgres_1, postgres_2, postgres_3)",
    "log_min_messages=warning",
];

/// A server of PostgreSQL.
struct Node {
    number: usize,
    port: u16,
    child: Option<Child>,
}

struct Nodes {
    nodes: [Node; 3],
    primary: usize,
}

/// The three servers.
pub(crate) struct Replicas {
    programs: PathBuf,
    directory: PathBuf,
    password: String,
    timeline: Timeline,
    nodes: Mutex<Nodes>,
}

impl Replicas {
    /// Makes a primary with the databases and roles of daegeum and Temporal, and two standbys.
    pub(super) async fn start(
        programs: PathBuf,
        directory: &Path,
        ports: [u16; 3],
        timeline: &Timeline,
    ) -> anyhow::Result<Self> {
        let nodes = [0, 1, 2].map(|number| Node { number, port: ports[number], child: None });
        let replicas = Self {
            programs,
            directory: directory.join("postgres"),
            password: hex::encode(rand::rng().random::<[u8; 16]>()),
            timeline: timeline.clone(),
            nodes: Mutex::new(Nodes { nodes, primary: 0 }),
        };
        let mut nodes = replicas.nodes.lock().await;
        replicas.make_primary().await?;
        replicas.run(&mut nodes.nodes[0]).await?;
        let primary = nodes.nodes[0].port;
        replicas.make_databases(primary).await?;
        for number in [1, 2] {
            replicas.copy(number, primary).await?;
            replicas.run(&mut nodes.nodes[number]).await?;
        }
        replicas.until_replicated(primary).await?;
        drop(nodes);
        Ok(replicas)
    }

    pub(crate) fn password(&self) -> &str {
        &self.password
    }

    pub(crate) async fn primary_port(&self) -> u16 {
        let nodes = self.nodes.lock().await;
        nodes.nodes[nodes.primary].port
    }

    async fn make_primary(&self) -> anyhow::Result<()> {
        std::fs::create_dir(&self.directory)?;
        let password_file = self.directory.join("password");
        std::fs::write(&password_file, &self.password)?;
        self.give_away(&self.directory)?;
        self.give_away(&password_file)?;
        let (data, password_file) = (self.data(0), password_file.display().to_string());
        let arguments =
            ["--pgdata", &data, "--username", "postgres", "--auth", "scram-sha-256", "--pwfile", &password_file];
        self.do_as_server("initdb", &[&arguments[..], &["--encoding", "UTF8", "--locale", "C", "--no-sync"]].concat())
            .await?;
        let access = format!(
            "host postgres {CHECKER} 127.0.0.1/32 trust\n\
             host all all 127.0.0.1/32 scram-sha-256\n\
             host replication postgres 127.0.0.1/32 scram-sha-256\n"
        );
        std::fs::write(Path::new(&data).join("pg_hba.conf"), access)?;
        Ok(())
    }

    /// Each database has an owner of its own. All three fail over together, so that daegeum and Temporal stand at the
    /// same moment afterwards.
    async fn make_databases(&self, port: u16) -> anyhow::Result<()> {
        let password = &self.password;
        for statement in [
            format!("create role {CHECKER} login"),
            format!("create role daegeum login password '{password}'"),
            format!("create role temporal login password '{password}'"),
            "create database daegeum owner daegeum".to_owned(),
            "create database temporal owner temporal".to_owned(),
            "create database temporal_visibility owner temporal".to_owned(),
        ] {
            self.sql(port, &statement).await?;
        }
        Ok(())
    }

    /// Copies the primary to a standby that is not running.
    async fn copy(&self, number: usize, primary: u16) -> anyhow::Result<()> {
        let data = self.data(number);
        if Path::new(&data).exists() {
            std::fs::remove_dir_all(&data)?;
        }
        let source = self.connection(primary);
        let copying = ["--dbname", &source, "--pgdata", &data, "--write-recovery-conf", "--wal-method", "stream"];
        self.do_as_server("pg_basebackup", &[&copying[..], &["--checkpoint", "fast", "--no-sync"]].concat()).await
    }

    /// Starts a server and waits until it answers.
    async fn run(&self, node: &mut Node) -> anyhow::Result<()> {
        let (port, name) = (format!("port={}", node.port), format!("cluster_name={}", NAMES[node.number]));
        let mut arguments = vec!["-D".to_owned(), self.data(node.number)];
        for setting in SETTINGS.into_iter().chain([&*port, &*name]) {
            arguments.extend(["-c".to_owned(), setting.to_owned()]);
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (path, arguments) = self.as_server("postgres", &arguments);
        let program = Program { path, arguments, environment: Environment::new() };
        let began = Instant::now();
        let logs = self.directory.parent().unwrap();
        node.child = Some(program.spawn(NAMES[node.number], logs).context("starting PostgreSQL")?);
        while let Err(error) = self.sql(node.port, "select 1").await {
            let ended = node.child.as_mut().and_then(|child| child.try_wait().transpose());
            let log = logs.join(format!("{}.log", NAMES[node.number]));
            ensure!(ended.is_none(), "PostgreSQL ended at its start; see {}", log.display());
            ensure!(began.elapsed() < PATIENCE, "PostgreSQL did not come up: {error:#}; see {}", log.display());
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Waits until both standbys follow the primary.
    async fn until_replicated(&self, primary: u16) -> anyhow::Result<()> {
        let began = Instant::now();
        let following = "select count(*) from pg_stat_replication where state = 'streaming' and sync_state = 'quorum'";
        while self.sql(primary, following).await.ok().as_deref() != Some("2") {
            ensure!(began.elapsed() < PATIENCE, "the standbys do not follow the primary");
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Runs one statement, and waits for no standby: the supervisor acts when there is none, too.
    async fn sql(&self, port: u16, statement: &str) -> anyhow::Result<String> {
        let mut command = Command::new(self.programs.join("psql"));
        command.args(["--no-psqlrc", "--tuples-only", "--no-align", "--dbname", &self.connection(port)]);
        command.args(["--command", statement]).env("PGOPTIONS", "-c synchronous_commit=local");
        answer("psql", command).await
    }

    fn connection(&self, port: u16) -> String {
        let password = &self.password;
        format!("host=127.0.0.1 port={port} user=postgres password={password} connect_timeout=2")
    }

    fn data(&self, number: usize) -> String {
        self.directory.join(NAMES[number]).display().to_string()
    }

    async fn do_as_server(&self, program: &str, arguments: &[&str]) -> anyhow::Result<()> {
        let (path, arguments) = self.as_server(program, arguments);
        let mut command = Command::new(path);
        command.args(arguments).current_dir(&self.directory);
        answer(program, command).await.map(|_| ())
    }

    /// A program of PostgreSQL, as the user that it runs as.
    fn as_server(&self, program: &str, arguments: &[&str]) -> (PathBuf, Vec<String>) {
        let path = self.programs.join(program);
        let arguments = arguments.iter().map(|word| (*word).to_owned());
        if !geteuid().is_root() {
            return (path, arguments.collect());
        }
        let user = format!("--reuid={SERVER_USER}");
        let group = format!("--regid={SERVER_USER}");
        let before = [user, group, "--clear-groups".to_owned(), "--".to_owned(), path.display().to_string()];
        ("setpriv".into(), before.into_iter().chain(arguments).collect())
    }

    fn give_away(&self, path: &Path) -> anyhow::Result<()> {
        if geteuid().is_root() {
            let user = User::from_name(SERVER_USER)?.with_context(|| format!("there is no user {SERVER_USER}"))?;
            chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
        }
        Ok(())
    }
}

/// Interruptions, and what a supervisor does after them.
impl Replicas {
    /// The primary dies with all its processes, as its machine would. A standby is promoted, and the old primary comes
    /// back as a standby. Answers when it died.
    pub(crate) async fn kill_primary(&self) -> anyhow::Result<Duration> {
        let mut nodes = self.nodes.lock().await;
        let primary = nodes.primary;
        // Two machines that die at once are more than two standbys promise to survive.
        self.until_replicated(nodes.nodes[primary].port).await?;
        self.timeline.note(format!("kill -9 {}, the primary", NAMES[primary]));
        let died = self.timeline.now();
        nodes.nodes[primary].end();
        self.fail_over(&mut nodes).await?;
        Ok(died)
    }

    /// A standby dies, and is started again. Answers when it died.
    pub(crate) async fn kill_standby(&self) -> anyhow::Result<Duration> {
        let mut nodes = self.nodes.lock().await;
        self.until_replicated(nodes.nodes[nodes.primary].port).await?;
        let standby = (nodes.primary + 1) % nodes.nodes.len();
        self.timeline.note(format!("kill -9 {}, a standby", NAMES[standby]));
        let died = self.timeline.now();
        nodes.nodes[standby].end();
        self.run(&mut nodes.nodes[standby]).await?;
        Ok(died)
    }

    /// Sees to servers that ended although nobody here killed them, for as long as the run lasts.
    pub(crate) async fn supervise(&self) {
        loop {
            tokio::time::sleep(SUPERVISION).await;
            for (number, name) in NAMES.iter().enumerate() {
                if let Err(error) = self.see_to(number).await {
                    self.timeline.note(format!("{name} does not come back: {error:#}"));
                }
            }
        }
    }

    async fn see_to(&self, number: usize) -> anyhow::Result<()> {
        let mut nodes = self.nodes.lock().await;
        let is_lost = nodes.nodes[number].child.is_none();
        let child = nodes.nodes[number].child.as_mut();
        let ended = child.map(Child::try_wait).transpose()?.flatten();
        if !is_lost && ended.is_none() {
            return Ok(());
        }
        self.timeline.note(format!("{} is gone ({ended:?})", NAMES[number]));
        nodes.nodes[number].end();
        if number == nodes.primary {
            return self.fail_over(&mut nodes).await;
        }
        if is_lost {
            self.copy(number, nodes.nodes[nodes.primary].port).await?;
        }
        self.run(&mut nodes.nodes[number]).await
    }

    /// Promotes the standby that has the most, which with `ANY 1` has all that was ever confirmed. The primary is dead:
    /// two primaries at once would be the end of the books.
    async fn fail_over(&self, nodes: &mut Nodes) -> anyhow::Result<()> {
        let (old, began) = (nodes.primary, Instant::now());
        let mut received = Vec::new();
        for node in nodes.nodes.iter().filter(|node| node.number != old) {
            let received_to = "select greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) - '0/0'::pg_lsn";
            let bytes = self.sql(node.port, received_to).await?.parse::<u64>()?;
            received.push((bytes, node.number));
        }
        let Some((_, promoted)) = received.iter().max().copied() else { bail!("there is no standby") };
        let port = nodes.nodes[promoted].port;
        self.sql(port, "select pg_promote()").await?;
        nodes.primary = promoted;
        let promoted_after = began.elapsed().as_secs_f64();
        let source = self.connection(port);
        for node in nodes.nodes.iter().filter(|node| node.number != old && node.number != promoted) {
            self.sql(node.port, &format!("alter system set primary_conninfo = '{source}'")).await?;
            self.sql(node.port, "select pg_reload_conf()").await?;
        }
        self.copy(old, port).await?;
        self.run(&mut nodes.nodes[old]).await?;
        let line = format!(
            "{} is the primary after {promoted_after:.1} s, and {} is back as a standby after {:.1} s",
            NAMES[promoted],
            NAMES[old],
            began.elapsed().as_secs_f64()
        );
        println!("postgres: {line}");
        self.timeline.note(line);
        Ok(())
    }

    /// The servers' names and process ids.
    pub(crate) async fn processes(&self) -> Vec<(String, u32)> {
        let nodes = self.nodes.lock().await;
        let role = |node: &Node| if node.number == nodes.primary { "primary" } else { "standby" };
        let running = nodes.nodes.iter().filter_map(|node| Some((node, node.child.as_ref()?.id())));
        running.map(|(node, id)| (format!("{} ({})", NAMES[node.number], role(node)), id)).collect()
    }

    /// Ends all servers.
    pub(crate) async fn end(&self) {
        for node in &mut self.nodes.lock().await.nodes {
            node.end();
        }
    }
}

impl Node {
    /// Kills the server and all its processes, which would otherwise go on until they notice.
    fn end(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let children = children_of(child.id());
        let _ = child.kill();
        for process in children {
            let _ = kill(Pid::from_raw(process), Signal::SIGKILL);
        }
        let _ = child.wait();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.end();
    }
}

/// The processes whose parent is this one.
fn children_of(parent: u32) -> Vec<i32> {
    let is_child = |process: &i32| {
        let status = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // The name, which may hold anything, stands in parentheses; its state and its parent follow.
        let after_name = status.rsplit_once(')').map_or("", |(_, rest)| rest);
        after_name.split_whitespace().nth(1).and_then(|id| id.parse().ok()) == Some(parent)
    };
    let processes = std::fs::read_dir("/proc").into_iter().flatten();
    let ids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    ids.filter(is_child).collect()
}

/// What a command printed; an error with what it complained of.
async fn answer(name: &str, mut command: Command) -> anyhow::Result<String> {
    let done = command.output().await.with_context(|| format!("running {name}"))?;
    let complaint = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "{name}: {}", complaint.trim());
    Ok(String::from_utf8_lossy(&done.stdout).trim().to_owned())
}
