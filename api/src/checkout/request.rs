//! The body that asks for a new checkout.
//!
//! The buyer's name, address and number go another way than the plan: they are not needed to move money, so no
//! workflow and no book holds them. Of a card token only the hash is kept, to count the payments of one card.

use domain::{
    Money,
    checkout::{Order, Plan, PlanError, PlanFields},
    id::{BuyerId, CardFingerprint, CheckoutId, PaymentOrderId, SellerAccount},
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    body::{FieldErrors, Fields, JsonBody},
    buyers::BuyerDetails,
    card_numbers,
    problem::{Code, FieldCode, Problem},
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
/// The most characters of a buyer's name.
const MAX_NAME_CHARS: usize = 100;
/// The most characters of an e-mail address. Source: RFC 5321, section 4.5.3.1.
const MAX_EMAIL_CHARS: usize = 254;
/// The most characters of a telephone number.
const MAX_PHONE_CHARS: usize = 32;
/// The most characters of a card token.
const MAX_TOKEN_CHARS: usize = 200;

/// A checkout that somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// What the buyer will be asked to pay.
    pub(super) plan: Plan,
    /// What was said of the buyer, besides an id.
    pub(super) buyer: Option<BuyerDetails>,
    /// SHA-256 of the body.
    pub(super) fingerprint: String,
}

/// Reads the body. Ids that it does not name are minted here.
pub(super) fn read(body: &JsonBody) -> Result<Wanted, Problem> {
    if card_numbers::stands_in(body.value()) {
        let detail = "The body holds what looks like a card number. The buyer enters it in the payment window only.";
        return Err(Problem::new(Code::CardNumberRefused, detail));
    }
    let mut errors = FieldErrors::default();
    let fields = plan_fields(&body.fields(), &mut errors);
    let (fields, buyer) = errors.finish(fields)?;
    let plan = Plan::try_new(fields).map_err(refused)?;
    Ok(Wanted { plan, buyer, fingerprint: body.fingerprint() })
}

fn plan_fields(body: &Fields<'_>, errors: &mut FieldErrors) -> Option<(PlanFields, Option<BuyerDetails>)> {
    body.refuse_others(FIELDS, errors);
    let checkout_id = body.optional("checkout_id", CheckoutId::parse, errors);
    let order_name = body.text("order_name", errors);
    let buyer = buyer(body, errors);
    let card = card(body, errors);
    let orders = orders(body, errors);
    let success_url = body.optional_text("success_url", errors);
    let fail_url = body.optional_text("fail_url", errors);
    let metadata = body.optional_object("metadata", errors).and_then(|metadata| metadata.to_compact_json());
    let (buyer_id, details) = buyer?;
    let fields = PlanFields {
        checkout_id: checkout_id.unwrap_or_else(|| CheckoutId::from_uuid(Uuid::new_v4())),
        order_name: order_name?.to_owned(),
        buyer_id,
        orders: orders?,
        success_url: success_url.map(str::to_owned),
        fail_url: fail_url.map(str::to_owned),
        metadata,
        card,
        confirm_token_hash: None,
    };
    Some((fields, details))
}

fn buyer(body: &Fields<'_>, errors: &mut FieldErrors) -> Option<(BuyerId, Option<BuyerDetails>)> {
    let buyer = body.object("buyer_info", errors)?;
    let mut text = |name: &str, limit: usize| buyer.optional(name, |text| at_most(text, limit), errors);
    let details = BuyerDetails {
        name: text("name", MAX_NAME_CHARS),
        email: text("email", MAX_EMAIL_CHARS),
        phone: text("phone", MAX_PHONE_CHARS),
    };
    buyer.required("id", BuyerId::parse, errors).map(|id| (id, details.said()))
}

/// The card by the hash of its token: the token itself goes no further.
fn card(body: &Fields<'_>, errors: &mut FieldErrors) -> Option<CardFingerprint> {
    let card = body.optional_object("credit_card_info", errors)?;
    card.optional("token", fingerprint, errors).flatten()
}

fn fingerprint(token: &str) -> Result<Option<CardFingerprint>, String> {
    at_most(token, MAX_TOKEN_CHARS)?;
    Ok(CardFingerprint::parse(hex::encode(Sha256::digest(token.as_bytes()))).ok())
}

fn at_most(text: &str, limit: usize) -> Result<String, String> {
    if text.chars().count() <= limit {
        Ok(text.to_owned())
    } else {
        Err(format!("must have at most {limit} characters"))
    }
}

fn orders(body: &Fields<'_>, errors: &mut FieldErrors) -> Option<Vec<Order>> {
    let orders = body.objects("payment_orders", errors)?;
    // All of them are read before the first gap ends the list, so that every error is told.
    let orders: Vec<Option<Order>> = orders.iter().map(|fields| order(fields, errors)).collect();
    orders.into_iter().collect()
}

fn order(fields: &Fields<'_>, errors: &mut FieldErrors) -> Option<Order> {
    fields.refuse_others(ORDER_FIELDS, errors);
    let id = fields.optional("payment_order_id", PaymentOrderId::parse, errors);
    let seller = fields.required("seller_account", SellerAccount::parse, errors);
    let amount = fields.amount("amount", errors);
    let currency = fields.required("currency", str::parse, errors);
    let amount = Money::parse(amount?, currency?)
        .map_err(|error| errors.add(fields.path("amount"), FieldCode::Invalid, error))
        .ok();
    Some(Order {
        id: id.unwrap_or_else(|| PaymentOrderId::from_uuid(Uuid::new_v4())),
        seller: seller?,
        amount: amount?,
    })
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

    fn read_value(body: &Value) -> Result<Wanted, Problem> {
        read(&JsonBody::parse(body.to_string().as_bytes()).unwrap())
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
        let body = with("/checkout_id", Value::Null);
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
            ("/buyer_info/email", json!("a".repeat(255)), "buyer_info.email"),
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
        body["payment_orders"][0]["amout"] = json!("1");
        let problem = read_value(&body).unwrap_err();
        let fields: Vec<_> = problem.fields().iter().map(|error| (error.field.as_str(), error.code)).collect();
        let unknown = FieldCode::UnknownField;
        assert_eq!(fields, [("payment_order", unknown), ("payment_orders[0].amout", unknown)]);
    }

    #[test]
    fn a_card_number_is_refused_and_not_repeated() {
        let problem = read_value(&with("/credit_card_info/token", json!("4111 1111 1111 1111"))).unwrap_err();
        assert_eq!(problem.code(), Code::CardNumberRefused);
        assert!(!format!("{problem:?}").contains("4111"));
    }
}
