//! `POST /v1/bank-statements`: lines of a bank, as CSV.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Serialize;
use service::bank_statement::read;
use store::Imported;

use crate::{
    Api,
    http::{body::RawBody, caller::FinanceCaller, problem::Problem},
    openapi::refusals::refusals,
};

refusals! { ImportRefusals: ValidationFailed; }

/// What came of an import.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Imported)]
pub(crate) struct ImportedBody {
    /// Lines that are new.
    new: u64,
    /// Lines that were kept before.
    known: u64,
}

/// Import a bank statement
///
/// CSV with a header line: `date`, `amount` (below zero is money that left) and `description`; where wanted `account`
/// and `currency`. Korean column names are understood too. Each line is kept once, however often it is sent. Send a
/// large statement in parts.
#[utoipa::path(
    post,
    path = "/v1/bank-statements",
    operation_id = "import_bank_statement",
    tag = "Reconciliation",
    security(("bearer" = ["finance"])),
    request_body(
        content = String,
        content_type = "text/csv",
        example = "date,amount,description\n2026-11-21,22317,\"토스페이먼츠 정산\"\n"
    ),
    responses((status = 200, description = "The lines are kept", body = ImportedBody), ImportRefusals)
)]
pub(crate) async fn import(
    State(api): State<Arc<Api>>,
    caller: FinanceCaller,
    body: RawBody,
) -> Result<Json<ImportedBody>, Problem> {
    let lines = body.table(read)?;
    let by = caller.principal().to_string();
    let imported = api.service.journal.import_bank_lines(&lines, &by).await?;
    Ok(Json(ImportedBody::new(imported)))
}

impl ImportedBody {
    pub(crate) const fn new(imported: Imported) -> Self {
        Self { new: imported.fresh, known: imported.known }
    }
}
