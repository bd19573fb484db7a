//! Writing what a workflow decided.

use domain::Timestamp;

use crate::{
    Clock, Database, Journal, StoreError, Watch,
    books::bookkeeper::Bookkeeper,
    transaction::{Purpose, Statements, Transaction},
};

/// Writes. Every method is one transaction and safe to repeat.
#[derive(Debug, Clone)]
pub struct Writer {
    database: Database,
    pub(crate) bookkeeper: Bookkeeper,
}

impl Writer {
    /// A writer to an open database. It starts a bookkeeper on the current runtime: clone the writer rather than
    /// making another one, so that payments of one process are booked together.
    pub fn new(database: Database) -> Self {
        let bookkeeper = Bookkeeper::start(database.clone());
        Self { database, bookkeeper }
    }

    /// The same, with another clock than this machine's.
    pub fn with_clock(database: Database, clock: Clock) -> Self {
        Self::new(database.with_clock(clock))
    }

    /// A journal in the same database.
    pub fn journal(&self) -> Journal {
        Journal::new(self.database.clone())
    }

    /// Whether the bookkeeper of this writer makes progress.
    pub fn bookkeeper(&self) -> Watch {
        self.bookkeeper.watch()
    }

    /// The time of money: the database's, as long as this machine's clock does not contradict it.
    pub async fn time(&self) -> Result<Timestamp, StoreError> {
        self.database.clock().time(self.connection()).await
    }

    pub(crate) const fn database(&self) -> &Database {
        &self.database
    }

    /// Says that the clock of another host, such as the PSP's, agrees with this machine's. Then no entry of the books
    /// that a wrong clock dated ahead stops what rests on the time.
    pub fn confirm_clock(&self) {
        self.database.clock().confirm();
    }

    pub(crate) const fn connection(&self) -> &Statements {
        self.database.statements()
    }

    pub(crate) async fn begin(&self) -> Result<Transaction, StoreError> {
        self.connection().begin(Purpose::Write).await
    }
}
