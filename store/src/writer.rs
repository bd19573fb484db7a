//! Writing what a workflow decided.

mod booking;
mod bookkeeper;
mod books;
mod checkouts;
mod deposits;
mod holds;
mod ledger;
mod letters;
mod refunds;
mod risk;

use sea_orm::{DatabaseConnection, DatabaseTransaction, SqliteTransactionMode, TransactionOptions, TransactionTrait};

pub use booking::{Booked, Refusal};
use bookkeeper::Bookkeeper;
pub use checkouts::Began;
pub use deposits::{FRESH_LOOK_MS, SeenDeposit};
pub use holds::HoldStatus;
pub(crate) use ledger::EVERY_SELLER;
pub use letters::NewLetter;
pub use refunds::{NewRefund, PromisedRefund};

use crate::{Database, Journal, StoreError};

/// Writes. Every method is one transaction and safe to repeat.
#[derive(Debug, Clone)]
pub struct Writer {
    database: Database,
    bookkeeper: Bookkeeper,
}

impl Writer {
    /// A writer to an open database. It starts a bookkeeper on the current runtime: clone the writer rather than
    /// making another one, so that payments of one process are booked together.
    pub fn new(database: Database) -> Self {
        let bookkeeper = Bookkeeper::start(database.clone());
        Self { database, bookkeeper }
    }

    /// A journal in the same database.
    pub fn journal(&self) -> Journal {
        Journal::new(self.database.clone())
    }

    pub(crate) const fn connection(&self) -> &DatabaseConnection {
        self.database.connection()
    }

    pub(crate) async fn begin(&self) -> Result<DatabaseTransaction, StoreError> {
        begin(&self.database).await
    }
}

/// A transaction that begins as a writer: on SQLite a transaction that reads first may not become one any more
/// once another has written.
pub(crate) async fn begin(database: &Database) -> Result<DatabaseTransaction, StoreError> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    Ok(database.connection().begin_with_options(options).await?)
}
