//! Payouts from outside: frozen, approved by another key, sent to the simulator, and paid once.

use std::{path::Path, process::Command};

use sea_orm_migration::sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};
use store::{Database, DatabaseUrl};
use temporalio_client::{WorkflowDescribeOptions, WorkflowTerminateOptions};
use testkit::payees::{self, PayeeTerms};
use workflows::payout_run::PayoutRunWorkflow;

use crate::{
    database::Kind,
    on_both_databases,
    payout_histories::workflow_replays,
    roles::temporal_at,
    stack::{Dev, Shop, daegeum, insist, until},
};

on_both_databases!(
    a_run_is_frozen_approved_and_paid,
    nobody_pays_alone_or_twice,
    no_request_that_stalls_pays_twice_or_short,
    no_refused_connection_pays_twice_or_short,
    no_answer_that_stalls_pays_twice_or_short,
    no_error_pays_twice_or_short,
    one_bad_seller_never_stops_the_others,
    a_run_whose_workflow_is_lost_is_started_again,
);

/// How long a run may take: the workflow's pauses between two questions grow to a minute.
const RUN_PATIENCE: std::time::Duration = std::time::Duration::from_secs(180);

/// A stack that pays at once, in which earnings are available at once.
pub(crate) struct Payers {
    pub(crate) dev: Dev,
    pub(crate) maker: Shop,
    pub(crate) checker: Shop,
    flags: Vec<String>,
}

impl Payers {
    pub(crate) async fn start(database: Kind) -> Self {
        Self::start_with(database, "").await
    }

    /// The same, with more settings.
    pub(crate) async fn start_with(database: Kind, settings: &str) -> Self {
        Self::start_on(database, settings, &[]).await
    }

    /// The same, with flags of `dev`.
    pub(crate) async fn start_on(database: Kind, settings: &str, of_dev: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("payouts.toml");
        std::fs::write(&config, format!("[payouts]\ntiming = \"express\"\n{settings}")).unwrap();
        let flags = database.flags().await;
        let mut command = daegeum();
        command.arg("--data-dir").arg(directory.path()).args(&flags).arg("--config").arg(config);
        command.args(["--release-business-days", "0", "dev"]).args(of_dev);
        command.args(["--port", "0", "--temporal-port", "0", "--ui-port", "0", "--sim-port", "0"]);
        let dev = Dev::start_by(directory, command).await;
        let key = || Shop { api_key: create_key(dev.directory.path(), &flags, &["finance"]), ..dev.shop.clone() };
        Self { maker: key(), checker: key(), dev, flags }
    }

    /// Somebody lifts the hold on what came back, as the documentation says.
    pub(crate) async fn lift_returned(&self, payout: &Value) {
        let (seller, hold) = (text(payout, "seller_account"), format!("{}-returned", text(payout, "payout_id")));
        let listed = self.maker.get(&format!("/v1/sellers/{seller}")).await;
        let is_listed = |listed: &Value| listed["hold_id"] == hold.as_str() && listed["amount"] == payout["amount"];
        assert!(listed["holds"].as_array().unwrap().iter().any(is_listed), "{listed}");
        let url = format!("{}/v1/sellers/{seller}/holds/{hold}", self.maker.api);
        for _ in 0..2 {
            let lifted = self.maker.http.delete(&url).bearer_auth(&self.maker.api_key).send().await.unwrap();
            assert_eq!(lifted.status(), 200);
        }
        workflow_replays(self, "lifted.seller_hold", &format!("seller_hold.{hold}.lift")).await;
        let wallet = self.wallet(seller).await;
        assert!(wallet["held"] == "0" && wallet["available"] != "0", "{wallet}");
    }

    /// Two principals say that the bank sent a payout back; one of them alone books nothing.
    pub(crate) async fn comes_back(&self, payout: &Value) {
        let path = format!("/v1/payouts/{}/returned", text(payout, "payout_id"));
        let (maker, checker) = (&self.maker, &self.checker);
        for (shop, expected) in [(maker, "PAID"), (maker, "PAID"), (checker, "RETURNED"), (maker, "RETURNED")] {
            let (status, answer) = post(shop, &path, &json!({ "reason": "the account is closed" })).await;
            assert_eq!((status, &answer["status"]), (200, &json!(expected)), "{answer}");
            assert_eq!(answer["bank_answer"]["answer"], "returned", "{answer}");
        }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = daegeum();
        command.arg("--data-dir").arg(self.dev.directory.path()).args(&self.flags).args(arguments);
        command
    }

    /// Sellers whom the simulator pays, and whose rows say so.
    pub(crate) async fn register(&self, names: &[String]) {
        register(&self.dev.shop.simulator, &self.database_url(), names).await;
    }

    /// A client that holds our keys at the simulator.
    pub(crate) fn toss(&self) -> toss::Client {
        toss_client(&self.dev.shop.simulator)
    }

    /// Writes into the database past daegeum.
    pub(crate) async fn write(&self, statements: &[String]) {
        write(&self.database_url(), statements).await;
    }

    pub(crate) fn database_url(&self) -> String {
        self.dev.database_url.clone()
    }

    /// Each seller sells for so much, and has it available; the money to pay them with is at Toss.
    pub(crate) async fn sell(&self, checkout: &str, names: &[String], amount: u64) {
        self.earn(checkout, names, amount).await;
        self.dev.shop.simulate("balance", &json!({ "amount": amount * names.len() as u64 })).await;
    }

    /// Each seller sells for so much, and has it available.
    pub(crate) async fn earn(&self, checkout: &str, names: &[String], amount: u64) {
        self.earn_of(checkout, names, amount, amount).await;
    }

    /// Each seller sells for `amount`, and has `available` of it.
    pub(crate) async fn earn_of(&self, checkout: &str, names: &[String], amount: u64, available: u64) {
        self.buy(checkout, names, amount).await;
        self.have_available(names, available).await;
    }

    /// A buyer pays each seller so much.
    pub(crate) async fn buy(&self, checkout: &str, names: &[String], amount: u64) {
        let orders: Vec<Value> = names
            .iter()
            .map(|name| json!({ "seller_account": name, "amount": amount.to_string(), "currency": "KRW" }))
            .collect();
        let body = json!({ "checkout_id": checkout, "order_name": "셔츠", "buyer_info": { "id": "buyer-1" },
            "payment_orders": orders });
        let shop = &self.dev.shop;
        shop.create_with(checkout, &body).await;
        let total = amount * names.len() as u64;
        let authorized = shop.simulate("authorize", &json!({ "orderId": checkout, "amount": total })).await;
        let key = authorized["paymentKey"].as_str().unwrap();
        assert_eq!(shop.confirm(checkout, key, &total.to_string()).await.0, 200);
    }

    /// Waits until each seller has so much available.
    pub(crate) async fn have_available(&self, names: &[String], available: u64) {
        let earned = available.to_string();
        for name in names {
            until(&format!("the earnings of {name} are available"), || async {
                self.wallet(name).await["available"] == earned.as_str()
            })
            .await;
        }
    }

    pub(crate) async fn wallet(&self, name: &str) -> Value {
        self.dev.shop.get(&format!("/v1/wallets/{name}")).await
    }

    pub(crate) async fn freeze(&self, names: &[String]) -> Value {
        let (status, run) = post(&self.maker, "/v1/payout-runs", &json!({ "seller_accounts": names })).await;
        assert_eq!((status, &run["status"]), (201, &json!("FROZEN")), "{run}");
        run
    }

    pub(crate) async fn approve(&self, run: &Value) -> (u16, Value) {
        let path = format!("/v1/payout-runs/{}/approve", text(run, "payout_run_id"));
        post(&self.checker, &path, &json!({ "digest": run["digest"] })).await
    }

    /// Lets the simulator's time pass until the run is complete; answers the run.
    pub(crate) async fn completed(&self, run: &Value) -> Value {
        let path = format!("/v1/payout-runs/{}", text(run, "payout_run_id"));
        let began = std::time::Instant::now();
        while self.maker.get(&path).await["status"] != "COMPLETED" {
            assert!(began.elapsed() < RUN_PATIENCE, "the run is not complete: {}", self.maker.get(&path).await);
            self.dev.shop.simulate("clock", &json!({ "advance_s": 61 })).await;
            // Time for an answer before the simulator's clock goes on.
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
        self.maker.get(&path).await
    }

    /// Whether Toss has taken the payout at an address, and has not paid it.
    pub(crate) async fn is_at_toss(&self, payout: &str) -> bool {
        matches!(text(&self.maker.get(payout).await, "status"), "REQUESTED" | "IN_PROGRESS")
    }

    /// What the simulator paid: won, and how many payouts.
    pub(crate) async fn paid_at_toss(&self) -> (u64, u64) {
        let url = format!("{}/_sim/payouts", self.dev.shop.simulator);
        let paid: Value = self.dev.shop.http.get(url).send().await.unwrap().json().await.unwrap();
        (paid["completed"].as_u64().unwrap(), paid["count"].as_u64().unwrap())
    }

    /// What the books say was paid out of the balance at the PSP, and what is on its way.
    async fn booked(&self, names: &[String]) -> (u64, u64) {
        let (mut paid, mut in_transit) = (0, 0);
        for name in names {
            let wallet = self.wallet(name).await;
            paid += text(&wallet, "paid_out").parse::<u64>().unwrap();
            in_transit += text(&wallet, "in_transit").parse::<u64>().unwrap();
        }
        (paid, in_transit)
    }

    /// The address of its Temporal server.
    pub(crate) fn temporal(&self) -> String {
        let addresses = std::fs::read(self.dev.directory.path().join("addresses.json")).unwrap();
        let addresses: Value = serde_json::from_slice(&addresses).unwrap();
        text(&addresses, "temporal").to_owned()
    }

    pub(crate) fn verify_books(&self) {
        let output = self.command(&["ledger", "verify"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

fn create_key(directory: &Path, flags: &[String], scopes: &[&str]) -> String {
    let mut command = daegeum();
    command.arg("--data-dir").arg(directory).args(flags).args(["keys", "create"]);
    for scope in scopes {
        command.args(["--scope", scope]);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().last().unwrap().to_owned()
}

/// Sellers whom a simulator pays, and whose rows say so.
pub(crate) async fn register(simulator: &str, database_url: &str, names: &[String]) {
    let payees = payees::register(&toss_client(simulator), names.to_vec()).await;
    let database = Database::connect(&database_url.parse::<DatabaseUrl>().unwrap()).await.unwrap();
    payees::write(&database, &payees, PayeeTerms { cycle: "manual", approval: "LIMITED" }).await;
    database.close().await.unwrap();
}

/// A client that holds our keys at the simulator.
fn toss_client(simulator: &str) -> toss::Client {
    let toss = toss::Client::try_new(toss::Config {
        security_key: Some(toss_sim::DEFAULT_SECURITY_KEY.into()),
        ..toss::Config::new(simulator.to_owned(), toss_sim::DEFAULT_SECRET_KEY)
    });
    toss.unwrap()
}

/// Somebody with the database in hand.
pub(crate) async fn write(database_url: &str, statements: &[String]) {
    let database = Database::connect(&database_url.parse::<DatabaseUrl>().unwrap()).await.unwrap();
    for sql in statements {
        database.connection().execute_unprepared(sql).await.unwrap();
    }
    database.close().await.unwrap();
}

pub(crate) async fn post(shop: &Shop, path: &str, body: &Value) -> (u16, Value) {
    insist(shop.http.post(format!("{}{path}", shop.api)).bearer_auth(&shop.api_key).json(body)).await
}

pub(crate) fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

pub(crate) fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|index| format!("{prefix}-{index:03}")).collect()
}

async fn a_run_is_frozen_approved_and_paid(database: Kind) {
    let payers = Payers::start(database).await;
    let sellers = names("seller", 2);
    payers.register(&sellers).await;
    payers.sell("order-1", &sellers, 20_000).await;
    let (status, preview) =
        post(&payers.maker, "/v1/payout-runs?preview=true", &json!({ "seller_accounts": sellers })).await;
    assert_eq!((status, &preview["total"], &preview["preview"]), (200, &json!("40000"), &json!(true)));
    assert_eq!(payers.wallet(&sellers[0]).await["held"], "0", "a preview writes nothing");
    let run = payers.freeze(&sellers).await;
    assert_eq!(payers.wallet(&sellers[0]).await["held"], "20000");
    // A refund between the freeze and the approval does not touch what was frozen.
    let refunded = payers.dev.shop.cancel("order-1", "refund-1", &json!({ "amount": "5000", "reason": "변심" })).await;
    assert_eq!(refunded.status, 200, "{}", refunded.body);
    assert_eq!(payers.approve(&run).await.0, 200);
    let run = payers.completed(&run).await;
    assert!(run["payouts"].as_array().unwrap().iter().all(|payout| payout["status"] == "PAID"), "{run}");
    assert_eq!(payers.paid_at_toss().await, (40_000, 2));
    assert_eq!(payers.booked(&sellers).await, (40_000, 0));
    let balance = payers.dev.shop.get("/v1/ledger/accounts/psp:payout_balance").await;
    assert!(balance.to_string().contains("40000"), "{balance}");
    payers.verify_books();

    let statement = format!("/v1/payouts/{}/statement", text(&run["payouts"][0], "payout_id"));
    let shown = payers.maker.get(&statement).await;
    let won = |name: &str| text(&shown, name).parse::<i64>().unwrap();
    let lines: i64 =
        shown["lines"].as_array().unwrap().iter().map(|line| text(line, "amount").parse::<i64>().unwrap()).sum();
    let right = won("payout") + won("held") + won("pending") + won("carried_over") - won("debt");
    assert_eq!(won("opening") + lines, right, "{shown}");
    for (accept, expected) in [("text/csv", "sale,"), ("text/html", "정산서")] {
        let url = format!("{}{statement}", payers.maker.api);
        let request = payers.maker.http.get(url).bearer_auth(&payers.maker.api_key).header("Accept", accept);
        let body = request.send().await.unwrap().text().await.unwrap();
        assert!(body.contains(expected), "{accept}: {body}");
    }
    // A key of a seller sees that seller's payouts and no other.
    let (id, own) = (text(&run["payouts"][1], "payout_id"), text(&run["payouts"][0], "seller_account"));
    let key = payers.command(&["keys", "create", "--scope", "read", "--seller", own]).output().unwrap();
    let key = String::from_utf8(key.stdout).unwrap().lines().last().unwrap().to_owned();
    let seller = Shop { api_key: key, ..payers.maker.clone() };
    assert_eq!(seller.get("/v1/payouts").await["data"].as_array().unwrap().len(), 1);
    assert_eq!(seller.get(&format!("/v1/payouts/{id}")).await["code"], "forbidden");
    assert_eq!(seller.get(&format!("/v1/payouts/{id}/statement")).await["code"], "forbidden");
    assert_eq!(seller.get("/v1/payout-runs").await["code"], "forbidden");

    // Nothing is due any more: the answer says why, and no run is made.
    let wanted = json!({ "seller_accounts": [own, "seller-without-sales"] });
    let (status, nothing) = post(&payers.maker, "/v1/payout-runs", &wanted).await;
    let reasons: Vec<&Value> = nothing["not_due"].as_array().unwrap().iter().map(|seller| &seller["reason"]).collect();
    assert_eq!((status, &nothing["payouts"], &nothing["preview"]), (200, &json!([]), &json!(false)), "{nothing}");
    assert_eq!(reasons, ["nothing_earned", "nothing_earned"], "{nothing}");
    assert_eq!(payers.maker.get("/v1/payout-runs").await["data"].as_array().unwrap().len(), 1);

    // The bank sends a payout back: only the balance shows it, and a person books it.
    let reference = text(&run["payouts"][0], "ref_payout_id");
    payers.dev.shop.simulate(&format!("payouts/{reference}/return"), &json!({})).await;
    payers.comes_back(&run["payouts"][0]).await;
    assert_eq!(payers.wallet(own).await["held"], "20000");
    assert_eq!(payers.paid_at_toss().await.0, payers.booked(&sellers).await.0);
    payers.lift_returned(&run["payouts"][0]).await;
    payers.verify_books();
}

async fn nobody_pays_alone_or_twice(database: Kind) {
    let payers = Payers::start(database).await;
    let sellers = names("seller", 1);
    payers.register(&sellers).await;
    payers.sell("order-1", &sellers, 20_000).await;
    let run = payers.freeze(&sellers).await;
    // Sold before the simulator's clock is put forward: later sales would be released later.
    payers.sell("order-2", &sellers, 30_000).await;
    let path = |act: &str| format!("/v1/payout-runs/{}/{act}", text(&run, "payout_run_id"));
    let digest = json!({ "digest": run["digest"] });
    let (status, refused) = post(&payers.maker, &path("approve"), &digest).await;
    assert_eq!((status, &refused["code"]), (403, &json!("four_eyes")));
    let (status, refused) = post(&payers.checker, &path("approve"), &json!({ "digest": "another" })).await;
    assert_eq!((status, &refused["code"]), (409, &json!("digest_mismatch")));
    let ops = create_key(payers.dev.directory.path(), &payers.flags, &["ops"]);
    let ops = Shop { api_key: ops, ..payers.checker.clone() };
    let (status, refused) = post(&ops, &path("approve"), &digest).await;
    assert_eq!((status, &refused["code"]), (403, &json!("forbidden")), "`ops` includes all but `finance`");
    assert_eq!(payers.paid_at_toss().await, (0, 0));
    // Twenty approvals at once, by one key.
    let (approve, checker) = (path("approve"), &payers.checker);
    let all = (0..20).map(|_| post(checker, &approve, &digest));
    let answers = futures::future::join_all(all).await;
    assert!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
    let run = payers.completed(&run).await;
    assert_eq!(post(&payers.checker, &path("approve"), &digest).await.0, 200, "the same answer");
    let (status, refused) = post(&payers.maker, &path("cancel"), &json!({})).await;
    assert_eq!((status, &refused["code"]), (409, &json!("payout_run_decided")));
    let payout = text(&run["payouts"][0], "payout_id");
    for act in ["retry", "cancel"] {
        let (status, refused) =
            post(&payers.maker, &format!("/v1/payouts/{payout}/{act}"), &json!({ "reason": "x" })).await;
        assert_eq!((status, &refused["code"]), (409, &json!("payout_not_actionable")), "{act}: {refused}");
    }
    assert_eq!((payers.paid_at_toss().await, payers.booked(&sellers).await), ((20_000, 1), (20_000, 0)));

    // A rejected run pays nothing, and its lines are in the next statement.
    let day = |days| (chrono::Utc::now() + chrono::TimeDelta::days(days)).date_naive().to_string();
    let wanted = json!({ "seller_accounts": sellers, "date": day(7) });
    let (_, frozen) = post(&payers.maker, "/v1/payout-runs", &wanted).await;
    let reject = format!("/v1/payout-runs/{}/reject", text(&frozen, "payout_run_id"));
    assert_eq!(post(&payers.checker, &reject, &json!({})).await.1["status"], "REJECTED");
    assert_eq!(payers.wallet(&sellers[0]).await["available"], "30000");
    let (status, again) = post(&payers.maker, "/v1/payout-runs", &wanted).await;
    assert_eq!((status, &again["total"]), (201, &json!("30000")), "{again}");

    // A run that no principal froze needs two of them.
    write(&payers.database_url(), &["UPDATE payout_runs SET approvals_needed = 2 WHERE status = 'FROZEN'".to_owned()])
        .await;
    for _ in 0..2 {
        let (status, noted) = payers.approve(&again).await;
        let said = (status, &noted["status"], &noted["approvals_missing"]);
        assert_eq!(said, (200, &json!("FROZEN"), &json!(1)), "{noted}");
    }
    assert_eq!(payers.paid_at_toss().await.1, 1, "one principal alone sends nothing");
    let second = Payers { checker: payers.maker.clone(), ..payers };
    let (status, refused) = second.approve(&again).await;
    assert_eq!((status, &refused["code"]), (403, &json!("four_eyes")), "its author is no second principal");
    let third = create_key(second.dev.directory.path(), &second.flags, &["finance"]);
    let third = Payers { checker: Shop { api_key: third, ..second.maker.clone() }, ..second };
    let (status, approved) = third.approve(&again).await;
    assert_eq!((status, &approved["approvals_missing"]), (200, &json!(0)), "{approved}");
    assert_eq!(third.completed(&again).await["payouts"][0]["status"], "PAID");
    third.verify_books();
}

async fn no_request_that_stalls_pays_twice_or_short(database: Kind) {
    pay_through(database, &["stall_before"]).await;
}

async fn no_refused_connection_pays_twice_or_short(database: Kind) {
    pay_through(database, &["refuse_connection"]).await;
}

async fn no_answer_that_stalls_pays_twice_or_short(database: Kind) {
    pay_through(database, &["execute_and_stall"]).await;
}

async fn no_error_pays_twice_or_short(database: Kind) {
    pay_through(database, &["error_before", "execute_and_error", "garbage_after", "rate_limit"]).await;
}

/// Pays a seller through each kind of fault, which meets the request and the look-up after it.
async fn pay_through(database: Kind, kinds: &[&str]) {
    let payers = Payers::start(database).await;
    let sellers = names("seller", kinds.len());
    payers.register(&sellers).await;
    payers.sell("order-1", &sellers, 20_000).await;
    for (index, kind) in kinds.iter().enumerate() {
        let seller = &sellers[index..=index];
        let run = payers.freeze(seller).await;
        let mischief = json!({ "on": "payouts", "kind": kind, "times": 2, "delay_ms": 30_000 });
        payers.dev.shop.simulate("mischief", &mischief).await;
        assert_eq!(payers.approve(&run).await.0, 200, "{kind}");
        let run = payers.completed(&run).await;
        assert_eq!(run["payouts"][0]["status"], "PAID", "{kind}: {run}");
        let paid = 20_000 * (index as u64 + 1);
        assert_eq!(payers.paid_at_toss().await, (paid, index as u64 + 1), "{kind}");
        assert_eq!(payers.booked(&sellers).await, (paid, 0), "{kind}");
        payers.dev.shop.end_mischief().await;
    }
    payers.verify_books();
}

async fn one_bad_seller_never_stops_the_others(database: Kind) {
    let payers = Payers::start(database).await;
    let sellers = names("seller", 250);
    payers.register(&sellers).await;
    for (index, page) in sellers.chunks(100).enumerate() {
        payers.sell(&format!("order-{index}"), page, 1_000).await;
    }
    let run = payers.freeze(&sellers).await;
    assert_eq!(run["payouts"].as_array().unwrap().len(), 250);
    // Toss forbids a seller of the second batch, and has forgotten one of the third.
    let url = format!("{}/_sim/sellers", payers.dev.shop.simulator);
    let known: Value = payers.dev.shop.http.get(url).send().await.unwrap().json().await.unwrap();
    let statement_of = |index: usize| known[index]["id"].as_str().unwrap().to_owned();
    let (forbidden, forgotten) = (statement_of(150), statement_of(220));
    payers.dev.shop.simulate("seller-status", &json!({ "sellerId": forbidden, "status": "KYC_REQUIRED" })).await;
    let forget = format!("{}/v2/sellers/{forgotten}", payers.dev.shop.simulator);
    let request = payers.dev.shop.http.delete(forget).basic_auth(toss_sim::DEFAULT_SECRET_KEY, Some(""));
    assert!(request.send().await.unwrap().status().is_success());
    assert_eq!(payers.approve(&run).await.0, 200);
    let run = payers.completed(&run).await;
    let of =
        |status: &str| run["payouts"].as_array().unwrap().iter().filter(|payout| payout["status"] == status).count();
    assert_eq!((of("PAID"), of("FAILED") + of("CANCELED")), (248, 2), "{run}");
    assert_eq!(payers.paid_at_toss().await, (248_000, 248));
    assert_eq!(payers.booked(&sellers).await, (248_000, 0));
    payers.verify_books();
}

/// A workflow that was ended by hand, as an operator of Temporal can do it.
async fn end_workflow(payers: &Payers, run: &Value) {
    let client = temporal_at(&payers.temporal()).await;
    let id = format!("payout_run.{}", text(run, "payout_run_id"));
    let workflow = client.get_workflow_handle::<PayoutRunWorkflow>(id);
    // Between two questions: the SDK would log the answer of an activity whose workflow has ended.
    until("no activity is under way", || async {
        let told = workflow.describe(WorkflowDescribeOptions::default()).await.unwrap();
        told.raw_description.pending_activities.is_empty()
    })
    .await;
    workflow.terminate(WorkflowTerminateOptions::default()).await.unwrap();
}

async fn a_run_whose_workflow_is_lost_is_started_again(database: Kind) {
    let payers = Payers::start(database).await;
    let sellers = names("seller", 2);
    payers.register(&sellers).await;
    payers.sell("order-1", &sellers, 20_000).await;
    // Toss itself says nothing.
    payers.dev.shop.simulate("mischief", &json!({ "on": "webhook", "kind": "drop", "times": 0 })).await;
    let mut open = Vec::new();
    for seller in &sellers {
        let run = payers.freeze(std::slice::from_ref(seller)).await;
        assert_eq!(payers.approve(&run).await.0, 200);
        let path = format!("/v1/payouts/{}", text(&run["payouts"][0], "payout_id"));
        until("Toss has the payout", || async { payers.is_at_toss(&path).await }).await;
        end_workflow(&payers, &run).await;
        open.push(run);
    }
    // A webhook starts the first one again; what it says of the payout is not believed.
    payers.dev.shop.simulate("clock", &json!({ "advance_s": 61 })).await;
    let reference = text(&open[0]["payouts"][0], "ref_payout_id");
    let entity = json!({ "id": "FPA_x", "refPayoutId": reference, "destination": "d", "scheduleType": "EXPRESS",
        "status": "FAILED", "amount": { "currency": "KRW", "value": 1 }, "transactionDescription": "t",
        "requestedAt": "2026-11-28T09:00:00+09:00" });
    let hint = json!({ "eventType": "payout.changed", "createdAt": "2026-11-28T09:00:00.000000", "eventId": "e",
        "version": "2022-11-16", "entityType": "payout", "entityBody": entity });
    let url = format!("{}/v1/webhooks/toss", payers.maker.api);
    assert_eq!(payers.maker.http.post(url).json(&hint).send().await.unwrap().status(), 200);
    let first = format!("/v1/payout-runs/{}", text(&open[0], "payout_run_id"));
    until("the webhook's run is complete", || async { payers.maker.get(&first).await["status"] == "COMPLETED" }).await;
    // Of the other one nobody tells: `recover` finds it.
    let recover = |flags: &[&str]| {
        let output = payers.command(&[&["recover", "--json"], flags].concat()).output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let name = text(&open[1], "payout_run_id");
    for (flags, result) in [(vec![], Value::Null), (vec!["--yes"], json!("restarted"))] {
        let found = recover(&flags);
        let of = found.as_array().unwrap().iter().find(|lost| lost["id"] == name).unwrap_or_else(|| panic!("{found}"));
        assert_eq!((&of["kind"], &of["result"]), (&json!("payout_run"), &result), "{found}");
    }
    for run in &open {
        assert_eq!(payers.completed(run).await["payouts"][0]["status"], "PAID");
    }
    assert_eq!((payers.paid_at_toss().await, payers.booked(&sellers).await), ((40_000, 2), (40_000, 0)));
    payers.verify_books();
}
