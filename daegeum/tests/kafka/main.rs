//! The Kafka sink against a real broker: real processes, real HTTP, Apache Kafka itself.
#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test, what cannot be done fails the test")]

mod alerts;
mod broker;
mod delivery;
#[expect(dead_code, reason = "the other tests use the rest")]
#[path = "../it/prometheus/server.rs"]
mod prometheus;
#[path = "../it/secrecy.rs"]
mod secrecy;
#[expect(dead_code, reason = "the other tests use the rest")]
#[path = "../it/stack.rs"]
mod stack;

use testkit::database;
