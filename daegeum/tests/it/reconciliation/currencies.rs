//! A day of payments in won, dollars and yen, each by the keys of its own contract at Toss.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    booking::{run_of_today, take_back},
    figure, paid,
    planted::DAY_S,
    reconcile,
};
use crate::{
    database::Kind,
    ledger::hledger,
    on_both_databases,
    roles::Roles,
    stack::{Shop, insist, until},
};

on_both_databases!(a_day_in_three_currencies_is_matched, a_sale_that_is_settled_in_won_goes_through_fx_trading);

/// The keys of the simulator's contracts in other currencies.
const KEYS: &str = "[toss.usd]\nclient_key = \"test_ck_daegeum_usd\"\nsecret_key = \"test_sk_daegeum_usd\"\n\
                    [toss.jpy]\nclient_key = \"test_ck_daegeum_jpy\"\nsecret_key = \"test_sk_daegeum_jpy\"\n";

/// A fault of Toss's own.
const FAULT: &str = "FAILED_INTERNAL_SYSTEM_PROCESSING";

/// A checkout over two sellers.
async fn create(shop: &Shop, id: &str, currency: &str, amounts: [&str; 2]) {
    let order = |(seller, amount)| json!({ "seller_account": seller, "amount": amount, "currency": currency });
    let orders: Vec<Value> = ["seller-a", "seller-b"].into_iter().zip(amounts).map(order).collect();
    let body = json!({
        "checkout_id": id, "order_name": "책", "buyer_info": { "id": "buyer-1" }, "payment_orders": orders,
    });
    shop.create_with(id, &body).await;
}

/// The buyer pays in the window, and the shop confirms. Answers what the confirmation was answered.
async fn pay(shop: &Shop, id: &str, method: &str) -> (u16, Value) {
    let checkout = shop.get(&format!("/v1/payments/{id}")).await;
    let (amount, currency) = (checkout["amount"].as_str().unwrap(), checkout["currency"].as_str().unwrap());
    let body = json!({ "orderId": id, "amount": amount, "currency": currency, "method": method });
    let key = shop.simulate("authorize", &body).await["paymentKey"].as_str().unwrap().to_owned();
    insist(shop.confirmation(id, &key, amount)).await
}

async fn is_paid(shop: &Shop, id: &str, method: &str) {
    let (status, answer) = pay(shop, id, method).await;
    assert!([200, 202].contains(&status), "{id}: {status} {answer}");
    until(&format!("{id} is paid"), || async { shop.status(id).await == "SUCCESS" }).await;
}

async fn mischief(shop: &Shop, on: &str, kind: &str, code: &str, id: &str) {
    let body = json!({ "on": on, "kind": kind, "code": code, "orderId": id });
    shop.simulate("mischief", &body).await;
}

async fn refunded(shop: &Shop, id: &str, amount: &str) {
    let body = json!({ "amount": amount, "reason": "변심" });
    let answer = shop.cancel(id, &format!("part-of-{id}"), &body).await;
    assert!([200, 202].contains(&answer.status), "{id}: {}", answer.body);
    until(&format!("{id} is refunded"), || async { shop.status(id).await == "PARTIALLY_REFUNDED" }).await;
}

async fn canceled(shop: &Shop, id: &str) {
    let answer = shop.delete(id).await;
    assert!([200, 202].contains(&answer.status), "{id}: {}", answer.body);
    until(&format!("{id} is given back"), || async { shop.status(id).await == "REFUNDED" }).await;
}

/// Account and currency, with what stands there.
async fn balances(shop: &Shop) -> BTreeMap<(String, String), String> {
    let trial = shop.get("/v1/ledger/trial-balance").await;
    assert_eq!(trial["balanced"], true, "{trial}");
    let text = |line: &Value, field: &str| line[field].as_str().unwrap().to_owned();
    let lines = trial["accounts"].as_array().unwrap().iter();
    lines.map(|line| ((text(line, "account"), text(line, "currency")), text(line, "balance"))).collect()
}

async fn totals(shop: &Shop, currency: &str) -> [Value; 3] {
    let url = format!("{}/_sim/totals?currency={currency}", shop.simulator);
    let totals: Value = shop.http.get(url).send().await.unwrap().json().await.unwrap();
    ["charged", "canceled", "double_charged_orders"].map(|name| totals[name].clone())
}

async fn a_day_in_three_currencies_is_matched(database: Kind) {
    let place = tempfile::tempdir().unwrap();
    let config = place.path().join("keys.toml");
    std::fs::write(&config, KEYS).unwrap();
    let roles = Roles::start_with(database, &["--config", config.to_str().unwrap()]).await;
    let _worker = roles.role("worker");
    let shop = &roles.shop;
    paid(shop, "in-won").await;

    create(shop, "in-dollars", "USD", ["10.00", "2.55"]).await;
    let page = shop.page_text("in-dollars").await;
    assert!(
        page.contains("data-client-key=\"test_ck_daegeum_usd\"") && page.contains("data-amount=\"12.55\""),
        "{page}"
    );
    is_paid(shop, "in-dollars", "카드").await;
    assert_eq!(shop.at_toss("in-dollars").await["totalAmount"], 12.55);
    refunded(shop, "in-dollars", "3.25").await;
    assert_eq!(shop.at_toss("in-dollars").await["balanceAmount"], 9.3);

    create(shop, "by-paypal", "USD", ["20.00", "0.05"]).await;
    is_paid(shop, "by-paypal", "해외간편결제").await;
    assert_eq!(shop.at_toss("by-paypal").await["easyPay"], "PayPal");
    canceled(shop, "by-paypal").await;

    create(shop, "in-doubt", "USD", ["1.01", "1.02"]).await;
    mischief(shop, "confirm", "execute_and_error", FAULT, "in-doubt").await;
    is_paid(shop, "in-doubt", "카드").await;

    create(shop, "in-yen", "JPY", ["1000", "501"]).await;
    is_paid(shop, "in-yen", "카드").await;
    refunded(shop, "in-yen", "500").await;
    canceled(shop, "in-yen").await;

    for (id, currency) in [("declined-usd", "USD"), ("declined-jpy", "JPY")] {
        create(shop, id, currency, ["700", "70"]).await;
        mischief(shop, "confirm", "error_before", "REJECT_CARD_PAYMENT", id).await;
        let (status, answer) = pay(shop, id, "카드").await;
        assert_eq!((status, &answer["psp_code"]), (402, &json!("REJECT_CARD_PAYMENT")), "{answer}");
    }
    // The amount of the answer is wrong, so the payment is undone: by its own keys, in its own currency.
    create(shop, "undone", "USD", ["5.00", "0.50"]).await;
    mischief(shop, "confirm", "wrong_amount", FAULT, "undone").await;
    pay(shop, "undone", "카드").await;
    until("nothing is held of the wrong amount", || async { shop.status("undone").await == "FAILED" }).await;
    assert_eq!(shop.at_toss("undone").await["balanceAmount"], 0);

    assert_eq!(totals(shop, "KRW").await, [json!(23_000), json!(0), json!(0)]);
    assert_eq!(totals(shop, "USD").await, [json!(41.13), json!(29.8), json!(0)]);
    assert_eq!(totals(shop, "JPY").await, [json!(1_501), json!(1_501), json!(0)]);
    let (code, report) = reconcile(&roles, &["--grace", "0m"]);
    assert_eq!((code, &report["verdict"]), (Some(0), &json!("CLEAN")), "{report}");
    for (currency, taken, given_back) in [("KRW", "23000", "0"), ("USD", "3463", "2330"), ("JPY", "1501", "1501")] {
        let sums =
            ["taken", "given_back"].map(|part| figure(&report, "transactions", &format!("in_books_{part}_{currency}")));
        assert_eq!(sums, [taken, given_back], "{currency}: {report}");
    }

    // What Toss settles is booked, of each contract in its currency, and no receivable is left.
    shop.simulate("clock", &json!({ "advance_s": DAY_S })).await;
    let finance = Shop { api_key: roles.create_key("finance"), ..shop.clone() };
    for number in [2, 3] {
        let run = run_of_today(&finance, number).await;
        let breaks = finance.get("/v1/breaks?status=OPEN").await;
        assert_eq!(run["status"], "CLEAN", "{run:#} {breaks:#}");
        let booked = if number == 2 { "11" } else { "0" };
        assert_eq!(run["layers"]["settlements"]["figures"]["booked_now"], booked, "{run:#}");
        let balances = balances(shop).await;
        let stands = |account: &str, currency: &str| {
            balances.get(&(account.to_owned(), currency.to_owned())).map_or("none", String::as_str)
        };
        assert_eq!(["KRW", "USD", "JPY"].map(|currency| stands("psp:receivable", currency)), ["0", "0.00", "0"]);
        let settled = ["KRW", "USD", "JPY"].map(|currency| stands("psp:payout_balance", currency));
        assert_eq!(settled, ["22317", "10.99", "-1"], "{balances:?}");
    }
    roles.verify_books();
    let exported = roles.command(&["ledger", "export", "--format", "hledger"]).output().unwrap();
    let journal = String::from_utf8(exported.stdout).unwrap();
    hledger(&journal, &["check"]);
    hledger(&journal, &["check", "accounts", "commodities"]);
    for currency in ["KRW", "USD", "JPY"] {
        assert!(journal.contains(&format!(" {currency}")), "{currency} is in the books");
    }
}

/// What the simulator keeps, of each contract.
const FEES: &str = "[reconciliation]\npsp_fee_bps = { KRW = 297, USD = 297, JPY = 297 }\n";

async fn exchange(shop: &Shop, currency: &str, rate: &str, fee: &str) {
    shop.simulate("exchange", &json!({ "currency": currency, "rate": rate, "fee": fee })).await;
}

/// Toss pays sales in dollars and yen in won. Of dollars it takes its fee after the exchange, of yen before it.
async fn a_sale_that_is_settled_in_won_goes_through_fx_trading(database: Kind) {
    let place = tempfile::tempdir().unwrap();
    let config = place.path().join("keys.toml");
    std::fs::write(&config, format!("{KEYS}{FEES}")).unwrap();
    let roles = Roles::start_with(database, &["--config", config.to_str().unwrap()]).await;
    let _worker = roles.role("worker");
    let shop = &roles.shop;
    exchange(shop, "USD", "1391.5", "after").await;
    exchange(shop, "JPY", "9.15", "before").await;
    paid(shop, "in-won").await;
    create(shop, "in-dollars", "USD", ["60.00", "40.00"]).await;
    is_paid(shop, "in-dollars", "카드").await;
    create(shop, "in-yen", "JPY", ["1000", "500"]).await;
    is_paid(shop, "in-yen", "카드").await;
    // A quarter of the dollars goes back when they are dearer; all of the yen at the same rate.
    exchange(shop, "USD", "1400", "after").await;
    refunded(shop, "in-dollars", "25.00").await;
    canceled(shop, "in-yen").await;

    shop.simulate("clock", &json!({ "advance_s": DAY_S })).await;
    let finance = Shop { api_key: roles.create_key("finance"), ..shop.clone() };
    let stands = async || {
        let balances = balances(shop).await;
        move |account: &str, currency: &str| {
            balances.get(&(account.to_owned(), currency.to_owned())).map_or("none", String::as_str).to_owned()
        }
    };
    for number in [1, 2] {
        let run = run_of_today(&finance, number).await;
        let breaks = finance.get("/v1/breaks?status=OPEN").await;
        assert_eq!(run["status"], "CLEAN", "{run:#} {breaks:#}");
        let figures = &run["layers"]["settlements"]["figures"];
        let booked = if number == 1 { "5" } else { "0" };
        assert_eq!(figures["booked_now"], booked, "{run:#}");
        assert_eq!((&figures["exchanged_USD"], &figures["exchanged_KRW"]), (&json!("-7500"), &json!("104150")));
        let stands = stands().await;
        assert_eq!(["KRW", "USD", "JPY"].map(|currency| stands("psp:receivable", currency)), ["0", "0.00", "0"]);
        assert_eq!(["KRW", "USD", "JPY"].map(|currency| stands("fx:trading", currency)), ["104150", "-75.00", "0"]);
        // 139,150 less a fee of 4,132, and back 35,000 less 1,039; beside the sale in won.
        assert_eq!(stands("psp:payout_balance", "KRW"), (22_317 + 135_018 - 33_961).to_string());
        assert_eq!(["USD", "JPY"].map(|currency| stands("psp:payout_balance", currency)), ["none", "none"]);
        assert_eq!((stands("psp:fees", "USD"), stands("psp:fees", "JPY")), ("none".to_owned(), "0".to_owned()));
    }
    roles.verify_books();
    let exported = roles.command(&["ledger", "export", "--format", "hledger"]).output().unwrap();
    let journal = String::from_utf8(exported.stdout).unwrap();
    hledger(&journal, &["check"]);
    hledger(&journal, &["check", "accounts", "commodities"]);
    assert!(journal.contains("account Equity:Fx:Trading  ; type: E"), "{journal}");
    let trading = hledger(&journal, &["balance", "--flat", "--no-total", "-O", "csv", "Equity:Fx:Trading"]);
    assert!(trading.contains("75.00 USD, -104150 KRW") || trading.contains("-104150 KRW, 75.00 USD"), "{trading}");
    told_with_their_rate(&roles).await;

    // Both entries of a row are taken back together, and a person hears of the row.
    let key = journal.lines().find_map(|line| line.split_once(") psp_exchanged ").map(|(_, key)| key.to_owned()));
    let key = format!("psp_settled:{}", key.unwrap());
    take_back(&roles, &key);
    let run = run_of_today(&finance, 3).await;
    assert_eq!(run["status"], "BREAKS", "{run:#}");
    let breaks = finance.get("/v1/breaks?status=OPEN&type=settlement_unbooked").await;
    assert_eq!(breaks["data"].as_array().unwrap().len(), 1, "{breaks:#}");
    roles.last_line(&["ledger", "undo", &key, "--reason", "the row was ours"]);
    assert_eq!(run_of_today(&finance, 4).await["status"], "CLEAN");
    assert_eq!(stands().await("fx:trading", "KRW"), "104150");
    roles.verify_books();
}

/// Gain or loss by the newest rate, which is told with it; and what was sold, exchanged and paid in each currency.
async fn told_with_their_rate(roles: &Roles) {
    let shop = &roles.shop;
    let unknown = shop.get("/v1/reports/fx-trading").await;
    assert_eq!((&unknown["gain"], &unknown["is_realized"]), (&Value::Null, &json!(false)), "{unknown}");
    let rates = roles.place().join("rates.csv");
    std::fs::write(&rates, "as_of,base,quote,rate,source\n2020-01-01,USD,KRW,1410,한국은행\n").unwrap();
    roles.last_line(&["rates", "import", rates.to_str().unwrap()]);
    let report = shop.get("/v1/reports/fx-trading").await;
    // 104,150 won were given for 75 dollars, which are 105,750 now.
    assert_eq!(report["gain"], "-1600", "{report:#}");
    let of = |currency: &str| {
        let lines = report["positions"].as_array().unwrap().iter();
        lines.into_iter().find(|line| line["currency"] == currency).unwrap().clone()
    };
    assert_eq!((&of("USD")["in_krw"], &of("USD")["rate"]["rate"]), (&json!("-105750"), &json!("1410")), "{report:#}");
    assert_eq!((&of("USD")["rate"]["source"], &of("KRW")["rate"]), (&json!("한국은행"), &Value::Null), "{report:#}");
    let settled = shop.get("/v1/settlements?by=sold").await;
    let line = |currency: &str| {
        let lines = settled["data"].as_array().unwrap().iter();
        let line = lines.into_iter().find(|line| line["currency"] == currency && line["rows"] != 0).unwrap();
        ["gross", "fee", "exchanged", "net"].map(|name| line[name].as_str().unwrap().to_owned())
    };
    assert_eq!(line("USD"), ["75.00", "0.00", "-75.00", "0.00"], "{settled:#}");
    assert_eq!(line("KRW"), ["23000", "3776", "104150", "123374"], "{settled:#}");
    let fees = shop.get("/v1/reports/psp-fees").await;
    let fees = fees["methods"].as_array().unwrap().iter().filter(|line| line["sold_in"] == "USD");
    let fees: Vec<_> = fees.map(|line| [&line["currency"], &line["contract_bps"], &line["difference"]]).collect();
    assert!(!fees.is_empty() && fees.iter().all(|[currency, bps, _]| **currency == "KRW" && **bps == 297), "{fees:?}");
}

/// The first keys are for won, and the page offers accounts alone.
#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_could_pay_is_refused_when_it_is_created() {
    let roles = Roles::start_with(Kind::Sqlite, &["--payment-methods", "virtual_account"]).await;
    for (amount, currency, field, named) in [
        ("10.00", "USD", "payment_orders[0].currency", "no payment keys for USD"),
        ("1000", "JPY", "payment_orders[0].currency", "no payment keys for JPY"),
        ("199", "KRW", "payment_orders", "the payment provider takes is 200 KRW"),
    ] {
        let order = json!({ "seller_account": "seller-a", "amount": amount, "currency": currency });
        let body = json!({ "order_name": "책", "buyer_info": { "id": "buyer-1" }, "payment_orders": [order] });
        let answer = roles.shop.post(currency, &body).await;
        assert_eq!(answer.status(), 422, "{amount} {currency}");
        let problem: Value = answer.json().await.unwrap();
        let error = &problem["errors"][0];
        assert_eq!(error["field"], field, "{problem}");
        assert!(error["detail"].as_str().unwrap().contains(named), "{problem}");
    }
}
