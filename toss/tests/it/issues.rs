//! Virtual accounts, billing keys and cash receipts: what leaves, to the byte, and what comes back.

use chrono::DateTime;
use toss::{
    BillingChargeRequest, BillingIssueRequest, CashReceiptRequest, CashReceiptType, Class, Client, DepositReceipt, Due,
    Error, EscrowProduct, IssueStatus, LimitError, Private, VirtualAccountRequest,
};

use crate::CARD;
use crate::server::{Outcome, Server, answer, body, first_line, header, key};

const BILLING: &str = r#"{"mId":"tosspayments","customerKey":"customer-1","authenticatedAt":"2022-06-08T15:40:09+09:00",
    "method":"카드","billingKey":"bk_very_secret=","card":{"issuerCode":"61","acquirerCode":"31",
    "number":"43301234****123*","cardType":"신용","ownerType":"개인"},
    "transfers":[{"bankName":"토스뱅크","bankAccountNumber":"100-***"}],"brandNew":1}"#;

fn virtual_account() -> VirtualAccountRequest {
    VirtualAccountRequest {
        amount: 15_000,
        order_id: "order-1".into(),
        order_name: "토스 티셔츠".into(),
        customer_name: "김토스".into(),
        bank: "20".into(),
        due: None,
        customer_email: None,
        customer_mobile_phone: None,
        tax_free_amount: None,
        use_escrow: None,
        escrow_products: Vec::new(),
        cash_receipt: None,
        account_key: None,
    }
}

fn charge() -> BillingChargeRequest {
    BillingChargeRequest {
        customer_key: "customer-1".into(),
        amount: 4_900,
        order_id: "order-1".into(),
        order_name: "구독".into(),
        customer_email: None,
        customer_name: Some("김토스".into()),
        customer_ip: None,
        tax_free_amount: Some(0),
        tax_exemption_amount: None,
    }
}

fn receipt() -> CashReceiptRequest {
    CashReceiptRequest {
        amount: 1_000,
        order_id: "order-1".into(),
        order_name: "티셔츠".into(),
        receipt_type: CashReceiptType::ProofOfExpense,
        customer_identity_number: "01012345678".into(),
        tax_free_amount: None,
    }
}

#[tokio::test]
async fn a_virtual_account_is_issued() -> Outcome {
    let mut server = Server::answering(200, &CARD.replace("\"DONE\"", "\"WAITING_FOR_DEPOSIT\"")).await?;
    let client = server.client()?;
    client.issue_virtual_account(&virtual_account(), &key()?).await?;
    let request = server.arrived().await?;
    assert_eq!(first_line(&request), "POST /v1/virtual-accounts HTTP/1.1");
    assert_eq!(header(&request, "idempotency-key"), Some("attempt-1"));
    let least = r#"{"amount":15000,"orderId":"order-1","orderName":"토스 티셔츠","customerName":"김토스","bank":"20"}"#;
    assert_eq!(body(&request), least);

    let full = VirtualAccountRequest {
        due: Some(Due::DueDate(DateTime::parse_from_rfc3339("2026-01-01T15:00:00.5Z")?)),
        customer_email: Some("a@b.c".into()),
        customer_mobile_phone: Some("01012345678".into()),
        tax_free_amount: Some(1_000),
        use_escrow: Some(true),
        escrow_products: vec![EscrowProduct {
            id: "1".into(),
            name: "티셔츠".into(),
            code: "T".into(),
            unit_price: 15_000,
            quantity: 1,
        }],
        cash_receipt: Some(DepositReceipt {
            receipt_type: CashReceiptType::NotIssued,
            registration_number: Some("1234567890".into()),
        }),
        account_key: Some("fixed-1".into()),
        ..virtual_account()
    };
    client.issue_virtual_account(&full, &key()?).await?;
    let expected = concat!(
        r#"{"amount":15000,"orderId":"order-1","orderName":"토스 티셔츠","customerName":"김토스","bank":"20","#,
        r#""dueDate":"2026-01-02T00:00:00","customerEmail":"a@b.c","customerMobilePhone":"01012345678","#,
        r#""taxFreeAmount":1000,"useEscrow":true,"escrowProducts":[{"id":"1","name":"티셔츠","code":"T","#,
        r#""unitPrice":15000,"quantity":1}],"cashReceipt":{"type":"미발행","registrationNumber":"1234567890"},"#,
        r#""accountKey":"fixed-1"}"#
    );
    assert_eq!(body(&server.arrived().await?), expected);
    let hours = VirtualAccountRequest { due: Some(Due::ValidHours(24)), ..virtual_account() };
    client.issue_virtual_account(&hours, &key()?).await?;
    assert_eq!(body(&server.arrived().await?), least.replace('}', r#","validHours":24}"#));
    let printed = format!("{full:?}");
    assert!(
        !["김토스", "a@b.c", "01012345678", "1234567890"].iter().any(|hidden| printed.contains(hidden)),
        "{printed}"
    );
    Ok(())
}

#[tokio::test]
async fn a_billing_key_is_issued_charged_and_deleted_and_never_printed() -> Outcome {
    let mut server = Server::start(vec![
        crate::server::Act::Answer(answer(200, "", BILLING)),
        crate::server::Act::Answer(answer(200, "", CARD)),
        crate::server::Act::Answer(answer(200, "", "")),
        crate::server::Act::Answer(answer(400, "", r#"{"code":"ALREADY_REMOVED_BILLING_KEY","message":"m"}"#)),
    ])
    .await?;
    let client = server.client()?;
    let request = BillingIssueRequest { auth_key: "auth_secret".into(), customer_key: "customer-1".into() };
    let billing = client.issue_billing_key(&request, &key()?).await?;
    let issued = server.arrived().await?;
    assert_eq!(first_line(&issued), "POST /v1/billing/authorizations/issue HTTP/1.1");
    assert_eq!(body(&issued), r#"{"authKey":"auth_secret","customerKey":"customer-1"}"#);
    assert_eq!(billing.billing_key.expose(), "bk_very_secret=");
    assert_eq!(billing.transfers[0].bank_name.as_deref(), Some("토스뱅크"));
    assert_eq!(billing.unknown.expose()["brandNew"], 1);

    client.charge_billing_key(&billing.billing_key, &charge(), &key()?).await?;
    let charged = server.arrived().await?;
    assert_eq!(first_line(&charged), "POST /v1/billing/bk_very_secret= HTTP/1.1");
    assert_eq!(header(&charged, "idempotency-key"), Some("attempt-1"));
    let expected = concat!(
        r#"{"customerKey":"customer-1","amount":4900,"orderId":"order-1","orderName":"구독","#,
        r#""customerName":"김토스","taxFreeAmount":0}"#
    );
    assert_eq!(body(&charged), expected);

    client.delete_billing_key(&billing.billing_key).await?;
    let deleted = server.arrived().await?;
    assert_eq!(first_line(&deleted), "DELETE /v1/billing/bk_very_secret= HTTP/1.1");
    assert_eq!(header(&deleted, "idempotency-key"), None);

    let again = client.charge_billing_key(&billing.billing_key, &charge(), &key()?).await;
    let Err(error) = again else { return Err("a deleted key was charged".into()) };
    assert_eq!(error.class(), Class::BuyerActs);
    let printed = format!("{billing:?} {request:?} {:?} {error} {error:?}", charge());
    for hidden in ["bk_very_secret", "auth_secret", "customer-1", "김토스"] {
        assert!(!printed.contains(hidden), "{hidden} in {printed}");
    }
    Ok(())
}

#[tokio::test]
async fn a_failed_deletion_names_no_key() -> Outcome {
    let server = Server::answering(200, CARD).await?;
    let url = server.url();
    drop(server);
    let outcome = crate::server::client(&url)?.delete_billing_key(&Private::from("bk_very_secret")).await;
    let Err(error) = outcome else { return Err("deleted".into()) };
    let mut printed = format!("{error} {error:?}");
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = cause {
        printed.push_str(&error.to_string());
        cause = error.source();
    }
    assert!(!printed.contains("bk_very_secret"), "{printed}");
    Ok(())
}

#[tokio::test]
async fn a_cash_receipt_is_issued_and_cancelled() -> Outcome {
    let answer = r#"{"receiptKey":"c_r-1","issueStatus":"IN_PROGRESS","amount":1000,"type":"지출증빙"}"#;
    let mut server = Server::answering(200, answer).await?;
    let client = server.client()?;
    let issued = client.issue_cash_receipt(&receipt(), &key()?).await?;
    assert_eq!((issued.amount, issued.issue_status), (Some(1_000), Some(IssueStatus::InProgress)));
    let request = server.arrived().await?;
    assert_eq!(first_line(&request), "POST /v1/cash-receipts HTTP/1.1");
    let expected = concat!(
        r#"{"amount":1000,"orderId":"order-1","orderName":"티셔츠","type":"지출증빙","#,
        r#""customerIdentityNumber":"01012345678"}"#
    );
    assert_eq!(body(&request), expected);

    for (amount, expected) in [(None, "{}"), (Some(300), r#"{"amount":300}"#)] {
        client.cancel_cash_receipt("r-1", amount, &key()?).await?;
        let request = server.arrived().await?;
        assert_eq!(first_line(&request), "POST /v1/cash-receipts/r-1/cancel HTTP/1.1");
        assert_eq!(body(&request), expected);
    }
    Ok(())
}

/// Every row breaks one rule, which is named.
async fn refused(client: &Client) -> Result<Vec<(Result<(), Error>, &'static str)>, LimitError> {
    let key = key()?;
    let long = "가".repeat(101);
    let mut rows = Vec::new();
    for (request, field) in [
        (VirtualAccountRequest { order_name: long.clone(), ..virtual_account() }, "orderName"),
        (VirtualAccountRequest { customer_name: "".into(), ..virtual_account() }, "customerName"),
        (VirtualAccountRequest { bank: String::new(), ..virtual_account() }, "bank"),
        (VirtualAccountRequest { due: Some(Due::ValidHours(2_161)), ..virtual_account() }, "validHours"),
        (VirtualAccountRequest { due: Some(Due::ValidHours(0)), ..virtual_account() }, "validHours"),
        (VirtualAccountRequest { tax_free_amount: Some(15_001), ..virtual_account() }, "taxFreeAmount"),
        (
            VirtualAccountRequest { customer_mobile_phone: Some("010-1234".into()), ..virtual_account() },
            "customerMobilePhone",
        ),
    ] {
        rows.push((client.issue_virtual_account(&request, &key).await.map(drop), field));
    }
    for customer in ["c", "한글", "a b", &"k".repeat(301)] {
        let issue = BillingIssueRequest { auth_key: "a".into(), customer_key: customer.into() };
        rows.push((client.issue_billing_key(&issue, &key).await.map(drop), "customerKey"));
    }
    let issue = BillingIssueRequest { auth_key: "a".repeat(301).into(), customer_key: "customer-1".into() };
    rows.push((client.issue_billing_key(&issue, &key).await.map(drop), "authKey"));
    rows.push((client.charge_billing_key(&"..".into(), &charge(), &key).await.map(drop), "billingKey"));
    rows.push((client.delete_billing_key(&"".into()).await, "billingKey"));
    let free = BillingChargeRequest { tax_free_amount: Some(4_901), ..charge() };
    rows.push((client.charge_billing_key(&"bk".into(), &free, &key).await.map(drop), "taxFreeAmount"));
    let long = CashReceiptRequest { customer_identity_number: "1".repeat(31).into(), ..receipt() };
    rows.push((client.issue_cash_receipt(&long, &key).await.map(drop), "customerIdentityNumber"));
    rows.push((client.cancel_cash_receipt(".", None, &key).await.map(drop), "receiptKey"));
    Ok(rows)
}

#[tokio::test]
async fn what_breaks_a_rule_is_not_sent() -> Outcome {
    let mut server = Server::answering(200, CARD).await?;
    let client = server.client()?;
    for (outcome, expected) in refused(&client).await? {
        let named = matches!(&outcome, Err(Error::Limit(LimitError::Field { field, .. })) if *field == expected);
        assert!(named, "{expected}: {outcome:?}");
    }
    let zero = client.issue_virtual_account(&VirtualAccountRequest { amount: 0, ..virtual_account() }, &key()?).await;
    assert!(matches!(zero, Err(Error::Limit(LimitError::Amount))), "{zero:?}");
    assert_eq!(server.received(), None);
    Ok(())
}
