//! Reading: checkouts, wallets and the books, in the types of `domain`.

use domain::Timestamp;

use crate::{Database, PoolUse, StoreError, event::Signals, transaction::Statements};

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

    /// The time of money: the database's, as long as this machine's clock does not contradict it.
    pub async fn time(&self) -> Result<Timestamp, StoreError> {
        self.database.clock().time(self.connection()).await
    }

    /// How many connections of its pool are taken.
    pub fn pool_use(&self) -> PoolUse {
        self.database.pool_use()
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.database.ping().await
    }
}
