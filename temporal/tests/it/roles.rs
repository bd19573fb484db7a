//! The roles, each its own process, on one Temporal server, one database and one simulator.

use std::process::Command;

use domain::id::{IdempotencyKey, WorkflowId};
use temporalio_client::{Client, ClientOptions, ConnectionOptions, Url};

use crate::{
    database::Kind,
    stack::{Process, Shop, daegeum, temporal_cli, until},
};

/// A small production: Temporal, the simulator and the API run; workers are the test's to start and to kill.
pub(crate) struct Roles {
    pub(crate) shop: Shop,
    pub(crate) temporal: String,
    directory: tempfile::TempDir,
    database: Vec<String>,
    listen: String,
    sim_port: u16,
    processes: Vec<Process>,
}

impl Roles {
    /// Starts all but the worker, and waits until the API answers.
    pub(crate) async fn start(database: Kind) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let [temporal_port, api_port, sim_port] = free_ports();
        let mut roles = Self {
            shop: Shop::new(
                format!("http://127.0.0.1:{api_port}"),
                format!("http://127.0.0.1:{sim_port}"),
                String::new(),
            ),
            temporal: format!("127.0.0.1:{temporal_port}"),
            database: database.flags().await,
            listen: format!("127.0.0.1:{api_port}"),
            sim_port,
            directory,
            processes: Vec::new(),
        };
        roles.start_temporal(temporal_port);
        until("Temporal listens", || async { tokio::net::TcpStream::connect(&roles.temporal).await.is_ok() }).await;
        assert!(roles.command(&["migrate", "up"]).output().unwrap().status.success());
        roles.shop.api_key = roles.create_key("ops");
        for role in ["toss-sim", "api"] {
            let process = roles.role(role);
            roles.processes.push(process);
        }
        let ready = format!("{}/readyz", roles.shop.api);
        until("the API answers", || async { roles.shop.http.get(&ready).send().await.is_ok() }).await;
        roles
    }

    /// Starts a role; its output goes to a file in the data directory.
    pub(crate) fn role(&self, name: &str) -> Process {
        let mut command = self.command(&["--listen", &self.listen, name]);
        if name == "toss-sim" {
            command.args(["--sim-port", &self.sim_port.to_string()]);
        }
        Process::start(&mut command, &self.directory.path().join(format!("{name}.log")))
    }

    /// Creates an API key.
    pub(crate) fn create_key(&self, scope: &str) -> String {
        let created = self.command(&["keys", "create", "--scope", scope]).output().unwrap();
        let secret = String::from_utf8(created.stdout).unwrap();
        secret.lines().last().unwrap().to_owned()
    }

    /// A second API, on another address and with another way into the database.
    pub(crate) async fn second_api(&self, database_url: &str) -> (Process, String) {
        let [port, _, _] = free_ports();
        let address = format!("127.0.0.1:{port}");
        let mut command = self.command(&["--listen", &address, "--database-url", database_url, "api"]);
        let log = self.directory.path().join("second-api.log");
        let process = Process::start(&mut command, &log);
        until("the second API listens", || async {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            assert!(!said.contains("Error"), "{said}");
            tokio::net::TcpStream::connect(&address).await.is_ok()
        })
        .await;
        (process, format!("http://{address}"))
    }

    /// Ends the Temporal server.
    pub(crate) fn stop_temporal(&mut self) {
        drop(self.processes.remove(0));
    }

    /// Ends a checkout's workflow as an operator would.
    pub(crate) fn terminate(&self, idempotency_key: &str) {
        let (key, _) = api::keys::SecretKey::parse(&self.shop.api_key).unwrap();
        let workflow = WorkflowId::of_checkout(&key, &IdempotencyKey::parse(idempotency_key).unwrap());
        let mut command = Command::new(temporal_cli());
        command.args(["workflow", "terminate", "--address", &self.temporal, "--reason", "a test"]);
        let ended = command.args(["--workflow-id", workflow.as_str()]).output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }

    /// A client of Temporal, as an operator has it.
    pub(crate) async fn temporal(&self) -> Client {
        let target: Url = format!("http://{}", self.temporal).parse().unwrap();
        let connection = ConnectionOptions::new(target).build();
        Client::connect(connection, ClientOptions::new("default").build()).await.unwrap()
    }

    /// What opens the database here: flags that every role and command takes.
    pub(crate) fn database_url(&self) -> String {
        match &self.database[..] {
            [_flag, url] => url.clone(),
            _ => format!("sqlite://{}", self.directory.path().join("daegeum.db").display()),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = daegeum();
        command.arg("--data-dir").arg(self.directory.path());
        if !arguments.contains(&"--database-url") {
            command.args(&self.database);
        }
        command.env("TEMPORAL_ADDRESS", &self.temporal).env("TOSS_BASE_URL", &self.shop.simulator);
        command.env("TOSS_SECRET_KEY", toss_sim::DEFAULT_SECRET_KEY);
        command.env("TOSS_CLIENT_KEY", toss_sim::DEFAULT_CLIENT_KEY);
        command.args(arguments);
        command
    }

    fn start_temporal(&mut self, port: u16) {
        let place = self.directory.path();
        let mut server = Command::new(temporal_cli());
        server.args(["server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", &port.to_string()]);
        server.arg("--db-filename").arg(place.join("temporal.db"));
        self.processes.push(Process::start(&mut server, &place.join("temporal.log")));
    }
}

fn free_ports() -> [u16; 3] {
    let listeners = [(); 3].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}
