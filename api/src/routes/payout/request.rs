//! The parameters that choose payouts, and why somebody acts on one.

use domain::{payout::plan::DayText, principal::MAX_REASON_CHARS};
use serde_json::{Value, json};
use store::PayoutFilter;

use crate::{
    http::{
        body::JsonBody,
        fields::FieldErrors,
        forms::{Number, Shown, text_form},
        problem::Problem,
        table::{body, parameters},
    },
    openapi::shapes::{PayoutRunName, PayoutStatusName, SellerName},
};

/// The most attempts of a payout.
const MAX_ATTEMPTS: u64 = 100_000;

body! {
    /// Why somebody acts on a payout.
    pub(crate) struct ActBody as "PayoutAction" with example example_of_act {
        /// The reason, which is kept.
        reason: required Shown<MAX_REASON_CHARS>,
        /// The `attempt` of the payout that is meant. If another attempt has begun since, nothing is done.
        attempt: optional Number<1, MAX_ATTEMPTS>,
    }
}

body! {
    /// What the bank made of a transfer.
    pub(crate) struct AnswerBody as "BankAnswerRequest" with example example_of_answer {
        /// The reason, which is kept.
        reason: required Shown<MAX_REASON_CHARS>,
        /// The `attempt` of the payout whose transfer is meant. If another attempt has begun since, nothing is done.
        attempt: required Number<1, MAX_ATTEMPTS>,
    }
}

fn example_of_act() -> Value {
    json!({ "reason": "the seller's bank account is closed" })
}

fn example_of_answer() -> Value {
    json!({ "reason": "the bank's list of transfers of 2 December", "attempt": 1 })
}

parameters! {
    /// Which payouts.
    pub(crate) struct Chosen {
        status: PayoutStatusName,
        seller_account: SellerName,
        payout_run_id: PayoutRunName,
        /// The first day of runs, such as `2026-12-01`.
        from: DateParameter,
        /// The last day of runs.
        to: DateParameter,
    }
}

text_form! {
    /// A day.
    pub(crate) DateParameter: DayText = |text| DayText::try_from(text.to_owned()),
    |text| text.pattern(Some("^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))
}

impl Chosen {
    pub(super) fn filter(self) -> PayoutFilter {
        let Self { status, seller_account, payout_run_id, from, to } = self;
        let (from, to) = (from.map(|day| day.0), to.map(|day| day.0));
        PayoutFilter { status, seller: seller_account, run_id: payout_run_id, from, to }
    }
}

/// Why somebody acts, and on which attempt.
pub(super) fn why(body: &JsonBody) -> Result<(String, Option<u32>), Problem> {
    let mut errors = FieldErrors::default();
    let ActBody { reason, attempt } = ActBody::read(&body.fields(), &mut errors);
    let reason = errors.finish(reason)?;
    Ok((reason, attempt.and_then(|attempt| u32::try_from(attempt).ok())))
}

/// The same, where the attempt has to be named.
pub(super) fn why_of_attempt(body: &JsonBody) -> Result<(String, Option<u32>), Problem> {
    let mut errors = FieldErrors::default();
    let AnswerBody { reason, attempt } = AnswerBody::read(&body.fields(), &mut errors);
    let (reason, attempt) = errors.finish(reason.zip(attempt))?;
    Ok((reason, u32::try_from(attempt).ok()))
}
