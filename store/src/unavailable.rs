//! Whether a failure is the database's absence rather than its answer.

use std::borrow::Cow;

use sea_orm::{DbErr, RuntimeErr, sqlx};

use crate::StoreError;

/// How PostgreSQL's codes begin for a connection that broke, for want of resources, for a server that is
/// stopping or starting, and for a statement that took too long. Source: PostgreSQL, appendix A.
const POSTGRES_CODES: [&str; 4] = ["08", "53", "57P", "57014"];
/// PostgreSQL's code for a write on a server that only reads: a standby, or a primary that was set so.
const POSTGRES_READ_ONLY: &str = "25006";
/// How PostgreSQL's codes begin for a server that is stopping or starting.
const POSTGRES_LEAVING: &str = "57P";
/// PostgreSQL's codes for a transaction that others got in the way of, of which nothing is written: no order of them
/// would have come to the same (SERIALIZABLE alone), or they wait for each other.
const POSTGRES_CONFLICTS: [&str; 2] = ["40001", "40P01"];
/// SQLite's primary codes for a file that another process keeps locked, that cannot be written, read, or opened now,
/// and for a disk that is full. Source: SQLite, result and error codes.
const SQLITE_CODES: [u32; 6] = [5, 6, 8, 10, 13, 14];
/// PostgreSQL's code for a lock that was not to be had in time.
const POSTGRES_LOCK: &str = "55P03";
/// SQLite's primary code for a file that another connection keeps locked.
const SQLITE_BUSY: u32 = 5;
/// The part of an SQLite code that is the primary one.
const SQLITE_PRIMARY: u32 = 0xff;

impl StoreError {
    /// Whether the database could not be reached, had no time or took others first: the same request may succeed
    /// later.
    pub fn is_unavailable(&self) -> bool {
        let error = match self {
            Self::Database(error) => error,
            Self::Stopped | Self::ClockOff { .. } => return true,
            _ => return false,
        };
        match error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => true,
            DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error)) => is_absence(error),
            _ => false,
        }
    }

    /// Whether other transactions got in the way of this one: nothing of it is written, and the same may be tried at
    /// once.
    pub(crate) fn is_conflict(&self) -> bool {
        let Self::Database(error) = self else { return false };
        code_of(error).is_some_and(|code| POSTGRES_CONFLICTS.contains(&&*code))
    }
}

/// The code that the database gave an error.
fn code_of(error: &DbErr) -> Option<Cow<'_, str>> {
    let (DbErr::Conn(RuntimeErr::SqlxError(error))
    | DbErr::Exec(RuntimeErr::SqlxError(error))
    | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        return None;
    };
    error.as_database_error()?.code()
}

/// Whether the server at the other end will not write, whatever is asked: a connection to it is of no use.
pub(crate) fn asks_the_wrong_server(error: &DbErr) -> bool {
    code_of(error).is_some_and(|code| code == POSTGRES_READ_ONLY || code.starts_with(POSTGRES_LEAVING))
}

/// Whether a statement ended because another process held a lock for too long.
pub(crate) fn waited_for_a_lock(error: &DbErr) -> bool {
    code_of(error).is_some_and(|code| {
        let is_sqlite = code.len() < POSTGRES_LOCK.len();
        code == POSTGRES_LOCK || is_sqlite && code.parse().is_ok_and(|code: u32| code & SQLITE_PRIMARY == SQLITE_BUSY)
    })
}

/// PostgreSQL's codes have five characters, SQLite's at most four digits.
fn is_sqlite_absence(code: &str) -> bool {
    let code = Some(code).filter(|code| code.len() < POSTGRES_READ_ONLY.len());
    code.and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| SQLITE_CODES.contains(&(code & SQLITE_PRIMARY)))
}

fn is_absence(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            is_sqlite_absence(&code)
                || code == POSTGRES_READ_ONLY
                || POSTGRES_CONFLICTS.contains(&&*code)
                || POSTGRES_CODES.iter().any(|beginning| code.starts_with(beginning))
        }),
        _ => false,
    }
}
