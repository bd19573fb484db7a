//! The buyer pays, changes their mind, pays by deposit, and is impatient.

use serde_json::json;

use super::{Browser, PRICE, attempts_and_charges, is_settled, page_of};
use crate::{
    database::Kind,
    stack::{Dev, checkout},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_buyer_pays_by_card() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let (shop, browser) = (&dev.shop, Browser::of_phone().await);
    shop.create("by-card").await;
    browser.open(&page_of(shop, "by-card").await).await;
    browser.shows_status("NOT_STARTED").await;
    let text = browser.text().await;
    for told in ["토스 티셔츠 외 2건", "seller-a", "15,000 KRW", "seller-b", "8,000 KRW", "Pay 23,000 KRW"] {
        assert!(text.contains(told), "{told}: {text}");
    }
    assert_eq!(browser.text_of("#total").await, "23,000 KRW");
    let left = browser.text_of("#countdown").await;
    assert!(left.len() >= 5 && left.contains(':'), "a clock: {left}");
    browser.to_the_window().await;
    browser.click("#pay").await;
    browser.shows_status("SUCCESS").await;
    browser.says("SUCCESS").await;
    browser.wait_for("#receipt[href^='http']:not([hidden])").await;
    assert_eq!(shop.status("by-card").await, "SUCCESS");
    browser.click("#statement:not([hidden])").await;
    browser.wait_for("#paid").await;
    let text = browser.text_of("#paid").await;
    assert!(text.contains("20,909 KRW") && text.contains("2,091 KRW") && text.contains("23,000 KRW"), "{text}");
    is_settled(&dev, PRICE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_buyer_is_declined_and_then_pays() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let (shop, browser) = (&dev.shop, Browser::of_phone().await);
    shop.create("declined").await;
    browser.open(&page_of(shop, "declined").await).await;
    browser.to_the_window().await;
    // The card company says no only when the payment is confirmed.
    browser.click("#decline-on-confirm").await;
    browser.click("#pay").await;
    browser.shows_status("FAILED").await;
    browser.says("RETRY").await;
    let text = browser.text().await;
    assert!(text.contains("No money was taken") && text.contains("Try again: 23,000 KRW"), "{text}");
    assert!(browser.text_of("#reason").await.contains("limit is exceeded"));
    assert!(!browser.address().await.contains("paymentKey"), "the key stays behind");
    is_settled(&dev, 0).await;
    browser.to_the_window().await;
    browser.click("#pay").await;
    browser.shows_status("SUCCESS").await;
    assert_eq!(attempts_and_charges(shop, "declined").await, (2, 1));
    is_settled(&dev, PRICE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_buyer_closes_the_window_and_then_pays() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let (shop, browser) = (&dev.shop, Browser::of_phone().await);
    shop.create("closed").await;
    for (turn_back, why) in [("#close", "You canceled"), ("#decline", "card company declined")] {
        browser.open(&page_of(shop, "closed").await).await;
        browser.to_the_window().await;
        browser.click(turn_back).await;
        let text = browser.text_of("[data-code]").await;
        assert!(text.contains(why) && text.contains("No money was taken"), "{text}");
        browser.click("a.button").await;
        browser.shows_status("NOT_STARTED").await;
    }
    is_settled(&dev, 0).await;
    browser.to_the_window().await;
    browser.click("#pay").await;
    browser.shows_status("SUCCESS").await;
    assert_eq!(attempts_and_charges(shop, "closed").await, (3, 1));
    is_settled(&dev, PRICE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_buyer_pays_into_an_account_and_sees_it_arrive() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let (shop, browser) = (&dev.shop, Browser::of_phone().await);
    shop.create("by-deposit").await;
    browser.open(&page_of(shop, "by-deposit").await).await;
    browser.click("input[value=VIRTUAL_ACCOUNT]").await;
    browser.to_the_window().await;
    assert!(!browser.has("input[value=CARD]").await, "the window is the one that was chosen");
    browser.click("#pay").await;
    browser.shows_status("WAITING_FOR_DEPOSIT").await;
    let checkout = shop.get("/v1/payments/by-deposit").await;
    let number = checkout["psp"]["virtual_account"]["account_number"].as_str().unwrap().to_owned();
    assert_eq!(browser.text_of("#account-number").await, number);
    let text = browser.text().await;
    assert!(text.contains("Nothing is paid yet") && text.contains("KST") && text.contains("23,000 KRW"), "{text}");

    let granted = json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
    browser.command("Browser.grantPermissions", granted).await;
    browser.click("#copy").await;
    browser.wait_for("#copied:not(:empty)").await;
    assert_eq!(browser.text_of("#copied").await, "The account number is copied.");
    let pasted = browser.run_async("navigator.clipboard.readText().then(arguments[0])").await;
    assert_eq!(pasted, number);
    is_settled(&dev, 0).await;

    // Nobody touches the browser: the page finds out by itself.
    shop.simulate("deposit", &json!({ "orderId": "by-deposit" })).await;
    browser.shows_status("SUCCESS").await;
    assert!(!browser.has("#account-number").await);
    is_settled(&dev, PRICE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_buyer_clicks_everything_twice_and_pays_once() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let (shop, browser) = (&dev.shop, Browser::of_phone().await);
    shop.create("clicked-twice").await;
    browser.open(&page_of(shop, "clicked-twice").await).await;
    browser.shows_status("NOT_STARTED").await;
    let twice = "const pay = document.querySelector('#pay'); pay.click(); pay.click(); return pay.disabled;";
    assert_eq!(browser.run(twice).await, true);
    browser.wait_for("#decline").await;
    browser.run("const pay = document.querySelector('#pay'); pay.click(); pay.click();").await;
    browser.shows_status("SUCCESS").await;
    assert_eq!(attempts_and_charges(shop, "clicked-twice").await, (1, 1));
    is_settled(&dev, PRICE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_is_told_how_to_reach_the_buyer_and_what_is_without_tax() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let (shop, browser) = (&dev.shop, Browser::of_phone().await);
    let mut body = checkout("reached");
    body["buyer_info"] = json!({ "id": "buyer-1", "email": "hong@example.com", "phone": "+82-10-1234-5678" });
    body["payment_orders"][0]["tax_free_amount"] = json!("3000");
    shop.create_with("reached", &body).await;
    browser.open(&page_of(shop, "reached").await).await;
    browser.click("input[value=MOBILE_PHONE]").await;
    browser.to_the_window().await;
    browser.click("#pay").await;
    browser.shows_status("SUCCESS").await;
    let told = shop.at_toss("reached").await;
    let told = [&told["customerEmail"], &told["customerMobilePhone"]];
    assert_eq!(told, ["hong@example.com", "01012345678"]);
    assert_eq!(shop.at_toss("reached").await["taxFreeAmount"], 3_000, "the part without tax too");
    is_settled(&dev, PRICE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_the_window_refuses_leads_back_to_the_choice() {
    let dev = Dev::start(Kind::Sqlite, &["--payment-methods", "card,transfer"]).await;
    let (shop, browser) = (&dev.shop, Browser::of_phone().await);
    shop.create("refused").await;
    browser.open(&page_of(shop, "refused").await).await;
    // The simulator's contract in won has every method of the page but this one.
    browser.run("document.querySelector('input[value=TRANSFER]').value = 'FOREIGN_EASY_PAY'").await;
    browser.click("input[value=FOREIGN_EASY_PAY]").await;
    browser.click("#pay:not(:disabled)").await;
    let text = browser.text_of("[data-code]").await;
    assert!(text.contains("Please choose another one") && text.contains("NOT_SUPPORTED_METHOD"), "{text}");
    browser.click("a.button").await;
    browser.shows_status("NOT_STARTED").await;
    browser.click("input[value=CARD]").await;
    browser.to_the_window().await;
    browser.click("#pay").await;
    browser.shows_status("SUCCESS").await;
    is_settled(&dev, PRICE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_buyer_pays_in_dollars_by_a_foreign_easy_pay() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let (shop, browser) = (&dev.shop, Browser::of_phone().await);
    let mut body = checkout("in-dollars");
    body["payment_orders"] = json!([{ "seller_account": "seller-a", "amount": "1234.50", "currency": "USD" }]);
    shop.create_with("in-dollars", &body).await;
    browser.open(&page_of(shop, "in-dollars").await).await;
    assert!(browser.text().await.contains("Pay 1,234.50 USD"));
    assert!(!browser.has("input[value=TRANSFER]").await, "a method of Korea");
    browser.click("input[value=FOREIGN_EASY_PAY]").await;
    browser.to_the_window().await;
    assert_eq!(browser.text_of("#amount").await, "$1,234.50");
    browser.click("#pay").await;
    browser.shows_status("SUCCESS").await;
    let paid = shop.at_toss("in-dollars").await;
    assert_eq!((&paid["totalAmount"], &paid["easyPay"]), (&json!(1_234.5), &json!("PayPal")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_is_asked_for_escrow_and_for_the_receipt_that_the_shop_chose() {
    let dev = Dev::start(Kind::Sqlite, &[]).await;
    let (shop, browser) = (&dev.shop, Browser::of_phone().await);
    let mut body = checkout("protected");
    body["use_escrow"] = json!(true);
    body["cash_receipt_for"] = json!("EXPENSE_PROOF");
    body["payment_orders"][0]["name"] = json!("토스 티셔츠");
    shop.create_with("protected", &body).await;
    browser.open(&page_of(shop, "protected").await).await;
    let text = browser.text().await;
    assert!(text.contains("escrow") && text.contains("토스 티셔츠"), "{text}");
    assert!(!browser.has("input[value=CARD]").await, "a card has no escrow");
    browser.click("input[value=TRANSFER]").await;
    browser.to_the_window().await;
    browser.wait_for("#escrow").await;
    let chosen = browser.run("return document.querySelector('[name=cash_receipt]').value").await;
    assert_eq!(chosen, "지출증빙");
    // The number is for the window alone.
    browser.run("document.querySelector('[name=receipt_number]').value = '1234567890'").await;
    browser.click("#pay").await;
    browser.shows_status("SUCCESS").await;
    let paid = shop.at_toss("protected").await;
    assert_eq!((&paid["useEscrow"], &paid["cashReceipt"]["type"]), (&json!(true), &json!("지출증빙")), "{paid}");
    let refused = shop.cancel("protected", "part", &json!({ "amount": "1000", "reason": "변심" })).await;
    assert_eq!(refused.status, 409, "{}", refused.body);
    is_settled(&dev, PRICE).await;
}
