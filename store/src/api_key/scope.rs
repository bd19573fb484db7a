//! What an API key may do: scopes, and sets of them.

/// One thing that a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Read checkouts, wallets and the books.
    Read,
    /// Create, confirm and give up checkouts.
    Checkout,
    /// Give money of paid checkouts back.
    Refund,
    /// Look into workflows and act on stuck ones.
    Ops,
    /// Act on sellers, payouts, settlements and breaks.
    Finance,
}

impl Scope {
    /// Every scope, in the order in which a set is written.
    pub const ALL: [Self; 5] = [Self::Read, Self::Checkout, Self::Refund, Self::Ops, Self::Finance];

    /// The scope as it is written: `read`, `checkout`, `refund`, `ops`, `finance`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Checkout => "checkout",
            Self::Refund => "refund",
            Self::Ops => "ops",
            Self::Finance => "finance",
        }
    }

    /// Reads a scope.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }

    /// Whether a key that was given this scope may do what needs `needed`. Every scope includes `read`, and `ops`
    /// includes all but `finance`.
    const fn includes(self, needed: Self) -> bool {
        match needed {
            Self::Read => true,
            Self::Checkout => matches!(self, Self::Checkout | Self::Ops),
            Self::Refund => matches!(self, Self::Refund | Self::Ops),
            Self::Ops => matches!(self, Self::Ops),
            Self::Finance => matches!(self, Self::Finance),
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The scopes that a key was given; at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scopes(u8);

/// A text that names no scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the scopes are read, checkout, refund, ops and finance; several have commas between them")]
pub struct ScopesError;

impl Scopes {
    /// A set of one scope.
    pub const fn only(scope: Scope) -> Self {
        Self(scope.bit())
    }

    /// No scope: what a seller has at the console. No API key has it.
    pub(crate) const NONE: Self = Self(0);

    /// Every scope.
    pub const ALL: Self = Self((1 << Scope::ALL.len()) - 1);

    /// The scopes of keys that the console makes. A person who holds such a key meets four eyes at refunds alone, where
    /// the holders of a key are known; the scopes `ops` and `finance` decide elsewhere too.
    pub const OF_CONSOLE: Self = Self::only(Scope::Read).and(Scope::Checkout).and(Scope::Refund);

    /// Whether every scope of this set is one of another.
    pub const fn lies_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// The set with one scope more.
    #[must_use]
    pub const fn and(self, scope: Scope) -> Self {
        Self(self.0 | scope.bit())
    }

    /// The set with all scopes of another one.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Reads scopes with commas between them.
    pub fn parse(text: &str) -> Result<Self, ScopesError> {
        let add = |set: u8, text: &str| Scope::parse(text.trim()).map(|scope| set | scope.bit());
        text.split(',').try_fold(0, add).map(Self).ok_or(ScopesError)
    }

    /// Whether a key of these scopes may do what needs `needed`.
    pub fn includes(self, needed: Scope) -> bool {
        self.given().any(|scope| scope.includes(needed))
    }

    /// The scopes that were given, without what they include.
    pub fn given(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.0 & scope.bit() != 0)
    }

    /// The set as it is written: `checkout,refund`.
    pub fn to_text(self) -> String {
        self.given().map(Scope::as_str).collect::<Vec<_>>().join(",")
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "in a test, what cannot be done fails the test")]

    use super::*;

    #[test]
    fn a_set_is_read_as_it_is_written() {
        for text in ["read", "checkout,refund", "ops,finance", "read,checkout,refund,ops,finance"] {
            assert_eq!(Scopes::parse(text).unwrap().to_text(), text);
        }
        assert_eq!(Scopes::parse("refund, checkout,refund").unwrap().to_text(), "checkout,refund");
        assert_eq!(Scopes::parse(&Scopes::ALL.to_text()), Ok(Scopes::ALL));
        for wrong in ["", ",", "all", "read,", "READ"] {
            assert_eq!(Scopes::parse(wrong), Err(ScopesError), "{wrong}");
        }
    }

    #[test]
    fn what_each_scope_includes() {
        let includes = |given: &str| {
            let set = Scopes::parse(given).unwrap();
            Scope::ALL.into_iter().filter(|scope| set.includes(*scope)).map(Scope::as_str).collect::<Vec<_>>().join(",")
        };
        for (given, expected) in [
            ("read", "read"),
            ("checkout", "read,checkout"),
            ("refund", "read,refund"),
            ("checkout,refund", "read,checkout,refund"),
            ("ops", "read,checkout,refund,ops"),
            ("finance", "read,finance"),
            ("ops,finance", "read,checkout,refund,ops,finance"),
        ] {
            assert_eq!(includes(given), expected, "{given}");
        }
    }
}
