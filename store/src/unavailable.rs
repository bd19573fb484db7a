//! Whether a failure is the database's absence rather than its answer.

use sea_orm::{DbErr, RuntimeErr, sqlx};

use crate::StoreError;

/// How PostgreSQL's codes begin for a connection that broke, for want of resources, for a server that is
/// stopping or starting, and for a statement that took too long. Source: PostgreSQL, appendix A.
const POSTGRES_CODES: [&str; 4] = ["08", "53", "57P", "57014"];
/// SQLite's codes for a file that another process keeps locked. Source: SQLite, result and error codes.
const SQLITE_CODES: [&str; 3] = ["5", "261", "517"];

impl StoreError {
    /// Whether the database could not be reached or had no time: the same request may succeed later.
    pub fn is_unavailable(&self) -> bool {
        let error = match self {
            Self::Database(error) => error,
            Self::Stopped => return true,
            _ => return false,
        };
        match error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => true,
            DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error)) => is_absence(error),
            _ => false,
        }
    }
}

fn is_absence(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            SQLITE_CODES.contains(&&*code) || POSTGRES_CODES.iter().any(|beginning| code.starts_with(beginning))
        }),
        _ => false,
    }
}
