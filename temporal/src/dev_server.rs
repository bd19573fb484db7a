//! A Temporal server on this machine, as a child process with its state in a file.

use std::{
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, anyhow, bail};
use nix::{sys::signal::Signal, unistd::Pid};
use store::Keyring;
use temporalio_client::Client;
use tokio::process::{Child, Command};
use workflows::attributes;

use super::connect_to;
use crate::{data_dir::DataDir, private, shutdown::CHILD_STOP_TIME};

/// How often the server is started anew when it finds a port taken.
///
/// It takes seven: those of its API, its UI, its HTTP API and its metrics, and one for each of three services that
/// talk among themselves, which no option names. It picks a free one and takes it a moment later, and so do we;
/// in between, another process can come first.
const START_ATTEMPTS: usize = 5;
/// What the server says when it finds a port taken.
const PORT_TAKEN: &str = "address already in use";
/// How many of its last lines are quoted when it ends at its start.
const QUOTED_LINES: usize = 5;
/// How long the server may take to answer.
const START_TIME: Duration = Duration::from_secs(60);
/// How often it is asked whether it does.
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
pub(crate) struct DevServerOptions<'a> {
    pub(crate) cli: &'a Path,
    pub(crate) data_dir: &'a DataDir,
    pub(crate) port: u16,
    pub(crate) ui_port: u16,
    /// Under which the client seals what it sends.
    pub(crate) keys: Option<&'a Arc<Keyring>>,
}

/// A running dev server. Dropping it kills it; [`DevServer::stop`] lets it finish.
#[derive(Debug)]
pub(crate) struct DevServer {
    pub(crate) port: u16,
    pub(crate) ui_port: u16,
    child: Child,
    pid_file: PathBuf,
}

/// Why a server did not start.
enum Failure {
    /// Another process came first to one of its ports.
    PortTaken(anyhow::Error),
    /// Something that another try would not mend.
    Other(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

/// Finds the Temporal command line: the one that is set, the one on the PATH, or the one that `make` fetched.
pub(crate) fn find_cli(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    let missing = "install it (https://docs.temporal.io/cli), or run `make temporal-cli`, or set TEMPORAL_CLI";
    if let Some(path) = named {
        return match path.is_file() {
            true => Ok(path.to_owned()),
            false => bail!("TEMPORAL_CLI names {}, which is no file; {missing}", path.display()),
        };
    }
    // A relative or empty entry is the working directory, where anybody may have put a program.
    let on_path = std::env::var_os("PATH").and_then(|path| {
        let places = std::env::split_paths(&path).filter(|place| place.is_absolute());
        places.map(|place| place.join("temporal")).find(|file| file.is_file())
    });
    match on_path {
        Some(file) => Ok(file),
        None => fetched_cli()?.with_context(|| format!("the Temporal command line is not on the PATH; {missing}")),
    }
}

/// The program that `make temporal-cli` fetched into the working directory: it is announced, and refused where somebody
/// else may have put it there.
fn fetched_cli() -> anyhow::Result<Option<PathBuf>> {
    let file = std::path::absolute(".cache/temporal/temporal")?;
    let Some(metadata) = std::fs::metadata(&file).ok().filter(std::fs::Metadata::is_file) else { return Ok(None) };
    private::check_origin(&file, (metadata.uid(), metadata.mode()))
        .with_context(|| format!("{} was found here and is not run; name it with TEMPORAL_CLI", file.display()))?;
    eprintln!("daegeum: the Temporal server is {}", file.display());
    Ok(Some(file))
}

impl DevServer {
    /// Starts a server and waits until it answers. Returns it with a client.
    pub(crate) async fn start(options: DevServerOptions<'_>) -> anyhow::Result<(Self, Client)> {
        let data_dir = options.data_dir.path().canonicalize()?;
        stop_leftover(options.data_dir).await?;
        for _ in 1..START_ATTEMPTS {
            match Self::try_start(options, &data_dir).await {
                Ok(started) => return Ok(started),
                Err(Failure::Other(error)) => return Err(error),
                Err(Failure::PortTaken(error)) => tracing::info!(%error, "starting the Temporal server anew"),
            }
        }
        Self::try_start(options, &data_dir).await.map_err(|failure| match failure {
            Failure::PortTaken(error) => error.context(format!("tried {START_ATTEMPTS} times")),
            Failure::Other(error) => error,
        })
    }

    async fn try_start(options: DevServerOptions<'_>, data_dir: &Path) -> Result<(Self, Client), Failure> {
        let log = data_dir.join("temporal.log");
        let output = std::fs::File::create(&log).with_context(|| format!("could not write {}", log.display()))?;
        let [port, ui_port] = free_ports([options.port, options.ui_port])?;
        let child = command(DevServerOptions { port, ui_port, ..options }, data_dir)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            // Its own process group: a Ctrl-C at the terminal reaches us, and we stop it in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("could not start {}", options.cli.display()))?;
        let pid_file = data_dir.join(PID_FILE);
        if let Some(pid) = child.id() {
            std::fs::write(&pid_file, pid.to_string())?;
        }
        let mut server = Self { port, ui_port, child, pid_file };
        let client = server.wait_until_ready(&log, options.keys.cloned()).await?;
        Ok((server, client))
    }

    async fn wait_until_ready(&mut self, log: &Path, keys: Option<Arc<Keyring>>) -> Result<Client, Failure> {
        let deadline = tokio::time::Instant::now() + START_TIME;
        loop {
            let answer = connect_to(self.port, keys.clone()).await;
            // Asked after the connection: who answers on the port of a server that has ended is another one.
            if let Some(status) = self.child.try_wait()? {
                return Err(ended_at_start(status, log));
            }
            if let Ok(client) = answer {
                return Ok(client);
            }
            if tokio::time::Instant::now() > deadline {
                let patience = START_TIME.as_secs();
                return Err(
                    anyhow!("the Temporal server did not answer for {patience} s; see {}", log.display()).into()
                );
            }
            tokio::time::sleep(START_POLL).await;
        }
    }

    /// Waits until the server ends by itself, which it should not.
    pub(crate) async fn ended(&mut self) -> std::io::Result<std::process::ExitStatus> {
        self.child.wait().await
    }

    /// Stops the server: asks it to, and kills it if it does not.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        if let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok()) {
            // It may have ended in this very moment; then there is nothing to stop.
            let _ = nix::sys::signal::kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        if tokio::time::timeout(CHILD_STOP_TIME, self.child.wait()).await.is_err() {
            self.child.kill().await?;
        }
        let _ = std::fs::remove_file(&self.pid_file);
        Ok(())
    }
}

fn ended_at_start(status: std::process::ExitStatus, log: &Path) -> Failure {
    let said = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = said.lines().collect();
    let last = lines[lines.len().saturating_sub(QUOTED_LINES)..].join("\n  ");
    let error = anyhow!("the Temporal server ended at its start ({status}); it said:\n  {last}");
    if said.contains(PORT_TAKEN) { Failure::PortTaken(error) } else { Failure::Other(error) }
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

/// Ends a server that a killed daegeum left behind on the same data directory: it would hold the file. Who asks
/// has the directory, so that the server is nobody else's.
pub(crate) async fn stop_leftover(data_dir: &DataDir) -> anyhow::Result<()> {
    let data_dir = data_dir.path().canonicalize()?;
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
