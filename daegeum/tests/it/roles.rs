//! The roles, each its own process, on one Temporal server, one database and one simulator.

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
};

use domain::id::{IdempotencyKey, WorkflowId};
use temporalio_client::{Client, ClientOptions, ConnectionOptions, UntypedWorkflow, Url, WorkflowFetchHistoryOptions};

use crate::{
    database::Kind,
    stack::{Process, Shop, daegeum, day_begins, temporal_cli, until},
};

/// How often Temporal is started anew when another process came first to one of its ports.
const TEMPORAL_ATTEMPTS: usize = 5;

/// A small production: Temporal, the simulator and the API run; workers are the test's to start and to kill.
pub(crate) struct Roles {
    pub(crate) shop: Shop,
    pub(crate) temporal: String,
    directory: tempfile::TempDir,
    database: Vec<String>,
    /// What every role and command is told besides.
    flags: Vec<String>,
    processes: Vec<Process>,
}

impl Roles {
    /// Starts all but the worker, and waits until the API answers.
    pub(crate) async fn start(database: Kind) -> Self {
        Self::start_with(database, &[]).await
    }

    /// The same, with flags that every role and command takes.
    pub(crate) async fn start_with(database: Kind, flags: &[&str]) -> Self {
        Self::start_on(database, flags, &[]).await
    }

    /// The same, on a Temporal server that has flags too.
    pub(crate) async fn start_on(database: Kind, flags: &[&str], of_temporal: &[&str]) -> Self {
        day_begins().await;
        let mut roles = Self {
            shop: Shop::new(String::new(), String::new(), String::new()),
            temporal: String::new(),
            directory: tempfile::tempdir().unwrap(),
            database: database.flags().await,
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
            processes: Vec::new(),
        };
        roles.start_temporal(of_temporal).await;
        assert!(roles.command(&["migrate", "up"]).output().unwrap().status.success());
        roles.shop.api_key = roles.create_key("ops");
        roles.shop.simulator = roles.start_listening("toss-sim").await;
        roles.shop.api = roles.start_listening("api").await;
        let ready = format!("{}/readyz", roles.shop.api);
        until("the API answers", || async { roles.shop.http.get(&ready).send().await.is_ok() }).await;
        roles
    }

    /// Starts a role; its output goes to a file in the data directory.
    pub(crate) fn role(&self, name: &str) -> Process {
        Process::start(&mut self.command_of(name), &self.log(name))
    }

    /// The command that is a role, on free ports.
    fn command_of(&self, name: &str) -> Command {
        let mut command = self.command(&["--listen", "127.0.0.1:0", name]);
        if name == "toss-sim" {
            command.args(["--sim-port", "0"]);
        }
        command
    }

    /// Starts a role that listens, for as long as the test runs, and answers where: it says so when it does.
    async fn start_listening(&mut self, name: &str) -> String {
        let (process, address) = Process::start_listening(&mut self.command_of(name), &self.log(name), name).await;
        self.processes.push(process);
        address
    }

    /// Where a role's output goes.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.directory.path().join(format!("{name}.log"))
    }

    /// Creates an API key.
    pub(crate) fn create_key(&self, scope: &str) -> String {
        self.last_line(&["keys", "create", "--scope", scope])
    }

    /// The last line that a command prints, which must succeed.
    pub(crate) fn last_line(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().last().unwrap().to_owned()
    }

    /// A second API, on another address and with another way into the database.
    pub(crate) async fn second_api(&self, database_url: &str) -> (Process, String) {
        let mut command = self.command(&["--listen", "127.0.0.1:0", "--database-url", database_url, "api"]);
        Process::start_listening(&mut command, &self.log("second-api"), "api").await
    }

    /// Another API beside the first, with settings of its own.
    pub(crate) async fn another_api(&self, environment: &[(&str, &str)], flags: &[&str]) -> (Process, String) {
        let mut command = self.command(&["--listen", "127.0.0.1:0"]);
        command.args(flags).arg("api").envs(environment.iter().copied());
        Process::start_listening(&mut command, &self.log("another-api"), "api").await
    }

    /// A worker with settings of its own that tells its metrics, and where.
    pub(crate) async fn worker_with_metrics(&self, flags: &[&str]) -> (Process, String) {
        let mut command = self.command(flags);
        Process::start_listening(command.arg("worker"), &self.log("worker"), "worker metrics").await
    }

    /// A place for files of the test's own.
    pub(crate) fn place(&self) -> &Path {
        self.directory.path()
    }

    /// Kills the API, the last that was started here.
    pub(crate) fn kill_api(&mut self) {
        drop(self.processes.pop());
    }

    /// Starts the API again, at another address.
    pub(crate) async fn restart_api(&mut self) {
        self.shop.api = self.start_listening("api").await;
    }

    /// Ends the Temporal server.
    pub(crate) fn stop_temporal(&mut self) {
        drop(self.processes.remove(0));
    }

    /// Loses Temporal with all that it knows: a fresh server takes its place at the same address.
    pub(crate) async fn lose_temporal(&mut self) {
        self.stop_temporal();
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(self.place().join(format!("temporal.db{end}")));
        }
        self.start_temporal_again().await;
    }

    /// Starts a Temporal server at the address of the one that was stopped, on the same file.
    pub(crate) async fn start_temporal_again(&mut self) {
        let address = self.temporal.parse().unwrap();
        for _ in 0..TEMPORAL_ATTEMPTS {
            if let Some(process) = self.temporal_on(address, &[]).await {
                self.processes.insert(0, process);
                return;
            }
        }
        panic!("Temporal did not start: {}", std::fs::read_to_string(self.log("temporal")).unwrap());
    }

    /// Ends a checkout's workflow as an operator would.
    pub(crate) fn terminate(&self, idempotency_key: &str) {
        let (key, _) = service::api_key::SecretKey::parse(&self.shop.api_key).unwrap();
        let workflow = WorkflowId::of_checkout(&key, &IdempotencyKey::parse(idempotency_key).unwrap());
        let mut command = Command::new(temporal_cli());
        command.args(["workflow", "terminate", "--address", &self.temporal, "--reason", "a test"]);
        let ended = command.args(["--workflow-id", workflow.as_str()]).output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }

    /// Recomputes the books from their postings.
    pub(crate) fn verify_books(&self) {
        let verified = self.command(&["ledger", "verify"]).output().unwrap();
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    }

    /// What Temporal's own command line says of a checkout's workflow: `describe`, `show`, `metadata`.
    pub(crate) fn ask_temporal(&self, question: &str, workflow: &str) -> serde_json::Value {
        let mut command = Command::new(temporal_cli());
        command.args(["workflow", question, "--address", &self.temporal, "--workflow-id", workflow, "-o", "json"]);
        let answer = command.output().unwrap();
        assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
        serde_json::from_slice(&answer.stdout).unwrap()
    }

    /// Writes the history of a checkout's workflow to the directory that `RECORD_HISTORIES` names, as a story to
    /// replay; nothing without it.
    pub(crate) async fn record_history(&self, story: &str, checkout_id: &str) {
        let checkout = self.shop.get(&format!("/v1/payments/{checkout_id}")).await;
        self.record_history_of(story, checkout["workflow"]["id"].as_str().unwrap()).await;
    }

    /// The same of any workflow.
    pub(crate) async fn record_history_of(&self, story: &str, workflow_id: &str) {
        record_history(&self.temporal, story, workflow_id).await;
    }

    /// A client of Temporal, as an operator has it.
    pub(crate) async fn temporal(&self) -> Client {
        temporal_at(&self.temporal).await
    }

    /// What opens the database here: flags that every role and command takes.
    pub(crate) fn database_url(&self) -> String {
        match &self.database[..] {
            [_flag, url] => url.clone(),
            _ => format!("sqlite://{}", self.directory.path().join("daegeum.db").display()),
        }
    }

    /// Gives every command and every role that is started from now on another database.
    pub(crate) fn move_to(&mut self, database_url: &str) {
        self.database = vec!["--database-url".to_owned(), database_url.to_owned()];
    }

    /// A command that finds everything here.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = daegeum();
        command.arg("--data-dir").arg(self.directory.path());
        if !arguments.contains(&"--database-url") {
            command.args(&self.database);
        }
        command.args(&self.flags);
        command.env("TEMPORAL_ADDRESS", &self.temporal);
        // Until the simulator runs, it has no address; the commands before it need none.
        if !self.shop.simulator.is_empty() {
            command.env("TOSS_BASE_URL", &self.shop.simulator);
        }
        command.env("TOSS_SECRET_KEY", toss_sim::DEFAULT_SECRET_KEY);
        command.env("TOSS_SECURITY_KEY", toss_sim::DEFAULT_SECURITY_KEY);
        command.env("TOSS_CLIENT_KEY", toss_sim::DEFAULT_CLIENT_KEY);
        command.args(arguments);
        command
    }

    /// Starts Temporal on a free port, again if another process took it, or one of the server's own, in between.
    async fn start_temporal(&mut self, flags: &[&str]) {
        for _ in 0..TEMPORAL_ATTEMPTS {
            let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            if let Some(process) = self.temporal_on(free, flags).await {
                self.temporal = free.to_string();
                self.processes.push(process);
                return;
            }
        }
        panic!("Temporal did not start: {}", std::fs::read_to_string(self.log("temporal")).unwrap());
    }

    /// A server on a port, unless another process took the port, or one of the server's own.
    async fn temporal_on(&self, address: SocketAddr, flags: &[&str]) -> Option<Process> {
        let mut server = Command::new(temporal_cli());
        server.args(["server", "start-dev", "--headless", "--ip", "127.0.0.1"]);
        server.args(["--port", &address.port().to_string()]);
        server.arg("--db-filename").arg(self.place().join("temporal.db")).args(flags);
        let mut process = Process::start(&mut server, &self.log("temporal"));
        // It listens before it knows its namespace, and says where it listens when all of it is up.
        process.says("Temporal Server:").await.is_some().then_some(process)
    }
}

/// Writes the history of a workflow to the directory that `RECORD_HISTORIES` names; nothing without it.
pub(crate) async fn record_history(temporal: &str, story: &str, workflow_id: &str) {
    let Some(directory) = std::env::var_os("RECORD_HISTORIES") else { return };
    let client = temporal_at(temporal).await;
    let workflow = client.get_workflow_handle::<UntypedWorkflow>(workflow_id);
    let history = workflow.fetch_history(WorkflowFetchHistoryOptions::default()).to_json().await.unwrap();
    std::fs::write(Path::new(&directory).join(format!("{story}.json")), history).unwrap();
}

/// A client of the Temporal at an address.
pub(crate) async fn temporal_at(address: &str) -> Client {
    let target: Url = format!("http://{address}").parse().unwrap();
    let connection = ConnectionOptions::new(target).build();
    Client::connect(connection, ClientOptions::new("default").build()).await.unwrap()
}
