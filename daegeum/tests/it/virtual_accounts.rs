//! Virtual accounts end to end: issued, shown, paid into, taken back by the bank, paid into again.

use std::{
    str::FromStr,
    sync::atomic::{AtomicU32, Ordering},
};

use domain::{
    Currency, Money, Timestamp,
    id::{CheckoutId, PaymentOrderId, RefundId},
    principal::Principal,
    refund::{NewRefund, RefundPromise, RefundScope},
};
use serde_json::{Value, json};
use store::{Database, DatabaseUrl, Writer};
use temporalio_client::WorkflowSignalOptions;
use workflows::{checkout::CheckoutWorkflow, dead_letter::Resume};

use crate::{
    database::Kind,
    on_both_databases,
    roles::Roles,
    stack::{Shop, until},
};

on_both_databases!(a_virtual_account_is_shown_paid_and_taken_back);

const PAID: u64 = 23_000;
const LOOKS_PER_NUDGE: u32 = 20;

/// A webhook that says that something happened to a deposit.
pub(crate) async fn nudge(shop: &Shop, id: &str) {
    let webhook = json!({
        "createdAt": "2026-11-21T12:00:00.000000", "secret": "ps_any", "status": "WAITING_FOR_DEPOSIT",
        "transactionKey": "t-1", "orderId": id,
    });
    let sent = shop.http.post(format!("{}/v1/webhooks/toss", shop.api)).json(&webhook).send().await.unwrap();
    assert_eq!(sent.status(), 200);
}

/// Waits until a checkout stands there, and nudges it meanwhile: a hint that comes in the middle of a question is
/// spent.
pub(crate) async fn stands_at(shop: &Shop, id: &str, status: &str) {
    let looked = AtomicU32::new(0);
    until(&format!("{id} is {status}"), || async {
        if looked.fetch_add(1, Ordering::Relaxed).is_multiple_of(LOOKS_PER_NUDGE) {
            nudge(shop, id).await;
        }
        shop.status(id).await == status
    })
    .await;
}

async fn a_virtual_account_is_shown_paid_and_taken_back(database: Kind) {
    let roles = Roles::start(database).await;
    let _worker = roles.role("worker");
    let (paid, refused, late) = tokio::join!(
        taken_back_and_paid_again(&roles),
        refunded_then_taken_back(&roles),
        paid_before_anybody_knew_of_the_account(&roles)
    );
    assert_eq!(roles.shop.charged().await, (paid + refused + late, 0));
    assert_eq!(roles.shop.receivable().await, paid + refused + late);
    roles.verify_books();
}

async fn issued(shop: &Shop, id: &str) -> Value {
    shop.create(id).await;
    let key = shop.authorize_by(id, "가상계좌").await;
    let (answer, body) = shop.confirm(id, &key, "23000").await;
    assert_eq!((answer, &body["status"]), (200, &json!("WAITING_FOR_DEPOSIT")), "{body}");
    body
}

async fn taken_back_and_paid_again(roles: &Roles) -> u64 {
    let (shop, id) = (&roles.shop, "account-taken-back");
    let body = issued(shop, id).await;
    let account = &body["psp"]["virtual_account"];
    let number = account["account_number"].as_str().unwrap();
    assert_eq!(
        (&account["bank"], &account["bank_name"], &account["bank_name_en"]),
        (&json!("20"), &json!("우리"), &json!("Woori"))
    );
    assert!(account["due_date"].is_string());
    assert_eq!(body["psp"]["method"], "가상계좌", "told while the deposit is awaited");
    assert_eq!(
        body["expires_at"], account["due_date"],
        "the buyer has until the account's due date, and no other deadline"
    );
    let page = shop.page_text(id).await;
    assert!(page.contains(number) && page.contains("data-status=\"WAITING_FOR_DEPOSIT\""), "{page}");

    let order = json!({ "orderId": id });
    shop.simulate("deposit", &order).await;
    stands_at(shop, id, "SUCCESS").await;
    shop.simulate("deposit-error", &order).await;
    stands_at(shop, id, "WAITING_FOR_DEPOSIT").await;
    let checkout = shop.get(&format!("/v1/payments/{id}")).await;
    assert_eq!((&checkout["is_payment_done"], &checkout["psp"]["approved_at"]), (&json!(false), &Value::Null));
    assert_eq!(checkout["payment_orders"][0]["ledger_updated"], false);
    shop.simulate("deposit", &order).await;
    stands_at(shop, id, "SUCCESS").await;
    assert_eq!(shop.get(&format!("/v1/payments/{id}")).await["payment_orders"][0]["wallet_updated"], true);
    let (waiting, paid) = ("WAITING_FOR_DEPOSIT", "SUCCESS");
    assert_eq!(shop.statuses(id).await, ["NOT_STARTED", "EXECUTING", waiting, paid, waiting, paid]);
    roles.record_history("taken-back", id).await;
    PAID
}

/// The PSP's answer with the account is lost, and the deposit comes before the PSP is asked: it is watched all the
/// same.
async fn paid_before_anybody_knew_of_the_account(roles: &Roles) -> u64 {
    let (shop, id) = (&roles.shop, "account-unknown");
    let order = json!({ "orderId": id });
    shop.create(id).await;
    let key = shop.authorize_by(id, "가상계좌").await;
    let lost = json!({ "on": "confirm", "kind": "execute_and_stall", "orderId": id, "times": 0 });
    shop.simulate("mischief", &lost).await;
    let deposit = async {
        until("the account is issued", || async { shop.at_toss(id).await["status"] == "WAITING_FOR_DEPOSIT" }).await;
        shop.simulate("deposit", &order).await;
    };
    tokio::join!(shop.confirm(id, &key, "23000"), deposit);
    stands_at(shop, id, "SUCCESS").await;
    assert_eq!(shop.statuses(id).await, ["NOT_STARTED", "EXECUTING", "UNKNOWN", "SUCCESS"]);
    shop.simulate("deposit-error", &order).await;
    stands_at(shop, id, "WAITING_FOR_DEPOSIT").await;
    shop.simulate("deposit", &order).await;
    stands_at(shop, id, "SUCCESS").await;
    PAID
}

/// What was passed on cannot be taken back by the books alone: a person is asked, and nothing is booked by half.
async fn refunded_then_taken_back(roles: &Roles) -> u64 {
    let (shop, id) = (&roles.shop, "account-refunded");
    let body = issued(shop, id).await;
    let order = json!({ "orderId": id });
    shop.simulate("deposit", &order).await;
    stands_at(shop, id, "SUCCESS").await;
    let database = Database::connect(&DatabaseUrl::from_str(&roles.database_url()).unwrap()).await.unwrap();
    let ordered = PaymentOrderId::parse(body["payment_orders"][0]["payment_order_id"].as_str().unwrap()).unwrap();
    let amount = Money::try_from_minor(1_000, Currency::Krw).unwrap();
    let wanted = RefundScope { order: Some(ordered), amount: Some(amount) };
    let at = Timestamp::from_epoch_ms(4_000_000_000_000);
    let new = NewRefund {
        refund_id: RefundId::parse("refund-1").unwrap(),
        checkout_id: CheckoutId::parse(id).unwrap(),
        wanted: wanted.clone(),
        reason: "단순 변심".to_owned(),
        requested_by: Principal::parse("key:test").unwrap(),
        fingerprint: "fingerprint".to_owned(),
        requested_at: at,
    };
    let writer = Writer::new(database);
    writer.record_refund(&new).await.unwrap();
    let NewRefund { refund_id, checkout_id, .. } = new;
    writer.promise_refund(&RefundPromise { refund_id, checkout_id, wanted, promised_at: at }).await.unwrap();

    shop.simulate("deposit-error", &order).await;
    stands_at(shop, id, "STUCK").await;
    let checkout = shop.get(&format!("/v1/payments/{id}")).await;
    assert_eq!(checkout["failure"]["code"], "deposit_taken_back");
    // The buyer pays after all, and an operator says: go on.
    shop.simulate("deposit", &order).await;
    let temporal = roles.temporal().await;
    let workflow = temporal.get_workflow_handle::<CheckoutWorkflow>(checkout["workflow"]["id"].as_str().unwrap());
    let resume = Resume { by: "operator".to_owned(), reason: "the buyer paid again".to_owned(), letter: None };
    workflow.signal(CheckoutWorkflow::resume, resume.into(), WorkflowSignalOptions::default()).await.unwrap();
    until("it is paid again", || async { shop.status(id).await == "SUCCESS" }).await;
    PAID
}
