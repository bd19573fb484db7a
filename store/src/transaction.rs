//! The one home of transactions and statements: each has a deadline on our side, and a connection that failed to begin,
//! to commit or to roll back is closed.
//!
//! A library's pool hands a connection on as it is. A connection on which a COMMIT failed may still be inside a
//! transaction; then the next transaction is a savepoint in it, is reported as committed, and is lost. So a connection
//! is handed on only while it is known to stand outside of any transaction, and after a failed BEGIN, COMMIT or
//! ROLLBACK, or a deadline that passed, no connection of its pool that was open at that moment is used again.

use std::{
    fmt,
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr,
    Statement, TransactionOptions, TransactionTrait, Value,
};
use tokio::time::Instant;

use crate::{StoreError, event::Signals, unavailable::asks_the_wrong_server};

/// How long one statement, one BEGIN, COMMIT or ROLLBACK may take, with the wait for a connection. It is longer than
/// what PostgreSQL itself gives a statement, so it passes only when no answer comes.
pub(crate) const ANSWER_TIME: Duration = Duration::from_secs(12);
/// How long a transaction that writes may take.
const TRANSACTION_TIME: Duration = Duration::from_secs(20);
/// How long one statement of an audit may take: it reads whole tables.
const AUDIT_ANSWER_TIME: Duration = Duration::from_secs(11 * 60);
/// How much younger a connection may seem than it is: its age is read a moment before it is judged.
const AGE_TOLERANCE: Duration = Duration::from_millis(100);

/// Since when the connections of a pool may be used again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Distrust(Arc<Mutex<Option<Instant>>>);

impl Distrust {
    /// No connection that is open now is used again.
    pub(crate) fn begin(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether a connection of this age must be closed.
    pub(crate) fn covers(&self, age: Duration) -> bool {
        let since = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = Instant::now().checked_sub(age + AGE_TOLERANCE);
        since.is_some_and(|since| opened.is_none_or(|opened| opened <= since))
    }

    /// Begins where an error says that this server will not do what we ask on any of the connections.
    fn judge<T>(&self, result: Result<T, DbErr>) -> Result<T, DbErr> {
        if let Err(error) = &result
            && asks_the_wrong_server(error)
        {
            self.begin();
        }
        result
    }
}

/// Waits for the database until a deadline.
pub(crate) async fn by<T>(deadline: Instant, work: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
    match tokio::time::timeout_at(deadline, work).await {
        Ok(result) => result,
        Err(_) => Err(DbErr::Conn(RuntimeErr::Internal("the database did not answer before our deadline".to_owned()))),
    }
}

/// Whether a deadline has passed.
fn is_late(deadline: Instant) -> bool {
    Instant::now() >= deadline
}

/// What a transaction is for.
#[derive(Debug, Clone)]
pub(crate) enum Purpose {
    /// To write. It begins as a writer: on SQLite a transaction that reads first may not become a writer any more once
    /// another has written.
    Write,
    /// To see the database as it is now, whatever is written meanwhile.
    Audit(TransactionOptions),
}

/// Statements that are transactions by themselves.
#[derive(Clone)]
pub(crate) struct Statements {
    connection: DatabaseConnection,
    distrust: Distrust,
    signals: Signals,
}

impl Statements {
    pub(crate) fn new(connection: DatabaseConnection, distrust: Distrust) -> Self {
        Self { connection, distrust, signals: Signals::default() }
    }

    /// What the tasks of this process tell each other of the event log.
    pub(crate) const fn signals(&self) -> &Signals {
        &self.signals
    }

    /// The pool itself, whose statements have no deadline of ours.
    pub(crate) const fn pool(&self) -> &DatabaseConnection {
        &self.connection
    }

    /// Which database it is.
    pub(crate) fn backend(&self) -> DbBackend {
        self.connection.get_database_backend()
    }

    /// Begins a transaction.
    pub(crate) async fn begin(&self, purpose: Purpose) -> Result<Transaction, StoreError> {
        let now = Instant::now();
        let (options, limits) = match purpose {
            Purpose::Write => {
                let options = TransactionOptions {
                    sqlite_transaction_mode: Some(sea_orm::SqliteTransactionMode::Immediate),
                    ..TransactionOptions::default()
                };
                (options, Limits { answer: ANSWER_TIME, end: Some(now + TRANSACTION_TIME) })
            }
            Purpose::Audit(options) => (options, Limits { answer: AUDIT_ANSWER_TIME, end: None }),
        };
        let begun = by(now + ANSWER_TIME, self.connection.begin_with_options(options)).await;
        // Without a connection there is none to doubt.
        if begun.as_ref().is_err_and(|error| !matches!(error, DbErr::ConnectionAcquire(_))) {
            self.distrust.begin();
        }
        Ok(Transaction {
            inner: begun?,
            limits,
            distrust: self.distrust.clone(),
            failed: AtomicBool::new(false),
            signals: self.signals.clone(),
            announces: AtomicBool::new(false),
        })
    }

    /// One statement.
    async fn within<T>(&self, work: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        let deadline = Instant::now() + ANSWER_TIME;
        let result = self.distrust.judge(by(deadline, work).await);
        if result.is_err() && is_late(deadline) {
            self.distrust.begin();
        }
        result
    }
}

impl fmt::Debug for Statements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statements").finish_non_exhaustive()
    }
}

/// How long parts of a transaction may take.
#[derive(Debug, Clone, Copy)]
struct Limits {
    answer: Duration,
    end: Option<Instant>,
}

impl Limits {
    fn deadline(self) -> Instant {
        let answer = Instant::now() + self.answer;
        self.end.map_or(answer, |end| answer.min(end))
    }
}

/// A transaction. Nothing of it is written unless [`Transaction::commit`] says so; dropped, it is rolled back.
pub(crate) struct Transaction {
    inner: DatabaseTransaction,
    limits: Limits,
    distrust: Distrust,
    /// Whether one of its statements failed. PostgreSQL answers the COMMIT of such a transaction as if all were well.
    failed: AtomicBool,
    signals: Signals,
    /// Whether an event was appended, which the sequencer learns of after the commit.
    announces: AtomicBool,
}

impl Transaction {
    /// Has the sequencer of this process woken by the commit.
    pub(crate) fn announces(&self) {
        self.announces.store(true, Ordering::Release);
    }

    /// Commits. After an error, the transaction was not written, or its outcome is unknown.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        if self.failed.load(Ordering::Acquire) {
            return Err(broken().into());
        }
        let announces = self.announces.load(Ordering::Acquire);
        let (deadline, distrust, signals) = (self.limits.deadline(), self.distrust, self.signals);
        let committed = by(deadline, self.inner.commit()).await;
        if committed.is_err() {
            distrust.begin();
        }
        // Also after an error: the commit may have taken effect.
        if announces {
            signals.appended.notify_one();
        }
        Ok(committed?)
    }

    /// Rolls back.
    pub(crate) async fn rollback(self) -> Result<(), StoreError> {
        let (deadline, distrust) = (self.limits.deadline(), self.distrust);
        let rolled_back = by(deadline, self.inner.rollback()).await;
        if rolled_back.is_err() {
            distrust.begin();
        }
        Ok(rolled_back?)
    }

    /// One statement. After one that failed there is no other: what it was to write would be missing.
    async fn within<T>(&self, work: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        if self.failed.load(Ordering::Acquire) {
            return Err(broken());
        }
        let deadline = self.limits.deadline();
        let result = self.distrust.judge(by(deadline, work).await);
        if result.is_err() {
            self.failed.store(true, Ordering::Release);
            if is_late(deadline) {
                self.distrust.begin();
            }
        }
        result
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// PostgreSQL takes no NUL in a text. A text of others that has one is written, or looked for, without it: refused, it
/// would keep a checkout from coming to an end.
fn storable(mut statement: Statement) -> Statement {
    for value in statement.values.iter_mut().flat_map(|values| &mut values.0) {
        if let Value::String(Some(text)) = value
            && text.contains('\0')
        {
            *text = text.replace('\0', "\u{fffd}");
        }
    }
    statement
}

fn broken() -> DbErr {
    DbErr::Conn(RuntimeErr::Internal("a statement of this transaction failed; nothing of it is written".to_owned()))
}

/// Both run statements, each within its time.
macro_rules! within_its_time {
    ($($kind:ident: $connection:ident),+ $(,)?) => {$(
        #[async_trait]
        impl ConnectionTrait for $kind {
            fn get_database_backend(&self) -> DbBackend {
                self.$connection.get_database_backend()
            }

            async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
                self.within(self.$connection.execute_raw(storable(statement))).await
            }

            async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
                self.within(self.$connection.execute_unprepared(sql)).await
            }

            async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
                self.within(self.$connection.query_one_raw(storable(statement))).await
            }

            async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
                self.within(self.$connection.query_all_raw(storable(statement))).await
            }
        }
    )+};
}

within_its_time!(Statements: connection, Transaction: inner);
