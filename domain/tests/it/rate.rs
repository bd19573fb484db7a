use domain::{
    Currency::{self, Jpy, Krw, Usd},
    Money, Timestamp,
    money::{MAX_MINOR, MoneyError},
    rate::{Pair, Rate, RateError, RateKind, RateValue, Rates},
};
use proptest::prelude::*;

fn rate(base: Currency, quote: Currency, value: &str, as_of_ms: i64) -> Rate {
    Rate {
        pair: Pair::try_new(base, quote).unwrap(),
        kind: RateKind::Mid,
        value: value.parse().unwrap(),
        as_of: Timestamp::from_epoch_ms(as_of_ms),
        source: "한국은행".to_owned(),
    }
}

fn money(text: &str, currency: Currency) -> Money {
    Money::parse(text, currency).unwrap()
}

#[test]
fn an_amount_is_rounded_half_up_to_the_minor_unit_of_the_other_currency() {
    let dollar = rate(Usd, Krw, "1391.5", 0);
    for (amount, other) in [
        (money("1.00", Usd), money("1392", Krw)),
        (money("12.50", Usd), money("17394", Krw)),
        (money("0.01", Usd), money("14", Krw)),
        (money("0.00", Usd), money("0", Krw)),
        (money("1391", Krw), money("1.00", Usd)),
        (money("6", Krw), money("0.00", Usd)),
        (money("7", Krw), money("0.01", Usd)),
    ] {
        assert_eq!(dollar.convert(amount), Some(Ok(other)), "{amount}");
    }
    assert_eq!(dollar.convert(money("1", Jpy)), None);
    let yen = rate(Jpy, Usd, "0.0064", 0);
    assert_eq!(yen.convert(money("15000", Jpy)), Some(Ok(money("96.00", Usd))));
    let most = Money::try_from_minor(MAX_MINOR, Usd).unwrap();
    assert_eq!(dollar.convert(most), Some(Err(MoneyError::TooLarge)));
}

#[test]
fn the_newest_rate_between_two_currencies_counts_whichever_way_it_was_published() {
    let rates = Rates::new(vec![rate(Usd, Krw, "1400", 1), rate(Krw, Usd, "0.0005", 2), rate(Jpy, Krw, "9", 3)]);
    assert_eq!(rates.between(Usd, Krw).unwrap().to_string(), "0.0005 USD per KRW by 한국은행");
    assert_eq!(rates.between(Krw, Usd), rates.between(Usd, Krw));
    assert_eq!(rates.between(Krw, Jpy).unwrap().value.to_string(), "9");
    assert_eq!(rates.between(Usd, Jpy), None);
}

#[test]
fn what_is_no_rate_is_refused() {
    assert_eq!(Pair::try_new(Krw, Krw), Err(RateError::SameCurrency));
    assert_eq!(Pair::all().count(), 6);
    for text in ["", "0", "0.000000001", "-1", "+1", "1e3", "1,5", ".", "1000000000", "NaN", "1_000"] {
        assert_eq!(text.parse::<RateValue>(), Err(RateError::Value), "{text}");
    }
    for text in ["0.00000001", "999999999.99999999", "1391.50", "1"] {
        let value: RateValue = text.parse().unwrap();
        assert_eq!(RateValue::try_from_parts(value.parts()), Ok(value));
        assert_eq!(value.to_string().parse(), Ok(value));
    }
    assert_eq!("1391.50".parse::<RateValue>().unwrap().to_string(), "1391.5");
    for source in ["", " a", "a ", "a\n", &"a".repeat(65)] {
        assert_eq!(Rate::check_source(source), Err(RateError::Source), "{source:?}");
    }
    assert_eq!(Rate::check_source(&"은".repeat(64)), Ok(()));
}

proptest! {
    /// By integers of a width in which nothing is lost, and there and back within what was rounded.
    #[test]
    fn a_conversion_loses_at_most_half_a_minor_unit(
        minor in 0..=MAX_MINOR / 200_000,
        parts in 1..=150_000_000_000_u64,
    ) {
        let pair = Pair::try_new(Usd, Krw).unwrap();
        let value = RateValue::try_from_parts(parts).unwrap();
        let rate = Rate { pair, value, ..rate(Usd, Krw, "1", 0) };
        let won = rate.convert(Money::try_from_minor(minor, Usd).unwrap()).unwrap().unwrap();
        // Cents times hundred-millionths, against won in the same parts.
        let (exact, rounded) = (u128::from(minor) * u128::from(parts), u128::from(won.minor()) * 10_000_000_000);
        prop_assert!(exact.abs_diff(rounded) * 2 <= 10_000_000_000);
    }
}
