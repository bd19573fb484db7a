//! The file of transfers of a run that is paid by bank file.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use service::payout::{BankFile, BankFileRequest, take_bank_file};

use super::run_id;
use crate::{
    Api,
    http::{
        body::JsonBody,
        caller::FinanceCaller,
        fields::FieldErrors,
        forms::{Number, Shown, Text},
        marks::Unchanged,
        problem::Problem,
        reading::Reading,
        table::body,
    },
    openapi::{refusals::refusals, shapes::PayoutRunName},
};

/// The most characters of a reason.
const MAX_REASON_CHARS: usize = 500;
/// The most files of a run: a thousand transfers each, of two hundred thousand payouts with as many new attempts.
const MAX_FILES: u64 = 1_000;

refusals! {
    FileRefusals:
        BankFileNotFound, BankFileRefused, DigestMismatch, EncryptionKeysMissing, PayoutRunNotFound, PayoutsStopped,
        RequestInProgress, TemporalUnavailable, ValidationFailed;
}

body! {
    /// A file of transfers that is taken.
    pub(crate) struct BankFileBody as "BankFileRequest" with example example_of_file {
        /// The digest of the run that was approved.
        digest: required Text,
        /// The reason, which is stored with the file and written into the audit log.
        reason: required Shown<MAX_REASON_CHARS>,
        /// The number of the file, from 1, which is the default. A file has at most 1,000 transfers. Payouts that are
        /// tried again are in a file of their own.
        number: optional Number<1, MAX_FILES>,
    }
}

fn example_of_file() -> Value {
    json!({
        "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "reason": "the transfers of 1 December",
    })
}

/// Take the bank file of a payout run
///
/// Of an approved run that is paid by bank file: one line for each transfer, with the account number in the clear. The
/// payouts of a file are `IN_PROGRESS` from then on. The same number gives the same bytes each time; their SHA-256 is
/// the `ETag`, and stands in `bank_files` of the run. A line of the audit log names the principal and the reason
/// before anything is shown. A payout whose seller or account changed since the freeze is taken back and in no file.
#[utoipa::path(
    post,
    path = "/v1/payout-runs/{id}/bank-file",
    operation_id = "take_bank_file",
    tag = "Payouts",
    security(("bearer" = ["finance"])),
    params(("id" = PayoutRunName, Path, description = "The run")),
    request_body = BankFileBody,
    responses(
        (
            status = 200,
            description = "Columns: bank_code, account_number, holder_name, amount, reference, ref_payout_id",
            content((String = "text/csv")),
            headers(("ETag" = String, description = "SHA-256 of the bytes, in lower-case hex and quotes")),
        ),
        FileRefusals,
    )
)]
pub(crate) async fn take(
    State(api): State<Arc<Api>>,
    caller: FinanceCaller,
    reading: Reading,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<Response, Problem> {
    let mut errors = FieldErrors::default();
    let BankFileBody { digest, reason, number } = BankFileBody::read(&body.fields(), &mut errors);
    let (digest, reason) = errors.finish(digest.zip(reason))?;
    let number = number.and_then(|number| u32::try_from(number).ok()).unwrap_or(1);
    let request = BankFileRequest { run_id: run_id(id)?, number, digest, reason: reason.clone() };
    let file = take_bank_file(&api.service, &caller.caller(), request).await?;
    show(&api, reading, &reason, file).await
}

/// Shows a file, once the audit log names who reads it.
pub(crate) async fn show(api: &Api, reading: Reading, reason: &str, file: BankFile) -> Result<Response, Problem> {
    let BankFile { record, content } = file;
    let (number, sha256) = (record.number, &record.sha256);
    reading.write_down(api, &format!("bank file {number} with SHA-256 {sha256}: {reason}")).await?;
    let name = format!("attachment; filename=\"{}-{number}.csv\"", record.run_id);
    let text = |text: String| HeaderValue::from_str(&text).map_err(|error| Problem::internal(&error));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8")),
        (header::CONTENT_DISPOSITION, text(name)?),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::ETAG, text(format!("\"{sha256}\""))?),
    ];
    // The line of the reading is the line of this request.
    Ok((Extension(Unchanged), headers, content).into_response())
}
