//! How far a run has come, and what it came to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How far a run has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What is being done.
    pub step: String,
    pub done: u64,
    /// Nothing where it is not known beforehand.
    pub total: Option<u64>,
}

/// What one layer of a run came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerSummary {
    /// Counts and sums by their names, as decimal text.
    pub figures: BTreeMap<String, String>,
    /// Why the layer was not compared, if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
    /// The number of breaks by type.
    #[serde(default)]
    pub breaks: BTreeMap<String, u64>,
}

/// What a run came to, by layer.
pub type RunSummary = BTreeMap<String, LayerSummary>;
