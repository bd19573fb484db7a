//! Every way in which a request can fail, and the HTTP status of each: this table decides it, and nothing else does.

use axum::http::StatusCode;

/// Declares the codes. A new code is one row.
macro_rules! codes {
    ($($variant:ident($name:literal, $status:ident, $duration:ident, $title:literal);)+) => {
        /// Every way in which a request can fail. The code is part of the API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Code {
            $($variant),+
        }

        impl Code {
            /// Every code.
            pub(crate) const ALL: &[Self] = &[$(Self::$variant),+];

            /// The code's row.
            const fn row(self) -> &'static Row {
                match self {
                    $(Self::$variant => &Row {
                        name: $name,
                        status: StatusCode::$status,
                        duration: Duration::$duration,
                        title: $title,
                    }),+
                }
            }
        }
    };
}

/// How long a problem lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Duration {
    /// The same request may succeed in a moment.
    Passes,
    /// The same request fails again.
    Stays,
}

struct Row {
    name: &'static str,
    status: StatusCode,
    duration: Duration,
    title: &'static str,
}

// The name in the API, the status, how long it lasts, and a title that says the same of every problem of the code.
codes! {
    AccountNotVerifiable("account_not_verifiable", CONFLICT, Stays, "The bank account is not verified");
    AddressMalformed("address_malformed", BAD_REQUEST, Stays, "The address cannot be read");
    AddressTooLong("address_too_long", URI_TOO_LONG, Stays, "The address is too long");
    AmbiguousId("ambiguous_id", CONFLICT, Stays, "The id names two things");
    AmountMismatch("amount_mismatch", UNPROCESSABLE_ENTITY, Stays, "The amount differs");
    BankFileNotFound("bank_file_not_found", NOT_FOUND, Stays, "There is no such bank file");
    BankFileRefused("bank_file_refused", CONFLICT, Stays, "No bank file is given");
    BodyMalformed("body_malformed", BAD_REQUEST, Stays, "The body cannot be read");
    BodyNotExpected("body_not_expected", BAD_REQUEST, Stays, "The route takes no body");
    BodyTimeout("body_timeout", REQUEST_TIMEOUT, Stays, "The body took too long to arrive");
    BodyTooLarge("body_too_large", PAYLOAD_TOO_LARGE, Stays, "The body is too large");
    BreakNotActionable("break_not_actionable", CONFLICT, Stays, "The break does not take this");
    BreakNotFound("break_not_found", NOT_FOUND, Stays, "There is no such break");
    CancelNotAccepted("cancel_not_accepted", SERVICE_UNAVAILABLE, Passes, "The cancellation was not accepted yet");
    CardNumberRefused("card_number_refused", UNPROCESSABLE_ENTITY, Stays, "Card numbers are not accepted");
    CashReceiptRefused("cash_receipt_refused", CONFLICT, Stays, "The payment takes no cash receipt");
    CheckoutExists("checkout_exists", CONFLICT, Stays, "The checkout exists already");
    CheckoutNotFound("checkout_not_found", NOT_FOUND, Stays, "There is no such checkout");
    ConfirmNotAccepted("confirm_not_accepted", SERVICE_UNAVAILABLE, Passes, "The confirmation was not accepted yet");
    ConfirmTokenInvalid("confirm_token_invalid", FORBIDDEN, Stays, "The confirmation token is missing or wrong");
    ConfirmationUnderWay(
        "confirmation_under_way", TOO_MANY_REQUESTS, Passes,
        "Another payment of this checkout is being confirmed"
    );
    CursorUnknown("cursor_unknown", UNPROCESSABLE_ENTITY, Stays, "The position is none of this event log");
    DatabaseUnavailable("database_unavailable", SERVICE_UNAVAILABLE, Passes, "The database cannot be reached");
    DeadLetterNotActionable("dead_letter_not_actionable", CONFLICT, Stays, "The dead letter does not take this");
    DeadLetterNotFound("dead_letter_not_found", NOT_FOUND, Stays, "There is no such dead letter");
    DeadlineExceeded("deadline_exceeded", SERVICE_UNAVAILABLE, Passes, "The answer took too long");
    DeliveryNotFound("delivery_not_found", NOT_FOUND, Stays, "There is no such delivery");
    DigestMismatch("digest_mismatch", CONFLICT, Stays, "It is another than was seen");
    EncryptionKeysMissing("encryption_keys_missing", CONFLICT, Stays, "No encryption keys are set");
    EntryNotReversible("entry_not_reversible", CONFLICT, Stays, "The entry does not take this");
    EventsExpired("events_expired", GONE, Stays, "The events are not kept any more");
    Forbidden("forbidden", FORBIDDEN, Stays, "The API key may not do this");
    FourEyes("four_eyes", FORBIDDEN, Stays, "A second principal has to decide");
    HeaderRepeated("header_repeated", BAD_REQUEST, Stays, "A header stands more than once");
    HeadersTooLarge("headers_too_large", REQUEST_HEADER_FIELDS_TOO_LARGE, Stays, "The headers are too large");
    HoldNotFound("hold_not_found", NOT_FOUND, Stays, "There is no such hold");
    HoldRefused("hold_refused", CONFLICT, Stays, "The books refused the hold");
    IdempotencyKeyInvalid("idempotency_key_invalid", BAD_REQUEST, Stays, "The idempotency key is malformed");
    IdempotencyKeyMissing("idempotency_key_missing", BAD_REQUEST, Stays, "An idempotency key is required");
    IdempotencyKeyReused(
        "idempotency_key_reused", UNPROCESSABLE_ENTITY, Stays,
        "The idempotency key belongs to another request"
    );
    Internal("internal", INTERNAL_SERVER_ERROR, Stays, "Something went wrong on our side");
    MethodNotAllowed("method_not_allowed", METHOD_NOT_ALLOWED, Stays, "The method is not served here");
    NoWorker("no_worker", SERVICE_UNAVAILABLE, Passes, "No worker serves the task queue");
    NotCancelable("not_cancelable", CONFLICT, Stays, "There is nothing to cancel");
    NotConfirmable("not_confirmable", CONFLICT, Stays, "The checkout takes no payment");
    NotDecodable("not_decodable", UNPROCESSABLE_ENTITY, Stays, "The payloads cannot be opened");
    NotFound("not_found", NOT_FOUND, Stays, "There is nothing at this address");
    NotPaid("not_paid", CONFLICT, Stays, "The checkout is not paid");
    NotReady("not_ready", SERVICE_UNAVAILABLE, Passes, "Not ready to take work");
    NothingToAsk("nothing_to_ask", CONFLICT, Stays, "There is nothing to ask the payment provider");
    OrderMismatch("order_mismatch", UNPROCESSABLE_ENTITY, Stays, "The order differs");
    Overloaded("overloaded", SERVICE_UNAVAILABLE, Passes, "Too many requests are being served");
    PaymentDeclined("payment_declined", PAYMENT_REQUIRED, Stays, "The payment was declined");
    PayoutNotActionable("payout_not_actionable", CONFLICT, Stays, "The payout does not take this");
    PayoutNotFound("payout_not_found", NOT_FOUND, Stays, "There is no such payout");
    PayoutRunDecided("payout_run_decided", CONFLICT, Stays, "The payout run is decided already");
    PayoutRunNotFound("payout_run_not_found", NOT_FOUND, Stays, "There is no such payout run");
    PayoutsStopped("payouts_stopped", CONFLICT, Stays, "Payouts are stopped");
    PreviewOutdated("preview_outdated", CONFLICT, Stays, "Others are chosen now than the preview showed");
    RateLimited("rate_limited", TOO_MANY_REQUESTS, Passes, "Too many requests");
    ReconciliationNotFound("reconciliation_not_found", NOT_FOUND, Stays, "The day was never reconciled");
    RefundAccountRequired(
        "refund_account_required", UNPROCESSABLE_ENTITY, Stays,
        "The refund needs an account of the buyer"
    );
    RefundDecided("refund_decided", CONFLICT, Stays, "The refund is decided already");
    RefundExceedsPayment("refund_exceeds_payment", UNPROCESSABLE_ENTITY, Stays, "Less than that is left to refund");
    RefundLimitExceeded("refund_limit_exceeded", FORBIDDEN, Stays, "The API key gives back no more today");
    RefundNotFound("refund_not_found", NOT_FOUND, Stays, "There is no such refund");
    RefundRefused("refund_refused", CONFLICT, Stays, "The refund was refused");
    RequestInProgress("request_in_progress", TOO_MANY_REQUESTS, Passes, "The first request is still in progress");
    SavedCardNotActive("saved_card_not_active", CONFLICT, Stays, "The saved card is not charged");
    SavedCardNotFound("saved_card_not_found", NOT_FOUND, Stays, "There is no such saved card");
    SellerNotFound("seller_not_found", NOT_FOUND, Stays, "There is no such seller");
    SweepRefused("sweep_refused", CONFLICT, Stays, "Nothing is swept");
    TemporalUnavailable("temporal_unavailable", SERVICE_UNAVAILABLE, Passes, "Temporal cannot be reached");
    TooManySignals("too_many_signals", TOO_MANY_REQUESTS, Stays, "The workflow takes no more signals");
    TooManyWebhookEndpoints("too_many_webhook_endpoints", CONFLICT, Stays, "There are too many webhook endpoints");
    Unauthorized("unauthorized", UNAUTHORIZED, Stays, "A valid API key is required");
    UnsupportedMediaType("unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, Stays, "The body has another media type");
    ValidationFailed("validation_failed", UNPROCESSABLE_ENTITY, Stays, "Some fields are not valid");
    WebhookEndpointDisabled("webhook_endpoint_disabled", CONFLICT, Stays, "The webhook endpoint is disabled");
    WebhookEndpointNotFound("webhook_endpoint_not_found", NOT_FOUND, Stays, "There is no such webhook endpoint");
}

impl Code {
    /// Whether the same request may succeed in a moment.
    pub(crate) const fn is_transient(self) -> bool {
        matches!(self.row().duration, Duration::Passes)
    }

    /// The code's name in the API.
    pub(crate) const fn name(self) -> &'static str {
        self.row().name
    }

    /// The title of every problem of the code.
    pub(crate) const fn title(self) -> &'static str {
        self.row().title
    }

    /// The status of every problem of the code.
    pub(crate) const fn status(self) -> StatusCode {
        self.row().status
    }
}
