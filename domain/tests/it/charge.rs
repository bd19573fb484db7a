use domain::{
    Currency::{Krw, Usd},
    Money, Timestamp,
    charge::{
        Capture, Charge, DEPOSIT_GRACE_MS, DEPOSIT_PATIENCE_MS, DEPOSIT_WATCH_MS, Doubt, Failure, Knowledge,
        LONGEST_WATCH_PAUSE_MS, MAX_CONFIRMS, Moment, PATIENCE_MS, Progress, QUESTIONS_TO_A_STRANGER, SESSION_MS, Step,
        UNDO_PATIENCE_MS, UndoReason, UndoStep, Watch, WatchStep, WayBack, deposit_pause_ms, next_step, next_undo_step,
        pause_ms,
    },
    checkout::Status,
    refund::VIRTUAL_ACCOUNT,
};
use proptest::prelude::*;

const TOTAL: u64 = 1_000;
const START: Timestamp = Timestamp::from_epoch_ms(1_700_000_000_000);
const NOW: Moment = Moment { now: START, given_up: false, awaits_deposit: false, way_back: WayBack::Missing };

fn won(minor: u64) -> Money {
    Money::try_from_minor(minor, Krw).unwrap()
}

fn captured(minor: u64) -> Charge {
    Charge::Captured(Capture { amount: won(minor), captured_at: START, method: None, receipt_url: None })
}

fn failure(code: &str) -> Failure {
    Failure::new(code, "no")
}

fn awaiting(overdue: bool) -> Charge {
    Charge::AwaitingDeposit { overdue, account: None }
}

fn refused() -> Charge {
    Charge::Refused(failure("REJECT_CARD_PAYMENT"))
}

fn not_ours() -> Charge {
    Charge::NotOurs(failure("NOT_FOUND_PAYMENT"))
}

fn lost(answered: bool) -> Knowledge {
    Knowledge::Lost(Doubt::of(answered, "no word".to_owned()))
}

fn stranger(answered: bool) -> Knowledge {
    Knowledge::Lost(Doubt { stranger: true, ..Doubt::of(answered, "UNAUTHORIZED_KEY".to_owned()) })
}

/// The refusal of an attempt after the first one of an activity.
fn repeated(code: &str) -> Knowledge {
    Knowledge::Lost(Doubt { refusal: Some(failure(code)), ..Doubt::of(true, code.to_owned()) })
}

fn name(step: &Step) -> String {
    match step {
        Step::Settle(_) => "settle".to_owned(),
        Step::Fail(failure) if failure.retryable => format!("decline {}", failure.code),
        Step::Fail(failure) => format!("fail {}", failure.code),
        Step::Reject(failure) => format!("reject {}", failure.code),
        Step::Undo(reason) => format!("undo {}", reason.failure().code),
        Step::Ask { status, .. } => format!("ask {status}"),
        Step::Confirm { new_key: true } => "confirm with a new key".to_owned(),
        Step::Confirm { new_key: false } => "confirm with the same key".to_owned(),
        Step::CallForHelp(failure) => format!("help {}", failure.code),
    }
}

/// What a workflow does: send, learn, decide; and at each decision to send again, send.
fn steps(words: &[Knowledge], moment: Moment) -> String {
    let mut progress = Progress::new(START);
    progress.send(false, START);
    let mut told = Vec::new();
    for word in words {
        progress.learn(word, START);
        let step = next_step(won(TOTAL), word, &progress, moment);
        if let Step::Confirm { new_key } = step {
            progress.send(new_key, START);
        }
        told.push(name(&step));
    }
    told.join(", ")
}

fn check(words: &[Knowledge], moment: Moment, expected: &str) {
    assert_eq!(steps(words, moment), expected, "{words:?}");
}

#[test]
fn the_first_answer_is_believed() {
    use Knowledge::Answered;
    let given_up = Moment { given_up: true, ..NOW };
    check(&[Answered(captured(TOTAL))], NOW, "settle");
    check(&[Answered(captured(TOTAL))], given_up, "undo canceled");
    check(&[Answered(captured(TOTAL - 1))], NOW, "undo psp_amount_mismatch");
    check(&[Answered(captured(TOTAL + 1))], given_up, "undo psp_amount_mismatch");
    check(&[Answered(refused())], NOW, "decline REJECT_CARD_PAYMENT");
    check(&[Answered(refused())], given_up, "decline REJECT_CARD_PAYMENT");
    check(&[Answered(not_ours())], NOW, "reject NOT_FOUND_PAYMENT");
    check(&[Answered(not_ours())], given_up, "reject NOT_FOUND_PAYMENT");
    check(&[Answered(Charge::Returned)], NOW, "fail returned_at_psp");
    check(&[Answered(awaiting(false))], NOW, "ask WAITING_FOR_DEPOSIT");
    check(&[Answered(awaiting(false))], given_up, "undo canceled");
}

#[test]
fn what_the_psp_does_not_know_is_never_the_end_of_a_charge() {
    use Knowledge::Told;
    let absent = || Told(Charge::Absent);
    let deposit = Moment { awaits_deposit: true, ..NOW };
    check(&[lost(true), absent(), absent()], NOW, "ask UNKNOWN, ask UNKNOWN, ask UNKNOWN");
    check(&[lost(false), absent()], NOW, "ask UNKNOWN, confirm with the same key");
    check(
        &[lost(false), Told(Charge::Open), lost(false), absent()],
        NOW,
        "ask UNKNOWN, confirm with the same key, ask UNKNOWN, ask UNKNOWN",
    );
    check(&[absent()], deposit, "ask WAITING_FOR_DEPOSIT");
    check(&[absent()], Moment { given_up: true, ..NOW }, "undo canceled");
    check(&[lost(true), absent(), Told(captured(TOTAL))], NOW, "ask UNKNOWN, ask UNKNOWN, settle");
}

#[test]
fn a_refusal_of_a_repeated_request_is_a_reason_and_no_proof() {
    use Knowledge::{Answered, Told};
    let asked = "ask UNKNOWN, ask UNKNOWN";
    for refusal in [repeated("REJECT_CARD_PAYMENT"), repeated("NOT_FOUND_PAYMENT")] {
        check(&[refusal.clone(), Told(captured(TOTAL))], NOW, "ask UNKNOWN, settle");
        check(&[refusal.clone(), Told(Charge::Absent)], NOW, asked);
        check(&[refusal.clone(), Told(Charge::Open)], NOW, asked);
        check(&[refusal, Told(Charge::Returned)], NOW, "ask UNKNOWN, fail returned_at_psp");
    }
    let expired = Told(Charge::Refused(failure("EXPIRED_PAYMENT")));
    check(&[repeated("INVALID_PASSWORD"), expired.clone()], NOW, "ask UNKNOWN, decline INVALID_PASSWORD");
    let sent_twice = [lost(false), Told(Charge::Open), Answered(refused()), Told(Charge::Open), expired];
    check(
        &sent_twice,
        NOW,
        "ask UNKNOWN, confirm with the same key, ask UNKNOWN, ask UNKNOWN, decline REJECT_CARD_PAYMENT",
    );
    let sent_twice = [lost(false), Told(Charge::Absent), Answered(not_ours()), Told(Charge::Absent)];
    check(&sent_twice, NOW, "ask UNKNOWN, confirm with the same key, ask UNKNOWN, ask UNKNOWN");
}

#[test]
fn what_is_open_is_sent_again_under_the_key_that_is_safe() {
    use Knowledge::Told;
    let open = || Told(Charge::Open);
    check(&[lost(false), open()], NOW, "ask UNKNOWN, confirm with the same key");
    check(&[lost(true), open()], NOW, "ask UNKNOWN, confirm with a new key");
    check(&[stranger(true), open()], NOW, "ask UNKNOWN, confirm with a new key");
    // If the PSP rejected our key, its answer says nothing about a request before.
    check(&[stranger(false), open()], NOW, "ask UNKNOWN, confirm with the same key");
    check(
        &[lost(false), open(), stranger(true), open()],
        NOW,
        "ask UNKNOWN, confirm with the same key, ask UNKNOWN, confirm with the same key",
    );
    check(&[open()], Moment { awaits_deposit: true, ..NOW }, "ask WAITING_FOR_DEPOSIT");
    let mut often = Progress { confirms: MAX_CONFIRMS, ..Progress::new(START) };
    often.learn(&open(), START);
    assert_eq!(name(&next_step(won(TOTAL), &open(), &often, NOW)), "ask UNKNOWN");
}

#[test]
fn a_person_is_called_when_patience_runs_out_or_we_are_not_let_in() {
    use Knowledge::NotTold;
    let at = |ms, awaits_deposit| Moment { now: START.plus_ms(ms), awaits_deposit, ..NOW };
    let progress = Progress::new(START);
    let step = |word: &Knowledge, progress: &Progress, moment| name(&next_step(won(TOTAL), word, progress, moment));
    assert_eq!(step(&NotTold, &progress, at(PATIENCE_MS - 1, false)), "ask UNKNOWN");
    assert_eq!(step(&NotTold, &progress, at(PATIENCE_MS, false)), "help outcome_unknown");
    assert_eq!(step(&lost(false), &progress, at(PATIENCE_MS, false)), "help outcome_unknown");
    assert_eq!(step(&NotTold, &progress, at(PATIENCE_MS, true)), "ask WAITING_FOR_DEPOSIT");
    assert_eq!(step(&NotTold, &progress, at(DEPOSIT_PATIENCE_MS, true)), "help deposit_unresolved");

    let mut progress = Progress::new(START);
    progress.learn(&stranger(true), START);
    assert_eq!(step(&NotTold, &progress, NOW), "ask UNKNOWN");
    progress.asked = QUESTIONS_TO_A_STRANGER;
    assert_eq!(step(&NotTold, &progress, NOW), "help psp_access_denied");
    assert_eq!(step(&Knowledge::Told(captured(TOTAL)), &progress, NOW), "settle");
    progress.start_over(START);
    assert_eq!(step(&NotTold, &progress, NOW), "ask UNKNOWN");
}

#[test]
fn an_overdue_deposit_has_its_grace() {
    let overdue = Knowledge::Told(awaiting(true));
    let mut progress = Progress::new(START);
    progress.learn(&overdue, START);
    let after = |ms| Moment { now: START.plus_ms(ms), awaits_deposit: true, ..NOW };
    let step = |progress: &Progress, ms| name(&next_step(won(TOTAL), &overdue, progress, after(ms)));
    assert_eq!(step(&progress, DEPOSIT_GRACE_MS - 1), "ask WAITING_FOR_DEPOSIT");
    assert_eq!(step(&progress, DEPOSIT_GRACE_MS), "undo deposit_expired");
    progress.learn(&Knowledge::Told(awaiting(false)), START);
    assert_eq!(step(&progress, DEPOSIT_GRACE_MS), "ask WAITING_FOR_DEPOSIT");
}

fn undo_step(reason: UndoReason, word: Knowledge, progress: &Progress, after_ms: u64) -> UndoStep {
    let mut progress = progress.clone();
    progress.learn(&word, START);
    next_undo_step((won(TOTAL), reason), &word, &progress, Moment { now: START.plus_ms(after_ms), ..NOW })
}

const REASONS: [UndoReason; 3] = [UndoReason::Canceled, UndoReason::WrongAmount, UndoReason::DepositOverdue];

#[test]
fn an_undo_ends_only_on_proof_that_nothing_is_held() {
    use Knowledge::{NotTold, Told};
    let new = Progress::new(START);
    for reason in REASONS {
        let step = |word, ms| undo_step(reason, word, &new, ms);
        for proof in [refused(), Charge::Returned] {
            assert_eq!(step(Told(proof), UNDO_PATIENCE_MS), UndoStep::Done);
        }
        let held = || Told(captured(TOTAL - 1));
        for held in [held(), Told(awaiting(true))] {
            assert_eq!(step(held.clone(), 0), UndoStep::Cancel);
            assert!(matches!(step(held, UNDO_PATIENCE_MS), UndoStep::CallForHelp(_)));
        }
        for unsure in [Told(Charge::Open), NotTold, lost(false), Knowledge::Kept(failure("NO"))] {
            assert_eq!(step(unsure.clone(), 0), UndoStep::Ask { pause_ms: 1_000 });
            assert!(matches!(step(unsure, UNDO_PATIENCE_MS), UndoStep::CallForHelp(_)));
        }
    }
}

fn deposit(minor: u64) -> Charge {
    let method = Some(VIRTUAL_ACCOUNT.to_owned());
    Charge::Captured(Capture { amount: won(minor), captured_at: START, method, receipt_url: None })
}

#[test]
fn a_deposit_that_came_while_its_checkout_was_given_up_goes_back_where_an_account_is_named_and_is_booked_where_none_is()
{
    let given_up = |way_back| Moment { given_up: true, awaits_deposit: true, way_back, ..NOW };
    let told = || Knowledge::Told(deposit(TOTAL));
    check(&[told()], given_up(WayBack::Missing), "settle");
    check(&[told()], given_up(WayBack::Named), "undo canceled");
    check(&[Knowledge::Told(deposit(TOTAL - 1))], given_up(WayBack::Missing), "undo psp_amount_mismatch");
    let undo = |words: &[Knowledge], way_back| {
        let mut progress = Progress::new(START);
        for word in words {
            progress.learn(word, START);
        }
        let last = words.last().unwrap();
        next_undo_step((won(TOTAL), UndoReason::Canceled), last, &progress, given_up(way_back))
    };
    assert!(matches!(undo(&[told()], WayBack::Missing), UndoStep::Settle(_)));
    assert_eq!(undo(&[told()], WayBack::Named), UndoStep::Cancel);
    // It came just before the account was to be ended: that request named no account.
    let refused = || Knowledge::Kept(failure("INVALID_REFUND_ACCOUNT_INFO"));
    let late = [Knowledge::Told(awaiting(false)), refused(), told()];
    assert_eq!(undo(&late, WayBack::Named), UndoStep::Cancel);
    assert!(matches!(undo(&late, WayBack::Missing), UndoStep::Settle(_)));
    // The account that was named is refused: a person is needed.
    assert!(matches!(undo(&[told(), refused(), told()], WayBack::Named), UndoStep::CallForHelp(_)));
}

#[test]
fn what_goes_back_is_in_the_currency_of_the_payment() {
    let mut progress = Progress::new(START);
    let paid = Capture { amount: won(TOTAL), captured_at: START, method: None, receipt_url: None };
    progress.learn(&Knowledge::Answered(Charge::Captured(paid.clone())), START);
    let dollars = Money::try_from_minor(TOTAL, Usd).unwrap();
    assert_eq!(
        name(&next_step(dollars, &Knowledge::Answered(Charge::Captured(paid)), &progress, NOW)),
        "undo psp_amount_mismatch"
    );
    assert_eq!(progress.held.map(|held| (held.currency, held.by_deposit)), Some((Krw, false)));
}

/// The questions of a watch that nobody nudges: how many there are, and the longest pause between two.
fn watched(answers: impl Fn(u32) -> Knowledge) -> (u32, u64) {
    let (mut watch, mut now, mut questions, mut longest_ms) = (Watch::new(START), START, 0, 0);
    let mut knowledge = None;
    loop {
        match watch.next_step(knowledge.as_ref(), now) {
            WatchStep::Ask { pause_ms } => {
                (now, questions, longest_ms) = (now.plus_ms(pause_ms), questions + 1, longest_ms.max(pause_ms));
                let told = answers(questions);
                watch.learn(&told);
                knowledge = Some(told);
            }
            WatchStep::End => {
                assert!(now >= START.plus_ms(DEPOSIT_WATCH_MS), "the last question comes when the time is up");
                return (questions, longest_ms);
            }
            WatchStep::TakeBack(_) => panic!("nothing was taken back"),
        }
        assert!(questions < 10_000, "it never ends");
    }
}

#[test]
fn a_deposit_is_watched_often_at_first_and_hourly_later_until_its_end() {
    let (questions, longest_ms) = watched(|_| Knowledge::Told(deposit(TOTAL)));
    assert_eq!(longest_ms, LONGEST_WATCH_PAUSE_MS);
    assert!((95..=110).contains(&questions), "{questions} questions");
    let first = Watch::new(START).next_step(None, START);
    assert_eq!(first, WatchStep::Ask { pause_ms: 10_000 });
    // A question that was not answered is asked again at once; and the watch does not end without an answer.
    let mut deaf = Watch::new(START);
    deaf.learn(&Knowledge::NotTold);
    assert_eq!(deaf.next_step(Some(&Knowledge::NotTold), START), WatchStep::Ask { pause_ms: 2_000 });
    assert!(matches!(deaf.next_step(Some(&Knowledge::NotTold), deaf.until), WatchStep::Ask { .. }));
    let taken_back = Knowledge::Told(awaiting(false));
    assert_eq!(Watch::new(START).next_step(Some(&taken_back), START), WatchStep::TakeBack(None));
}

#[test]
fn the_questions_about_a_deposit_leave_room_in_a_history() {
    /// A timer, a call, and the workflow tasks before each of them.
    const EVENTS_OF_A_QUESTION: u64 = 11;
    /// And the line that says that the deposit was seen.
    const EVENTS_OF_A_WATCHING_QUESTION: u64 = EVENTS_OF_A_QUESTION + 1;
    const HISTORY: u64 = 4_096;
    let (mut asked, mut waited_ms) = (0, 0);
    while waited_ms < DEPOSIT_PATIENCE_MS {
        (waited_ms, asked) = (waited_ms + deposit_pause_ms(asked), asked + 1);
    }
    let waiting = u64::from(asked) * EVENTS_OF_A_QUESTION;
    let watching = u64::from(watched(|_| Knowledge::Told(deposit(TOTAL))).0) * EVENTS_OF_A_WATCHING_QUESTION;
    assert!(waiting < HISTORY, "{waiting} events of {asked} questions");
    assert!(waiting + watching < HISTORY + 512, "{waiting} and {watching} events");
}

#[test]
fn an_undo_believes_that_the_psp_knows_nothing_once_no_request_can_begin_any_more() {
    let absent = || Knowledge::Told(Charge::Absent);
    let mut progress = Progress::new(START);
    progress.send(false, START);
    let step = |progress: &Progress, ms| undo_step(UndoReason::Canceled, absent(), progress, ms);
    assert_eq!(step(&progress, SESSION_MS - 1), UndoStep::Ask { pause_ms: 1_000 });
    assert_eq!(step(&progress, SESSION_MS), UndoStep::Done);
    progress.learn(&Knowledge::Told(Charge::Open), START);
    assert_eq!(step(&progress, SESSION_MS), UndoStep::Ask { pause_ms: 1_000 }, "the PSP has known it");
}

#[test]
fn a_deposit_that_comes_late_is_booked_and_other_money_goes_back() {
    let new = Progress::new(START);
    for reason in REASONS {
        let step = undo_step(reason, Knowledge::Told(captured(TOTAL)), &new, UNDO_PATIENCE_MS - 1);
        match reason {
            UndoReason::DepositOverdue => assert!(matches!(step, UndoStep::Settle(_)), "{step:?}"),
            UndoReason::Canceled | UndoReason::WrongAmount => assert_eq!(step, UndoStep::Cancel),
        }
    }
    // Even when the PSP refused to cancel the account, because the deposit had come.
    let mut kept = new.clone();
    kept.learn(&Knowledge::Kept(failure("INVALID_REFUND_ACCOUNT_INFO")), START);
    let told = || Knowledge::Told(captured(TOTAL));
    assert!(matches!(undo_step(UndoReason::DepositOverdue, told(), &kept, 0), UndoStep::Settle(_)));
    // And of what cannot be undone without a person, one is told at once; their word is another try.
    match undo_step(UndoReason::Canceled, told(), &kept, 0) {
        UndoStep::CallForHelp(failure) => assert!(failure.message.contains("INVALID_REFUND_ACCOUNT_INFO")),
        other => panic!("{other:?}"),
    }
    kept.start_over(START);
    assert_eq!(undo_step(UndoReason::Canceled, told(), &kept, 0), UndoStep::Cancel);
}

#[test]
fn pauses_double_up_to_the_longest() {
    let pauses: Vec<_> = (0..6).map(|asked| pause_ms(asked, 10_000)).collect();
    assert_eq!(pauses, [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
    assert_eq!(pause_ms(u32::MAX, 10_000), 10_000);
}

/// What goes wrong with one request; the PSP may act on it and its answer get lost, or never know of it.
#[derive(Debug, Clone, Copy)]
enum Mishap {
    None,
    LostBefore,
    LostAfter,
    GarbageAfter,
    Declines,
    /// Another worker repeats it after the PSP has acted, with a key that the PSP does not take.
    RepeatedByStranger,
    /// Another worker repeats it after the PSP has acted, with another merchant's key.
    RepeatedByAnotherMerchant,
}

fn mishap() -> impl Strategy<Value = Mishap> {
    prop_oneof![
        Just(Mishap::None),
        Just(Mishap::LostBefore),
        Just(Mishap::LostAfter),
        Just(Mishap::GarbageAfter),
        Just(Mishap::Declines),
        Just(Mishap::RepeatedByStranger),
        Just(Mishap::RepeatedByAnotherMerchant),
    ]
}

/// What goes wrong with one question.
fn deafness() -> impl Strategy<Value = Option<Charge>> {
    prop_oneof![Just(None), Just(Some(Charge::Absent))]
}

proptest! {
    /// Whatever gets lost, and whoever says that there is no such payment: a checkout is settled if and only
    /// if the money is held, and it comes to an end as soon as the PSP answers again.
    #[test]
    fn never_settles_without_money_and_never_fails_with_it(
        mishaps in prop::collection::vec(mishap(), 0..8),
        deaf in prop::collection::vec(deafness(), 0..12),
    ) {
        follow(mishaps, deaf)?;
    }
}

/// The PSP ends a payment by itself when nobody confirms it for long.
const ASKED_UNTIL_EXPIRY: usize = 50;

fn follow(mishaps: Vec<Mishap>, deaf: Vec<Option<Charge>>) -> Result<(), TestCaseError> {
    let (mut state, mut mishaps, mut deaf) = (Charge::Open, mishaps.into_iter(), deaf.into_iter());
    let mut progress = Progress::new(START);
    let mut questions = 0;
    let mut step = Step::Confirm { new_key: false };
    loop {
        let knowledge = match &step {
            Step::Confirm { new_key } => {
                progress.send(*new_key, START);
                send(&mut state, mishaps.next().unwrap_or(Mishap::None))
            }
            Step::Ask { status, .. } => {
                prop_assert_eq!(*status, Status::Unknown);
                questions += 1;
                prop_assert!(questions < ASKED_UNTIL_EXPIRY + 10, "it does not come to an end");
                if questions > ASKED_UNTIL_EXPIRY && state == Charge::Open {
                    state = refused();
                }
                match deaf.next() {
                    Some(deaf) => deaf.map_or(Knowledge::NotTold, Knowledge::Told),
                    None => Knowledge::Told(state.clone()),
                }
            }
            Step::Settle(_) => {
                prop_assert_eq!(state, captured(TOTAL));
                return Ok(());
            }
            Step::Fail(_) => {
                prop_assert_ne!(state, captured(TOTAL));
                return Ok(());
            }
            Step::Reject(_) | Step::Undo(_) | Step::CallForHelp(_) => {
                return Err(TestCaseError::fail(format!("nothing calls for: {}", name(&step))));
            }
        };
        progress.learn(&knowledge, START);
        step = next_step(won(TOTAL), &knowledge, &progress, NOW);
    }
}

fn send(state: &mut Charge, mishap: Mishap) -> Knowledge {
    if *state == Charge::Open && !matches!(mishap, Mishap::LostBefore) {
        *state = if matches!(mishap, Mishap::Declines) { refused() } else { captured(TOTAL) };
    }
    match mishap {
        Mishap::None | Mishap::Declines => Knowledge::Answered(state.clone()),
        Mishap::LostBefore | Mishap::LostAfter => lost(false),
        Mishap::GarbageAfter => lost(true),
        Mishap::RepeatedByStranger => stranger(false),
        Mishap::RepeatedByAnotherMerchant => repeated("NOT_FOUND_PAYMENT"),
    }
}
