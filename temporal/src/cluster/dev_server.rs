//! A Temporal server on this machine, as a child process with its state in a file.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, bail};
use nix::{sys::signal::Signal, unistd::Pid};
use temporalio_client::Client;
use tokio::process::{Child, Command};
use workflows::attributes;

use super::connect_to;
use crate::shutdown::CHILD_STOP_TIME;

/// How long the server may take to answer.
const START_TIME: Duration = Duration::from_secs(60);
/// How often it is asked whether it does.
const START_POLL: Duration = Duration::from_millis(100);
/// How long another server on the same file may take to go away.
const LEFTOVER_STOP_TIME: Duration = Duration::from_secs(5);

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

/// Where a dev server listens and keeps its state.
#[derive(Debug)]
pub(crate) struct DevServerOptions<'a> {
    pub(crate) cli: &'a Path,
    pub(crate) data_dir: &'a Path,
    pub(crate) port: u16,
    pub(crate) ui_port: u16,
}

/// A running dev server. Dropping it kills it; [`DevServer::stop`] lets it finish.
#[derive(Debug)]
pub(crate) struct DevServer {
    child: Child,
    pid_file: PathBuf,
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
    let on_path = std::env::var_os("PATH")
        .and_then(|path| std::env::split_paths(&path).map(|place| place.join("temporal")).find(|file| file.is_file()));
    let fetched = Path::new(".cache/temporal/temporal");
    on_path
        .or_else(|| fetched.is_file().then(|| fetched.to_owned()))
        .with_context(|| format!("the Temporal command line is not on the PATH; {missing}"))
}

impl DevServer {
    /// Starts a server and waits until it answers. Returns it with a client.
    pub(crate) async fn start(options: DevServerOptions<'_>) -> anyhow::Result<(Self, Client)> {
        let pid_file = options.data_dir.join("temporal.pid");
        let database = options.data_dir.join("temporal.db");
        stop_leftover(&pid_file, &database).await;
        let log = options.data_dir.join("temporal.log");
        let output = std::fs::File::create(&log).with_context(|| format!("could not write {}", log.display()))?;
        let child = command(&options)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            // Its own process group: a Ctrl-C at the terminal reaches us, and we stop it in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("could not start {}", options.cli.display()))?;
        if let Some(pid) = child.id() {
            std::fs::write(&pid_file, pid.to_string())?;
        }
        let mut server = Self { child, pid_file };
        let client = server.wait_until_ready(options.port, &log).await?;
        Ok((server, client))
    }

    async fn wait_until_ready(&mut self, port: u16, log: &Path) -> anyhow::Result<Client> {
        let deadline = tokio::time::Instant::now() + START_TIME;
        loop {
            if let Some(status) = self.child.try_wait()? {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                let last = said.lines().rev().take(5).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>();
                bail!("the Temporal server ended at its start ({status}); it said:\n  {}", last.join("\n  "));
            }
            if let Ok(client) = connect_to(port).await {
                return Ok(client);
            }
            if tokio::time::Instant::now() > deadline {
                bail!("the Temporal server did not answer for {} s; see {}", START_TIME.as_secs(), log.display());
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

fn command(options: &DevServerOptions<'_>) -> Command {
    let mut command = Command::new(options.cli);
    command.args(["server", "start-dev", "--ip", "127.0.0.1", "--log-level", "error"]);
    command.args(["--port", &options.port.to_string(), "--ui-port", &options.ui_port.to_string()]);
    command.arg("--db-filename").arg(options.data_dir.join("temporal.db"));
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

/// Ends a server that a killed daegeum left behind on the same data directory: it would hold the file.
async fn stop_leftover(pid_file: &Path, database: &Path) {
    let Some(pid) = std::fs::read_to_string(pid_file).ok().and_then(|text| text.trim().parse::<i32>().ok()) else {
        return;
    };
    let process = PathBuf::from(format!("/proc/{pid}/cmdline"));
    let database = database.to_string_lossy();
    let is_ours = |line: Vec<u8>| String::from_utf8_lossy(&line).contains(&*database);
    if !std::fs::read(&process).is_ok_and(is_ours) {
        return;
    }
    tracing::warn!(pid, "stopping the Temporal server that an earlier run left behind");
    let _ = nix::sys::signal::kill(Pid::from_raw(pid), Signal::SIGTERM);
    let deadline = tokio::time::Instant::now() + LEFTOVER_STOP_TIME;
    while process.exists() {
        if tokio::time::Instant::now() > deadline {
            let _ = nix::sys::signal::kill(Pid::from_raw(pid), Signal::SIGKILL);
            return;
        }
        tokio::time::sleep(START_POLL).await;
    }
}
