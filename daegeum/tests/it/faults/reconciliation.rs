//! Every step of a reconciliation, and every act of people on what it found and booked, goes wrong once, in every way:
//! the books and the breaks are those of runs without a fault.
//!
//! The steps are counted from the tables of the ports: a port that no case reaches makes the test fail.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use domain::calendar::{Day, Holidays};
use serde_json::{Value, json};
use temporalio_client::{Client, WorkflowStartOptions};
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};
use workflows::{
    TASK_QUEUE,
    reconciliation::{OF_RECONCILIATION, ReconciliationInput, ReconciliationWorkflow, settled_from},
    reversal::OF_REVERSALS,
};

use super::{Cell, FAULTS, Fault, Faults, Place, print, workers};
use crate::{
    database::Kind,
    on_both_databases,
    reconciliation::{paid, planted},
    roles::Roles,
    stack::{Shop, day_after, until},
};

on_both_databases!(whatever_step_of_a_reconciliation_fails_books_and_breaks_are_the_same);

/// How many runs are under way at once.
const RUNS_AT_ONCE: usize = 10;
/// How many payments there are; one of them has no row.
const PAID: [&str; 3] = ["paid-1", "paid-2", "missing"];
/// The days of sale: one for each fault, so far apart that no run looks at two of them.
const APART_DAYS: usize = 16;
/// After this number of days all rows of all days are listed and paid out.
const LATER: i64 = 150;
/// After how much silence of an activity another worker takes it up.
const SILENCE_MS: u64 = 15_000;
/// How long a run may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(360);
/// How long is waited before a question is asked again.
const PAUSE: Duration = Duration::from_millis(200);

/// What goes wrong in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// The rows of the day of sale are booked.
    Settle,
    /// The rows of the day of sale are read.
    Pull,
    /// The payout balance is compared.
    Balance,
    /// The only step of its name.
    Only(&'static str),
}

/// The port of steps, and those of people's acts.
const STEP: &str = "reconciliation.step";
const ACT: &str = "break.act";
const TAKE_BACK: &str = "ledger.act_on_reversal";

impl What {
    /// All that goes wrong in runs, counted from the ports. The rows are booked first.
    fn all() -> Vec<Self> {
        let others = OF_RECONCILIATION.iter().filter(|step| ![STEP, ACT].contains(step));
        [Self::Settle, Self::Pull, Self::Balance].into_iter().chain(others.map(|step| Self::Only(step))).collect()
    }

    const fn step(self) -> &'static str {
        match self {
            Self::Settle | Self::Pull | Self::Balance => STEP,
            Self::Only(step) => step,
        }
    }
}

/// A run in which a step goes wrong.
#[derive(Debug, Clone, Copy)]
struct Case {
    what: What,
    fault: Fault,
    /// The day of the run, in days from today.
    day: usize,
    /// How many days before it the day of sale is.
    sold_before: usize,
}

impl Case {
    /// One case of each fault on the days after the fault's day of sale.
    fn all(number: usize, what: What) -> [Self; FAULTS.len()] {
        let mut sold = 0;
        FAULTS.map(|fault| {
            let case = Self { what, fault, day: sold + 1 + number, sold_before: 1 + number };
            sold += APART_DAYS;
            case
        })
    }

    /// Where the step stands among those of its name in the run of a day that has not begun, and so has no
    /// transactions: our own books; for each day of sale that is looked at, the oldest first, its rows are read; the
    /// balance is read; for each of those days the rows are booked; the balance; the bank.
    fn place(self) -> Place {
        let days = looked_at(days_ahead(self.day).parse().unwrap());
        let sold = days - 1 - self.sold_before;
        let time = match self.what {
            What::Only(_) => 0,
            What::Pull => 1 + sold,
            What::Settle => 1 + days + 1 + sold,
            What::Balance => 1 + days + 1 + days,
        };
        Place { step: self.what.step(), time }
    }
}

/// How many days of sale the run of a day looks at.
fn looked_at(day: Day) -> usize {
    settled_from(day, &Holidays::default()).through(day).count()
}

fn days_ahead(days: usize) -> String {
    day_after(i64::try_from(days).unwrap())
}

/// Runs the reconciliation of a day. Answers its verdict.
async fn reconciled(client: &Client, day: &str) -> String {
    let later = Some(day_after(LATER));
    let input =
        ReconciliationInput { day: day.to_owned(), as_of: later, grace_ms: Some(0), silence_ms: Some(SILENCE_MS) };
    let options = WorkflowStartOptions::new(TASK_QUEUE, format!("reconciliation.{day}")).build();
    let handle = client.start_workflow(ReconciliationWorkflow::run, input, options).await.unwrap();
    let ended = tokio::time::timeout(PATIENCE, handle.get_result(Default::default())).await;
    ended.unwrap_or_else(|_| panic!("the run of {day} goes on")).unwrap()
}

/// Carries out cases side by side.
async fn carry_out(client: &Client, faults: &Faults, cases: Vec<Case>) -> Vec<Cell> {
    let (mut runs, room) = (JoinSet::new(), Arc::new(Semaphore::new(RUNS_AT_ONCE)));
    for case in cases {
        let day = days_ahead(case.day);
        faults.plan(&day, case.place(), case.fault);
        let (client, room) = (client.clone(), Arc::clone(&room));
        runs.spawn(async move {
            let _place = room.acquire().await.unwrap();
            let began = Instant::now();
            let verdict = reconciled(&client, &day).await;
            assert_eq!(verdict, "BREAKS", "{case:?}");
            let row = format!("{} {:?}", case.what.step(), case.what);
            (row, case.fault, format!("{verdict} {:.0} s", began.elapsed().as_secs_f64()))
        });
    }
    runs.join_all().await
}

/// Type, class and status of every break, with its subject.
async fn breaks(shop: &Shop) -> BTreeSet<[String; 4]> {
    let listed = shop.get("/v1/breaks?limit=100").await;
    let text = |found: &Value, field: &str| found[field].as_str().unwrap().to_owned();
    let shown = |found: &Value| ["type", "class", "status", "subject"].map(|field| text(found, field));
    listed["data"].as_array().unwrap().iter().map(shown).collect()
}

/// Payments of today, of which one has no row, and on each day of sale a row without a payment.
async fn plant(roles: &Roles) {
    let shop = &roles.shop;
    for id in PAID {
        paid(shop, id).await;
    }
    planted::plant(shop, "missing_row", Some("missing"), 1).await;
    let pass = async |days: u64| {
        shop.simulate("clock", &json!({ "advance_s": planted::DAY_S * days })).await;
    };
    for number in 0..FAULTS.len() as u64 {
        planted::plant(shop, "lump", None, 4_000 + number).await;
        pass(APART_DAYS as u64).await;
    }
    pass(planted::LATER.unsigned_abs()).await;
}

/// Assigns each break, and waits until that is done.
async fn assign_all(finance: Shop, faults: Faults, breaks: Vec<String>) {
    let acts = breaks.iter().zip(FAULTS).map(|(break_id, fault)| assign(&finance, &faults, break_id, fault));
    futures::future::join_all(acts).await;
}

/// An answer that nobody waited for is no reason to ask again. A run that sees the break meanwhile is one.
async fn assign(finance: &Shop, faults: &Faults, break_id: &str, fault: Fault) {
    faults.plan(break_id, Place { step: ACT, time: 0 }, fault);
    let (began, path) = (Instant::now(), format!("{}/v1/breaks/{break_id}/assign", finance.api));
    loop {
        let request = finance.http.post(&path).bearer_auth(&finance.api_key);
        let answer = request.json(&json!({ "to": "mina", "reason": "asks Toss" })).send().await.unwrap();
        match answer.status().as_u16() {
            200 | 503 => break,
            409 => tokio::time::sleep(PAUSE).await,
            other => panic!("{break_id}: {other} {}", answer.text().await.unwrap()),
        }
        assert!(began.elapsed() < PATIENCE, "{break_id} is refused");
    }
    while acts_on(finance, break_id).await.len() < 2 {
        assert!(began.elapsed() < PATIENCE, "{break_id} is not assigned");
        tokio::time::sleep(PAUSE).await;
    }
}

/// What happened to a break, the oldest first, but for its escalations. Each step of these is taken once.
async fn acts_on(shop: &Shop, break_id: &str) -> Vec<String> {
    let shown = shop.get(&format!("/v1/breaks/{break_id}")).await;
    let is_escalation = |line: &&Value| line["act"] == "escalate";
    let (raised, acts): (Vec<&Value>, Vec<&Value>) =
        shown["history"].as_array().unwrap().iter().partition(is_escalation);
    let steps: BTreeSet<&str> = raised.iter().map(|line| line["detail"].as_str().unwrap()).collect();
    assert_eq!(steps.len(), raised.len(), "a step is taken once: {shown}");
    acts.into_iter().map(|line| line["act"].as_str().unwrap().to_owned()).collect()
}

/// Sends a request of a principal until the workflow of another one is out of its way. Answers the status.
async fn send(shop: &Shop, path: &str, body: &Value) -> u16 {
    let began = Instant::now();
    loop {
        let request = shop.http.post(format!("{}{path}", shop.api)).bearer_auth(&shop.api_key).json(body);
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        if status != 429 {
            assert!([200, 503].contains(&status), "{path}: {status} {}", answer.text().await.unwrap());
            return status;
        }
        assert!(began.elapsed() < PATIENCE, "{path} is refused");
        tokio::time::sleep(PAUSE).await;
    }
}

/// The entry of each row is taken back by two principals, and booked again by one.
async fn take_all_back(roles: &Roles, faults: &Faults, rows: &[String]) {
    let key = || Shop { api_key: roles.create_key("finance"), ..roles.shop.clone() };
    let principals = [key(), key()];
    let acts = rows.iter().zip(FAULTS).map(|(row, fault)| take_back(&principals, faults, row, fault));
    futures::future::join_all(acts).await;
}

async fn take_back([maker, checker]: &[Shop; 2], faults: &Faults, row: &str, fault: Fault) {
    let entry = format!("psp_settled:{row}");
    let path = format!("/v1/ledger/entries/{entry}/reversal");
    let seen = json!({ "digest": maker.get(&path).await["digest"], "reason": "a row of another shop" });
    // The word of one principal counts once, however often it is said.
    until(&format!("{entry} waits"), || async { send(maker, &path, &seen).await == 200 }).await;
    faults.plan(&entry, Place { step: TAKE_BACK, time: 0 }, fault);
    send(checker, &format!("{path}/approve"), &seen).await;
    let stands_at = async |status: &str| {
        until(&format!("{entry} is {status}"), || async { maker.get(&path).await["reversal"]["status"] == status })
            .await;
    };
    stands_at("APPROVED").await;
    send(maker, &format!("{path}/undo"), &json!({ "reason": "the row is ours" })).await;
    stands_at("UNDONE").await;
}

/// As without a fault: each row is booked once, and each break is open once.
async fn agree(shop: &Shop) {
    let found = breaks(shop).await;
    let (open, closed): (Vec<_>, Vec<_>) = found.iter().partition(|[_, _, status, _]| status == "OPEN");
    let of = |wanted: &str| open.iter().filter(|[break_type, ..]| break_type == wanted).count();
    let counts = (of("lump_without_payment"), of("settlement_overdue"), open.len());
    assert_eq!(counts, (FAULTS.len(), 1, FAULTS.len() + 1), "{found:?}");
    // Toss has paid in the rows of all days, and the first runs have booked those of their own day alone.
    assert!(closed.iter().all(|[break_type, ..]| break_type == "payout_balance_differs"), "{found:?}");
    let balances = shop.http.get(format!("{}/_sim/balances", shop.simulator)).send().await.unwrap();
    let at_toss = balances.json::<Value>().await.unwrap()["available"].as_i64().unwrap();
    assert_eq!(planted::balance(shop, "psp:payout_balance").await, at_toss);
}

async fn whatever_step_of_a_reconciliation_fails_books_and_breaks_are_the_same(database: Kind) {
    let roles = Roles::start(database).await;
    let (faults, client, shop) = (Faults::default(), roles.temporal().await, &roles.shop);
    let _on = workers(&roles, &faults);
    plant(&roles).await;

    // The first run of each day of sale books its rows.
    let whats = What::all();
    assert!(whats.len() < APART_DAYS, "there are days for all that goes wrong");
    let all: Vec<Vec<Case>> =
        whats.iter().enumerate().map(|(number, what)| Case::all(number, *what).to_vec()).collect();
    let (first, later) = all.split_first().unwrap();
    let mut outcomes = carry_out(&client, &faults, first.clone()).await;
    let listed = shop.get("/v1/breaks?type=lump_without_payment&limit=100").await;
    let lumps = listed["data"].as_array().unwrap().iter();
    let text = |one: &Value, field: &str| one[field].as_str().unwrap().to_owned();
    let (lumps, rows): (Vec<String>, Vec<String>) =
        lumps.map(|one| (text(one, "break_id"), text(one, "subject"))).unzip();
    assert_eq!(lumps.len(), FAULTS.len(), "{listed}");
    let finance = Shop { api_key: roles.create_key("finance"), ..shop.clone() };
    let (more, ()) =
        tokio::join!(carry_out(&client, &faults, later.concat()), assign_all(finance, faults.clone(), lumps.clone()));
    outcomes.extend(more);
    assert_eq!(faults.spared(), BTreeSet::new(), "every fault happened");

    agree(shop).await;
    let stand = (breaks(shop).await, shop.get("/v1/ledger/trial-balance").await);
    for case in first {
        assert_eq!(reconciled(&client, &days_ahead(case.day)).await, "BREAKS");
    }
    assert_eq!((breaks(shop).await, shop.get("/v1/ledger/trial-balance").await), stand, "the same again");
    for id in &lumps {
        assert_eq!(acts_on(shop, id).await, ["open", "assign"], "{id}: an act is carried out once");
    }
    take_all_back(&roles, &faults, &rows).await;
    assert_eq!(faults.spared(), BTreeSet::new(), "every fault happened");
    let after = shop.get("/v1/ledger/trial-balance").await;
    assert_eq!(planted::balances(&after), planted::balances(&stand.1), "taken back and undone");
    let reached: BTreeSet<&str> = whats.iter().map(|what| what.step()).chain([ACT, TAKE_BACK]).collect();
    assert_eq!(reached, OF_RECONCILIATION.iter().chain(OF_REVERSALS).copied().collect());
    roles.verify_books();
    print(&format!("reconciliations on {database:?}: the verdict of each run"), outcomes);
}
