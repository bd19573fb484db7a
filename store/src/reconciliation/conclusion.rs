//! How a run ends.

use domain::{
    calendar::Day,
    reconciliation::{DueEscalation, Layer},
};

use super::summary::RunSummary;

/// A layer that a run compared, with its first and its last day; without days where the layer is about now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerDays {
    pub layer: Layer,
    pub days: Option<(Day, Day)>,
}

/// How a run ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConcludeRun {
    pub run_id: String,
    /// The layers that were compared to their end.
    pub compared: Vec<LayerDays>,
    /// Why there is no verdict, if there is none.
    pub incomplete: Option<String>,
    pub summary: RunSummary,
    /// What has reached which step of escalation by the day on which the run judges deadlines.
    pub due: Vec<DueEscalation>,
}
