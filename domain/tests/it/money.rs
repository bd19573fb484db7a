use domain::{
    Currency::{self, Jpy, Krw, Usd},
    Money,
    money::{MAX_MINOR, MoneyError},
};
use proptest::prelude::*;

#[test]
fn reads_decimal_strings_and_rounds_nothing() {
    let table: &[(&str, Currency, Result<u64, MoneyError>)] = &[
        ("15000", Krw, Ok(15_000)),
        ("0", Krw, Ok(0)),
        ("12.50", Usd, Ok(1_250)),
        ("12.5", Usd, Ok(1_250)),
        ("12", Usd, Ok(1_200)),
        ("0.01", Usd, Ok(1)),
        ("7", Jpy, Ok(7)),
        ("9007199254740991", Krw, Ok(MAX_MINOR)),
        ("9007199254740992", Krw, Err(MoneyError::TooLarge)),
        ("90071992547409.92", Usd, Err(MoneyError::TooLarge)),
        ("99999999999999999999999999999999999999", Krw, Err(MoneyError::TooLarge)),
        ("15000.0", Krw, Err(MoneyError::TooManyDecimals(Krw))),
        ("1.005", Usd, Err(MoneyError::TooManyDecimals(Usd))),
        ("", Krw, Err(MoneyError::Malformed)),
        (".", Usd, Err(MoneyError::Malformed)),
        (".5", Usd, Err(MoneyError::Malformed)),
        ("5.", Usd, Err(MoneyError::Malformed)),
        ("-1", Krw, Err(MoneyError::Malformed)),
        ("+1", Krw, Err(MoneyError::Malformed)),
        ("1e3", Krw, Err(MoneyError::Malformed)),
        ("1,000", Krw, Err(MoneyError::Malformed)),
        (" 1", Krw, Err(MoneyError::Malformed)),
        ("01", Krw, Err(MoneyError::Malformed)),
        ("1_000", Krw, Err(MoneyError::Malformed)),
        ("１", Krw, Err(MoneyError::Malformed)),
        ("NaN", Krw, Err(MoneyError::Malformed)),
    ];
    for (text, currency, expected) in table {
        let parsed = Money::parse(text, *currency).map(Money::minor);
        assert_eq!(parsed, *expected, "{text:?} {currency}");
    }
}

#[test]
fn adds_and_subtracts_within_one_currency_and_within_bounds() {
    let won = |minor| Money::try_from_minor(minor, Krw).unwrap();
    let cents = Money::try_from_minor(1, Usd).unwrap();
    assert_eq!(won(2).plus(won(3)), Ok(won(5)));
    assert_eq!(won(3).minus(won(2)), Ok(won(1)));
    assert_eq!(won(2).minus(won(3)), Err(MoneyError::BelowZero));
    assert_eq!(won(MAX_MINOR).plus(won(1)), Err(MoneyError::TooLarge));
    assert_eq!(won(1).plus(cents), Err(MoneyError::MixedCurrencies(Krw, Usd)));
    assert_eq!(won(1).minus(cents), Err(MoneyError::MixedCurrencies(Krw, Usd)));
}

#[test]
fn is_written_as_a_decimal_string() {
    let price = Money::parse("12.50", Usd).unwrap();
    let wire = serde_json::to_string(&price).unwrap();
    assert_eq!(wire, r#"{"amount":"12.50","currency":"USD"}"#);
    assert_eq!(serde_json::from_str::<Money>(&wire).unwrap(), price);
    assert!(serde_json::from_str::<Money>(r#"{"amount":12.5,"currency":"USD"}"#).is_err());
    assert!(serde_json::from_str::<Money>(r#"{"amount":"12.505","currency":"USD"}"#).is_err());
}

#[test]
fn splits_by_the_largest_remainder() {
    let won = |minor| Money::try_from_minor(minor, Krw).unwrap();
    let split = |minor: u64, weights: &[u64]| {
        won(minor).split(weights).map(|parts| parts.into_iter().map(Money::minor).collect::<Vec<_>>())
    };
    assert_eq!(split(100, &[1, 1, 1]), Ok(vec![34, 33, 33]));
    assert_eq!(split(10, &[0, 3, 0, 1]), Ok(vec![0, 8, 0, 2]));
    assert_eq!(split(1, &[u64::MAX, u64::MAX]), Ok(vec![1, 0]));
    assert_eq!(split(5, &[]), Err(MoneyError::NoWeights));
    assert_eq!(split(5, &[0, 0]), Err(MoneyError::NoWeights));
}

proptest! {
    #[test]
    fn a_split_loses_and_invents_nothing(
        minor in 0..=MAX_MINOR, weights in prop::collection::vec(any::<u64>(), 1..20),
    ) {
        prop_assume!(weights.iter().any(|&weight| weight > 0));
        let whole = Money::try_from_minor(minor, Krw).unwrap();
        let parts = whole.split(&weights).unwrap();
        let total: u128 = weights.iter().map(|&weight| u128::from(weight)).sum();
        prop_assert_eq!(parts.iter().map(|part| part.minor()).sum::<u64>(), minor);
        for (part, &weight) in parts.iter().zip(&weights) {
            let floor = u128::from(minor) * u128::from(weight) / total;
            prop_assert!(u128::from(part.minor()) == floor || u128::from(part.minor()) == floor + 1);
        }
    }

    #[test]
    fn what_is_written_is_read_back(minor in 0..=MAX_MINOR) {
        for currency in [Krw, Usd, Jpy] {
            let money = Money::try_from_minor(minor, currency).unwrap();
            prop_assert_eq!(Money::parse(&money.to_decimal_string(), currency), Ok(money));
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in ".*") {
        for currency in [Krw, Usd, Jpy] {
            let _ = Money::parse(&text, currency);
        }
    }
}
