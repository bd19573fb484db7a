use domain::{
    Currency::{Krw, Usd},
    Money, Timestamp,
    checkout::Plan,
    commission::{BasisPoints, given_up, vat_in},
    id::{CheckoutId, PaymentOrderId, SellerAccount},
    ledger::{Account, Entry, EntryError, EntryFields, Place, Posting, PostingFields, Reason},
};
use proptest::prelude::*;

use crate::checkout::{fields, order};

fn seller(name: &str) -> Account {
    Account::SellerPending(SellerAccount::parse(name).unwrap())
}

fn posting(debit: Account, credit: Account, amount: Money) -> Result<Posting, EntryError> {
    Posting::try_new(PostingFields { debit, credit, amount, order: None })
}

fn entry(postings: Vec<Posting>) -> Result<Entry, EntryError> {
    Entry::try_new(EntryFields {
        key: "key".to_owned(),
        reason: Reason::PaymentCaptured,
        checkout_id: None,
        reverses: None,
        occurred_at: Timestamp::from_epoch_ms(0),
        postings,
    })
}

#[test]
fn refuses_what_is_no_entry_before_anything_is_written() {
    let won = Money::try_from_minor(1, Krw).unwrap();
    let cent = Money::try_from_minor(1, Usd).unwrap();
    assert_eq!(posting(Account::PspReceivable, seller("a"), Money::zero(Krw)), Err(EntryError::ZeroAmount));
    assert_eq!(posting(seller("a"), seller("a"), won), Err(EntryError::SameAccount));
    assert_eq!(entry(vec![]), Err(EntryError::NoPostings));
    let one = posting(Account::PspReceivable, seller("a"), won).unwrap();
    let other = posting(Account::PspReceivable, seller("a"), cent).unwrap();
    assert_eq!(entry(vec![one.clone(), other]), Err(EntryError::MixedCurrencies));
    assert_eq!(entry(vec![one; domain::ledger::MAX_POSTINGS + 1]), Err(EntryError::TooManyPostings));
}

#[test]
fn an_unbalanced_or_empty_entry_cannot_even_be_read() {
    let json = r#"{"key":"k","reason":"payment_captured","checkout_id":"checkout-1","occurred_at":0,"postings":[]}"#;
    assert!(serde_json::from_str::<Entry>(json).is_err());
    let same = r#"{"debit":"psp:receivable","credit":"psp:receivable","amount":{"amount":"1","currency":"KRW"}}"#;
    assert!(serde_json::from_str::<Posting>(same).is_err());
}

#[test]
fn accounts_are_written_and_read_back() {
    for account in [Account::PspReceivable, seller("seller-a"), seller("a.b-c_D9")] {
        assert_eq!(account.to_string().parse::<Account>().as_ref(), Ok(&account));
    }
    for wrong in ["", "psp", "seller::pending", "seller:a", "seller:a:b:pending", "seller:a:savings"] {
        assert!(wrong.parse::<Account>().is_err(), "{wrong:?}");
    }
}

proptest! {
    #[test]
    fn a_captured_payment_books_its_total_and_each_sellers_part(
        amounts in prop::collection::vec(1_u64..1_000_000_000, 1..=100),
    ) {
        let orders = amounts.iter().zip(0..);
        let orders = orders.map(|(&minor, index)| order(&format!("o-{index}"), &format!("s-{}", index % 7), minor));
        let plan = Plan::try_new(fields(orders.collect())).unwrap();
        let entry = Entry::of_captured_payment(&plan, &[], Timestamp::from_epoch_ms(1)).unwrap();
        let mut booked = Money::zero(Krw);
        for (posting, order) in entry.fields().postings.iter().zip(plan.orders()) {
            let posting = posting.fields();
            prop_assert_eq!(&posting.debit, &Account::PspReceivable);
            prop_assert_eq!(&posting.credit, &Account::SellerPending(order.seller.clone()));
            prop_assert_eq!(posting.order.as_ref(), Some(&order.id));
            booked = booked.plus(posting.amount).unwrap();
        }
        prop_assert_eq!(booked, plan.total());
        let again = Entry::of_captured_payment(&plan, &[], Timestamp::from_epoch_ms(2)).unwrap();
        prop_assert_eq!(&again.fields().key, &entry.fields().key);
    }
}

#[test]
fn every_account_of_the_chart_is_written_and_read_back() {
    let seller = SellerAccount::parse("a.b-c_D9").unwrap();
    for account in [
        Account::PspReceivable,
        Account::Bank,
        Account::PspPayoutBalance,
        Account::InputVat,
        Account::OutputVat,
        Account::SweepInTransit,
        Account::Rounding,
        Account::FxTrading,
        Account::SellerDebt(seller.clone()),
        Account::SellerPending(seller.clone()),
        Account::SellerAvailable(seller.clone()),
        Account::SellerHeld(seller.clone()),
        Account::PayoutInTransit(seller),
        Account::RefundsPayable,
        Account::Suspense,
        Account::PlatformCommission,
        Account::PspFees,
    ] {
        assert_eq!(account.to_string().parse::<Account>().as_ref(), Ok(&account));
    }
}

/// Auditors recompute these bytes: they never change.
#[test]
fn the_canonical_text_of_an_entry_is_fixed() {
    let won = Money::try_from_minor(15_000, Krw).unwrap();
    let posting = Posting::try_new(PostingFields {
        debit: Account::PspReceivable,
        credit: seller("seller-a"),
        amount: won,
        order: Some(PaymentOrderId::parse("order-1").unwrap()),
    });
    let entry = Entry::try_new(EntryFields {
        key: "payment_captured:checkout-1".to_owned(),
        reason: Reason::PaymentCaptured,
        checkout_id: Some(CheckoutId::parse("checkout-1").unwrap()),
        reverses: None,
        occurred_at: Timestamp::from_epoch_ms(1_700_000_000_000),
        postings: vec![posting.unwrap()],
    });
    let previous = "0".repeat(64);
    let place = Place { sequence: 7, previous: &previous, booked_at: Timestamp::from_epoch_ms(1_700_000_000_123) };
    let expected = format!(
        "daegeum-entry 1\nsequence 1:7\nprevious 64:{previous}\nkey 27:payment_captured:checkout-1\n\
         reason 16:payment_captured\ncheckout 10:checkout-1\nreverses 0:\noccurred 13:1700000000000\n\
         booked 13:1700000000123\ncurrency 3:KRW\npostings 1:1\ndebit 14:psp:receivable\n\
         credit 23:seller:seller-a:pending\namount 5:15000\norder 7:order-1\n"
    );
    assert_eq!(entry.unwrap().canonical(place), expected);
}

#[test]
fn an_entry_that_adds_up_beyond_money_is_refused() {
    let most = Money::try_from_minor(domain::money::MAX_MINOR, Krw).unwrap();
    let one = posting(Account::PspReceivable, seller("a"), most).unwrap();
    assert_eq!(entry(vec![one.clone()]).map(|_| ()), Ok(()));
    assert_eq!(entry(vec![one.clone(), one]), Err(EntryError::TooLarge));
}

proptest! {
    /// Whatever is taken from whom, nothing of an order is lost: its parts come back to nothing once all of it
    /// is refunded, however many parts it is refunded in.
    #[test]
    fn partial_refunds_give_up_exactly_the_whole_commission(
        amount in 1_u64..1_000_000_000, bps in 0_u16..=10_000,
        cuts in prop::collection::vec(1_u64..1_000_000_000, 0..8),
    ) {
        let won = |minor| Money::try_from_minor(minor, Krw).unwrap();
        let commission = BasisPoints::try_new(bps).unwrap().of(won(amount));
        prop_assert!(u128::from(commission.minor()) * 10_000 <= u128::from(amount) * u128::from(bps));
        let (mut left, mut kept, mut kept_vat) = (won(amount), commission, vat_in(commission));
        prop_assert!(kept_vat.minor() <= kept.minor());
        for cut in cuts.into_iter().map(|cut| cut % amount).chain([amount]) {
            let part = won(cut).least(left);
            let gives = given_up(kept, part, left);
            let gives_vat = given_up(kept_vat, part, left);
            prop_assert!(gives_vat.minor() <= gives.minor(), "the tax is a part of the commission");
            (kept, kept_vat) = (kept.minus(gives).unwrap(), kept_vat.minus(gives_vat).unwrap());
            left = left.minus(part).unwrap();
            prop_assert!(kept.minor() <= left.minor(), "we never keep more than is left of the order");
        }
        prop_assert_eq!((left, kept, kept_vat), (won(0), won(0), won(0)));
    }
}

#[test]
fn the_tax_in_a_commission_is_an_eleventh_rounded_half_up() {
    let won = |minor| Money::try_from_minor(minor, Krw).unwrap();
    // Toss's own rows round its fee so: 2,250 holds 205, and 860 holds 78.
    for (commission, vat) in [(0, 0), (5, 0), (6, 1), (11, 1), (16, 1), (17, 2), (860, 78), (2_250, 205)] {
        assert_eq!(vat_in(won(commission)), won(vat), "{commission}");
    }
    let most = won(domain::money::MAX_MINOR);
    assert_eq!(vat_in(most).minor(), (domain::money::MAX_MINOR * 2 + 11) / 22);
}

#[test]
fn a_sale_books_the_tax_in_our_commission_apart() {
    let won = |minor| Money::try_from_minor(minor, Krw).unwrap();
    let plan = Plan::try_new(fields(vec![order("o-1", "seller-a", 10_000)])).unwrap();
    let rates = [BasisPoints::try_new(250).unwrap()];
    let entry = Entry::of_captured_payment(&plan, &rates, Timestamp::from_epoch_ms(1)).unwrap();
    let booked: Vec<_> = entry.fields().postings.iter().map(|posting| posting.fields()).collect();
    let credits: Vec<_> = booked.iter().map(|posting| (posting.credit.to_string(), posting.amount)).collect();
    let expected = [("seller:seller-a:pending", 9_750), ("platform:commission", 227), ("vat:output", 23)];
    assert_eq!(credits, expected.map(|(account, minor)| (account.to_owned(), won(minor))));
    assert!(booked.iter().all(|posting| posting.debit == Account::PspReceivable && posting.order.is_some()));
    let changes = entry.order_changes();
    let change = changes.values().next().unwrap();
    assert_eq!((change.unreleased, change.commission, change.commission_vat), (9_750, 250, 23));
}
