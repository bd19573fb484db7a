//! A process ends in its time after SIGTERM, also while its database does not answer.

use std::{str::FromStr as _, time::Duration};

use nix::sys::signal::Signal;
use sea_orm_migration::sea_orm::{ConnectionTrait as _, DbBackend, Statement, TransactionTrait as _};
use store::{Database, DatabaseUrl};
use testkit::server::{Connection, Server, behind};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::{
    database::Kind,
    roles::Roles,
    stack::{Process, checkout, until},
};

/// How long a worker gets: no client waits for its answers.
const WORKER_TIME: Duration = Duration::from_secs(10);
/// How long the API gets, with a worker in its process or without: it drains, and finishes the requests under way.
const API_TIME: Duration = Duration::from_secs(24);

/// Creations under way: more than the connections of one process, so that each of the two has some in hand.
const CREATIONS: usize = 24;
/// The statements that one process can have under way: as many as it has connections to write.
const MOST_OF_ONE_PROCESS: i64 = 8;
/// How many statements wait for a lock.
const WAITING: &str = "SELECT COUNT(*) AS waiting FROM pg_stat_activity \
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";

/// Between a process and its database, on a port of its own: passes everything on until it is to be silent.
async fn proxy(server: Server, silent: watch::Receiver<bool>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(pass_on(client, server.connect().await, silent.clone()));
        }
    });
    port
}

async fn pass_on(mut client: TcpStream, mut server: Box<dyn Connection>, mut silent: watch::Receiver<bool>) {
    let is_silent = async {
        let _ = silent.wait_for(|silent| *silent).await;
    };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        // Neither a word nor an end: the other host is gone.
        () = is_silent => std::future::pending().await,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_whose_database_is_silent_ends_in_its_time() {
    let roles = Roles::start(Kind::Postgres).await;
    let address = roles.database_url();
    let silent = watch::Sender::new(false);
    let url = behind(&address, proxy(Server::of(&address), silent.subscribe()).await);
    let start = |role: &str| {
        let mut command = roles.command(&["--database-url", &url, "--listen", "127.0.0.1:0", role]);
        Process::start(&mut command, &roles.log(role))
    };
    let (mut worker, mut serve) = (start("worker"), start("serve"));
    let shop = roles.shop.clone();
    until("a worker records it", || async { shop.post("under-way", &checkout("under-way")).await.status() == 201 })
        .await;
    serve.says("daegeum serve: API at").await.unwrap();
    // Statements of both processes wait for a lock when the database falls silent: their answers never come.
    let database = Database::connect(&DatabaseUrl::from_str(&roles.database_url()).unwrap()).await.unwrap();
    let locking = database.connection().begin().await.unwrap();
    locking.execute_unprepared("SET LOCAL idle_in_transaction_session_timeout = 0").await.unwrap();
    locking.execute_unprepared("LOCK TABLE payment_events IN EXCLUSIVE MODE").await.unwrap();
    let creations: Vec<_> = (0..CREATIONS)
        .map(|number| {
            let (shop, id) = (shop.clone(), format!("under-way-{number}"));
            tokio::spawn(async move { shop.post(&id, &checkout(&id)).await })
        })
        .collect();
    until("both processes wait for the lock", || async {
        let row = database.connection().query_one_raw(Statement::from_string(DbBackend::Postgres, WAITING)).await;
        row.unwrap().unwrap().try_get::<i64>("", "waiting").unwrap() > MOST_OF_ONE_PROCESS
    })
    .await;
    silent.send_replace(true);
    for process in [&worker, &serve] {
        process.signal(Signal::SIGTERM);
    }
    assert!(worker.wait(WORKER_TIME), "the worker runs on");
    assert!(serve.wait(API_TIME), "the API runs on");
    for creation in creations {
        creation.abort();
    }
}
