//! The places of the console, and what each needs.

use store::Scope;

/// A place in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Overview,
    Payments,
    DeadLetters,
    Wallets,
    Ledger,
    Events,
    Endpoints,
    ApiKeys,
    Audit,
    Sessions,
}

impl Place {
    /// Every place, in the order of the navigation.
    pub const ALL: [Self; 10] = [
        Self::Overview,
        Self::Payments,
        Self::DeadLetters,
        Self::Wallets,
        Self::Ledger,
        Self::Events,
        Self::Endpoints,
        Self::ApiKeys,
        Self::Audit,
        Self::Sessions,
    ];

    /// The scope that an API key needs for the same data.
    pub const fn needs(self) -> Scope {
        match self {
            Self::Overview | Self::Payments | Self::Wallets | Self::Ledger | Self::Events => Scope::Read,
            Self::DeadLetters | Self::Endpoints | Self::ApiKeys | Self::Audit | Self::Sessions => Scope::Ops,
        }
    }

    /// Where it is.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Overview => "/console",
            Self::Payments => "/console/payments",
            Self::DeadLetters => "/console/dead-letters",
            Self::Wallets => "/console/wallets",
            Self::Ledger => "/console/ledger",
            Self::Events => "/console/events",
            Self::Endpoints => "/console/webhook-endpoints",
            Self::ApiKeys => "/console/api-keys",
            Self::Audit => "/console/audit-log",
            Self::Sessions => "/console/sessions",
        }
    }

    /// The place that an address belongs to.
    pub fn of(path: &str) -> Option<Self> {
        let is_of = |place: &Self| {
            let rest = path.strip_prefix(place.path());
            rest.is_some_and(|rest| rest.is_empty() || (rest.starts_with('/') && *place != Self::Overview))
        };
        Self::ALL.into_iter().find(is_of)
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn an_address_belongs_to_one_place() {
        assert_eq!(Place::of("/console"), Some(Place::Overview));
        assert_eq!(Place::of("/console/payments/checkout-1/refund"), Some(Place::Payments));
        assert_eq!(Place::of("/console/paymentsx"), None);
        assert_eq!(Place::of("/console/sign-in"), None);
    }
}
