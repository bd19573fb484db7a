//! How Temporal is called from here.

use std::{error::Error, time::Duration};

use temporalio_client::{RetryOptions, RpcOptions};

/// How long the client tries again by itself when Temporal refuses or cannot be reached. It is shorter than
/// every wait in this crate, so that "cannot be reached" is not mistaken for "takes long".
const RETRY_TIME: Duration = Duration::from_secs(2);

/// How long one call may take, a confirmation's wait for its outcome included.
const RPC_TIME: Duration = Duration::from_secs(12);

/// Options for a call that somebody is waiting for.
pub(crate) fn rpc_options() -> RpcOptions {
    let retry = RetryOptions::builder().max_elapsed_time(Some(RETRY_TIME)).build();
    RpcOptions::builder().retry_options(retry).timeout(RPC_TIME).build()
}

/// What Temporal's server says of a signal beyond the limit. It has no code of its own for it.
const SIGNAL_LIMIT: &str = "exceeded workflow execution limit for signal events";

/// Whether Temporal refused a signal because its workflow has taken too many.
pub(crate) fn is_signal_limit(error: &dyn Error) -> bool {
    error_chain(error).contains(SIGNAL_LIMIT)
}

/// An error with all its causes, as one text.
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
