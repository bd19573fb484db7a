//! What the PSP exchanged, as it stands at the end of a day, and the gain or the loss of it.

use domain::{
    Currency,
    calendar::Day,
    ledger::Account,
    rate::{Rate, Rates},
    settlement::Flow,
};
use store::{AsOf, Reader, StoreError};

/// What stands on `fx:trading`.
#[derive(Debug, Clone)]
pub struct FxTrading {
    /// The day at whose end it stands.
    pub day: Day,
    /// By currency.
    pub positions: Vec<FxPosition>,
}

/// What stands on `fx:trading` in one currency.
#[derive(Debug, Clone)]
pub struct FxPosition {
    /// The currency.
    pub currency: Currency,
    /// In minor units. Below zero is what the PSP took of this currency; above zero is what it gave of it.
    pub minor: i64,
    /// The same in won; nothing where no rate is known.
    pub won: Option<i64>,
    /// The rate behind it; none for won, and for nothing.
    pub rate: Option<Rate>,
}

/// Reads what stood at the end of a day, valued at the newest rates of then.
pub async fn fx_trading(reader: &Reader, day: Day) -> Result<FxTrading, StoreError> {
    let end = day.next().start().minus_ms(1);
    let balances = reader.trial_balance_as_of(AsOf::Occurred(end)).await?;
    let rates = reader.rates_at(end).await?;
    let of_trading = balances.into_iter().filter(|balance| balance.account == Account::FxTrading);
    let positions = of_trading.map(|balance| {
        let minor = balance.credits.minor().cast_signed() - balance.debits.minor().cast_signed();
        FxPosition::new(minor, balance.debits.currency(), &rates)
    });
    Ok(FxTrading { day, positions: positions.collect() })
}

impl FxTrading {
    /// The gain of exchanges in won, or the loss where it is below zero. Nothing where a rate is not known.
    pub fn gain(&self) -> Option<i64> {
        self.positions.iter().try_fold(0_i64, |sum, position| sum.checked_add(position.won?))
    }

    /// Whether nothing of another currency stands open: the gain rests on no rate then.
    pub fn is_realized(&self) -> bool {
        !self.positions.iter().any(|position| position.currency != Currency::Krw && position.minor != 0)
    }
}

impl FxPosition {
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
        Self { currency, minor, won, rate: rate.filter(|_| minor != 0).cloned() }
    }
}
