//! The one classifier: what an error means, and whether Temporal tries again.

use std::{error::Error, fmt};

use chrono::Utc;
use domain::{
    Currency, Timestamp,
    failure::{Failure, OurCode},
    inquiry::Doubt,
};
use store::StoreError;
use temporalio_sdk::{ApplicationFailure, activities::ActivityError};
use toss::{
    Class, Meaning, Operation,
    codes::{self, Pause},
};
use workflows::ports;

use crate::words::plain;

/// What an error of the PSP means for the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PspErrorClass {
    /// It was refused: nothing was done, and the same request will not do it.
    Refused(Failure),
    /// It is no payment of this checkout: nothing was done.
    NotOurs(Failure),
    /// Nothing was done, and the same request with the same key may do it later.
    TryAgain,
    /// Nobody knows, or the key is spent on an answer that does not tell: ask first.
    Ask(Doubt),
}

/// Decides what an error of the PSP means. Exhaustive, and never by HTTP status.
pub fn classify(error: &toss::Error) -> PspErrorClass {
    match error.meaning() {
        // A caller with another key may have been answered otherwise, so this says nothing of the charge.
        Some(Meaning::Denied) => {
            return PspErrorClass::Ask(Doubt { locked_out: true, ..Doubt::answered(evidence(error)) });
        }
        Some(Meaning::UnknownPayment | Meaning::AnotherPayment) if is_confirm(error) => {
            return PspErrorClass::NotOurs(refusal(error));
        }
        Some(Meaning::UnknownPayment | Meaning::AnotherPayment | Meaning::NothingLeft | Meaning::StillRunning)
        | None => {}
    }
    // The buyer's session does not outlive a maintenance: they are told when to come back.
    if error.class() == Class::RetryLater && is_closed_for_long(error) {
        return PspErrorClass::Refused(refusal(error));
    }
    match (error.class(), error.spent_key()) {
        (Class::BuyerActs | Class::Permanent, _) => PspErrorClass::Refused(refusal(error)),
        (Class::RetryLater, false) => PspErrorClass::TryAgain,
        (Class::RetryLater, true) | (Class::QueryFirst, _) => {
            let doubt = if error.spent_key() { Doubt::answered } else { Doubt::unanswered };
            PspErrorClass::Ask(doubt(evidence(error)))
        }
    }
}

fn is_confirm(error: &toss::Error) -> bool {
    matches!(error, toss::Error::Refused { call, .. } if call.operation == Operation::Confirm)
}

/// Whether a payment was asked for.
fn is_payment(error: &toss::Error) -> bool {
    let asked = |operation| matches!(operation, Operation::Confirm | Operation::BillingCharge);
    matches!(error, toss::Error::Refused { call, .. } if asked(call.operation))
}

/// Whether the PSP will not capture anything this way for longer than a buyer waits: a method is maintained, or the
/// bank is closed.
fn is_closed_for_long(error: &toss::Error) -> bool {
    is_payment(error) && pause_of(error).is_some_and(|pause| pause != Pause::Moment)
}

/// How long a refusal stands, where its code says so.
fn pause_of(error: &toss::Error) -> Option<Pause> {
    let toss::Error::Refused { code, .. } = error else { return None };
    codes::row(code).and_then(|row| row.pause)
}

fn again_at(error: &toss::Error) -> Option<Timestamp> {
    error.again_at(Utc::now()).map(|time| Timestamp::from_epoch_ms(time.timestamp_millis()))
}

/// What an answer to attempt number `attempt` of one activity still proves: after the first, an earlier one
/// may have gone through while its worker died, and its answer with it.
pub fn after_attempt(attempt: u32, verdict: PspErrorClass) -> PspErrorClass {
    if attempt <= 1 {
        return verdict;
    }
    match verdict {
        PspErrorClass::Refused(failure) | PspErrorClass::NotOurs(failure) => PspErrorClass::Ask(refused(failure)),
        PspErrorClass::Ask(doubt) if doubt.locked_out => PspErrorClass::Ask(Doubt { answered: false, ..doubt }),
        PspErrorClass::Ask(_) | PspErrorClass::TryAgain => verdict,
    }
}

/// A refusal that proves nothing.
pub(crate) fn refused(failure: Failure) -> Doubt {
    Doubt { refusal: Some(failure.clone()), ..Doubt::answered(format!("the PSP answered {}", failure.code)) }
}

/// A failure that Temporal tries again, under the policy of the workflow that asked.
pub(crate) fn try_again(error: toss::Error) -> ActivityError {
    ActivityError::application(
        ApplicationFailure::builder(Nameless(error)).type_name("psp.try_again".to_owned()).build(),
    )
}

/// No keys of a currency are set. Nothing was asked: to other keys of ours the payment does not exist. Temporal tries
/// again, for the keys may be set meanwhile.
pub(crate) fn no_keys(currency: Currency) -> ActivityError {
    let reason = format!("no keys of the PSP for {currency} are set, by which the payment could be asked about");
    ActivityError::application(ApplicationFailure::builder(reason).type_name("psp.try_again".to_owned()).build())
}

/// An error of Toss without what it was about: that may be a payment key, and messages of failures are read in logs
/// and in Temporal, where they are not sealed.
#[derive(Debug)]
struct Nameless(toss::Error);

impl fmt::Display for Nameless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&evidence(&self.0))
    }
}

impl Error for Nameless {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// A failure that goes back to the workflow: it has to ask the PSP before anything else.
pub(crate) fn doubtful(doubt: Doubt) -> ActivityError {
    ActivityError::application(
        ApplicationFailure::builder(format!("the outcome is not known: {}", doubt.evidence))
            .type_name(ports::DOUBT.to_owned())
            .non_retryable(true)
            .details(doubt)
            .build(),
    )
}

/// A write that did not happen, or whose confirmation was lost. All of them are tried again: what happened
/// has to be written, and a write is safe to repeat.
pub(crate) fn store_failure(error: StoreError) -> ActivityError {
    let code = match &error {
        StoreError::Database(_) => OurCode::StoreDatabase,
        StoreError::Corrupt { .. } => OurCode::StoreCorrupt,
        StoreError::OutOfStep { .. } => OurCode::StoreOutOfStep,
        StoreError::Refused(_) => OurCode::StoreRefused,
        StoreError::Stopped => OurCode::StoreStopped,
        StoreError::Amount => OurCode::StoreAmount,
        StoreError::ClockOff { .. } => OurCode::StoreClockOff,
        StoreError::Locked { .. } => OurCode::StoreLocked,
    };
    ActivityError::application(ApplicationFailure::builder(error).type_name(code.as_str().to_owned()).build())
}

/// A failure in the PSP's words.
pub(crate) fn failure(code: &str, message: &str) -> Failure {
    Failure::new(plain(code), plain(message))
}

/// The PSP's code of an error, or ours where it gave none.
pub(crate) fn code_of(error: &toss::Error) -> String {
    refusal(error).code.into()
}

fn refusal(error: &toss::Error) -> Failure {
    match error {
        toss::Error::Refused { code, message, .. } => {
            Failure { retry_at: pause_of(error).and_then(|_| again_at(error)), ..failure(code, message) }
        }
        toss::Error::NotSent { .. }
        | toss::Error::NoAnswer { .. }
        | toss::Error::Unreadable { .. }
        | toss::Error::Limit(_) => Failure::new(OurCode::NotSent, evidence(error)),
    }
}

/// What an error of the PSP says, without what it was about.
pub(crate) fn evidence(error: &toss::Error) -> String {
    match error {
        toss::Error::Refused { code, .. } => format!("the PSP answered {}", plain(code)),
        toss::Error::NotSent { .. } => "the PSP could not be reached".to_owned(),
        toss::Error::NoAnswer { .. } => "the PSP did not answer in time".to_owned(),
        toss::Error::Unreadable { .. } => "the PSP's answer could not be read".to_owned(),
        toss::Error::Limit(_) => "the request broke a limit of the PSP".to_owned(),
    }
}
