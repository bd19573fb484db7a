//! `GET /v1/settlements`: what the PSP settles, day by day.

use std::sync::Arc;

use axum::{Json, extract::State};
use domain::{Currency, calendar::Day};
use serde::Serialize;
use service::now;
use store::{SettlementCalendar, SettlementDay};

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
        shapes::{Balance, CurrencyCode, DayName},
    },
};

/// The most days of one answer.
const MAX_DAYS: usize = 92;
/// The calendars by their names.
const CALENDARS: [&str; 2] = ["sold", "paid_out"];

refusals! { ListRefusals: ValidationFailed; }

text_form! {
    /// Which day of a row counts.
    pub(crate) CalendarName: SettlementCalendar = |text| match text {
        "sold" => Ok(SettlementCalendar::Sold),
        "paid_out" => Ok(SettlementCalendar::PaidOut),
        _ => Err(none_of(CALENDARS)),
    },
    |text| text.enum_values(Some(CALENDARS))
}

parameters! {
    /// Which days.
    pub(crate) struct SettlementChoice {
        /// The first day; seven days before `to` by default.
        from: DayName,
        /// The last day; today by default.
        to: DayName,
        /// Whether the day of the sale counts, which is the default, or the day on which the provider pays.
        by: CalendarName,
    }
}

/// Settlements by day.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Settlements)]
pub(crate) struct SettlementsBody {
    data: Vec<SettlementDayBody>,
}

/// What the payment provider settles of one day, in one currency.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = SettlementDay)]
struct SettlementDayBody {
    #[schema(value_type = DayName)]
    date: String,
    #[schema(value_type = CurrencyCode)]
    currency: &'static str,
    rows: u64,
    /// What buyers paid less what they got back, by the rows.
    #[schema(value_type = Balance)]
    gross: String,
    /// The provider's fee with its tax.
    #[schema(value_type = Balance)]
    fee: String,
    #[schema(value_type = Balance)]
    vat: String,
    /// What the provider gave of this currency for sales in others, less what it took of it to pay in another.
    #[schema(value_type = Balance)]
    exchanged: String,
    /// What the provider pays in this currency: `gross` and `exchanged` less `fee`.
    #[schema(value_type = Balance)]
    net: String,
    /// What of `net` is in the books.
    #[schema(value_type = Balance)]
    booked: String,
    /// What of `net` the provider says that it has paid by today.
    #[schema(value_type = Balance)]
    received: String,
    /// What the books expect of the day: what was captured less what was given back. By day of sale alone.
    #[schema(value_type = Option<Balance>)]
    expected: Option<String>,
}

/// Read what the payment provider settles
///
/// Two calendars: revenue is by the day of the sale, deposits by the day on which the provider pays.
#[utoipa::path(
    get,
    path = "/v1/settlements",
    operation_id = "list_settlements",
    tag = "Reconciliation",
    security(("bearer" = ["read"])),
    params(SettlementChoice),
    responses((status = 200, description = "The days", body = SettlementsBody), ListRefusals)
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    _: ReadCaller,
    parameters: Parameters,
) -> Result<Json<SettlementsBody>, Problem> {
    let SettlementChoice { from, to, by } = SettlementChoice::of(&parameters)?;
    let today = Day::of(now());
    let to = to.unwrap_or(today);
    let from = from.unwrap_or_else(|| (0..7).fold(to, |day, _| day.before()));
    if from > to || !from.onward().take(MAX_DAYS + 1).any(|day| day == to) {
        let detail = format!("is at most {MAX_DAYS} days before `to`, and not after it");
        return Err(Problem::of_field("from", FieldCode::Invalid, detail));
    }
    let calendar = by.unwrap_or(SettlementCalendar::Sold);
    let days = api.service.reader.settlement_days(from, to, calendar, today).await?;
    let data = days.into_iter().map(|((day, currency), of_day)| SettlementDayBody::new(day, currency, of_day));
    Ok(Json(SettlementsBody { data: data.collect() }))
}

impl SettlementDayBody {
    fn new(day: Day, currency: Currency, of_day: SettlementDay) -> Self {
        let decimal = |minor: i64| signed_minor(minor, currency);
        let SettlementDay { rows, gross, fee, vat, exchanged, net, booked, received, expected } = of_day;
        Self {
            date: day.to_string(),
            currency: currency.code(),
            rows,
            gross: decimal(gross),
            fee: decimal(fee),
            vat: decimal(vat),
            exchanged: decimal(exchanged),
            net: decimal(net),
            booked: decimal(booked),
            received: decimal(received),
            expected: expected.map(decimal),
        }
    }
}
