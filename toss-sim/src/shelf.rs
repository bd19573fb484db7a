//! Records by their id, and which of them have changed since they were last saved.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::file::{Change, File, FileError};

/// Records of one kind. Every change goes through here, so none can miss the file.
#[derive(Debug)]
pub(crate) struct Shelf<Id, T> {
    kind: &'static str,
    records: BTreeMap<Id, T>,
    changed: BTreeSet<Id>,
}

impl<Id: Ord + Clone, T> Shelf<Id, T> {
    /// An empty shelf; `kind` is the name of its records in the file.
    pub(crate) fn new(kind: &'static str) -> Self {
        Self { kind, records: BTreeMap::new(), changed: BTreeSet::new() }
    }

    pub(crate) fn get(&self, id: &Id) -> Option<&T> {
        self.records.get(id)
    }

    /// The record, to be changed.
    pub(crate) fn get_mut(&mut self, id: &Id) -> Option<&mut T> {
        let record = self.records.get_mut(id)?;
        self.changed.insert(id.clone());
        Some(record)
    }

    pub(crate) fn insert(&mut self, id: Id, record: T) {
        self.changed.insert(id.clone());
        self.records.insert(id, record);
    }

    pub(crate) fn remove(&mut self, id: &Id) -> Option<T> {
        let record = self.records.remove(id)?;
        self.changed.insert(id.clone());
        Some(record)
    }

    /// Removes the first record.
    pub(crate) fn pop_first(&mut self) {
        if let Some((id, _)) = self.records.pop_first() {
            self.changed.insert(id);
        }
    }

    /// Removes all of them and says how many there were.
    pub(crate) fn clear(&mut self) -> usize {
        let records = std::mem::take(&mut self.records);
        let count = records.len();
        self.changed.extend(records.into_keys());
        count
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    pub(crate) fn last_id(&self) -> Option<&Id> {
        self.records.last_key_value().map(|(id, _)| id)
    }

    /// Every record, in the order of the ids.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&Id, &T)> {
        self.records.iter()
    }
}

/// What a world saves and reads again, whatever its records are.
pub(crate) trait Saved {
    /// The changes since this was last asked.
    fn take_changes(&mut self, into: &mut Vec<Change>) -> Result<(), FileError>;

    /// Discards the list of changes without saving them.
    fn forget_changes(&mut self);

    /// Takes in what the file knows.
    fn restore(&mut self, file: &File) -> Result<(), FileError>;
}

impl<Id: Ord + Clone + Serialize + DeserializeOwned, T: Serialize + DeserializeOwned> Saved for Shelf<Id, T> {
    fn take_changes(&mut self, into: &mut Vec<Change>) -> Result<(), FileError> {
        for id in std::mem::take(&mut self.changed) {
            let record = self.records.get(&id).map(serde_json::to_string).transpose()?;
            into.push(Change { kind: self.kind, id: serde_json::to_string(&id)?, record });
        }
        Ok(())
    }

    fn forget_changes(&mut self) {
        self.changed.clear();
    }

    fn restore(&mut self, file: &File) -> Result<(), FileError> {
        for (id, record) in file.records(self.kind)? {
            self.records.insert(serde_json::from_str(&id)?, serde_json::from_str(&record)?);
        }
        Ok(())
    }
}

/// Bytes that are text, written as text.
pub(crate) mod text {
    use axum::body::Bytes;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&String::from_utf8_lossy(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        String::deserialize(deserializer).map(Bytes::from)
    }
}
