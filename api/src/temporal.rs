//! How Temporal is called from here.

use std::time::Duration;

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
