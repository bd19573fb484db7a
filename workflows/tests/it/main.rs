//! What workflows decide without a Temporal server.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod attempts;
mod help_desk;
mod inquiry;
mod ports;
