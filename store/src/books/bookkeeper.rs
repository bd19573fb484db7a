//! The one writer of the books in a process: it takes what waits and books it in one transaction.
//!
//! The hash chain makes entries follow one another, so two transactions cannot book at once. Instead of
//! letting every payment wait for the disk in turn, the bookkeeper takes all that have come in while the last
//! transaction was being written and books them together: one lock, one flush to disk, and for payments one
//! statement per table of the books. A hot account costs no more than a cold one, because an account's balance
//! moves once for all the entries that are written together. Several processes take turns by the lock on `ledger_head`.

use std::time::{Duration, Instant};

use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use crate::{
    Database, StoreError, Watch,
    books::{booking::Booking, open::Books, refusal::Booked},
    event::DueTime,
    transaction::Purpose,
};

/// The length of the queue. When it is full, callers wait for room.
const MAX_WAITING: usize = 4096;
/// The most requests in one transaction.
const MAX_BATCH: usize = 256;
/// The most postings in one transaction, unless a single request has more: their values are parameters of one
/// statement, of which SQLite takes 32,766.
const MAX_BATCH_POSTINGS: usize = 2000;
/// How long a caller waits for the answer to a booking. The booking may still be carried out afterwards.
const BOOKING_TIME: Duration = Duration::from_secs(45);
/// How long a booking may wait before the bookkeeper counts as stuck: longer than a transaction that meets its
/// deadline.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a batch is tried that others got in the way of: another process that books, where PostgreSQL makes every
/// transaction serializable.
const MOST_TRIES: usize = 10;

struct Request {
    booking: Booking,
    since: Instant,
    answer: oneshot::Sender<Result<Booked, StoreError>>,
}

/// Where bookings are handed in.
#[derive(Debug, Clone)]
pub(crate) struct Bookkeeper {
    requests: mpsc::Sender<Request>,
    watch: Watch,
}

/// What the bookkeeper works with.
struct Desk {
    database: Database,
    watch: Watch,
}

impl Bookkeeper {
    /// Starts on the current runtime. The task ends when the last sender is dropped.
    pub(crate) fn start(database: Database) -> Self {
        let (requests, waiting) = mpsc::channel(MAX_WAITING);
        let watch = Watch::new("bookkeeper", PATIENCE);
        tokio::spawn(run(Desk { database, watch: watch.clone() }, waiting));
        Self { requests, watch }
    }

    /// Whether the bookkeeper makes progress.
    pub(crate) fn watch(&self) -> Watch {
        self.watch.clone()
    }

    /// Books, or returns the refusal. The booking continues when the caller stops waiting.
    pub(crate) async fn book(&self, booking: Booking) -> Result<Booked, StoreError> {
        let (answer, answered) = oneshot::channel();
        let request = Request { booking, since: Instant::now(), answer };
        let booked = async {
            self.requests.send(request).await.map_err(|_| StoreError::Stopped)?;
            answered.await.map_err(|_| StoreError::Stopped)?
        };
        timeout(BOOKING_TIME, booked).await.map_err(|_| StoreError::Stopped)?
    }
}

async fn run(desk: Desk, mut waiting: mpsc::Receiver<Request>) {
    let mut taken = Vec::with_capacity(MAX_BATCH);
    while waiting.recv_many(&mut taken, MAX_BATCH).await > 0 {
        while let Some(oldest) = taken.first() {
            desk.watch.works_since(oldest.since);
            let batch = first_batch(&mut taken);
            carry_out(&desk, batch).await;
        }
        desk.watch.rests();
    }
}

/// As many of the first requests as fit into one transaction; at least one.
fn first_batch(taken: &mut Vec<Request>) -> Vec<Request> {
    let mut postings = 0;
    let fits = taken.iter().take_while(|request| {
        postings += request.booking.postings();
        postings <= MAX_BATCH_POSTINGS
    });
    let count = fits.count().max(1);
    taken.drain(..count).collect()
}

async fn carry_out(desk: &Desk, mut batch: Vec<Request>) {
    let bookings: Vec<&Booking> = batch.iter().map(|request| &request.booking).collect();
    // A caller that gave up will retry and get `Booked::Before`.
    let error = match book_through(desk, &bookings).await {
        Ok(results) => {
            for (request, result) in batch.into_iter().zip(results) {
                let _ = request.answer.send(result);
            }
            return;
        }
        Err(error) => error,
    };
    // The batch is not written, unless the answer to its commit was lost. A caller that asks again finds out.
    if error.is_unavailable() {
        tracing::warn!(error = &error as &dyn std::error::Error, "the database is away; nobody of the batch is served");
        for request in batch {
            let _ = request.answer.send(Err(StoreError::Stopped));
        }
    } else if batch.len() > 1 {
        tracing::warn!(error = &error as &dyn std::error::Error, "a batch of bookings failed; booking one by one");
        for request in batch.into_iter().filter(|request| !request.answer.is_closed()) {
            let alone = book_through(desk, &[&request.booking]).await;
            let result = alone.and_then(|results| results.into_iter().next().unwrap_or(Err(StoreError::Stopped)));
            let _ = request.answer.send(result);
        }
    } else if let Some(request) = batch.pop() {
        let _ = request.answer.send(Err(error));
    }
}

/// Books all in one transaction, and again where others got in its way.
async fn book_through(desk: &Desk, bookings: &[&Booking]) -> Result<Vec<Result<Booked, StoreError>>, StoreError> {
    for _ in 1..MOST_TRIES {
        match book_all(desk, bookings).await {
            Err(error) if error.is_conflict() => tracing::debug!("others got in the way of a batch; once more"),
            done => return done,
        }
    }
    book_all(desk, bookings).await
}

/// Books all in one transaction. An error means that nothing was written, or that nobody knows; a refusal of one is
/// among the results and leaves the others alone.
async fn book_all(desk: &Desk, bookings: &[&Booking]) -> Result<Vec<Result<Booked, StoreError>>, StoreError> {
    let transaction = desk.database.statements().begin(Purpose::Write).await?;
    let mut books = Books::open(&transaction, desk.database.clock()).await?;
    books.look_up(bookings).await?;
    let mut results = Vec::with_capacity(bookings.len());
    for booking in bookings {
        match booking.carry_out(&mut books).await {
            Ok(booked) => results.push(Ok(booked)),
            Err(refusal @ (StoreError::Refused(_) | StoreError::OutOfStep { .. })) => results.push(Err(refusal)),
            Err(error) => return Err(error),
        }
    }
    let now = books.now();
    books.close().await?;
    transaction.commit().await?;
    for (booking, result) in bookings.iter().zip(&results) {
        if let (Some(at), Ok(_)) = (booking.due_at(now), result) {
            desk.database.signals().due.announce(DueTime { at, now });
        }
    }
    desk.watch.got_on();
    Ok(results)
}
