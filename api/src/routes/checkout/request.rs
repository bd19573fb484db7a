//! The body that asks for a new checkout.
//!
//! The buyer's name, address and number go another way than the plan: they are not needed to move money, so no
//! workflow and no book holds them. Of a card token only the hash is kept, to count the payments of one card.

use std::collections::BTreeSet;

use domain::{
    Currency, Money,
    checkout::{
        MAX_METADATA_BYTES, MAX_ORDER_NAME_CHARS, MAX_ORDERS, MAX_TOTAL_MINOR, Order, Plan, PlanError, PlanFields,
        is_return_address,
    },
    id::{BuyerId, CardFingerprint, CheckoutId, PaymentOrderId, SellerAccount},
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use service::{buyer::BuyerDetails, checkout::create::NewCheckout, return_hosts::ReturnHosts};

use crate::http::{
    body::{FieldErrors, Fields, JsonBody},
    card_numbers,
    problem::{Code, FieldCode, Problem},
    text,
};

/// The fields of the body.
const FIELDS: &[&str] = &[
    "checkout_id",
    "order_name",
    "buyer_info",
    "credit_card_info",
    "payment_orders",
    "success_url",
    "fail_url",
    "metadata",
];
/// The fields of a payment order.
const ORDER_FIELDS: &[&str] = &["payment_order_id", "seller_account", "amount", "currency"];
/// The fields of what is said of the buyer.
const BUYER_FIELDS: &[&str] = &["id", "name", "email", "phone"];
/// The fields of a card: its token, and nothing else that is known of it.
const CARD_FIELDS: &[&str] = &["token"];
/// The most characters of a buyer's name. Source: Toss Payments, `customerName`.
const MAX_NAME_CHARS: usize = 100;
/// The most characters of a card token.
const MAX_TOKEN_CHARS: usize = 200;

/// Reads the body, and tells all that is wrong with it at once. Ids that it does not name are minted here.
pub(super) fn read(body: &JsonBody, return_hosts: &ReturnHosts) -> Result<NewCheckout, Problem> {
    if card_numbers::stands_in(body.value()) {
        let detail = "The body holds what looks like a card number. The buyer enters it in the payment window only.";
        return Err(Problem::new(Code::CardNumberRefused, detail));
    }
    let mut errors = FieldErrors::default();
    let fields = plan_fields(&body.fields(), return_hosts, &mut errors);
    let (fields, buyer) = errors.finish(fields)?;
    let plan = Plan::try_new(fields).map_err(refused)?;
    Ok(NewCheckout { plan, buyer, fingerprint: body.fingerprint() })
}

fn plan_fields(
    body: &Fields<'_>,
    return_hosts: &ReturnHosts,
    errors: &mut FieldErrors,
) -> Option<(PlanFields, Option<BuyerDetails>)> {
    body.refuse_others(FIELDS, errors);
    let checkout_id = body.optional("checkout_id", CheckoutId::parse, errors);
    let order_name = body.required("order_name", |text| text::shown(text, MAX_ORDER_NAME_CHARS), errors);
    let buyer = buyer(body, errors);
    let card = card(body, errors);
    let orders = orders(body, errors);
    let success_url = body.optional("success_url", |text| return_address(text, return_hosts), errors);
    let fail_url = body.optional("fail_url", |text| return_address(text, return_hosts), errors);
    let metadata = metadata(body, errors);
    let (buyer_id, details) = buyer?;
    let fields = PlanFields {
        checkout_id: checkout_id.unwrap_or_else(|| CheckoutId::from_uuid(Uuid::new_v4())),
        order_name: order_name?,
        buyer_id,
        orders: orders?,
        success_url,
        fail_url,
        metadata,
        card,
        confirm_token_hash: None,
    };
    Some((fields, details))
}

fn buyer(body: &Fields<'_>, errors: &mut FieldErrors) -> Option<(BuyerId, Option<BuyerDetails>)> {
    let buyer = body.object("buyer_info", errors)?;
    buyer.refuse_others(BUYER_FIELDS, errors);
    let details = BuyerDetails {
        name: buyer.optional("name", |name| text::shown(name, MAX_NAME_CHARS), errors),
        email: buyer.optional("email", text::email, errors),
        phone: buyer.optional("phone", text::phone, errors),
    };
    buyer.required("id", BuyerId::parse, errors).map(|id| (id, details.said()))
}

fn return_address(address: &str, return_hosts: &ReturnHosts) -> Result<String, String> {
    if !is_return_address(address) {
        return Err(PlanError::Url { success: true }.to_string());
    }
    return_hosts.check(address)?;
    Ok(address.to_owned())
}

/// The marketplace's own notes may have lines, and no other control characters.
fn metadata(body: &Fields<'_>, errors: &mut FieldErrors) -> Option<String> {
    let metadata = body.optional_object("metadata", errors)?;
    let is_bad = |character: char| character.is_control() && !['\n', '\r', '\t'].contains(&character);
    if metadata.holds_text(&|text| text.chars().any(is_bad)) {
        errors.add(
            "metadata".to_owned(),
            FieldCode::Invalid,
            "may hold no control characters besides line ends and tabs",
        );
    }
    let text = metadata.to_compact_json()?;
    if text.len() > MAX_METADATA_BYTES {
        errors.add("metadata".to_owned(), FieldCode::Invalid, PlanError::Metadata);
    }
    Some(text)
}

/// The card by the hash of its token: the token itself goes no further.
fn card(body: &Fields<'_>, errors: &mut FieldErrors) -> Option<CardFingerprint> {
    let card = body.optional_object("credit_card_info", errors)?;
    card.refuse_others(CARD_FIELDS, errors);
    card.optional("token", fingerprint, errors).flatten()
}

fn fingerprint(token: &str) -> Result<Option<CardFingerprint>, String> {
    text::within(token, MAX_TOKEN_CHARS)?;
    Ok(CardFingerprint::parse(hex::encode(Sha256::digest(token.as_bytes()))).ok())
}

/// An order as far as it could be read.
struct ReadOrder {
    path: String,
    id: Option<PaymentOrderId>,
    seller: Option<SellerAccount>,
    amount: Option<Money>,
}

fn orders(body: &Fields<'_>, errors: &mut FieldErrors) -> Option<Vec<Order>> {
    let listed = body.objects("payment_orders", errors)?;
    let whole = |error: PlanError, errors: &mut FieldErrors| {
        errors.add("payment_orders".to_owned(), FieldCode::Invalid, error);
    };
    if listed.is_empty() {
        whole(PlanError::NoOrders, errors);
    }
    if listed.len() > MAX_ORDERS {
        whole(PlanError::TooManyOrders, errors);
        return None;
    }
    let count = listed.len();
    let orders: Vec<ReadOrder> = listed.iter().flatten().map(|fields| order(fields, errors)).collect();
    check_together(&orders, errors);
    let whole_orders = orders.into_iter().filter_map(|order| {
        let id = order.id.unwrap_or_else(|| PaymentOrderId::from_uuid(Uuid::new_v4()));
        Some(Order { id, seller: order.seller?, amount: order.amount? })
    });
    Some(whole_orders.collect::<Vec<_>>()).filter(|orders| orders.len() == count)
}

fn order(fields: &Fields<'_>, errors: &mut FieldErrors) -> ReadOrder {
    fields.refuse_others(ORDER_FIELDS, errors);
    let id = fields.optional("payment_order_id", PaymentOrderId::parse, errors);
    let seller = fields.required("seller_account", SellerAccount::parse, errors);
    let amount = fields.amount("amount", errors);
    let currency = fields.required("currency", str::parse, errors);
    let amount = match (amount, currency) {
        (Some(amount), Some(currency)) => read_amount(amount, currency),
        // Digits are digits in every currency.
        (Some(amount), None) => read_amount(amount, Currency::Usd).map(|_| None),
        (None, _) => Ok(None),
    };
    let amount = amount.map_err(|error| errors.add(fields.path("amount"), FieldCode::Invalid, error)).ok().flatten();
    ReadOrder { path: fields.path(""), id, seller, amount }
}

fn read_amount(text: &str, currency: Currency) -> Result<Option<Money>, String> {
    let amount = Money::parse(text, currency).map_err(|error| error.to_string())?;
    if amount.is_zero() { Err(PlanError::ZeroAmount { index: 0 }.to_string()) } else { Ok(Some(amount)) }
}

/// What the orders must keep to together: ids that differ, one currency, and a sum that the PSP takes.
fn check_together(orders: &[ReadOrder], errors: &mut FieldErrors) {
    let mut seen = BTreeSet::new();
    for order in orders {
        if order.id.as_ref().is_some_and(|id| !seen.insert(id)) {
            let error = PlanError::DuplicateOrder { index: 0 };
            errors.add(format!("{}payment_order_id", order.path), FieldCode::Invalid, error);
        }
    }
    let Some(currency) = orders.iter().find_map(|order| order.amount).map(Money::currency) else { return };
    let mut total = Some(Money::zero(currency));
    for order in orders {
        match order.amount {
            Some(amount) if amount.currency() == currency => total = total.and_then(|sum| sum.plus(amount).ok()),
            Some(_) => {
                let error = PlanError::MixedCurrencies { index: 0 };
                errors.add(format!("{}currency", order.path), FieldCode::Invalid, error);
            }
            None => {}
        }
    }
    let all_read = orders.iter().all(|order| order.amount.is_some_and(|amount| amount.currency() == currency));
    match total {
        Some(total) if total.minor() <= MAX_TOTAL_MINOR => {
            if all_read && total.minor() < currency.least_payment_minor() {
                let least = Money::try_from_minor(currency.least_payment_minor(), currency).unwrap_or(total);
                let detail = format!("add up to {total}; the least that the payment provider takes is {least}");
                errors.add("payment_orders".to_owned(), FieldCode::Invalid, detail);
            }
        }
        Some(_) | None => errors.add("payment_orders".to_owned(), FieldCode::Invalid, PlanError::TotalTooLarge),
    }
}

/// A plan that `domain` refuses, told as the field that made it so.
fn refused(error: PlanError) -> Problem {
    let field = match error {
        PlanError::OrderName => "order_name".to_owned(),
        PlanError::NoOrders | PlanError::TooManyOrders | PlanError::TotalTooLarge => "payment_orders".to_owned(),
        PlanError::ZeroAmount { index } => format!("payment_orders[{index}].amount"),
        PlanError::MixedCurrencies { index } => format!("payment_orders[{index}].currency"),
        PlanError::DuplicateOrder { index } => format!("payment_orders[{index}].payment_order_id"),
        PlanError::Url { success: true } => "success_url".to_owned(),
        PlanError::Url { success: false } => "fail_url".to_owned(),
        PlanError::Metadata => "metadata".to_owned(),
    };
    Problem::of_field(field, FieldCode::Invalid, error)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn full() -> Value {
        json!({
            "checkout_id": "order-2026-1",
            "order_name": "토스 티셔츠 외 2건",
            "buyer_info": { "id": "buyer-1", "name": "김토스", "email": "a@example.com", "phone": "010-1234-5678" },
            "credit_card_info": { "token": "tok_1" },
            "payment_orders": [
                { "payment_order_id": "o-1", "seller_account": "seller-a", "amount": "15000", "currency": "KRW" },
                { "seller_account": "seller-b", "amount": "5000", "currency": "KRW" }
            ],
            "success_url": "https://shop.example/done",
            "metadata": { "cart": 7 }
        })
    }

    fn hosts() -> ReturnHosts {
        ReturnHosts::new("https://pay.example", vec!["shop.example".parse().unwrap()])
    }

    fn read_value(body: &Value) -> Result<NewCheckout, Problem> {
        read(&JsonBody::parse(body.to_string().as_bytes()).unwrap(), &hosts())
    }

    fn with(pointer: &str, value: Value) -> Value {
        let mut body = full();
        *body.pointer_mut(pointer).unwrap() = value;
        body
    }

    #[test]
    fn a_full_body_is_a_plan() {
        let plan = read_value(&full()).unwrap().plan;
        assert_eq!(plan.checkout_id().as_str(), "order-2026-1");
        assert_eq!(plan.total().to_string(), "20000 KRW");
        assert_eq!(plan.orders()[0].id.as_str(), "o-1");
        assert_eq!(plan.fields().metadata.as_deref(), Some(r#"{"cart":7}"#));
        assert_eq!(plan.fields().buyer_id.as_str(), "buyer-1");
    }

    #[test]
    fn missing_ids_are_minted_anew_each_time() {
        let mut body = full();
        body.as_object_mut().unwrap().remove("checkout_id");
        let (one, other) = (read_value(&body).unwrap(), read_value(&body).unwrap());
        assert_ne!(one.plan.checkout_id(), other.plan.checkout_id());
        assert_ne!(one.plan.orders()[1].id, other.plan.orders()[1].id);
        assert_eq!(one.fingerprint, other.fingerprint);
    }

    #[test]
    fn nothing_of_the_buyer_but_the_id_goes_on() {
        let plan = serde_json::to_string(&read_value(&full()).unwrap().plan).unwrap();
        for datum in ["김토스", "a@example.com", "010-1234", "tok_1"] {
            assert!(!plan.contains(datum), "{datum}");
        }
    }

    #[test]
    fn a_bad_field_is_named() {
        let cases = [
            ("/order_name", json!(""), "order_name"),
            ("/order_name", json!(7), "order_name"),
            ("/checkout_id", json!("a b"), "checkout_id"),
            ("/buyer_info", json!("buyer-1"), "buyer_info"),
            ("/buyer_info/id", Value::Null, "buyer_info.id"),
            ("/order_name", json!("\u{3164}"), "order_name"),
            ("/order_name", json!("😀".repeat(51)), "order_name"),
            ("/checkout_id", Value::Null, "checkout_id"),
            ("/metadata", Value::Null, "metadata"),
            ("/metadata", json!({ "note": ["\0"] }), "metadata"),
            ("/metadata", json!({ "\u{1b}": 1 }), "metadata"),
            ("/buyer_info/email", json!("nobody"), "buyer_info.email"),
            ("/buyer_info/email", json!("a@example.com\r\nBcc: b@example.com"), "buyer_info.email"),
            ("/buyer_info/email", Value::Null, "buyer_info.email"),
            ("/buyer_info/phone", json!("no phone"), "buyer_info.phone"),
            ("/buyer_info/name", json!("\u{200b}"), "buyer_info.name"),
            ("/payment_orders/0", json!(7), "payment_orders[0]"),
            (
                "/payment_orders/1",
                json!({ "payment_order_id": "o-1", "seller_account": "s", "amount": "1", "currency": "KRW" }),
                "payment_orders[1].payment_order_id",
            ),
            ("/success_url", json!("https://evil.example/done"), "success_url"),
            ("/payment_orders", json!([]), "payment_orders"),
            ("/payment_orders", json!({}), "payment_orders"),
            ("/payment_orders/0/amount", json!(15000), "payment_orders[0].amount"),
            ("/payment_orders/0/amount", json!("15000.5"), "payment_orders[0].amount"),
            ("/payment_orders/1/amount", json!("0"), "payment_orders[1].amount"),
            ("/payment_orders/1/currency", json!("USD"), "payment_orders[1].currency"),
            ("/payment_orders/1/currency", json!("EUR"), "payment_orders[1].currency"),
            ("/payment_orders/1/seller_account", Value::Null, "payment_orders[1].seller_account"),
            ("/success_url", json!("javascript:alert(1)"), "success_url"),
            ("/metadata", json!([]), "metadata"),
            ("/metadata", json!({ "long": "a".repeat(5000) }), "metadata"),
        ];
        for (pointer, value, field) in cases {
            let problem = read_value(&with(pointer, value)).unwrap_err();
            assert_eq!(problem.code(), Code::ValidationFailed, "{pointer}");
            let fields: Vec<_> = problem.fields().iter().map(|error| error.field.as_str()).collect();
            assert_eq!(fields, [field], "{pointer}");
        }
    }

    #[test]
    fn an_unknown_field_is_named() {
        let mut body = full();
        body["payment_order"] = json!([]);
        body["credit_card_info"]["cvc"] = json!("123");
        body["buyer_info"]["ssn"] = json!("1");
        body["payment_orders"][0]["amout"] = json!("1");
        let problem = read_value(&body).unwrap_err();
        let fields: Vec<_> = problem.fields().iter().map(|error| (error.field.as_str(), error.code)).collect();
        let unknown = FieldCode::UnknownField;
        let expected = [
            ("payment_order", unknown),
            ("buyer_info.ssn", unknown),
            ("credit_card_info.cvc", unknown),
            ("payment_orders[0].amout", unknown),
        ];
        assert_eq!(fields, expected);
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let body = json!({
            "checkout_id": "no",
            "order_name": "",
            "buyer_info": { "id": "a b", "email": "x", "phone": "y" },
            "payment_orders": [
                { "seller_account": "a:b", "amount": "1.5", "currency": "KRW" },
                { "seller_account": "s", "amount": "x", "currency": "EUR" },
                { "seller_account": "s", "amount": "0", "currency": "USD" },
                7,
            ],
            "success_url": "ftp://x",
            "fail_url": "https://evil.example",
            "metadata": [],
        });
        let problem = read_value(&body).unwrap_err();
        let fields: Vec<_> = problem.fields().iter().map(|error| error.field.as_str()).collect();
        for field in [
            "checkout_id",
            "order_name",
            "buyer_info.id",
            "buyer_info.email",
            "buyer_info.phone",
            "payment_orders[0].seller_account",
            "payment_orders[0].amount",
            "payment_orders[1].amount",
            "payment_orders[1].currency",
            "payment_orders[2].amount",
            "payment_orders[3]",
            "success_url",
            "fail_url",
            "metadata",
        ] {
            assert!(fields.contains(&field), "{field} is missing in {fields:?}");
        }
        assert_eq!(fields.len(), 14, "{fields:?}");
    }

    #[test]
    fn less_than_the_psp_takes_is_refused_and_the_least_is_named() {
        let of = |amount: &str, currency: &str| {
            let order = json!({ "seller_account": "s", "amount": amount, "currency": currency });
            read_value(&with("/payment_orders", json!([order])))
        };
        for (amount, currency) in [("100", "KRW"), ("0.01", "USD"), ("1", "JPY")] {
            assert!(of(amount, currency).is_ok(), "{amount} {currency}");
        }
        let problem = of("99", "KRW").unwrap_err();
        assert_eq!(problem.fields()[0].field, "payment_orders");
        assert!(problem.fields()[0].detail.contains("100 KRW"), "{problem:?}");
        let halves = json!([
            { "seller_account": "s", "amount": "50", "currency": "KRW" },
            { "seller_account": "t", "amount": "50", "currency": "KRW" }
        ]);
        assert!(read_value(&with("/payment_orders", halves)).is_ok(), "the sum counts");
    }

    #[test]
    fn a_card_number_is_refused_and_not_repeated() {
        let problem = read_value(&with("/credit_card_info/token", json!("4111 1111 1111 1111"))).unwrap_err();
        assert_eq!(problem.code(), Code::CardNumberRefused);
        assert!(!format!("{problem:?}").contains("4111"));
    }
}
