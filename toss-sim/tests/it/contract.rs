//! Clients of Toss against the simulator: ours, and one that others have written and published.

use futures::TryStreamExt as _;
use reqwest::{Method, Url};
use serde_json::json;
use toss::codes::TABLE;
use toss::{
    AccountDetails, BillingChargeRequest, BillingIssueRequest, BusinessType, CancelRequest, CashReceiptRequest,
    CashReceiptType, Class, Client, CompanyDetails, Config, ConfirmRequest, Currency, Error, IdempotencyKey, Operation,
    PaymentStatus, PaymentType, Private, SellerDetails, SellerRequest, TransactionType,
};
use toss_sim::{DEFAULT_CLIENT_KEY, DEFAULT_SECRET_KEY, DEFAULT_SECURITY_KEY};
use tosspayments::api::{CancelPayment, CancelPaymentBody, ConfirmPayment, GetPayment, ListTransactions};

use crate::support::{Simulator, send, start};

fn ours(sim: &Simulator) -> Client {
    Client::try_new(Config::new(sim.url.clone(), DEFAULT_SECRET_KEY)).unwrap()
}

fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::parse(text).unwrap()
}

fn confirm(payment_key: &str, order_id: &str, amount: u64) -> ConfirmRequest {
    let (payment_key, order_id) = (payment_key.to_owned(), order_id.to_owned());
    ConfirmRequest { payment_key, order_id, amount, currency: Currency::Krw }
}

fn part(amount: u64) -> CancelRequest {
    CancelRequest {
        reason: "단순 변심".to_owned(),
        amount: Some(amount),
        currency: Currency::Krw,
        refundable_amount: None,
        refund_account: None,
    }
}

#[tokio::test]
async fn our_client_confirms_looks_up_and_cancels_every_method() {
    let sim = start().await;
    let client = ours(&sim);
    for (index, method) in ["카드", "간편결제", "계좌이체", "휴대폰", "문화상품권", "도서문화상품권", "게임문화상품권"]
        .into_iter()
        .enumerate()
    {
        let order_id = format!("order-{index:04}");
        let payment_key = sim.authorize_by(&order_id, 10_000, method).await;
        let paid =
            client.confirm(&confirm(&payment_key, &order_id, 10_000), &key(&format!("{order_id}-c"))).await.unwrap();
        assert_eq!((paid.status, paid.total_amount), (PaymentStatus::Done, 10_000), "{method}");
        let found = client.payment_by_order(&order_id).await.unwrap();
        assert_eq!((found.payment_key.as_str(), found.balance_amount), (payment_key.as_str(), 10_000));
        let part_back = client.cancel(&payment_key, &part(4_000), &key(&format!("{order_id}-x"))).await.unwrap();
        assert_eq!((part_back.status, part_back.balance_amount), (PaymentStatus::PartialCanceled, 6_000));
    }
    let payment_key = sim.authorize_by("order-account", 10_000, "가상계좌").await;
    let waiting = client.confirm(&confirm(&payment_key, "order-account", 10_000), &key("account-c")).await.unwrap();
    assert_eq!(waiting.status, PaymentStatus::WaitingForDeposit);
    assert!(waiting.virtual_account.is_some() && waiting.secret.is_some());
    sim.tell("/_sim/deposit", json!({ "orderId": "order-account" })).await;
    assert_eq!(client.payment(&payment_key).await.unwrap().status, PaymentStatus::Done);
}

/// Our client sends what changes of a seller, and nothing else.
#[tokio::test]
async fn our_client_changes_one_part_of_a_seller() {
    let sim = start().await;
    let config = Config::new(sim.url.clone(), DEFAULT_SECRET_KEY);
    let client = Client::try_new(Config { security_key: Some(DEFAULT_SECURITY_KEY.into()), ..config }).unwrap();
    let account = AccountDetails {
        bank_code: "092".to_owned(),
        account_number: "100012345678".into(),
        holder_name: "대금상사".into(),
    };
    let company = CompanyDetails {
        name: "대금상사".to_owned(),
        representative_name: "김대금".into(),
        business_registration_number: "1234567890".to_owned(),
        email: "pay@example.com".into(),
        phone: "0212345678".into(),
    };
    let request = SellerRequest {
        ref_seller_id: "seller-0001".to_owned(),
        business_type: BusinessType::Corporate,
        details: SellerDetails { company: Some(company), account: Some(account.clone()), ..SellerDetails::default() },
    };
    let registered = client.register_seller(&request, &key("register")).await.unwrap();
    let moved = AccountDetails { bank_code: "004".to_owned(), ..account };
    let change = SellerDetails { account: Some(moved), ..SellerDetails::default() };
    client.update_seller(&registered.id, &change, &key("change")).await.unwrap();
    let read = client.seller(&registered.id).await.unwrap();
    assert_eq!(read.account.and_then(|account| account.bank_code).as_deref(), Some("004"));
    assert_eq!(read.company.and_then(|company| company.name).as_deref(), Some("대금상사"));
}

/// What a client is told, and what ours makes of it.
async fn refused(client: &Client, sim: &Simulator, operation: Operation, order_id: &str) -> Error {
    match operation {
        Operation::Cancel => {
            let payment_key = sim.paid(order_id, 1_000).await;
            client.cancel(&payment_key, &part(100), &key(order_id)).await.unwrap_err()
        }
        Operation::LookUp => client.payment_by_order(order_id).await.unwrap_err(),
        _ => {
            let payment_key = sim.authorize(order_id, 1_000).await;
            client.confirm(&confirm(&payment_key, order_id, 1_000), &key(order_id)).await.unwrap_err()
        }
    }
}

#[tokio::test]
async fn every_code_comes_with_its_status_and_our_client_classifies_it() {
    let sim = start().await;
    let client = ours(&sim);
    let operations = [(Operation::Confirm, "confirm"), (Operation::LookUp, "lookup"), (Operation::Cancel, "cancel")];
    for (index, row) in TABLE.iter().enumerate() {
        for (operation, on) in operations {
            let order_id = format!("order-{index:04}-{on}");
            let mischief = json!({ "on": on, "kind": "error_before", "code": row.code, "orderId": order_id });
            sim.mischief(mischief).await;
            let error = refused(&client, &sim, operation, &order_id).await;
            assert_eq!(error.class(), row.class_after(operation), "{} on {on}", row.code);
            let Error::Refused { status, code, message, trace_id, .. } = error else { unreachable!("{error:?}") };
            assert_eq!(code, row.code);
            assert!(row.http_status.is_none_or(|wanted| wanted == status), "{} is {status}", row.code);
            assert!(!message.is_empty() && trace_id.is_some(), "{}", row.code);
        }
    }
}

#[tokio::test]
async fn our_client_knows_how_much_it_does_not_know() {
    let sim = start().await;
    let client = ours(&sim);
    let cases = [("refuse_connection", 0), ("execute_and_error", 1_000), ("garbage_after", 1_000)];
    for (kind, charged) in cases {
        let order_id = format!("order-{kind}");
        let payment_key = sim.authorize(&order_id, 1_000).await;
        sim.mischief(json!({ "on": "confirm", "kind": kind, "orderId": order_id })).await;
        let error = client.confirm(&confirm(&payment_key, &order_id, 1_000), &key(&order_id)).await.unwrap_err();
        assert_eq!(error.class(), toss::Class::QueryFirst, "{kind}: {error:?}");
        assert_eq!(sim.ask(&format!("/_sim/payments/{order_id}")).await["charged"], charged, "{kind}");
    }
}

#[tokio::test]
async fn our_client_reads_what_toss_has_not_written_yet() {
    let sim = start().await;
    let client = ours(&sim);
    for kind in ["unknown_field", "unknown_enum"] {
        let order_id = format!("order-{kind}");
        let payment_key = sim.authorize(&order_id, 1_000).await;
        sim.mischief(json!({ "on": "confirm", "kind": kind })).await;
        let paid = client.confirm(&confirm(&payment_key, &order_id, 1_000), &key(&order_id)).await.unwrap();
        assert_eq!((paid.status, paid.total_amount), (PaymentStatus::Done, 1_000), "{kind}");
    }
}

#[tokio::test]
async fn a_published_client_pays_looks_up_cancels_and_lists() {
    let sim = start().await;
    let client = tosspayments::Client::from_url(sim.url.clone(), DEFAULT_SECRET_KEY);
    let payment_key = sim.authorize("order-0001", 15_000).await;
    let confirm = || {
        let order_id = "order-0001".to_owned();
        ConfirmPayment { payment_key: payment_key.clone(), order_id, amount: 15_000 }
    };
    let paid = client.execute(&confirm()).await.unwrap();
    assert_eq!((paid.order_id.as_str(), paid.total_amount), ("order-0001", 15_000));
    let found = client.execute(&GetPayment::OrderId("order-0001".to_owned())).await.unwrap();
    assert_eq!(found.payment_key, payment_key);
    let tosspayments::Error::Tosspayments(again) = client.execute(&confirm()).await.unwrap_err() else {
        unreachable!("a second confirm is refused in Toss's words")
    };
    assert_eq!((again.http_status, again.message.as_str()), (400, "이미 처리된 결제 입니다."));
    let body = CancelPaymentBody::builder().cancel_reason("변심".to_owned()).cancel_amount(Some(5_000)).build();
    let cancel = CancelPayment { payment_key, body, idempotency_key: Some("cancel-1".to_owned()) };
    assert_eq!(client.execute(&cancel).await.unwrap().balance_amount, 10_000);
    assert_eq!(client.execute(&cancel).await.unwrap().balance_amount, 10_000, "the key makes it one cancel");
    let today = sim.ask("/_sim/clock").await["now"].as_str().unwrap().get(..10).unwrap().to_owned();
    let list = ListTransactions::builder()
        .start_date(format!("{today}T00:00:00"))
        .end_date(format!("{today}T23:59:59"))
        .build();
    let listed = client.execute(&list).await.unwrap();
    assert_eq!(listed.iter().map(|row| row.amount).collect::<Vec<_>>(), [15_000, 5_000]);
    assert_eq!(sim.ask("/_sim/totals").await["net"], 10_000);
}

/// The one-time key of a buyer who registered a card.
async fn auth_key(sim: &Simulator) -> String {
    let fields = [
        ("clientKey", DEFAULT_CLIENT_KEY),
        ("customerKey", "customer-1"),
        ("method", "CARD"),
        ("successUrl", "https://shop.example/success"),
        ("failUrl", "https://shop.example/fail"),
    ];
    let opened = send(sim.bare(Method::GET, "/_window/billing/open").query(&fields)).await;
    let path = format!("{}/agree", opened.header("location").unwrap());
    let agreed = send(sim.bare(Method::POST, &path)).await;
    let back = Url::parse(agreed.header("location").unwrap()).unwrap();
    back.query_pairs().find(|(name, _)| name == "authKey").unwrap().1.into_owned()
}

#[tokio::test]
async fn our_client_registers_charges_and_deletes_a_billing_key() {
    let sim = start().await;
    let client = ours(&sim);
    let customer_key = Private::new("customer-1".to_owned());
    let request =
        BillingIssueRequest { auth_key: Private::new(auth_key(&sim).await), customer_key: customer_key.clone() };
    let billing = client.issue_billing_key(&request, &key("issue-1")).await.unwrap();
    assert_eq!(billing.customer_key.expose(), "customer-1");
    assert!(billing.card.is_some());
    let charge = BillingChargeRequest {
        customer_key,
        amount: 4_900,
        order_id: "order-0001".to_owned(),
        order_name: "구독".to_owned(),
        customer_email: None,
        customer_name: None,
        customer_ip: None,
        tax_free_amount: Some(500),
        tax_exemption_amount: None,
    };
    let paid = client.charge_billing_key(&billing.billing_key, &charge, &key("charge-1")).await.unwrap();
    assert_eq!((paid.status, paid.payment_type), (PaymentStatus::Done, Some(PaymentType::Billing)));
    assert_eq!((paid.tax_free_amount, paid.vat, paid.supplied_amount), (Some(500), Some(400), Some(4_000)));
    client.delete_billing_key(&billing.billing_key).await.unwrap();
    let again = BillingChargeRequest { order_id: "order-0002".to_owned(), ..charge };
    let refused = client.charge_billing_key(&billing.billing_key, &again, &key("charge-2")).await.unwrap_err();
    assert!(matches!(&refused, Error::Refused { code, .. } if code == "ALREADY_REMOVED_BILLING_KEY"), "{refused:?}");
    assert_eq!(refused.class(), Class::BuyerActs);
}

#[tokio::test]
async fn our_client_issues_cancels_and_lists_cash_receipts() {
    let sim = start().await;
    let client = ours(&sim);
    let request = CashReceiptRequest {
        amount: 11_000,
        order_id: "cash-0001".to_owned(),
        order_name: "책".to_owned(),
        receipt_type: CashReceiptType::IncomeDeduction,
        customer_identity_number: Private::new("01012345678".to_owned()),
        tax_free_amount: None,
    };
    let issued = client.issue_cash_receipt(&request, &key("receipt-1")).await.unwrap();
    // The answer to a repeated request is the first one.
    let repeated = client.issue_cash_receipt(&request, &key("receipt-1")).await.unwrap();
    assert_eq!(repeated.receipt_key, issued.receipt_key);
    let receipt_key = issued.receipt_key.unwrap();
    let part = client.cancel_cash_receipt(&receipt_key, Some(4_000), &key("cancel-1")).await.unwrap();
    assert_eq!((part.amount, part.transaction_type), (Some(4_000), Some(TransactionType::Cancel)));
    let rest = client.cancel_cash_receipt(&receipt_key, None, &key("cancel-2")).await.unwrap();
    assert_eq!(rest.amount, Some(7_000));
    let now = sim.ask("/_sim/clock").await["now"].as_str().unwrap()[..10].to_owned();
    let listed: Vec<_> = client.cash_receipts(now.parse().unwrap()).try_collect().await.unwrap();
    assert_eq!(listed.iter().map(|receipt| receipt.amount).collect::<Vec<_>>(), [11_000, 4_000, 7_000].map(Some));
    assert!(listed.iter().all(|receipt| receipt.order_id.as_deref() == Some("cash-0001")));
}
