//! By when buyers get their money back.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use domain::{
    calendar::{Day, Holidays},
    refund::deadline::{DUE_BUSINESS_DAYS, INTEREST_BPS, RefundDeadline},
};
use serde::Serialize;
use service::now;
use store::RefundInTime;

use super::{Format, FormatName, ReportRefusals, csv};
use crate::{
    Api,
    http::{caller::ReadCaller, parameters::Parameters, problem::Problem, table::parameters, values::decimal},
    openapi::shapes::{Amount, CheckoutName, CurrencyCode, DayName, RefundName, RefundStatusName},
};

/// The most refunds of a report.
const MOST: u64 = 10_000;
/// How long a refund that ended late stays in the report, in days.
const SHOWN_DAYS: u32 = 31;

parameters! {
    /// Which day, and in which form.
    pub(crate) struct DeadlineChoice {
        /// The day on which lateness is judged; today by default.
        date: DayName,
        format: FormatName,
    }
}

/// Refunds that have not ended, and those that ended late.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = RefundDeadlines)]
pub(crate) struct DeadlinesBody {
    #[schema(value_type = DayName)]
    date: String,
    /// Within how many business days after the request a refund is in time.
    due_business_days: u16,
    /// The interest for a year of lateness, in ten-thousandths.
    interest_bps: u64,
    refunds: Vec<DeadlineLine>,
}

/// The deadline of one refund.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = RefundDeadline)]
struct DeadlineLine {
    #[schema(value_type = RefundName)]
    refund_id: String,
    #[schema(value_type = CheckoutName)]
    checkout_id: String,
    #[schema(value_type = RefundStatusName)]
    status: &'static str,
    /// Nothing while a refund of all that is left has not begun.
    #[schema(value_type = Option<Amount>)]
    amount: Option<String>,
    #[schema(value_type = Option<CurrencyCode>)]
    currency: Option<&'static str>,
    #[schema(value_type = DayName)]
    requested_on: String,
    /// The last day on which the refund is in time.
    #[schema(value_type = DayName)]
    due_on: String,
    /// The day on which the PSP gave the money back.
    #[schema(value_type = Option<DayName>)]
    ended_on: Option<String>,
    /// Days after `due_on`, weekends included.
    late_days: u32,
    /// The interest for these days, rounded down to the minor unit.
    #[schema(value_type = Option<Amount>)]
    interest: Option<String>,
}

/// Read the deadlines of refunds
///
/// Refunds that have not ended, and those that ended late in the last 31 days. The deadline counts from the day on
/// which daegeum was asked, which may be later than the day that a law counts from. No compliance is promised.
#[utoipa::path(
    get,
    path = "/v1/reports/refund-deadlines",
    operation_id = "report_refund_deadlines",
    tag = "Reconciliation",
    security(("bearer" = ["read"])),
    params(DeadlineChoice),
    responses(
        (
            status = 200,
            description = "The report",
            content((DeadlinesBody = "application/json"), (String = "text/csv"))
        ),
        ReportRefusals,
    )
)]
pub(crate) async fn refund_deadlines(
    State(api): State<Arc<Api>>,
    _: ReadCaller,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let DeadlineChoice { date, format } = DeadlineChoice::of(&parameters)?;
    let today = date.unwrap_or_else(|| Day::of(now()));
    let since = (0..SHOWN_DAYS).fold(today, |day, _| day.before());
    let refunds = api.service.reader.refunds_in_time(since.start(), MOST).await?;
    let holidays = &api.service.settings.release_rule.holidays;
    let lines = refunds.into_iter().map(|refund| DeadlineLine::new(refund, today, holidays));
    let refunds: Vec<DeadlineLine> = lines.filter(|line| line.ended_on.is_none() || line.late_days > 0).collect();
    if format == Some(Format::Csv) {
        let header = "refund_id,checkout_id,status,amount,currency,requested_on,due_on,ended_on,late_days,interest";
        return Ok(csv(header, refunds.iter().map(DeadlineLine::to_csv)));
    }
    let body = DeadlinesBody {
        date: today.to_string(),
        due_business_days: DUE_BUSINESS_DAYS,
        interest_bps: INTEREST_BPS,
        refunds,
    };
    Ok(Json(body).into_response())
}

impl DeadlineLine {
    fn new(refund: RefundInTime, today: Day, holidays: &Holidays) -> Self {
        let RefundInTime { refund_id, checkout_id, amount, status, requested_at, ended_at } = refund;
        let (requested_on, ended_on) = (Day::of(requested_at), ended_at.map(Day::of));
        let deadline = RefundDeadline::of(requested_on, ended_on, today, holidays);
        Self {
            refund_id: refund_id.to_string(),
            checkout_id: checkout_id.to_string(),
            status: status.as_str(),
            amount: amount.map(|amount| decimal(amount).0),
            currency: amount.map(|amount| decimal(amount).1),
            requested_on: requested_on.to_string(),
            due_on: deadline.due_on.to_string(),
            ended_on: ended_on.map(|day| day.to_string()),
            late_days: deadline.late_days,
            interest: amount.map(|amount| decimal(deadline.interest(amount)).0),
        }
    }

    fn to_csv(&self) -> String {
        let Self { refund_id, checkout_id, status, requested_on, due_on, late_days, .. } = self;
        let text = |cell: &Option<String>| cell.clone().unwrap_or_default();
        let (amount, ended_on, interest) = (text(&self.amount), text(&self.ended_on), text(&self.interest));
        let currency = self.currency.unwrap_or_default();
        let days = format!("{requested_on},{due_on},{ended_on},{late_days}");
        format!("{refund_id},{checkout_id},{status},{amount},{currency},{days},{interest}")
    }
}
