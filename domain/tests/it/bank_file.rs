//! Bank files: whose word counts, which reference a line names, what a file holds, and how much a run may take.

use std::collections::HashSet;

use domain::{
    Currency::Krw,
    Money, Timestamp,
    id::SellerAccount,
    payout::{
        bank_file::{BankAnswer, Heard, Transfer, account_of, csv, destination, hear, reference, references_in},
        plan::{Candidate, CarryReason, PlanRules, Room, Standing, plan_part},
    },
    principal::Principal,
};

const NOW: Timestamp = Timestamp::from_epoch_ms(1_795_000_000_000);

fn won(minor: u64) -> Money {
    Money::try_from_minor(minor, Krw).unwrap()
}

#[test]
fn two_principals_say_the_same_and_no_word_is_left_behind() {
    let [one, two] = ["one1", "two2"].map(|name| Principal::parse(&format!("key:{name}")).unwrap());
    for answer in BankAnswer::ALL {
        assert_eq!(hear(None, answer, &one), Heard::Noted);
        assert_eq!(hear(Some((answer, &one)), answer, &one), Heard::Before, "nobody confirms an own word");
        assert_eq!(hear(Some((answer, &one)), answer, &two), Heard::Confirmed);
        for other in BankAnswer::ALL.into_iter().filter(|other| *other != answer) {
            assert_eq!(hear(Some((other, &one)), answer, &two), Heard::Noted, "{other} is no word for {answer}");
            assert_eq!(hear(Some((other, &one)), answer, &one), Heard::Noted, "a mistake is taken back");
        }
    }
}

#[test]
fn a_line_names_the_attempts_whose_references_it_has() {
    let references: Vec<String> = (0..1_000).map(|number| reference(&format!("po_{number}-1"), 0)).collect();
    assert_eq!(references.iter().collect::<HashSet<_>>().len(), 1_000);
    assert_ne!(reference("po_1-1", 0), reference("po_1-1", 1), "after a clash");
    for own in &references {
        assert_eq!(own.len(), 10, "as many characters as the text of a transfer has: {own}");
        for label in [own.clone(), format!("{own}정산"), format!("타행이체 {own} 정산"), own.to_ascii_lowercase()]
        {
            assert_eq!(references_in(&label), std::slice::from_ref(own), "{label}");
        }
    }
    let [one, two] = [&references[0], &references[1]];
    assert_eq!(references_in(&format!("{one}/{two}")), [one.clone(), two.clone()]);
    for label in ["", "DG", "DG1", "DGAAAAAAA", "DG한글한글", "DG0OILAAAA1"] {
        assert_eq!(references_in(label), Vec::<String>::new(), "{label}");
    }
}

#[test]
fn the_number_of_an_account_is_its_destination() {
    assert_eq!(account_of(&destination(7)), Some(7));
    for other in ["seller_7", "bank_account.", "bank_account.x", ""] {
        assert_eq!(account_of(other), None, "{other}");
    }
}

#[test]
fn no_name_breaks_out_of_its_cell() {
    let line = |holder_name: &str| {
        let transfer = Transfer {
            bank_code: "092",
            account_number: "110123456789",
            holder_name,
            amount: won(1_234_567),
            reference: "DGABCDEFGH",
            ref_payout_id: "po_1-1",
        };
        csv([transfer]).lines().skip(1).map(str::to_owned).collect::<Vec<_>>().join("|")
    };
    for (name, cell) in [
        ("김토스", "김토스"),
        ("Kim, Toss", "\"Kim, Toss\""),
        ("Kim \"T\"", "\"Kim \"\"T\"\"\""),
        ("=HYPERLINK(1)", "\"'=HYPERLINK(1)\""),
        ("+82", "\"'+82\""),
        ("@cmd", "\"'@cmd\""),
    ] {
        assert_eq!(line(name), format!("092,110123456789,{cell},1234567,DGABCDEFGH,po_1-1"));
    }
}

#[test]
fn a_run_takes_no_more_than_our_bank_account_has() {
    let candidate = |name: &str, available| Candidate {
        seller: SellerAccount::parse(name).unwrap(),
        available: won(available),
        released: won(available),
        debt: won(0),
        standing: Standing::Approved,
        destination: Some(destination(1)),
        account_changed_at: None,
        is_blocked: false,
        minimum: won(0),
        this_week: won(0),
        is_paid_already: false,
    };
    let sellers = || vec![candidate("a", 30_000), candidate("b", 50_000), candidate("c", 20_000)];
    for (money, paid, short) in [
        (None, 100_000, vec![]),
        (Some(100_000), 100_000, vec![]),
        (Some(99_999), 80_000, vec![20_000]),
        // The second does not fit, the third does.
        (Some(79_999), 50_000, vec![50_000]),
        (Some(0), 0, vec![30_000, 50_000, 20_000]),
    ] {
        let room = Room { payouts: 10, money: money.map(won) };
        let plan = plan_part(sellers(), &PlanRules::default(), NOW, room);
        let carried: Vec<u64> = plan.carried_over.iter().map(|carried| carried.amount.minor()).collect();
        assert_eq!((plan.total().minor(), carried), (paid, short), "{money:?}");
        assert!(plan.carried_over.iter().all(|carried| carried.reason == CarryReason::BankShort));
    }
}
