//! Value-added tax by payment order: what is supplied, its tax and what is without tax make up the amount, also of what
//! is left after refunds in part; and Toss is told of each part without tax.

use serde_json::{Value, json};

use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Shop, insist, until},
};

on_both_databases!(refunds_in_part_give_back_what_was_without_tax);

/// What the first order costs, and the part of it without tax.
const PART_FREE: [u64; 2] = [15_000, 4_000];
/// What the second order costs: all of it is without tax.
const ALL_FREE: u64 = 7_000;
/// What the third order costs: all of it is taxed.
const TAXED: u64 = 9_999;
const TOTAL: u64 = PART_FREE[0] + ALL_FREE + TAXED;

fn plan(id: &str) -> Value {
    let order = |name: &str, amount: u64, free: Option<u64>| {
        let mut order = json!({ "payment_order_id": format!("{id}-{name}"), "seller_account": format!("seller-{name}"),
            "amount": amount.to_string(), "currency": "KRW" });
        if let Some(free) = free {
            order["tax_free_amount"] = json!(free.to_string());
        }
        order
    };
    json!({
        "checkout_id": id,
        "order_name": "쌀과 책",
        "buyer_info": { "id": "buyer-1" },
        "payment_orders": [
            order("a", PART_FREE[0], Some(PART_FREE[1])), order("b", ALL_FREE, Some(ALL_FREE)), order("c", TAXED, None),
        ],
    })
}

fn number(value: &Value) -> u64 {
    value.as_str().unwrap().parse().unwrap()
}

/// The three parts of an amount, which make it up.
fn parts(tax: &Value, amount: u64) -> [u64; 3] {
    let parts = ["supply_amount", "vat", "tax_free_amount"].map(|field| number(&tax[field]));
    assert_eq!(parts.iter().sum::<u64>(), amount, "{tax}");
    parts
}

/// What is left of all orders without tax, after every sum was checked.
async fn tax_free_left(shop: &Shop, id: &str) -> u64 {
    let payment = shop.get(&format!("/v1/payments/{id}")).await;
    let orders = payment["payment_orders"].as_array().unwrap();
    let of_order = |order: &Value| {
        let amount = number(&order["amount"]);
        parts(&order["tax"], amount);
        parts(&order["tax_left"], amount - number(&order["refunded_amount"]))[2]
    };
    orders.iter().map(of_order).sum()
}

async fn refunds_in_part_give_back_what_was_without_tax(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let shop = &roles.shop;

    // A part without tax that is more than its order is refused, and names the field.
    let mut wrong = plan("too-free");
    wrong["payment_orders"][2]["tax_free_amount"] = json!("10000");
    let refused = shop.post("too-free", &wrong).await;
    assert_eq!(refused.status().as_u16(), 422);
    let refused: Value = refused.json().await.unwrap();
    assert_eq!(refused["errors"][0]["field"], "payment_orders[2].tax_free_amount", "{refused}");

    let mut named = plan("taxed-1");
    named["payment_orders"][1]["name"] = json!("쌀 10kg");
    shop.create_with("taxed-1", &named).await;
    // Nothing is bought yet.
    let path = "/v1/payments/taxed-1/purchase-statement";
    assert_eq!(problem(shop, path).await, (409, "not_paid".to_owned()));
    assert_eq!(problem(shop, "/v1/payments/nothing/purchase-statement").await, (404, "checkout_not_found".to_owned()));
    let free = PART_FREE[1] + ALL_FREE;
    let wish = json!({ "type": "지출증빙", "registrationNumber": "1234567890" });
    let body = json!({ "orderId": "taxed-1", "amount": TOTAL, "method": "계좌이체", "taxFreeAmount": free,
        "cashReceipt": wish });
    let key = shop.simulate("authorize", &body).await["paymentKey"].as_str().unwrap().to_owned();
    let (status, answer) = insist(shop.confirmation("taxed-1", &key, &TOTAL.to_string())).await;
    assert!([200, 202].contains(&status), "{answer}");
    until("it is paid", || async { shop.status("taxed-1").await == "SUCCESS" }).await;
    assert_eq!(tax_free_left(shop, "taxed-1").await, free);
    let payment = shop.get("/v1/payments/taxed-1-a").await;
    assert_eq!(parts(&payment["tax"], PART_FREE[0]), [10_000, 1_000, 4_000], "{payment}");

    let mut given_back = 0;
    for (round, (target, amount)) in
        [("taxed-1", 5_001), ("taxed-1-a", 3_333), ("taxed-1-b", 1_000), ("taxed-1-c", 1)].into_iter().enumerate()
    {
        let body = json!({ "amount": amount.to_string(), "reason": "변심" });
        let refunded = shop.cancel(target, &format!("part-{round}"), &body).await;
        assert!([200, 202].contains(&refunded.status), "{}", refunded.body);
        given_back += amount;
        agrees(shop, given_back).await;
    }
    assert!([200, 202].contains(&shop.delete("taxed-1").await.status));
    agrees(shop, TOTAL).await;
    let toss = shop.at_toss("taxed-1").await;
    let statement = statement(shop, "taxed-1").await;
    let item = &statement["items"][1];
    assert_eq!((&item["name"], &item["seller_account"]), (&json!("쌀 10kg"), &json!("seller-b")), "{statement}");
    assert_eq!(statement["items"][0]["name"], "쌀과 책");
    assert_eq!(statement["refunds"].as_array().unwrap().len(), 5, "{statement}");
    assert!(statement["receipt_url"].as_str().is_some_and(|url| url.starts_with("http")), "{statement}");
    printed(shop).await;
    let of_cancels = toss["cancels"].as_array().unwrap().iter();
    let of_cancels: Vec<u64> = of_cancels.map(|cancel| cancel["taxFreeAmount"].as_u64().unwrap()).collect();
    assert_eq!(of_cancels.iter().sum::<u64>(), free, "{of_cancels:?}");
    assert!(of_cancels[0] > 0 && of_cancels[2] == 1_000 && of_cancels[3] == 0, "{of_cancels:?}");
    roles.verify_books();
}

/// The status and the code of what a path is refused with.
async fn problem(shop: &Shop, path: &str) -> (u16, String) {
    let (status, body) = insist(shop.http.get(format!("{}{path}", shop.api)).bearer_auth(&shop.api_key)).await;
    (status, body["code"].as_str().unwrap_or_default().to_owned())
}

/// The page for the marketplace and for the buyer, in both languages; and nothing for a browser without the token.
async fn printed(shop: &Shop) {
    let url = format!("{}/v1/payments/taxed-1/purchase-statement", shop.api);
    for (language, told) in [("ko", ["거래명세서", "환불 후 금액", "0원"]), ("en", ["VAT", "After refunds", "0 KRW"])]
    {
        let of_buyer = shop.page_at("taxed-1", "/statement").await;
        for request in [shop.http.get(&url).bearer_auth(&shop.api_key), shop.http.get(&of_buyer)] {
            let request = request.header("accept", "text/html").header("accept-language", language);
            let page = request.send().await.unwrap().text().await.unwrap();
            for text in told.into_iter().chain(["쌀 10kg", "seller-b"]) {
                assert!(page.contains(text), "{text}: {page}");
            }
        }
    }
    let unproved = shop.http.get(format!("{}/checkout/taxed-1/statement", shop.api)).send().await.unwrap();
    let unproved = unproved.text().await.unwrap();
    assert!(!unproved.contains("쌀 10kg") && unproved.contains("hidden-why"), "{unproved}");
}

/// The statement of a purchase, after every sum of it was checked.
async fn statement(shop: &Shop, id: &str) -> Value {
    let statement = shop.get(&format!("/v1/payments/{id}/purchase-statement")).await;
    let of_items =
        |field: &str| -> u64 { statement["items"].as_array().unwrap().iter().map(|item| number(&item[field])).sum() };
    assert_eq!((of_items("amount"), number(&statement["paid_amount"])), (TOTAL, TOTAL), "{statement}");
    let refunded = number(&statement["refunded_amount"]);
    let of_refunds: u64 = statement["refunds"].as_array().unwrap().iter().map(|refund| number(&refund["amount"])).sum();
    assert_eq!((of_items("refunded_amount"), of_refunds), (refunded, refunded), "{statement}");
    assert_eq!(number(&statement["left_amount"]), TOTAL - refunded, "{statement}");
    for (field, sum) in [("tax", TOTAL), ("tax_left", TOTAL - refunded)] {
        let of_sums = parts(&statement[field], sum);
        let of_items = statement["items"].as_array().unwrap().iter().fold([0; 3], |sums, item| {
            let names = ["supply_amount", "vat", "tax_free_amount"];
            std::array::from_fn(|index| sums[index] + number(&item[field][names[index]]))
        });
        assert_eq!(of_items, of_sums, "{field}: {statement}");
    }
    statement
}

fn parts_left(statement: &Value) -> [u64; 3] {
    parts(&statement["tax_left"], number(&statement["left_amount"]))
}

/// Waits until so much was given back, and holds what is left without tax beside Toss's figure, in payment and receipt.
async fn agrees(shop: &Shop, given_back: u64) {
    until(&format!("{given_back} were given back at Toss"), || async {
        shop.at_toss("taxed-1").await["canceled"] == given_back
    })
    .await;
    let toss = shop.at_toss("taxed-1").await;
    let canceled = toss["cancels"].as_array().unwrap().iter();
    let canceled: u64 = canceled.map(|cancel| cancel["taxFreeAmount"].as_u64().unwrap()).sum();
    let left = PART_FREE[1] + ALL_FREE - canceled;
    until("the books have it too", || async {
        let payment = shop.get("/v1/payments/taxed-1").await;
        let orders = payment["payment_orders"].as_array().unwrap().iter();
        orders.map(|order| number(&order["refunded_amount"])).sum::<u64>() == given_back
    })
    .await;
    assert_eq!(tax_free_left(shop, "taxed-1").await, left);
    let statement = statement(shop, "taxed-1").await;
    assert_eq!((number(&statement["refunded_amount"]), parts_left(&statement)[2]), (given_back, left), "{statement}");
    let receipts = toss["cashReceipts"].as_array().unwrap().iter();
    let of_receipts: u64 = receipts
        .filter(|receipt| receipt["transactionType"] == "CANCEL")
        .map(|receipt| receipt["taxFreeAmount"].as_u64().unwrap())
        .sum();
    assert_eq!(of_receipts, canceled, "the receipts take back the same part");
}
