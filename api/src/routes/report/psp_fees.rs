//! What the PSP keeps, month by month, against the contract.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use domain::{
    Currency,
    calendar::Day,
    settlement::{FeeContracts, Flow},
};
use serde::Serialize;
use service::now;
use store::MethodFees;

use super::{Format, FormatName, ReportRefusals, csv};
use crate::{
    Api,
    http::{
        caller::ReadCaller,
        forms::text_form,
        parameters::Parameters,
        problem::{FieldCode, Problem},
        table::parameters,
        values::signed_minor,
    },
    openapi::shapes::{Balance, CurrencyCode},
};

const MONTHS: i64 = 12;

/// A month, as its first and its last day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Month {
    from: Day,
    to: Day,
}

text_form! {
    /// A month: `2026-11`.
    pub(crate) MonthName: Month = month, |text| text.pattern(Some("^[0-9]{4}-[0-9]{2}$"))
}

fn month(text: &str) -> Result<Month, &'static str> {
    let malformed = "is no month, such as 2026-11";
    let (year, number) = text.split_once('-').ok_or(malformed)?;
    let year: i64 = year.parse().map_err(|_| malformed)?;
    let number: i64 = number.parse().map_err(|_| malformed)?;
    let (next_year, next) = if number == MONTHS { (year + 1, 1) } else { (year, number + 1) };
    let from = Day::try_from_date(year, number, 1).map_err(|_| malformed)?;
    let after = Day::try_from_date(next_year, next, 1).map_err(|_| malformed)?;
    Ok(Month { from, to: after.before() })
}

parameters! {
    /// Which month, and in which form.
    pub(crate) struct FeesChoice {
        /// The month of the sale, such as `2026-11`; this month by default.
        month: MonthName,
        format: FormatName,
    }
}

/// The PSP's fees of a month.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PspFees)]
pub(crate) struct FeesBody {
    month: String,
    /// The fee of the contract in won with its tax, in ten-thousandths, by the setting `reconciliation.psp_fee_bps`.
    contract_bps: Option<u32>,
    methods: Vec<FeesLine>,
}

/// The fees of one method and one kind of row.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PspFeesOfMethod)]
struct FeesLine {
    /// Toss's word for the method; nothing for a row without a payment.
    method: Option<String>,
    /// `APPROVAL` or `CANCEL`.
    kind: &'static str,
    /// The currency in which buyers paid, which says by which contract.
    #[schema(value_type = CurrencyCode)]
    sold_in: &'static str,
    /// The currency of the amounts, in which Toss took its fee: another one where it took the fee after an exchange.
    #[schema(value_type = CurrencyCode)]
    currency: &'static str,
    /// The fee of the contract in `sold_in`.
    contract_bps: Option<u32>,
    rows: u64,
    #[schema(value_type = Balance)]
    gross: String,
    /// With its tax, as Toss's rows say.
    #[schema(value_type = Balance)]
    fee: String,
    /// The tax in the fee.
    #[schema(value_type = Balance)]
    vat: String,
    /// The fee of the contract on `gross`. Toss rounds each row, so a difference of one won a row is rounding.
    #[schema(value_type = Option<Balance>)]
    contract_fee: Option<String>,
    /// `fee` less `contract_fee`.
    #[schema(value_type = Option<Balance>)]
    difference: Option<String>,
}

/// Read Toss's fees of a month against the contract
///
/// By the month of the sale, method and kind of row. The figures are those of Toss's settlement rows; Toss's tax
/// invoice is another document.
#[utoipa::path(
    get,
    path = "/v1/reports/psp-fees",
    operation_id = "report_psp_fees",
    tag = "Reconciliation",
    security(("bearer" = ["read"])),
    params(FeesChoice),
    responses(
        (status = 200, description = "The report", content((FeesBody = "application/json"), (String = "text/csv"))),
        ReportRefusals,
    )
)]
pub(crate) async fn psp_fees(
    State(api): State<Arc<Api>>,
    _: ReadCaller,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let FeesChoice { month: wanted, format } = FeesChoice::of(&parameters)?;
    let (year, number, _) = Day::of(now()).date();
    let this = || month(&format!("{year:04}-{number:02}"));
    let wanted = wanted.map_or_else(this, Ok);
    let Month { from, to } = wanted.map_err(|detail| Problem::of_field("month", FieldCode::Invalid, detail))?;
    let contracts = api.service.settings.reports.fee_contracts;
    let fees = api.service.reader.psp_fees(from, to).await?;
    let methods: Vec<FeesLine> = fees.into_iter().map(|fees| FeesLine::new(fees, contracts)).collect();
    if format == Some(Format::Csv) {
        let header = "method,kind,sold_in,currency,rows,gross,fee,vat,contract_bps,contract_fee,difference";
        return Ok(csv(header, methods.iter().map(FeesLine::to_csv)));
    }
    let (year, number, _) = from.date();
    let contract_bps = contracts.of(Currency::Krw).map(|contract| contract.bps);
    Ok(Json(FeesBody { month: format!("{year:04}-{number:02}"), contract_bps, methods }).into_response())
}

impl FeesLine {
    fn new(fees: MethodFees, contracts: FeeContracts) -> Self {
        let MethodFees { method, sold_in, currency, kind, rows, gross, fee, vat } = fees;
        let decimal = |minor: i64| signed_minor(minor, currency);
        let contract = contracts.of(sold_in);
        let gross_amount = Flow::of_signed(gross, currency).ok();
        let contract_fee = contract.zip(gross_amount).map(|(contract, gross)| contract.fee_on(gross));
        Self {
            method,
            kind: kind.as_str(),
            sold_in: sold_in.code(),
            currency: currency.code(),
            contract_bps: contract.map(|contract| contract.bps),
            rows,
            gross: decimal(gross),
            fee: decimal(fee),
            vat: decimal(vat),
            contract_fee: contract_fee.map(decimal),
            difference: contract_fee.map(|contract_fee| decimal(fee - contract_fee)),
        }
    }

    fn to_csv(&self) -> String {
        let Self { method, kind, sold_in, currency, contract_bps, rows, gross, fee, vat, contract_fee, difference } =
            self;
        let contract_bps = contract_bps.map(|bps| bps.to_string()).unwrap_or_default();
        let text = |cell: &Option<String>| cell.clone().unwrap_or_default();
        let (method, contract_fee, difference) = (text(method), text(contract_fee), text(difference));
        format!(
            "{method},{kind},{sold_in},{currency},{rows},{gross},{fee},{vat},{contract_bps},{contract_fee},{difference}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_has_its_days() {
        let days = |text| month(text).map(|month| (month.from.to_string(), month.to.to_string()));
        assert_eq!(days("2028-02"), Ok(("2028-02-01".to_owned(), "2028-02-29".to_owned())));
        assert_eq!(days("2026-12"), Ok(("2026-12-01".to_owned(), "2026-12-31".to_owned())));
        for wrong in ["2026-13", "2026-00", "2026", "x-1"] {
            assert!(days(wrong).is_err(), "{wrong}");
        }
    }
}
