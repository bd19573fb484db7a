//! When each API key was used last.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use domain::{Timestamp, id::ApiKeyId};
use store::Journal;

/// How often the use of a key is written down.
const USE_WRITTEN_EVERY: Duration = Duration::from_secs(60);

/// When the use of each key was last handed over to be written down.
#[derive(Debug, Default)]
pub(crate) struct Uses(Mutex<HashMap<ApiKeyId, Instant>>);

impl Uses {
    /// Has the use of a key written down, unless that was done a moment ago. Nobody waits for it, and nothing is
    /// lost but a time if it fails.
    pub(crate) fn note(&self, id: &ApiKeyId, journal: &Journal, at: Timestamp) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.get(id).is_some_and(|last| last.elapsed() < USE_WRITTEN_EVERY) {
            return;
        }
        // Only keys that are proved come here, so the table is no larger than that of the database.
        noted.insert(id.clone(), Instant::now());
        let (journal, id) = (journal.clone(), id.clone());
        tokio::spawn(async move {
            if let Err(error) = journal.api_key_used(&id, at).await {
                tracing::warn!(api_key.id = %id, %error, "the use of the API key {id} was not written down");
            }
        });
    }
}
