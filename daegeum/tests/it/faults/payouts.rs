//! Every step of a payout goes wrong once, in every way: each seller is paid once, and the books say what Toss paid.
//!
//! The steps are counted from the ports table of payouts, as those of checkouts are from theirs.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    str::FromStr,
    time::Duration,
};

use domain::{
    Currency, Money,
    ledger::{Account, Entry, EntryFields, Posting, PostingFields, Reason},
};
use serde_json::{Value, json};
use store::{Database, DatabaseUrl, Writer};
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};
use workflows::ports;

use super::{FAULTS, Fault, Faults, Place, print, workers};
use crate::{
    database::Kind,
    on_both_databases,
    payouts::{names, register, text},
    roles::Roles,
    stack::{Shop, until},
};

on_both_databases!(whatever_step_of_a_payout_fails_each_seller_is_paid_once);

/// How many runs are under way at once.
const STORIES_AT_ONCE: usize = 30;
/// How often those whose fault did not happen are told again.
const ROUNDS: usize = 3;
/// What each seller has earned, in won.
const EARNED: u64 = 20_000;
/// How many orders a checkout has: with more, the rule of this worker would deny it.
const ORDERS: usize = 40;
/// How long a run may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(360);

/// What brings a run to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Story {
    /// The payout is approved and paid.
    Paid,
    /// The answers to the request are lost, and the PSP is asked.
    AnswerLost,
    /// The payout is taken back before the approval.
    TakenBack,
}

impl Story {
    fn reaching(step: &str) -> Self {
        match step {
            "psp.look_up_payouts" => Self::AnswerLost,
            "payout.act" => Self::TakenBack,
            _ => Self::Paid,
        }
    }

    const fn end(self) -> &'static str {
        match self {
            Self::Paid | Self::AnswerLost => "PAID",
            Self::TakenBack => "CANCELED",
        }
    }
}

/// A step of a run that goes wrong.
#[derive(Debug, Clone, Copy)]
struct Case {
    story: Story,
    step: &'static str,
    fault: Fault,
}

/// Two principals of scope `finance`.
#[derive(Clone)]
struct Office {
    maker: Shop,
    checker: Shop,
    faults: Faults,
}

impl Office {
    /// Sends a request until it is carried out: a worker that dies leaves some unanswered, and the answer says so.
    async fn ask(&self, shop: &Shop, path: &str, key: Option<&str>, body: &Value) -> Value {
        let began = Instant::now();
        loop {
            let request = shop.http.post(format!("{}{path}", shop.api)).bearer_auth(&shop.api_key).json(body);
            let request = if let Some(key) = key { request.header("Idempotency-Key", key) } else { request };
            let answer = request.send().await.unwrap();
            let (status, body) = (answer.status().as_u16(), answer.json::<Value>().await.unwrap());
            if status < 300 {
                return body;
            }
            assert!([409, 429, 503].contains(&status), "{path}: {status} {body}");
            assert!(began.elapsed() < PATIENCE, "{path}: {status} {body}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Freezes, approves and follows the payout of one seller. Answers where it came to rest.
    async fn tell(&self, case: Case, seller: &str) -> &'static str {
        self.faults.plan(seller, Place { step: case.step, time: 0 }, case.fault);
        if case.story == Story::AnswerLost {
            self.faults.plan_lost(seller, "psp.request_payouts");
        }
        let wanted = json!({ "seller_accounts": [seller] });
        let run = self.ask(&self.maker, "/v1/payout-runs", Some(seller), &wanted).await;
        let run_id = text(&run, "payout_run_id");
        let payout_id = text(&run["payouts"][0], "payout_id");
        self.faults.name(payout_id, seller);
        let payout = format!("/v1/payouts/{payout_id}");
        if case.story == Story::TakenBack {
            let reason = json!({ "reason": "disputed" });
            self.ask(&self.maker, &format!("{payout}/cancel"), None, &reason).await;
        } else {
            let digest = json!({ "digest": run["digest"] });
            self.ask(&self.checker, &format!("/v1/payout-runs/{run_id}/approve"), None, &digest).await;
        }
        let (began, end) = (Instant::now(), case.story.end());
        loop {
            let stands = self.maker.get(&payout).await;
            if stands["status"] == end {
                return end;
            }
            assert!(began.elapsed() < PATIENCE, "{seller}: {stands}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// Sellers whom Toss pays, with money that is available, and a payout balance that holds it.
async fn earn(roles: &Roles, writer: &Writer, sellers: &[String]) {
    register(&roles.shop.simulator, &roles.database_url(), sellers).await;
    for (index, page) in sellers.chunks(ORDERS).enumerate() {
        let checkout = format!("sales-{index}");
        let order =
            |seller: &String| json!({ "seller_account": seller, "amount": EARNED.to_string(), "currency": "KRW" });
        let orders: Vec<Value> = page.iter().map(order).collect();
        let body = json!({ "checkout_id": checkout, "order_name": "셔츠", "buyer_info": { "id": "buyer-1" },
            "payment_orders": orders });
        roles.shop.create_with(&checkout, &body).await;
        let total = EARNED * page.len() as u64;
        let authorized = roles.shop.simulate("authorize", &json!({ "orderId": checkout, "amount": total })).await;
        let key = text(&authorized, "paymentKey");
        until("the sale is confirmed", || async {
            roles.shop.confirm(&checkout, key, &total.to_string()).await.0 == 200
        })
        .await;
    }
    let total = EARNED * sellers.len() as u64;
    let far_ahead = service::now().plus_ms(30 * 24 * 60 * 60 * 1_000);
    while writer.release_due(far_ahead, 200).await.unwrap() > 0 {}
    roles.shop.simulate("balance", &json!({ "amount": total })).await;
    writer.book(settled(total)).await.unwrap();
}

/// What Toss has settled is in the balance out of which it pays.
fn settled(total: u64) -> Entry {
    let posting = Posting::try_new(PostingFields {
        debit: Account::PspPayoutBalance,
        credit: Account::PspReceivable,
        amount: Money::try_from_minor(total, Currency::Krw).unwrap(),
        order: None,
    });
    let fields = EntryFields {
        key: Reason::PspSettled.key("matrix"),
        reason: Reason::PspSettled,
        checkout_id: None,
        reverses: None,
        occurred_at: service::now(),
        postings: vec![posting.unwrap()],
    };
    Entry::try_new(fields).unwrap()
}

/// Lets the simulator's time pass, so that its payouts arrive, until the test ends.
fn pass_time(shop: &Shop) -> tokio::task::JoinHandle<()> {
    let shop = shop.clone();
    tokio::spawn(async move {
        loop {
            shop.simulate("clock", &json!({ "advance_s": 61 })).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    })
}

async fn whatever_step_of_a_payout_fails_each_seller_is_paid_once(database: Kind) {
    let roles = Roles::start(database).await;
    let faults = Faults::default();
    let _on = workers(&roles, &faults);
    let writer = Writer::new(Database::connect(&DatabaseUrl::from_str(&roles.database_url()).unwrap()).await.unwrap());
    let cases: Vec<Case> = ports::OF_PAYOUTS
        .iter()
        .flat_map(|step| FAULTS.map(|fault| Case { story: Story::reaching(step), step, fault }))
        .collect();
    let sellers = names("seller", cases.len() * ROUNDS);
    earn(&roles, &writer, &sellers).await;
    let key = || Shop { api_key: roles.create_key("finance"), ..roles.shop.clone() };
    let office = Office { maker: key(), checker: key(), faults: faults.clone() };
    let time = pass_time(&roles.shop);

    let (mut left, mut unpaid, mut outcomes, mut reached) = (cases, sellers.iter(), Vec::new(), BTreeSet::new());
    let mut told: HashMap<String, (Case, &'static str)> = HashMap::new();
    for _ in 0..ROUNDS {
        let mut stories = JoinSet::new();
        let room = std::sync::Arc::new(Semaphore::new(STORIES_AT_ONCE));
        for case in std::mem::take(&mut left) {
            let (office, room, seller) = (office.clone(), room.clone(), unpaid.next().unwrap().clone());
            stories.spawn(async move {
                let _place = room.acquire().await.unwrap();
                let began = Instant::now();
                let end = office.tell(case, &seller).await;
                (seller, case, end, began.elapsed())
            });
        }
        let spoken = stories.join_all().await;
        let spared = faults.spared();
        for (seller, case, end, took) in spoken {
            if spared.contains(&seller) {
                left.push(case);
            } else {
                reached.insert(case.step);
                let row = format!("{} ({:?})", case.step, case.story);
                outcomes.push((row, case.fault, format!("{end} {:.0} s", took.as_secs_f64())));
            }
            told.insert(seller, (case, end));
        }
        faults.forget();
    }
    time.abort();
    assert!(left.is_empty(), "every fault happened, but for {left:?}");
    assert_eq!(reached, ports::OF_PAYOUTS.iter().copied().collect());
    agree(&roles, &sellers, &told).await;
    print(&format!("payouts on {database:?}: where each payout came to rest"), outcomes);
}

/// Each seller is paid once or not at all, and Toss, wallets and books say the same.
async fn agree(roles: &Roles, sellers: &[String], told: &HashMap<String, (Case, &'static str)>) {
    let shop = &roles.shop;
    let at_toss: Value = read(shop, "_sim/payouts").await;
    let mut paid_to: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for payout in at_toss["payouts"].as_array().unwrap() {
        assert_eq!(payout["status"], "COMPLETED", "{payout}");
        paid_to.entry(text(payout, "destination")).or_default().push(payout["amount"]["value"].as_u64().unwrap());
    }
    assert!(paid_to.values().all(|amounts| *amounts == [EARNED]), "somebody was paid twice: {paid_to:?}");
    let is_paid = |seller: &str| told.get(seller).is_some_and(|(_, end)| *end == "PAID");
    for seller in sellers {
        let wallet = shop.get(&format!("/v1/wallets/{seller}")).await;
        let parts =
            ["paid_out", "in_transit", "held", "available"].map(|part| text(&wallet, part).parse::<u64>().unwrap());
        let expected = if is_paid(seller) { [EARNED, 0, 0, 0] } else { [0, 0, 0, EARNED] };
        assert_eq!(parts, expected, "{seller}: {wallet}");
    }
    let paid = EARNED * sellers.iter().filter(|seller| is_paid(seller)).count() as u64;
    assert_eq!(at_toss["completed"].as_u64().unwrap(), paid);
    let balance = read(shop, "_sim/balances").await["available"].as_u64().unwrap();
    let booked = shop.get("/v1/ledger/accounts/psp:payout_balance").await;
    let booked = booked["balances"].as_array().map_or(&booked, |balances| &balances[0]);
    assert_eq!(text(booked, "balance").parse::<u64>().unwrap(), balance, "the books and GET /v2/balances");
    assert_eq!(balance, EARNED * sellers.len() as u64 - paid);
    roles.verify_books();
}

async fn read(shop: &Shop, path: &str) -> Value {
    shop.http.get(format!("{}/{path}", shop.simulator)).send().await.unwrap().json().await.unwrap()
}
