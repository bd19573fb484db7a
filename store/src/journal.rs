//! What the door writes down: who asked and what arrived. Never money.
//!
//! The API has a [`Reader`](crate::Reader) and a `Journal`; a [`Writer`](crate::Writer), which moves checkouts and
//! money, is in the hands of the activities alone.

use crate::{
    Clock, Database, PoolUse, StoreError,
    event::Signals,
    transaction::{Purpose, Statements, Transaction},
};

/// Writes what came in at the door. Every method is safe to repeat, and what it writes stays.
#[derive(Debug, Clone)]
pub struct Journal {
    database: Database,
}

impl Journal {
    /// A journal in an open database.
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    pub(crate) const fn connection(&self) -> &Statements {
        self.database.statements()
    }

    pub(crate) const fn signals(&self) -> &Signals {
        self.database.signals()
    }

    pub(crate) const fn clock(&self) -> &Clock {
        self.database.clock()
    }

    /// How many connections of its pool are taken.
    pub fn pool_use(&self) -> PoolUse {
        self.database.pool_use()
    }

    pub(crate) async fn begin(&self) -> Result<Transaction, StoreError> {
        self.connection().begin(Purpose::Write).await
    }
}
