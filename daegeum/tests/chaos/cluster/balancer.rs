//! HAProxy before the API, the frontends of Temporal and the primary of PostgreSQL.

use std::net::SocketAddr;

/// The role by which HAProxy asks PostgreSQL whether it is the primary. The role has no rights and no password.
pub(super) const CHECKER: &str = "balancer";
/// The version 3.0 of PostgreSQL's protocol.
const PROTOCOL_VERSION: u32 = 196_608;
/// The answer's row with one column of one byte: `f`, for a server that is not in recovery.
const IS_PRIMARY: &str = "440000000b00010000000166";

/// What is reached by which address.
pub(super) struct Balanced {
    pub(super) api: SocketAddr,
    pub(super) serves: [SocketAddr; 2],
    pub(super) temporal: SocketAddr,
    pub(super) frontends: [Frontend; 2],
    pub(super) database: SocketAddr,
    pub(super) nodes: [u16; 3],
}

/// A frontend of Temporal: where it is served, and where it is asked whether it is well.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frontend {
    pub(super) grpc: SocketAddr,
    pub(super) http: SocketAddr,
}

/// HAProxy's configuration.
pub(super) fn configuration(balanced: &Balanced) -> String {
    let Balanced { api, serves, temporal, frontends, database, nodes } = balanced;
    let [first, second] = frontends;
    let [startup, question] = primary_check();
    let nodes: String = nodes
        .iter()
        .zip(1..)
        .map(|(port, number)| format!("    server postgres-{number} 127.0.0.1:{port}\n"))
        .collect();
    format!(
        "defaults
    timeout connect 2s
    timeout check 2s
    timeout client 1h
    timeout server 1h
    # A connection to what does not answer any more is closed: its client has to find the other one.
    default-server check inter 500ms fall 2 rise 1 on-marked-down shutdown-sessions

listen api
    bind {api}
    mode http
    balance roundrobin
    option forwardfor
    option redispatch
    option httpchk GET /readyz
    http-check expect status 200
    server serve-1 {}
    server serve-2 {}

listen temporal
    bind {temporal}
    mode tcp
    balance leastconn
    option httpchk GET /api/v1/cluster-info
    http-check expect status 200
    server frontend-1 {} port {}
    server frontend-2 {} port {}

listen postgres
    bind {database}
    mode tcp
    option tcp-check
    tcp-check connect
    tcp-check send-binary {startup}
    tcp-check send-binary {question}
    tcp-check expect binary {IS_PRIMARY}
{nodes}",
        serves[0],
        serves[1],
        first.grpc,
        first.http.port(),
        second.grpc,
        second.http.port(),
    )
}

/// The two messages that sign in and ask whether the server is in recovery, in hexadecimal.
fn primary_check() -> [String; 2] {
    let startup = format!("user\0{CHECKER}\0database\0postgres\0\0");
    let body = [&PROTOCOL_VERSION.to_be_bytes()[..], startup.as_bytes()].concat();
    let query = b"select pg_is_in_recovery()\0";
    let with_length = |body: &[u8]| [&u32::try_from(body.len() + 4).unwrap().to_be_bytes()[..], body].concat();
    [hex::encode(with_length(&body)), format!("51{}", hex::encode(with_length(query)))]
}
