//! A Temporal server on this machine, as a child process with its state in a file.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use nix::{sys::signal::Signal, unistd::Pid};
use temporalio_client::Client;
use tokio::process::{Child, Command};
use workflows::attributes;

use crate::{ClientParts, DevServerError, connect_to};

/// How often the server is started again when a port is taken.
///
/// It takes seven: those of its API, its UI, its HTTP API and its metrics, and one for each of three services that
/// talk among themselves, which no option names. It picks a free one and takes it a moment later, and so do we;
/// in between, another process can come first.
const START_ATTEMPTS: usize = 5;
/// The server's message when a port is taken.
const PORT_TAKEN: &str = "address already in use";
/// How many of its last lines are quoted when it ends at its start.
const QUOTED_LINES: usize = 5;
/// How long the server may take to answer.
const START_TIME: Duration = Duration::from_secs(60);
/// The pause between two readiness checks.
const START_POLL: Duration = Duration::from_millis(100);
/// How long another server on the same file may take to go away.
const LEFTOVER_STOP_TIME: Duration = Duration::from_secs(5);

/// The file in the data directory that holds the server's state.
const DATABASE_FILE: &str = "temporal.db";
/// The file in the data directory that says which process the server is.
const PID_FILE: &str = "temporal.pid";
/// The server's state is a file in WAL mode: it survives kill -9, and a power cut may lose the last moments.
const SQLITE_PRAGMAS: [&str; 2] = ["journal_mode=WAL", "synchronous=NORMAL"];
/// A dev server polls its own queues with long pauses and its settings often: these shorten each step of a
/// workflow from about 50 to about 15 ms.
const DYNAMIC_CONFIG: [&str; 5] = [
    "history.transferProcessorMaxPollRPS=2000",
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
    "system.forceSearchAttributesCacheRefreshOnRead=false",
    "system.forceNexusEndpointRefreshOnRead=false",
];

/// Where a dev server listens and keeps its state. Port 0 is a free one.
#[derive(Debug, Clone, Copy)]
pub struct DevServerOptions<'a> {
    /// The program of the Temporal command line.
    pub cli: &'a Path,
    /// The directory of its state. The caller has it for itself alone.
    pub data_dir: &'a Path,
    /// The port of its API.
    pub port: u16,
    /// The port of its UI.
    pub ui_port: u16,
}

/// A running dev server. Dropping it kills it; [`DevServer::stop`] lets it finish.
#[derive(Debug)]
pub struct DevServer {
    /// The port of its API.
    pub port: u16,
    /// The port of its UI.
    pub ui_port: u16,
    child: Child,
    pid_file: PathBuf,
}

impl DevServerError {
    fn io(action: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let action = action.into();
        |source| Self::Io { action, source }
    }

    /// Whether another process came first to a port. Another attempt mends nothing else.
    fn is_port_taken(&self) -> bool {
        matches!(self, Self::EndedAtStart { port_taken: true, .. })
    }
}

impl DevServer {
    /// Starts a server and waits until it answers. Returns it with a client of the given parts.
    pub async fn start(
        options: DevServerOptions<'_>,
        client_parts: impl Fn() -> ClientParts,
    ) -> Result<(Self, Client), DevServerError> {
        let data_dir = absolute(options.data_dir)?;
        stop_leftover(&data_dir).await?;
        for _ in 1..START_ATTEMPTS {
            match Self::try_start(options, &data_dir, &client_parts).await {
                Err(error) if error.is_port_taken() => tracing::info!(%error, "starting the Temporal server anew"),
                ended => return ended,
            }
        }
        Self::try_start(options, &data_dir, &client_parts).await.map_err(|error| match error.is_port_taken() {
            true => DevServerError::PortsTaken { attempts: START_ATTEMPTS, source: Box::new(error) },
            false => error,
        })
    }

    async fn try_start(
        options: DevServerOptions<'_>,
        data_dir: &Path,
        client_parts: &impl Fn() -> ClientParts,
    ) -> Result<(Self, Client), DevServerError> {
        let log = data_dir.join("temporal.log");
        let output = std::fs::File::create(&log).map_err(DevServerError::io(format!("write {}", log.display())))?;
        let [port, ui_port] =
            free_ports([options.port, options.ui_port]).map_err(DevServerError::io("take a free port"))?;
        let child = command(DevServerOptions { port, ui_port, ..options }, data_dir)
            .stdin(Stdio::null())
            .stdout(output.try_clone().map_err(DevServerError::io(format!("write {}", log.display())))?)
            .stderr(output)
            // Its own process group: a Ctrl-C at the terminal reaches us, and we stop it in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(DevServerError::io(format!("start {}", options.cli.display())))?;
        let pid_file = data_dir.join(PID_FILE);
        if let Some(pid) = child.id() {
            std::fs::write(&pid_file, pid.to_string())
                .map_err(DevServerError::io(format!("write {}", pid_file.display())))?;
        }
        let mut server = Self { port, ui_port, child, pid_file };
        let client = server.wait_until_ready(&log, client_parts).await?;
        Ok((server, client))
    }

    async fn wait_until_ready(
        &mut self,
        log: &Path,
        client_parts: &impl Fn() -> ClientParts,
    ) -> Result<Client, DevServerError> {
        let deadline = tokio::time::Instant::now() + START_TIME;
        loop {
            let answer = connect_to(self.port, client_parts()).await;
            // Asked after the connection: who answers on the port of a server that has ended is another one.
            if let Some(status) = self.child.try_wait().map_err(DevServerError::io("look at the Temporal server"))? {
                return Err(ended_at_start(status, log));
            }
            if let Ok(client) = answer {
                return Ok(client);
            }
            if tokio::time::Instant::now() > deadline {
                return Err(DevServerError::Silent { seconds: START_TIME.as_secs(), log: log.display().to_string() });
            }
            tokio::time::sleep(START_POLL).await;
        }
    }

    /// Waits until the server ends by itself, which it should not.
    pub async fn ended(&mut self) -> std::io::Result<std::process::ExitStatus> {
        self.child.wait().await
    }

    /// Stops the server: asks it to, and kills it if it still runs after the given time.
    pub async fn stop(mut self, patience: Duration) -> Result<(), DevServerError> {
        if let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok()) {
            // It may have ended in this very moment; then there is nothing to stop.
            let _ = nix::sys::signal::kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        if tokio::time::timeout(patience, self.child.wait()).await.is_err() {
            self.child.kill().await.map_err(DevServerError::io("end the Temporal server"))?;
        }
        let _ = std::fs::remove_file(&self.pid_file);
        Ok(())
    }
}

fn ended_at_start(status: std::process::ExitStatus, log: &Path) -> DevServerError {
    let said = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = said.lines().collect();
    let last_lines = lines[lines.len().saturating_sub(QUOTED_LINES)..].join("\n  ");
    DevServerError::EndedAtStart { status, last_lines, port_taken: said.contains(PORT_TAKEN) }
}

/// The given ports, and free ones for those that are 0: all different, because all are held at once.
fn free_ports<const N: usize>(ports: [u16; N]) -> std::io::Result<[u16; N]> {
    let mut held = Vec::new();
    let mut chosen = ports;
    for port in chosen.iter_mut().filter(|port| **port == 0) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(chosen)
}

fn command(options: DevServerOptions<'_>, data_dir: &Path) -> Command {
    let mut command = Command::new(options.cli);
    command.args(["server", "start-dev", "--ip", "127.0.0.1", "--log-level", "error"]);
    command.args(["--port", &options.port.to_string(), "--ui-port", &options.ui_port.to_string()]);
    command.arg("--db-filename").arg(data_dir.join(DATABASE_FILE));
    for pragma in SQLITE_PRAGMAS {
        command.args(["--sqlite-pragma", pragma]);
    }
    for value in DYNAMIC_CONFIG {
        command.args(["--dynamic-config-value", value]);
    }
    for (name, kind) in attributes::ALL {
        command.args(["--search-attribute", &format!("{name}={kind}")]);
    }
    command
}

fn absolute(data_dir: &Path) -> Result<PathBuf, DevServerError> {
    data_dir.canonicalize().map_err(DevServerError::io(format!("find {}", data_dir.display())))
}

/// Ends a server that a killed daegeum left behind on the same data directory: it would hold the file. The caller has
/// the directory for itself alone, so that the server is nobody else's.
pub async fn stop_leftover(data_dir: &Path) -> Result<(), DevServerError> {
    let data_dir = absolute(data_dir)?;
    let written = std::fs::read_to_string(data_dir.join(PID_FILE)).ok();
    let Some(pid) = written.and_then(|text| text.trim().parse::<i32>().ok()) else { return Ok(()) };
    let process = PathBuf::from(format!("/proc/{pid}/cmdline"));
    let database = data_dir.join(DATABASE_FILE);
    let is_ours = |line: Vec<u8>| String::from_utf8_lossy(&line).contains(&*database.to_string_lossy());
    if !std::fs::read(&process).is_ok_and(is_ours) {
        return Ok(());
    }
    tracing::warn!(pid, "stopping the Temporal server that an earlier run left behind");
    let _ = nix::sys::signal::kill(Pid::from_raw(pid), Signal::SIGTERM);
    let deadline = tokio::time::Instant::now() + LEFTOVER_STOP_TIME;
    while process.exists() {
        if tokio::time::Instant::now() > deadline {
            let _ = nix::sys::signal::kill(Pid::from_raw(pid), Signal::SIGKILL);
            break;
        }
        tokio::time::sleep(START_POLL).await;
    }
    Ok(())
}
