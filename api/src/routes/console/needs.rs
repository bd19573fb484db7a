//! What the rows of the table of pages and acts need.

use store::{Scope, console::Roles};

/// What a page or an act needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    Read,
    Checkout,
    Refund,
    Ops,
    Finance,
    /// A session of a seller.
    Seller,
    /// Any session.
    Session,
}

impl Needs {
    /// Whether people with these roles have it.
    pub fn admits(self, roles: Roles) -> bool {
        let may = |scope| roles.scopes().includes(scope);
        match self {
            Self::Read => may(Scope::Read),
            Self::Checkout => may(Scope::Checkout),
            Self::Refund => may(Scope::Refund),
            Self::Ops => may(Scope::Ops),
            Self::Finance => may(Scope::Finance),
            Self::Seller => roles.is_seller(),
            Self::Session => true,
        }
    }

    /// As a person is told.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Checkout => "checkout",
            Self::Refund => "refund",
            Self::Ops => "ops",
            Self::Finance => "finance",
            Self::Seller => "seller",
            Self::Session => "a session",
        }
    }
}
