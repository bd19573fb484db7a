//! A change of the schema does not wait for ever for a lock of another process, and says which process to look for.

use std::{
    str::FromStr as _,
    time::{Duration, Instant},
};

use sea_orm_migration::sea_orm::{ConnectionTrait as _, DbBackend, Statement, TransactionTrait as _};
use store::{Database, DatabaseUrl, SCHEMA_LOCK_TIME};

use crate::{database::Kind, on_both_databases, stack::daegeum};

on_both_databases!(a_lock_of_another_process_ends_a_migration_in_time, migrations_at_once_take_turns);

/// How many processes change one empty database at once.
const AT_ONCE: usize = 5;

/// What a loaded machine may take besides the wait for the lock.
const SLACK: Duration = Duration::from_secs(8);

async fn a_lock_of_another_process_ends_a_migration_in_time(database: Kind) {
    let directory = tempfile::tempdir().unwrap();
    let flags = database.flags().await;
    let migrate = |step: &str| {
        let mut command = daegeum();
        command.arg("--data-dir").arg(directory.path()).args(&flags).args(["migrate", step]);
        command.output().unwrap()
    };
    let file = directory.path().join("daegeum.db");
    assert!(migrate("up").status.success());
    assert!(migrate("down").status.success());

    let url = match database {
        Kind::Sqlite => format!("sqlite://{}", file.display()),
        Kind::Postgres => flags[1].clone(),
    };
    let holder = Database::connect(&DatabaseUrl::from_str(&url).unwrap()).await.unwrap();
    let holding = holder.connection().begin().await.unwrap();
    let mut holder_pid = 0;
    if database == Kind::Postgres {
        holding.execute_unprepared("SET LOCAL idle_in_transaction_session_timeout = 0").await.unwrap();
        let asked = Statement::from_string(DbBackend::Postgres, "SELECT pg_backend_pid() AS pid");
        holder_pid = holding.query_one_raw(asked).await.unwrap().unwrap().try_get::<i32>("", "pid").unwrap();
    }
    // Every change of the schema is written down in this table, whatever else it needs.
    let lock = match database {
        Kind::Sqlite => "UPDATE seaql_migrations SET version = version WHERE 1 = 0",
        Kind::Postgres => "LOCK TABLE seaql_migrations IN SHARE MODE",
    };
    holding.execute_unprepared(lock).await.unwrap();
    let began = Instant::now();
    let refused = migrate("up");
    let took = began.elapsed();
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success(), "{told}");
    assert!(took >= SCHEMA_LOCK_TIME && took < SCHEMA_LOCK_TIME + SLACK, "{took:?}: {told}");
    assert!(told.contains("another process held a lock for 10 s"), "{told}");
    match database {
        Kind::Sqlite => assert!(told.contains(&format!("fuser {}", file.display())), "{told}"),
        Kind::Postgres => {
            assert!(told.contains(&format!("look for process {holder_pid} (user ")), "{told}");
            // A process that is connected by a socket file has no address.
            assert!(told.contains(", daegeum, ") && told.contains("in a transaction for "), "{told}");
        }
    }
    // Nothing of the change was made, and it is made once the lock is gone.
    holding.rollback().await.unwrap();
    let made = migrate("up");
    let told = String::from_utf8_lossy(&made.stdout).into_owned();
    assert!(made.status.success() && !told.contains("Pending"), "{told}");
}

async fn migrations_at_once_take_turns(database: Kind) {
    let directory = tempfile::tempdir().unwrap();
    let flags = database.flags().await;
    let start = || {
        let mut command = daegeum();
        command.arg("--data-dir").arg(directory.path()).args(&flags).args(["migrate", "up"]);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
    };
    let running: Vec<_> = (0..AT_ONCE).map(|_| start()).collect();
    for process in running {
        let ended = process.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&ended.stdout).into_owned();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        assert!(told.contains("Applied") && !told.contains("Pending"), "{told}");
    }
}
