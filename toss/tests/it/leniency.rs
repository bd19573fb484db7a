//! A decoration of another type never makes money unreadable: every field of every recorded answer, replaced by
//! every kind of value.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use toss::webhook::{self, PaymentNews, Webhook};
use toss::{
    Balance, Billing, CashReceiptRecord, Currency, Payment, PaymentStatus, Payout, Private, Seller, Settlement,
    Transaction,
};

use crate::server::{Outcome, Server};

type Fields = [(&'static str, &'static [u8])];

macro_rules! payloads {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_bytes!(concat!("../payloads/", $name, ".json")))),+]
    };
}

const PAYMENTS: &Fields = payloads![
    "payment-01-easypay-2025-secret-on-normal",
    "payment-02-card-behind-tosspay-method-card",
    "payment-03-foreign-card-unknown-types",
    "payment-04-easypay-discount-canceled-short-cancel",
    "payment-05-virtual-account-waiting-dueDate-offset",
    "payment-06-virtual-account-fixed-depositor-null",
    "payment-07-virtual-account-partial-canceled-balance-0",
    "payment-09-billing-transfer-cashreceipt-2024-06-01",
    "payment-11-expired-krw-nulls",
    "payment-12-expired-currency-MUSD",
    "payment-13-paypal-usd-partial-cancel-decimals",
    "payment-15-gift-certificate",
    "payment-16-english-enums",
    "payment-17-old-version-easyPay-is-text",
    "payment-18-old-version-1x-company-bank",
    "payment-19-old-version-va-date-only-dueDate",
    "payment-21-discount-amount-null",
    "payment-22-aborted",
];
const WEBHOOKS: &Fields = payloads![
    "webhook-01-payment-full",
    "webhook-03-payment-MUSD-expired",
    "webhook-04-payment-waiting-for-deposit",
    "webhook-07-deposit-secret-null",
    "webhook-08-cancel-status",
    "webhook-09-billing-deleted",
    "webhook-10-method-updated",
    "webhook-11-customer-status",
    "webhook-12-payout-changed",
    "webhook-14-seller-changed",
    "webhook-16-v1-payout",
];
const OTHERS: &Fields = payloads![
    "balance-01",
    "billing-01-card",
    "cashreceipt-01",
    "seller-01-envelope",
    "settlement-01-cancel-negative-top-level-fee",
    "transaction-01-va-issued-amount-0",
];

/// What of a payment is read strictly. A number stands for any place in a list.
const OF_A_PAYMENT: &[&str] = &[
    "/paymentKey",
    "/orderId",
    "/status",
    "/currency",
    "/totalAmount",
    "/balanceAmount",
    "/cancels",
    "/cancels/0",
    "/cancels/0/cancelAmount",
    "/cancels/0/cancelReason",
    "/cancels/0/cancelStatus",
];

/// One kind of document: how it is read to what must not change, and which fields are read strictly.
struct Kind {
    read: fn(&[u8]) -> Option<String>,
    strict: &'static [&'static str],
}

fn payment(bytes: &[u8]) -> Option<String> {
    let read = Payment::parse(bytes).ok()?;
    let cancels: Vec<_> = read.cancels.iter().map(|cancel| (cancel.cancel_amount, &cancel.cancel_status)).collect();
    let names = (&read.payment_key, &read.order_id, &read.status);
    Some(format!("{names:?} {} {} {} {cancels:?}", read.currency, read.total_amount, read.balance_amount))
}

const PAYMENT: Kind = Kind { read: payment, strict: OF_A_PAYMENT };
const TRANSACTION: Kind = Kind {
    read: |bytes| {
        let row = Transaction::parse(bytes).ok()?;
        Some(format!(
            "{} {} {} {} {} {}",
            row.transaction_key, row.payment_key, row.order_id, row.status, row.currency, row.amount
        ))
    },
    strict: &["/transactionKey", "/paymentKey", "/orderId", "/status", "/currency", "/amount"],
};
const SETTLEMENT: Kind = Kind {
    read: |bytes| {
        let row = Settlement::parse(bytes).ok()?;
        let fees: Vec<_> = row.fees.iter().map(|fee| fee.fee).collect();
        let of_fee = (row.fee, row.supply_amount, row.vat, row.interest_fee, fees);
        let canceled = row.cancel.map(|cancel| cancel.cancel_amount);
        let names = (row.payment_key, row.transaction_key, row.order_id);
        Some(format!("{names:?} {} {} {} {of_fee:?} {canceled:?}", row.currency, row.amount, row.pay_out_amount))
    },
    strict: &[
        "/paymentKey",
        "/transactionKey",
        "/orderId",
        "/currency",
        "/amount",
        "/payOutAmount",
        "/interestFee",
        "/fee",
        "/supplyAmount",
        "/vat",
        "/fees",
        "/fees/0",
        "/fees/0/fee",
        "/fees/1",
        "/fees/1/fee",
        "/cancel",
        "/cancel/cancelAmount",
        "/cancel/cancelReason",
        "/cancel/cancelStatus",
    ],
};
const BALANCE: Kind = Kind {
    read: |bytes| Balance::parse(bytes).ok().map(|balance| format!("{:?}", balance.available_amount)),
    strict: &[
        "/entityBody",
        "/entityBody/availableAmount",
        "/entityBody/availableAmount/currency",
        "/entityBody/availableAmount/value",
    ],
};
const BILLING: Kind = Kind {
    read: |bytes| {
        let billing = Billing::parse(bytes).ok()?;
        Some(format!("{} {}", billing.billing_key.expose(), billing.customer_key.expose()))
    },
    strict: &["/billingKey", "/customerKey"],
};
const CASH_RECEIPT: Kind = Kind {
    read: |bytes| {
        let receipt = CashReceiptRecord::parse(bytes).ok()?;
        Some(format!(
            "{:?} {:?} {:?} {:?}",
            receipt.receipt_key, receipt.amount, receipt.issue_status, receipt.transaction_type
        ))
    },
    strict: &["/receiptKey", "/amount", "/issueStatus", "/transactionType"],
};
const SELLER: Kind = Kind {
    read: |bytes| Seller::parse(bytes).ok().map(|seller| format!("{} {}", seller.id, seller.status)),
    strict: &["/entityBody", "/entityBody/id", "/entityBody/status"],
};
const PAYOUT: Kind = Kind {
    read: |bytes| {
        let payout = Payout::parse(bytes).ok()?;
        Some(format!("{} {} {} {:?}", payout.id, payout.ref_payout_id, payout.status, payout.amount))
    },
    strict: &[
        "/entityBody",
        "/entityBody/id",
        "/entityBody/refPayoutId",
        "/entityBody/status",
        "/entityBody/amount",
        "/entityBody/amount/currency",
        "/entityBody/amount/value",
    ],
};
/// A webhook is a hint: what it is about must stay.
const WEBHOOK: Kind = Kind {
    read: |bytes| {
        let webhook = webhook::parse(bytes).ok()?;
        let about = (webhook.order_id(), webhook.payment_key());
        let event = match &webhook {
            Webhook::PaymentStatusChanged { news: PaymentNews::Full(payment), .. } => {
                format!("full {} {} {}", payment.status, payment.total_amount, payment.balance_amount)
            }
            Webhook::PaymentStatusChanged { news: PaymentNews::Brief { .. }, .. } => return None,
            Webhook::DepositCallback { status, .. } => format!("deposit {status}"),
            Webhook::CancelStatusChanged { news, .. } => format!("cancel {}", news.cancel_status),
            Webhook::BillingDeleted { billing_key, .. } => format!("billing {}", billing_key.expose()),
            Webhook::PayoutChanged(entity) => {
                let payout = entity.payout().ok()?;
                format!("{} {} {} {:?}", payout.id, payout.ref_payout_id, payout.status, payout.amount)
            }
            Webhook::SellerChanged(entity) => {
                let seller = entity.seller().ok()?;
                format!("{} {}", seller.id, seller.status)
            }
            Webhook::Other { event_type, .. } => event_type.clone(),
        };
        Some(format!("{about:?} {event}"))
    },
    strict: &[
        "/eventType",
        "/status",
        "/orderId",
        "/data",
        "/data/paymentKey",
        "/data/orderId",
        "/data/status",
        "/data/currency",
        "/data/totalAmount",
        "/data/balanceAmount",
        "/data/cancels",
        "/data/cancelStatus",
        "/data/billingKey",
        "/entityType",
        "/entityBody",
        "/entityBody/id",
        "/entityBody/refPayoutId",
        "/entityBody/status",
        "/entityBody/amount",
        "/entityBody/amount/currency",
        "/entityBody/amount/value",
    ],
};

fn kind(name: &str) -> Kind {
    match name.split('-').next().unwrap_or_default() {
        "payment" => PAYMENT,
        "webhook" => WEBHOOK,
        "balance" => BALANCE,
        "billing" => BILLING,
        "cashreceipt" => CASH_RECEIPT,
        "seller" => SELLER,
        "settlement" => SETTLEMENT,
        "payout" => PAYOUT,
        _ => TRANSACTION,
    }
}

/// One value of each type, and numbers that are no amount.
fn any_values() -> [Value; 10] {
    [
        Value::Null,
        json!(true),
        json!(-1),
        json!(0.5),
        json!(1e300),
        json!("text"),
        json!([]),
        json!([null, 1]),
        json!({}),
        json!({"amount": "ten", "url": null}),
    ]
}

fn places(value: &Value, at: &str, into: &mut Vec<String>) {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (format!("{at}/{name}"), value)).collect(),
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, value)| (format!("{at}/{index}"), value)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    for (at, value) in inner {
        into.push(at.clone());
        places(value, &at, into);
    }
}

fn replaced(document: &Value, place: &str, value: Value) -> Vec<u8> {
    let mut changed = document.clone();
    if let Some(target) = changed.pointer_mut(place) {
        *target = value;
    }
    changed.to_string().into_bytes()
}

fn any_decoration_may_be_anything(name: &str, kind: &Kind, document: &Value) {
    let before = (kind.read)(document.to_string().as_bytes());
    assert!(before.is_some(), "{name} is not read");
    let mut found = Vec::new();
    places(document, "", &mut found);
    for place in found.iter().filter(|place| !kind.strict.contains(&place.as_str())) {
        for value in any_values() {
            let after = (kind.read)(&replaced(document, place, value.clone()));
            assert_eq!(after, before, "{name} with {place} = {value}");
        }
    }
}

#[test]
fn every_recorded_answer_is_read_whatever_becomes_of_its_decorations() -> Outcome {
    for (name, bytes) in PAYMENTS.iter().chain(WEBHOOKS).chain(OTHERS) {
        any_decoration_may_be_anything(name, &kind(name), &serde_json::from_slice(bytes)?);
    }
    let changed: Value = serde_json::from_slice(include_bytes!("../payloads/webhook-12-payout-changed.json"))?;
    any_decoration_may_be_anything("payout", &PAYOUT, &json!({"entityBody": changed["entityBody"]}));
    Ok(())
}

#[test]
fn every_recorded_answer_is_in_a_list() -> Outcome {
    let listed: BTreeSet<String> =
        PAYMENTS.iter().chain(WEBHOOKS).chain(OTHERS).map(|(name, _)| (*name).into()).collect();
    let mut recorded = BTreeSet::new();
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/payloads"))? {
        let name = file?.file_name().into_string().map_err(|name| format!("{} is no text", name.display()))?;
        recorded.insert(name.trim_end_matches(".json").to_owned());
    }
    assert_eq!(listed, recorded);
    Ok(())
}

#[test]
fn what_says_whose_money_moved_is_read_strictly() -> Outcome {
    let mut payment: Value = serde_json::from_slice(PAYMENTS[3].1)?;
    payment["cancels"][0]["cancelStatus"] = json!("DONE");
    for (kind, document) in [
        (PAYMENT, payment),
        (SETTLEMENT, serde_json::from_slice(OTHERS[4].1)?),
        (TRANSACTION, serde_json::from_slice(OTHERS[5].1)?),
    ] {
        for place in kind.strict {
            for value in [json!(true), json!(0.5), json!({"a": 1})] {
                let read = (kind.read)(&replaced(&document, place, value.clone()));
                assert_eq!(read, None, "{place} = {value} is not what it says");
            }
        }
    }
    Ok(())
}

/// The top-level fields of a recorded answer that this version leaves among the unknown ones.
fn unknown_of(payment: &Payment) -> BTreeSet<&str> {
    payment.unknown.expose().keys().map(String::as_str).collect()
}

#[test]
fn nothing_of_a_recorded_payment_is_lost() -> Outcome {
    for (name, bytes) in PAYMENTS {
        let document: Value = serde_json::from_slice(bytes)?;
        let payment = Payment::parse(bytes)?;
        let expected: &[&str] = match *name {
            "payment-16-english-enums" => &["foreignEasyPay"],
            "payment-17-old-version-easyPay-is-text" => &["easyPay"],
            _ => &[],
        };
        assert_eq!(unknown_of(&payment), expected.iter().copied().collect(), "{name}");
        assert_eq!(payment.order_id, document["orderId"], "{name}");
        assert_eq!(payment.status.as_str(), document["status"], "{name}");
        assert_eq!(
            payment.method.as_ref().map(|method| json!(method.as_str())).unwrap_or_default(),
            document["method"],
            "{name}"
        );
        assert_eq!(
            payment.secret.as_ref().map(|secret| json!(secret.expose())).unwrap_or_default(),
            document["secret"],
            "{name}"
        );
        assert_eq!(payment.cancels.len(), document["cancels"].as_array().map_or(0, Vec::len), "{name}");
    }
    Ok(())
}

#[test]
fn odd_decorations_are_kept_as_received() -> Outcome {
    let of = |name: &str| -> Result<Payment, Box<dyn std::error::Error>> {
        let (_, bytes) = PAYMENTS.iter().find(|(file, _)| file.contains(name)).ok_or("no such payload")?;
        Ok(Payment::parse(bytes)?)
    };
    assert_eq!(of("easyPay-is-text")?.unknown.expose()["easyPay"], "토스페이");
    assert_eq!(of("discount-amount-null")?.discount.map(|discount| discount.amount), Some(None));

    let account = of("va-date-only")?.virtual_account.ok_or("no account")?;
    assert_eq!(account.due_date, None);
    assert_eq!(
        (&account.unknown.expose()["dueDate"], &account.unknown.expose()["bank"]),
        (&json!("2026-12-04"), &json!("우리"))
    );
    let account = of("dueDate-offset")?.virtual_account.ok_or("no account")?;
    assert_eq!(account.due_date.map(|due| due.to_rfc3339()).as_deref(), Some("2026-12-04T10:15:00+09:00"));

    let wallet = of("paypal-usd")?;
    assert_eq!((wallet.total_amount, wallet.balance_amount, wallet.vat), (72_624, 54_468, Some(4_952)));
    assert_eq!((wallet.cancels[0].cancel_amount, wallet.cancels[0].refundable_amount), (18_156, Some(54_468)));

    let millionths = of("currency-MUSD")?;
    assert_eq!((millionths.currency, millionths.currency.as_str()), (Currency::MicroUsd, "MUSD"));
    assert_eq!((millionths.total_amount, millionths.status), (50_000_000_000, PaymentStatus::Expired));

    // Dollars scale what is read, and only that.
    let mut document: Value = serde_json::from_slice(PAYMENTS[10].1)?;
    document["card"] = json!([{"amount": 10.5}]);
    document["vat"] = json!(49.525);
    let payment = Payment::parse(document.to_string().as_bytes())?;
    assert_eq!((payment.card, payment.vat), (None, None));
    assert_eq!(payment.unknown.expose()["card"], json!([{"amount": 10.5}]));
    assert_eq!(payment.unknown.expose()["vat"], json!(49.525));
    Ok(())
}

#[test]
fn a_settlement_row_as_recorded_is_read_with_its_whole_fee() -> Outcome {
    let row = Settlement::parse(OTHERS[4].1)?;
    assert_eq!((row.amount, row.fee, row.supply_amount, row.vat), (-99_800, Some(-2_250), Some(-2_045), Some(-205)));
    assert_eq!(row.pay_out_amount, -97_550);
    assert_eq!(row.card.and_then(|card| card.amount), Some(99_800));
    assert!(row.unknown.expose().is_empty());
    Ok(())
}

/// No row of this kind is recorded: this is how the simulator writes it.
#[test]
fn an_exchanged_row_is_read_in_the_currency_of_each_part() -> Outcome {
    let mut document: Value = serde_json::from_slice(OTHERS[4].1)?;
    let recorded = document.clone();
    document["currency"] = json!("USD");
    for (name, amount) in
        [("amount", 100.5), ("fee", 0.0), ("supplyAmount", 0.0), ("vat", 0.0), ("payOutAmount", 100.5)]
    {
        document[name] = json!(amount);
    }
    document["fees"] = json!([]);
    document["card"] = Value::Null;
    document["cancel"] = Value::Null;
    let exchange = json!({
        "currency": "KRW", "rate": 1391.5, "amount": 139_846, "fee": 4_153, "supplyAmount": 3_775, "vat": 378,
        "payOutAmount": 135_693,
    });
    document["exchange"] = exchange.clone();
    let row = Settlement::parse(document.to_string().as_bytes())?;
    assert_eq!((row.amount, row.pay_out_amount, row.fee), (10_050, 10_050, Some(0)), "cents");
    let read = row.exchange.ok_or("no exchange")?;
    assert_eq!((read.currency, read.fields.amount, read.fields.pay_out_amount), (Currency::Krw, 139_846, 135_693));
    assert_eq!((read.fields.fee, read.fields.supply_amount, read.fields.vat), (Some(4_153), Some(3_775), Some(378)));
    // What changes what the amounts mean is read strictly.
    for (field, wrong) in
        [("currency", json!("EUR")), ("currency", Value::Null), ("amount", json!(0.5)), ("vat", json!("x"))]
    {
        document["exchange"] = exchange.clone();
        document["exchange"][field] = wrong.clone();
        assert!(Settlement::parse(document.to_string().as_bytes()).is_err(), "{field} {wrong}");
    }
    document["exchange"] = json!(true);
    assert!(Settlement::parse(document.to_string().as_bytes()).is_err());
    assert_eq!(Settlement::parse(recorded.to_string().as_bytes())?.exchange, None);
    Ok(())
}

#[test]
fn a_deposit_without_its_secret_is_still_a_hint() -> Outcome {
    let webhook = webhook::parse(WEBHOOKS[3].1)?;
    assert_eq!(webhook.order_id(), Some("order-payload-0001"));
    assert_eq!(webhook.secret().map(Private::expose), None);
    assert!(matches!(webhook, Webhook::DepositCallback { status: PaymentStatus::Canceled, .. }), "{webhook:?}");
    Ok(())
}

#[tokio::test]
async fn a_refusal_without_a_sentence_is_still_a_refusal() -> Outcome {
    for message in ["null", "7", "{}"] {
        let body = format!(r#"{{"code":"REJECT_CARD_PAYMENT","message":{message}}}"#);
        let server = Server::answering(403, &body).await?;
        let refused = server.client()?.payment("payment-key").await;
        let is_refused = matches!(&refused, Err(toss::Error::Refused { code, message, .. })
            if code == "REJECT_CARD_PAYMENT" && message.is_empty());
        assert!(is_refused, "{refused:?}");
    }
    Ok(())
}
