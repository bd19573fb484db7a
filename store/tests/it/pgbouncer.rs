//! A pooler between daegeum and PostgreSQL: session mode works with its limits intact, transaction mode is refused.

use std::{
    error::Error as _,
    fs::Permissions,
    net::{TcpListener, TcpStream},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use store::{Database, DatabaseUrl};

use crate::database;

/// How long the pooler may take to listen.
const START_TIME: Duration = Duration::from_secs(20);

/// A pooler that ends with the test.
struct Pooler(Child);

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An address as the tests have it: `postgres://USER@HOST:PORT/NAME`, where the host may be the place of a socket.
struct Address {
    user: String,
    host: String,
    port: String,
    name: String,
}

impl Address {
    fn read(text: &str) -> Self {
        let (user, rest) = text.strip_prefix("postgres://").unwrap().split_once('@').unwrap();
        let (server, name) = rest.rsplit_once('/').unwrap();
        let (host, port) = server.rsplit_once(':').unwrap_or((server, "5432"));
        let owned = |text: &str| text.replace("%2F", "/");
        Self { user: owned(user), host: owned(host), port: owned(port), name: owned(name) }
    }
}

/// Starts PgBouncer in a mode. Answers the address of the database through it.
fn pooler(place: &Path, mode: &str, address: &str) -> (Pooler, DatabaseUrl) {
    let Address { user, host, port, name } = Address::read(address);
    let listens = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let settings = place.join(format!("{mode}.ini"));
    let text = format!(
        "[databases]\n* = user={user} host={host} port={port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
         listen_port = {listens}\nauth_type = any\npool_mode = {mode}\nunix_socket_dir =\n"
    );
    std::fs::write(&settings, text).unwrap();
    std::fs::set_permissions(place, Permissions::from_mode(0o755)).unwrap();
    std::fs::set_permissions(&settings, Permissions::from_mode(0o644)).unwrap();
    let mut command = Command::new("pgbouncer");
    if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
        // It refuses to run as root; the socket may be root's.
        command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps", "+dac_override"]);
        command.args(["--ambient-caps", "+dac_override", "pgbouncer"]);
    }
    let pooler = Pooler(command.arg(&settings).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", listens)).is_err() {
        assert!(began.elapsed() < START_TIME, "PgBouncer does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
    (pooler, format!("postgres://{user}@127.0.0.1:{listens}/{name}").parse().unwrap())
}

async fn shown(database: &Database, setting: &str) -> String {
    let question = Statement::from_string(DbBackend::Postgres, format!("SHOW {setting}"));
    database.connection().query_one_raw(question).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn pgbouncer_keeps_the_limits_in_session_mode_and_is_refused_in_transaction_mode_postgres() {
    let fresh = database::postgres().await;
    let place = tempfile::tempdir().unwrap();
    let (_session, url) = pooler(place.path(), "session", &fresh.address);
    let (writing, reading) = (Database::connect(&url).await.unwrap(), Database::connect_read_only(&url).await.unwrap());
    for database in [&writing, &reading] {
        assert_eq!(shown(database, "statement_timeout").await, "10s");
        assert_eq!(shown(database, "idle_in_transaction_session_timeout").await, "10s");
    }
    writing.connection().execute_unprepared("CREATE TABLE passed (id INT)").await.unwrap();
    let refused = reading.connection().execute_unprepared("INSERT INTO passed VALUES (1)").await.unwrap_err();
    assert!(refused.to_string().contains("read-only transaction"), "{refused}");

    let (_transaction, url) = pooler(place.path(), "transaction", &fresh.address);
    for refused in [Database::connect(&url).await, Database::connect_read_only(&url).await] {
        let error = refused.unwrap_err();
        let told = format!("{error}: {}", error.source().unwrap());
        assert!(
            told.contains("gives out servers by the transaction") && told.contains("pool_mode = session"),
            "{told}"
        );
    }
}
