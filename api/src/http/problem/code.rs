//! Every way in which a request can fail, and the HTTP status of each: this table decides it, and nothing else does.

use axum::http::StatusCode;

/// Every way in which a request can fail. The code is part of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    AddressMalformed,
    AddressTooLong,
    AmbiguousId,
    AmountMismatch,
    BodyMalformed,
    BodyNotExpected,
    BodyTimeout,
    BodyTooLarge,
    CancelNotAccepted,
    CardNumberRefused,
    CheckoutExists,
    CheckoutNotFound,
    ConfirmNotAccepted,
    ConfirmTokenInvalid,
    ConfirmationUnderWay,
    CursorUnknown,
    DatabaseUnavailable,
    DeadLetterNotActionable,
    DeadLetterNotFound,
    DeadlineExceeded,
    EventsExpired,
    Forbidden,
    FourEyes,
    HeaderRepeated,
    HeadersTooLarge,
    IdempotencyKeyInvalid,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    Internal,
    MethodNotAllowed,
    NoWorker,
    NotCancelable,
    NotConfirmable,
    NotDecodable,
    NotFound,
    NotPaid,
    NotReady,
    NothingToAsk,
    OrderMismatch,
    Overloaded,
    PaymentDeclined,
    PreviewOutdated,
    RateLimited,
    RefundAccountRequired,
    RefundDecided,
    RefundExceedsPayment,
    RefundLimitExceeded,
    RefundNotFound,
    RefundRefused,
    RequestInProgress,
    TemporalUnavailable,
    TooManySignals,
    Unauthorized,
    UnsupportedMediaType,
    ValidationFailed,
}

impl Code {
    /// Every code; a test holds it against the table below.
    pub(crate) const ALL: [Self; 55] = [
        Self::AddressMalformed,
        Self::AddressTooLong,
        Self::AmbiguousId,
        Self::AmountMismatch,
        Self::BodyMalformed,
        Self::BodyNotExpected,
        Self::BodyTimeout,
        Self::BodyTooLarge,
        Self::CancelNotAccepted,
        Self::CardNumberRefused,
        Self::CheckoutExists,
        Self::CheckoutNotFound,
        Self::ConfirmNotAccepted,
        Self::ConfirmTokenInvalid,
        Self::ConfirmationUnderWay,
        Self::CursorUnknown,
        Self::DatabaseUnavailable,
        Self::DeadLetterNotActionable,
        Self::DeadLetterNotFound,
        Self::DeadlineExceeded,
        Self::EventsExpired,
        Self::Forbidden,
        Self::FourEyes,
        Self::HeaderRepeated,
        Self::HeadersTooLarge,
        Self::IdempotencyKeyInvalid,
        Self::IdempotencyKeyMissing,
        Self::IdempotencyKeyReused,
        Self::Internal,
        Self::MethodNotAllowed,
        Self::NoWorker,
        Self::NotCancelable,
        Self::NotConfirmable,
        Self::NotDecodable,
        Self::NotFound,
        Self::NotPaid,
        Self::NotReady,
        Self::NothingToAsk,
        Self::OrderMismatch,
        Self::Overloaded,
        Self::PaymentDeclined,
        Self::PreviewOutdated,
        Self::RateLimited,
        Self::RefundAccountRequired,
        Self::RefundDecided,
        Self::RefundExceedsPayment,
        Self::RefundLimitExceeded,
        Self::RefundNotFound,
        Self::RefundRefused,
        Self::RequestInProgress,
        Self::TemporalUnavailable,
        Self::TooManySignals,
        Self::Unauthorized,
        Self::UnsupportedMediaType,
        Self::ValidationFailed,
    ];

    /// The code, the status and the title. A title says the same of every problem of its code.
    pub(super) const fn row(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::AddressMalformed => ("address_malformed", StatusCode::BAD_REQUEST, "The address cannot be read"),
            Self::AddressTooLong => ("address_too_long", StatusCode::URI_TOO_LONG, "The address is too long"),
            Self::AmbiguousId => ("ambiguous_id", StatusCode::CONFLICT, "The id names two things"),
            Self::AmountMismatch => ("amount_mismatch", StatusCode::UNPROCESSABLE_ENTITY, "The amount differs"),
            Self::BodyMalformed => ("body_malformed", StatusCode::BAD_REQUEST, "The body cannot be read"),
            Self::BodyNotExpected => ("body_not_expected", StatusCode::BAD_REQUEST, "The route takes no body"),
            Self::BodyTimeout => ("body_timeout", StatusCode::REQUEST_TIMEOUT, "The body took too long to arrive"),
            Self::BodyTooLarge => ("body_too_large", StatusCode::PAYLOAD_TOO_LARGE, "The body is too large"),
            Self::CancelNotAccepted => {
                ("cancel_not_accepted", StatusCode::SERVICE_UNAVAILABLE, "The cancellation was not accepted yet")
            }
            Self::CardNumberRefused => {
                ("card_number_refused", StatusCode::UNPROCESSABLE_ENTITY, "Card numbers are not accepted")
            }
            Self::CheckoutExists => ("checkout_exists", StatusCode::CONFLICT, "The checkout exists already"),
            Self::CheckoutNotFound => ("checkout_not_found", StatusCode::NOT_FOUND, "There is no such checkout"),
            Self::ConfirmNotAccepted => {
                ("confirm_not_accepted", StatusCode::SERVICE_UNAVAILABLE, "The confirmation was not accepted yet")
            }
            Self::ConfirmTokenInvalid => {
                ("confirm_token_invalid", StatusCode::FORBIDDEN, "The confirmation token is missing or wrong")
            }
            Self::ConfirmationUnderWay => (
                "confirmation_under_way",
                StatusCode::TOO_MANY_REQUESTS,
                "Another payment of this checkout is being confirmed",
            ),
            Self::CursorUnknown => {
                ("cursor_unknown", StatusCode::UNPROCESSABLE_ENTITY, "The position is none of this event log")
            }
            Self::DatabaseUnavailable => {
                ("database_unavailable", StatusCode::SERVICE_UNAVAILABLE, "The database cannot be reached")
            }
            Self::DeadLetterNotActionable => {
                ("dead_letter_not_actionable", StatusCode::CONFLICT, "The dead letter does not take this")
            }
            Self::DeadLetterNotFound => {
                ("dead_letter_not_found", StatusCode::NOT_FOUND, "There is no such dead letter")
            }
            Self::DeadlineExceeded => {
                ("deadline_exceeded", StatusCode::SERVICE_UNAVAILABLE, "The answer took too long")
            }
            Self::EventsExpired => ("events_expired", StatusCode::GONE, "The events are not kept any more"),
            Self::Forbidden => ("forbidden", StatusCode::FORBIDDEN, "The API key may not do this"),
            Self::FourEyes => ("four_eyes", StatusCode::FORBIDDEN, "A second principal has to decide"),
            Self::HeaderRepeated => ("header_repeated", StatusCode::BAD_REQUEST, "A header stands more than once"),
            Self::HeadersTooLarge => {
                ("headers_too_large", StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too large")
            }
            Self::IdempotencyKeyInvalid => {
                ("idempotency_key_invalid", StatusCode::BAD_REQUEST, "The idempotency key is malformed")
            }
            Self::IdempotencyKeyMissing => {
                ("idempotency_key_missing", StatusCode::BAD_REQUEST, "An idempotency key is required")
            }
            Self::IdempotencyKeyReused => (
                "idempotency_key_reused",
                StatusCode::UNPROCESSABLE_ENTITY,
                "The idempotency key belongs to another request",
            ),
            Self::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong on our side"),
            Self::MethodNotAllowed => {
                ("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED, "The method is not served here")
            }
            Self::NoWorker => ("no_worker", StatusCode::SERVICE_UNAVAILABLE, "No worker serves the task queue"),
            Self::NotCancelable => ("not_cancelable", StatusCode::CONFLICT, "There is nothing to cancel"),
            Self::NotConfirmable => ("not_confirmable", StatusCode::CONFLICT, "The checkout takes no payment"),
            Self::NotDecodable => ("not_decodable", StatusCode::UNPROCESSABLE_ENTITY, "The payloads cannot be opened"),
            Self::NotFound => ("not_found", StatusCode::NOT_FOUND, "There is nothing at this address"),
            Self::NotPaid => ("not_paid", StatusCode::CONFLICT, "The checkout is not paid"),
            Self::NotReady => ("not_ready", StatusCode::SERVICE_UNAVAILABLE, "Not ready to take work"),
            Self::NothingToAsk => {
                ("nothing_to_ask", StatusCode::CONFLICT, "There is nothing to ask the payment provider")
            }
            Self::OrderMismatch => ("order_mismatch", StatusCode::UNPROCESSABLE_ENTITY, "The order differs"),
            Self::Overloaded => ("overloaded", StatusCode::SERVICE_UNAVAILABLE, "Too many requests are being served"),
            Self::PaymentDeclined => ("payment_declined", StatusCode::PAYMENT_REQUIRED, "The payment was declined"),
            Self::PreviewOutdated => {
                ("preview_outdated", StatusCode::CONFLICT, "Others are chosen now than the preview showed")
            }
            Self::RateLimited => ("rate_limited", StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
            Self::RefundAccountRequired => (
                "refund_account_required",
                StatusCode::UNPROCESSABLE_ENTITY,
                "The refund needs an account of the buyer",
            ),
            Self::RefundDecided => ("refund_decided", StatusCode::CONFLICT, "The refund is decided already"),
            Self::RefundExceedsPayment => {
                ("refund_exceeds_payment", StatusCode::UNPROCESSABLE_ENTITY, "Less than that is left to refund")
            }
            Self::RefundLimitExceeded => {
                ("refund_limit_exceeded", StatusCode::FORBIDDEN, "The API key gives back no more today")
            }
            Self::RefundNotFound => ("refund_not_found", StatusCode::NOT_FOUND, "There is no such refund"),
            Self::RefundRefused => ("refund_refused", StatusCode::CONFLICT, "The refund was refused"),
            Self::RequestInProgress => {
                ("request_in_progress", StatusCode::TOO_MANY_REQUESTS, "The first request is still in progress")
            }
            Self::TemporalUnavailable => {
                ("temporal_unavailable", StatusCode::SERVICE_UNAVAILABLE, "Temporal cannot be reached")
            }
            Self::TooManySignals => {
                ("too_many_signals", StatusCode::TOO_MANY_REQUESTS, "The workflow takes no more signals")
            }
            Self::Unauthorized => ("unauthorized", StatusCode::UNAUTHORIZED, "A valid API key is required"),
            Self::UnsupportedMediaType => {
                ("unsupported_media_type", StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body has another media type")
            }
            Self::ValidationFailed => {
                ("validation_failed", StatusCode::UNPROCESSABLE_ENTITY, "Some fields are not valid")
            }
        }
    }

    /// Whether the same request may succeed in a moment.
    pub(crate) const fn is_transient(self) -> bool {
        match self {
            Self::CancelNotAccepted
            | Self::ConfirmNotAccepted
            | Self::ConfirmationUnderWay
            | Self::DatabaseUnavailable
            | Self::DeadlineExceeded
            | Self::NoWorker
            | Self::NotReady
            | Self::Overloaded
            | Self::RateLimited
            | Self::RequestInProgress
            | Self::TemporalUnavailable => true,
            Self::AddressMalformed
            | Self::AddressTooLong
            | Self::AmbiguousId
            | Self::AmountMismatch
            | Self::BodyMalformed
            | Self::BodyNotExpected
            | Self::BodyTimeout
            | Self::BodyTooLarge
            | Self::CardNumberRefused
            | Self::CheckoutExists
            | Self::CheckoutNotFound
            | Self::ConfirmTokenInvalid
            | Self::CursorUnknown
            | Self::DeadLetterNotActionable
            | Self::DeadLetterNotFound
            | Self::EventsExpired
            | Self::Forbidden
            | Self::FourEyes
            | Self::HeaderRepeated
            | Self::HeadersTooLarge
            | Self::IdempotencyKeyInvalid
            | Self::IdempotencyKeyMissing
            | Self::IdempotencyKeyReused
            | Self::Internal
            | Self::MethodNotAllowed
            | Self::NotCancelable
            | Self::NotConfirmable
            | Self::NotDecodable
            | Self::NotFound
            | Self::NotPaid
            | Self::NothingToAsk
            | Self::OrderMismatch
            | Self::PaymentDeclined
            | Self::PreviewOutdated
            | Self::RefundAccountRequired
            | Self::RefundDecided
            | Self::RefundExceedsPayment
            | Self::RefundLimitExceeded
            | Self::RefundNotFound
            | Self::RefundRefused
            | Self::TooManySignals
            | Self::Unauthorized
            | Self::UnsupportedMediaType
            | Self::ValidationFailed => false,
        }
    }

    /// Its name in the API.
    pub(crate) const fn name(self) -> &'static str {
        self.row().0
    }

    /// What it says of every problem of its kind.
    pub(crate) const fn title(self) -> &'static str {
        self.row().2
    }

    /// The status that says it.
    pub(crate) const fn status(self) -> StatusCode {
        self.row().1
    }
}
