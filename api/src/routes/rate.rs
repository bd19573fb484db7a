//! `/v1/rates`: exchange rates, for display, limits and reports.

use std::sync::Arc;

use axum::{Json, extract::State};
use domain::{
    csv::cell,
    rate::{Rate, RateKind},
};
use serde::Serialize;
use service::rate_file::{RateLine, read};
use store::{RateFilter, RatePosition, RateRecord};

use crate::{
    Api,
    http::{
        body::RawBody,
        caller::{FinanceCaller, ReadCaller},
        forms::{Text, none_of, text_form},
        paging::{ListBody, Paging, window},
        parameters::Parameters,
        problem::Problem,
        table::parameters,
        values::rfc3339,
    },
    openapi::{
        refusals::refusals,
        shapes::{CurrencyCode, Instant},
    },
    routes::bank_statement::ImportedBody,
};

refusals! { ListRefusals: ValidationFailed; }
refusals! { ImportRefusals: ValidationFailed; }

text_form! {
    /// The side that a rate is on.
    pub(crate) RateKindName: RateKind = |text| text.parse().map_err(|_| none_of(RateKind::ALL.map(RateKind::as_str))),
    |text| text.enum_values(Some(RateKind::ALL.map(RateKind::as_str)))
}

parameters! {
    /// Which rates.
    pub(crate) struct ChosenRates {
        /// The currency of which one unit is counted.
        base: CurrencyCode,
        /// The currency in which it is counted.
        quote: CurrencyCode,
        /// The side that the rate is on: of a source that buys the base, of one that sells it, or between them.
        kind: RateKindName,
        /// The name of its publisher.
        source: Text,
    }
}

/// An exchange rate. No balance is converted by it: it is for display, limits and reports.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = ExchangeRate)]
pub(crate) struct RateBody {
    /// One unit of this currency is `rate` of `quote`.
    #[schema(value_type = CurrencyCode)]
    base: &'static str,
    #[schema(value_type = CurrencyCode)]
    quote: &'static str,
    /// `bid`, `mid` or `ask`.
    kind: &'static str,
    /// A decimal with at most 8 decimals.
    #[schema(example = "1391.5")]
    rate: String,
    #[schema(value_type = Instant)]
    as_of: String,
    /// The name of its publisher.
    source: String,
}

/// An exchange rate, and how it came here.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ImportedRate)]
pub(crate) struct ImportedRateBody {
    #[serde(flatten)]
    rate: RateBody,
    imported_by: String,
    #[schema(value_type = Instant)]
    imported_at: String,
}

/// List exchange rates
///
/// The newest first. Where a report or a limit needs one, it takes the newest `mid` rate of its instant.
#[utoipa::path(
    get,
    path = "/v1/rates",
    operation_id = "list_rates",
    tag = "Reconciliation",
    security(("bearer" = ["read"])),
    params(ChosenRates, Paging),
    responses((status = 200, description = "A page", body = ListBody<ImportedRateBody>), ListRefusals)
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    _: ReadCaller,
    parameters: Parameters,
) -> Result<Json<ListBody<ImportedRateBody>>, Problem> {
    let ChosenRates { base, quote, kind, source } = ChosenRates::of(&parameters)?;
    let filter = RateFilter { base, quote, kind, source };
    let page = api.service.reader.rates(&filter, &window(&parameters)?).await?;
    Ok(Json(ListBody::new(&page, |record| RatePosition::of(&record.rate), ImportedRateBody::new)))
}

/// Import exchange rates
///
/// CSV with a header line: `as_of` (a time, or a day in Korea), `base`, `quote`, `rate`, `source`, and where wanted
/// `kind` (`mid` by default). Each rate is kept once, however often it is sent. A rate that was published is not
/// changed: one with another value for the same time, kind and source refuses the whole file. Send a large file in
/// parts.
#[utoipa::path(
    post,
    path = "/v1/rates",
    operation_id = "import_rates",
    tag = "Reconciliation",
    security(("bearer" = ["finance"])),
    request_body(
        content = String,
        content_type = "text/csv",
        example = "as_of,base,quote,kind,rate,source\n2026-11-27,USD,KRW,mid,1391.5,한국은행\n"
    ),
    responses((status = 200, description = "The rates are kept", body = ImportedBody), ImportRefusals)
)]
pub(crate) async fn import(
    State(api): State<Arc<Api>>,
    caller: FinanceCaller,
    body: RawBody,
) -> Result<Json<ImportedBody>, Problem> {
    let lines = body.table(read)?;
    let rates: Vec<Rate> = lines.iter().map(|RateLine { rate, .. }| rate.clone()).collect();
    let by = caller.principal().to_string();
    let imported = api.service.journal.import_rates(&rates, &by).await?;
    let imported = imported.map_err(|taken| Problem::of_body(format!("line {}: {taken}", lines[taken.index].line)))?;
    Ok(Json(ImportedBody::new(imported)))
}

impl RateBody {
    pub(crate) fn new(rate: &Rate) -> Self {
        Self {
            base: rate.pair.base().code(),
            quote: rate.pair.quote().code(),
            kind: rate.kind.as_str(),
            rate: rate.value.to_string(),
            as_of: rfc3339(rate.as_of),
            source: rate.source.clone(),
        }
    }

    /// Rate, time and source, as cells.
    pub(crate) fn to_csv(&self) -> String {
        format!("{},{},{}", self.rate, self.as_of, cell(&self.source))
    }
}

impl ImportedRateBody {
    fn new(record: &RateRecord) -> Self {
        Self {
            rate: RateBody::new(&record.rate),
            imported_by: record.imported_by.clone(),
            imported_at: rfc3339(record.imported_at),
        }
    }
}
