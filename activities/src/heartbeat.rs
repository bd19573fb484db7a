//! Heartbeats of activities.

use temporalio_sdk::activities::ActivityContext;

/// Tells Temporal that the worker of an activity lives. A heartbeat that fails is logged: the next one may arrive.
pub(crate) async fn send(ctx: &ActivityContext) {
    if let Err(error) = ctx.record_heartbeat(()).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "could not send a heartbeat");
    }
}
