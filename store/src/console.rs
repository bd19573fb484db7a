//! Sessions of persons at the console, and what their roles let them do.

mod role;
mod session;

pub use role::{Role, Roles};
pub use session::{MAX_IDLE_MS, MAX_SESSION_MS, NewSession, SessionRecord, SessionToken, SignedInBy};
