//! The stories: what buyers do, and what must come of it.

use std::time::{Duration, Instant};

use reqwest::StatusCode;

use crate::demo::{
    expectation::{DEADLINE, expect, won},
    hearing::Hearing,
    shop::{Order, Shop},
};

/// The most history events of a paid card checkout: each costs the Temporal server.
const EVENT_BUDGET: usize = 30;
/// How long a lost answer may take to be found out.
const LOST_ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// How long a deposit may take to be booked: Toss's webhook says that it came, or we ask.
const DEPOSIT_LIMIT: Duration = Duration::from_secs(20);

/// A buyer who opens a checkout and never pays. Comes first, so that the deadline runs while others pay.
pub(super) async fn walks_away(shop: &Shop) -> anyhow::Result<Order> {
    shop.create("abandoned", "두고 간 장바구니", &[("seller-a", "9900")]).await
}

/// A buyer pays by card for the goods of two sellers, and reloads the success page.
pub(super) async fn pays_by_card(shop: &Shop) -> anyhow::Result<usize> {
    let order = shop.create("paid", "토스 티셔츠 외 2건", &[("seller-a", "15000"), ("seller-b", "8000")]).await?;
    println!("1. A buyer pays {} by card for the goods of two sellers", won(&order.amount));
    println!("     created in {} ms: {}", order.took.as_millis(), order.checkout_id);
    let payment_key = shop.authorize(&order).await?;
    let answer = shop.confirm(&order, &payment_key).await?;
    println!("     confirmed in {} ms", answer.took.as_millis());
    let again = shop.confirm(&order, &payment_key).await?;
    let checkout = shop.checkout(&order).await?;
    let orders = checkout["payment_orders"].as_array().cloned().unwrap_or_default();
    let booked = orders.iter().all(|order| order["wallet_updated"] == true && order["ledger_updated"] == true);
    let events = shop.history_events(&checkout).await?;
    let at_toss = shop.toss(&format!("payments/{}", order.checkout_id)).await?;

    let mut wrong =
        expect(answer.status == StatusCode::OK && checkout["status"] == "SUCCESS", shop.history(&order).await?);
    wrong += expect(orders.len() == 2 && booked, "both sellers' wallets and the ledger have their orders");
    wrong += expect(again.status == StatusCode::OK && again.body == answer.body, "reloading the page answers the same");
    wrong += expect(at_toss["status"] == "DONE", format!("Toss charged {} once", won(&order.amount)));
    wrong +=
        expect(events <= EVENT_BUDGET, format!("{events} events in its Temporal history, of {EVENT_BUDGET} allowed"));
    println!();
    Ok(wrong)
}

/// The card company declines; the buyer pays the same order with another card.
pub(super) async fn is_declined_and_tries_again(shop: &Shop) -> anyhow::Result<usize> {
    let order = shop.create("retried", "무선 키보드", &[("seller-b", "89000")]).await?;
    println!("2. The card company declines {}, and the buyer takes another card", won(&order.amount));
    let payment_key = shop.authorize(&order).await?;
    shop.mischief(&order, "error_before", Some("REJECT_CARD_PAYMENT")).await?;
    let declined = shop.confirm(&order, &payment_key).await?;
    let message = declined.body["psp_message"].as_str().unwrap_or("(no reason)").to_owned();
    let other_card = shop.authorize(&order).await?;
    let paid = shop.confirm(&order, &other_card).await?;
    let again = shop.confirm(&order, &payment_key).await?;

    let mut wrong = expect(
        declined.status == StatusCode::PAYMENT_REQUIRED && declined.body["retryable"] == true,
        format!("the buyer is told why: {message}"),
    );
    wrong += expect(paid.status == StatusCode::OK && paid.body["status"] == "SUCCESS", shop.history(&order).await?);
    wrong +=
        expect(again.body["status"] == "SUCCESS", "the first tab, reloaded, shows the paid order and pays nothing");
    println!();
    Ok(wrong)
}

/// A buyer gets a virtual account, closes the browser, and pays into the account. The shop hears of it by webhook.
pub(super) async fn pays_into_an_account(shop: &Shop, hearing: &Hearing) -> anyhow::Result<usize> {
    let order = shop.create("deposited", "원두 1kg", &[("seller-c", "27000")]).await?;
    println!("4. A buyer closes the browser and pays {} into a virtual account later", won(&order.amount));
    let payment_key = shop.authorize_by(&order, "가상계좌").await?;
    let answer = shop.confirm(&order, &payment_key).await?;
    let account = &answer.body["psp"]["virtual_account"];
    let mut wrong = expect(
        answer.body["status"] == "WAITING_FOR_DEPOSIT" && account["account_number"].is_string(),
        format!("the buyer is told the account, and to pay by {}", account["due_date"].as_str().unwrap_or("?")),
    );
    shop.deposit(&order).await?;
    let began = Instant::now();
    let heard = hearing.of(&order.checkout_id, "checkout.paid", DEPOSIT_LIMIT).await;
    wrong += expect(
        heard.is_some(),
        format!("a signed webhook told the shop of the deposit after {:.1} s", began.elapsed().as_secs_f64()),
    );
    let status = shop.follow(&order, "SUCCESS", DEPOSIT_LIMIT).await?;
    wrong += expect(status == "SUCCESS", shop.history(&order).await?);
    println!();
    Ok(wrong)
}

/// Toss charges and its answer never arrives.
pub(super) async fn answer_is_lost(shop: &Shop) -> anyhow::Result<usize> {
    let order = shop.create("lost", "캠핑 의자 세트", &[("seller-a", "32000"), ("seller-c", "16000")]).await?;
    println!("3. Toss charges {} and its answer is lost", won(&order.amount));
    let payment_key = shop.authorize(&order).await?;
    shop.mischief(&order, "execute_and_stall", None).await?;
    let (answer, followed) =
        tokio::join!(shop.confirm(&order, &payment_key), shop.follow(&order, "SUCCESS", LOST_ANSWER_LIMIT));
    let (answer, status) = (answer?, followed?);
    let history = shop.history(&order).await?;

    let mut wrong = expect(status == "SUCCESS" && history.contains("UNKNOWN"), history);
    wrong += expect(
        answer.status == StatusCode::OK,
        format!("found out by asking, and the buyer was told after {:.1} s", answer.took.as_secs_f64()),
    );
    println!();
    Ok(wrong)
}

/// The buyer of the first checkout never came back.
pub(super) async fn never_came_back(shop: &Shop, order: &Order) -> anyhow::Result<usize> {
    println!(
        "9. A buyer left {} in the cart before the first story; the deadline here is {} s",
        won(&order.amount),
        DEADLINE.as_secs()
    );
    let status = shop.follow(order, "EXPIRED", DEADLINE * 2).await?;
    let wrong = expect(status == "EXPIRED", shop.history(order).await?);
    println!();
    Ok(wrong)
}
