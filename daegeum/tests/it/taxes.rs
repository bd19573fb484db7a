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

    shop.create_with("taxed-1", &plan("taxed-1")).await;
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
    let of_cancels = toss["cancels"].as_array().unwrap().iter();
    let of_cancels: Vec<u64> = of_cancels.map(|cancel| cancel["taxFreeAmount"].as_u64().unwrap()).collect();
    assert_eq!(of_cancels.iter().sum::<u64>(), free, "{of_cancels:?}");
    assert!(of_cancels[0] > 0 && of_cancels[2] == 1_000 && of_cancels[3] == 0, "{of_cancels:?}");
    roles.verify_books();
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
    let receipts = toss["cashReceipts"].as_array().unwrap().iter();
    let of_receipts: u64 = receipts
        .filter(|receipt| receipt["transactionType"] == "CANCEL")
        .map(|receipt| receipt["taxFreeAmount"].as_u64().unwrap())
        .sum();
    assert_eq!(of_receipts, canceled, "the receipts take back the same part");
}
