//! Reading rows one by one, so that a row that cannot be read is named and the others are read all the same.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QueryTrait, Select,
    TryGetable,
};

use crate::{
    BookedEntry, StoreError,
    books::audit::findings::{Check, Findings},
    entities::{ledger_entries, ledger_postings},
};

/// How many entries' postings are asked for at once: their numbers are parameters of one statement.
const AT_ONCE: usize = 500;

/// A row, or why it is none, under its key.
pub(super) struct Row<K, M> {
    pub(super) key: K,
    pub(super) model: Result<M, StoreError>,
}

impl<K: std::fmt::Display, M> Row<K, M> {
    /// The row, or a finding.
    pub(super) fn or_name(self, what: &str, findings: &mut Findings) -> Option<M> {
        self.model
            .map_err(|error| findings.add(Check::Reading, format_args!("{what} {}", self.key), Reasons(&error)))
            .ok()
    }
}

/// An error with all its causes.
pub(super) struct Reasons<'a>(pub(super) &'a StoreError);

impl std::fmt::Display for Reasons<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = std::error::Error::source(self.0);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// Rows with the column that names them. Only a key that cannot be read ends the reading.
pub(super) async fn rows<E, K>(
    select: Select<E>,
    key: &str,
    connection: &impl ConnectionTrait,
) -> Result<Vec<Row<K, E::Model>>, StoreError>
where
    E: EntityTrait,
    E::Model: FromQueryResult,
    K: TryGetable,
{
    let found = connection.query_all(select.as_query()).await?;
    let read = |row: &sea_orm::QueryResult| -> Result<Row<K, E::Model>, DbErr> {
        Ok(Row { key: row.try_get("", key)?, model: E::Model::from_query_result(row, "").map_err(StoreError::from) })
    };
    Ok(found.iter().map(read).collect::<Result<_, _>>()?)
}

/// An entry with its postings, or why it is none; its stored hash, where that could be read.
pub(super) struct EntryRow {
    pub(super) sequence: i64,
    pub(super) hash: Option<String>,
    /// How many postings it has.
    pub(super) postings: u64,
    pub(super) booked: Result<BookedEntry, StoreError>,
}

/// Entries, each with its postings.
pub(super) async fn entries(
    select: Select<ledger_entries::Entity>,
    connection: &impl ConnectionTrait,
) -> Result<Vec<EntryRow>, StoreError> {
    let rows = rows::<_, i64>(select, "sequence", connection).await?;
    let mut postings: HashMap<i64, (u64, Result<Vec<ledger_postings::Model>, StoreError>)> = HashMap::new();
    for part in rows.chunks(AT_ONCE) {
        let lines = ledger_postings::Entity::find()
            .filter(ledger_postings::Column::Sequence.is_in(part.iter().map(|row| row.key)))
            .order_by_asc(ledger_postings::Column::Sequence)
            .order_by_asc(ledger_postings::Column::Line);
        for line in self::rows::<_, i64>(lines, "sequence", connection).await? {
            let (count, lines) = postings.entry(line.key).or_insert_with(|| (0, Ok(Vec::new())));
            *count += 1;
            match (lines, line.model) {
                (Ok(lines), Ok(line)) => lines.push(line),
                (Err(_), _) => {}
                (unreadable, Err(error)) => *unreadable = Err(error),
            }
        }
    }
    let complete = |row: Row<i64, ledger_entries::Model>| {
        let (postings, lines) = postings.remove(&row.key).unwrap_or((0, Ok(Vec::new())));
        let hash = row.model.as_ref().ok().map(|model| model.hash.clone());
        let booked = row.model.and_then(|model| BookedEntry::of_rows(model, lines?));
        EntryRow { sequence: row.key, hash, postings, booked }
    };
    Ok(rows.into_iter().map(complete).collect())
}
