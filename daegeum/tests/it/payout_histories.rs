//! Each end that a payout run can have, and that the history of its workflow replays on this build.

use serde_json::{Value, json};

use crate::{
    database::Kind,
    on_both_databases,
    payouts::{Payers, names, post, text},
    roles::record_history,
    stack::{Shop, until},
};

on_both_databases!(the_history_of_each_end_replays);

/// What each seller sells for, in won.
const SOLD: u64 = 20_000;

/// Replays the history of a run, and writes it down where histories are recorded.
pub(crate) async fn replays(payers: &Payers, story: &str, run: &Value) {
    let workflow = format!("payout_run.{}", text(run, "payout_run_id"));
    workflow_replays(payers, &format!("{story}.payout_run"), &workflow).await;
}

/// Replays the history of any workflow, and writes it down where histories are recorded.
pub(crate) async fn workflow_replays(payers: &Payers, story: &str, workflow: &str) {
    let mut replay = payers.command(&["replay", "--workflow", workflow]);
    let replayed = replay.env("TEMPORAL_ADDRESS", payers.temporal()).output().unwrap();
    assert!(replayed.status.success(), "{story}: {}", String::from_utf8_lossy(&replayed.stderr));
    record_history(&payers.temporal(), story, workflow).await;
}

fn statuses(run: &Value) -> Vec<&str> {
    let mut statuses: Vec<&str> =
        run["payouts"].as_array().unwrap().iter().map(|payout| text(payout, "status")).collect();
    statuses.sort_unstable();
    statuses
}

/// Toss wants to know more of a seller before it pays.
async fn forbids(payers: &Payers, seller: &str) {
    let url = format!("{}/_sim/sellers", payers.dev.shop.simulator);
    let known: Vec<Value> = payers.dev.shop.http.get(url).send().await.unwrap().json().await.unwrap();
    let reference = seller.replace('-', "");
    let at_toss = known.iter().find(|seller| seller["refSellerId"] == reference.as_str()).unwrap();
    let status = json!({ "sellerId": at_toss["id"], "status": "KYC_REQUIRED" });
    payers.dev.shop.simulate("seller-status", &status).await;
}

/// Toss takes all payouts of a batch or none: the seller that it names is taken out.
async fn an_offender_is_taken_out(payers: &Payers, sellers: &[String]) {
    let run = payers.freeze(sellers).await;
    // Otherwise our row says it before the payout leaves.
    payers.dev.shop.simulate("mischief", &json!({ "on": "webhook", "kind": "drop", "times": 0 })).await;
    forbids(payers, &sellers[0]).await;
    assert_eq!(payers.approve(&run).await.0, 200);
    let run = payers.completed(&run).await;
    assert_eq!(statuses(&run), ["FAILED", "PAID"], "{run}");
    replays(payers, "offender", &run).await;
}

/// The answer to the request is lost and Toss is asked; later the bank sends the money back.
async fn an_answer_is_lost_and_a_payout_comes_back(payers: &Payers, sellers: &[String]) {
    let run = payers.freeze(sellers).await;
    payers.dev.shop.simulate("mischief", &json!({ "on": "payouts", "kind": "execute_and_error", "times": 1 })).await;
    assert_eq!(payers.approve(&run).await.0, 200);
    let run = payers.completed(&run).await;
    assert_eq!(statuses(&run), ["PAID"], "{run}");
    replays(payers, "answer-lost", &run).await;

    let reference = text(&run["payouts"][0], "ref_payout_id");
    payers.dev.shop.simulate(&format!("payouts/{reference}/return"), &json!({})).await;
    payers.comes_back(&run["payouts"][0]).await;
    replays(payers, "returned", &run).await;
}

/// A run that is rejected lets its money go; what changes after the approval is not paid.
async fn an_approval_is_void(payers: &Payers, sellers: &[String]) {
    let run = payers.freeze(sellers).await;
    let path = format!("/v1/payout-runs/{}/reject", text(&run, "payout_run_id"));
    assert_eq!(post(&payers.checker, &path, &json!({})).await.1["status"], "REJECTED");
    let available = SOLD.to_string();
    until("the money is free again", || async { payers.wallet(&sellers[0]).await["available"] == available.as_str() })
        .await;
    replays(payers, "rejected", &run).await;

    let run = payers.freeze(sellers).await;
    let seller = format!("/v1/sellers/{}", sellers[0]);
    payers.dev.shop.end_mischief().await;
    forbids(payers, &sellers[0]).await;
    until("Toss's word has come", || async { payers.maker.get(&seller).await["payout_status"] == "KYC_REQUIRED" })
        .await;
    assert_eq!(payers.approve(&run).await.0, 200);
    let run = payers.completed(&run).await;
    assert_eq!(statuses(&run), ["CANCELED"], "{run}");
    assert_eq!(run["payouts"][0]["failure"]["code"], "payout_seller_changed", "{run}");
    replays(payers, "seller-changed", &run).await;
}

/// The first of two approvals is of a digest: once a payout is taken out, both approvals are needed again.
async fn a_first_approval_lapses(payers: &Payers, sellers: &[String]) {
    let run = payers.freeze(sellers).await;
    let id = text(&run, "payout_run_id");
    payers.write(&[format!("UPDATE payout_runs SET approvals_needed = 2 WHERE run_id = '{id}'")]).await;
    let (status, noted) = payers.approve(&run).await;
    let said = (status, &noted["status"], &noted["approvals_missing"]);
    assert_eq!(said, (200, &json!("FROZEN"), &json!(1)), "{noted}");
    let cancel = format!("/v1/payouts/{}/cancel", text(&run["payouts"][1], "payout_id"));
    let (status, canceled) = post(&payers.maker, &cancel, &json!({ "reason": "disputed" })).await;
    assert_eq!((status, &canceled["status"]), (200, &json!("CANCELED")), "{canceled}");

    let run = payers.maker.get(&format!("/v1/payout-runs/{id}")).await;
    assert_eq!((&run["status"], &run["approvals_missing"]), (&json!("FROZEN"), &json!(2)), "{run}");
    let key = payers.command(&["keys", "create", "--scope", "finance"]).output().unwrap();
    let key = String::from_utf8(key.stdout).unwrap().lines().last().unwrap().to_owned();
    let third = Shop { api_key: key, ..payers.maker.clone() };
    let approve = format!("/v1/payout-runs/{id}/approve");
    let (status, old) = post(&third, &approve, &json!({ "digest": noted["digest"] })).await;
    assert_eq!((status, &old["code"]), (409, &json!("digest_mismatch")), "{old}");
    for (shop, expected, missing) in [(&third, "FROZEN", 1), (&payers.checker, "APPROVED", 0)] {
        let (status, said) = post(shop, &approve, &json!({ "digest": run["digest"] })).await;
        let found = (status, &said["approvals_missing"]);
        assert_eq!(found, (200, &json!(missing)), "{said}");
        assert!(said["status"] == expected || missing == 0, "{said}");
    }
    let run = payers.completed(&run).await;
    assert_eq!(statuses(&run), ["CANCELED", "PAID"], "{run}");
    replays(payers, "approval-lapsed", &run).await;
}

async fn the_history_of_each_end_replays(database: Kind) {
    let payers = Payers::start(database).await;
    let sellers = names("seller", 6);
    payers.register(&sellers).await;
    payers.sell("order-1", &sellers, SOLD).await;
    let [forbidden, fine, returned, changed, lapsed @ ..] = &sellers[..] else { panic!("six sellers") };
    an_offender_is_taken_out(&payers, &[forbidden.clone(), fine.clone()]).await;
    an_answer_is_lost_and_a_payout_comes_back(&payers, std::slice::from_ref(returned)).await;
    an_approval_is_void(&payers, std::slice::from_ref(changed)).await;
    a_first_approval_lapses(&payers, lapsed).await;
    assert_eq!(payers.paid_at_toss().await.1, 2, "two were paid and stayed, and one came back");
    payers.verify_books();
}
