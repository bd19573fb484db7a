//! How the steps of an inquiry are carried out, by a driver that writes down what it is told.

use std::{
    collections::VecDeque,
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use domain::{
    Currency::Krw,
    Money, Timestamp,
    charge::{Capture, Charge, Charging, Circumstances, Conclusion, Knowledge, PATIENCE_MS, UndoReason, Wait, WayBack},
    failure::{Failure, OurCode},
    inquiry::{Doubt, Inquiry, Key, Request},
};
use workflows::inquiry::{Driver, Next, follow};

const START: Timestamp = Timestamp::from_epoch_ms(1_700_000_000_000);

fn won(minor: u64) -> Money {
    Money::try_from_minor(minor, Krw).unwrap()
}

fn capture() -> Capture {
    Capture {
        amount: won(1_000),
        captured_at: START,
        method: None,
        receipt_url: None,
        receipt_numbers: Default::default(),
    }
}

fn reported(charge: Charge) -> Knowledge {
    Knowledge::Reported(charge)
}

fn unanswered() -> Knowledge {
    Knowledge::Lost(Doubt::unanswered("no answer".to_owned()))
}

/// A workflow whose calls are answered from a script.
struct Scripted {
    inquiry: Inquiry<Charging>,
    now: Timestamp,
    given_up: bool,
    /// Whether the payment was booked before the undo began.
    is_booked: bool,
    /// What a person declares.
    declared: Option<Conclusion>,
    answers: VecDeque<Knowledge>,
    log: Vec<String>,
}

impl Scripted {
    /// A charge that was sent once.
    fn new(answers: impl IntoIterator<Item = Knowledge>) -> Self {
        let (mut inquiry, request) = Inquiry::new(Charging::new(won(1_000)), START);
        inquiry.send(request, START);
        let answers = answers.into_iter().collect();
        let log = Vec::new();
        Self { inquiry, now: START, given_up: false, is_booked: false, declared: None, answers, log }
    }

    fn answer(&mut self) -> Knowledge {
        self.answers.pop_front().unwrap()
    }

    fn look_up(&mut self) -> Next<Charging> {
        self.log.push("look up".to_owned());
        Next::Learned(self.answer())
    }
}

impl Driver for Scripted {
    type Subject = Charging;
    type Stop = String;

    fn inquiry(&mut self) -> &mut Inquiry<Charging> {
        &mut self.inquiry
    }

    fn now(&self) -> Timestamp {
        self.now
    }

    fn circumstances(&self, _knowledge: &Knowledge) -> Circumstances {
        Circumstances { given_up: self.given_up, awaits_deposit: false, way_back: WayBack::Missing }
    }

    async fn begin(&mut self) -> Result<(), String> {
        self.log.push("begin".to_owned());
        Ok(())
    }

    async fn send(&mut self, request: Request) -> Knowledge {
        let key = match request.key() {
            Key::Same => "same",
            Key::New => "new",
        };
        let number = self.inquiry.send(request, self.now);
        self.log.push(format!("send under the {key} key, number {number}"));
        self.answer()
    }

    async fn record_wait(&mut self, wait: Wait, _knowledge: &Knowledge) -> Result<(), String> {
        self.log.push(format!("wait for {wait:?}"));
        Ok(())
    }

    async fn ask_after(&mut self, pause_ms: u64, _circumstances: Circumstances) -> Knowledge {
        self.log.push(format!("ask in {pause_ms} ms"));
        self.now = self.now.plus_ms(pause_ms);
        self.inquiry.pause_passed();
        self.answer()
    }

    async fn begin_undo(&mut self, reason: UndoReason, knowledge: &Knowledge) -> Result<Next<Charging>, String> {
        self.log.push(format!("begin to undo: {reason:?}"));
        if reason.withdrawal(knowledge).is_some() && self.is_booked {
            self.inquiry.keep();
            return Ok(Next::Concluded(Conclusion::Settle(capture())));
        }
        Ok(self.look_up())
    }

    async fn undo(&mut self, _reason: UndoReason) -> Knowledge {
        self.log.push("give back".to_owned());
        self.answer()
    }

    async fn call_for_help(&mut self, failure: Failure) -> Result<Next<Charging>, String> {
        self.log.push(format!("call for help: {}", failure.code));
        self.inquiry.start_over(self.now);
        match self.declared.take() {
            Some(conclusion) => Ok(Next::Concluded(conclusion)),
            None => Ok(self.look_up()),
        }
    }
}

/// The answers are ready, so one poll is enough.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the script waits for nothing"),
    }
}

fn check(mut driver: Scripted, first: Knowledge, expected: &[&str], concluded: &Conclusion) {
    let conclusion = ready(follow(&mut driver, first)).unwrap();
    assert_eq!(
        (driver.log.as_slice(), &conclusion),
        (expected.iter().map(ToString::to_string).collect::<Vec<_>>().as_slice(), concluded)
    );
    assert!(driver.answers.is_empty(), "not asked: {:?}", driver.answers);
}

fn canceled() -> Conclusion {
    Conclusion::Fail(UndoReason::Canceled.failure())
}

#[test]
fn a_conclusion_carries_out_nothing() {
    let settle = Conclusion::Settle(capture());
    check(Scripted::new([]), Knowledge::Answered(Charge::Captured(capture())), &[], &settle);
}

#[test]
fn a_lost_answer_is_asked_about_and_repeated_under_its_key() {
    check(
        Scripted::new([
            Knowledge::NoReport,
            reported(Charge::Absent),
            unanswered(),
            reported(Charge::Captured(capture())),
        ]),
        unanswered(),
        &[
            "begin",
            "wait for Outcome",
            "ask in 1000 ms",
            "begin",
            "wait for Outcome",
            "ask in 2000 ms",
            "begin",
            "send under the same key, number 0",
            "begin",
            "wait for Outcome",
            "ask in 4000 ms",
        ],
        &Conclusion::Settle(capture()),
    );
}

#[test]
fn a_key_that_an_answer_is_bound_to_is_not_used_again() {
    check(
        Scripted::new([reported(Charge::Open), Knowledge::Answered(Charge::Captured(capture()))]),
        Knowledge::Lost(Doubt::answered("garbage".to_owned())),
        &["begin", "wait for Outcome", "ask in 1000 ms", "begin", "send under the new key, number 1"],
        &Conclusion::Settle(capture()),
    );
}

#[test]
fn an_undo_ends_when_the_psp_holds_nothing() {
    let answers = [reported(Charge::Captured(capture())), Knowledge::NoReport, reported(Charge::Returned)];
    check(
        Scripted { given_up: true, ..Scripted::new(answers) },
        Knowledge::Answered(Charge::Captured(capture())),
        &[
            "begin",
            "begin to undo: Canceled",
            "look up",
            "begin",
            "give back",
            "begin",
            "wait for Undo",
            "ask in 1000 ms",
        ],
        &canceled(),
    );
}

#[test]
fn a_payment_that_was_booked_before_its_undo_stays_paid() {
    check(
        Scripted { given_up: true, is_booked: true, ..Scripted::new([]) },
        Knowledge::Answered(Charge::Captured(capture())),
        &["begin", "begin to undo: Canceled"],
        &Conclusion::Settle(capture()),
    );
}

#[test]
fn a_person_is_called_when_patience_runs_out_and_their_answer_counts() {
    let late = |answers: Vec<Knowledge>| Scripted { now: START.plus_ms(PATIENCE_MS), ..Scripted::new(answers) };
    let help = "call for help: outcome_unknown";
    let declared = Conclusion::Fail(Failure::new(OurCode::ResolvedByOperator, "Nothing was paid."));
    check(
        Scripted { declared: Some(declared.clone()), ..late(vec![]) },
        Knowledge::NoReport,
        &["begin", help],
        &declared,
    );
    // Told to go on, the workflow asks the PSP before anything else.
    let go_on = late(vec![reported(Charge::Captured(capture()))]);
    check(go_on, Knowledge::NoReport, &["begin", help, "look up"], &Conclusion::Settle(capture()));
}
