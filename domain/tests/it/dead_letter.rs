//! The acts on a dead letter, and the status after each act.

use domain::{
    Currency, Limits, Money, Timestamp,
    dead_letter::{
        Awaits, DeclaredOutcome, LetterAction, LetterOutcome, LetterProposal, LetterRefusal, LetterStake, LetterStatus,
        WorkflowRun, check, decide,
    },
    id::DeadLetterId,
    reconciliation::Actor,
};

const RETRY: LetterAction = LetterAction::Retry;
const RESOLVE: LetterAction = LetterAction::Resolve(DeclaredOutcome::NotPaid);
const DISCARD: LetterAction = LetterAction::Discard;

#[test]
fn an_open_letter_takes_what_its_workflow_takes() {
    let person = Awaits::Person { outcomes: vec![DeclaredOutcome::NotPaid] };
    let retry_only = Awaits::Person { outcomes: Vec::new() };
    let cases = [
        (RETRY, &person, WorkflowRun::Running, Ok(LetterStatus::Retrying)),
        (RESOLVE, &person, WorkflowRun::Running, Ok(LetterStatus::Resolved)),
        (RESOLVE, &retry_only, WorkflowRun::Running, Err(LetterRefusal::OtherOutcome)),
        (DISCARD, &person, WorkflowRun::Running, Err(LetterRefusal::Awaited)),
        (DISCARD, &Awaits::Mending, WorkflowRun::Running, Err(LetterRefusal::Awaited)),
        (RETRY, &Awaits::Mending, WorkflowRun::Running, Err(LetterRefusal::RepeatsItself)),
        (RESOLVE, &Awaits::Mending, WorkflowRun::Running, Err(LetterRefusal::RepeatsItself)),
        (RETRY, &person, WorkflowRun::Ended, Err(LetterRefusal::Ended)),
        (RESOLVE, &person, WorkflowRun::Ended, Err(LetterRefusal::Ended)),
        (RETRY, &Awaits::Mending, WorkflowRun::Ended, Err(LetterRefusal::Ended)),
        (DISCARD, &person, WorkflowRun::Ended, Ok(LetterStatus::Discarded)),
        (DISCARD, &Awaits::Mending, WorkflowRun::Ended, Ok(LetterStatus::Discarded)),
    ];
    for (action, awaits, run, expected) in cases {
        assert_eq!(check(action, LetterStatus::Open, awaits, run), expected, "{action:?} {awaits:?} {run:?}");
    }
}

#[test]
fn whoever_is_first_wins() {
    let person = Awaits::Person { outcomes: vec![DeclaredOutcome::NotPaid] };
    for status in LetterStatus::ALL.into_iter().filter(|status| *status != LetterStatus::Open) {
        for action in [RETRY, RESOLVE, DISCARD] {
            for run in [WorkflowRun::Running, WorkflowRun::Ended] {
                let may = action == DISCARD && status == LetterStatus::Retrying && run == WorkflowRun::Ended;
                let expected = if may { Ok(LetterStatus::Discarded) } else { Err(LetterRefusal::TakenUp) };
                assert_eq!(check(action, status, &person, run), expected, "{action:?} {status} {run:?}");
            }
        }
    }
}

#[test]
fn above_the_limit_two_principals_give_up_money() {
    let money = |minor, currency| Money::try_from_minor(minor, currency).unwrap();
    let stake = |at_stake| LetterStake { at_stake, alone_up_to: Limits::of_minor(1_000, 0, 5) };
    let [below, above] = [1_000, 1_001].map(|minor| stake(Some(money(minor, Currency::Krw))));
    let [abroad, unknown] = [stake(Some(money(1, Currency::Usd))), stake(None)];
    let [yen, much_yen] = [5, 6].map(|minor| stake(Some(money(minor, Currency::Jpy))));
    let [key, other, operator, person] =
        ["key:aaaa", "key:bbbb", "operator:kim", "person:kim"].map(|text| Actor::parse(text).unwrap());
    let proposed = |by: &Actor, outcome| {
        Some(LetterProposal {
            by: by.clone(),
            outcome,
            reason: String::new(),
            proposed_at: Timestamp::from_epoch_ms(0),
        })
    };
    let (done, waits) = (Ok(LetterOutcome::Taken(LetterStatus::Resolved)), DeclaredOutcome::NotPaid);
    let (waits, four_eyes) = (Ok(LetterOutcome::Proposed(waits)), Err(LetterRefusal::FourEyes));
    let approve = LetterAction::Resolve(DeclaredOutcome::Approved);
    let cases = [
        (RESOLVE, &key, None, below, done),
        (RESOLVE, &key, None, above, waits),
        (RESOLVE, &key, None, abroad, waits),
        (RESOLVE, &key, None, unknown, waits),
        (RESOLVE, &key, None, yen, done),
        (RESOLVE, &key, None, much_yen, waits),
        // A review moves no money by the word of a person, and a retry asks the PSP.
        (approve, &key, None, above, done),
        (RETRY, &key, None, unknown, done),
        (DISCARD, &key, None, unknown, done),
        (RESOLVE, &key, proposed(&key, DeclaredOutcome::NotPaid), above, four_eyes),
        (RESOLVE, &other, proposed(&key, DeclaredOutcome::NotPaid), above, done),
        (RESOLVE, &operator, proposed(&key, DeclaredOutcome::NotPaid), above, done),
        (RESOLVE, &person, proposed(&operator, DeclaredOutcome::NotPaid), above, done),
        (RESOLVE, &operator, proposed(&operator, DeclaredOutcome::NotPaid), above, four_eyes),
        (RESOLVE, &other, proposed(&key, DeclaredOutcome::Refunded), above, waits),
    ];
    for (action, by, proposal, stake, expected) in cases {
        let came = decide(action, LetterStatus::Resolved, by, proposal.as_ref(), stake);
        assert_eq!(came, expected, "{action:?} {by} {proposal:?} {stake:?}");
    }
}

#[test]
fn a_letter_ends_once() {
    for status in LetterStatus::ALL {
        assert_eq!(LetterStatus::parse(status.as_str()), Some(status));
        assert_eq!(status.gone_on().gone_on(), status.gone_on());
        assert_eq!(status.replaced().replaced(), status.replaced());
    }
    assert_eq!(LetterStatus::Open.gone_on(), LetterStatus::Closed);
    assert_eq!(LetterStatus::Retrying.gone_on(), LetterStatus::Resolved);
    assert_eq!(LetterStatus::Retrying.replaced(), LetterStatus::Closed);
    assert_eq!(LetterStatus::parse("open"), None);
    assert_eq!(DeclaredOutcome::parse("not_paid"), Some(DeclaredOutcome::NotPaid));
    assert_eq!(DeclaredOutcome::parse("paid"), None);
}

#[test]
fn every_workflow_has_ids_for_its_letters() {
    let id = DeadLetterId::of_workflow("checkout-1", "9b1e", 2);
    assert_eq!(id.as_str(), "checkout-1.9b1e.2");
    let odd = DeadLetterId::of_workflow(&"환불/1".repeat(100), &"r".repeat(100), u32::MAX);
    assert_eq!(DeadLetterId::parse(odd.as_str()), Ok(odd));
}
