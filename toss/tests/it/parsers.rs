//! No bytes from outside make a parser panic: noise, and real documents that were damaged.

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use toss::fuzz;

use crate::CARD;

const SEALED: &str = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..CQkJCQkJCQkJCQkJ.QL7RQDh-t0koUVegwNcx.\
                      7bgQlJKGpdB5La44DAjTMg";
const SIGNATURES: &str = "v1:jX0A34awu3a+0TknyzV0Q6bTo3Zic5fUMPPZ0o9OFIk=,v1:AAAA";

/// One document of every shape that is read.
fn documents() -> Vec<Value> {
    let card = serde_json::from_str(CARD).unwrap_or_else(|_| json!({}));
    let payout = json!({"id": "FPA_1", "refPayoutId": "p-1", "status": "FAILED", "payoutDate": "2026-01-05",
        "amount": {"currency": "KRW", "value": 5000.0}, "error": {"code": "C", "message": "m"}, "metadata": {"a": 1},
        "requestedAt": "2026-01-02T03:04:05+09:00", "scheduleType": "SCHEDULED"});
    let seller = json!({"id": "s", "status": "APPROVED", "company": {"name": "n"}, "account": {"bankCode": "092"}});
    let row = json!({"paymentKey": "p", "transactionKey": "t", "orderId": "order-1", "currency": "USD", "amount": -10.5,
        "payOutAmount": 10.05, "fees": [{"type": "BASE", "fee": 1}], "soldDate": "2026-01-05", "status": "DONE",
        "card": {"amount": 1}, "cancel": {"cancelAmount": 1}, "transactionAt": "2026-01-02T03:04:05"});
    let receipt = json!({"receiptKey": "r", "amount": 1, "requestedAt": "2026-01-02T03:04:05+09:00"});
    let envelope = |entity: &Value| json!({"version": "v", "entityBody": entity});
    let mut refunded = card.clone();
    refunded["cancels"] = json!([{"cancelAmount": 1.0, "canceledAt": "2026-01-02T03:04:05+09:00"}]);
    refunded["virtualAccount"] = json!({"dueDate": "2026-01-02T03:04:05", "refundReceiveAccount": {"bankCode": "20"}});
    vec![
        refunded,
        json!({"billingKey": "b", "customerKey": "c", "card": {"issuerCode": "61"}, "transfers": [{"bankName": "n"}]}),
        json!({"hasNext": true, "lastCursor": 7, "data": [receipt]}),
        json!([row]),
        envelope(&json!({"availableAmount": {"currency": "KRW", "value": 1}})),
        envelope(&payout),
        envelope(&seller),
        envelope(&json!({"hasNext": true, "lastCursor": "c", "items": [seller]})),
        json!({"code": "C", "message": "m"}),
        json!({"error": {"code": "C", "message": "m"}}),
        json!({"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2026-01-02T03:04:05.000000", "data": card}),
        json!({"createdAt": "2026-01-02T03:04:05+09:00", "secret": "s", "status": "DONE", "orderId": "order-1"}),
        json!({"eventType": "CANCEL_STATUS_CHANGED", "data": {"cancelStatus": "DONE", "cancelAmount": 1}}),
        json!({"eventType": "BILLING_DELETED", "data": {"billingKey": "b"}}),
        json!({"eventType": "payout.changed", "entityType": "payout", "entityBody": payout}),
        json!({"eventType": "seller.changed", "entityType": "seller", "entityBody": seller}),
    ]
}

fn read(bytes: &[u8]) {
    fuzz::answer(bytes);
    fuzz::webhook(bytes);
    fuzz::sealed(bytes);
}

/// Any JSON at all, a few levels deep.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map("[a-zA-Z]{0,12}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Every value inside a document, by pointer.
fn places(document: &Value, place: &str, places_found: &mut Vec<String>) {
    places_found.push(place.to_owned());
    match document {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| places(value, &format!("{place}/{name}"), places_found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| places(value, &format!("{place}/{at}"), places_found));
        }
        _ => {}
    }
}

#[test]
fn the_documents_are_what_the_parsers_want() -> crate::server::Outcome {
    let text = |at: usize| documents()[at].to_string().into_bytes();
    assert!(toss::Payment::parse(&text(0)).is_ok());
    assert!(toss::Billing::parse(&text(1)).is_ok());
    assert!(toss::Balance::parse(&text(4)).is_ok());
    assert!(toss::Payout::parse(&text(5)).is_ok());
    assert!(toss::Seller::parse(&text(6)).is_ok());
    for at in 10..documents().len() {
        let webhook = toss::webhook::parse(&text(at))?;
        assert!(!matches!(webhook, toss::webhook::Webhook::Other { .. }), "{webhook:?}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn noise(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        read(&bytes);
    }

    #[test]
    fn damaged_bytes(
        which in any::<Index>(), changes in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = which.get(&documents()).to_string().into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        read(&bytes);
    }

    #[test]
    fn cut_documents(which in any::<Index>(), length in any::<Index>()) {
        let bytes = which.get(&documents()).to_string().into_bytes();
        read(&bytes[..length.index(bytes.len())]);
    }

    /// Damage that is still JSON gets to the fields.
    #[test]
    fn another_value_anywhere(which in any::<Index>(), place in any::<Index>(), value in value()) {
        let mut document = which.get(&documents()).clone();
        let mut found = Vec::new();
        places(&document, "", &mut found);
        if let Some(target) = document.pointer_mut(place.get::<String>(&found)) {
            *target = value;
        }
        read(document.to_string().as_bytes());
    }

    #[test]
    fn any_number_anywhere(
        which in any::<Index>(), whole in any::<i64>(), fraction in "[0-9]{0,30}", exponent in any::<i16>(),
    ) {
        let text = which.get(&documents()).to_string();
        read(text.replace(":1", &format!(":{whole}.{fraction}0e{exponent}")).as_bytes());
    }

    #[test]
    fn signatures(body in proptest::collection::vec(any::<u8>(), 0..64), time in "\\PC{0,40}", noise in "\\PC{0,80}",
        changes in proptest::collection::vec((any::<Index>(), "[\\x20-\\x7e]"), 0..6)) {
        fuzz::signature(&body, &time, &noise);
        let mut damaged: Vec<String> = SIGNATURES.chars().map(String::from).collect();
        for (at, text) in changes {
            let at = at.index(damaged.len());
            damaged[at] = text;
        }
        fuzz::signature(&body, &time, &damaged.concat());
    }

    #[test]
    fn sealed_bodies(text in "[A-Za-z0-9_-]{0,40}(\\.[A-Za-z0-9_-]{0,40}){4}",
        changes in proptest::collection::vec((any::<Index>(), any::<u8>()), 0..6)) {
        fuzz::sealed(text.as_bytes());
        let mut damaged = SEALED.as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(damaged.len());
            damaged[at] = byte;
        }
        fuzz::sealed(&damaged);
    }
}
