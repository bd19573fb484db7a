//! Amounts as people read them.

use domain::{Currency, Money};

use crate::language::Language;

/// An amount as a person reads it: `15,000원`, `12.50 USD`.
pub(crate) fn amount(money: Money, language: Language) -> String {
    let text = grouped(&money.to_decimal_string());
    match (language, money.currency()) {
        (Language::Korean, Currency::Krw) => format!("{text}원"),
        (Language::Korean, Currency::Jpy) => format!("{text}엔"),
        (Language::Korean, Currency::Usd) | (Language::English, _) => format!("{text} {}", money.currency()),
    }
}

/// A decimal text with a comma before every third digit from the decimal point.
pub(crate) fn grouped(decimal: &str) -> String {
    let (whole, rest) = decimal.find('.').map_or((decimal, ""), |point| decimal.split_at(point));
    let mut text = String::with_capacity(decimal.len() * 2);
    for (place, digit) in whole.char_indices() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text + rest
}
