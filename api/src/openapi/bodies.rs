//! Schemas of the bodies of requests, which are read field by field.
#![expect(dead_code, reason = "the fields are read by the derive alone")]

use utoipa::ToSchema;

use super::shapes::{
    Amount, BuyerName, CheckoutName, CurrencyCode, LetterStatusName, OutcomeName, PaymentOrderName, SellerName,
};

/// A checkout to be created.
#[derive(ToSchema)]
#[schema(as = NewCheckout, examples(super::examples::new_checkout))]
#[serde(deny_unknown_fields)]
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

/// The buyer. Besides the id, what is said of the buyer is kept sealed, and can be erased; without encryption keys it
/// is dropped.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct BuyerInfo {
    #[schema(value_type = BuyerName)]
    id: String,
    #[schema(min_length = 1, max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
    name: Option<String>,
    #[schema(format = "email", max_length = 100)]
    email: Option<String>,
    /// 8 to 15 digits, with a `+` before them, and with dashes or spaces between them.
    #[schema(max_length = 32, pattern = r"^\+?[0-9]+([ -][0-9]+)*$")]
    phone: Option<String>,
}

/// A card token of the payment provider, to count the payments of one card. Card numbers are refused. The token itself
/// is not stored. Its SHA-256 stands in the history of the checkout's workflow, which is sealed where encryption keys
/// are set; and in the risk decisions of the database, there under an encryption key where one is set. Erasing the
/// buyer erases it from the risk decisions.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct CreditCardInfo {
    #[schema(max_length = 200)]
    token: Option<String>,
}

/// One seller's part of a new checkout.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
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
pub(crate) struct ConfirmationShape {
    /// The payment provider's key of this payment.
    #[schema(min_length = 1, max_length = 200, pattern = "^[!-~]+$")]
    payment_key: String,
    /// The checkout's id.
    order_id: String,
    #[schema(value_type = Amount)]
    amount: String,
    /// The `confirm_token` of the checkout; unless an API key of scope `checkout` comes.
    #[schema(max_length = 100)]
    token: Option<String>,
}

/// Money that is to go back.
#[derive(ToSchema)]
#[schema(as = Cancellation, examples(super::examples::cancellation))]
#[serde(deny_unknown_fields)]
pub(crate) struct CancellationShape {
    /// The amount, in the currency of the payment; all that is left by default.
    #[schema(value_type = Option<Amount>)]
    amount: Option<String>,
    /// What the buyer reads.
    #[schema(min_length = 1, max_length = 120, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
    reason: String,
    refund_account: Option<RefundAccount>,
}

/// An account of the buyer's. Needed where the buyer paid into a virtual account, and refused elsewhere. It is told to
/// the payment provider and not kept.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct RefundAccount {
    /// The bank, by its code or its name.
    #[schema(min_length = 1, max_length = 30, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
    bank: String,
    #[schema(pattern = "^[0-9]{1,20}$")]
    account_number: String,
    #[schema(min_length = 1, max_length = 60, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
    holder_name: String,
}

/// Why an operator acts.
#[derive(ToSchema)]
#[schema(as = Action, examples(super::examples::action))]
#[serde(deny_unknown_fields)]
pub(crate) struct ActionShape {
    /// The reason, for the audit log.
    #[schema(min_length = 1, max_length = 500, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
    reason: String,
}

/// The outcome that an operator declares, and why.
#[derive(ToSchema)]
#[schema(as = Resolution, examples(super::examples::resolution))]
#[serde(deny_unknown_fields)]
pub(crate) struct ResolutionShape {
    /// The reason, for the audit log.
    #[schema(min_length = 1, max_length = 500, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
    reason: String,
    /// One of `outcomes` of the letter.
    #[schema(value_type = OutcomeName)]
    outcome: String,
}

/// An action on many dead letters: first with `preview`, then the same once more with the `token` that the preview
/// answered.
#[derive(ToSchema)]
#[schema(as = BulkAction, examples(super::examples::bulk_action))]
#[serde(deny_unknown_fields)]
pub(crate) struct BulkShape {
    #[schema(inline)]
    action: ActionName,
    /// With `resolve`, and with nothing else.
    #[schema(value_type = Option<OutcomeName>)]
    outcome: Option<String>,
    filter: LetterChoice,
    /// The reason, for the audit log.
    #[schema(min_length = 1, max_length = 500, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
    reason: String,
    /// `true` changes nothing.
    preview: Option<bool>,
    /// The most letters, those first that have waited longest; 100 by default.
    #[schema(minimum = 1, maximum = 100)]
    limit: Option<u64>,
    /// From the preview; refused if other letters are chosen now than the preview showed.
    token: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum ActionName {
    Retry,
    Resolve,
    Discard,
}

/// Which dead letters: those that wait for a person, unless a status is named.
#[derive(ToSchema)]
#[schema(as = DeadLetterChoice)]
#[serde(deny_unknown_fields)]
struct LetterChoice {
    #[schema(value_type = Option<LetterStatusName>)]
    status: Option<String>,
    /// The step that failed, such as `psp.confirm`.
    step: Option<String>,
    /// Its error code.
    code: Option<String>,
    #[schema(value_type = Option<CheckoutName>)]
    checkout_id: Option<String>,
    /// The first instant that counts, RFC 3339.
    #[schema(format = "date-time")]
    created_from: Option<String>,
    /// The first instant that does not, RFC 3339.
    #[schema(format = "date-time")]
    created_to: Option<String>,
}

/// An API key of scope `ops`, from a form.
#[derive(ToSchema)]
#[schema(as = SignIn, examples(super::examples::sign_in))]
pub(crate) struct SignInShape {
    key: String,
}

#[cfg(test)]
mod tests {
    use domain::{
        checkout::{MAX_ORDER_NAME_CHARS, MAX_ORDERS, MAX_URL_BYTES},
        refund::MAX_REASON_CHARS,
    };

    use service::dead_letter::MAX_BULK;

    use crate::router::document;

    #[test]
    fn the_limits_are_those_of_the_domain() {
        let fields = &document()["components"]["schemas"]["NewCheckout"]["properties"];
        assert_eq!(fields["order_name"]["maxLength"], MAX_ORDER_NAME_CHARS);
        assert_eq!(fields["payment_orders"]["maxItems"], MAX_ORDERS);
        assert_eq!(fields["success_url"]["maxLength"], MAX_URL_BYTES);
        assert_eq!(fields["fail_url"]["maxLength"], MAX_URL_BYTES);
        let shapes = &document()["components"]["schemas"];
        assert_eq!(shapes["Cancellation"]["properties"]["reason"]["maxLength"], MAX_REASON_CHARS);
        assert_eq!(shapes["BulkAction"]["properties"]["limit"]["maximum"], MAX_BULK);
    }
}
