//! The parameters of addresses and headers, as the document tells them.
#![expect(dead_code, reason = "the fields are read by the derive alone")]

use utoipa::IntoParams;

use super::shapes::{
    ApprovalName, BuyerName, CheckoutName, CurrencyCode, LetterStatusName, PaymentOrderName, ReasonName, SellerName,
    StatusName,
};

/// Makes a request safe to repeat.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct Idempotent {
    /// Unique for each new thing that is asked for: 1 to 255 visible ASCII characters, bare or in quotes. The same
    /// request with the same key is answered as the first time, with `Idempotent-Replayed: true`. Keys are honoured
    /// for at least 24 hours.
    #[param(
        rename = "Idempotency-Key",
        example = "order-2026-1",
        pattern = r#"^([!#-~][!-~]{0,254}|"([!#-\[\]-~]|\\["\\]){1,255}")$"#
    )]
    idempotency_key: String,
}

/// Which of two things of one id.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChosenKind {
    /// Whether the id names a checkout or a payment order. Needed for an id of older data that names both.
    #[param(inline)]
    kind: Option<PaymentKind>,
}

/// A checkout or a payment order.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "snake_case")]
enum PaymentKind {
    Checkout,
    PaymentOrder,
}

/// A page of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Paging {
    /// The number of items of a page; 50 by default.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u64>,
    /// `next_cursor` of the page before; the list begins anew without it.
    cursor: Option<String>,
}

/// The past.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Past {
    /// As of this instant, RFC 3339; now by default.
    #[param(format = "date-time")]
    at: Option<String>,
    /// Which of an entry's two times counts; when it happened by default.
    #[param(inline)]
    by: Option<By>,
}

/// One of an entry's two times.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "snake_case")]
enum By {
    Occurred,
    Booked,
}

/// Which checkouts.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChosenCheckouts {
    #[param(value_type = Option<StatusName>)]
    status: Option<String>,
    /// With a payment order of this seller.
    #[param(value_type = Option<SellerName>)]
    seller_account: Option<String>,
    #[param(value_type = Option<BuyerName>)]
    buyer_id: Option<String>,
    /// The first instant that counts, RFC 3339.
    #[param(format = "date-time")]
    created_from: Option<String>,
    /// The first instant that does not, RFC 3339.
    #[param(format = "date-time")]
    created_to: Option<String>,
}

/// Which time and which reason.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChosenTimes {
    /// The first instant that counts, RFC 3339; of what happened.
    #[param(format = "date-time")]
    from: Option<String>,
    /// The first instant that does not, RFC 3339.
    #[param(format = "date-time")]
    to: Option<String>,
    #[param(value_type = Option<ReasonName>)]
    reason: Option<String>,
}

/// What it is about.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChosenSubject {
    #[param(value_type = Option<CheckoutName>)]
    checkout_id: Option<String>,
    #[param(value_type = Option<PaymentOrderName>)]
    payment_order_id: Option<String>,
}

/// Which currency.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChosenCurrency {
    #[param(value_type = Option<CurrencyCode>)]
    currency: Option<String>,
}

/// Which seller.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChosenSeller {
    #[param(value_type = Option<SellerName>)]
    seller_account: Option<String>,
}

/// Which refunds.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChosenApprovals {
    /// Those that stand there; without it, all that wait or waited for a second principal.
    #[param(value_type = Option<ApprovalName>)]
    approval: Option<String>,
}

/// Which dead letters.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChosenLetters {
    #[param(value_type = Option<LetterStatusName>)]
    status: Option<String>,
    /// The step that failed, such as `psp.confirm`.
    step: Option<String>,
    /// Its error code.
    code: Option<String>,
    #[param(value_type = Option<CheckoutName>)]
    checkout_id: Option<String>,
    /// The first instant that counts, RFC 3339.
    #[param(format = "date-time")]
    created_from: Option<String>,
    /// The first instant that does not, RFC 3339.
    #[param(format = "date-time")]
    created_to: Option<String>,
}

/// Which part of the event log.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChosenEvents {
    /// The events behind this position; from the oldest kept on without it.
    #[param(minimum = 0, maximum = 9_007_199_254_740_991_u64)]
    after: Option<u64>,
    /// How many events the answer has at most; 100 unless it is said.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u64>,
    /// Of these types, with commas between them.
    #[param(pattern = r"^[a-z_]+\.[a-z_]+(,[a-z_]+\.[a-z_]+)*$")]
    r#type: Option<String>,
    /// How long to wait for an event, in seconds; the answer comes at once unless it is said.
    #[param(minimum = 0, maximum = 30)]
    wait_s: Option<u64>,
    /// `log_id` of the answer that `after` comes from. A position of another log is refused.
    log_id: Option<String>,
}

/// The author of a change.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChosenActor {
    /// The id of an API key, or the name of a person.
    actor: Option<String>,
}
