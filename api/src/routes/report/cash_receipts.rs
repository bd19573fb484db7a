//! Sales that were paid like cash, for which a cash receipt may be due.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use domain::{Currency, calendar::Day};
use serde::Serialize;
use service::now;
use store::CashLikeSale;

use super::{Format, FormatName, ReportRefusals, csv};
use crate::{
    Api,
    http::{caller::ReadCaller, parameters::Parameters, problem::Problem, table::parameters, values::decimal},
    openapi::shapes::{Amount, CheckoutName, CurrencyCode, DayName, StatusName},
};

/// The most sales of a report.
const MOST: u64 = 10_000;
/// Within how many days after the sale a receipt is issued. Source: Income Tax Act, Article 162-3 paragraph 4.
const DUE_DAYS: u32 = 5;
/// From which amount on a receipt is due unasked, in won. Source: the same paragraph.
const UNASKED_FROM_WON: u64 = 100_000;

parameters! {
    /// Which days, and in which form.
    pub(crate) struct ReceiptChoice {
        /// The first day of the sales; five days before `date` by default.
        from: DayName,
        /// The day on which the days are counted, and the last day of the sales; today by default.
        date: DayName,
        format: FormatName,
    }
}

/// Sales by virtual account and by transfer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = CashLikeSales)]
pub(crate) struct ReceiptsBody {
    #[schema(value_type = DayName)]
    from: String,
    #[schema(value_type = DayName)]
    date: String,
    /// Within how many days after the sale a receipt is issued.
    due_days: u32,
    sales: Vec<ReceiptLine>,
}

/// One sale that was paid like cash.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = CashLikeSale)]
struct ReceiptLine {
    #[schema(value_type = CheckoutName)]
    checkout_id: String,
    #[schema(value_type = StatusName)]
    status: &'static str,
    /// Toss's word for the method.
    method: String,
    #[schema(value_type = Amount)]
    amount: String,
    #[schema(value_type = CurrencyCode)]
    currency: &'static str,
    #[schema(value_type = DayName)]
    paid_on: String,
    /// The last day for a receipt.
    #[schema(value_type = DayName)]
    due_on: String,
    /// The day of `due_days` that it is; above it, the day has passed.
    day: u32,
    /// Whether a receipt is due unasked in some trades: from 100,000 won on.
    is_due_unasked: bool,
}

/// Read the sales that may need a cash receipt
///
/// Sales by virtual account and by transfer that were not given back in full. daegeum issues no cash receipts and does
/// not know whether Toss did: compare the list with Toss's own pages. No compliance is promised.
#[utoipa::path(
    get,
    path = "/v1/reports/cash-receipts",
    operation_id = "report_cash_receipts",
    tag = "Reconciliation",
    security(("bearer" = ["read"])),
    params(ReceiptChoice),
    responses(
        (status = 200, description = "The report", content((ReceiptsBody = "application/json"), (String = "text/csv"))),
        ReportRefusals,
    )
)]
pub(crate) async fn cash_receipts(
    State(api): State<Arc<Api>>,
    _: ReadCaller,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let ReceiptChoice { from, date, format } = ReceiptChoice::of(&parameters)?;
    let today = date.unwrap_or_else(|| Day::of(now()));
    let from = from.unwrap_or_else(|| (0..DUE_DAYS).fold(today, |day, _| day.before()));
    let sales = api.service.reader.cash_like_sales(from.start(), today.next().start(), MOST).await?;
    let sales: Vec<ReceiptLine> = sales.into_iter().map(|sale| ReceiptLine::new(sale, today)).collect();
    if format == Some(Format::Csv) {
        let header = "checkout_id,status,method,amount,currency,paid_on,due_on,day,is_due_unasked";
        return Ok(csv(header, sales.iter().map(ReceiptLine::to_csv)));
    }
    let body = ReceiptsBody { from: from.to_string(), date: today.to_string(), due_days: DUE_DAYS, sales };
    Ok(Json(body).into_response())
}

impl ReceiptLine {
    fn new(sale: CashLikeSale, today: Day) -> Self {
        let CashLikeSale { checkout_id, amount, status, method, paid_at } = sale;
        let paid_on = Day::of(paid_at);
        let due_on = (0..DUE_DAYS).fold(paid_on, |day, _| day.next());
        let (mut day, mut passed) = (0, paid_on);
        while passed < today {
            (day, passed) = (day + 1, passed.next());
        }
        let (decimals, currency) = decimal(amount);
        Self {
            checkout_id: checkout_id.to_string(),
            status: status.as_str(),
            method,
            amount: decimals,
            currency,
            paid_on: paid_on.to_string(),
            due_on: due_on.to_string(),
            day,
            is_due_unasked: amount.currency() == Currency::Krw && amount.minor() >= UNASKED_FROM_WON,
        }
    }

    fn to_csv(&self) -> String {
        let Self { checkout_id, status, method, amount, currency, paid_on, due_on, day, is_due_unasked } = self;
        format!("{checkout_id},{status},{method},{amount},{currency},{paid_on},{due_on},{day},{is_due_unasked}")
    }
}
