//! What a difference between our books and the PSP's means.

use domain::{
    Currency, Money, Timestamp,
    checkout::Status,
    reconciliation::{Break, Compared, Standing, Turnover},
};

const SETTLED_BY: Timestamp = Timestamp::from_epoch_ms(1_000_000);
const BEFORE: Option<Timestamp> = Some(SETTLED_BY);
const AFTER: Option<Timestamp> = Some(SETTLED_BY.plus_ms(1));

fn turnover((taken, given_back): (u64, u64), currency: Currency) -> Turnover {
    let money = |minor| Money::try_from_minor(minor, currency).unwrap();
    Turnover { taken: money(taken), given_back: money(given_back) }
}

fn check(in_books: (u64, u64), at_psp: (u64, u64), known: (Option<Status>, &[u64]), expected: Standing) {
    for (moved_at, expected) in [(BEFORE, expected), (None, expected), (AFTER, recently(known.0, expected))] {
        let (in_books, at_psp) = (turnover(in_books, Currency::Krw), turnover(at_psp, Currency::Krw));
        let stuck_refunds = known.1.iter().map(|minor| Money::try_from_minor(*minor, Currency::Krw).unwrap()).collect();
        let compared = Compared { in_books, at_psp, moved_at, status: known.0, stuck_refunds };
        assert_eq!(compared.standing(SETTLED_BY), expected, "{compared:?}");
    }
}

/// A moment ago, what is recorded may be about to be booked. What nobody has recorded, nobody will book.
fn recently(status: Option<Status>, settled: Standing) -> Standing {
    match settled {
        Standing::Break(_) if status.is_some() => Standing::UnderWay,
        settled => settled,
    }
}

#[test]
fn what_differs_is_named() {
    let (paid, failed, stuck) = (Some(Status::Success), Some(Status::Failed), Some(Status::Stuck));
    let (in_books, at_psp, differ) = (Break::MissingInBooks, Break::MissingAtPsp, Break::AmountsDiffer);
    check((500, 0), (500, 0), (paid, &[]), Standing::Agrees);
    check((500, 200), (300, 0), (paid, &[]), Standing::Agrees);
    // Charged and undone before anything was booked.
    check((0, 0), (500, 500), (failed, &[]), Standing::Agrees);
    // A deposit that was taken back by the bank and paid again.
    check((1_000, 500), (500, 0), (paid, &[]), Standing::Agrees);
    check((0, 0), (500, 0), (None, &[]), Standing::Break(in_books));
    check((500, 500), (500, 0), (failed, &[]), Standing::Break(in_books));
    check((500, 0), (0, 0), (paid, &[]), Standing::Break(at_psp));
    check((500, 0), (500, 500), (paid, &[]), Standing::Break(at_psp));
    check((500, 0), (500, 100), (paid, &[]), Standing::Break(differ));
    // More went back than was ever taken: nobody can hold that.
    check((500, 600), (500, 0), (paid, &[]), Standing::Break(differ));
    check((0, 0), (500, 0), (stuck, &[]), Standing::BeforeAPerson);
    check((500, 0), (500, 100), (paid, &[60, 40]), Standing::BeforeAPerson);
    // A refund before a person explains itself, and no other money.
    check((500, 0), (500, 101), (paid, &[100]), Standing::Break(differ));
    check((500, 0), (1_000, 100), (paid, &[100]), Standing::Break(differ));
}

#[test]
fn two_currencies_are_no_agreement() {
    let (in_books, at_psp) = (turnover((500, 0), Currency::Krw), turnover((500, 0), Currency::Usd));
    let compared =
        Compared { in_books, at_psp, moved_at: None, status: Some(Status::Success), stuck_refunds: Vec::new() };
    assert_eq!(compared.standing(SETTLED_BY), Standing::Break(Break::AmountsDiffer));
}
