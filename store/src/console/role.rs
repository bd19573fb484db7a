//! What a person may do at the console: roles, and the scopes that they stand for.

use crate::{Scope, Scopes};

/// What a person is at the marketplace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Reads payments, wallets and the books.
    Support,
    /// Acts on payments, dead letters and deliveries.
    Operations,
    /// Gives money back, and acts on sellers and payouts.
    Finance,
    /// All of it.
    Admin,
    /// A seller of the marketplace, who sees own data and nothing else.
    Seller,
}

impl Role {
    /// Every role, in the order in which a set is written.
    pub const ALL: [Self; 5] = [Self::Support, Self::Operations, Self::Finance, Self::Admin, Self::Seller];

    /// The role as it is written: `support`, `operations`, `finance`, `admin`, `seller`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Support => "support",
            Self::Operations => "operations",
            Self::Finance => "finance",
            Self::Admin => "admin",
            Self::Seller => "seller",
        }
    }

    /// Reads a role.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// The scopes that an API key would need for the same.
    pub const fn scopes(self) -> Scopes {
        match self {
            Self::Support => Scopes::only(Scope::Read),
            Self::Operations => Scopes::only(Scope::Ops),
            Self::Finance => Scopes::only(Scope::Finance).and(Scope::Refund),
            Self::Admin => Scopes::only(Scope::Ops).and(Scope::Finance),
            // No page of the marketplace is a seller's.
            Self::Seller => Scopes::NONE,
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The roles of a person; at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles(u8);

impl Roles {
    /// A set of one role.
    pub const fn only(role: Role) -> Self {
        Self(role.bit())
    }

    /// The roles of a list; nothing where the list is empty. A seller is a seller alone, whatever else is given.
    pub fn of(roles: impl IntoIterator<Item = Role>) -> Option<Self> {
        let bits = roles.into_iter().fold(0, |set, role| set | role.bit());
        let given = (bits != 0).then_some(Self(bits))?;
        Some(if given.is_seller() { Self::only(Role::Seller) } else { given })
    }

    /// Whether the person is a seller.
    pub const fn is_seller(self) -> bool {
        self.0 & Role::Seller.bit() != 0
    }

    /// Reads roles with commas between them.
    pub fn parse(text: &str) -> Option<Self> {
        let roles = text.split(',').map(Role::parse).collect::<Option<Vec<_>>>()?;
        Self::of(roles)
    }

    /// The roles that were given.
    pub fn given(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.0 & role.bit() != 0)
    }

    /// The scopes of all these roles.
    pub fn scopes(self) -> Scopes {
        let scopes = self.given().map(Role::scopes).reduce(Scopes::with);
        scopes.unwrap_or(Scopes::NONE)
    }

    /// The set as it is written: `support,finance`.
    pub fn to_text(self) -> String {
        self.given().map(Role::as_str).collect::<Vec<_>>().join(",")
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "in a test, what cannot be done fails the test")]

    use super::*;

    #[test]
    fn a_set_of_roles_is_read_as_it_is_written() {
        for text in ["support", "operations,finance", "support,operations,finance,admin", "seller"] {
            assert_eq!(Roles::parse(text).unwrap().to_text(), text);
        }
        for wrong in ["", ",", "root", "support,", "ADMIN"] {
            assert_eq!(Roles::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Roles::parse("admin,seller").unwrap().to_text(), "seller", "a seller gets no right besides");
    }

    #[test]
    fn what_each_role_may_do() {
        for (role, expected) in [
            (Role::Support, "read"),
            (Role::Operations, "read,checkout,refund,ops"),
            (Role::Finance, "read,refund,finance"),
            (Role::Admin, "read,checkout,refund,ops,finance"),
            (Role::Seller, ""),
        ] {
            let scopes = Roles::only(role).scopes();
            let may: Vec<_> =
                Scope::ALL.into_iter().filter(|scope| scopes.includes(*scope)).map(Scope::as_str).collect();
            assert_eq!(may.join(","), expected, "{}", role.as_str());
        }
    }
}
