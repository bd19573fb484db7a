//! Dead letters are written once, taken up once, and end once.

use std::collections::BTreeMap;

use domain::{
    dead_letter::{Awaits, DeclaredOutcome, Letter, LetterAction, LetterRefusal, LetterStatus, WorkflowRun},
    failure::Failure,
    id::{CheckoutId, DeadLetterId},
};
use store::{Acted, LetterFilter, LetterPosition, NewAction, Window};

use crate::{database::Fresh, journal::is_append_only, on_both_databases, writing::CREATED};

on_both_databases!(
    a_letter_is_written_once_and_closed_once,
    whoever_acts_first_wins,
    letters_are_listed_and_chosen,
    what_people_did_stays,
);

fn id(number: u32) -> DeadLetterId {
    DeadLetterId::of_workflow("workflow", "run", number)
}

fn letter(number: u32) -> Letter {
    Letter {
        letter_id: id(number),
        workflow_id: "workflow".to_owned(),
        run_id: "run".to_owned(),
        workflow_type: "checkout".to_owned(),
        checkout_id: CheckoutId::parse(format!("checkout-{number}")).ok(),
        step: if number.is_multiple_of(2) { "psp.confirm" } else { "ledger.post" }.to_owned(),
        failure: Failure::new(format!("code-{number}"), "거절".repeat(300)),
        input: BTreeMap::from([("amount".to_owned(), "23000 KRW".to_owned())]),
        awaits: Awaits::Person { outcomes: vec![DeclaredOutcome::NotPaid] },
        opened_at: CREATED.plus_ms(number.into()),
        replaces: None,
    }
}

async fn status(fresh: &Fresh, number: u32) -> LetterStatus {
    fresh.reader.dead_letter(&id(number)).await.unwrap().unwrap().status
}

async fn a_letter_is_written_once_and_closed_once(fresh: Fresh) {
    fresh.writer.open_dead_letter(&letter(1)).await.unwrap();
    let first = fresh.reader.dead_letter(&id(1)).await.unwrap().unwrap();
    assert_eq!((first.status, first.input.as_str()), (LetterStatus::Open, r#"{"amount":"23000 KRW"}"#));
    assert!(first.failure.message.len() <= 1000, "a message has a limit");
    assert_eq!(first.awaits, letter(1).awaits);
    let other = Letter { step: "other".to_owned(), awaits: Awaits::Mending, ..letter(1) };
    fresh.writer.open_dead_letter(&other).await.unwrap();
    assert_eq!(fresh.reader.dead_letter(&id(1)).await.unwrap().unwrap(), first);

    let second = Letter { replaces: Some(id(1)), awaits: Awaits::Mending, ..letter(2) };
    for _ in 0..2 {
        fresh.writer.open_dead_letter(&second).await.unwrap();
    }
    assert_eq!((status(&fresh, 1).await, status(&fresh, 2).await), (LetterStatus::Closed, LetterStatus::Open));
    for _ in 0..2 {
        fresh.writer.close_dead_letter(&id(2)).await.unwrap();
        fresh.writer.close_dead_letter(&id(99)).await.unwrap();
    }
    assert_eq!(status(&fresh, 2).await, LetterStatus::Closed);
    assert_eq!(fresh.reader.dead_letter(&id(99)).await.unwrap(), None);
}

fn retry_by<'a>(actor: &'a str, reason: &'a str) -> NewAction<'a> {
    NewAction { action: LetterAction::Retry, actor, reason, run: WorkflowRun::Running }
}

async fn whoever_acts_first_wins(fresh: Fresh) {
    let journal = fresh.writer.journal();
    fresh.writer.open_dead_letter(&letter(1)).await.unwrap();
    let racing: Vec<_> = (0..6)
        .map(|number| {
            let journal = journal.clone();
            tokio::spawn(async move {
                let actor = format!("operator-{number}");
                journal.act_on_dead_letter(&id(1), retry_by(&actor, "mended")).await.unwrap()
            })
        })
        .collect();
    let (mut winners, mut told) = (Vec::new(), Vec::new());
    for (number, acting) in racing.into_iter().enumerate() {
        match acting.await.unwrap() {
            Acted::Now(letter) => {
                assert_eq!(letter.status, LetterStatus::Retrying);
                winners.push(format!("operator-{number}"));
            }
            Acted::Refused { refusal: LetterRefusal::TakenUp, last: Some(last), .. } => told.push(last.actor),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((winners.len(), told.len()), (1, 5));
    assert!(told.iter().all(|actor| *actor == winners[0]), "{told:?} {winners:?}");

    let again = journal.act_on_dead_letter(&id(1), retry_by(&winners[0], "again")).await.unwrap();
    assert!(matches!(again, Acted::Before(_)), "{again:?}");
    let [action] = &fresh.reader.dead_letter_actions(&id(1)).await.unwrap()[..] else { panic!("one action") };
    assert_eq!((action.number, action.action.as_str(), action.reason.as_str()), (1, "retry", "mended"));
    fresh.writer.close_dead_letter(&id(1)).await.unwrap();
    assert_eq!(status(&fresh, 1).await, LetterStatus::Resolved);

    let act = async |number, action, run| {
        let request = NewAction { action, actor: "operator", reason: "a reason", run };
        journal.act_on_dead_letter(&id(number), request).await.unwrap()
    };
    assert_eq!(act(99, LetterAction::Retry, WorkflowRun::Running).await, Acted::Unknown);
    fresh.writer.open_dead_letter(&letter(2)).await.unwrap();
    let awaited = act(2, LetterAction::Discard, WorkflowRun::Running).await;
    assert!(matches!(awaited, Acted::Refused { refusal: LetterRefusal::Awaited, last: None, .. }), "{awaited:?}");
    let resolve = LetterAction::Resolve(DeclaredOutcome::NotPaid);
    assert!(matches!(act(2, resolve, WorkflowRun::Running).await, Acted::Now(_)));
    fresh.writer.close_dead_letter(&id(2)).await.unwrap();
    assert_eq!(status(&fresh, 2).await, LetterStatus::Resolved);
    fresh.writer.open_dead_letter(&letter(3)).await.unwrap();
    assert!(matches!(act(3, LetterAction::Retry, WorkflowRun::Running).await, Acted::Now(_)));
    assert!(matches!(act(3, LetterAction::Discard, WorkflowRun::Ended).await, Acted::Now(_)));
    assert_eq!(status(&fresh, 3).await, LetterStatus::Discarded);
    let numbers: Vec<_> =
        fresh.reader.dead_letter_actions(&id(3)).await.unwrap().iter().map(|action| action.number).collect();
    assert_eq!(numbers, [1, 2]);
}

async fn letters_are_listed_and_chosen(fresh: Fresh) {
    for number in 1..=5 {
        // Two at one instant.
        let created_at = CREATED.plus_ms(if number == 2 { 1 } else { number.into() });
        fresh.writer.open_dead_letter(&Letter { opened_at: created_at, ..letter(number) }).await.unwrap();
    }
    fresh.writer.close_dead_letter(&id(4)).await.unwrap();
    let list = async |filter: LetterFilter, limit: u64| {
        let mut listed = Vec::new();
        let mut after = None;
        loop {
            let page = fresh.reader.dead_letters(&filter, &Window { after, limit }).await.unwrap();
            let place = |letter: &store::LetterRecord| LetterPosition {
                created_at: letter.created_at,
                letter_id: letter.letter_id.clone(),
            };
            after = page.items.last().map(place);
            listed.extend(page.items.into_iter().map(|letter| letter.letter_id));
            if !page.more {
                return listed;
            }
        }
    };
    let ids = |numbers: &[u32]| numbers.iter().map(|number| id(*number)).collect::<Vec<_>>();
    let all = LetterFilter::default;
    for limit in 1..=6 {
        assert_eq!(list(all(), limit).await, ids(&[5, 4, 3, 2, 1]), "pages of {limit}");
    }
    for (filter, expected) in [
        (LetterFilter { status: Some(LetterStatus::Open), ..all() }, &[5, 3, 2, 1][..]),
        (LetterFilter { status: Some(LetterStatus::Closed), ..all() }, &[4]),
        (LetterFilter { step: Some("psp.confirm".to_owned()), ..all() }, &[4, 2]),
        (LetterFilter { code: Some("code-3".to_owned()), ..all() }, &[3]),
        (LetterFilter { checkout_id: letter(5).checkout_id, ..all() }, &[5]),
        (LetterFilter { created_from: Some(CREATED.plus_ms(3)), ..all() }, &[5, 4, 3]),
        (LetterFilter { created_to: Some(CREATED.plus_ms(3)), ..all() }, &[2, 1]),
    ] {
        assert_eq!(list(filter.clone(), 2).await, ids(expected), "{filter:?}");
    }
    let oldest = fresh.reader.oldest_dead_letters(&all(), 2).await.unwrap();
    assert_eq!(oldest.into_iter().map(|letter| letter.letter_id).collect::<Vec<_>>(), ids(&[1, 2]));
}

async fn what_people_did_stays(fresh: Fresh) {
    fresh.writer.open_dead_letter(&letter(1)).await.unwrap();
    fresh.writer.journal().act_on_dead_letter(&id(1), retry_by("operator", "mended")).await.unwrap();
    assert!(is_append_only(&fresh, "dead_letter_actions", "reason").await);
}
