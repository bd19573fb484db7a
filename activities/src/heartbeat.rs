//! Heartbeats of activities.

use std::time::Duration;

use futures::pin_mut;
use temporalio_sdk::activities::ActivityContext;

/// How often an activity says that it lives: well below the time after which Temporal believes that it does not.
const PAUSE: Duration = Duration::from_secs(5);

/// Tells Temporal that the worker of an activity lives. A heartbeat that fails is logged: the next one may arrive.
pub(crate) async fn send(ctx: &ActivityContext) {
    if let Err(error) = ctx.record_heartbeat(()).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "could not send a heartbeat");
    }
}

/// Does work that may take longer than a heartbeat may be late, and tells Temporal meanwhile that its worker lives.
pub(crate) async fn alive<T>(ctx: &ActivityContext, work: impl Future<Output = T>) -> T {
    pin_mut!(work);
    loop {
        match tokio::time::timeout(PAUSE, &mut work).await {
            Ok(done) => return done,
            Err(_) => send(ctx).await,
        }
    }
}
