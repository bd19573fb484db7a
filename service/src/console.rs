//! The console: who is signed in, and what a person may ask for there.
//!
//! A person acts through the same use cases as an API key: [`caller`] makes of a session what those take.

mod link;
pub mod provider;
mod seller_link;
mod session;

use store::console::SessionRecord;

pub use link::{LinkError, SignInLink, SignInLinks};
pub use seller_link::{offer_link, take_link};
pub use session::{Open, begin, open};

use crate::Caller;

/// The person of a session, as use cases know callers.
pub fn caller(session: &SessionRecord) -> Caller {
    Caller { principal: session.principal(), scopes: session.roles.scopes(), refund_limit: None }
}
