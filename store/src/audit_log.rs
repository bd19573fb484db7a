//! The audit log: who changed what.

pub(crate) mod write;

pub use write::{Actor, AuditEntry};
