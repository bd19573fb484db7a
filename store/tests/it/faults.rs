//! A database that fails for a moment: what was reported as written is written, and what comes afterwards is too.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, Instant},
};

use domain::{
    Timestamp,
    checkout::{Change, Status},
    failure::Failure,
};
use sea_orm::ConnectionTrait;
use store::{Booked, Clock, Database, Reader, StoreError, Webhook, Writer};
use testkit::server::{Connection, Server, behind};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::{
    audit::audit,
    books::{paid, wallet},
    database::{self, Fresh},
    journal::webhook,
    on_both_databases,
    writing::{begin, change, pending, plan, post, record},
};

/// The writer.
const WRITERS: [&str; 3] = ["bookkeeper", "writer", "journal"];
/// In a child process of a test: who writes there, and how the disk fails.
const CHILD: &str = "DAEGEUM_TEST_FAULTY_WRITER";
/// In a child process of a test: the directory that says whether the disk fails now.
const DISK: &str = "DAEGEUM_TEST_DISK";

/// One write of a kind to the checkout of this number, which is recorded.
async fn write(fresh: &Fresh, kind: &str, number: usize) -> Result<(), StoreError> {
    let plan = plan(&format!("checkout-{number}"), &[(&format!("o-{number}"), "seller-a", 100)]);
    match kind {
        "bookkeeper" => post(fresh, &plan, 2).await,
        "writer" => begin(fresh, &plan).await,
        _ => fresh.writer.journal().note_webhook(&webhook(&format!("w-{number}"), "checkout-0")).await.map(|_| ()),
    }
}

/// Whether a write stands in the database, as a connection sees that was opened just now.
async fn is_written(fresh: &Fresh, kind: &str, number: usize) -> bool {
    let reader = Reader::new(Database::connect_read_only(&fresh.url).await.unwrap());
    let plan = plan(&format!("checkout-{number}"), &[(&format!("o-{number}"), "seller-a", 100)]);
    let status = reader.checkout(plan.checkout_id()).await.unwrap().unwrap().status;
    match kind {
        "bookkeeper" => status == Status::Success,
        "writer" => status == Status::Executing,
        _ => {
            let webhooks = reader.webhooks(&webhook("", "checkout-0").checkout_id).await.unwrap();
            webhooks.iter().any(|(kept, _)| kept.digest == format!("w-{number}"))
        }
    }
}

async fn prepare(fresh: &Fresh, kind: &str, count: usize) {
    for number in 0..count {
        let plan = plan(&format!("checkout-{number}"), &[(&format!("o-{number}"), "seller-a", 100)]);
        assert!(record(fresh, &format!("key-{number}"), &plan).await);
        if kind == "bookkeeper" {
            begin(fresh, &plan).await.unwrap();
        }
    }
}

/// Two writes that fail, then three that do not.
async fn two_fail_and_three_follow(fresh: &Fresh, kind: &str, fail: impl Fn(), heal: impl Fn()) {
    prepare(fresh, kind, 6).await;
    write(fresh, kind, 0).await.unwrap();
    fail();
    for number in [1, 2] {
        let error = write(fresh, kind, number).await.unwrap_err();
        assert!(error.is_unavailable(), "{kind}: {error:?}");
    }
    heal();
    for number in 1..6 {
        write(fresh, kind, number).await.unwrap();
    }
    for number in 0..6 {
        assert!(is_written(fresh, kind, number).await, "{kind}: write {number} was reported as written");
    }
    let moved = if kind == "bookkeeper" { 600 } else { 0 };
    assert_eq!(pending(fresh, "seller-a").await, moved);
    assert_eq!(audit(fresh).await.findings.named, []);
}

/// How the operating system fails a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DiskFault {
    /// A write is refused: the process's own limit of file sizes.
    Write,
    /// A write finds no room.
    Full,
    /// A flush to the disk fails.
    Flush,
}

impl DiskFault {
    const ALL: [Self; 3] = [Self::Write, Self::Full, Self::Flush];

    const fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Full => "full",
            Self::Flush => "broken",
        }
    }

    /// Begins or ends it in this process, which runs under [`preloaded`].
    fn set(self, fails: bool) {
        let sign = || Path::new(&std::env::var_os(DISK).unwrap()).join(self.name());
        match (self, fails) {
            (Self::Write, _) => {
                let bytes = if fails { "0" } else { "unlimited" };
                let pid = std::process::id().to_string();
                let limited = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={bytes}:")]).status();
                assert!(limited.unwrap().success());
            }
            (Self::Full | Self::Flush, true) => drop(std::fs::File::create(sign()).unwrap()),
            (Self::Full | Self::Flush, false) => std::fs::remove_file(sign()).unwrap(),
        }
    }
}

/// Between a test program and the operating system, in this directory: `failing_disk.c`, built by the linker that built
/// the test program.
fn preloaded(directory: &Path) -> PathBuf {
    let library = directory.join("failing_disk.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/failing_disk.c");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).status().unwrap();
    assert!(built.success());
    library
}

/// The disk fails at the COMMIT, twice in a row. All of a process fails with it, so each writer has a process of its
/// own here.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn commits_that_fail_twice_lose_nothing_that_follows() {
    if let Ok(child) = std::env::var(CHILD) {
        let (kind, fault) = child.split_once(' ').unwrap();
        let fault = DiskFault::ALL.into_iter().find(|known| known.name() == fault).unwrap();
        let fresh = database::sqlite().await;
        two_fail_and_three_follow(&fresh, kind, || fault.set(true), || fault.set(false)).await;
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let library = preloaded(directory.path());
    for kind in WRITERS {
        for fault in DiskFault::ALL {
            // A write above the limit is an error only where its signal is ignored.
            let child = Command::new("sh")
                .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
                .arg(std::env::current_exe().unwrap())
                .args(["--exact", "faults::commits_that_fail_twice_lose_nothing_that_follows", "--nocapture"])
                .env(CHILD, format!("{kind} {}", fault.name()))
                .env(DISK, directory.path())
                .env("LD_PRELOAD", &library)
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let told = [child.stdout, child.stderr].concat();
            assert!(child.status.success(), "{kind}, {fault:?}: {}", String::from_utf8_lossy(&told));
            assert!(String::from_utf8_lossy(&told).contains("1 passed"));
        }
    }
}

/// A constraint that is checked at the COMMIT alone: the COMMIT fails, and the transaction stays open.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_stays_open_after_its_commit_failed_is_gone() {
    for kind in WRITERS {
        let fresh = database::sqlite().await;
        let connection = fresh.database.connection();
        let broken = [
            "CREATE TABLE parents (id INTEGER PRIMARY KEY)",
            "CREATE TABLE children (parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)",
        ];
        for statement in broken {
            connection.execute_unprepared(statement).await.unwrap();
        }
        prepare(&fresh, kind, 3).await;
        let table = match kind {
            "bookkeeper" => "ledger_entries",
            "writer" => "payment_status_history",
            _ => "webhook_inbox",
        };
        let trigger =
            format!("CREATE TRIGGER orphan AFTER INSERT ON {table} BEGIN INSERT INTO children VALUES (1); END");
        connection.execute_unprepared(&trigger).await.unwrap();
        for number in [1, 2] {
            write(&fresh, kind, number).await.unwrap_err();
        }
        connection.execute_unprepared("DROP TRIGGER orphan").await.unwrap();
        for number in [1, 2] {
            write(&fresh, kind, number).await.unwrap();
            assert!(is_written(&fresh, kind, number).await, "{kind}");
        }
    }
}

/// Nothing is repaired here but the connection: the limit that it stood under was its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_on_which_a_transaction_failed_is_not_used_again() {
    for kind in WRITERS {
        let fresh = database::sqlite().await;
        prepare(&fresh, kind, 3).await;
        let marked = "CREATE TEMP TABLE mark (id INTEGER)";
        fresh.database.connection().execute_unprepared(marked).await.unwrap();
        let is_marked = async || {
            let question = "SELECT * FROM temp.mark";
            fresh.database.connection().execute_unprepared(question).await.is_ok()
        };
        assert!(is_marked().await, "a connection that did nothing wrong is kept");
        write(&fresh, kind, 1).await.unwrap();
        assert!(is_marked().await, "a connection that did nothing wrong is kept");
        // A transaction that nobody ends: what a pool would hand on as it is.
        fresh.database.connection().execute_unprepared("BEGIN").await.unwrap();
        write(&fresh, kind, 2).await.unwrap();
        assert!(is_written(&fresh, kind, 2).await, "{kind}");
        assert!(!is_marked().await, "{kind}: a connection inside of a transaction was handed on");
    }
}

/// A primary that became a standby, or an address that points at one for a moment.
#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_a_server_that_only_reads_is_not_used_again() {
    let fresh = database::postgres().await;
    let plan = plan("checkout-1", &[("o-1", "seller-a", 100)]);
    assert!(record(&fresh, "key", &plan).await);
    // All connections of the pool, for each is taken while the others wait.
    let read_only = "SELECT pg_sleep(0.3); SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY";
    let all = (0..8).map(|_| fresh.database.connection().execute_unprepared(read_only));
    futures::future::try_join_all(all).await.unwrap();
    let error = begin(&fresh, &plan).await.unwrap_err();
    assert!(error.is_unavailable(), "{error:?}");
    begin(&fresh, &plan).await.unwrap();
    fresh.writer.journal().probe().await.unwrap();
}

/// Between a worker and PostgreSQL: passes everything on, until one connection is to fall silent.
struct Proxy {
    port: u16,
    /// Whether the next connection that commits falls silent, and stays open.
    armed: watch::Sender<bool>,
}

impl Proxy {
    async fn before(server: Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let armed = watch::Sender::new(false);
        let trap = armed.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass_on(client, server.connect().await, trap.clone()));
            }
        });
        Self { port, armed }
    }
}

async fn pass_on(mut client: TcpStream, mut server: Box<dyn Connection>, armed: watch::Sender<bool>) {
    let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(length @ 1..) = read else { return };
                let commits = asked[..length].windows(6).any(|word| word == b"COMMIT");
                if commits && armed.send_if_modified(std::mem::take) {
                    // Neither a word nor an end: the other host is gone.
                    std::future::pending::<()>().await;
                }
                if server.write_all(&asked[..length]).await.is_err() { return }
            }
            read = server.read(&mut answered) => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&answered[..length]).await.is_err() { return }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_a_silent_connection_stops_no_other_booking() {
    let address = database::create_postgres().await;
    let proxy = Proxy::before(Server::of(&address)).await;
    let fresh = database::open(&behind(&address, proxy.port)).await;
    prepare(&fresh, "bookkeeper", 3).await;
    write(&fresh, "bookkeeper", 0).await.unwrap();

    proxy.armed.send_replace(true);
    let began = Instant::now();
    let error = write(&fresh, "bookkeeper", 1).await.unwrap_err();
    let took = began.elapsed();
    assert!(error.is_unavailable(), "{error:?}");
    assert!(took > Duration::from_secs(2) && took < Duration::from_secs(25), "{took:?}");
    assert!(!*proxy.armed.borrow(), "no connection fell silent");

    for number in [1, 2] {
        write(&fresh, "bookkeeper", number).await.unwrap();
        assert!(is_written(&fresh, "bookkeeper", number).await);
    }
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
    let bookkeeper = fresh.writer.bookkeeper().read();
    assert_eq!((bookkeeper.is_stuck, bookkeeper.waiting), (false, Duration::ZERO));
    assert_eq!(pending(&fresh, "seller-a").await, 300);
    assert_eq!(audit(&fresh).await.findings.named, []);
}

fn ten_days_ahead() -> Timestamp {
    Timestamp::from_epoch_ms(chrono::Utc::now().timestamp_millis() + 10 * 24 * 60 * 60 * 1_000)
}

fn ten_days_behind() -> Timestamp {
    Timestamp::from_epoch_ms(chrono::Utc::now().timestamp_millis() - 10 * 24 * 60 * 60 * 1_000)
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_a_worker_whose_clock_is_wrong_moves_no_money() {
    let fresh = database::postgres().await;
    let plan = paid(&fresh, "o-1", "seller-a", 10_000, 0).await;
    let in_five_days = Timestamp::from_epoch_ms(chrono::Utc::now().timestamp_millis() + 5 * 24 * 60 * 60 * 1_000);
    let later = format!("UPDATE payment_orders SET releases_at = to_timestamp({})", in_five_days.epoch_ms() / 1_000);
    fresh.database.connection().execute_unprepared(&later).await.unwrap();

    for wrong in [ten_days_ahead, ten_days_behind] {
        let worker = Writer::with_clock(fresh.database.clone(), Clock::of(wrong));
        for _ in 0..2 {
            let error = worker.do_what_is_due(10).await.unwrap_err();
            assert!(matches!(error, StoreError::ClockOff { .. }), "{error:?}");
        }
        let error = worker.journal().probe().await.unwrap_err();
        assert!(error.to_string().contains("863") || error.to_string().contains("864"), "{error}");
        let refused = worker.reverse(&format!("payment_captured:{}", plan.checkout_id()), wrong()).await.unwrap_err();
        assert!(refused.is_unavailable(), "{refused:?}");
    }
    let seller = wallet(&fresh, "seller-a").await;
    assert_eq!((seller.pending.minor(), seller.available.minor()), (10_000, 0));
    assert_eq!(fresh.writer.do_what_is_due(10).await.unwrap(), 0);

    // What an earlier version released before its time is taken back, and released when its time has come.
    assert_eq!(fresh.writer.release_due(ten_days_ahead(), 10).await.unwrap(), 1);
    let released = wallet(&fresh, "seller-a").await;
    assert_eq!((released.pending.minor(), released.available.minor()), (0, 10_000));
    let now = Timestamp::from_epoch_ms(chrono::Utc::now().timestamp_millis());
    for expected in [Booked::Now, Booked::Before] {
        assert_eq!(fresh.writer.reverse("pending_released:o-1", now).await.unwrap(), expected);
    }
    let taken_back = wallet(&fresh, "seller-a").await;
    assert_eq!((taken_back.pending.minor(), taken_back.available.minor()), (10_000, 0));
    assert_eq!(fresh.writer.do_what_is_due(10).await.unwrap(), 0);
    assert_eq!(audit(&fresh).await.findings.named, []);

    let due = "UPDATE payment_orders SET releases_at = now() - interval '1 minute'";
    fresh.database.connection().execute_unprepared(due).await.unwrap();
    assert_eq!(fresh.writer.do_what_is_due(10).await.unwrap(), 1);
    let released = wallet(&fresh, "seller-a").await;
    assert_eq!((released.pending.minor(), released.available.minor()), (0, 10_000));
    assert_eq!(audit(&fresh).await.findings.named, []);
}

/// By how much the clock of one test has jumped, in milliseconds.
static JUMP_MS: AtomicI64 = AtomicI64::new(0);

fn jumping() -> Timestamp {
    Timestamp::from_epoch_ms(chrono::Utc::now().timestamp_millis() + JUMP_MS.load(Ordering::SeqCst))
}

/// SQLite has no other clock, so a jump is seen only by a clock that was read before.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_is_seen_by_readiness() {
    let fresh = database::sqlite().await;
    let worker = Writer::with_clock(fresh.database.clone(), Clock::of(jumping));
    let door = worker.journal();
    for (jump_ms, agrees) in [(0, true), (10 * 60 * 1_000, false), (-10 * 60 * 1_000, false), (0, true)] {
        JUMP_MS.store(jump_ms, Ordering::SeqCst);
        let probed = door.probe().await;
        assert_eq!(probed.is_ok(), agrees, "{jump_ms}: {probed:?}");
        assert!(agrees || matches!(probed, Err(StoreError::ClockOff { .. })), "{probed:?}");
        assert_eq!(worker.time().await.is_ok(), agrees, "{jump_ms}");
    }
}

fn right() -> Timestamp {
    Timestamp::from_epoch_ms(chrono::Utc::now().timestamp_millis())
}

/// A clock that was behind from the start: SQLite has none, but its newest entry has a time.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_behind_the_newest_entry_is_refused_unless_another_confirms_it() {
    let fresh = database::sqlite().await;
    let behind = || Writer::with_clock(fresh.database.clone(), Clock::of(ten_days_behind));
    assert!(behind().time().await.is_ok(), "nothing is booked yet");
    paid(&fresh, "o-1", "seller-a", 10_000, 0).await;
    let worker = behind();
    for error in [worker.time().await.unwrap_err(), worker.journal().probe().await.unwrap_err()] {
        assert!(error.to_string().contains("behind the newest entry of the books"), "{error}");
        assert!(error.to_string().contains("863") || error.to_string().contains("864"), "{error}");
    }
    assert!(matches!(worker.do_what_is_due(10).await.unwrap_err(), StoreError::ClockOff { .. }));
    assert!(Writer::with_clock(fresh.database.clone(), Clock::of(right)).time().await.is_ok());

    // The entry itself has a wrong time, as the PSP's clock shows.
    worker.confirm_clock();
    assert!(worker.time().await.is_ok());
    worker.journal().probe().await.unwrap();
}

on_both_databases!(a_text_with_nul_neither_stops_a_checkout_nor_a_question);

async fn a_text_with_nul_neither_stops_a_checkout_nor_a_question(fresh: Fresh) {
    let plan = plan("checkout-1", &[("o-1", "seller-a", 100)]);
    assert!(record(&fresh, "key", &plan).await);
    begin(&fresh, &plan).await.unwrap();
    let failure = Failure::new("REJECT_CARD\0PAYMENT", "카드\0사");
    let failed = Change { failure: Some(failure), ..change(&plan, 2, Status::Failed) };
    fresh.writer.advance(&failed).await.unwrap();
    let stored = fresh.reader.checkout(plan.checkout_id()).await.unwrap().unwrap();
    assert_eq!(stored.status, Status::Failed);
    assert_eq!(stored.failure.map(|failure| failure.message), Some("카드\u{fffd}사".to_owned()));
    let journal = fresh.writer.journal();
    journal.note_webhook(&Webhook { event: Some("PAYMENT\0".to_owned()), ..webhook("d", "checkout-1") }).await.unwrap();
    assert_eq!(fresh.reader.booked_entry("no\0entry").await.unwrap(), None);
}
