//! The two sides of a posting.

use std::fmt;

use crate::entities::ledger_postings;

/// Which account of a posting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The one that is debited.
    Debit,
    /// The one that is credited.
    Credit,
}

impl Side {
    /// Both sides.
    pub const BOTH: [Self; 2] = [Self::Debit, Self::Credit];

    /// The side as the books write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debit => "debit",
            Self::Credit => "credit",
        }
    }

    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Debit => Self::Credit,
            Self::Credit => Self::Debit,
        }
    }

    pub(crate) const fn number(self) -> i32 {
        match self {
            Self::Debit => 0,
            Self::Credit => 1,
        }
    }

    /// The column that names the account on this side.
    pub(crate) const fn account(self) -> ledger_postings::Column {
        match self {
            Self::Debit => ledger_postings::Column::DebitAccount,
            Self::Credit => ledger_postings::Column::CreditAccount,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
