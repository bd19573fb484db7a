//! The places of the console, and what each needs.

use store::{Scope, console::Roles};

/// Where the requests for API keys are.
const KEY_REQUESTS: &str = "/console/api-key-requests";

/// A place in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Overview,
    Payments,
    Sellers,
    Payouts,
    Reconciliation,
    DeadLetters,
    Ledger,
    Events,
    Endpoints,
    ApiKeys,
    Audit,
    Sessions,
    System,
    /// A seller's own wallet.
    Own,
    /// A seller's own payouts.
    OwnPayouts,
}

impl Place {
    /// Every place, in the order of the navigation.
    pub const ALL: [Self; 15] = [
        Self::Overview,
        Self::Payments,
        Self::Sellers,
        Self::Payouts,
        Self::Reconciliation,
        Self::DeadLetters,
        Self::Ledger,
        Self::Events,
        Self::Endpoints,
        Self::ApiKeys,
        Self::Audit,
        Self::Sessions,
        Self::System,
        Self::Own,
        Self::OwnPayouts,
    ];

    /// Whether people with these roles may go there.
    pub fn admits(self, roles: Roles) -> bool {
        match self.needs() {
            Some(scope) => roles.scopes().includes(scope),
            None => roles.is_seller(),
        }
    }

    /// The scope that an API key needs for the same data; nothing where the place is a seller's.
    pub const fn needs(self) -> Option<Scope> {
        match self {
            Self::Overview
            | Self::Payments
            | Self::Sellers
            | Self::Payouts
            | Self::Reconciliation
            | Self::Ledger
            | Self::Events => Some(Scope::Read),
            Self::DeadLetters | Self::Endpoints | Self::ApiKeys | Self::Audit | Self::Sessions | Self::System => {
                Some(Scope::Ops)
            }
            Self::Own | Self::OwnPayouts => None,
        }
    }

    /// Where people with these roles begin.
    pub const fn home(roles: Roles) -> Self {
        if roles.is_seller() { Self::Own } else { Self::Overview }
    }

    /// Where it is.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Overview => "/console",
            Self::Payments => Tab::Payments.path(),
            Self::DeadLetters => "/console/dead-letters",
            Self::Sellers => Tab::Sellers.path(),
            Self::Payouts => Tab::Runs.path(),
            Self::Reconciliation => Tab::Days.path(),
            Self::Ledger => "/console/ledger",
            Self::Events => "/console/events",
            Self::Endpoints => "/console/webhook-endpoints",
            Self::ApiKeys => "/console/api-keys",
            Self::Audit => "/console/audit-log",
            Self::Sessions => "/console/sessions",
            Self::System => "/console/system",
            Self::Own => "/console/own",
            Self::OwnPayouts => "/console/own/payouts",
        }
    }

    /// The place that an address belongs to.
    pub fn of(path: &str) -> Option<Self> {
        let is_of = |place: &Self| match place {
            Self::Overview | Self::Own => path == place.path(),
            Self::ApiKeys => lies_under(place.path(), path) || lies_under(KEY_REQUESTS, path),
            Self::Payments | Self::Sellers | Self::Payouts | Self::Reconciliation => {
                place.tabs().iter().any(|tab| tab.holds(path))
            }
            Self::DeadLetters
            | Self::Ledger
            | Self::Events
            | Self::Endpoints
            | Self::Audit
            | Self::Sessions
            | Self::System
            | Self::OwnPayouts => lies_under(place.path(), path),
        };
        Self::ALL.into_iter().find(is_of)
    }

    /// The lists of the place, where it has several.
    pub(super) const fn tabs(self) -> &'static [Tab] {
        match self {
            Self::Payments => &[Tab::Payments, Tab::Approvals],
            Self::Sellers => &[Tab::Sellers, Tab::Wallets],
            Self::Payouts => &[Tab::Runs, Tab::Payouts],
            Self::Reconciliation => &[Tab::Days, Tab::Breaks, Tab::Settlements, Tab::Exchanges],
            Self::Ledger => &[Tab::Accounts, Tab::Entries, Tab::Proofs],
            Self::Overview
            | Self::DeadLetters
            | Self::Events
            | Self::Endpoints
            | Self::ApiKeys
            | Self::Audit
            | Self::Sessions
            | Self::System
            | Self::Own
            | Self::OwnPayouts => &[],
        }
    }
}

/// A list beside others of one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Payments,
    /// Refunds that wait for a second person.
    Approvals,
    Sellers,
    Wallets,
    Runs,
    Payouts,
    Days,
    Breaks,
    Settlements,
    Exchanges,
    Accounts,
    Entries,
    Proofs,
}

impl Tab {
    /// Where it is.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Payments => "/console/payments",
            Self::Approvals => "/console/refund-approvals",
            Self::Sellers => "/console/sellers",
            Self::Wallets => "/console/wallets",
            Self::Runs => "/console/payout-runs",
            Self::Payouts => "/console/payouts",
            Self::Days => "/console/reconciliations",
            Self::Breaks => "/console/breaks",
            Self::Settlements => "/console/settlements",
            Self::Exchanges => "/console/fx-trading",
            Self::Accounts => "/console/ledger",
            Self::Entries => "/console/ledger/entries",
            Self::Proofs => "/console/ledger/proofs",
        }
    }

    /// Whether an address belongs to the list.
    pub(super) fn holds(self, path: &str) -> bool {
        match self {
            // The other tabs of the ledger lie under its first.
            Self::Accounts => path == self.path() || lies_under("/console/ledger/accounts", path),
            Self::Proofs => lies_under(self.path(), path) || lies_under("/console/ledger/export", path),
            Self::Payments
            | Self::Approvals
            | Self::Sellers
            | Self::Wallets
            | Self::Runs
            | Self::Payouts
            | Self::Days
            | Self::Breaks
            | Self::Settlements
            | Self::Exchanges
            | Self::Entries => lies_under(self.path(), path),
        }
    }

    /// Whether people with these roles may go there, of those who may go to its place.
    pub(super) fn admits(self, roles: Roles) -> bool {
        match self {
            Self::Proofs => roles.scopes().includes(Scope::Finance),
            Self::Payments
            | Self::Approvals
            | Self::Sellers
            | Self::Wallets
            | Self::Runs
            | Self::Payouts
            | Self::Days
            | Self::Breaks
            | Self::Settlements
            | Self::Exchanges
            | Self::Accounts
            | Self::Entries => true,
        }
    }
}

fn lies_under(place: &str, path: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn an_address_belongs_to_one_place() {
        assert_eq!(Place::of("/console"), Some(Place::Overview));
        assert_eq!(Place::of("/console/payments/checkout-1/refund"), Some(Place::Payments));
        assert_eq!(Place::of("/console/refund-approvals"), Some(Place::Payments));
        assert_eq!(Place::of("/console/payout-runs/run_1/approve"), Some(Place::Payouts));
        assert_eq!(Place::of("/console/breaks"), Some(Place::Reconciliation));
        assert_eq!(Place::of("/console/ledger/proofs"), Some(Place::Ledger));
        assert_eq!(Place::of("/console/own/payouts/po_1"), Some(Place::OwnPayouts));
        assert_eq!(Place::of("/console/paymentsx"), None);
        assert_eq!(Place::of("/console/sign-in"), None);
    }
}
