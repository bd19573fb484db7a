//! What the PSP exchanged, as it stands, and the gain or the loss of it.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use domain::{Currency, calendar::Day, ledger::Account, rate::Rates, settlement::Flow};
use serde::Serialize;
use service::now;
use store::AsOf;

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

/// A position with its value in won.
struct Position {
    line: PositionLine,
    won: Option<i64>,
    is_open: bool,
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
    let day = date.unwrap_or_else(|| Day::of(now()));
    let end = day.next().start().minus_ms(1);
    let balances = api.service.reader.trial_balance_as_of(AsOf::Occurred(end)).await?;
    let rates = api.service.reader.rates_at(end).await?;
    let of_trading = balances.into_iter().filter(|balance| balance.account == Account::FxTrading);
    let positions: Vec<Position> = of_trading
        .map(|balance| {
            let minor = balance.credits.minor().cast_signed() - balance.debits.minor().cast_signed();
            Position::new(minor, balance.debits.currency(), &rates)
        })
        .collect();
    let sum = |sum: i64, position: &Position| sum.checked_add(position.won?);
    let gain = positions.iter().try_fold(0, sum).map(|gain| signed_minor(gain, Currency::Krw));
    let is_realized = !positions.iter().any(|position| position.is_open);
    let positions: Vec<PositionLine> = positions.into_iter().map(|position| position.line).collect();
    if format == Some(Format::Csv) {
        return Ok(csv(
            "currency,balance,in_krw,rate,rate_as_of,rate_source",
            positions.iter().map(PositionLine::to_csv),
        ));
    }
    Ok(Json(TradingBody { date: day.to_string(), positions, gain, is_realized }).into_response())
}

impl Position {
    fn new(minor: i64, currency: Currency, rates: &Rates) -> Self {
        let rate = rates.between(currency, Currency::Krw);
        let won = match currency {
            Currency::Krw => Some(minor),
            Currency::Usd | Currency::Jpy if minor == 0 => Some(0),
            Currency::Usd | Currency::Jpy => rate.and_then(|rate| {
                let amount = rate.convert(Flow::of_signed(minor, currency).ok()?.amount())?.ok()?;
                Some(amount.minor().cast_signed() * minor.signum())
            }),
        };
        let line = PositionLine {
            currency: currency.code(),
            balance: signed_minor(minor, currency),
            in_krw: won.map(|won| signed_minor(won, Currency::Krw)),
            rate: rate.filter(|_| minor != 0).map(RateBody::new),
        };
        Self { line, won, is_open: currency != Currency::Krw && minor != 0 }
    }
}

impl PositionLine {
    fn to_csv(&self) -> String {
        let Self { currency, balance, in_krw, rate } = self;
        let rate = rate.as_ref().map_or_else(|| ",,".to_owned(), RateBody::to_csv);
        format!("{currency},{balance},{},{rate}", in_krw.as_deref().unwrap_or_default())
    }
}
