//! Writing what a workflow decided.

mod checkouts;
mod ledger;

use sea_orm::{DatabaseConnection, DatabaseTransaction, SqliteTransactionMode, TransactionOptions, TransactionTrait};

use crate::{Database, StoreError};

/// Writes. Every method is one transaction and safe to repeat.
#[derive(Debug, Clone)]
pub struct Writer {
    database: Database,
}

impl Writer {
    /// A writer to an open database.
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    pub(crate) const fn connection(&self) -> &DatabaseConnection {
        self.database.connection()
    }

    /// A transaction that begins as a writer: on SQLite a transaction that reads first may not become one
    /// any more once another has written.
    async fn begin(&self) -> Result<DatabaseTransaction, StoreError> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Ok(self.connection().begin_with_options(options).await?)
    }
}
