//! What finance does at the console, and what a seller sees there.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use store::console::Role;

use super::{NEXT_SELLER, SELLER, Visitor, signed_in};
use crate::{
    bank_files::with_approved_run,
    database::Kind,
    payouts::{Payers, names, post, text},
    stack::{Shop, day_after, until},
};

/// What each of the sellers earns.
const EARNED: u64 = 20_000;
/// What is held back of it.
const HELD: u64 = 5_000;

/// A seller with a hold and a frozen run, another seller with a payout of the same run, a reconciled day, and a break.
pub(crate) async fn things_of_finance(payers: &Payers) -> BTreeMap<&'static str, String> {
    let sellers = names("seller", 2);
    payers.register(&sellers).await;
    payers.sell("order-1", &sellers, EARNED).await;
    let shop = &payers.maker;
    let holds = format!("{}/v1/sellers/{SELLER}/holds", shop.api);
    let body = json!({ "amount": HELD.to_string(), "reason": "an open dispute" });
    let placed = shop.http.post(holds).bearer_auth(&shop.api_key).header("Idempotency-Key", "hold-1").json(&body);
    let placed: Value = placed.send().await.unwrap().json().await.unwrap();
    let run = payers.freeze(&sellers).await;
    let own = run["payouts"].as_array().unwrap().iter().find(|payout| payout["seller_account"] == SELLER).unwrap();
    let other = run["payouts"].as_array().unwrap().iter().find(|payout| payout["seller_account"] != SELLER).unwrap();
    let day = text(&run, "date").to_owned();
    let found = unknown_payment(shop, &day).await;
    BTreeMap::from([
        ("hold", text(&placed, "hold_id").to_owned()),
        ("run", text(&run, "payout_run_id").to_owned()),
        ("digest", text(&run, "digest").to_owned()),
        ("payout", text(own, "payout_id").to_owned()),
        ("other payout", text(other, "payout_id").to_owned()),
        ("day", day),
        ("break", found),
    ])
}

/// A seller whom no run has paid has money to be paid.
pub(crate) async fn has_a_seller_to_pay(payers: &Payers) {
    let seller = [NEXT_SELLER.to_owned()];
    payers.register(&seller).await;
    payers.sell("order-2", &seller, 12_000).await;
}

/// The marketplace says who a seller is.
pub(crate) async fn has_details(shop: &Shop, seller: &str) {
    let body = json!({
        "name": "토스 상점", "business_type": "CORPORATE", "business_registration_number": "123-45-67890",
        "representative_name": "김대표", "email": "pay@shop.example", "phone": "010-1234-5678",
        "bank_account": { "bank_code": "092", "account_number": "110987654321", "holder_name": "토스 상점" },
        "payout_schedule": { "cycle": "monthly", "days": [15, 31] },
    });
    let put = shop.http.put(format!("{}/v1/sellers/{seller}", shop.api)).bearer_auth(&shop.api_key).json(&body);
    assert_eq!(put.send().await.unwrap().status(), 201);
}

/// Another holder of our key charges at Toss, and the day is reconciled. Answers the break.
async fn unknown_payment(shop: &Shop, day: &str) -> String {
    let key = shop.authorize("of-another-shop").await;
    let charge = json!({ "paymentKey": key, "orderId": "of-another-shop", "amount": 23_000 });
    let request = shop.http.post(format!("{}/v1/payments/confirm", shop.simulator));
    let request = request.basic_auth(toss_sim::DEFAULT_SECRET_KEY, Some("")).json(&charge);
    assert_eq!(request.send().await.unwrap().status(), 200);
    assert_eq!(post(shop, "/v1/reconciliations", &json!({ "date": day })).await.0, 202);
    let path = format!("/v1/reconciliations/{day}");
    until("the day is reconciled", || async { shop.get(&path).await["status"] == "BREAKS" }).await;
    let breaks = shop.get("/v1/breaks?type=unknown_payment").await;
    text(&breaks["data"][0], "break_id").to_owned()
}

/// The page of an act, with its hidden fields and what a person fills in.
async fn form(person: &Visitor, path: &str, hidden: &[&'static str]) -> Vec<(&'static str, String)> {
    let page = person.get(path).await;
    assert_eq!(page.status, 200, "{path}: {}", page.text);
    hidden.iter().chain(&["form_token"]).map(|name| (*name, page.field(name))).collect()
}

async fn send(person: &Visitor, path: &str, hidden: &[(&'static str, String)], typed: &[(&str, &str)]) -> super::Seen {
    let hidden = hidden.iter().map(|(name, value)| (*name, value.as_str()));
    person.send(path, &hidden.chain(typed.iter().copied()).collect::<Vec<_>>()).await
}

/// What stands between two texts of a page.
fn between<'page>(page: &'page str, begin: &str, end: &str) -> &'page str {
    let (_, rest) = page.split_once(begin).unwrap_or_else(|| panic!("no {begin}: {page}"));
    rest.split(end).next().unwrap()
}

#[track_caller]
fn came(seen: &super::Seen, outcome: &str) {
    assert!(seen.text.contains(&format!("data-outcome=\"{outcome}\"")), "not {outcome}: {} {}", seen.status, seen.text);
}

async fn lines_of(shop: &Shop, person: &str) -> Vec<Value> {
    shop.get(&format!("/v1/audit-log?actor={person}&limit=100")).await["data"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn money_is_held_back_once_and_lifted() {
    let payers = Payers::start(Kind::Sqlite).await;
    let sellers = names("seller", 1);
    payers.register(&sellers).await;
    payers.sell("order-1", &sellers, EARNED).await;
    let (dev, shop) = (&payers.dev, &payers.dev.shop);
    let kim = signed_in(dev, "kim", Role::Finance).await;
    let path = format!("/console/sellers/{SELLER}/hold");
    let hidden = form(&kim, &path, &["key"]).await;
    for (amount, reason) in [("0", "x"), ("-1", "x"), ("1.5", "x"), ("many", "x"), ("", ""), ("5", "4242424242424242")]
    {
        let seen = send(&kim, &path, &hidden, &[("amount", amount), ("reason", reason)]).await;
        assert!(seen.text.contains("role=\"alert\""), "{amount} {reason}: {}", seen.text);
    }
    assert_eq!(payers.wallet(SELLER).await["held"], "0");
    let typed = [("amount", "5,000"), ("reason", "an open dispute")];
    let (first, second) = tokio::join!(send(&kim, &path, &hidden, &typed), send(&kim, &path, &hidden, &typed));
    for seen in [first, second, send(&kim, &path, &hidden, &typed).await] {
        came(&seen, "held");
        assert!(seen.text.contains("5,000 KRW"), "{}", seen.text);
    }
    assert_eq!(payers.wallet(SELLER).await["held"], "5000");
    let other = send(&kim, &path, &hidden, &[("amount", "6000"), ("reason", "an open dispute")]).await;
    assert_eq!(other.status, 422, "the key is of another hold");
    let all = form(&kim, &path, &["key"]).await;
    came(&send(&kim, &path, &all, &[("amount", ""), ("reason", "a chargeback")]).await, "held");
    let seller = shop.get(&format!("/v1/sellers/{SELLER}")).await;
    assert_eq!((&seller["payout_status"], seller["holds"].as_array().unwrap().len()), (&json!("SUSPENDED"), 2));
    assert_eq!(seller["holds"][0]["placed_by"], "person:kim");

    for hold in seller["holds"].as_array().unwrap() {
        let path = format!("/console/sellers/{SELLER}/holds/{}/lift", text(hold, "hold_id"));
        let hidden = form(&kim, &path, &[]).await;
        let silent = send(&kim, &path, &hidden, &[("reason", "")]).await;
        assert!(silent.text.contains("role=\"alert\""), "{}", silent.text);
        for _ in 0..2 {
            came(&send(&kim, &path, &hidden, &[("reason", "the dispute is won")]).await, "lifted");
        }
    }
    assert_eq!(payers.wallet(SELLER).await["available"], EARNED.to_string().as_str());
    assert_eq!(shop.get(&format!("/v1/sellers/{SELLER}")).await["payout_status"], "LIMITED");
    let lines = lines_of(shop, "kim").await;
    let lifted: Vec<_> = lines.iter().filter(|line| text(line, "action").ends_with("/lift")).collect();
    assert_eq!(lifted.len(), 4, "a form without a reason asks for nothing: {lines:?}");
    assert!(lifted.iter().all(|line| line["result"] == "200 the dispute is won"), "{lifted:?}");
    let support = signed_in(dev, "lee", Role::Support).await;
    assert_eq!(support.get(&path).await.status, 403);
    assert!(!support.get(&format!("/console/sellers/{SELLER}")).await.text.contains("/hold\""));
}

/// A preview writes nothing. The freeze makes one run, which another person approves.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_frozen_once_after_a_preview() {
    let payers = Payers::start(Kind::Sqlite).await;
    let dev = &payers.dev;
    let kim = signed_in(dev, "kim", Role::Finance).await;
    let path = "/console/payout-runs/new";
    let empty = kim.get(path).await.text;
    assert!(empty.contains("id=\"nothing-due\"") && !empty.contains("id=\"confirm\""), "{empty}");
    let sellers = names("seller", 2);
    payers.register(&sellers).await;
    payers.sell("order-1", &sellers, EARNED).await;
    for query in ["date=2026-13-01", "sellers=a%20seller%21"] {
        let seen = kim.get(&format!("{path}?{query}")).await.text;
        assert!(seen.contains("role=\"alert\"") && !seen.contains("id=\"confirm\""), "{query}: {seen}");
    }
    let asked = format!("{path}?sellers={}", sellers.join("%2C%20"));
    let page = kim.get(&asked).await;
    assert!(page.text.contains("40,000 KRW"), "{}", page.text);
    let hidden: Vec<_> =
        ["form_token", "key", "date", "sellers"].into_iter().map(|name| (name, page.field(name))).collect();
    let runs = async || payers.maker.get("/v1/payout-runs").await["data"].as_array().unwrap().len();
    let silent = send(&kim, path, &hidden, &[("reason", " ")]).await;
    assert!(silent.text.contains("role=\"alert\"") && silent.text.contains("40,000 KRW"), "{}", silent.text);
    assert_eq!(runs().await, 0, "a preview writes nothing");
    assert_eq!(payers.wallet(SELLER).await["held"], "0");

    let typed = [("reason", "the week is over")];
    let (first, second) = tokio::join!(send(&kim, path, &hidden, &typed), send(&kim, path, &hidden, &typed));
    for seen in [first, second, send(&kim, path, &hidden, &typed).await] {
        came(&seen, "run-frozen");
        assert!(seen.text.contains("40,000 KRW"), "{}", seen.text);
    }
    assert_eq!(runs().await, 1);
    let run = payers.maker.get("/v1/payout-runs").await["data"][0].clone();
    assert_eq!((text(&run, "frozen_by"), text(&run, "status")), ("person:kim", "FROZEN"));
    let approve = format!("/console/payout-runs/{}/approve", text(&run, "payout_run_id"));
    let own = form(&kim, &approve, &["digest"]).await;
    assert_eq!(send(&kim, &approve, &own, &[("reason", "mine")]).await.status, 403, "four eyes");
    let lines = lines_of(&dev.shop, "kim").await;
    let frozen: Vec<_> = lines.iter().filter(|line| line["action"] == "POST /console/payout-runs/new").collect();
    assert_eq!(frozen.len(), 3, "{lines:?}");
    assert!(frozen.iter().all(|line| line["result"] == "200 the week is over"), "{frozen:?}");
    let lee = signed_in(dev, "lee", Role::Support).await;
    assert_eq!(lee.get(path).await.status, 403);
    assert!(!lee.get("/console/payout-runs").await.text.contains("id=\"freeze\""));
    assert!(kim.get("/console/payout-runs").await.text.contains("id=\"freeze\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_masked_is_shown_with_a_reason_and_a_line_of_the_audit_log() {
    let payers = Payers::start(Kind::Sqlite).await;
    let (dev, shop) = (&payers.dev, &payers.maker);
    has_details(shop, "masked").await;
    let kim = signed_in(dev, "kim", Role::Finance).await;
    let page = kim.get("/console/sellers?q=토스").await.text;
    assert!(page.contains("/console/sellers/masked") && !page.contains("110987654321"), "{page}");
    let page = kim.get("/console/sellers/masked").await.text;
    assert!(page.contains("4321") && !page.contains("110987654321") && !page.contains("pay@shop"), "{page}");
    let path = "/console/sellers/masked/reveal";
    let hidden = form(&kim, path, &[]).await;
    assert!(!send(&kim, path, &hidden, &[("reason", " ")]).await.text.contains("110987654321"));
    let seen = send(&kim, path, &hidden, &[("reason", "the seller asks where the money went")]).await;
    came(&seen, "revealed");
    assert!(seen.text.contains("110987654321") && seen.text.contains("pay@shop.example"), "{}", seen.text);
    let lines = lines_of(&dev.shop, "kim").await;
    let told: Vec<_> = lines.iter().map(|line| text(line, "result")).collect();
    assert_eq!(told, ["200 bank account: the seller asks where the money went"], "{lines:?}");
    let lee = signed_in(dev, "lee", Role::Operations).await;
    assert_eq!(lee.post(path, &[("reason", "curious")]).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_approved_by_its_digest_and_a_seller_sees_the_payout() {
    let payers = Payers::start(Kind::Sqlite).await;
    let things = things_of_finance(&payers).await;
    let dev = &payers.dev;
    let kim = signed_in(dev, "kim", Role::Finance).await;
    let run = format!("/console/payout-runs/{}", things["run"]);
    let page = kim.get(&run).await.text;
    for told in ["35,000 KRW", "seller-001", things["digest"].as_str(), "id=\"approve\""] {
        assert!(page.contains(told), "{told} is not told: {page}");
    }
    assert!(kim.get("/console").await.text.contains("35,000 KRW"), "the overview tells what waits");
    let approve = format!("{run}/approve");
    let hidden = form(&kim, &approve, &["digest"]).await;
    let mut other = hidden.clone();
    other[0].1 = "another".to_owned();
    let seen = send(&kim, &approve, &other, &[("reason", "checked")]).await;
    assert!(seen.status == 409 && seen.text.contains("digest_mismatch"), "{}", seen.text);
    let silent = send(&kim, &approve, &hidden, &[("reason", "")]).await;
    assert!(silent.text.contains("role=\"alert\""), "{}", silent.text);
    let typed = [("reason", "the statements were checked")];
    let (first, second) = tokio::join!(send(&kim, &approve, &hidden, &typed), send(&kim, &approve, &hidden, &typed));
    for seen in [first, second, send(&kim, &approve, &hidden, &typed).await] {
        came(&seen, "run-approved");
    }
    let lee = signed_in(dev, "lee", Role::Finance).await;
    assert_eq!(
        send(
            &lee,
            &approve,
            &[("form_token", lee.get("/console").await.field("form_token"))],
            &[("digest", things["digest"].as_str()), ("reason", "me too")]
        )
        .await
        .status,
        409
    );
    assert_eq!(kim.get(&approve).await.status, 409, "it is decided");

    let path = format!("/v1/payout-runs/{}", things["run"]);
    let done = payers.completed(&payers.maker.get(&path).await).await;
    assert_eq!((&done["decided_by"], &done["decision_reason"]), (&json!("person:kim"), &json!(typed[0].1)), "{done}");
    assert_eq!(payers.wallet(SELLER).await["paid_out"], "15000");
    seller_sees_own(&payers, &things).await;

    // The bank sent the money back: booked once, however often the form is sent.
    let reference = done["payouts"].as_array().unwrap().iter().find(|payout| payout["payout_id"] == things["payout"]);
    let reference = text(reference.unwrap(), "ref_payout_id");
    dev.shop.simulate(&format!("payouts/{reference}/return"), &json!({})).await;
    let returned = format!("/console/payouts/{}/act/returned", things["payout"]);
    let hidden = form(&kim, &returned, &["attempt"]).await;
    let typed = [("reason", "the account is closed")];
    let (first, second) = tokio::join!(send(&kim, &returned, &hidden, &typed), send(&kim, &returned, &hidden, &typed));
    for seen in [first, second, send(&kim, &returned, &hidden, &typed).await] {
        came(&seen, "payout-noted");
    }
    assert_eq!(payers.wallet(SELLER).await["held"], "5000", "one person alone books nothing");
    let hidden = form(&lee, &returned, &["attempt"]).await;
    for _ in 0..2 {
        came(&send(&lee, &returned, &hidden, &typed).await, "payout-acted");
    }
    assert_eq!(payers.wallet(SELLER).await["held"], "20000", "the hold of 5,000 beside what came back");
    let retry = format!("/console/payouts/{}/act/retry", things["payout"]);
    let refused = kim.post(&retry, &[("attempt", "1"), ("reason", "again")]).await;
    assert!(refused.status == 409 && refused.text.contains("payout_not_actionable"), "{}", refused.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bank_file_is_taken_and_its_transfers_are_answered() {
    let (payers, run) = with_approved_run().await;
    let kim = signed_in(&payers.dev, "kim", Role::Finance).await;
    let lee = signed_in(&payers.dev, "lee", Role::Finance).await;
    let page = format!("/console/payout-runs/{}", text(&run, "payout_run_id"));
    assert!(kim.get(&page).await.text.contains("/file?number=1"));
    let file = format!("{page}/file");
    let hidden = form(&kim, &format!("{file}?number=1"), &["digest", "number"]).await;
    let silent = send(&kim, &file, &hidden, &[("reason", "")]).await;
    assert!(silent.text.contains("role=\"alert\"") && !silent.text.contains("110123456789"), "{}", silent.text);
    let typed = [("reason", "the transfers of today")];
    let first = send(&kim, &file, &hidden, &typed).await;
    let second = send(&lee, &file, &form(&lee, &file, &["digest", "number"]).await, &typed).await;
    assert!(first.status == 200 && first.text.lines().count() == 3 && first.text.contains("110123456789"), "{first:?}");
    assert_eq!(first.text, second.text, "the same bytes");
    let lines = lines_of(&payers.dev.shop, "lee").await;
    assert!(lines.iter().any(|line| text(line, "result").contains("the transfers of today")), "{lines:?}");
    assert!(!kim.get(&page).await.text.contains("id=\"file\""), "nothing waits for another file");

    let payout = text(&run["payouts"][0], "payout_id");
    let paid = format!("/console/payouts/{payout}/act/paid");
    let hidden = form(&kim, &paid, &["attempt"]).await;
    let wrong = send(&kim, &paid, &hidden, &[("amount", "17,999"), ("reason", "the list")]).await;
    assert!(wrong.text.contains("role=\"alert\""), "{}", wrong.text);
    let typed = [("amount", "18,000"), ("reason", "the list")];
    for _ in 0..2 {
        came(&send(&kim, &paid, &hidden, &typed).await, "payout-noted");
    }
    let shop = &payers.maker;
    assert_eq!(shop.get(&format!("/v1/payouts/{payout}")).await["status"], "IN_PROGRESS");
    let hidden = form(&lee, &paid, &["attempt"]).await;
    for _ in 0..2 {
        came(&send(&lee, &paid, &hidden, &typed).await, "payout-acted");
    }
    let ended = shop.get(&format!("/v1/payouts/{payout}")).await;
    let said = (&ended["bank_answer"]["answered_by"], &ended["bank_answer"]["confirmed_by"]);
    assert_eq!((&ended["status"], said), (&json!("PAID"), (&json!("person:kim"), &json!("person:lee"))), "{ended}");
    let seller = text(&run["payouts"][0], "seller_account");
    let page = kim.get(&format!("/console/sellers/{seller}")).await.text;
    assert!(page.contains("data-code=\"APPROVED\""), "{page}");
    payers.verify_books();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_person_verifies_the_bank_account() {
    let payers = Payers::start_with(Kind::Sqlite, "by = \"bank_file\"\n").await;
    let (dev, shop) = (&payers.dev, &payers.maker);
    let put = async |number: &str| {
        let body = json!({
            "name": "김하나", "business_type": "INDIVIDUAL", "email": "pay@shop.example", "phone": "010-1234-5678",
            "bank_account": { "bank_code": "092", "account_number": number, "holder_name": "김하나" },
            "payout_schedule": { "cycle": "manual" },
        });
        let put = shop.http.put(format!("{}/v1/sellers/hana", shop.api)).bearer_auth(&shop.api_key).json(&body);
        assert!(put.send().await.unwrap().status().is_success());
    };
    put("110987654321").await;
    let status = async || text(&shop.get("/v1/sellers/hana").await, "payout_status").to_owned();
    let kim = signed_in(dev, "kim", Role::Finance).await;
    assert!(kim.get("/console/sellers/hana").await.text.contains("id=\"verify\""));
    let path = "/console/sellers/hana/verify";
    let of_the_first = form(&kim, path, &["account"]).await;
    let silent = send(&kim, path, &of_the_first, &[("reason", "")]).await;
    assert!(silent.text.contains("role=\"alert\""), "{}", silent.text);

    // The account is changed while the form is open: the new one is not the one that was looked at.
    put("220123450987").await;
    let typed = [("reason", "a copy of the bank book")];
    let stale = send(&kim, path, &of_the_first, &typed).await;
    assert!(stale.status == 409 && stale.text.contains("account_not_verifiable"), "{} {}", stale.status, stale.text);
    assert_eq!(status().await, "ACCOUNT_UNVERIFIED");
    let hidden = form(&kim, path, &["account"]).await;
    let (first, second) = tokio::join!(send(&kim, path, &hidden, &typed), send(&kim, path, &hidden, &typed));
    for seen in [first, second, send(&kim, path, &hidden, &typed).await] {
        came(&seen, "account-verified");
    }
    assert_eq!(status().await, "APPROVED");
    assert!(!kim.get("/console/sellers/hana").await.text.contains("id=\"verify\""), "it is verified");
    let lines = lines_of(&dev.shop, "kim").await;
    assert!(lines.iter().any(|line| text(line, "result").contains(typed[0].1)), "{lines:?}");
    let lee = signed_in(dev, "lee", Role::Support).await;
    assert_eq!(lee.post(path, &[("account", "2"), ("reason", "curious")]).await.status, 403);
}

/// A seller sees own data alone, whatever address is tried.
async fn seller_sees_own(payers: &Payers, things: &BTreeMap<&'static str, String>) {
    let seller = signed_in(&payers.dev, "owner", Role::Seller).await;
    let own = seller.get("/console/own").await.text;
    for told in ["15,000 KRW", things["payout"].as_str()] {
        assert!(own.contains(told), "{told} is not told: {own}");
    }
    let page = seller.get(&format!("/console/own/payouts/{}", things["payout"])).await.text;
    assert!(page.contains("data-code=\"PAID\"") && !page.contains("/act/"), "{page}");
    let statement = seller.get(&format!("/console/own/payouts/{}/statement", things["payout"])).await;
    assert!(statement.status == 200 && statement.text.contains("15,000"), "{}", statement.text);
    let seen: Vec<String> = [own, page, seller.get("/console/own/payouts").await.text].into();
    for text in &seen {
        assert!(!text.contains("seller-001") && !text.contains(things["other payout"].as_str()), "{text}");
        assert!(!text.contains("/console/payments") && !text.contains("/console/sellers"), "{text}");
    }
    let other = format!("/console/own/payouts/{}", things["other payout"]);
    for path in [other.clone(), format!("{other}/statement"), "/console/own/payouts/nothing-here".to_owned()] {
        let seen = seller.get(&path).await;
        assert!(seen.status == 404 && !seen.text.contains("20,000"), "{path}: {} {}", seen.status, seen.text);
    }
    for path in ["", "/payments", "/sellers/seller-000", "/wallets/seller-000", "/payouts", "/ledger", "/events"] {
        assert_eq!(seller.get(&format!("/console{path}")).await.status, 403, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_break_is_resolved_by_two_persons_each_act_once() {
    let payers = Payers::start(Kind::Sqlite).await;
    let day = day_after(0);
    let id = unknown_payment(&payers.maker, &day).await;
    let (dev, page) = (&payers.dev, format!("/console/breaks/{id}"));
    let [kim, lee] = [signed_in(dev, "kim", Role::Finance).await, signed_in(dev, "lee", Role::Finance).await];
    let history = async || {
        let shown = payers.maker.get(&format!("/v1/breaks/{id}")).await;
        let acts = shown["history"].as_array().unwrap().iter();
        acts.skip(1).map(|line| format!("{} {}", text(line, "act"), text(line, "by"))).collect::<Vec<_>>()
    };
    let shown = kim.get(&page).await.text;
    assert!(shown.contains("of-another-shop") && shown.contains("23,000 KRW"), "{shown}");
    let listed = kim.get("/console/breaks?class=investigation&type=unknown_payment&older_than=x").await.text;
    assert!(listed.contains(&page), "{listed}");
    assert!(!kim.get("/console/breaks?older_than=3").await.text.contains(&page), "it is of today");

    let path = |act: &str| format!("{page}/{act}");
    let hidden = form(&kim, &path("assign"), &["version"]).await;
    let typed = [("to", "mina"), ("reason", "asks Toss")];
    let assign = path("assign");
    let (first, second) = tokio::join!(send(&kim, &assign, &hidden, &typed), send(&kim, &assign, &hidden, &typed));
    for seen in [first, second, send(&kim, &assign, &hidden, &typed).await] {
        came(&seen, "break-acted");
    }
    assert_eq!(history().await, ["assign person:kim"]);
    let stale = send(
        &lee,
        &assign,
        &[("version", hidden[0].1.clone()), ("form_token", lee.get("/console").await.field("form_token"))],
        &typed,
    )
    .await;
    assert!(stale.status == 409 && stale.text.contains("break_not_actionable"), "{}", stale.text);
    people_comment(&kim, &lee, &page).await;
    let hidden = form(&kim, &path("wait"), &["version"]).await;
    let past = send(&kim, &path("wait"), &hidden, &[("until", day.as_str()), ("reason", "x")]).await;
    assert!(past.text.contains("role=\"alert\""), "{}", past.text);

    let resolve = path("resolve");
    let hidden = form(&kim, &resolve, &["version"]).await;
    let typed = [("template", "accept"), ("reason", "an order of the other shop")];
    for _ in 0..2 {
        came(&send(&kim, &resolve, &hidden, &typed).await, "break-proposed");
    }
    let again = form(&kim, &resolve, &["version"]).await;
    assert_eq!(send(&kim, &resolve, &again, &typed).await.status, 403, "the same person is no second principal");
    assert_eq!(history().await.last().unwrap(), "resolve person:kim", "it is asked for once");
    for seen in [lee.get(&page).await.text, lee.get(&resolve).await.text] {
        let proposal = between(&seen, "Waits for a second principal</dt>", "</dd>");
        assert!(proposal.contains("person:kim") && proposal.contains("Explained (books nothing)"), "{proposal}");
    }
    let chosen = between(&lee.get(&resolve).await.text, "value=\"accept\"", ">").to_owned();
    assert!(chosen.contains("selected"), "what was proposed is chosen: {chosen}");
    let hidden = form(&lee, &resolve, &["version"]).await;
    for _ in 0..2 {
        came(&send(&lee, &resolve, &hidden, &typed).await, "break-acted");
    }
    let undo = path("undo");
    let hidden = form(&kim, &undo, &["version"]).await;
    for _ in 0..2 {
        came(&send(&kim, &undo, &hidden, &[("reason", "wrong break")]).await, "break-acted");
    }
    let acts = [
        "assign person:kim",
        "comment person:kim",
        "comment person:lee",
        "resolve person:kim",
        "resolve person:lee",
        "undo person:kim",
    ];
    assert_eq!(history().await, acts);
    assert_eq!(payers.maker.get(&format!("/v1/breaks/{id}")).await["status"], "OPEN");
    let lines = lines_of(&dev.shop, "lee").await;
    assert!(lines.iter().all(|line| line["object"].as_str().unwrap().starts_with(id.as_str())), "{lines:?}");
}

/// A comment is written on the page of the break. A form that is sent twice comments once, and a text that came after
/// another act is not lost.
async fn people_comment(kim: &Visitor, lee: &Visitor, page: &str) {
    let path = format!("{page}/comment");
    let hidden = form(kim, page, &["version"]).await;
    let of_lee = form(lee, page, &["version"]).await;
    let typed = [("reason", "Toss has a\r\n<script>ticket</script>")];
    for _ in 0..2 {
        came(&send(kim, &path, &hidden, &typed).await, "break-acted");
    }
    let shown = lee.get(page).await.text;
    let escaped = "Toss has a &lt;script&gt;ticket&lt;/script&gt;";
    assert_eq!(shown.matches(escaped).count(), 1, "{shown}");
    assert!(!shown.contains("<script>ticket"), "{shown}");
    let empty = send(lee, &path, &of_lee, &[("reason", " ")]).await.text;
    assert!(empty.contains("role=\"alert\""), "{empty}");
    let moved = send(lee, &path, &of_lee, &[("reason", "it is &amp; was ours")]).await;
    assert!(moved.status == 200 && moved.text.contains("meanwhile"), "{} {}", moved.status, moved.text);
    assert!(moved.text.contains("it is &amp;amp; was ours</textarea>"), "what was typed is kept: {}", moved.text);
    let again = [("version", moved.field("version")), ("form_token", moved.field("form_token"))];
    came(&send(lee, &path, &again, &[("reason", "it is &amp; was ours")]).await, "break-acted");
}
