//! What the rows of the table of pages and acts need.

use store::{Scope, console::Roles};

/// What a page or an act needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// A role that includes the scope.
    Scope(Scope),
    /// Roles that include every scope: an administrator's.
    Admin,
    /// A session of a seller.
    Seller,
    /// Any session.
    Session,
}

impl Needs {
    /// Whether people with these roles have it.
    pub fn admits(self, roles: Roles) -> bool {
        match self {
            Self::Scope(scope) => roles.scopes().includes(scope),
            Self::Admin => Scope::ALL.into_iter().all(|scope| roles.scopes().includes(scope)),
            Self::Seller => roles.is_seller(),
            Self::Session => true,
        }
    }

    /// As a person is told.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Scope(scope) => scope.as_str(),
            Self::Admin => "every scope",
            Self::Seller => "seller",
            Self::Session => "a session",
        }
    }
}
