//! The SQLite file a simulator remembers by, when it is given one.
//!
//! One table of records by kind and id, each the JSON of a whole object. The changes of one request are one
//! transaction, committed before its answer leaves: a process that is killed has lost nothing it answered.
//! The log reaches the disk at checkpoints only, so a machine that loses power may lose the last seconds.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

/// Of the table and of every record in it. A file of another number is refused, not converted.
const FORMAT: i64 = 1;
/// How long to wait for a simulator that is just ending to let go of the file.
const PATIENCE: Duration = Duration::from_secs(1);

/// A record as it now is; `None` when it is gone.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) kind: &'static str,
    pub(crate) id: String,
    pub(crate) record: Option<String>,
}

/// Why the file cannot be trusted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("SQLite refused")]
    Sqlite(#[from] rusqlite::Error),
    #[error("a record is not what this version writes")]
    Record(#[from] serde_json::Error),
    #[error("the file has format {found}, this version reads {FORMAT}")]
    Format { found: i64 },
}

/// An open file. Nobody else may open it meanwhile.
#[derive(Debug)]
pub(crate) struct File {
    connection: Connection,
}

impl File {
    /// Opens the file, or makes it.
    pub(crate) fn open(path: &Path) -> Result<Self, FileError> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match found {
            0 => {
                connection.execute_batch(
                    "BEGIN; CREATE TABLE records (kind TEXT NOT NULL, id TEXT NOT NULL, record TEXT NOT NULL, \
                     PRIMARY KEY (kind, id)) WITHOUT ROWID, STRICT;",
                )?;
                connection.pragma_update(None, "user_version", FORMAT)?;
                connection.execute_batch("COMMIT")?;
            }
            FORMAT => {}
            found => return Err(FileError::Format { found }),
        }
        Ok(Self { connection })
    }

    /// From now on nothing can be written, as on a full disk.
    #[cfg(test)]
    pub(crate) fn refuse_writes(&self) -> Result<(), FileError> {
        Ok(self.connection.pragma_update(None, "query_only", true)?)
    }

    /// Every record of that kind with its id, in no order.
    pub(crate) fn records(&self, kind: &str) -> Result<Vec<(String, String)>, FileError> {
        let mut select = self.connection.prepare("SELECT id, record FROM records WHERE kind = ?1")?;
        let rows = select.query_map([kind], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Writes all the changes, or none of them.
    pub(crate) fn save(&mut self, changes: &[Change]) -> Result<(), FileError> {
        let transaction = self.connection.transaction()?;
        {
            let mut put = transaction.prepare_cached(
                "INSERT INTO records (kind, id, record) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (kind, id) DO UPDATE SET record = excluded.record",
            )?;
            let mut remove = transaction.prepare_cached("DELETE FROM records WHERE kind = ?1 AND id = ?2")?;
            for Change { kind, id, record } in changes {
                match record {
                    Some(record) => put.execute((kind, id, record))?,
                    None => remove.execute((kind, id))?,
                };
            }
        }
        Ok(transaction.commit()?)
    }
}

#[cfg(test)]
mod tests {
    use super::{Change, File, FileError};

    #[test]
    fn records_are_put_replaced_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sim.db");
        let change = |id: &str, record: Option<&str>| Change {
            kind: "payment",
            id: id.to_owned(),
            record: record.map(str::to_owned),
        };
        let mut file = File::open(&path).unwrap();
        file.save(&[change("a", Some("1")), change("b", Some("2"))]).unwrap();
        file.save(&[change("a", Some("3")), change("b", None)]).unwrap();
        drop(file);
        let file = File::open(&path).unwrap();
        assert_eq!(file.records("payment").unwrap(), [("a".to_owned(), "3".to_owned())]);
        assert_eq!(file.records("call").unwrap(), []);
    }

    #[test]
    fn a_file_of_another_format_or_in_use_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sim.db");
        let file = File::open(&path).unwrap();
        assert!(matches!(File::open(&path), Err(FileError::Sqlite(_))));
        file.connection.pragma_update(None, "user_version", 2).unwrap();
        drop(file);
        assert!(matches!(File::open(&path), Err(FileError::Format { found: 2 })));
    }
}
