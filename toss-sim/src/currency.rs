//! The currencies of a merchant's contract. Toss has one `mId`, and one set of keys, for each.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Number;

use crate::codes::Code;
use crate::fields::{MAX_AMOUNT, text};

/// A currency in which a merchant takes payments. Source: Toss Payments reference, Payment object, `currency`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    /// Won, without decimals.
    #[default]
    Krw,
    /// Dollars, with two decimals.
    Usd,
    /// Yen, without decimals.
    Jpy,
}

impl Currency {
    /// Every currency there is.
    pub const ALL: [Self; 3] = [Self::Krw, Self::Usd, Self::Jpy];

    /// The code of ISO 4217.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Krw => "KRW",
            Self::Usd => "USD",
            Self::Jpy => "JPY",
        }
    }

    /// The currency of a code.
    pub fn named(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|currency| currency.code() == code)
    }

    const fn decimals(self) -> usize {
        match self {
            Self::Krw | Self::Jpy => 0,
            Self::Usd => 2,
        }
    }

    pub(crate) const fn minor_of_one(self) -> u64 {
        match self {
            Self::Krw | Self::Jpy => 1,
            Self::Usd => 100,
        }
    }

    /// Minor units as JavaScript writes the number: `15000`, `10.05`, `10.5`, `10`.
    pub(crate) fn text(self, minor: u64) -> String {
        let one = self.minor_of_one();
        let (whole, part) = (minor / one, minor % one);
        if part == 0 {
            return whole.to_string();
        }
        let part = format!("{part:0width$}", width = self.decimals());
        format!("{whole}.{}", part.trim_end_matches('0'))
    }

    /// Minor units as a number of JSON.
    pub(crate) fn number(self, minor: u64) -> Number {
        self.text(minor).parse().unwrap_or_else(|_| minor.into())
    }

    /// Minor units with a sign as a number of JSON.
    pub(crate) fn signed_number(self, minor: i64) -> Number {
        let sign = if minor < 0 { "-" } else { "" };
        format!("{sign}{}", self.text(minor.unsigned_abs())).parse().unwrap_or_else(|_| minor.into())
    }

    /// Minor units as a buyer reads them: `15,000원`, `$10.50`, `¥1,200`.
    pub(crate) fn shown(self, minor: u64) -> String {
        let one = self.minor_of_one();
        let whole = grouped(minor / one);
        match self {
            Self::Krw => format!("{whole}원"),
            Self::Usd => format!("${whole}.{:02}", minor % one),
            Self::Jpy => format!("¥{whole}"),
        }
    }
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// An amount of a currency, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Money {
    pub(crate) minor: u64,
    pub(crate) currency: Currency,
}

impl Money {
    pub(crate) const fn won(won: u64) -> Self {
        Self { minor: won, currency: Currency::Krw }
    }
}

/// Decimals of the finest currency.
const MOST_DECIMALS: usize = 2;

/// An amount whose currency is said elsewhere: of the payment, or of the merchant. A text is read as a number, as
/// Toss's own sample shop sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Amount {
    hundredths: u64,
}

impl Amount {
    /// The amount in minor units of a currency.
    ///
    /// # Errors
    /// `INVALID_REQUEST`: the currency has no such part, or there is too much of it.
    pub(crate) fn minor(self, currency: Currency) -> Result<u64, Code> {
        let minor = self.hundredths * currency.minor_of_one();
        let is_whole = minor.is_multiple_of(100);
        let minor = minor / 100;
        if is_whole && minor <= MAX_AMOUNT { Ok(minor) } else { Err(Code::InvalidRequest) }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = text(deserializer)?;
        let wrong = || D::Error::custom("an amount is a number with at most two decimals");
        let (whole, part) = written.split_once('.').unwrap_or((&written, "0"));
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let exact = part.trim_end_matches('0');
        if !is_digits(whole) || !is_digits(part) || exact.len() > MOST_DECIMALS {
            return Err(wrong());
        }
        let whole: u64 = whole.parse().ok().filter(|whole| *whole <= MAX_AMOUNT).ok_or_else(wrong)?;
        let part: u64 = format!("{exact:0<MOST_DECIMALS$}").parse().map_err(|_| wrong())?;
        Ok(Self { hundredths: whole * 100 + part })
    }
}

#[cfg(test)]
mod tests {
    use super::{Amount, Currency};
    use crate::codes::Code;
    use crate::fields::read;

    fn minor(text: &str, currency: Currency) -> Result<u64, Code> {
        read::<Amount>(text.as_bytes())?.minor(currency)
    }

    #[test]
    fn an_amount_is_read_in_its_currency() {
        for (text, won, cents) in [
            ("15000", Some(15_000), Some(1_500_000)),
            ("15000.0", Some(15_000), Some(1_500_000)),
            ("\"15000\"", Some(15_000), Some(1_500_000)),
            ("10.05", None, Some(1_005)),
            ("10.5", None, Some(1_050)),
            ("10.50", None, Some(1_050)),
            ("\"0.01\"", None, Some(1)),
            ("0", Some(0), Some(0)),
            ("1000000000000", Some(1_000_000_000_000), None),
        ] {
            assert_eq!(minor(text, Currency::Krw).ok(), won, "{text} KRW");
            assert_eq!(minor(text, Currency::Jpy).ok(), won, "{text} JPY");
            assert_eq!(minor(text, Currency::Usd).ok(), cents, "{text} USD");
        }
        for wrong in
            ["0.005", "-1", "\"won\"", "\"\"", "\"-1\"", "\" 1\"", "\"1.\"", "true", "null", "1e30", "1000000000001"]
        {
            assert_eq!(minor(wrong, Currency::Usd), Err(Code::InvalidRequest), "{wrong}");
        }
    }

    #[test]
    fn an_amount_is_written_in_its_currency() {
        use Currency::{Jpy, Krw, Usd};
        for (currency, minor, text, shown) in [
            (Krw, 0, "0", "0원"),
            (Krw, 999, "999", "999원"),
            (Krw, 1_234_567, "1234567", "1,234,567원"),
            (Jpy, 1_200, "1200", "¥1,200"),
            (Usd, 1_005, "10.05", "$10.05"),
            (Usd, 1_050, "10.5", "$10.50"),
            (Usd, 123_400, "1234", "$1,234.00"),
            (Usd, 7, "0.07", "$0.07"),
        ] {
            assert_eq!((currency.text(minor).as_str(), currency.shown(minor).as_str()), (text, shown));
            assert_eq!(currency.number(minor).to_string(), text);
        }
        assert_eq!(Usd.signed_number(-1_005).to_string(), "-10.05");
    }
}
