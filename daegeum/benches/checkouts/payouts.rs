//! Payout runs: how long many sellers take to be frozen, approved, sent and paid, in how much memory, and how long the
//! history of the run's workflow becomes.

use std::{
    process::Command,
    time::{Duration, Instant, SystemTime},
};

use domain::{
    Timestamp,
    calendar::{Day, Holidays},
    ledger::{Account, Reason},
};
use futures::{StreamExt as _, stream};
use reqwest::Method;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};
use store::Writer;
use testkit::payees::{self, Earnings, PayeeTerms};

use crate::{
    figure,
    stack::{Shop, Stack},
};

/// What each seller is paid, in won.
const AMOUNT: u64 = 10_000;
/// How many sellers one entry of the seed is about.
const SELLERS_OF_AN_ENTRY: usize = 100;
/// How many entries of the seed are booked at once.
const BOOKING: usize = 16;
/// How often memory and progress are looked at.
const POLL: Duration = Duration::from_millis(200);
/// How long a phase may take.
const PATIENCE: Duration = Duration::from_secs(3 * 60 * 60);
/// By how much the simulator's clock goes on, in seconds: a payout arrives a minute after its request.
const ADVANCE_S: u64 = 61;
/// What Temporal ends a workflow at: events, and bytes. Source: Temporal, limits of the server.
const TEMPORAL_LIMITS: [f64; 2] = [51_200.0, 50.0 * 1_024.0 * 1_024.0];

/// One run for each count of sellers, the later ones on later days.
pub(crate) async fn measure(counts: &[u64], stack: &Stack) {
    let maker = stack.shop.with_key(stack.create_key("finance"));
    let checker = stack.shop.with_key(stack.create_key("finance"));
    let mut day = Day::of(now());
    for sellers in counts {
        day = Holidays::default().business_days_after(day, 1);
        seed(stack, *sellers).await;
        let run = Run { stack, maker: &maker, checker: &checker, sellers: *sellers, day };
        run.measure().await;
    }
}

/// Sellers whom the simulator pays, and who have something available.
async fn seed(stack: &Stack, sellers: u64) {
    let names: Vec<String> = (0..sellers).map(|number| format!("of{sellers:06}-{number:06}")).collect();
    let toss = toss::Client::try_new(toss::Config {
        security_key: Some(toss_sim::DEFAULT_SECURITY_KEY.into()),
        ..toss::Config::new(stack.simulator_url(), toss_sim::DEFAULT_SECRET_KEY)
    });
    let payees = payees::register(&toss.unwrap(), names.clone()).await;
    let database = stack.database().await;
    payees::write(&database, &payees, PayeeTerms { cycle: "daily", approval: "LIMITED" }).await;
    let writer = Writer::new(database);
    let earn = |(number, sellers_of_entry): (usize, &[String])| {
        let earnings = Earnings {
            name: &format!("bench:of{sellers}-{number}"),
            sellers: sellers_of_entry,
            amount: AMOUNT,
            reason: Reason::PaymentCaptured,
            held_at: Account::PspReceivable,
            occurred_at: now(),
        };
        let (entries, writer) = (earnings.entries(), writer.clone());
        async move {
            for entry in entries {
                writer.book(entry).await.unwrap();
            }
        }
    };
    let pages = names.chunks(SELLERS_OF_AN_ENTRY).enumerate();
    stream::iter(pages).map(earn).buffer_unordered(BOOKING).collect::<Vec<()>>().await;
    stack.shop.simulate("balance", &json!({ "amount": AMOUNT * sellers })).await;
    let analyze = "ANALYZE wallets; ANALYZE sellers; ANALYZE ledger_postings; ANALYZE ledger_entries";
    stack.database().await.connection().execute_unprepared(analyze).await.unwrap();
}

/// A run that is measured.
struct Run<'a> {
    stack: &'a Stack,
    maker: &'a Shop,
    checker: &'a Shop,
    sellers: u64,
    day: Day,
}

impl Run<'_> {
    async fn measure(&self) {
        let sellers = self.sellers;
        let mut peak = Peak::new(self.stack);
        let run = peak.during(&format!("(j) {sellers} sellers frozen"), sellers, self.freeze()).await;
        assert_eq!(run["payout_count"].as_u64(), Some(sellers), "{}", run["payout_count"]);
        let id = run["payout_run_id"].as_str().unwrap().to_owned();
        peak.during("    approved", sellers, self.approve(&id, &run["digest"])).await;
        peak.during("    sent", sellers, self.until_left(&id, &["APPROVED", "SENDING", "UNKNOWN"])).await;
        peak.during("    paid", sellers, self.until_complete(&id)).await;
        figure("    memory of daegeum before", peak.before / 1024.0, "MiB");
        figure("    memory of daegeum at most", peak.most / 1024.0, "MiB");
        self.histories(&id).await;
    }

    async fn freeze(&self) -> Value {
        let body = json!({ "date": self.day.to_string() });
        let key = format!("bench-{}", self.sellers);
        loop {
            let (status, run) = self.maker.ask(Method::POST, "/v1/payout-runs", Some(&key), &body).await;
            match status {
                201 => return run,
                // Under way.
                202 | 409 | 429 | 503 => tokio::time::sleep(POLL).await,
                other => panic!("a freeze was answered {other}: {run}"),
            }
        }
    }

    async fn approve(&self, id: &str, digest: &Value) {
        loop {
            let path = format!("/v1/payout-runs/{id}/approve");
            let (status, run) = self.checker.ask(Method::POST, &path, None, &json!({ "digest": digest })).await;
            match status {
                200 => return,
                409 if run["code"] == "request_in_progress" => tokio::time::sleep(POLL).await,
                429 | 503 => tokio::time::sleep(POLL).await,
                other => panic!("an approval was answered {other}: {run}"),
            }
        }
    }

    /// Waits until no payout of the run has one of these statuses.
    async fn until_left(&self, id: &str, statuses: &[&str]) {
        let sql = format!(
            "SELECT COUNT(*) AS n FROM payouts WHERE run_id = '{id}' AND status IN ('{}')",
            statuses.join("', '")
        );
        let database = self.stack.database().await;
        loop {
            let statement = Statement::from_string(DbBackend::Postgres, &sql);
            let row = database.connection().query_one_raw(statement).await.unwrap().unwrap();
            if row.try_get::<i64>("", "n").unwrap() == 0 {
                return;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn until_complete(&self, id: &str) {
        self.stack.shop.simulate("clock", &json!({ "advance_s": ADVANCE_S })).await;
        self.until_left(id, &["REQUESTED", "IN_PROGRESS"]).await;
    }

    /// How long the histories of the run's workflow became.
    async fn histories(&self, id: &str) {
        let query = format!("WorkflowId='payout_run.{id}'");
        let began = Instant::now();
        let runs = loop {
            let runs = self.stack.workflows(&query);
            let is_over = runs.iter().all(|run| run["status"] != "WORKFLOW_EXECUTION_STATUS_RUNNING");
            if is_over && !runs.is_empty() {
                break runs;
            }
            assert!(began.elapsed() < PATIENCE, "the workflow of the run has not ended");
            tokio::time::sleep(POLL).await;
        };
        let number = |run: &Value, name: &str| run[name].as_str().and_then(|text| text.parse().ok()).unwrap_or(0.0);
        let most = |name: &str| runs.iter().map(|run| number(run, name)).fold(0.0, f64::max);
        let events: f64 = runs.iter().map(|run| number(run, "historyLength")).sum();
        let (longest, largest) = (most("historyLength"), most("historySizeBytes"));
        figure("    history events per batch of 100", events / (self.sellers as f64 / 100.0), "");
        figure("    histories, one after the other", runs.len() as f64, "");
        figure("    events of the longest history", longest, "");
        figure("    bytes of the largest history", largest / 1024.0, "KiB");
        let [events, bytes] = TEMPORAL_LIMITS;
        assert!(longest < events / 2.0 && largest < bytes / 2.0, "a history comes near Temporal's limits");
    }
}

/// The memory of `daegeum serve`, in KiB.
struct Peak<'a> {
    stack: &'a Stack,
    before: f64,
    most: f64,
}

impl<'a> Peak<'a> {
    fn new(stack: &'a Stack) -> Self {
        let before = stack.memory_kib() as f64;
        Self { stack, before, most: before }
    }

    /// Says how long a phase takes, and looks at the memory meanwhile.
    async fn during<T>(&mut self, what: &str, sellers: u64, phase: impl Future<Output = T>) -> T {
        let began = Instant::now();
        tokio::pin!(phase);
        let ended = loop {
            tokio::select! {
                ended = &mut phase => break ended,
                () = tokio::time::sleep(POLL) => self.most = self.most.max(self.stack.memory_kib() as f64),
            }
            assert!(began.elapsed() < PATIENCE, "waited and still not: {what}");
        };
        let seconds = began.elapsed().as_secs_f64();
        figure(what, seconds, "s");
        figure(&format!("{what}, sellers"), sellers as f64 / seconds, "/s");
        ended
    }
}

impl Stack {
    /// The workflows that a query finds.
    fn workflows(&self, query: &str) -> Vec<Value> {
        let mut list = Command::new(std::env::var_os("TEMPORAL_CLI").unwrap());
        list.args(["workflow", "list", "--output", "json", "--query", query, "--address", &self.temporal]);
        serde_json::from_slice(&list.output().unwrap().stdout).unwrap_or_default()
    }
}

fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp::from_epoch_ms(i64::try_from(now.as_millis()).unwrap())
}
