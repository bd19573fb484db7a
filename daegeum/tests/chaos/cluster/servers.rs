//! Temporal's server in its four roles, seven processes on PostgreSQL.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::{Context as _, ensure};

use super::balancer::Frontend;
use crate::{
    process::{Environment, Program},
    schedule::Target,
};

/// A number that a database keeps for ever once it is made.
const HISTORY_SHARDS: &str = "16";
/// The connections of a process to the core tables, and to those of visibility.
const CONNECTIONS: &str = "8";
const VISIBILITY_CONNECTIONS: &str = "3";
const DYNAMIC_CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../temporal/cluster/dynamic.yaml");
/// The databases, each with the schema that the server's own tool holds.
const SCHEMAS: [(&str, &str); 2] =
    [("temporal", "postgresql/v12/temporal"), ("temporal_visibility", "postgresql/v12/visibility")];

/// A process of Temporal's server.
pub(super) struct Role {
    target: Target,
    name: &'static str,
    grpc: SocketAddr,
    membership: SocketAddr,
    /// Frontends alone speak HTTP.
    http: Option<SocketAddr>,
}

/// What the processes have in common.
pub(super) struct Server {
    pub(super) program: PathBuf,
    /// The address of all frontends together.
    pub(super) frontend: SocketAddr,
    /// The port by which the primary is reached.
    pub(super) database: u16,
    pub(super) password: String,
}

/// The seven processes on these addresses.
pub(super) fn roles(addresses: &[SocketAddr]) -> Vec<Role> {
    let mut free = addresses.iter().copied();
    let mut next = || free.next().unwrap();
    let plan = [
        (Target::FirstFrontend, "frontend"),
        (Target::SecondFrontend, "frontend"),
        (Target::FirstHistory, "history"),
        (Target::SecondHistory, "history"),
        (Target::FirstMatching, "matching"),
        (Target::SecondMatching, "matching"),
        (Target::TemporalWorker, "worker"),
    ];
    let role = |(target, name)| {
        let (grpc, membership) = (next(), next());
        Role { target, name, grpc, membership, http: (name == "frontend").then(&mut next) }
    };
    plan.into_iter().map(role).collect()
}

/// Where the frontends are.
pub(super) fn frontends(roles: &[Role]) -> [Frontend; 2] {
    let mut found = roles.iter().filter_map(|role| Some(Frontend { grpc: role.grpc, http: role.http? }));
    [found.next().unwrap(), found.next().unwrap()]
}

impl Server {
    /// Makes the tables of both databases, which are there and empty, at this server of PostgreSQL.
    pub(super) async fn make_schema(&self, port: u16) -> anyhow::Result<()> {
        for (database, schema) in SCHEMAS {
            for step in [&["setup-schema", "--version", "0.0"][..], &["update-schema", "--schema-name", schema]] {
                let mut command = tokio::process::Command::new(&self.program);
                command.args(["sql", "--plugin", "postgres12", "--endpoint", "127.0.0.1", "--port", &port.to_string()]);
                command.args(["--user", "temporal", "--database", database]).args(step);
                let made = command.env("SQL_PASSWORD", &self.password).output().await;
                let made = made.with_context(|| format!("running {}", self.program.display()))?;
                let said = String::from_utf8_lossy(&made.stderr);
                ensure!(made.status.success(), "the schema of {database} could not be made: {said}");
            }
        }
        Ok(())
    }

    pub(super) fn programs(&self, roles: &[Role]) -> Vec<(Target, Program)> {
        let program = |role: &Role| Program::new(&self.program, &["start", role.name]).with(&self.environment(role));
        roles.iter().map(|role| (role.target, program(role))).collect()
    }

    /// The variables of the server's embedded template.
    fn environment(&self, role: &Role) -> Environment {
        let text = |words: &str| words.to_owned();
        let (frontend, database) = (self.frontend.to_string(), self.database.to_string());
        let ports = match role.name {
            "frontend" => ["FRONTEND_GRPC_PORT", "FRONTEND_MEMBERSHIP_PORT"],
            "history" => ["HISTORY_GRPC_PORT", "HISTORY_MEMBERSHIP_PORT"],
            "matching" => ["MATCHING_GRPC_PORT", "MATCHING_MEMBERSHIP_PORT"],
            _ => ["WORKER_GRPC_PORT", "WORKER_MEMBERSHIP_PORT"],
        };
        let http = role.http.map(|http| ("FRONTEND_HTTP_PORT", http.port().to_string()));
        let mut environment = vec![
            ("DB", text("postgres12_pgx")),
            ("POSTGRES_SEEDS", text("127.0.0.1")),
            ("DB_PORT", database),
            ("POSTGRES_USER", text("temporal")),
            ("POSTGRES_PWD", self.password.clone()),
            ("SQL_MAX_CONNS", text(CONNECTIONS)),
            ("SQL_MAX_IDLE_CONNS", text(CONNECTIONS)),
            ("SQL_VIS_MAX_CONNS", text(VISIBILITY_CONNECTIONS)),
            ("SQL_VIS_MAX_IDLE_CONNS", text(VISIBILITY_CONNECTIONS)),
            ("NUM_HISTORY_SHARDS", text(HISTORY_SHARDS)),
            ("BIND_ON_IP", text("127.0.0.1")),
            ("CLUSTER_RPC_ADDRESS", frontend.clone()),
            ("PUBLIC_FRONTEND_ADDRESS", frontend),
            ("DYNAMIC_CONFIG_FILE_PATH", text(DYNAMIC_CONFIG)),
            ("LOG_LEVEL", text("warn")),
            (ports[0], role.grpc.port().to_string()),
            (ports[1], role.membership.port().to_string()),
        ];
        environment.extend(http);
        environment
    }
}
