//! Reports for finance: JSON, or CSV for a spreadsheet. No report promises compliance with a law; each says what its
//! figures are.

pub(crate) mod cash_receipts;
pub(crate) mod fx_trading;
pub(crate) mod psp_fees;
pub(crate) mod refund_deadlines;

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use domain::{Currency, Money, calendar::Day, rate::Rates};
use serde::Serialize;
use service::now;
use store::{AsOf, OwedToSeller, SellerSales};

use crate::{
    Api,
    http::{
        caller::ReadCaller,
        forms::{none_of, text_form},
        parameters::Parameters,
        problem::{FieldCode, Problem},
        table::parameters,
        values::signed_minor,
    },
    openapi::{
        refusals::refusals,
        shapes::{Amount, Balance, CurrencyCode, DayName, SellerName},
    },
    routes::rate::RateBody,
};

const FORMATS: [&str; 2] = ["json", "csv"];
const CSV: &str = "text/csv; charset=utf-8";
const HUNDREDTHS: u128 = 100;
/// The last month of a year.
const MONTHS: i64 = 12;
const MONTHS_OF_QUARTER: i64 = 3;

refusals! { ReportRefusals: ValidationFailed; }

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Csv,
}

/// A quarter of a year, as its first day and the first day after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quarter {
    from: Day,
    to: Day,
}

text_form! {
    /// The form of an answer.
    pub(crate) FormatName: Format = |text| match text {
        "json" => Ok(Format::Json),
        "csv" => Ok(Format::Csv),
        _ => Err(none_of(FORMATS)),
    },
    |text| text.enum_values(Some(FORMATS))
}
text_form! {
    /// A quarter: `2026-Q4`.
    pub(crate) QuarterName: Quarter = quarter, |text| text.pattern(Some("^[0-9]{4}-Q[1-4]$"))
}

impl Quarter {
    fn of(day: Day) -> Result<Self, Problem> {
        let (year, month, _) = day.date();
        let text = format!("{year:04}-Q{}", (month - 1) / MONTHS_OF_QUARTER + 1);
        quarter(&text).map_err(|detail| Problem::of_field("quarter", FieldCode::Invalid, detail))
    }
}

fn quarter(text: &str) -> Result<Quarter, &'static str> {
    let malformed = "is no quarter, such as 2026-Q4";
    let (year, number) = text.split_once("-Q").ok_or(malformed)?;
    let year: i64 = year.parse().map_err(|_| malformed)?;
    let number: i64 = number.parse().map_err(|_| malformed)?;
    let first = (number - 1) * MONTHS_OF_QUARTER + 1;
    let after = first + MONTHS_OF_QUARTER;
    let (next_year, next_month) = if after > MONTHS { (year + 1, after - MONTHS) } else { (year, after) };
    let day = |year, month| Day::try_from_date(year, month, 1).map_err(|_| malformed);
    if !(1..=4).contains(&number) {
        return Err(malformed);
    }
    Ok(Quarter { from: day(year, first)?, to: day(next_year, next_month)? })
}

parameters! {
    /// Which day, and in which form.
    pub(crate) struct OwedChoice {
        /// The day at whose end it is owed; today, as far as it has come, by default.
        date: DayName,
        format: FormatName,
    }
}

parameters! {
    /// Which quarter, and in which form.
    pub(crate) struct SalesChoice {
        /// The quarter, such as `2026-Q4`; the one of today by default.
        quarter: QuarterName,
        format: FormatName,
    }
}

/// What is owed to sellers at the end of a day.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = OwedToSellers)]
pub(crate) struct OwedBody {
    #[schema(value_type = DayName)]
    date: String,
    /// The part of `owed` that must stand apart, in hundredths, by the setting `reconciliation.keep_apart_percent`.
    keep_apart_percent: u32,
    sellers: Vec<OwedLine>,
}

/// What is owed to one seller in one currency.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = OwedToSeller)]
struct OwedLine {
    #[schema(value_type = SellerName)]
    seller_account: String,
    #[schema(value_type = CurrencyCode)]
    currency: &'static str,
    #[schema(value_type = Balance)]
    pending: String,
    #[schema(value_type = Balance)]
    available: String,
    #[schema(value_type = Balance)]
    held: String,
    #[schema(value_type = Balance)]
    in_transit: String,
    /// What the seller owes the marketplace.
    #[schema(value_type = Balance)]
    debt: String,
    /// `pending`, `available`, `held` and `in_transit` together.
    #[schema(value_type = Balance)]
    owed: String,
    /// The part of `owed` that must stand apart, rounded up to the minor unit.
    #[schema(value_type = Balance)]
    keep_apart: String,
    /// What `owed` is in won by the rate of the day's end, for a view of all. Null where it is won already, is below
    /// zero, or no rate is known.
    in_krw: Option<InKrw>,
}

/// An amount of another currency in won. No balance is converted by it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AmountInWon)]
struct InKrw {
    #[schema(value_type = Amount)]
    amount: String,
    rate: RateBody,
}

/// The sales of a quarter by seller.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = SalesBySeller)]
pub(crate) struct SalesBody {
    #[schema(value_type = DayName)]
    from: String,
    /// The first day that does not count.
    #[schema(value_type = DayName)]
    to: String,
    sellers: Vec<SalesLine>,
}

/// The sales of one seller in one currency, by the day of the entry.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = SalesOfSeller)]
struct SalesLine {
    #[schema(value_type = SellerName)]
    seller_account: String,
    #[schema(value_type = CurrencyCode)]
    currency: &'static str,
    /// Orders that were paid.
    orders: u64,
    /// What buyers paid, value-added tax included.
    #[schema(value_type = Balance)]
    sales: String,
    /// What buyers got back.
    #[schema(value_type = Balance)]
    refunds: String,
    /// What the marketplace keeps of the sales.
    #[schema(value_type = Balance)]
    commission: String,
}

/// Read what is owed to sellers at the end of a day
///
/// Recomputed from the entries by the time at which they happened. It is a figure of the books, not a statement of
/// compliance: how much of it must be kept apart depends on the law and on the contract.
#[utoipa::path(
    get,
    path = "/v1/reports/owed-to-sellers",
    operation_id = "report_owed_to_sellers",
    tag = "Reconciliation",
    security(("bearer" = ["read"])),
    params(OwedChoice),
    responses(
        (status = 200, description = "The report", content((OwedBody = "application/json"), (String = "text/csv"))),
        ReportRefusals,
    )
)]
pub(crate) async fn owed_to_sellers(
    State(api): State<Arc<Api>>,
    _: ReadCaller,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let OwedChoice { date, format } = OwedChoice::of(&parameters)?;
    let day = date.unwrap_or_else(|| Day::of(now()));
    let end = day.next().start().minus_ms(1);
    let owed = api.service.reader.owed_to_sellers(AsOf::Occurred(end)).await?;
    let keep_apart_percent = api.service.settings.reports.keep_apart_percent;
    let rates = api.service.reader.rates_at(end).await?;
    let line = |owed| OwedLine::new(owed, keep_apart_percent, &rates);
    let sellers: Vec<OwedLine> = owed.into_iter().map(line).collect();
    if format == Some(Format::Csv) {
        let header = "seller_account,currency,pending,available,held,in_transit,debt,owed,keep_apart,\
                      owed_in_krw,rate,rate_as_of,rate_source";
        return Ok(csv(
            header,
            sellers.iter().map(|line| {
                let OwedLine { seller_account, currency, pending, available, held, in_transit, .. } = line;
                let OwedLine { debt, owed, keep_apart, in_krw, .. } = line;
                let parts = format!("{pending},{available},{held},{in_transit}");
                let in_krw = in_krw.as_ref().map_or_else(|| ",,,".to_owned(), InKrw::to_csv);
                format!("{seller_account},{currency},{parts},{debt},{owed},{keep_apart},{in_krw}")
            }),
        ));
    }
    Ok(Json(OwedBody { date: day.to_string(), keep_apart_percent, sellers }).into_response())
}

/// Read the sales of a quarter by seller
///
/// What was paid and what was given back, by the time at which it happened. The figures come from the books; which of
/// them a tax office asks for is for the marketplace to say.
#[utoipa::path(
    get,
    path = "/v1/reports/seller-sales",
    operation_id = "report_seller_sales",
    tag = "Reconciliation",
    security(("bearer" = ["read"])),
    params(SalesChoice),
    responses(
        (status = 200, description = "The report", content((SalesBody = "application/json"), (String = "text/csv"))),
        ReportRefusals,
    )
)]
pub(crate) async fn seller_sales(
    State(api): State<Arc<Api>>,
    _: ReadCaller,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let SalesChoice { quarter, format } = SalesChoice::of(&parameters)?;
    let Quarter { from, to } = match quarter {
        Some(quarter) => quarter,
        None => Quarter::of(Day::of(now()))?,
    };
    let sales = api.service.reader.seller_sales(from.start(), to.start()).await?;
    let sellers: Vec<SalesLine> = sales.into_iter().map(SalesLine::new).collect();
    if format == Some(Format::Csv) {
        let header = "seller_account,currency,orders,sales,refunds,commission";
        return Ok(csv(
            header,
            sellers.iter().map(|line| {
                let SalesLine { seller_account, currency, orders, sales, refunds, commission } = line;
                format!("{seller_account},{currency},{orders},{sales},{refunds},{commission}")
            }),
        ));
    }
    Ok(Json(SalesBody { from: from.to_string(), to: to.to_string(), sellers }).into_response())
}

/// Names of sellers hold no comma and no quote.
fn csv(header: &str, lines: impl Iterator<Item = String>) -> Response {
    let mut text = format!("{header}\r\n");
    for line in lines {
        // A spreadsheet takes a cell that begins so for a formula.
        let guarded = if line.starts_with(['-', '=', '+', '@']) { format!("'{line}") } else { line };
        text += &guarded;
        text += "\r\n";
    }
    ([(header::CONTENT_TYPE, CSV)], text).into_response()
}

impl OwedLine {
    fn new(owed: OwedToSeller, keep_apart_percent: u32, rates: &Rates) -> Self {
        let OwedToSeller { seller, currency, pending, available, held, in_transit, debt } = owed;
        let decimal = |minor: i64| signed_minor(minor, currency);
        let owed = pending.saturating_add(available).saturating_add(held).saturating_add(in_transit);
        let apart = (i128::from(owed.max(0)) * i128::from(keep_apart_percent)).unsigned_abs().div_ceil(HUNDREDTHS);
        Self {
            seller_account: seller.to_string(),
            currency: currency.code(),
            pending: decimal(pending),
            available: decimal(available),
            held: decimal(held),
            in_transit: decimal(in_transit),
            debt: decimal(debt),
            owed: decimal(owed),
            keep_apart: decimal(i64::try_from(apart).unwrap_or(i64::MAX)),
            in_krw: InKrw::of(owed, currency, rates),
        }
    }
}

impl InKrw {
    fn of(minor: i64, currency: Currency, rates: &Rates) -> Option<Self> {
        let amount = Money::try_from_minor(minor.try_into().ok()?, currency).ok()?;
        let rate = rates.between(currency, Currency::Krw)?;
        let amount = rate.convert(amount)?.ok()?.to_decimal_string();
        Some(Self { amount, rate: RateBody::new(rate) })
    }

    fn to_csv(&self) -> String {
        format!("{},{}", self.amount, self.rate.to_csv())
    }
}

impl SalesLine {
    fn new(of_seller: SellerSales) -> Self {
        let SellerSales { seller, currency, orders, sales, refunds, commission } = of_seller;
        let decimal = |minor: i64| signed_minor(minor, currency);
        Self {
            seller_account: seller.to_string(),
            currency: currency.code(),
            orders,
            sales: decimal(sales),
            refunds: decimal(refunds),
            commission: decimal(commission),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_is_three_months() {
        let days = |text| quarter(text).map(|quarter| (quarter.from.to_string(), quarter.to.to_string()));
        assert_eq!(days("2026-Q1"), Ok(("2026-01-01".to_owned(), "2026-04-01".to_owned())));
        assert_eq!(days("2026-Q4"), Ok(("2026-10-01".to_owned(), "2027-01-01".to_owned())));
        for wrong in ["2026-Q5", "2026-Q0", "2026", "x-Q1", "2026-Q"] {
            assert!(days(wrong).is_err(), "{wrong}");
        }
    }
}
