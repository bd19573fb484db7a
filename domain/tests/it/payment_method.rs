use domain::{
    Currency, Money,
    payment_method::PaymentMethod::{self, Card, ForeignEasyPay, MobilePhone, Transfer, VirtualAccount},
};

fn money(minor: u64, currency: Currency) -> Money {
    Money::try_from_minor(minor, currency).unwrap()
}

#[test]
fn a_page_offers_what_the_psp_takes_of_an_amount() {
    use Currency::{Jpy, Krw, Usd};
    let all = PaymentMethod::ALL;
    let accounts = [VirtualAccount, Transfer];
    for (listed, minor, currency, taking) in [
        (&[Card, VirtualAccount, ForeignEasyPay][..], 15_000, Krw, &[Card, VirtualAccount][..]),
        (&[Card, VirtualAccount], 199, Krw, &[Card]),
        (&[Card, VirtualAccount], 200, Krw, &[Card, VirtualAccount]),
        (&[Card], 99, Krw, &[Card]),
        (&accounts, 199, Krw, &accounts),
        (&all, 1, Usd, &[Card, ForeignEasyPay]),
        (&all, 1, Jpy, &[Card]),
        // Every contract has cards.
        (&accounts, 1, Usd, &[Card]),
        (&[ForeignEasyPay], 15_000, Krw, &[Card]),
    ] {
        let amount = money(minor, currency);
        assert_eq!(PaymentMethod::taking(listed, amount), taking, "{listed:?} {amount}");
    }
}

#[test]
fn the_least_payment_is_that_of_the_methods_on_the_page() {
    use Currency::{Jpy, Krw, Usd};
    for (listed, currency, least) in [
        (&[Card, Transfer][..], Krw, 100),
        (&[Transfer, VirtualAccount], Krw, 200),
        (&[MobilePhone], Krw, 100),
        (&[Transfer], Usd, 1),
        (&[Card], Jpy, 1),
    ] {
        assert_eq!(PaymentMethod::least_payment(listed, currency), money(least, currency), "{listed:?} {currency}");
    }
}
