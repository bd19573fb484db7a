//! Sales that were paid like cash, with their cash receipts and the day by which a receipt is due.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use domain::{
    Currency, Money,
    calendar::Day,
    cash_receipt::{DUE_DAYS, ReceiptStanding, recorded},
};
use serde::Serialize;
use service::now;
use store::CashLikeSale;

use super::{Format, FormatName, ReportRefusals, csv};
use crate::{
    Api,
    http::{caller::ReadCaller, parameters::Parameters, problem::Problem, table::parameters, values::decimal},
    openapi::shapes::{Amount, Balance, CheckoutName, CurrencyCode, DayName, ReceiptStandingName, StatusName},
};

/// The most sales of a report.
const MOST: u64 = 10_000;
/// From which amount on a receipt is due unasked, in won. Source: Income Tax Act, Article 162-3 paragraph 4.
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

/// Sales that were paid like cash.
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
    /// What Toss last said of its receipts; null before the first answer.
    #[schema(value_type = Option<ReceiptStandingName>)]
    receipt: Option<&'static str>,
    /// What its receipts record, less what they take back. Receipts that the tax office refused count for nothing.
    #[schema(value_type = Balance)]
    receipted: String,
}

/// Read the sales that may need a cash receipt
///
/// Sales by virtual account and by transfer, and others for which Toss issued a receipt, with what Toss says of their
/// receipts. Of the sales that were given back in full, those whose receipts are wrong. No compliance is promised.
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
        let header = "checkout_id,status,method,amount,currency,paid_on,due_on,day,is_due_unasked,receipt,receipted";
        return Ok(csv(header, sales.iter().map(ReceiptLine::to_csv)));
    }
    let body = ReceiptsBody { from: from.to_string(), date: today.to_string(), due_days: DUE_DAYS, sales };
    Ok(Json(body).into_response())
}

impl ReceiptLine {
    fn new(sale: CashLikeSale, today: Day) -> Self {
        let CashLikeSale { checkout_id, amount, status, method, paid_at, receipts } = sale;
        let paid_on = Day::of(paid_at);
        let due_on = (0..DUE_DAYS).fold(paid_on, |day, _| day.next());
        let (mut day, mut passed) = (0, paid_on);
        while passed < today {
            (day, passed) = (day + 1, passed.next());
        }
        let (decimals, currency) = decimal(amount);
        let receipted = recorded(&receipts.receipts).unwrap_or(0);
        let receipted = Money::try_from_minor(receipted, amount.currency()).unwrap_or(Money::zero(amount.currency()));
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
            receipt: receipts.standing.map(ReceiptStanding::as_str),
            receipted: decimal(receipted).0,
        }
    }

    fn to_csv(&self) -> String {
        let Self { checkout_id, status, method, amount, currency, paid_on, due_on, day, .. } = self;
        let Self { is_due_unasked, receipt, receipted, .. } = self;
        let receipt = receipt.unwrap_or_default();
        let sale = format!("{checkout_id},{status},{method},{amount},{currency},{paid_on},{due_on},{day}");
        format!("{sale},{is_due_unasked},{receipt},{receipted}")
    }
}
