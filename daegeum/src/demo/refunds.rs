//! The stories of money that goes back, or was never taken.

use reqwest::StatusCode;
use serde_json::Value;

use crate::demo::{
    expectation::{expect, won},
    shop::{Order, Shop},
};

/// The most history events of a refund's workflow, and of the one that serialises the refunds of a checkout.
const EVENT_BUDGET: usize = 20;

/// The marketplace gives everything back, and asks twice.
pub(super) async fn whole(shop: &Shop) -> anyhow::Result<usize> {
    let order = pay(shop, "refunded", "빈티지 램프 외 1건", &[("seller-a", "30000"), ("seller-b", "12000")]).await?;
    println!("5. A buyer sends everything back: {}", won(&order.amount));
    let answer = shop.cancel(&order.checkout_id).await?;
    println!("     refunded in {} ms", answer.took.as_millis());
    let again = shop.cancel(&order.checkout_id).await?;
    let checkout = shop.checkout(&order).await?;
    let (refund_events, serial_events) = shop.refund_events(&checkout).await?;
    let at_toss = shop.toss(&format!("payments/{}", order.checkout_id)).await?;

    let mut wrong =
        expect(answer.status == StatusCode::OK && checkout["status"] == "REFUNDED", shop.history(&order).await?);
    wrong += expect(again.body["refund"] == answer.body["refund"], "asking again is told the same");
    wrong += expect(at_toss["cancels"].as_array().map(Vec::len) == Some(1), "Toss gave it back once");
    wrong += expect(
        refund_events <= EVENT_BUDGET && serial_events <= EVENT_BUDGET,
        format!("{refund_events} and {serial_events} events in its Temporal histories, of {EVENT_BUDGET} allowed each"),
    );
    println!();
    Ok(wrong)
}

/// One seller cannot deliver.
pub(super) async fn one_order(shop: &Shop) -> anyhow::Result<usize> {
    let order = pay(shop, "part", "여행 가방 외 1건", &[("seller-a", "42000"), ("seller-b", "18000")]).await?;
    println!("6. One of two sellers cannot deliver: {} of {} go back", won("18000"), won(&order.amount));
    let checkout = shop.checkout(&order).await?;
    let second = checkout["payment_orders"][1]["payment_order_id"].as_str().unwrap_or_default().to_owned();
    let answer = shop.cancel(&second).await?;
    let orders = shop.checkout(&order).await?["payment_orders"].clone();

    let mut wrong = expect(
        answer.status == StatusCode::OK && answer.body["status"] == "PARTIALLY_REFUNDED",
        shop.history(&order).await?,
    );
    let statuses = [&orders[0], &orders[1]].map(|order| order["payment_order_status"].as_str().unwrap_or_default());
    wrong += expect(statuses == ["SUCCESS", "REFUNDED"], "the other seller keeps theirs");
    println!();
    Ok(wrong)
}

/// Toss refuses: too late.
pub(super) async fn refused(shop: &Shop) -> anyhow::Result<usize> {
    let order = pay(shop, "refused", "커피 머신", &[("seller-c", "27000")]).await?;
    println!("7. Toss does not give {} back any more", won(&order.amount));
    shop.mischief_on("cancel", &order, "error_before", Some("EXCEED_MAX_REFUND_DUE")).await?;
    let answer = shop.cancel(&order.checkout_id).await?;
    let checkout = shop.checkout(&order).await?;
    let why = answer.body["psp_message"].as_str().unwrap_or("(no reason)").to_owned();

    let mut wrong = expect(
        answer.status == StatusCode::CONFLICT && answer.body["code"] == "refund_refused",
        format!("the marketplace is told why: {why}"),
    );
    wrong += expect(
        checkout["status"] == "SUCCESS" && checkout["payment_orders"][0]["refunded_amount"] == "0",
        "what was promised is taken back",
    );
    println!();
    Ok(wrong)
}

/// A virtual account is given up before anybody paid into it.
pub(super) async fn account_given_up(shop: &Shop) -> anyhow::Result<usize> {
    let order = shop.create("account", "한우 선물 세트", &[("seller-b", "99000")]).await?;
    println!("8. A virtual account over {} is given up before the deposit", won(&order.amount));
    let payment_key = shop.authorize_by(&order, "가상계좌").await?;
    let waiting = shop.confirm(&order, &payment_key).await?;
    let answer = shop.cancel(&order.checkout_id).await?;
    let at_toss: Value = shop.toss(&format!("payments/{}", order.checkout_id)).await?;

    let mut wrong = expect(waiting.body["status"] == "WAITING_FOR_DEPOSIT", "the buyer was given an account");
    wrong += expect(
        answer.status == StatusCode::OK && answer.body["failure"]["code"] == "canceled",
        shop.history(&order).await?,
    );
    wrong += expect(at_toss["status"] == "CANCELED", "Toss takes no deposit any more");
    println!();
    Ok(wrong)
}

async fn pay(shop: &Shop, name: &str, order_name: &str, lines: &[(&str, &str)]) -> anyhow::Result<Order> {
    let order = shop.create(name, order_name, lines).await?;
    let payment_key = shop.authorize(&order).await?;
    let answer = shop.confirm(&order, &payment_key).await?;
    anyhow::ensure!(answer.status == StatusCode::OK, "a payment failed: {} {}", answer.status, answer.body);
    Ok(order)
}
