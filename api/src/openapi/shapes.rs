//! Schemas of values that `domain` and `store` own, which know nothing of HTTP; and of bodies that are read field
//! by field.

use std::borrow::Cow;

use domain::{checkout::Status, ledger::Reason};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

/// Declares a type that stands for a text of a fixed list.
macro_rules! text_of_a_list {
    ($(#[doc = $doc:literal])+ $name:ident, $public:literal, $list:expr) => {
        $(#[doc = $doc])+
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let description = [$($doc),+].map(str::trim).join(" ");
                ObjectBuilder::new().schema_type(Type::String).enum_values(Some($list)).description(Some(description)).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                $public.into()
            }
        }
    };
}

text_of_a_list! {
    /// Where a checkout or a payment order stands.
    StatusName, "Status", Status::ALL.map(Status::as_str)
}
text_of_a_list! {
    /// Why an entry was booked.
    ReasonName, "Reason", Reason::ALL.map(Reason::as_str)
}
text_of_a_list! {
    /// An ISO 4217 code.
    CurrencyCode, "Currency", ["KRW", "USD", "JPY"]
}

/// Declares a type that stands for a text of a form.
macro_rules! text_of_a_form {
    ($(#[doc = $doc:literal])+ $name:ident, $public:literal, $pattern:literal, $example:literal) => {
        $(#[doc = $doc])+
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let description = [$($doc),+].map(str::trim).join(" ");
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .pattern(Some($pattern))
                    .description(Some(description))
                    .examples([$example])
                    .into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                $public.into()
            }
        }
    };
}

text_of_a_form! {
    /// The id of a checkout, and the order number that the buyer and the payment provider see.
    CheckoutName, "CheckoutId", "^[A-Za-z0-9_-]{6,64}$", "order-2026-1"
}
text_of_a_form! {
    /// The id of one seller's part of a checkout.
    PaymentOrderName, "PaymentOrderId", "^[A-Za-z0-9_-]{1,64}$", "order-2026-1-a"
}
text_of_a_form! {
    /// The account a seller is credited on.
    SellerName, "SellerAccount", "^[A-Za-z0-9_.-]{1,64}$", "seller-a"
}
text_of_a_form! {
    /// The marketplace's own id of a buyer.
    BuyerName, "BuyerId", "^[A-Za-z0-9_.:@+-]{1,64}$", "buyer-1"
}
text_of_a_form! {
    /// Money above zero, in decimal digits without a sign. KRW and JPY have no decimals, USD has at most two.
    Amount, "Amount", "^[0-9]+(\\.[0-9]+)?$", "15000"
}
text_of_a_form! {
    /// Money in decimal digits; below zero it has a minus before it.
    Balance, "Balance", "^-?[0-9]+(\\.[0-9]+)?$", "15000"
}
text_of_a_form! {
    /// An instant, RFC 3339 in UTC, to the millisecond.
    Instant, "Instant", "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d{3}Z$", "2026-11-21T09:00:00.000Z"
}
text_of_a_form! {
    /// SHA-256 in lower-case hex.
    Hash, "Hash", "^[0-9a-f]{64}$", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
}

/// Why a payment did not succeed.
#[derive(ToSchema)]
#[schema(as = Failure)]
#[expect(dead_code, reason = "the fields are read by the derive alone")]
pub(crate) struct FailureShape {
    /// The payment provider's error code, or one of ours in lower case.
    code: String,
    /// A sentence for the buyer.
    message: String,
}

/// A checkout to be created.
#[derive(ToSchema)]
#[schema(as = NewCheckout, examples(super::examples::new_checkout))]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the fields are read by the derive alone")]
pub(crate) struct NewCheckout {
    /// Minted when absent.
    #[schema(value_type = Option<CheckoutName>)]
    checkout_id: Option<String>,
    /// What the buyer reads.
    #[schema(min_length = 1, max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
    order_name: String,
    buyer_info: BuyerInfo,
    credit_card_info: Option<CreditCardInfo>,
    /// Each seller's part. All of them have one currency.
    #[schema(min_items = 1, max_items = 100)]
    payment_orders: Vec<NewPaymentOrder>,
    /// Where the buyer is led after paying.
    #[schema(max_length = 1024, pattern = "^https?://[^\\s]+$")]
    success_url: Option<String>,
    /// Where the buyer is led when nothing was paid.
    #[schema(max_length = 1024, pattern = "^https?://[^\\s]+$")]
    fail_url: Option<String>,
    /// Anything of the marketplace's own, at most 4096 bytes; it comes back as it was sent.
    metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

/// Who buys. Only the id is kept.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the fields are read by the derive alone")]
struct BuyerInfo {
    #[schema(value_type = BuyerName)]
    id: String,
    #[schema(max_length = 100)]
    name: Option<String>,
    #[schema(max_length = 254)]
    email: Option<String>,
    #[schema(max_length = 32)]
    phone: Option<String>,
}

/// A card token of the payment provider; it is checked and dropped. Card numbers are refused.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the fields are read by the derive alone")]
struct CreditCardInfo {
    #[schema(max_length = 200)]
    token: Option<String>,
}

/// One seller's part of a new checkout.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the fields are read by the derive alone")]
struct NewPaymentOrder {
    /// Minted when absent.
    #[schema(value_type = Option<PaymentOrderName>)]
    payment_order_id: Option<String>,
    #[schema(value_type = SellerName)]
    seller_account: String,
    #[schema(value_type = Amount)]
    amount: String,
    #[schema(value_type = CurrencyCode)]
    currency: String,
}

/// What was agreed in the payment provider's window.
#[derive(ToSchema)]
#[schema(as = Confirmation, examples(super::examples::confirmation))]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the fields are read by the derive alone")]
pub(crate) struct ConfirmationShape {
    /// The payment provider's key of this payment.
    #[schema(min_length = 1, max_length = 200, pattern = "^[!-~]+$")]
    payment_key: String,
    /// The checkout's id.
    order_id: String,
    #[schema(value_type = Amount)]
    amount: String,
}

#[cfg(test)]
mod tests {
    use domain::checkout::{MAX_ORDER_NAME_CHARS, MAX_ORDERS, MAX_URL_BYTES};

    use crate::openapi::document;

    #[test]
    fn the_limits_are_those_of_the_domain() {
        let fields = &document()["components"]["schemas"]["NewCheckout"]["properties"];
        assert_eq!(fields["order_name"]["maxLength"], MAX_ORDER_NAME_CHARS);
        assert_eq!(fields["payment_orders"]["maxItems"], MAX_ORDERS);
        assert_eq!(fields["success_url"]["maxLength"], MAX_URL_BYTES);
        assert_eq!(fields["fail_url"]["maxLength"], MAX_URL_BYTES);
    }
}
