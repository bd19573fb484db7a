//! Payouts against the PSP's list, and the payout balance: what differs, what stops payouts, and what came back.

use serde_json::{Value, json};

use super::{
    apart, day_after, figure,
    planted::{DAY_S, LATER},
};
use crate::{
    database::Kind,
    on_both_databases,
    payouts::{Payers, names, post, text},
};

on_both_databases!(a_payout_that_nobody_asked_for_stops_payouts, a_returned_payout_is_known_by_its_amount_alone);

/// Reconciles today as it stands when all of its rows are paid out. Answers the exit code, and what it said.
pub(crate) fn reconcile(payers: &Payers) -> (Option<i32>, Value) {
    reconcile_as_of(payers, LATER)
}

/// The same as it stands after so many days.
pub(crate) fn reconcile_as_of(payers: &Payers, days: i64) -> (Option<i32>, Value) {
    let (day, later) = (day_after(0), day_after(days));
    let flags = ["reconcile", "--day", &day, "--grace", "0m", "--as-of", &later, "--json"];
    let output = payers.command(&flags).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {told}"));
    (output.status.code(), report)
}

/// Each seller has so much available, and the PSP has paid it into the balance.
async fn settled(payers: &Payers, sellers: &[String], amounts: &[u64]) {
    for (number, (seller, amount)) in sellers.iter().zip(amounts).enumerate() {
        payers.earn(&format!("order-{number}"), std::slice::from_ref(seller), *amount).await;
    }
    all_paid_in(payers).await;
}

/// The PSP has settled and paid all that was sold.
pub(super) async fn all_paid_in(payers: &Payers) {
    clock_passes(payers).await;
    let (code, report) = reconcile(payers);
    assert_eq!((code, apart(&report)), (Some(0), vec![]), "{report:#}");
}

/// So much time passes at the simulator that all is settled.
pub(crate) async fn clock_passes(payers: &Payers) {
    payers.dev.shop.simulate("clock", &json!({ "advance_s": DAY_S * u64::try_from(LATER).unwrap() })).await;
}

pub(super) async fn paid(payers: &Payers, sellers: &[String]) -> Value {
    let run = payers.freeze(sellers).await;
    assert_eq!(payers.approve(&run).await.0, 200);
    payers.completed(&run).await
}

/// Somebody who holds our keys asks Toss for a payout past daegeum.
pub(super) async fn ask_toss(payers: &Payers, ref_payout_id: &str, amount: u64, schedule: toss::Schedule) {
    let url = format!("{}/_sim/sellers", payers.dev.shop.simulator);
    let known: Value = payers.dev.shop.http.get(url).send().await.unwrap().json().await.unwrap();
    let request = toss::PayoutRequest {
        ref_payout_id: ref_payout_id.to_owned(),
        destination: text(&known[0], "id").to_owned(),
        schedule,
        amount,
        transaction_description: "정산".to_owned(),
        metadata: None,
    };
    let key = toss::IdempotencyKey::parse(format!("past-daegeum-{ref_payout_id}")).unwrap();
    payers.toss().request_payouts(&[request], &key).await.unwrap();
}

pub(crate) async fn steal(payers: &Payers, amount: u64) {
    ask_toss(payers, "not-ours", amount, toss::Schedule::Express).await;
}

/// A business day after the simulator's today.
fn later_business_day() -> chrono::NaiveDate {
    let mut day: chrono::NaiveDate = day_after(LATER + 5).parse().unwrap();
    while matches!(chrono::Datelike::weekday(&day), chrono::Weekday::Sat | chrono::Weekday::Sun) {
        day = day.succ_opt().unwrap();
    }
    day
}

/// Our name of a payout that left us on its day, as the rows say, and of which Toss said nothing after that.
pub(super) async fn left_behind(payers: &Payers, seller: &str, status: &str) -> String {
    let run = payers.freeze(&[seller.to_owned()]).await;
    let reference = text(&run["payouts"][0], "ref_payout_id").to_owned();
    let sql = format!(
        "UPDATE payouts SET status = '{status}', batch = 1, sent_at = frozen_at WHERE ref_payout_id = '{reference}'"
    );
    payers.write(&[sql]).await;
    reference
}

/// A payout that Toss has, and that is not paid on its day.
pub(super) async fn overdue(payers: &Payers, seller: &str, amount: u64) -> String {
    let reference = left_behind(payers, seller, "REQUESTED").await;
    ask_toss(payers, &reference, amount, toss::Schedule::Scheduled(later_business_day())).await;
    reference
}

async fn act(payers: &Payers, report: &Value, act: &str, body: &Value) {
    let found = report["breaks"].as_array().unwrap().iter().find(|found| found["status"] == "OPEN").unwrap();
    let path = format!("/v1/breaks/{}/{act}", text(found, "break_id"));
    for principal in [&payers.maker, &payers.checker] {
        let (status, answer) = post(principal, &path, body).await;
        assert_eq!(status, 200, "{answer}");
        if answer["proposal"].is_null() {
            return;
        }
    }
}

async fn a_payout_that_nobody_asked_for_stops_payouts(database: Kind) {
    let payers = Payers::start(database).await;
    let sellers = names("seller", 4);
    payers.register(&sellers).await;
    settled(&payers, &sellers, &[20_000, 30_000, 40_000, 50_000]).await;
    paid(&payers, &sellers[..1]).await;
    let (code, report) = reconcile(&payers);
    assert_eq!((code, figure(&report, "payout_balance", "payouts")), (Some(0), "1"), "{report:#}");

    steal(&payers, 1_500).await;
    let waits = payers.freeze(&sellers[1..2]).await;
    let (code, report) = reconcile(&payers);
    assert_eq!((code, apart(&report)), (Some(1), vec![("not-ours", "payout_unknown_at_home")]), "{report:#}");
    let found = &report["breaks"][0];
    assert_eq!((&found["class"], &found["theirs"]), (&json!("investigation"), &json!("-1500")), "{found}");
    let (status, refused) = payers.approve(&waits).await;
    assert_eq!((status, &refused["code"]), (409, &json!("payouts_stopped")), "{refused}");

    // Three times more, and after the payout has ended: the same break, and no run by itself ends it.
    payers.dev.shop.simulate("clock", &json!({ "advance_s": 61 })).await;
    for _ in 0..3 {
        let (_, again) = reconcile(&payers);
        assert_eq!((apart(&again), &again["breaks"][0]["break_id"]), (apart(&report), &found["break_id"]));
    }
    assert_eq!(payers.approve(&waits).await.0, 409);
    act(&payers, &report, "resolve", &json!({ "template": "accept", "reason": "the treasurer tried it out" })).await;
    assert_eq!(payers.approve(&waits).await.0, 200);
    payers.completed(&waits).await;
    let (code, report) = reconcile(&payers);
    assert_eq!((code, &report["breaks"][0]["status"]), (Some(0), &json!("RESOLVED")), "{report:#}");

    // The resolution is undone: what is approved in the same moment or later is not sent.
    let path = format!("/v1/breaks/{}/undo", text(found, "break_id"));
    assert_eq!(post(&payers.maker, &path, &json!({ "reason": "it was not him" })).await.0, 200);
    let next = payers.freeze(&sellers[2..3]).await;
    assert_eq!(payers.approve(&next).await.1["code"], "payouts_stopped");
    let reject = format!("/v1/payout-runs/{}/reject", text(&next, "payout_run_id"));
    assert_eq!(post(&payers.checker, &reject, &json!({})).await.0, 200, "nothing is paid by a rejection");
    payers.verify_books();
}

async fn a_returned_payout_is_known_by_its_amount_alone(database: Kind) {
    let payers = Payers::start(database).await;
    let sellers = names("seller", 5);
    payers.register(&sellers).await;
    settled(&payers, &sellers, &[20_000, 30_000, 30_000, 40_000, 50_000]).await;
    let run = paid(&payers, &sellers[..3]).await;
    let payouts = run["payouts"].as_array().unwrap();
    let reference = |index: usize| text(&payouts[index], "ref_payout_id");
    let comes_back = async |index: usize| {
        let path = format!("payouts/{}/return", reference(index));
        payers.dev.shop.simulate(&path, &json!({})).await;
    };
    let book = async |index: usize| payers.comes_back(&payouts[index]).await;
    let agrees = || {
        let (code, report) = reconcile(&payers);
        assert_eq!((code, apart(&report)), (Some(0), vec![]), "{report:#}");
    };
    comes_back(0).await;
    let (code, report) = reconcile(&payers);
    assert_eq!((code, apart(&report)), (Some(1), vec![(reference(0), "payout_returned")]), "{report:#}");
    let found = &report["breaks"][0];
    assert_eq!((&found["class"], &found["ours"]), (&json!("finance"), &json!("-20000")), "{found}");
    book(0).await;
    agrees();
    let closed = payers.maker.get(&format!("/v1/breaks/{}", text(found, "break_id"))).await;
    assert_eq!((&closed["status"], &closed["reason_code"]), (&json!("RESOLVED"), &json!("payout_returned")));

    // Two payouts are as much as what came back: the machine does not choose.
    comes_back(1).await;
    let (_, report) = reconcile(&payers);
    assert_eq!(apart(&report), [("KRW", "ambiguous")], "{report:#}");
    book(1).await;
    agrees();

    payers.verify_books();

    // One that Toss has not paid on its day, and one that left and that Toss does not know.
    let late = overdue(&payers, &sellers[3], 40_000).await;
    let lost = left_behind(&payers, &sellers[4], "UNKNOWN").await;
    let (_, report) = reconcile(&payers);
    let expected = [(lost.as_str(), "payout_answer_lost"), (late.as_str(), "payout_overdue")];
    // The row of the one is ahead of its hold, which our own books say by themselves.
    let (internal, others): (Vec<_>, Vec<_>) =
        apart(&report).into_iter().partition(|(_, break_type)| *break_type == "internal_differs");
    assert_eq!((internal.len(), others), (1, expected.to_vec()), "{report:#}");
    assert_eq!(figure(&report, "payout_balance", "in_transit"), "40000", "{report:#}");

    // Money of nobody in the balance.
    payers.dev.shop.simulate("balance", &json!({ "amount": 7 })).await;
    let (_, report) = reconcile(&payers);
    assert!(apart(&report).contains(&("KRW", "payout_balance_differs")), "{report:#}");
}
