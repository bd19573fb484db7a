//! Webhooks that arrived.

pub(crate) mod write;

pub use write::{MAX_KEPT_WEBHOOKS, Noted, Webhook};
