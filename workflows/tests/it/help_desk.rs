//! Which of an operator's answers a workflow takes.

use domain::{dead_letter::DeclaredOutcome, id::DeadLetterId};
use workflows::dead_letter::{HelpDesk, OperatorAction, Resolve, Resume};

fn letter(number: u32) -> DeadLetterId {
    DeadLetterId::of_workflow("checkout-1", "run-1", number)
}

fn resume(letter: Option<DeadLetterId>) -> Resume {
    Resume { by: "kim".to_owned(), reason: "the key is mended".to_owned(), letter }
}

fn resolve(letter: Option<DeadLetterId>) -> Resolve {
    Resolve { by: "kim".to_owned(), reason: "seen at the bank".to_owned(), outcome: DeclaredOutcome::NotPaid, letter }
}

fn answer(desk: &HelpDesk, before: u32) -> Option<OperatorAction> {
    desk.reply_since(before).map(|reply| reply.action)
}

#[test]
fn an_answer_to_the_open_letter_or_to_none_is_taken() {
    for letter in [Some(letter(1)), None] {
        let mut desk = HelpDesk::default();
        let before = desk.replies();
        desk.open(self::letter(1));
        assert_eq!(answer(&desk, before), None);
        desk.resolve(resolve(letter));
        assert_eq!(answer(&desk, before), Some(OperatorAction::Resolve(DeclaredOutcome::NotPaid)));
        assert_eq!(answer(&desk, desk.replies()), None, "an answer is taken once");
    }
}

#[test]
fn an_answer_to_another_letter_is_not_taken() {
    let mut desk = HelpDesk::default();
    desk.open(letter(1));
    assert_eq!(desk.open(letter(2)), Some(letter(1)), "a new letter takes the place of the one before");
    let before = desk.replies();
    desk.resume(resume(Some(letter(1))));
    assert_eq!(answer(&desk, before), None);
    desk.resume(resume(Some(letter(2))));
    assert_eq!(answer(&desk, before), Some(OperatorAction::Resume));
}

#[test]
fn an_answer_that_comes_before_we_know_of_the_letter_is_kept_for_it() {
    let mut desk = HelpDesk::default();
    let before = desk.replies();
    desk.resume(resume(Some(letter(1))));
    assert_eq!(answer(&desk, before), None);
    desk.open(letter(1));
    assert_eq!(answer(&desk, before), Some(OperatorAction::Resume));
}

#[test]
fn only_a_few_early_answers_are_kept() {
    let mut desk = HelpDesk::default();
    for number in 1..=9 {
        desk.resume(resume(Some(letter(number))));
    }
    let before = desk.replies();
    desk.open(letter(1));
    assert_eq!(answer(&desk, before), None, "the oldest of nine is forgotten");
    desk.open(letter(9));
    assert_eq!(answer(&desk, before), Some(OperatorAction::Resume));
}
