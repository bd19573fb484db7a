//! The parameters that choose payouts, and why somebody acts on one.

use domain::payout::plan::DayText;
use serde_json::{Value, json};
use store::PayoutFilter;

use crate::{
    http::{
        body::JsonBody,
        fields::FieldErrors,
        forms::{Shown, text_form},
        problem::Problem,
        table::{body, parameters},
    },
    openapi::shapes::{PayoutRunName, PayoutStatusName, SellerName},
};

/// The most characters of a reason.
const MAX_REASON_CHARS: usize = 500;

body! {
    /// Why somebody acts on a payout.
    pub(crate) struct ActBody as "PayoutAction" with example example_of_act {
        /// The reason, which is kept.
        reason: required Shown<MAX_REASON_CHARS>,
    }
}

fn example_of_act() -> Value {
    json!({ "reason": "the seller's bank account is closed" })
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

pub(super) fn reason(body: &JsonBody) -> Result<String, Problem> {
    let mut errors = FieldErrors::default();
    let ActBody { reason } = ActBody::read(&body.fields(), &mut errors);
    errors.finish(reason)
}
