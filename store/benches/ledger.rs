//! How fast the books take entries: one hot account, accounts that are all distinct, and, for comparison, a row
//! lock per balance as most systems do it, at 1, 8 and 64 in flight; then whether an entry costs more when a
//! million stand before it.
//!
//! `make bench` runs it on a PostgreSQL of its own with fsync on. Figures of one run are comparable with each
//! other; those of two machines are not.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark prints, and stops at what is wrong"
)]
#![expect(clippy::float_arithmetic, reason = "rates are no money")]

use std::{
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use domain::{
    Currency::Krw,
    Money, Timestamp,
    id::SellerAccount,
    ledger::{Account, Entry, EntryFields, Posting, PostingFields, Reason},
};
use migrations::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DatabaseConnection, TransactionTrait};
use store::{Database, DatabaseUrl, Reader, Writer};

/// How long one figure is measured.
const SLICE: Duration = Duration::from_secs(2);
/// How often; the median counts.
const REPEATS: usize = 3;
const IN_FLIGHT: [usize; 3] = [1, 8, 64];
/// Entries before the first and the last figure of the growth.
const GROWTH: [u64; 2] = [10_000, 1_000_000];
/// Postings per entry while the books are filled for the growth: the cost of an entry is what counts.
const FILLING: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Load {
    /// Every entry on the same two accounts.
    Hot,
    /// Every entry on two accounts of its own.
    Distinct,
    /// Every entry on the same two accounts, each in a transaction of its own that locks both balances; without
    /// a hash chain, which could only make it slower.
    RowLock,
}

struct Bench {
    writer: Writer,
    reader: Reader,
    connection: DatabaseConnection,
    minted: Arc<AtomicU64>,
}

#[tokio::main]
async fn main() {
    let Ok(url) = std::env::var("BENCH_POSTGRES_URL") else {
        panic!("BENCH_POSTGRES_URL is not set; run `make bench`, which starts a PostgreSQL");
    };
    let bench = Bench::open(&DatabaseUrl::from_str(&url).unwrap()).await;
    println!("postings per second, median of {REPEATS} runs of {} s, one posting an entry", SLICE.as_secs());
    println!(
        "{:>10} {:>12} {:>12} {:>12} {:>16} {:>16}",
        "in flight", "hot", "distinct", "row lock", "hot/distinct", "hot/row lock"
    );
    for in_flight in IN_FLIGHT {
        let mut rates: [Vec<f64>; 3] = Default::default();
        for _ in 0..REPEATS {
            for (load, rates) in [Load::Hot, Load::Distinct, Load::RowLock].into_iter().zip(&mut rates) {
                rates.push(bench.measure(load, in_flight).await);
            }
        }
        let [hot, distinct, row_lock] = rates.map(median);
        println!(
            "{in_flight:>10} {hot:>12.0} {distinct:>12.0} {row_lock:>12.0} {:>16.2} {:>16.2}",
            hot / distinct,
            hot / row_lock
        );
    }
    bench.check().await;
    let mut first = None;
    for entries in GROWTH {
        bench.fill(entries).await;
        let mut rates = Vec::new();
        for _ in 0..REPEATS {
            rates.push(bench.measure(Load::Hot, 64).await);
        }
        let rate = median(rates);
        let ratio = rate / *first.get_or_insert(rate);
        println!("after {entries:>9} entries: {rate:>8.0} postings/s, {ratio:.2} of the first figure");
    }
    bench.check().await;
}

impl Bench {
    async fn open(url: &DatabaseUrl) -> Self {
        let database = Database::connect(url).await.unwrap();
        Migrator::up(database.connection(), None).await.unwrap();
        let connection = database.connection().clone();
        for statement in [
            "CREATE TABLE naive_balances (account text PRIMARY KEY, debits bigint NOT NULL, credits bigint NOT NULL)",
            "CREATE TABLE naive_entries (entry_id text PRIMARY KEY, debit text, credit text, amount bigint)",
            "INSERT INTO naive_balances VALUES ('a', 0, 0), ('b', 0, 0)",
        ] {
            connection.execute_unprepared(statement).await.unwrap();
        }
        let reader = Reader::new(Database::connect_read_only(url).await.unwrap());
        Self { writer: Writer::new(database), reader, connection, minted: Arc::default() }
    }

    /// Postings per second.
    async fn measure(&self, load: Load, in_flight: usize) -> f64 {
        let began = Instant::now();
        let tasks: Vec<_> = (0..in_flight)
            .map(|_| {
                let (writer, connection, minted) = (self.writer.clone(), self.connection.clone(), self.minted.clone());
                tokio::spawn(async move {
                    let mut booked = 0_u32;
                    while began.elapsed() < SLICE {
                        let number = minted.fetch_add(1, Ordering::Relaxed);
                        let seller = match load {
                            Load::Hot => "hot".to_owned(),
                            Load::Distinct => format!("s-{number}"),
                            Load::RowLock => String::new(),
                        };
                        if load == Load::RowLock {
                            book_with_row_locks(&connection, number).await;
                        } else {
                            writer.book(entry(number, &seller, 1)).await.unwrap();
                        }
                        booked += 1;
                    }
                    booked
                })
            })
            .collect();
        let mut booked = 0;
        for task in tasks {
            booked += task.await.unwrap();
        }
        f64::from(booked) / began.elapsed().as_secs_f64()
    }

    /// Books until so many entries stand there.
    async fn fill(&self, entries: u64) {
        let tasks: Vec<_> = (0..256)
            .map(|_| {
                let (writer, minted) = (self.writer.clone(), self.minted.clone());
                tokio::spawn(async move {
                    loop {
                        let number = minted.fetch_add(1, Ordering::Relaxed);
                        if number >= entries {
                            return;
                        }
                        let postings = if number % 64 == 0 { FILLING } else { 1 };
                        writer.book(entry(number, &format!("f-{}", number % 1000), postings)).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    }

    /// What was booked stands on the balances to the last won.
    async fn check(&self) {
        let balances = self.reader.trial_balance().await.unwrap();
        let sum = |side: fn(&store::AccountBalance) -> Money| {
            balances.iter().map(|balance| side(balance).minor()).sum::<u64>()
        };
        assert_eq!(sum(|balance| balance.debits), sum(|balance| balance.credits), "the books balance");
    }
}

fn entry(number: u64, seller: &str, postings: usize) -> Entry {
    let seller = SellerAccount::parse(seller).unwrap();
    let posting = Posting::try_new(PostingFields {
        debit: Account::SellerDebt(seller.clone()),
        credit: Account::SellerPending(seller),
        amount: Money::try_from_minor(1, Krw).unwrap(),
        order: None,
    });
    Entry::try_new(EntryFields {
        key: format!("bench:{number}"),
        reason: Reason::PaymentCaptured,
        checkout_id: None,
        reverses: None,
        occurred_at: Timestamp::from_epoch_ms(1_700_000_000_000),
        postings: vec![posting.unwrap(); postings],
    })
    .unwrap()
}

async fn book_with_row_locks(connection: &DatabaseConnection, number: u64) {
    let transaction = connection.begin().await.unwrap();
    for statement in [
        format!("INSERT INTO naive_entries VALUES ('bench:{number}', 'a', 'b', 1)"),
        "UPDATE naive_balances SET debits = debits + 1 WHERE account = 'a'".to_owned(),
        "UPDATE naive_balances SET credits = credits + 1 WHERE account = 'b'".to_owned(),
    ] {
        transaction.execute_unprepared(&statement).await.unwrap();
    }
    transaction.commit().await.unwrap();
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}
