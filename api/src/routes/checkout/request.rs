//! The body that asks for a new checkout.
//!
//! The buyer's name, address and number go another way than the plan: they are not needed to move money, so no
//! workflow and no book holds them. Of a card token only the hash is kept, to count the payments of one card.

use std::collections::BTreeSet;

use domain::{
    Currency, Money,
    cash_receipt::ReceiptPreset,
    checkout::{
        MAX_ORDER_NAME_CHARS, MAX_ORDERS, MAX_TOTAL_MINOR, MAX_URL_BYTES, Order, Plan, PlanError, PlanFields,
        WindowTerms, is_return_address,
    },
    id::{CardFingerprint, CheckoutId, PaymentOrderId, SellerAccount},
    payment_method::PaymentMethod,
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use service::{buyer::BuyerDetails, checkout::create::NewCheckout, return_hosts::ReturnHosts};

use super::metadata::Metadata;
use crate::{
    http::{
        body::JsonBody,
        card_numbers,
        fields::{FieldErrors, Fields},
        forms::{Email, Flag, Objects, Phone, Shown, none_of, text_form},
        problem::{Code, FieldCode, Problem},
        table::body,
        text,
    },
    openapi::{
        examples,
        shapes::{Amount, BuyerName, CheckoutName, CurrencyCode, PaymentOrderName, SellerName},
    },
};

/// The most characters of a buyer's name. Source: Toss Payments, `customerName`.
const MAX_NAME_CHARS: usize = 100;
/// The most characters of a card token.
const MAX_TOKEN_CHARS: usize = 200;

body! {
    /// A checkout to be created.
    pub(crate) struct NewCheckoutBody as "NewCheckout" with example examples::new_checkout {
        /// Minted when absent.
        checkout_id: optional CheckoutName,
        /// What the buyer reads.
        order_name: required Shown<MAX_ORDER_NAME_CHARS>,
        buyer_info: required BuyerInfoBody,
        credit_card_info: optional CardBody,
        /// Each seller's part. All of them have one currency.
        payment_orders: required Objects<NewOrderBody, 1, MAX_ORDERS>,
        /// Where the buyer is led after paying.
        success_url: optional ReturnAddress,
        /// Where the buyer is led when nothing was paid.
        fail_url: optional ReturnAddress,
        /// Whether a bank keeps the payment until the buyer has confirmed the purchase. Then the page offers only the
        /// methods that have escrow: `virtual_account` and `transfer`, in won. Such a payment is refunded as a whole.
        use_escrow: optional Flag,
        /// The cash receipt that is chosen when the payment window opens, for the methods that are paid like cash. The
        /// buyer enters the number there: it never comes here.
        cash_receipt_for: optional ReceiptPresetForm,
        /// Anything of the marketplace's own, at most 4096 bytes; it comes back as it was sent.
        metadata: optional Metadata,
    }
}

body! {
    /// The buyer. Besides the id, what is said of the buyer is kept sealed, and can be erased; without encryption keys
    /// it is dropped.
    struct BuyerInfoBody as "BuyerInfo" {
        id: required BuyerName,
        name: optional Shown<MAX_NAME_CHARS>,
        email: optional Email,
        /// 8 to 15 digits, with a `+` before them, and with dashes or spaces between them.
        phone: optional Phone,
    }
}

body! {
    /// A card token of the payment provider, to count the payments of one card. Card numbers are refused. The token
    /// itself is not stored. Its SHA-256 stands in the history of the checkout's workflow, which is sealed where
    /// encryption keys are set; and in the risk decisions of the database, there under an encryption key where one is
    /// set. Erasing the buyer erases it from the risk decisions.
    struct CardBody as "CreditCardInfo" {
        token: optional CardToken,
    }
}

body! {
    /// One seller's part of a new checkout.
    struct NewOrderBody as "NewPaymentOrder" {
        /// Minted when absent.
        payment_order_id: optional PaymentOrderName,
        /// What is bought of this seller, for the buyer's pages and the statement of the purchase.
        name: optional Shown<MAX_ORDER_NAME_CHARS>,
        seller_account: required SellerName,
        amount: required Amount,
        /// The part of the amount without value-added tax; where it is absent, all of it is taxed.
        tax_free_amount: optional Amount,
        currency: required CurrencyCode,
    }
}

text_form! {
    /// An address to which a buyer's browser can be led.
    pub(crate) ReturnAddress: String = return_address,
    |text| text.max_length(Some(MAX_URL_BYTES)).pattern(Some("^https?://[^\\s]+$"))
}
text_form! {
    /// The purpose of a cash receipt, or `NONE` for none.
    ReceiptPresetForm: ReceiptPreset = |text| {
        ReceiptPreset::parse(text).ok_or_else(|| none_of(ReceiptPreset::ALL.map(ReceiptPreset::as_str)))
    },
    |text| text.enum_values(Some(ReceiptPreset::ALL.map(ReceiptPreset::as_str)))
}
text_form! {
    /// A card by the hash of its token: the token itself goes no further.
    CardToken: Option<CardFingerprint> = fingerprint, |text| text.max_length(Some(MAX_TOKEN_CHARS))
}

/// What the settings let into a new checkout.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Accepted<'a> {
    /// Where a buyer's browser may be led.
    pub(crate) return_hosts: &'a ReturnHosts,
    /// The currencies for which there are keys at the PSP.
    pub(crate) currencies: &'a [Currency],
    /// The methods that the payment page offers.
    pub(crate) methods: &'a [PaymentMethod],
}

/// Reads the body, and tells all that is wrong with it at once. Ids that it does not name are minted here.
pub(crate) fn read(body: &JsonBody, accepted: &Accepted<'_>) -> Result<NewCheckout, Problem> {
    if card_numbers::stands_in(body.value()) {
        let detail = "The body holds what looks like a card number. The buyer enters it in the payment window only.";
        return Err(Problem::new(Code::CardNumberRefused, detail));
    }
    let mut errors = FieldErrors::default();
    let fields = plan_fields(&body.fields(), accepted, &mut errors);
    let (fields, buyer) = errors.finish(fields)?;
    let plan = Plan::try_new(fields).map_err(refused)?;
    Ok(NewCheckout { plan, buyer, fingerprint: body.fingerprint(), saved_card: None })
}

fn plan_fields(
    body: &Fields<'_>,
    accepted: &Accepted<'_>,
    errors: &mut FieldErrors,
) -> Option<(PlanFields, Option<BuyerDetails>)> {
    let body = NewCheckoutBody::read(body, errors);
    let orders = orders(body.payment_orders, accepted, errors);
    let success_url = reachable(body.success_url, "success_url", accepted.return_hosts, errors);
    let fail_url = reachable(body.fail_url, "fail_url", accepted.return_hosts, errors);
    let window = WindowTerms { use_escrow: body.use_escrow == Some(true), cash_receipt: body.cash_receipt_for };
    check_window(window, orders.as_deref(), accepted, errors);
    let buyer = body.buyer_info?;
    let details = BuyerDetails { name: buyer.name, email: buyer.email, phone: buyer.phone };
    let fields = PlanFields {
        checkout_id: body.checkout_id.unwrap_or_else(|| CheckoutId::from_uuid(Uuid::new_v4())),
        order_name: body.order_name?,
        buyer_id: buyer.id?,
        orders: orders?,
        success_url,
        fail_url,
        metadata: body.metadata,
        card: body.credit_card_info.and_then(|card| card.token).flatten(),
        confirm_token_hash: None,
        window,
    };
    Some((fields, details.said()))
}

/// What the payment window is asked for must be something that it has, for the amount of these orders.
fn check_window(window: WindowTerms, orders: Option<&[Order]>, accepted: &Accepted<'_>, errors: &mut FieldErrors) {
    // Orders that could not be read are told of already.
    let Some(total) = orders.and_then(total_of) else { return };
    if window.use_escrow && PaymentMethod::taking_in_escrow(accepted.methods, total).is_empty() {
        let with_escrow = PaymentMethod::ALL.into_iter().filter(|method| method.has_escrow(Currency::Krw));
        let with_escrow: Vec<&str> = with_escrow.map(PaymentMethod::as_str).collect();
        let detail = format!(
            "no method of the payment page takes {total} in escrow; {} have escrow, in won, from 200 won on",
            with_escrow.join(" and ")
        );
        errors.add("use_escrow".to_owned(), FieldCode::Invalid, detail);
    }
    if window.cash_receipt.is_some() && total.currency() != Currency::Krw {
        let detail = format!("there are cash receipts for won alone, and none for {}", total.currency());
        errors.add("cash_receipt_for".to_owned(), FieldCode::Invalid, detail);
    }
}

fn total_of(orders: &[Order]) -> Option<Money> {
    let (first, others) = orders.split_first()?;
    others.iter().try_fold(first.amount, |sum, order| sum.plus(order.amount).ok())
}

/// An address of a host to which the settings let a buyer be led.
pub(crate) fn reachable(
    address: Option<String>,
    name: &str,
    return_hosts: &ReturnHosts,
    errors: &mut FieldErrors,
) -> Option<String> {
    let address = address?;
    match return_hosts.check(&address) {
        Ok(()) => Some(address),
        Err(detail) => {
            errors.add(name.to_owned(), FieldCode::Invalid, detail);
            None
        }
    }
}

fn return_address(address: &str) -> Result<String, PlanError> {
    if is_return_address(address) { Ok(address.to_owned()) } else { Err(PlanError::Url { success: true }) }
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
    tax_free: Option<Money>,
    name: Option<String>,
}

fn orders(
    listed: Option<Vec<Option<NewOrderBody>>>,
    accepted: &Accepted<'_>,
    errors: &mut FieldErrors,
) -> Option<Vec<Order>> {
    let listed = listed?;
    let count = listed.len();
    let paths = (0..).map(|index| format!("payment_orders[{index}]."));
    let read = paths.zip(listed).filter_map(|(path, body)| Some(order(path, body?, accepted, errors)));
    let orders: Vec<ReadOrder> = read.collect();
    check_together(&orders, accepted, errors);
    let whole_orders = orders.into_iter().filter_map(|order| {
        let id = order.id.unwrap_or_else(|| PaymentOrderId::from_uuid(Uuid::new_v4()));
        Some(Order { id, seller: order.seller?, amount: order.amount?, tax_free: order.tax_free, name: order.name })
    });
    Some(whole_orders.collect::<Vec<_>>()).filter(|orders| orders.len() == count)
}

fn order(path: String, body: NewOrderBody, accepted: &Accepted<'_>, errors: &mut FieldErrors) -> ReadOrder {
    let currency = body.currency.filter(|currency| accepted.currencies.contains(currency));
    if let (Some(refused), None) = (body.currency, currency) {
        let taken: Vec<&str> = accepted.currencies.iter().map(|currency| currency.code()).collect();
        let taken = taken.join(", ");
        let detail = format!("this marketplace takes payments in {taken}; it has no payment keys for {refused}");
        errors.add(format!("{path}currency"), FieldCode::Invalid, detail);
    }
    let amount = match (body.amount, currency) {
        (Some(amount), Some(currency)) => read_amount(&amount, currency),
        // Digits are digits in every currency.
        (Some(amount), None) => read_amount(&amount, Currency::Usd).map(|_| None),
        (None, _) => Ok(None),
    };
    let amount = amount.map_err(|error| errors.add(format!("{path}amount"), FieldCode::Invalid, error)).ok().flatten();
    let tax_free = body.tax_free_amount.zip(currency).map(|(text, currency)| untaxed(&text, currency, amount));
    let tax_free = tax_free.transpose().map_err(|error| {
        errors.add(format!("{path}tax_free_amount"), FieldCode::Invalid, error);
    });
    let tax_free = tax_free.ok().flatten();
    ReadOrder { path, id: body.payment_order_id, seller: body.seller_account, amount, tax_free, name: body.name }
}

/// A part without tax: no more than the amount, where that could be read.
fn untaxed(text: &str, currency: Currency, amount: Option<Money>) -> Result<Money, String> {
    let part = Money::parse(text, currency).map_err(|error| error.to_string())?;
    let is_part = amount.is_none_or(|amount| amount.minus(part).is_ok());
    if is_part { Ok(part) } else { Err(PlanError::TaxFree { index: 0 }.to_string()) }
}

fn read_amount(text: &str, currency: Currency) -> Result<Option<Money>, String> {
    let amount = Money::parse(text, currency).map_err(|error| error.to_string())?;
    if amount.is_zero() { Err(PlanError::ZeroAmount { index: 0 }.to_string()) } else { Ok(Some(amount)) }
}

/// What the orders must keep to together: ids that differ, one currency, and a sum that the PSP takes.
fn check_together(orders: &[ReadOrder], accepted: &Accepted<'_>, errors: &mut FieldErrors) {
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
            let least = PaymentMethod::least_payment(accepted.methods, currency);
            if all_read && total.minor() < least.minor() {
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
        PlanError::ItemName { index } => format!("payment_orders[{index}].name"),
        PlanError::ZeroAmount { index } => format!("payment_orders[{index}].amount"),
        PlanError::TaxFree { index } => format!("payment_orders[{index}].tax_free_amount"),
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
    use crate::http::table::tests::assert_lengths;

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

    fn read_in(currency: Currency, body: &Value) -> Result<NewCheckout, Problem> {
        let accepted = Accepted { return_hosts: &hosts(), currencies: &[currency], methods: &[PaymentMethod::Card] };
        read(&JsonBody::parse(body.to_string().as_bytes()).unwrap(), &accepted)
    }

    fn read_value(body: &Value) -> Result<NewCheckout, Problem> {
        read_in(Currency::Krw, body)
    }

    fn with(pointer: &str, value: Value) -> Value {
        let mut body = full();
        *body.pointer_mut(pointer).unwrap() = value;
        body
    }

    #[test]
    fn the_lengths_of_the_document_are_those_of_the_reader() {
        assert_lengths::<NewCheckoutBody>(3);
        assert_lengths::<BuyerInfoBody>(3);
        assert_lengths::<CardBody>(1);
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
    fn the_window_is_asked_for_what_it_has() {
        let fields = |read: Result<NewCheckout, Problem>| -> Vec<String> {
            let problem = read.unwrap_err();
            problem.fields().iter().map(|error| error.field.clone()).collect()
        };
        let (mut won, mut dollars) = (full(), full());
        for body in [&mut won, &mut dollars] {
            body["use_escrow"] = json!(true);
            body["cash_receipt_for"] = json!("NONE");
        }
        for order in dollars["payment_orders"].as_array_mut().unwrap() {
            order["currency"] = json!("USD");
        }
        let with = |currency, methods: &[PaymentMethod], body: &Value| {
            let accepted = Accepted { return_hosts: &hosts(), currencies: &[currency], methods };
            read(&JsonBody::parse(body.to_string().as_bytes()).unwrap(), &accepted)
        };
        let all = &PaymentMethod::ALL;
        assert_eq!(fields(with(Currency::Usd, all, &dollars)), ["use_escrow", "cash_receipt_for"]);
        assert_eq!(fields(with(Currency::Krw, &[PaymentMethod::Card], &won)), ["use_escrow"]);
        let read = with(Currency::Krw, &[PaymentMethod::Card, PaymentMethod::Transfer], &won).unwrap();
        let window = read.plan.fields().window;
        assert_eq!(window, WindowTerms { use_escrow: true, cash_receipt: Some(ReceiptPreset::None) });
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
            "payment_orders[2].currency",
            "payment_orders[3]",
            "success_url",
            "fail_url",
            "metadata",
        ] {
            assert!(fields.contains(&field), "{field} is missing in {fields:?}");
        }
        assert_eq!(fields.len(), 15, "{fields:?}");
    }

    #[test]
    fn less_than_the_psp_takes_is_refused_and_the_least_is_named() {
        let of = |amount: &str, currency: &str| {
            let order = json!({ "seller_account": "s", "amount": amount, "currency": currency });
            read_in(currency.parse().unwrap(), &with("/payment_orders", json!([order])))
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
        let by = |methods: &[PaymentMethod]| {
            let order = json!({ "seller_account": "s", "amount": "199", "currency": "KRW" });
            let body = with("/payment_orders", json!([order]));
            let accepted = Accepted { return_hosts: &hosts(), currencies: &[Currency::Krw], methods };
            read(&JsonBody::parse(body.to_string().as_bytes()).unwrap(), &accepted)
        };
        use PaymentMethod::{Card, Transfer, VirtualAccount};
        assert!(by(&[Card, VirtualAccount]).is_ok(), "a card pays it");
        let problem = by(&[VirtualAccount, Transfer]).unwrap_err();
        assert!(problem.fields()[0].detail.contains("200 KRW"), "{problem:?}");
    }

    #[test]
    fn a_currency_without_keys_at_the_psp_is_refused() {
        let order = json!([{ "seller_account": "s", "amount": "10.00", "currency": "USD" }]);
        let problem = read_value(&with("/payment_orders", order.clone())).unwrap_err();
        assert_eq!(problem.fields()[0].field, "payment_orders[0].currency");
        let detail = &problem.fields()[0].detail;
        assert!(detail.contains("payments in KRW") && detail.contains("keys for USD"), "{detail}");
        assert!(read_in(Currency::Usd, &with("/payment_orders", order)).is_ok());
    }

    #[test]
    fn a_card_number_is_refused_and_not_repeated() {
        let problem = read_value(&with("/credit_card_info/token", json!("4111 1111 1111 1111"))).unwrap_err();
        assert_eq!(problem.code(), Code::CardNumberRefused);
        assert!(!format!("{problem:?}").contains("4111"));
    }
}
