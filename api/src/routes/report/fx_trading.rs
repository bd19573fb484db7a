//! What the PSP exchanged, as it stands, and the gain or the loss of it.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use domain::{Currency, calendar::Day};
use serde::Serialize;
use service::{
    fx_trading::{self as traded, FxPosition, FxTrading},
    now,
};

use super::{Format, FormatName, ReportRefusals, csv};
use crate::{
    Api,
    http::{caller::ReadCaller, parameters::Parameters, problem::Problem, table::parameters, values::signed_minor},
    openapi::shapes::{Balance, CurrencyCode, DayName},
    routes::rate::RateBody,
};

parameters! {
    /// Which day, and in which form.
    pub(crate) struct TradingChoice {
        /// The day at whose end it stands; today, as far as it has come, by default.
        date: DayName,
        format: FormatName,
    }
}

/// What stands between currencies at the end of a day.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = FxTrading)]
pub(crate) struct TradingBody {
    #[schema(value_type = DayName)]
    date: String,
    positions: Vec<PositionLine>,
    /// The gain of exchanges in won, or the loss where it is below zero: the sum of `in_krw`. Null where a rate is not
    /// known.
    #[schema(value_type = Option<Balance>)]
    gain: Option<String>,
    /// Whether nothing of another currency stands open: the gain rests on no rate then.
    is_realized: bool,
}

/// What stands on `fx:trading` in one currency.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = FxPosition)]
struct PositionLine {
    #[schema(value_type = CurrencyCode)]
    currency: &'static str,
    /// Below zero is what the provider took of this currency; above zero is what it gave of it.
    #[schema(value_type = Balance)]
    balance: String,
    /// The balance in won; that of won is itself. Null where no rate is known.
    #[schema(value_type = Option<Balance>)]
    in_krw: Option<String>,
    /// The rate behind `in_krw`, with its source and its time. Null for won.
    rate: Option<RateBody>,
}

/// Read what the payment provider exchanged
///
/// Sales in another currency that the provider pays in won go through the account `fx:trading`, with the amounts of
/// the provider's rows. What stands there, valued at the newest `mid` rate of the day's end, is the gain or the loss of
/// these exchanges.
#[utoipa::path(
    get,
    path = "/v1/reports/fx-trading",
    operation_id = "report_fx_trading",
    tag = "Reconciliation",
    security(("bearer" = ["read"])),
    params(TradingChoice),
    responses(
        (status = 200, description = "The report", content((TradingBody = "application/json"), (String = "text/csv"))),
        ReportRefusals,
    )
)]
pub(crate) async fn fx_trading(
    State(api): State<Arc<Api>>,
    _: ReadCaller,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let TradingChoice { date, format } = TradingChoice::of(&parameters)?;
    let trading = traded::fx_trading(&api.service.reader, date.unwrap_or_else(|| Day::of(now()))).await?;
    if format == Some(Format::Csv) {
        Ok(as_csv(&trading))
    } else {
        Ok(Json(TradingBody::new(&trading)).into_response())
    }
}

/// The report as CSV.
pub(crate) fn as_csv(trading: &FxTrading) -> Response {
    let lines = trading.positions.iter().map(|position| PositionLine::new(position).to_csv());
    csv("currency,balance,in_krw,rate,rate_as_of,rate_source", lines)
}

impl TradingBody {
    fn new(trading: &FxTrading) -> Self {
        Self {
            date: trading.day.to_string(),
            positions: trading.positions.iter().map(PositionLine::new).collect(),
            gain: trading.gain().map(|gain| signed_minor(gain, Currency::Krw)),
            is_realized: trading.is_realized(),
        }
    }
}

impl PositionLine {
    fn new(position: &FxPosition) -> Self {
        Self {
            currency: position.currency.code(),
            balance: signed_minor(position.minor, position.currency),
            in_krw: position.won.map(|won| signed_minor(won, Currency::Krw)),
            rate: position.rate.as_ref().map(RateBody::new),
        }
    }

    fn to_csv(&self) -> String {
        let Self { currency, balance, in_krw, rate } = self;
        let rate = rate.as_ref().map_or_else(|| ",,".to_owned(), RateBody::to_csv);
        format!("{currency},{balance},{},{rate}", in_krw.as_deref().unwrap_or_default())
    }
}
