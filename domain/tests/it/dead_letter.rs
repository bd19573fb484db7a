//! The acts on a dead letter, and the status after each act.

use domain::{
    dead_letter::{Awaits, DeclaredOutcome, LetterAction, LetterRefusal, LetterStatus, WorkflowRun, check},
    id::DeadLetterId,
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
