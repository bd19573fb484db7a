//! What a difference between our books and the PSP's means.

use domain::{
    Currency, Money, Timestamp,
    checkout::Status,
    id::PayoutRunId,
    payout::{PayoutStatus, status::PspPayoutStatus},
    reconciliation::{
        Break, BreakType, Compared, Standing, Turnover,
        payouts::{AskedPayout, JudgedBy, ListedPayout, PayoutMatch, Residue, taken_at_psp_alone},
    },
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

fn asked(name: &str, status: PayoutStatus, minor: u64) -> AskedPayout {
    AskedPayout {
        ref_payout_id: name.to_owned(),
        run_id: PayoutRunId::parse("run-0001").unwrap(),
        status,
        is_former: false,
        was_sent: !matches!(status, PayoutStatus::Frozen | PayoutStatus::Approved),
        amount: Money::try_from_minor(minor, Currency::Krw).unwrap(),
        sent_at: BEFORE,
        due_on: "2026-12-01".parse().unwrap(),
    }
}

fn listed(status: PspPayoutStatus, minor: u64) -> ListedPayout {
    let amount = Money::try_from_minor(minor, Currency::Krw).unwrap();
    ListedPayout { ref_payout_id: "po-1".to_owned(), status, amount, due_on: None }
}

fn on(day: &str) -> JudgedBy {
    JudgedBy { settled_by: SETTLED_BY, as_of: day.parse().unwrap() }
}

/// Each status of ours beside nothing, and beside each status of the PSP's: `=` agrees, `~` is under way, and each
/// other letter is a type of break.
#[test]
fn every_pair_of_statuses_of_a_payout_has_a_meaning() {
    use PayoutStatus as Ours;
    let of = |letter| match letter {
        '=' => PayoutMatch::Agrees,
        '~' => PayoutMatch::UnderWay,
        'L' => PayoutMatch::Break(BreakType::PayoutAnswerLost),
        'M' => PayoutMatch::Break(BreakType::MissingAtPsp),
        'D' => PayoutMatch::Break(BreakType::AmountsDiffer),
        'U' => PayoutMatch::Break(BreakType::PayoutUnknownAtHome),
        'O' => PayoutMatch::Break(BreakType::PayoutOverdue),
        other => panic!("{other}"),
    };
    // Not listed; then REQUESTED, IN_PROGRESS, COMPLETED, FAILED, CANCELED.
    for (ours, on_its_day, later) in [
        (Ours::Frozen, "=UUUUU", "=UUUUU"),
        (Ours::Approved, "=UUUUU", "=UUUUU"),
        (Ours::Sending, "LLLLLL", "LLLLLL"),
        (Ours::Unknown, "LLLLLL", "LLLLLL"),
        (Ours::Stuck, "LLLLLL", "LLLLLL"),
        (Ours::Requested, "M==~~~", "MOOLLL"),
        (Ours::InProgress, "M==~~~", "MOOLLL"),
        (Ours::Paid, "MDD=DD", "MDD=DD"),
        (Ours::Failed, "=DDD==", "=DDD=="),
        (Ours::Canceled, "=DDD==", "=DDD=="),
        (Ours::Returned, "MDD=DD", "MDD=DD"),
    ] {
        for (day, letters) in [("2026-12-01", on_its_day), ("2026-12-02", later)] {
            let theirs = std::iter::once(None).chain(PspPayoutStatus::ALL.into_iter().map(Some));
            for (theirs, letter) in theirs.zip(letters.chars()) {
                let (ours, theirs) = (asked("po-1", ours, 500), theirs.map(|status| listed(status, 500)));
                let matched = PayoutMatch::of(Some(&ours), theirs.as_ref(), on(day));
                assert_eq!(matched, of(letter), "{ours:?} {theirs:?} on {day}");
            }
        }
    }
    let completed = listed(PspPayoutStatus::Completed, 500);
    assert_eq!(PayoutMatch::of(None, Some(&completed), on("2026-12-01")), of('U'));
    assert_eq!(PayoutMatch::of(Some(&asked("po-1", Ours::Paid, 501)), Some(&completed), on("2026-12-01")), of('D'));
    let recent = AskedPayout { sent_at: AFTER, ..asked("po-1", Ours::Sending, 500) };
    assert_eq!(PayoutMatch::of(Some(&recent), None, on("2026-12-01")), of('~'));
    // A former attempt was not paid, whatever became of the present one.
    let former = AskedPayout { is_former: true, ..asked("po-1", Ours::Paid, 500) };
    assert_eq!(PayoutMatch::of(Some(&former), Some(&completed), on("2026-12-01")), of('D'));
    assert_eq!(PayoutMatch::of(Some(&former), None, on("2026-12-01")), of('='));
}

#[test]
fn a_surplus_of_the_balance_is_a_payout_that_came_back_or_nothing_is_chosen() {
    let paid = |(name, won)| asked(name, PayoutStatus::Paid, won);
    let [one, two, three] = [("a", 500), ("b", 500), ("c", 700)].map(paid);
    let all = [&one, &two, &three];
    assert_eq!(Residue::of(0, all.into_iter()), Residue::Nothing);
    assert_eq!(Residue::of(700, all.into_iter()), Residue::Returned(&three));
    assert_eq!(Residue::of(500, all.into_iter()), Residue::Ambiguous(vec![&one, &two]));
    // No sum of several is searched for, and a lack is explained by no return.
    assert_eq!(Residue::of(1_200, all.into_iter()), Residue::Unexplained);
    assert_eq!(Residue::of(-700, all.into_iter()), Residue::Unexplained);
    let returned = asked("d", PayoutStatus::Returned, 900);
    assert_eq!(Residue::of(900, std::iter::once(&returned)), Residue::Unexplained);
}

#[test]
fn what_is_in_transit_explains_the_balance() {
    use PayoutStatus as Ours;
    use PspPayoutStatus as Theirs;
    for (ours, theirs, expected) in [
        (Some(Ours::Sending), None, 0),
        (Some(Ours::Sending), Some(Theirs::Requested), 500),
        (Some(Ours::InProgress), Some(Theirs::Completed), 500),
        (Some(Ours::InProgress), Some(Theirs::Failed), 0),
        (Some(Ours::Paid), Some(Theirs::Completed), 0),
        (Some(Ours::Paid), None, -500),
        (Some(Ours::Returned), Some(Theirs::Completed), 0),
        (Some(Ours::Failed), Some(Theirs::Completed), 500),
        (None, Some(Theirs::Completed), 500),
        (None, Some(Theirs::Canceled), 0),
    ] {
        let (ours, theirs) = (ours.map(|status| asked("a", status, 500)), theirs.map(|status| listed(status, 500)));
        assert_eq!(taken_at_psp_alone(ours.as_ref(), theirs.as_ref()), expected, "{ours:?} {theirs:?}");
    }
}
