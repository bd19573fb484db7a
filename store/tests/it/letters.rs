//! Dead letters are written once, taken up once, and end once.

use std::collections::BTreeMap;

use domain::{
    Limits,
    dead_letter::{Awaits, DeclaredOutcome, Letter, LetterAction, LetterRefusal, LetterStatus, WorkflowRun},
    failure::Failure,
    id::{CheckoutId, DeadLetterId},
    reconciliation::Actor,
};
use store::{Acted, LetterFilter, LetterPosition, NewAction, Window};

use crate::{books::paid, database::Fresh, journal::is_append_only, on_both_databases, writing::CREATED};

on_both_databases!(
    a_letter_is_written_once_and_closed_once,
    whoever_acts_first_wins,
    letters_are_listed_and_chosen,
    what_people_did_stays,
    money_is_given_up_by_two_principals_who_say_the_same,
    of_two_at_once_who_propose_one_is_first,
);

const NOT_PAID: LetterAction = LetterAction::Resolve(DeclaredOutcome::NotPaid);

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

fn by(name: &str) -> Actor {
    Actor::parse(&format!("operator:{name}")).unwrap()
}

fn retry_by<'a>(by: &'a Actor, reason: &'a str) -> NewAction<'a> {
    NewAction { action: LetterAction::Retry, by, reason, run: WorkflowRun::Running, alone_up_to: Limits::default() }
}

async fn whoever_acts_first_wins(fresh: Fresh) {
    let journal = fresh.writer.journal();
    fresh.writer.open_dead_letter(&letter(1)).await.unwrap();
    let racing: Vec<_> = (0..6)
        .map(|number| {
            let journal = journal.clone();
            tokio::spawn(async move {
                let actor = by(&format!("operator-{number}"));
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

    let winner = by(&winners[0]);
    let again = journal.act_on_dead_letter(&id(1), retry_by(&winner, "again")).await.unwrap();
    assert!(matches!(again, Acted::Before(_)), "{again:?}");
    let [action] = &fresh.reader.dead_letter_actions(&id(1)).await.unwrap()[..] else { panic!("one action") };
    assert_eq!((action.number, action.action.as_str(), action.reason.as_str()), (1, "retry", "mended"));
    fresh.writer.close_dead_letter(&id(1)).await.unwrap();
    assert_eq!(status(&fresh, 1).await, LetterStatus::Resolved);

    let operator = by("operator");
    let act = async |number, action, run| {
        let request =
            NewAction { action, by: &operator, reason: "a reason", run, alone_up_to: Limits::of_minor(10_000, 0, 0) };
        journal.act_on_dead_letter(&id(number), request).await.unwrap()
    };
    assert_eq!(act(99, LetterAction::Retry, WorkflowRun::Running).await, Acted::Unknown);
    fresh.writer.open_dead_letter(&letter(2)).await.unwrap();
    let awaited = act(2, LetterAction::Discard, WorkflowRun::Running).await;
    assert!(matches!(awaited, Acted::Refused { refusal: LetterRefusal::Awaited, last: None, .. }), "{awaited:?}");
    // A payment of 10,000 won: as much as one principal decides about.
    paid(&fresh, "2", "a", 10_000, 0).await;
    assert!(matches!(act(2, NOT_PAID, WorkflowRun::Running).await, Acted::Now(_)));
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
    fresh.writer.journal().act_on_dead_letter(&id(1), retry_by(&by("operator"), "mended")).await.unwrap();
    assert!(is_append_only(&fresh, "dead_letter_actions", "reason").await);
}

async fn money_is_given_up_by_two_principals_who_say_the_same(fresh: Fresh) {
    let refunded = Awaits::Person { outcomes: vec![DeclaredOutcome::Refunded, DeclaredOutcome::NotRefunded] };
    fresh.writer.open_dead_letter(&Letter { awaits: refunded, ..letter(1) }).await.unwrap();
    paid(&fresh, "1", "a", 10_000, 0).await;
    let journal = fresh.writer.journal();
    let act = async |by: &str, outcome, alone_up_to| {
        let (by, action) = (Actor::parse(by).unwrap(), LetterAction::Resolve(outcome));
        let request = NewAction { action, by: &by, reason: "Toss says so", run: WorkflowRun::Running, alone_up_to };
        journal.act_on_dead_letter(&id(1), request).await.unwrap()
    };
    let (limit, yes, no) = (Limits::of_minor(9_999, 0, 0), DeclaredOutcome::Refunded, DeclaredOutcome::NotRefunded);
    let Acted::Proposed(proposed) = act("key:aaaa", yes, limit).await else { panic!("10,000 won are above the limit") };
    let proposal = proposed.proposal.unwrap();
    assert_eq!((proposal.by.to_string().as_str(), proposal.outcome), ("key:aaaa", yes));
    assert_eq!((proposed.status, status(&fresh, 1).await), (LetterStatus::Open, LetterStatus::Open));
    let refusal = |acted| match acted {
        Acted::Refused { refusal, .. } => refusal,
        other => panic!("{other:?}"),
    };
    assert_eq!(refusal(act("key:aaaa", yes, limit).await), LetterRefusal::FourEyes);
    // Another outcome is another proposal; whoever made the first one is a second principal of it.
    assert!(matches!(act("operator:root", no, limit).await, Acted::Proposed(_)));
    assert_eq!(refusal(act("operator:another", no, limit).await), LetterRefusal::FourEyes, "names are not proved");
    assert!(matches!(act("person:kim", yes, limit).await, Acted::Proposed(_)), "the outcomes differ");
    assert!(matches!(act("key:aaaa", yes, limit).await, Acted::Now(_)));
    assert_eq!(refusal(act("person:kim", yes, limit).await), LetterRefusal::TakenUp);
    assert!(matches!(act("key:aaaa", yes, limit).await, Acted::Before(_)));
    let record = fresh.reader.dead_letter(&id(1)).await.unwrap().unwrap();
    assert_eq!((record.status, record.proposal), (LetterStatus::Resolved, None));
    let actions = fresh.reader.dead_letter_actions(&id(1)).await.unwrap();
    let actions: Vec<_> = actions.iter().map(|one| (one.action.as_str(), one.actor.as_str(), one.outcome)).collect();
    let expected = [
        ("propose", "aaaa", Some(yes)),
        ("propose", "root", Some(no)),
        ("propose", "person:kim", Some(yes)),
        ("resolve", "aaaa", Some(yes)),
    ];
    assert_eq!(actions, expected);
    // Money that nobody knows is above every limit.
    fresh.writer.open_dead_letter(&letter(2)).await.unwrap();
    let by = by("operator");
    let request = NewAction {
        action: NOT_PAID,
        by: &by,
        reason: "why",
        run: WorkflowRun::Running,
        alone_up_to: Limits::of_minor(u64::pow(10, 12), 0, 0),
    };
    assert!(matches!(journal.act_on_dead_letter(&id(2), request).await.unwrap(), Acted::Proposed(_)));
}

async fn of_two_at_once_who_propose_one_is_first(fresh: Fresh) {
    fresh.writer.open_dead_letter(&letter(1)).await.unwrap();
    let acting = (0..6).map(|number| {
        let journal = fresh.writer.journal();
        tokio::spawn(async move {
            let by = Actor::parse(&format!("key:key{number}")).unwrap();
            let run = WorkflowRun::Running;
            let request = NewAction { action: NOT_PAID, by: &by, reason: "why", run, alone_up_to: Limits::default() };
            journal.act_on_dead_letter(&id(1), request).await.unwrap()
        })
    });
    let mut counts = [0; 3];
    for acting in acting.collect::<Vec<_>>() {
        match acting.await.unwrap() {
            Acted::Proposed(_) => counts[0] += 1,
            Acted::Now(_) => counts[1] += 1,
            Acted::Refused { .. } => counts[2] += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(counts[0] == 1 && counts[1] <= 1, "one proposes, and one at most decides with it: {counts:?}");
    let actions = fresh.reader.dead_letter_actions(&id(1)).await.unwrap();
    assert_eq!(actions.len(), counts[0] + counts[1], "{actions:?}");
}
