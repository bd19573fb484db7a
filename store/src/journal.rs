//! What the door writes down: who asked and what arrived. Append only, and never money.
//!
//! The API has a [`Reader`](crate::Reader) and a `Journal`; a [`Writer`](crate::Writer), which moves checkouts and
//! money, is in the hands of the activities alone.

use sea_orm::DatabaseConnection;

use crate::Database;

/// Writes what came in at the door. Every method is one transaction and safe to repeat.
#[derive(Debug, Clone)]
pub struct Journal {
    database: Database,
}

impl Journal {
    /// A journal in an open database.
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    pub(crate) const fn connection(&self) -> &DatabaseConnection {
        self.database.connection()
    }
}
