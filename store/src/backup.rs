//! Copies of SQLite files that were true at one instant.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use sea_orm::{
    DbErr, RuntimeErr,
    sqlx::{self, AssertSqlSafe, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions},
};

use crate::StoreError;

/// How long to wait for a writer to finish.
const BUSY_TIME: Duration = Duration::from_secs(10);

/// A file to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileCopy {
    /// An SQLite file, which may be in use.
    pub from: PathBuf,
    /// Where its copy goes; nothing may be there.
    pub to: PathBuf,
}

/// Copies SQLite files as they stand at one instant: no process writes to any of them meanwhile, and writers wait. Each
/// copy is checked and on disk when this ends.
pub async fn copy_at_one_instant(copies: &[FileCopy]) -> Result<(), StoreError> {
    let Some((first, rest)) = copies.split_first() else { return Ok(()) };
    let mut holder = open(&first.from).await?;
    for (number, copy) in rest.iter().enumerate() {
        let attach = AssertSqlSafe(format!("ATTACH DATABASE ?1 AS file_{number}"));
        sqlx::query(attach).bind(text(&copy.from)).execute(&mut holder).await.map_err(failed)?;
    }
    // A write transaction on every file: nobody else commits to any of them until it ends.
    sqlx::query("BEGIN IMMEDIATE").execute(&mut holder).await.map_err(failed)?;
    let copied = copy_all(copies).await;
    sqlx::query("ROLLBACK").execute(&mut holder).await.map_err(failed)?;
    holder.close().await.map_err(failed)?;
    copied
}

async fn copy_all(copies: &[FileCopy]) -> Result<(), StoreError> {
    for FileCopy { from, to } in copies {
        let mut reading = open(from).await?;
        sqlx::query("VACUUM INTO ?1").bind(text(to)).execute(&mut reading).await.map_err(failed)?;
        reading.close().await.map_err(failed)?;
        check(to).await?;
        let on_disk = std::fs::File::open(to).and_then(|file| file.sync_all());
        on_disk.map_err(|error| failed(sqlx::Error::Io(error)))?;
    }
    Ok(())
}

async fn check(copy: &Path) -> Result<(), StoreError> {
    let mut reading = open(copy).await?;
    let told: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut reading).await.map_err(failed)?;
    reading.close().await.map_err(failed)?;
    if told == "ok" { Ok(()) } else { Err(StoreError::Corrupt { what: "a copy", value: told }) }
}

async fn open(file: &Path) -> Result<SqliteConnection, StoreError> {
    let options = SqliteConnectOptions::new().filename(file).busy_timeout(BUSY_TIME);
    SqliteConnection::connect_with(&options).await.map_err(failed)
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn failed(error: sqlx::Error) -> StoreError {
    DbErr::Conn(RuntimeErr::SqlxError(error.into())).into()
}
