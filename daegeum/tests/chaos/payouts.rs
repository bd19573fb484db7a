//! Payout runs while everything dies: each is frozen by one principal, approved by another, and paid once.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use domain::{
    Timestamp,
    ledger::{Account, Reason},
};
use futures::TryStreamExt as _;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use store::{Database, DatabaseUrl, Writer};
use testkit::payees::{self, Earnings, PayeeTerms};

use crate::{
    shop::{Ask, Shop},
    stack::Stack,
    verdict::Wrong,
};

/// How many sellers one run pays.
const SELLERS: usize = 5;
/// What each seller is paid, in won.
const AMOUNT: u64 = 10_000;
/// How many runs there are at least, and at most; between them as many as interruptions.
const RUN_COUNT: std::ops::RangeInclusive<usize> = 4..=60;
/// How long somebody keeps asking for one thing.
const PATIENCE: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_millis(400);
const RUNS: &str = "/v1/payout-runs";
/// How requests are answered: the run is frozen, would pay nobody, or is approved.
const FROZEN: u16 = 201;
const NOTHING_DUE: u16 = 200;
const APPROVED: u16 = 200;
/// How long Toss stalls where it does, in milliseconds.
const STALL_MS: u64 = 8_000;
const PAYOUT_BALANCE: &str = "psp:payout_balance";
/// The end of the name of an account of money that is on its way.
const IN_TRANSIT: &str = "in_transit";
/// How many runs of a hundred meet a fault of Toss.
const FAULTS_PER_CENT: u32 = 50;
/// What Toss does wrong to a request for payouts, or to the look-up after it.
const FAULTS: [&str; 7] = [
    "refuse_connection",
    "stall_before",
    "execute_and_stall",
    "execute_and_error",
    "error_before",
    "garbage_after",
    "rate_limit",
];

/// A run that is asked for at a time.
#[derive(Debug, Clone)]
struct PlannedRun {
    after: Duration,
    sellers: Vec<String>,
    fault: Option<&'static str>,
}

/// The runs of a load, and who asks for them.
pub(crate) struct Payouts {
    runs: Vec<PlannedRun>,
    maker: String,
    checker: String,
    toss: toss::Client,
    wrong: Mutex<Wrong>,
}

impl Payouts {
    /// Registers the sellers at Toss, and lets each have something available, which is at Toss too.
    pub(crate) async fn prepare(stack: &Stack, load: Load, shop: &Shop) -> Arc<Self> {
        let runs = draw(&load);
        let toss = toss::Client::try_new(toss::Config {
            security_key: Some(toss_sim::DEFAULT_SECURITY_KEY.into()),
            ..toss::Config::new(stack.simulator.clone(), toss_sim::DEFAULT_SECRET_KEY)
        });
        let toss = toss.unwrap();
        let mut sellers: Vec<String> = runs.iter().flat_map(|run| run.sellers.clone()).collect();
        let payees = payees::register(&toss, sellers.clone()).await;
        // What this one has stays in the payout balance.
        sellers.push("payee-unpaid".to_owned());
        let database = Database::connect(&stack.database_url().parse::<DatabaseUrl>().unwrap()).await.unwrap();
        payees::write(&database, &payees, PayeeTerms { cycle: "manual", approval: "LIMITED" }).await;
        let earnings = Earnings {
            name: "chaos",
            sellers: &sellers,
            amount: AMOUNT,
            reason: Reason::PspSettled,
            held_at: Account::PspPayoutBalance,
            occurred_at: Timestamp::from_epoch_ms(chrono::Utc::now().timestamp_millis()),
        };
        let writer = Writer::new(database.clone());
        for entry in earnings.entries() {
            writer.book(entry).await.unwrap();
        }
        database.close().await.unwrap();
        shop.tell_simulator("balance", &json!({ "amount": AMOUNT * sellers.len() as u64 })).await;
        let (maker, checker) = (stack.create_key("finance"), stack.create_key("finance"));
        Arc::new(Self { runs, maker, checker, toss, wrong: Mutex::default() })
    }

    /// Asks for each run at its time, until each is approved.
    pub(crate) async fn run(self: Arc<Self>, shop: Shop, began: tokio::time::Instant) {
        let mut asked = tokio::task::JoinSet::new();
        for index in 0..self.runs.len() {
            tokio::time::sleep_until(began + self.runs[index].after).await;
            let (payouts, shop) = (Arc::clone(&self), shop.clone());
            asked.spawn(async move {
                if let Err(problem) = payouts.pay(&shop, index).await {
                    payouts.wrong.lock().unwrap().push(problem);
                }
            });
        }
        asked.join_all().await;
    }

    async fn pay(&self, shop: &Shop, index: usize) -> Result<(), String> {
        let PlannedRun { sellers, fault, .. } = &self.runs[index];
        let body = json!({ "seller_accounts": sellers });
        let (key, other_key) = (format!("run-{index}"), format!("again-{index}"));
        let freeze = Ask { path: RUNS, api_key: &self.maker, idempotency_key: Some(&key), body: &body };
        let run = until(shop, freeze, FROZEN).await?;
        // The same sellers and period under another name: nobody is paid a second time.
        until(shop, Ask { idempotency_key: Some(&other_key), ..freeze }, NOTHING_DUE).await?;
        if let Some(kind) = fault {
            let fault = json!({ "on": "payouts", "kind": kind, "delay_ms": STALL_MS });
            shop.tell_simulator("mischief", &fault).await;
        }
        let path = format!("{RUNS}/{}/approve", run["payout_run_id"].as_str().unwrap_or_default());
        let body = json!({ "digest": run["digest"] });
        let approve = Ask { path: &path, api_key: &self.checker, idempotency_key: None, body: &body };
        until(shop, approve, APPROVED).await.map(|_| ())
    }

    /// When all is quiet: each seller was paid once, and the books, Toss and the event log say the same.
    pub(crate) async fn judge(&self, shop: &Shop) -> Wrong {
        let mut wrong = std::mem::take(&mut *self.wrong.lock().unwrap());
        let paid_at_toss = self.paid_at_toss(&mut wrong).await;
        let sellers: Vec<&String> = self.runs.iter().flat_map(|run| &run.sellers).collect();
        let mut booked = 0;
        for seller in &sellers {
            let (_, wallet) = shop.get(&format!("/v1/wallets/{seller}")).await;
            let won = |name: &str| wallet[name].as_str().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
            booked += won("paid_out");
            if (won("available"), won("held"), won("in_transit"), won("paid_out")) != (0, 0, 0, AMOUNT) {
                wrong.push(format!("{seller} was not paid once: {wallet}"));
            }
        }
        if paid_at_toss != booked {
            wrong.push(format!("Toss paid {paid_at_toss} won, and the books say {booked}"));
        }
        self.balances(shop, &mut wrong).await;
        self.events(shop, &mut wrong).await;
        println!("payouts: {} runs, {} sellers; Toss paid {paid_at_toss} won", self.runs.len(), sellers.len());
        wrong
    }

    /// What Toss paid, in won. Two payouts to one destination are wrong.
    async fn paid_at_toss(&self, wrong: &mut Wrong) -> u64 {
        let since = (chrono::Utc::now() - chrono::TimeDelta::days(3)).date_naive();
        let listed: Vec<toss::Payout> = self.toss.payouts_since(since).try_collect().await.unwrap();
        let mut at_toss: BTreeMap<String, u64> = BTreeMap::new();
        let mut paid = 0;
        for payout in &listed {
            let takes_money = !matches!(payout.status, toss::PayoutStatus::Failed | toss::PayoutStatus::Canceled);
            *at_toss.entry(payout.destination.clone().unwrap_or_default()).or_default() += u64::from(takes_money);
            if payout.status == toss::PayoutStatus::Completed {
                paid += payout.amount.minor;
            }
        }
        for (destination, count) in at_toss.iter().filter(|(_, count)| **count > 1) {
            wrong.push(format!("{destination} has {count} payouts at Toss"));
        }
        paid
    }

    /// The payout balance is what Toss says, and nothing is on its way.
    async fn balances(&self, shop: &Shop, wrong: &mut Wrong) {
        let (_, trial) = shop.get("/v1/ledger/trial-balance").await;
        let won = |wanted: &dyn Fn(&str) -> bool| -> i64 {
            let accounts = trial["accounts"].as_array().into_iter().flatten();
            let named = accounts.filter(|account| account["account"].as_str().is_some_and(wanted));
            named.filter_map(|account| account["balance"].as_str()?.parse::<i64>().ok()).sum()
        };
        let (in_books, in_transit) = (won(&|name| name == PAYOUT_BALANCE), won(&|name| name.ends_with(IN_TRANSIT)));
        let at_toss = self.toss.balance().await.unwrap().available_amount.minor;
        println!("payout balance: Toss {at_toss} won, the books {in_books}; in transit {in_transit} won");
        if i64::try_from(at_toss) != Ok(in_books) {
            wrong.push(format!("Toss has a payout balance of {at_toss} won, and the books {in_books}"));
        }
        if in_transit != 0 {
            wrong.push(format!("{in_transit} won are still in transit"));
        }
    }

    /// The world was told once that each seller was paid, and once of each status of a run.
    async fn events(&self, shop: &Shop, wrong: &mut Wrong) {
        let (mut told, mut after) = (BTreeMap::<(String, String), u64>::new(), 0_u64);
        loop {
            let (http, page) = shop.get(&format!("/v1/events?limit=500&after={after}")).await;
            let Some(events) = page["events"].as_array() else {
                return wrong.push(format!("the event log answers {http}: {page}"));
            };
            for event in events {
                after += 1;
                let data = &event["data"];
                let of_whom = data["seller_account"].as_str().or(data["payout_run_id"].as_str()).unwrap_or_default();
                let kind = event["type"].as_str().unwrap_or_default();
                *told.entry((kind.to_owned(), of_whom.to_owned())).or_default() += 1;
            }
            if page["has_more"] != true {
                break;
            }
        }
        for seller in self.runs.iter().flat_map(|run| &run.sellers) {
            let times = told.remove(&("payout.paid".to_owned(), seller.clone())).unwrap_or_default();
            if times != 1 {
                wrong.push(format!("the world was told {times} times that {seller} was paid"));
            }
        }
        for kind in ["payout_run.frozen", "payout_run.approved", "payout_run.completed"] {
            let times: Vec<u64> = told.iter().filter(|((told, _), _)| told == kind).map(|(_, times)| *times).collect();
            if times.len() != self.runs.len() || times.iter().any(|times| *times != 1) {
                wrong.push(format!("{} runs, and the world was told {kind}: {times:?}", self.runs.len()));
            }
        }
    }
}

/// Sends a request until it is answered so.
async fn until(shop: &Shop, ask: Ask<'_>, wanted: u16) -> Result<Value, String> {
    let (began, mut last) = (Instant::now(), None);
    while began.elapsed() < PATIENCE {
        match shop.ask(ask).await {
            Some((status, answer)) if status == wanted => return Ok(answer),
            other => last = other,
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(format!("{} was never answered {wanted}: {last:?}", ask.path))
}

/// What the runs are spread over.
pub(crate) struct Load {
    pub(crate) seed: u64,
    pub(crate) interruptions: usize,
    pub(crate) time: Duration,
}

/// The same seed, the same runs. The last begin before the last interruptions fall.
fn draw(load: &Load) -> Vec<PlannedRun> {
    let mut random = StdRng::seed_from_u64(load.seed.wrapping_add(1));
    let count = load.interruptions.clamp(*RUN_COUNT.start(), *RUN_COUNT.end());
    let gap = load.time / u32::try_from(count).unwrap();
    let run = |number: usize| {
        let sellers = (0..SELLERS).map(|seller| format!("payee-{number:03}-{seller}")).collect();
        let is_faulty = random.random_ratio(FAULTS_PER_CENT, 100);
        let fault = is_faulty.then(|| FAULTS.choose(&mut random).copied()).flatten();
        PlannedRun { after: gap * u32::try_from(number).unwrap(), sellers, fault }
    };
    (0..count).map(run).collect()
}
