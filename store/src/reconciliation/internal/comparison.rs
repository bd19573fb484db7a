//! A comparison within our own books, as the database makes it.

use domain::Timestamp;

/// A statement that answers differences, with the times that it is asked about.
pub(super) struct Comparison {
    pub(super) sql: String,
    pub(super) times: Vec<Timestamp>,
}

/// The ids of subjects whose break of this layer is not resolved: they are compared whenever they moved.
pub(super) fn open_subjects(prefix: &str) -> String {
    format!(
        "SELECT substr(k.subject, {}) FROM breaks k \
         WHERE k.layer = 'internal' AND k.status <> 'RESOLVED' AND k.subject LIKE '{prefix}%'",
        prefix.len() + 1
    )
}
