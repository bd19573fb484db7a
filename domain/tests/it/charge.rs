use domain::{
    Currency::Krw,
    Money, Timestamp,
    charge::{
        Capture, Charge, DEPOSIT_PATIENCE_MS, Doubt, Failure, Knowledge, MAX_CONFIRMS, PATIENCE_MS, Progress, Step,
        UNDO_PATIENCE_MS, UndoStep, next_step, next_undo_step, pause_ms,
    },
    checkout::Status,
};
use proptest::prelude::*;

const TOTAL: u64 = 1_000;

fn won(minor: u64) -> Money {
    Money::try_from_minor(minor, Krw).unwrap()
}

fn captured(minor: u64) -> Charge {
    Charge::Captured(Capture {
        amount: won(minor),
        captured_at: Timestamp::from_epoch_ms(0),
        method: None,
        receipt_url: None,
    })
}

fn refused() -> Charge {
    Charge::Refused(Failure { code: "REJECT_CARD_PAYMENT".to_owned(), message: "no".to_owned() })
}

fn lost() -> Knowledge {
    Knowledge::Lost(Doubt { answered: false, evidence: "no answer".to_owned() })
}

const FIRST: Progress =
    Progress { confirms: 1, asked: 0, waited_ms: 0, answered: false, given_up: false, awaits_deposit: false };

fn name(step: &Step) -> String {
    match step {
        Step::Settle(_) => "settle".to_owned(),
        Step::Fail(failure) => format!("fail {}", failure.code),
        Step::Undo(failure) => format!("undo {}", failure.code),
        Step::Ask { status, .. } => format!("ask {status}"),
        Step::Confirm { new_key: true } => "confirm with a new key".to_owned(),
        Step::Confirm { new_key: false } => "confirm with the same key".to_owned(),
        Step::CallForHelp(failure) => format!("help {}", failure.code),
    }
}

#[test]
fn decides_by_what_is_known() {
    use Knowledge::{NotTold, Told};
    let answered = Progress { answered: true, ..FIRST };
    let given_up = Progress { given_up: true, ..FIRST };
    let often = Progress { confirms: MAX_CONFIRMS, ..FIRST };
    let long = Progress { waited_ms: PATIENCE_MS, ..FIRST };
    let deposit = Progress { awaits_deposit: true, ..FIRST };
    let long_deposit = Progress { waited_ms: DEPOSIT_PATIENCE_MS, ..deposit };
    let waiting = || Told(Charge::AwaitingDeposit { overdue: false });
    let table = [
        (Told(captured(TOTAL)), FIRST, "settle"),
        (Told(captured(TOTAL)), long, "settle"),
        (Told(captured(TOTAL)), given_up, "undo canceled"),
        (Told(captured(TOTAL - 1)), FIRST, "undo psp_amount_mismatch"),
        (Told(captured(TOTAL + 1)), FIRST, "undo psp_amount_mismatch"),
        (Told(refused()), FIRST, "fail REJECT_CARD_PAYMENT"),
        (Told(refused()), given_up, "fail REJECT_CARD_PAYMENT"),
        (Told(Charge::Returned), FIRST, "fail returned_at_psp"),
        (Told(Charge::Open), FIRST, "confirm with the same key"),
        (Told(Charge::Open), answered, "confirm with a new key"),
        (Told(Charge::Open), often, "ask UNKNOWN"),
        (Told(Charge::Open), given_up, "undo canceled"),
        (Told(Charge::Absent), FIRST, "confirm with the same key"),
        (Told(Charge::Absent), answered, "fail payment_not_found"),
        (Told(Charge::Absent), often, "ask UNKNOWN"),
        (waiting(), FIRST, "ask WAITING_FOR_DEPOSIT"),
        (waiting(), given_up, "undo deposit_expired"),
        (Told(Charge::AwaitingDeposit { overdue: true }), deposit, "undo deposit_expired"),
        (waiting(), long_deposit, "help deposit_unresolved"),
        (NotTold, deposit, "ask WAITING_FOR_DEPOSIT"),
        (Told(Charge::Open), deposit, "ask WAITING_FOR_DEPOSIT"),
        (lost(), FIRST, "ask UNKNOWN"),
        (lost(), given_up, "ask UNKNOWN"),
        (NotTold, FIRST, "ask UNKNOWN"),
        (NotTold, long, "help outcome_unknown"),
        (lost(), long, "help outcome_unknown"),
    ];
    for (knowledge, progress, expected) in table {
        let step = next_step(won(TOTAL), &knowledge, progress);
        assert_eq!(name(&step), expected, "{knowledge:?} {progress:?}");
    }
}

#[test]
fn an_undo_ends_only_on_proof_that_nothing_is_held() {
    use Knowledge::{NotTold, Told};
    for proof in [refused(), Charge::Returned, Charge::Absent] {
        assert_eq!(next_undo_step(&Told(proof), 0, UNDO_PATIENCE_MS), UndoStep::Done);
    }
    for held in [captured(TOTAL), Charge::AwaitingDeposit { overdue: true }] {
        assert_eq!(next_undo_step(&Told(held.clone()), 3, 0), UndoStep::Cancel);
        assert!(matches!(next_undo_step(&Told(held), 3, UNDO_PATIENCE_MS), UndoStep::CallForHelp(_)));
    }
    for unsure in [Told(Charge::Open), NotTold, lost()] {
        assert_eq!(next_undo_step(&unsure, 2, 0), UndoStep::Ask { pause_ms: 4_000 });
        assert!(matches!(next_undo_step(&unsure, 2, UNDO_PATIENCE_MS), UndoStep::CallForHelp(_)));
    }
}

#[test]
fn pauses_double_up_to_the_longest() {
    let pauses: Vec<_> = (0..6).map(|asked| pause_ms(asked, 10_000)).collect();
    assert_eq!(pauses, [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
    assert_eq!(pause_ms(u32::MAX, 10_000), 10_000);
}

/// A PSP that may lose its answers, before or after acting.
#[derive(Debug, Clone, Copy)]
enum Mishap {
    None,
    LostBefore,
    LostAfter,
    Declines,
}

fn mishap() -> impl Strategy<Value = Mishap> {
    prop_oneof![Just(Mishap::None), Just(Mishap::LostBefore), Just(Mishap::LostAfter), Just(Mishap::Declines)]
}

proptest! {
    /// Whatever gets lost: a checkout is settled if and only if the money is held, and it comes to an end
    /// as soon as the PSP answers again.
    #[test]
    fn never_settles_without_money_and_never_fails_with_it(
        mishaps in prop::collection::vec(mishap(), 0..8),
        deaf in 0_usize..12,
    ) {
        follow(mishaps, deaf)?;
    }
}

/// The PSP ends a payment by itself when nobody confirms it for long.
const ASKED_UNTIL_EXPIRY: usize = 50;

fn follow(mishaps: Vec<Mishap>, deaf: usize) -> Result<(), TestCaseError> {
    let (mut state, mut mishaps) = (Charge::Open, mishaps.into_iter());
    let mut progress = Progress { confirms: 0, ..FIRST };
    let mut questions = 0;
    let mut step = Step::Confirm { new_key: false };
    loop {
        let knowledge = match &step {
            Step::Confirm { .. } => send(&mut state, mishaps.next().unwrap_or(Mishap::None), &mut progress),
            Step::Ask { status, .. } => {
                prop_assert_eq!(*status, Status::Unknown);
                questions += 1;
                progress.asked += 1;
                prop_assert!(questions < ASKED_UNTIL_EXPIRY + 10, "it does not come to an end");
                if questions > ASKED_UNTIL_EXPIRY && state == Charge::Open {
                    state = refused();
                }
                if questions > deaf { Knowledge::Told(state.clone()) } else { Knowledge::NotTold }
            }
            Step::Settle(_) => {
                prop_assert_eq!(state, captured(TOTAL));
                return Ok(());
            }
            Step::Fail(_) => {
                prop_assert_ne!(state, captured(TOTAL));
                return Ok(());
            }
            Step::Undo(_) | Step::CallForHelp(_) => {
                return Err(TestCaseError::fail(format!("nothing calls for: {}", name(&step))));
            }
        };
        step = next_step(won(TOTAL), &knowledge, progress);
    }
}

fn send(state: &mut Charge, mishap: Mishap, progress: &mut Progress) -> Knowledge {
    progress.confirms += 1;
    progress.answered = matches!(mishap, Mishap::None | Mishap::Declines);
    if *state == Charge::Open && !matches!(mishap, Mishap::LostBefore) {
        *state = if matches!(mishap, Mishap::Declines) { refused() } else { captured(TOTAL) };
    }
    if progress.answered { Knowledge::Told(state.clone()) } else { lost() }
}
