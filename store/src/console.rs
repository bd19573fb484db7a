//! Sessions of persons at the console, and what their roles let them do.

mod link;
mod role;
mod session;

pub use link::{LinkToken, MAX_LINK_MS, SellerLink};
pub use role::{Role, Roles};
pub use session::{MAX_IDLE_MS, MAX_SESSION_MS, NewSession, SessionRecord, SessionToken, SignedInBy};
