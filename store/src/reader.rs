//! Reading: checkouts, wallets and the books, in the types of `domain`.

mod accounts;
mod audit;
mod checkouts;
mod commissions;
mod counts;
mod entries;
mod history;
mod ledger;
mod letters;
mod movements;
mod paging;
mod payments;
mod reconciliation;
mod refunds;
mod wallets;

pub use accounts::{AccountFilter, AccountPosition};
pub use audit::{
    Audit, BooksState, ChainEnd, Check, Disagreement, Findings, Inclusion, MAX_NAMED, OnProgress, Progress,
};
pub use checkouts::{CheckoutRecord, OrderRecord, PspRecord, RequestRecord, StatusChange};
pub use commissions::CommissionRate;
pub use counts::{Counts, WATCHED, WATCHED_REFUNDS};
pub use entries::{EntryFilter, EntryRecord};
pub use history::{HistorySources, OperatorDecision, PaidBack};
pub use ledger::{AccountBalance, AsOf};
pub use letters::{LetterFilter, LetterPosition};
pub use movements::{Movement, MovementPosition, Side};
pub use paging::{Page, Window};
pub use payments::{CheckoutFilter, CheckoutPosition};
pub use refunds::RefundRecord;
pub use wallets::{Flow, PastWallet, WalletRecord};

use crate::{Database, StoreError, event::Signals, transaction::Statements};

/// Reads. It cannot write: the database refuses.
#[derive(Debug, Clone)]
pub struct Reader {
    database: Database,
}

impl Reader {
    /// A reader of a database opened with [`Database::connect_read_only`].
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    pub(crate) const fn connection(&self) -> &Statements {
        self.database.statements()
    }

    pub(crate) const fn signals(&self) -> &Signals {
        self.database.signals()
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.database.ping().await
    }
}
