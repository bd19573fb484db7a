use domain::{
    Currency::{Krw, Usd},
    Money, Timestamp,
    charge::{
        Capture, Charge, Charging, Circumstances, Conclusion, DEPOSIT_GRACE_MS, DEPOSIT_PATIENCE_MS, DEPOSIT_WATCH_MS,
        Knowledge, LONGEST_WATCH_PAUSE_MS, MAX_CARD_CHARGES, MAX_CONFIRMS, PATIENCE_MS, SESSION_MS, UNDO_PATIENCE_MS,
        UndoReason, VIRTUAL_ACCOUNT, Wait, Watch, WatchStep, WayBack, deposit_pause_ms,
    },
    failure::{Failure, OurCode},
    inquiry::{At, Doubt, Inquiry, Key, LOOKUPS_WHILE_LOCKED_OUT, Step, pause_ms},
};
use proptest::prelude::*;

const TOTAL: u64 = 1_000;
const START: Timestamp = Timestamp::from_epoch_ms(1_700_000_000_000);
const PAYING: Circumstances = Circumstances { given_up: false, awaits_deposit: false, way_back: WayBack::Missing };

fn won(minor: u64) -> Money {
    Money::try_from_minor(minor, Krw).unwrap()
}

fn capture(minor: u64, method: Option<String>) -> Charge {
    Charge::Captured(Capture {
        amount: won(minor),
        captured_at: START,
        method,
        receipt_url: None,
        receipt_numbers: Default::default(),
    })
}

fn captured(minor: u64) -> Charge {
    capture(minor, None)
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

fn unanswered() -> Knowledge {
    Knowledge::Lost(Doubt::unanswered("no answer".to_owned()))
}

fn doubtful() -> Knowledge {
    Knowledge::Lost(Doubt::answered("no word".to_owned()))
}

fn locked_out(doubt: fn(String) -> Doubt) -> Knowledge {
    Knowledge::Lost(Doubt { locked_out: true, ..doubt("UNAUTHORIZED_KEY".to_owned()) })
}

/// The refusal of an attempt after the first one of an activity.
fn repeated(code: &str) -> Knowledge {
    Knowledge::Lost(Doubt { refusal: Some(failure(code)), ..Doubt::answered(code.to_owned()) })
}

fn name(step: &Step<Charging>) -> String {
    match step {
        Step::Conclude(Conclusion::Settle(_)) => "settle".to_owned(),
        Step::Conclude(Conclusion::Fail(failure)) if failure.retryable => format!("decline {}", failure.code),
        Step::Conclude(Conclusion::Fail(failure)) => format!("fail {}", failure.code),
        Step::Conclude(Conclusion::Reject(failure)) => format!("reject {}", failure.code),
        Step::BeginUndo(reason) => format!("undo {}", reason.failure().code),
        Step::Undo(_) => "give back".to_owned(),
        Step::Ask { wait: Wait::Outcome, .. } => "ask UNKNOWN".to_owned(),
        Step::Ask { wait: Wait::Deposit, .. } => "ask WAITING_FOR_DEPOSIT".to_owned(),
        Step::Ask { wait: Wait::Undo, pause_ms } => format!("ask in {pause_ms} ms"),
        Step::Send(request) => match request.key() {
            Key::New => "confirm with a new key".to_owned(),
            Key::Same => "confirm with the same key".to_owned(),
        },
        Step::CallForHelp(failure) => format!("help {}", failure.code),
    }
}

fn at(ms: u64, circumstances: Circumstances) -> At<Circumstances> {
    At { now: START.plus_ms(ms), circumstances }
}

/// A charge that was sent once.
fn sent() -> Inquiry<Charging> {
    let (mut inquiry, request) = Inquiry::new(Charging::new(won(TOTAL)), START);
    assert_eq!(inquiry.send(request, START), 0, "the first request has the first key");
    inquiry
}

/// The next step of a copy, which the inquiry does not notice.
fn peek(inquiry: &Inquiry<Charging>, word: &Knowledge, at: At<Circumstances>) -> String {
    name(&inquiry.clone().next(word, at))
}

/// What a workflow does: send, learn, decide; and at each decision to send again, send.
fn steps(words: &[Knowledge], circumstances: Circumstances) -> String {
    let mut inquiry = sent();
    let mut told = Vec::new();
    for word in words {
        let step = inquiry.next(word, at(0, circumstances));
        told.push(name(&step));
        if let Step::Send(request) = step {
            inquiry.send(request, START);
        }
    }
    told.join(", ")
}

fn check(words: &[Knowledge], circumstances: Circumstances, expected: &str) {
    assert_eq!(steps(words, circumstances), expected, "{words:?}");
}

#[test]
fn the_first_answer_is_believed() {
    use domain::inquiry::Knowledge::Answered;
    let given_up = Circumstances { given_up: true, ..PAYING };
    check(&[Answered(captured(TOTAL))], PAYING, "settle");
    check(&[Answered(captured(TOTAL))], given_up, "undo canceled");
    check(&[Answered(captured(TOTAL - 1))], PAYING, "undo psp_amount_mismatch");
    check(&[Answered(captured(TOTAL + 1))], given_up, "undo psp_amount_mismatch");
    check(&[Answered(refused())], PAYING, "decline REJECT_CARD_PAYMENT");
    check(&[Answered(refused())], given_up, "decline REJECT_CARD_PAYMENT");
    check(&[Answered(not_ours())], PAYING, "reject NOT_FOUND_PAYMENT");
    check(&[Answered(not_ours())], given_up, "reject NOT_FOUND_PAYMENT");
    check(&[Answered(Charge::Returned)], PAYING, "fail returned_at_psp");
    check(&[Answered(awaiting(false))], PAYING, "ask WAITING_FOR_DEPOSIT");
    check(&[Answered(awaiting(false))], given_up, "undo canceled");
}

#[test]
fn what_the_psp_does_not_know_is_never_the_end_of_a_charge() {
    use domain::inquiry::Knowledge::Reported;
    let absent = || Reported(Charge::Absent);
    let deposit = Circumstances { awaits_deposit: true, ..PAYING };
    check(&[doubtful(), absent(), absent()], PAYING, "ask UNKNOWN, ask UNKNOWN, ask UNKNOWN");
    check(&[unanswered(), absent()], PAYING, "ask UNKNOWN, confirm with the same key");
    check(
        &[unanswered(), Reported(Charge::Open), unanswered(), absent()],
        PAYING,
        "ask UNKNOWN, confirm with the same key, ask UNKNOWN, ask UNKNOWN",
    );
    check(&[absent()], deposit, "ask WAITING_FOR_DEPOSIT");
    check(&[absent()], Circumstances { given_up: true, ..PAYING }, "undo canceled");
    check(&[doubtful(), absent(), Reported(captured(TOTAL))], PAYING, "ask UNKNOWN, ask UNKNOWN, settle");
}

#[test]
fn a_refusal_of_a_repeated_request_is_a_reason_and_no_proof() {
    use domain::inquiry::Knowledge::{Answered, Reported};
    let asked = "ask UNKNOWN, ask UNKNOWN";
    for refusal in [repeated("REJECT_CARD_PAYMENT"), repeated("NOT_FOUND_PAYMENT")] {
        check(&[refusal.clone(), Reported(captured(TOTAL))], PAYING, "ask UNKNOWN, settle");
        check(&[refusal.clone(), Reported(Charge::Absent)], PAYING, asked);
        check(&[refusal.clone(), Reported(Charge::Open)], PAYING, asked);
        check(&[refusal, Reported(Charge::Returned)], PAYING, "ask UNKNOWN, fail returned_at_psp");
    }
    let expired = Reported(Charge::Refused(failure("EXPIRED_PAYMENT")));
    check(&[repeated("INVALID_PASSWORD"), expired.clone()], PAYING, "ask UNKNOWN, decline INVALID_PASSWORD");
    let sent_twice = [unanswered(), Reported(Charge::Open), Answered(refused()), Reported(Charge::Open), expired];
    check(
        &sent_twice,
        PAYING,
        "ask UNKNOWN, confirm with the same key, ask UNKNOWN, ask UNKNOWN, decline REJECT_CARD_PAYMENT",
    );
    let sent_twice = [unanswered(), Reported(Charge::Absent), Answered(not_ours()), Reported(Charge::Absent)];
    check(&sent_twice, PAYING, "ask UNKNOWN, confirm with the same key, ask UNKNOWN, ask UNKNOWN");
}

#[test]
fn what_is_open_is_sent_again_under_the_key_that_is_safe() {
    use domain::inquiry::Knowledge::Reported;
    let open = || Reported(Charge::Open);
    check(&[unanswered(), open()], PAYING, "ask UNKNOWN, confirm with the same key");
    check(&[doubtful(), open()], PAYING, "ask UNKNOWN, confirm with a new key");
    check(&[locked_out(Doubt::answered), open()], PAYING, "ask UNKNOWN, confirm with a new key");
    // If the PSP rejected our key, its answer says nothing about a request before.
    check(&[locked_out(Doubt::unanswered), open()], PAYING, "ask UNKNOWN, confirm with the same key");
    check(
        &[unanswered(), open(), locked_out(Doubt::answered), open()],
        PAYING,
        "ask UNKNOWN, confirm with the same key, ask UNKNOWN, confirm with the same key",
    );
    check(&[open()], Circumstances { awaits_deposit: true, ..PAYING }, "ask WAITING_FOR_DEPOSIT");
    let mut often = sent();
    often.progress.sent = MAX_CONFIRMS;
    assert_eq!(peek(&often, &open(), at(0, PAYING)), "ask UNKNOWN");
}

#[test]
fn a_person_is_called_when_patience_runs_out_or_we_are_not_let_in() {
    use domain::inquiry::Knowledge::NoReport;
    let deposit = Circumstances { awaits_deposit: true, ..PAYING };
    let new = sent();
    assert_eq!(peek(&new, &NoReport, at(PATIENCE_MS - 1, PAYING)), "ask UNKNOWN");
    assert_eq!(peek(&new, &NoReport, at(PATIENCE_MS, PAYING)), "help outcome_unknown");
    assert_eq!(peek(&new, &unanswered(), at(PATIENCE_MS, PAYING)), "help outcome_unknown");
    assert_eq!(peek(&new, &NoReport, at(PATIENCE_MS, deposit)), "ask WAITING_FOR_DEPOSIT");
    assert_eq!(peek(&new, &NoReport, at(DEPOSIT_PATIENCE_MS, deposit)), "help deposit_unresolved");

    let mut refused = sent();
    refused.learn(&locked_out(Doubt::answered), START);
    for _ in 0..LOOKUPS_WHILE_LOCKED_OUT {
        assert_eq!(peek(&refused, &NoReport, at(0, PAYING)), "ask UNKNOWN");
        refused.pause_passed();
    }
    assert_eq!(peek(&refused, &NoReport, at(0, PAYING)), "help psp_access_denied");
    assert_eq!(peek(&refused, &Knowledge::Reported(captured(TOTAL)), at(0, PAYING)), "settle");
    refused.start_over(START);
    assert_eq!(peek(&refused, &NoReport, at(0, PAYING)), "ask UNKNOWN");
}

#[test]
fn an_overdue_deposit_has_its_grace() {
    let overdue = Knowledge::Reported(awaiting(true));
    let mut inquiry = sent();
    inquiry.learn(&overdue, START);
    let deposit = Circumstances { awaits_deposit: true, ..PAYING };
    assert_eq!(peek(&inquiry, &overdue, at(DEPOSIT_GRACE_MS - 1, deposit)), "ask WAITING_FOR_DEPOSIT");
    assert_eq!(peek(&inquiry, &overdue, at(DEPOSIT_GRACE_MS, deposit)), "undo deposit_expired");
    inquiry.learn(&Knowledge::Reported(awaiting(false)), START);
    assert_eq!(peek(&inquiry, &overdue, at(DEPOSIT_GRACE_MS, deposit)), "ask WAITING_FOR_DEPOSIT");
}

/// A charge that was sent once and is being undone.
fn undoing(reason: UndoReason) -> Inquiry<Charging> {
    let mut inquiry = sent();
    let (word, circumstances, ms) = match reason {
        UndoReason::Canceled => (awaiting(false), Circumstances { given_up: true, ..PAYING }, 0),
        UndoReason::WrongAmount => (captured(TOTAL - 1), PAYING, 0),
        UndoReason::DepositOverdue => (awaiting(true), PAYING, 0),
    };
    let word = Knowledge::Reported(word);
    inquiry.learn(&word, START);
    if reason == UndoReason::DepositOverdue {
        inquiry.subject.overdue_since = Some(Timestamp::from_epoch_ms(0));
    }
    assert_eq!(inquiry.next(&word, at(ms, circumstances)), Step::BeginUndo(reason));
    assert_eq!(inquiry.undoing(), Some(reason));
    inquiry
}

const REASONS: [UndoReason; 3] = [UndoReason::Canceled, UndoReason::WrongAmount, UndoReason::DepositOverdue];

#[test]
fn an_undo_ends_only_on_proof_that_nothing_is_held() {
    use domain::inquiry::Knowledge::{NoReport, Reported};
    for reason in REASONS {
        let step = |word: &Knowledge, ms| peek(&undoing(reason), word, at(ms, PAYING));
        for proof in [refused(), Charge::Returned] {
            let ended = format!("fail {}", reason.failure().code);
            assert_eq!(step(&Reported(proof), UNDO_PATIENCE_MS), ended);
        }
        for held in [Reported(captured(TOTAL - 1)), Reported(awaiting(true))] {
            assert_eq!(step(&held, 0), "give back");
            assert_eq!(step(&held, UNDO_PATIENCE_MS), "help undo_unfinished");
        }
        for unsure in [Reported(Charge::Open), NoReport, unanswered(), Knowledge::UndoRefused(failure("NO"))] {
            assert_eq!(step(&unsure, 0), "ask in 1000 ms");
            assert_eq!(step(&unsure, UNDO_PATIENCE_MS), "help undo_unfinished");
        }
        // Only a conclusion ends the undo, or that the payment was booked before it.
        let mut inquiry = undoing(reason);
        let _ = inquiry.next(&NoReport, at(UNDO_PATIENCE_MS, PAYING));
        inquiry.start_over(START);
        assert_eq!(inquiry.undoing(), Some(reason));
        let _ = inquiry.next(&Reported(Charge::Returned), at(0, PAYING));
        assert_eq!(inquiry.undoing(), None);
        let mut booked = undoing(reason);
        booked.keep();
        assert_eq!(peek(&booked, &Reported(captured(TOTAL)), at(0, PAYING)), "settle");
    }
}

fn deposit(minor: u64) -> Charge {
    let method = Some(VIRTUAL_ACCOUNT.to_owned());
    capture(minor, method)
}

#[test]
fn a_deposit_that_came_while_its_checkout_was_given_up_goes_back_where_an_account_is_named_and_is_booked_where_none_is()
{
    let given_up = |way_back| Circumstances { given_up: true, awaits_deposit: true, way_back };
    let told = || Knowledge::Reported(deposit(TOTAL));
    check(&[told()], given_up(WayBack::Missing), "settle");
    check(&[told()], given_up(WayBack::Named), "undo canceled");
    check(&[Knowledge::Reported(deposit(TOTAL - 1))], given_up(WayBack::Missing), "undo psp_amount_mismatch");
    let undo = |words: &[Knowledge], way_back| {
        let (last, before) = words.split_last().unwrap();
        let mut inquiry = undoing(UndoReason::Canceled);
        inquiry.subject.held = None;
        for word in before {
            inquiry.learn(word, START);
        }
        peek(&inquiry, last, at(0, given_up(way_back)))
    };
    assert_eq!(undo(&[told()], WayBack::Missing), "settle");
    assert_eq!(undo(&[told()], WayBack::Named), "give back");
    // The deposit came just before the account was to be ended: that request named no account.
    let refused = || Knowledge::UndoRefused(failure("INVALID_REFUND_ACCOUNT_INFO"));
    let late = [Knowledge::Reported(awaiting(false)), refused(), told()];
    assert_eq!(undo(&late, WayBack::Named), "give back");
    assert_eq!(undo(&late, WayBack::Missing), "settle");
    // The account that was named is refused: a person is needed.
    assert_eq!(undo(&[told(), refused(), told()], WayBack::Named), "help undo_refused");
}

#[test]
fn what_goes_back_is_in_the_currency_of_the_payment() {
    let dollars = Money::try_from_minor(TOTAL, Usd).unwrap();
    let (mut inquiry, request) = Inquiry::new(Charging::new(dollars), START);
    inquiry.send(request, START);
    let step = inquiry.next(&Knowledge::Answered(captured(TOTAL)), at(0, PAYING));
    assert_eq!(name(&step), "undo psp_amount_mismatch");
    assert_eq!(inquiry.subject.held.map(|held| (held.currency, held.by_deposit)), Some((Krw, false)));
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
    let (questions, longest_ms) = watched(|_| Knowledge::Reported(deposit(TOTAL)));
    assert_eq!(longest_ms, LONGEST_WATCH_PAUSE_MS);
    assert!((95..=110).contains(&questions), "{questions} questions");
    let first = Watch::new(START).next_step(None, START);
    assert_eq!(first, WatchStep::Ask { pause_ms: 10_000 });
    // A question that was not answered is asked again at once; and the watch does not end without an answer.
    let mut deaf = Watch::new(START);
    deaf.learn(&Knowledge::NoReport);
    assert_eq!(deaf.next_step(Some(&Knowledge::NoReport), START), WatchStep::Ask { pause_ms: 2_000 });
    assert!(matches!(deaf.next_step(Some(&Knowledge::NoReport), deaf.until), WatchStep::Ask { .. }));
    let taken_back = Knowledge::Reported(awaiting(false));
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
    let watching = u64::from(watched(|_| Knowledge::Reported(deposit(TOTAL))).0) * EVENTS_OF_A_WATCHING_QUESTION;
    assert!(waiting < HISTORY, "{waiting} events of {asked} questions");
    assert!(waiting + watching < HISTORY + 512, "{waiting} and {watching} events");
}

#[test]
fn an_undo_believes_that_the_psp_knows_nothing_once_no_request_can_begin_any_more() {
    let absent = || Knowledge::Reported(Charge::Absent);
    let mut inquiry = sent();
    let given_up = Circumstances { given_up: true, ..PAYING };
    assert_eq!(name(&inquiry.next(&absent(), at(0, given_up))), "undo canceled");
    assert_eq!(peek(&inquiry, &absent(), at(SESSION_MS - 1, given_up)), "ask in 1000 ms");
    assert_eq!(peek(&inquiry, &absent(), at(SESSION_MS, given_up)), "fail canceled");
    inquiry.learn(&Knowledge::Reported(Charge::Open), START);
    assert_eq!(peek(&inquiry, &absent(), at(SESSION_MS, given_up)), "ask in 1000 ms", "the PSP has known it");
}

#[test]
fn a_deposit_that_comes_late_is_booked_and_other_money_goes_back() {
    let told = || Knowledge::Reported(captured(TOTAL));
    for reason in REASONS {
        let step = peek(&undoing(reason), &told(), at(UNDO_PATIENCE_MS - 1, PAYING));
        match reason {
            UndoReason::DepositOverdue => assert_eq!(step, "settle"),
            UndoReason::Canceled | UndoReason::WrongAmount => assert_eq!(step, "give back"),
        }
    }
    // Even when the PSP refused to cancel the account, because the deposit had come.
    let refusal = || Knowledge::UndoRefused(failure("INVALID_REFUND_ACCOUNT_INFO"));
    let mut overdue = undoing(UndoReason::DepositOverdue);
    overdue.learn(&refusal(), START);
    assert_eq!(peek(&overdue, &told(), at(0, PAYING)), "settle");
    // A person is called at once about an undo that needs one; their answer is another try.
    let mut canceled = undoing(UndoReason::Canceled);
    canceled.learn(&refusal(), START);
    match canceled.next(&told(), at(0, PAYING)) {
        Step::CallForHelp(failure) => assert!(failure.message.contains("INVALID_REFUND_ACCOUNT_INFO")),
        other => panic!("{other:?}"),
    }
    canceled.start_over(START);
    assert_eq!(peek(&canceled, &told(), at(0, PAYING)), "give back");
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
    let (mut inquiry, request) = Inquiry::new(Charging::new(won(TOTAL)), START);
    let mut questions = 0;
    let mut step = Step::Send(request);
    loop {
        let knowledge = match step {
            Step::Send(request) => {
                inquiry.send(request, START);
                send(&mut state, mishaps.next().unwrap_or(Mishap::None))
            }
            Step::Ask { wait, .. } => {
                prop_assert_eq!(wait, Wait::Outcome);
                questions += 1;
                prop_assert!(questions < ASKED_UNTIL_EXPIRY + 10, "it does not come to an end");
                if questions > ASKED_UNTIL_EXPIRY && state == Charge::Open {
                    state = refused();
                }
                match deaf.next() {
                    Some(deaf) => deaf.map_or(Knowledge::NoReport, Knowledge::Reported),
                    None => Knowledge::Reported(state.clone()),
                }
            }
            Step::Conclude(Conclusion::Settle(_)) => {
                prop_assert_eq!(state, captured(TOTAL));
                return Ok(());
            }
            Step::Conclude(Conclusion::Fail(_)) => {
                prop_assert_ne!(state, captured(TOTAL));
                return Ok(());
            }
            Step::Conclude(Conclusion::Reject(_)) | Step::BeginUndo(_) | Step::Undo(_) | Step::CallForHelp(_) => {
                return Err(TestCaseError::fail(format!("nothing calls for: {}", name(&step))));
            }
        };
        step = inquiry.next(&knowledge, at(0, PAYING));
    }
}

fn send(state: &mut Charge, mishap: Mishap) -> Knowledge {
    if *state == Charge::Open && !matches!(mishap, Mishap::LostBefore) {
        *state = if matches!(mishap, Mishap::Declines) { refused() } else { captured(TOTAL) };
    }
    match mishap {
        Mishap::None | Mishap::Declines => Knowledge::Answered(state.clone()),
        Mishap::LostBefore | Mishap::LostAfter => unanswered(),
        Mishap::GarbageAfter => doubtful(),
        Mishap::RepeatedByStranger => locked_out(Doubt::unanswered),
        Mishap::RepeatedByAnotherMerchant => repeated("NOT_FOUND_PAYMENT"),
    }
}

/// The steps of a saved card's charge by what is learned, one after the other; each request that is asked for is sent.
fn steps_of_card(told: Vec<Knowledge>) -> Vec<String> {
    let (mut inquiry, request) = Inquiry::new(Charging::of_saved_card(won(TOTAL)), START);
    assert_eq!(inquiry.send(request, START), 0);
    let at = At { now: START, circumstances: PAYING };
    let step_of = |knowledge: Knowledge| match inquiry.next(&knowledge, at) {
        Step::Send(request) => {
            assert_eq!(inquiry.send(request, START), 0, "every request has the first key");
            "send".to_owned()
        }
        step => name(&step),
    };
    told.into_iter().map(step_of).collect()
}

#[test]
fn a_saved_card_is_charged_under_one_key_and_fails_on_evidence() {
    let absent = || Knowledge::Reported(Charge::Absent);
    let paid = || Knowledge::Reported(captured(TOTAL));
    assert_eq!(steps_of_card(vec![Knowledge::Answered(captured(TOTAL))]), ["settle"]);
    assert_eq!(steps_of_card(vec![Knowledge::Answered(refused())]), ["decline REJECT_CARD_PAYMENT"]);
    for doubt in [unanswered, doubtful] {
        let told = steps_of_card(vec![doubt(), absent(), doubt(), paid()]);
        assert_eq!((told[1].as_str(), told[3].as_str()), ("send", "settle"), "{told:?}");
    }
    // The key of the first request brought a refusal, and there is no payment.
    let refused_again = steps_of_card(vec![repeated("REJECT_CARD_PAYMENT"), absent()]);
    assert_eq!(refused_again[1], "fail REJECT_CARD_PAYMENT");
    // A refusal of ours says nothing of a request before it.
    let deleted = Knowledge::Answered(Charge::Refused(Failure::new(OurCode::SavedCardDeleted, "gone")));
    let told = steps_of_card(vec![unanswered(), absent(), deleted, absent()]);
    assert!(told[1] == "send" && told[3].starts_with("ask"), "{told:?}");
    // After the last sending, the PSP is asked and nothing is sent.
    let most = usize::try_from(MAX_CARD_CHARGES).unwrap();
    let tries = (0..most).flat_map(|_| [doubtful(), absent()]).collect();
    assert_eq!(steps_of_card(tries).iter().filter(|step| *step == "send").count(), most - 1);
}
