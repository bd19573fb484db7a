//! What can happen next: what the workflow does, and what buyers, time and the PSP do meanwhile.

use domain::{
    charge::{Charge, Charging, Knowledge, SESSION_MS},
    checkout::{Confirmable, Confirmation, Event, Payable, Status},
    id::CheckoutId,
    inquiry::{Doubt, Inquiry, LOOKUPS_WHILE_LOCKED_OUT},
};

use super::{
    Held, JUMPS_MS, MOST_JUMPS, Model as _, Payment, Phase, State, TABS, TOTAL, Tab, doubtful, failure, unanswered, won,
};

type Moves = super::Moves<State>;

/// Everything that can happen next.
pub(super) fn moves(state: &State) -> Moves {
    let mut moves = Moves::new();
    others_act(state, &mut moves);
    match state.phase {
        Phase::Waiting => {
            let end = if state.given_up { Event::Canceled } else { Event::DeadlinePassed };
            // A failed checkout stays what it is when its time runs out.
            let over = state.status == Status::Failed;
            let ended = state.with(|next| next.phase = Phase::Closed);
            moves.push(("the wait for the buyer ends", if over { ended } else { state.clone().close(end) }));
        }
        Phase::Sending => send(state, &mut moves),
        Phase::Pausing => {
            let asks = |pauses: u32| {
                state.with(|next| {
                    let progress = &mut next.inquiry.progress;
                    progress.pauses = progress.pauses.max(pauses);
                    next.phase = Phase::LookingUp;
                })
            };
            moves.extend([("the pause is over", asks(LOOKUPS_WHILE_LOCKED_OUT)), ("a webhook comes", asks(0))]);
        }
        Phase::LookingUp => look_up(state, &mut moves),
        Phase::Returning => give_back(state, &mut moves),
        Phase::Person => moves.push(("a person resumes", resumed(state))),
        Phase::Watching => watch(state, &mut moves),
        Phase::TakingBack => take_back(state, &mut moves),
        Phase::PersonOfDeposit => moves.push(("a person resumes", look_again(state))),
        Phase::Closed => {}
    }
    moves
}

/// What the PSP has of the payment that the workflow is about.
fn held(state: &State) -> Held {
    state.clone().payment().map_or(Held::Nothing, |payment| payment.held)
}

fn is_awaited(state: &State) -> bool {
    matches!(held(state), Held::Awaiting { .. })
}

/// A deposit is booked. The PSP is asked by itself, when it nudges, and at the end.
fn watch(state: &State, moves: &mut Moves) {
    if is_awaited(state) {
        let told = Knowledge::Reported(state.clone().payment().copied().unwrap_or(Payment::NEW).shown());
        let heard = state.with(|next| {
            next.inquiry.learn(&told, next.now);
            next.phase = Phase::TakingBack;
        });
        moves.push(("the PSP is asked, and tells", heard));
    } else {
        let over = state.with(|next| (next.watched, next.phase) = (true, Phase::Closed));
        moves.push(("the watch is over", over));
    }
}

/// The books follow the bank, or cannot: the money was paid out, or given back.
fn take_back(state: &State, moves: &mut Moves) {
    let mut back = state.clone();
    back.change(Event::DepositTakenBack);
    back.inquiry.start_over(back.now);
    let told = Knowledge::Reported(state.clone().payment().copied().unwrap_or(Payment::NEW).shown());
    moves.push(("the books take the deposit back", back.learn(&told)));
    let mut stuck = state.clone();
    if stuck.status != Status::Stuck {
        stuck.change(Event::HelpNeeded);
    }
    stuck.phase = Phase::PersonOfDeposit;
    moves.push(("the books cannot", stuck));
}

/// After a person's word about a deposit that the books cannot take back, the PSP is asked before they are.
fn look_again(state: &State) -> State {
    state.with(|next| {
        if matches!(held(next), Held::Captured { .. }) {
            next.change(Event::Paid);
            next.phase = Phase::Watching;
        } else {
            next.phase = Phase::TakingBack;
        }
    })
}

fn resumed(state: &State) -> State {
    state.with(|next| {
        next.inquiry.start_over(next.now);
        next.phase = Phase::LookingUp;
    })
}

/// What buyers, time and the PSP do by themselves.
fn others_act(state: &State, moves: &mut Moves) {
    if state.phase != Phase::Closed {
        // Which of two buyers' tabs comes first makes no difference.
        let is_first = state.payments == State::first().payments && state.tab.is_none();
        let tabs = TABS.into_iter().filter(|tab| !(is_first && *tab == Tab::Second));
        moves.extend(tabs.filter_map(|tab| Some(("a browser confirms", confirm(state, tab)?))));
    }
    if state.phase != Phase::Closed {
        // A second cancellation says something new where it names an account.
        for names_account in [false, true] {
            if state.given_up && (state.names_account || !names_account) {
                continue;
            }
            // Of other money the account makes no difference, and of a paid checkout it is named with the refund.
            let is_deposit = state.payments.iter().any(|payment| payment.by_deposit);
            if names_account && (!is_deposit || state.status.is_payment_done()) {
                continue;
            }
            let canceled = state.with(|next| (next.given_up, next.names_account) = (true, names_account));
            let canceled = if state.phase == Phase::Person { resumed(&canceled) } else { canceled };
            moves.push(("somebody cancels", canceled));
        }
    }
    // A call to the PSP is over in seconds.
    if state.jumps < MOST_JUMPS && matches!(state.phase, Phase::Waiting | Phase::Pausing | Phase::Person) {
        moves.extend(JUMPS_MS.map(|ms| ("time passes", state.with(|next| pass(next, ms)))));
    }
    for (index, payment) in state.payments.iter().enumerate() {
        for generation in (0..8).filter(|generation| payment.under_way & (1 << generation) != 0) {
            let outcome = Held::Captured { right: true };
            let arrived = state.with(|next| next.payments[index].carry_out(generation, outcome));
            moves.push(("a late request reaches the PSP", arrived));
        }
        let may_be_taken_back = payment.by_deposit && !payment.taken_back && !state.watched;
        if may_be_taken_back && matches!(payment.held, Held::Captured { .. }) {
            let back = state.with(|next| {
                let payment = &mut next.payments[index];
                payment.held = Held::Awaiting { overdue: false };
                payment.taken_back = true;
                payment.returns += 1;
            });
            moves.push(("the bank takes the deposit back", back));
        }
        if let Held::Awaiting { overdue } = payment.held {
            let paid = state.with(|next| {
                next.payments[index].held = Held::Captured { right: true };
                next.payments[index].captures += 1;
            });
            moves.push(("the deposit comes", paid));
            if !overdue {
                let late = state.with(|next| next.payments[index].held = Held::Awaiting { overdue: true });
                moves.push(("the deposit is overdue", late));
            }
        }
    }
}

/// A browser's confirmation; `None` if it changes nothing.
fn confirm(state: &State, tab: Tab) -> Option<State> {
    let id = CheckoutId::parse("checkout-1").unwrap();
    let declined = TABS.into_iter().find(|known| *known == tab && state.declined & (1 << *known as u8) != 0);
    let bound = declined.or(state.tab).map(Tab::key);
    let confirmation = Confirmation { payment_key: tab.key(), checkout_id: id.clone(), amount: won(TOTAL) };
    let payable = Payable {
        checkout_id: &id,
        total: won(TOTAL),
        status: state.status,
        bound_to: bound.as_ref(),
        retryable: state.retryable && state.tab.is_none(),
    };
    match payable.check(&confirmation) {
        Ok(Confirmable::Begins) => {
            assert_eq!(state.phase, Phase::Waiting, "a second payment begins: {state:?}");
            let (inquiry, request) = Inquiry::new(Charging::new(won(TOTAL)), state.now);
            let begun = state.with(|next| {
                (next.tab, next.by_deposit) = (Some(tab), false);
                next.inquiry = inquiry;
            });
            Some(begun.send(request))
        }
        Ok(Confirmable::Joins) | Err(_) => None,
    }
}

/// Long enough for the PSP to end what nobody confirmed: nothing under way begins any more.
fn pass(state: &mut State, ms: u64) {
    (state.now, state.jumps) = (state.now.plus_ms(ms), state.jumps + 1);
    for payment in &mut state.payments {
        payment.under_way = 0;
        if payment.held == Held::Open {
            payment.held = Held::Refused;
        }
    }
}

fn send(state: &State, moves: &mut Moves) {
    let generation = state.generation();
    let answered = |charge: Charge| Knowledge::Answered(charge);
    let Some(payment) = state.clone().payment().copied() else {
        moves.push(("the PSP does not know it", state.clone().learn(&answered(Charge::NotOurs(failure())))));
        moves.push(("the request is lost", state.clone().learn(&unanswered())));
        return;
    };
    let under_way = state.with(|next| next.payment().unwrap().under_way |= 1 << generation);
    moves.push(("the request is lost, or late", under_way.learn(&unanswered())));
    let locked_out = Knowledge::Lost(Doubt { locked_out: true, ..Doubt::answered(String::new()) });
    moves.push(("the PSP does not take our key", state.clone().learn(&locked_out)));
    if state.inquiry.progress.sent > 1 {
        // The request before may have gone out with our key, and this one with another merchant's.
        for strange in [Charge::NotOurs(failure()), Charge::Refused(failure())] {
            moves.push(("the PSP refuses a repeated request", state.clone().learn(&answered(strange))));
        }
    }
    let refused = state.with(|next| next.payment().unwrap().bound |= 1 << generation);
    moves.push(("an error, and nothing was done", refused.learn(&doubtful())));
    let outcomes = [
        Held::Captured { right: true },
        Held::Captured { right: false },
        Held::Refused,
        Held::Awaiting { overdue: false },
    ];
    // Under a key that is bound, the first outcome stands.
    let is_bound = payment.bound & (1 << generation) != 0;
    for outcome in outcomes.into_iter().take(if is_bound { 1 } else { 4 }) {
        let done = state.with(|next| next.payment().unwrap().carry_out(generation, outcome));
        let word = done.clone().payment().unwrap().shown();
        // Of an error, its key repeats the error.
        let told = if is_bound && word == Charge::Open { doubtful() } else { answered(word) };
        moves.push(("the PSP does and answers", done.clone().learn(&told)));
        moves.push(("the PSP does, without an answer", done.clone().learn(&unanswered())));
        moves.push(("the PSP does, and answers garbage", done.clone().learn(&doubtful())));
        let repeated = Knowledge::Lost(Doubt { refusal: Some(failure()), ..Doubt::answered(String::new()) });
        moves.push(("the PSP does, and refuses the repetition", done.learn(&repeated)));
    }
}

fn look_up(state: &State, moves: &mut Moves) {
    moves.push(("nobody tells", state.clone().learn(&Knowledge::NoReport)));
    let shown = state.clone().payment().map_or(Charge::Absent, |payment| payment.shown());
    moves.push(("the PSP tells", state.clone().learn(&Knowledge::Reported(shown))));
    // What has just been done may not be seen yet.
    if state.now.ms_since(state.inquiry.progress.sent_at) < SESSION_MS {
        moves.push(("the PSP does not see it yet", state.clone().learn(&Knowledge::Reported(Charge::Absent))));
    }
}

fn give_back(state: &State, moves: &mut Moves) {
    moves.push(("giving back is lost", state.clone().learn(&Knowledge::NoReport)));
    moves.push(("giving back is refused", state.clone().learn(&Knowledge::UndoRefused(failure()))));
    let payment = state.clone().payment().copied();
    let needs_account =
        payment.is_some_and(|payment| payment.by_deposit && matches!(payment.held, Held::Captured { .. }));
    // What the PSP is told of an account is what was known when it was told.
    let is_named = state.names_account && state.inquiry.subject.held.is_some_and(|held| held.by_deposit);
    if needs_account && !is_named {
        return;
    }
    let returned = state.with(|next| {
        let Some(payment) = next.payment() else { return };
        // Under one key it is done once.
        if matches!(payment.held, Held::Captured { .. }) {
            payment.returns += 1;
        }
        payment.held = Held::Returned;
    });
    moves.push(("it is given back", returned.clone().learn(&Knowledge::Reported(Charge::Returned))));
    moves.push(("it is given back, without an answer", returned.learn(&Knowledge::NoReport)));
}
