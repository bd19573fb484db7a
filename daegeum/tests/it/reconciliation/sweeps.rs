//! Sweeps from outside: two principals, one payment at Toss, and books that agree with Toss and the bank all the while.

use serde_json::{Value, json};

use super::{
    apart, day_after, figure,
    payouts::{all_paid_in, reconcile_as_of},
};
use crate::{
    database::Kind,
    on_both_databases,
    payouts::{Payers, names, post, text},
    roles::record_history,
    stack::{insist, until},
};

on_both_databases!(a_sweep_is_paid_once_and_agrees_with_toss_and_the_bank);

/// Of 200,000 the marketplace keeps a tenth.
const SOLD: u64 = 200_000;

async fn ask(payers: &Payers, key: &str, body: &Value) -> (u16, Value) {
    let request = payers.maker.http.post(format!("{}/v1/sweeps", payers.maker.api)).bearer_auth(&payers.maker.api_key);
    insist(request.header("Idempotency-Key", key).json(body)).await
}

pub(crate) async fn balance(payers: &Payers, account: &str) -> String {
    let found = payers.maker.get(&format!("/v1/ledger/accounts/{account}")).await;
    found["balances"][0]["balance"].as_str().unwrap_or("0").to_owned()
}

fn agrees(payers: &Payers) -> Value {
    let (code, report) = reconcile_as_of(payers, 0);
    assert_eq!((code, apart(&report)), (Some(0), vec![]), "{report:#}");
    report
}

fn import(payers: &Payers, amount: &str) {
    let statement = payers.dev.directory.path().join("statement.csv");
    let today = day_after(0);
    std::fs::write(&statement, format!("date,amount,description\n{today},\"{amount}\",토스페이먼츠 정산대금\n"))
        .unwrap();
    let output = payers.command(&["bank", "import", statement.to_str().unwrap(), "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The simulator's clock is ahead: by ours, Toss pays later what it has paid by its own.
async fn days_pass(payers: &Payers) {
    payers.write(&["UPDATE settlement_rows SET paid_out_on = '2026-01-02'".to_owned()]).await;
}

/// A stack in which Toss has the commission of one order.
async fn with_commission(database: Kind) -> Payers {
    let payers = Payers::start_with(database, "own_seller = \"our-company\"\n").await;
    assert!(payers.command(&["commissions", "set", "--bps", "1000"]).status().unwrap().success());
    let sellers = names("seller", 1);
    payers.register(&[sellers[0].clone(), "our-company".to_owned()]).await;
    payers.earn_of("order-1", &sellers, SOLD, SOLD / 10 * 9).await;
    all_paid_in(&payers).await;
    payers
}

/// A stack with a sweep of 9,000 won that Toss has paid and no bank statement shows. Answers the id of its payout.
pub(crate) async fn with_sweep(database: Kind) -> (Payers, String) {
    let payers = with_commission(database).await;
    days_pass(&payers).await;
    let (status, run) = ask(&payers, "sweep", &json!({ "amount": "9000" })).await;
    assert_eq!(status, 201, "{run}");
    assert_eq!(payers.approve(&run).await.0, 200);
    let run = payers.completed(&run).await;
    assert_eq!(run["payouts"][0]["status"], "PAID", "{run}");
    let payout = text(&run["payouts"][0], "payout_id").to_owned();
    (payers, payout)
}

async fn a_sweep_is_paid_once_and_agrees_with_toss_and_the_bank(database: Kind) {
    let payers = with_commission(database).await;
    let free = payers.maker.get("/v1/sweeps/free").await;
    assert_eq!((&free["free"], &free["sums"]["available"]), (&json!("0"), &json!("180000")), "not paid in: {free}");
    days_pass(&payers).await;
    let free = payers.maker.get("/v1/sweeps/free").await;
    let own: u64 = text(&free, "free").parse().unwrap();
    assert!((10_000..20_000).contains(&own), "the commission less the fee: {free}");

    let (status, refused) = ask(&payers, "more", &json!({ "amount": (own + 1).to_string() })).await;
    assert_eq!((status, &refused["code"]), (409, &json!("sweep_refused")), "{refused}");
    assert!(text(&refused, "detail").contains(&own.to_string()), "{refused}");
    // Twenty clicks at once are one sweep.
    let body = json!({ "amount": "9000" });
    let clicks = futures::future::join_all((0..20).map(|_| ask(&payers, "click", &body))).await;
    let run = clicks[0].1.clone();
    let is_that_run =
        |(status, answer): &(u16, Value)| *status == 201 && answer["payout_run_id"] == run["payout_run_id"];
    assert!(clicks.iter().all(is_that_run), "{clicks:?}");
    assert_eq!(
        (&run["kind"], &run["status"], &run["payouts"][0]["statement"]),
        (&json!("sweep"), &json!("FROZEN"), &Value::Null)
    );
    let (status, reused) = ask(&payers, "click", &json!({ "amount": "8999" })).await;
    assert_eq!((status, &reused["code"]), (422, &json!("idempotency_key_reused")), "{reused}");
    assert_eq!(payers.maker.get("/v1/payout-runs").await["data"].as_array().unwrap().len(), 1);
    agrees(&payers);
    let approve = format!("/v1/payout-runs/{}/approve", text(&run, "payout_run_id"));
    let (status, refused) = post(&payers.maker, &approve, &json!({ "digest": run["digest"] })).await;
    assert_eq!((status, &refused["code"]), (403, &json!("four_eyes")));

    // The answer is lost, and Toss is asked.
    payers.dev.shop.simulate("mischief", &json!({ "on": "payouts", "kind": "execute_and_error", "times": 1 })).await;
    assert_eq!(payers.approve(&run).await.0, 200);
    let payout = format!("/v1/payouts/{}", text(&run["payouts"][0], "payout_id"));
    until("Toss has the sweep", || async { payers.is_at_toss(&payout).await }).await;
    let report = agrees(&payers);
    assert_eq!(figure(&report, "payout_balance", "in_transit"), "9000", "{report:#}");
    let run = payers.completed(&run).await;
    assert_eq!(run["payouts"][0]["status"], "PAID", "{run}");
    assert_eq!(payers.paid_at_toss().await, (9_000, 1));
    assert_eq!(
        (balance(&payers, "platform:sweep_in_transit").await.as_str(), balance(&payers, "bank").await.as_str()),
        ("9000", "0")
    );
    agrees(&payers);
    payers.verify_books();

    let workflow = format!("payout_run.{}", text(&run, "payout_run_id"));
    record_history(&payers.temporal(), "swept.payout_run", &workflow).await;

    // The bank shows it, and the next reconciliation books it; once, however often both come.
    for shown in ["1", "none", "none"] {
        import(&payers, "9,000");
        let report = agrees(&payers);
        assert_eq!(figure(&report, "bank", "sweeps"), shown, "{report:#}");
        let places = (balance(&payers, "platform:sweep_in_transit").await, balance(&payers, "bank").await);
        assert_eq!(places, ("0".to_owned(), "9000".to_owned()));
    }
    assert!(payers.maker.get(&payout).await["received_at"].is_string());
    payers.verify_books();
    let told = payers.command(&["payouts", "sweep", "--preview", "--api-url", &payers.maker.api]);
    let mut told = told;
    let output = told.env("DAEGEUM_API_KEY", &payers.maker.api_key).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(printed.contains(&format!("free {} KRW", own - 9_000)), "{printed}");
}
