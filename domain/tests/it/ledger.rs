use domain::{
    Currency::{Krw, Usd},
    Money, Timestamp,
    checkout::Plan,
    id::SellerAccount,
    ledger::{Account, Entry, EntryError, EntryFields, Posting, PostingFields, Reason},
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
    fn a_captured_payment_books_its_total_and_each_sellers_part(amounts in prop::collection::vec(1_u64..1_000_000_000, 1..=100)) {
        let orders = amounts.iter().zip(0..).map(|(&minor, index)| order(&format!("o-{index}"), &format!("s-{}", index % 7), minor));
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
