//! The reports of finance: what is due, what is late, what is owed and what Toss keeps.

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::{day_after, paid, planted::DAY_S, reconcile, today};
use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Shop, until},
};

on_both_databases!(reports_say_what_is_due_and_what_is_late);

/// The lines of a report as CSV.
async fn csv(shop: &Shop, path: &str) -> Vec<String> {
    let request = shop.http.get(format!("{}{path}&format=csv", shop.api)).bearer_auth(&shop.api_key);
    let answer = request.send().await.unwrap();
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/csv"), "{path}");
    answer.text().await.unwrap().lines().map(str::to_owned).collect()
}

/// The only line of a report.
fn only<'a>(report: &'a Value, list: &str) -> &'a Value {
    let lines = report[list].as_array().unwrap();
    assert_eq!(lines.len(), 1, "{report:#}");
    &lines[0]
}

async fn reports_say_what_is_due_and_what_is_late(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let shop = &roles.shop;
    paid(shop, "in-time").await;
    assert_eq!(shop.cancel("in-time", "whole", &json!({ "amount": "3000", "reason": "변심" })).await.status, 200);
    shop.create("by-deposit").await;
    let key = shop.authorize_by("by-deposit", "가상계좌").await;
    assert_eq!(shop.confirm("by-deposit", &key, "23000").await.1["status"], "WAITING_FOR_DEPOSIT");
    shop.simulate("deposit", &json!({ "orderId": "by-deposit" })).await;
    until("the deposit is booked", || async { shop.status("by-deposit").await == "SUCCESS" }).await;
    paid(shop, "too-late").await;
    let refuses = json!({ "on": "cancel", "kind": "error_before", "code": "FAILED_INTERNAL_SYSTEM_PROCESSING",
        "times": 0, "orderId": "too-late" });
    shop.simulate("mischief", &refuses).await;
    let asked = shop.cancel("too-late", "part", &json!({ "amount": "20000", "reason": "변심" })).await;
    assert_eq!(asked.status, 202, "{}", asked.body);

    refund_deadlines(shop).await;
    cash_receipts(shop).await;

    shop.simulate("clock", &json!({ "advance_s": DAY_S })).await;
    reconcile(&roles, &["--grace", "0m", "--as-of", &day_after(1)]);
    psp_fees(shop).await;

    let path = format!("/v1/reports/owed-to-sellers?date={}", today());
    let owed = shop.get(&path).await;
    let lines = owed["sellers"].as_array().unwrap();
    assert!(owed["keep_apart_percent"] == 100 && !lines.is_empty(), "{owed}");
    assert!(lines.iter().all(|line| line["keep_apart"] == line["owed"]), "{owed}");
    assert_eq!(csv(shop, &path).await.len(), lines.len() + 1);
    the_command_line_prints_the_same(&roles).await;
}

/// Each report of the command line is what the API answers, as CSV and as JSON.
async fn the_command_line_prints_the_same(roles: &Roles) {
    let shop = &roles.shop;
    let (day, month) = (today(), today()[..7].to_owned());
    let said = |arguments: &[&str]| {
        let mut command = roles.command(&[&["reports"], arguments, &["--api-url", &shop.api]].concat());
        let output = command.env("DAEGEUM_API_KEY", &shop.api_key).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    for (report, flag, value) in [
        ("psp-fees", "month", &month),
        ("owed-to-sellers", "date", &day),
        ("refund-deadlines", "date", &day),
        ("cash-receipts", "date", &day),
    ] {
        let path = format!("/v1/reports/{report}?{flag}={value}");
        let asked = [report, &format!("--{flag}"), value];
        let lines: Vec<String> = said(&asked).lines().map(str::to_owned).collect();
        assert!(lines.len() > 1, "{report}: {lines:?}");
        assert_eq!(lines, csv(shop, &path).await, "{report}");
        let told: Value = serde_json::from_str(&said(&[&asked[..], &["--format", "json"]].concat())).unwrap();
        assert_eq!(told, shop.get(&path).await, "{report}");
    }
    assert!(said(&["seller-sales"]).starts_with("seller_account,currency,orders"));
    let calendar = said(&["settlements", "--from", &day, "--to", &day]);
    let told: Value = serde_json::from_str(&said(&["settlements", "--from", &day, "--to", &day, "--json"])).unwrap();
    let of_day = only(&told, "data");
    let line = calendar.lines().nth(1).unwrap();
    assert!(
        line.starts_with(&format!("{day},KRW,{},{}", of_day["rows"], of_day["gross"].as_str().unwrap())),
        "{calendar}"
    );
}

async fn refund_deadlines(shop: &Shop) {
    let before = shop.get(&format!("/v1/reports/refund-deadlines?date={}", today())).await;
    let open = only(&before, "refunds");
    assert_eq!(
        (&open["checkout_id"], &open["late_days"], &open["interest"]),
        (&json!("too-late"), &json!(0), &json!("0"))
    );

    let date = day_after(20);
    let path = format!("/v1/reports/refund-deadlines?date={date}");
    let report = shop.get(&path).await;
    let late = only(&report, "refunds");
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    let days = (day(&date) - day(late["due_on"].as_str().unwrap())).num_days();
    // 15 % of 20,000 won a year.
    let interest = 3_000 * days / 365;
    assert!(days > 7 && late["late_days"] == days, "{report}");
    assert_eq!((&late["amount"], &late["interest"]), (&json!("20000"), &json!(interest.to_string())), "{report}");
    assert!(late["ended_on"].is_null(), "{report}");
    let lines = csv(shop, &path).await;
    assert!(lines.len() == 2 && lines[1].ends_with(&format!("{days},{interest}")), "{lines:?}");
}

async fn cash_receipts(shop: &Shop) {
    let path = format!("/v1/reports/cash-receipts?date={}", day_after(2));
    let report = shop.get(&path).await;
    let sale = only(&report, "sales");
    let expected = json!({
        "checkout_id": "by-deposit", "status": "SUCCESS", "method": "가상계좌", "amount": "23000", "currency": "KRW",
        "paid_on": today(), "due_on": day_after(5), "day": 2, "is_due_unasked": false, "receipted": "0",
    });
    // Toss may have been asked by now: the buyer wanted no receipt.
    let mut sale = sale.clone();
    let receipt = sale.as_object_mut().unwrap().remove("receipt").unwrap();
    assert!(receipt.is_null() || receipt == "MISSING", "{receipt}");
    assert_eq!(sale, expected);
    let lines = csv(shop, &path).await;
    assert!(lines.len() == 2 && lines[1].starts_with("by-deposit,SUCCESS,가상계좌,23000,KRW,"), "{lines:?}");
    let gone = shop.get(&format!("/v1/reports/cash-receipts?date={}", day_after(6))).await;
    assert_eq!(gone["sales"], json!([]), "{gone}");
}

async fn psp_fees(shop: &Shop) {
    let month = &today()[..7];
    let path = format!("/v1/reports/psp-fees?month={month}");
    let report = shop.get(&path).await;
    assert!(report["contract_bps"].is_null() && report["month"] == month, "{report}");
    let line = |method: &str, kind: &str| {
        let lines = report["methods"].as_array().unwrap().iter();
        let line = lines.clone().find(|line| line["method"] == method && line["kind"] == kind);
        let line = line.unwrap_or_else(|| panic!("no {kind} of {method}: {report:#}"));
        ["rows", "gross", "fee", "vat"].map(|field| line[field].to_string().replace('"', ""))
    };
    assert_eq!(line("카드", "APPROVAL"), ["2", "46000", "1366", "124"]);
    assert_eq!(line("카드", "CANCEL"), ["1", "-3000", "-89", "-8"]);
    assert_eq!(line("가상계좌", "APPROVAL"), ["1", "23000", "683", "62"]);
    assert_eq!(csv(shop, &path).await.len(), 4);
}
