//! `/v1/payments/{id}/cash-receipts`: what Toss says of the cash receipts of a payment, and a receipt that is asked for
//! after the payment.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use domain::{
    Money,
    cash_receipt::{CashReceipt, ReceiptPurpose, ReceiptRequest, ReceiptStanding},
    id::CheckoutId,
};
use serde::Serialize;
use serde_json::{Value, json};
use service::cash_receipt::WantedReceipt;

use crate::{
    Api,
    http::{
        body::JsonBody,
        caller::{CheckoutCaller, ReadCaller},
        fields::FieldErrors,
        forms::{none_of, text_form},
        marks::is_about,
        problem::{FieldCode, Problem},
        replay::replayed,
        table::body,
        values::{decimal, rfc3339},
    },
    openapi::{
        refusals::refusals,
        shapes::{
            Amount, Balance, CheckoutName, CurrencyCode, Instant, ReceiptEntryName, ReceiptPurposeName,
            ReceiptRequestStatusName, ReceiptStandingName, ReceiptStatusName,
        },
    },
    routes::{
        checkout::{Idempotent, idempotency_key},
        shapes::FailureBody,
    },
};

refusals! {
    ReceiptRefusals: CheckoutNotFound;
    RequestRefusals:
        CashReceiptRefused,
        CheckoutNotFound,
        EncryptionKeysMissing,
        IdempotencyKeyInvalid,
        IdempotencyKeyMissing,
        IdempotencyKeyReused,
        NotPaid,
        ValidationFailed;
}

body! {
    /// A cash receipt to be issued for a payment that has none.
    pub(crate) struct NewReceiptBody as "NewCashReceipt" with example new_receipt {
        purpose: required PurposeForm,
        /// Whom it is for: a person's telephone number of 10 or 11 digits, or for `EXPENSE_PROOF` the 10 digits of a
        /// business. Dashes may stand between the digits. It is kept sealed until the payment provider has answered,
        /// and then forgotten.
        number: required IdentityNumber,
    }
}

text_form! {
    /// The purpose of a cash receipt.
    PurposeForm: ReceiptPurpose = |text| {
        ReceiptPurpose::parse(text).ok_or_else(|| none_of(ReceiptPurpose::ALL.map(ReceiptPurpose::as_str)))
    },
    |text| text.enum_values(Some(ReceiptPurpose::ALL.map(ReceiptPurpose::as_str)))
}
text_form! {
    /// A telephone number, or the number of a business. The number of a card is none.
    IdentityNumber: String = identity_number,
    |text| text.min_length(Some(10)).max_length(Some(MAX_NUMBER_CHARS)).pattern(Some("^[0-9][0-9-]*[0-9]$"))
}

/// The most characters of a number with its dashes.
const MAX_NUMBER_CHARS: usize = 16;

fn identity_number(text: &str) -> Result<String, &'static str> {
    const WRONG: &str = "has 10 or 11 digits, with dashes between them";
    let is_written = text.len() <= MAX_NUMBER_CHARS && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let is_number = is_written && !text.starts_with('-') && !text.ends_with('-') && (10..=11).contains(&digits.len());
    is_number.then_some(digits).ok_or(WRONG)
}

fn new_receipt() -> Value {
    json!({ "purpose": "INCOME_DEDUCTION", "number": "010-1234-5678" })
}

/// The cash receipts of a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = CashReceipts)]
pub(crate) struct ReceiptsBody {
    #[schema(value_type = CheckoutName)]
    checkout_id: String,
    /// Where the receipts stand together; null before Toss's first answer, and for a payment that was not paid like
    /// cash.
    #[schema(value_type = Option<ReceiptStandingName>)]
    standing: Option<&'static str>,
    /// When Toss was asked last.
    #[schema(value_type = Option<Instant>)]
    looked_at: Option<String>,
    receipts: Vec<ReceiptBody>,
    /// The receipts that were asked for after the payment, and what refunds take back of them, the oldest first.
    requests: Vec<RequestBody>,
}

/// A cash receipt that was asked for after the payment, or a part of it that is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = CashReceiptRequest)]
struct RequestBody {
    request_id: String,
    #[schema(value_type = ReceiptEntryName)]
    entry: &'static str,
    #[schema(value_type = Option<ReceiptPurposeName>)]
    purpose: Option<&'static str>,
    #[schema(value_type = ReceiptRequestStatusName)]
    status: &'static str,
    /// Null until it is sent: a receipt is for all that is left of the payment then.
    #[schema(value_type = Option<Amount>)]
    amount: Option<String>,
    /// The receipt that came of it.
    receipt_key: Option<String>,
    failure: Option<FailureBody>,
    #[schema(value_type = Instant)]
    requested_at: String,
}

/// A cash receipt, or the cancellation of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = CashReceipt)]
pub(crate) struct ReceiptBody {
    /// Toss's name of it.
    receipt_key: String,
    #[schema(value_type = ReceiptEntryName)]
    entry: &'static str,
    #[schema(value_type = Option<ReceiptPurposeName>)]
    purpose: Option<&'static str>,
    #[schema(value_type = Amount)]
    amount: String,
    /// The part of the amount without tax.
    #[schema(value_type = Balance)]
    tax_free_amount: String,
    #[schema(value_type = CurrencyCode)]
    currency: &'static str,
    #[schema(value_type = ReceiptStatusName)]
    status: &'static str,
    /// Its number at the tax office.
    number: Option<String>,
    receipt_url: Option<String>,
    /// Why the tax office refused it.
    failure: Option<FailureBody>,
    #[schema(value_type = Option<Instant>)]
    requested_at: Option<String>,
}

/// Read the cash receipts of a payment
///
/// Each receipt and each cancellation that Toss names, the oldest first. Toss issues a receipt with the payment, and
/// takes it back with a refund.
#[utoipa::path(
    get,
    path = "/{id}/cash-receipts",
    operation_id = "read_cash_receipts",
    tag = "Payments",
    security(("bearer" = ["read"])),
    params(("id" = CheckoutName, Path, description = "The checkout")),
    responses((status = 200, description = "The receipts", body = ReceiptsBody), ReceiptRefusals)
)]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    _: ReadCaller,
    Path(id): Path<String>,
) -> Result<Json<ReceiptsBody>, Problem> {
    let id = CheckoutId::parse(id).map_err(|_| Problem::no_checkout())?;
    api.service.reader.checkout(&id).await?.ok_or_else(Problem::no_checkout)?;
    Ok(Json(ReceiptsBody::of(&api, &id).await?))
}

/// Ask for a cash receipt
///
/// For a payment by virtual account or bank transfer in won whose buyer asked for no receipt in the payment window. The
/// receipt is for what is left of the payment, and refunds take it back in part or whole. The payment provider is asked
/// within a minute; the answer tells how far it is. A payment has one receipt: a second is refused, unless the tax
/// office refused the first.
#[utoipa::path(
    post,
    path = "/{id}/cash-receipts",
    operation_id = "request_cash_receipt",
    tag = "Payments",
    security(("bearer" = ["checkout"])),
    params(("id" = CheckoutName, Path, description = "The checkout"), Idempotent),
    request_body = NewReceiptBody,
    responses((status = 202, description = "It is asked for", body = ReceiptsBody), RequestRefusals)
)]
pub(crate) async fn request(
    State(api): State<Arc<Api>>,
    caller: CheckoutCaller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<JsonBody, Problem>,
) -> Result<Response, Problem> {
    let key = idempotency_key(&headers)?;
    let (body, mut errors) = (body?, FieldErrors::default());
    let NewReceiptBody { purpose, number } = NewReceiptBody::read(&body.fields(), &mut errors);
    if number.as_ref().is_some_and(|number| purpose == Some(ReceiptPurpose::ExpenseProof) && number.len() != 10) {
        errors.add("number".to_owned(), FieldCode::Invalid, "the number of a business has 10 digits");
    }
    let (purpose, number) = errors.finish(purpose.zip(number))?;
    let id = CheckoutId::parse(id).map_err(|_| Problem::no_checkout())?;
    is_about(&id);
    let wanted = WantedReceipt { checkout_id: &id, purpose, number: &number, key: &key };
    let is_replayed = service::cash_receipt::request(&api.service, &caller.caller(), wanted).await?;
    let body = ReceiptsBody::of(&api, &id).await?;
    Ok(replayed((StatusCode::ACCEPTED, Json(body)).into_response(), is_replayed))
}

impl ReceiptsBody {
    async fn of(api: &Api, id: &CheckoutId) -> Result<Self, Problem> {
        let found = api.service.reader.cash_receipts(id).await?;
        let requests = api.service.reader.receipt_requests(id).await?;
        Ok(Self {
            checkout_id: id.to_string(),
            standing: found.standing.map(ReceiptStanding::as_str),
            looked_at: found.looked_at.map(rfc3339),
            receipts: found.receipts.into_iter().map(ReceiptBody::new).collect(),
            requests: requests.into_iter().map(RequestBody::new).collect(),
        })
    }
}

impl RequestBody {
    fn new(request: ReceiptRequest) -> Self {
        Self {
            request_id: request.id.to_string(),
            entry: request.entry.as_str(),
            purpose: request.purpose.map(ReceiptPurpose::as_str),
            status: request.status.as_str(),
            amount: request.amount.map(Money::to_decimal_string),
            receipt_key: request.receipt_key,
            failure: request.failure.as_ref().map(|failure| FailureBody::new(failure, false)),
            requested_at: rfc3339(request.requested_at),
        }
    }
}

impl ReceiptBody {
    pub(crate) fn new(receipt: CashReceipt) -> Self {
        let (amount, currency) = decimal(receipt.amount);
        Self {
            entry: receipt.entry.as_str(),
            purpose: receipt.purpose.map(ReceiptPurpose::as_str),
            amount,
            tax_free_amount: decimal(receipt.tax_free).0,
            currency,
            status: receipt.status.as_str(),
            number: receipt.number,
            receipt_url: receipt.url,
            failure: receipt.failure.as_ref().map(|failure| FailureBody::new(failure, false)),
            requested_at: receipt.requested_at.map(rfc3339),
            receipt_key: receipt.key,
        }
    }
}
