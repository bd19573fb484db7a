//! What people ask of a break.

use domain::{
    Limits,
    id::BreakId,
    reconciliation::{Act, Actor},
};

/// An act on a break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakActRequest {
    pub break_id: BreakId,
    /// The version that the author saw: of two acts on one version the first wins.
    pub version: u32,
    pub act: Act,
    pub by: Actor,
    /// Why, in a person's words.
    pub reason: String,
    /// The largest difference that one principal resolves alone.
    pub alone_up_to: Limits,
}
