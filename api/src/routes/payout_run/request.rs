//! The bodies and parameters of runs.

use domain::{
    id::SellerAccount,
    payout::plan::{DayText, RunRequest},
    principal::MAX_REASON_CHARS,
};
use serde_json::{Value, json};
use utoipa::openapi::{ArrayBuilder, RefOr, Schema};

use crate::{
    http::{
        fields::{FieldErrors, FieldForm, Fields, Form},
        forms::{Shown, Text, TrueOrFalse, text_form},
        problem::{FieldCode, Problem},
        table::{body, parameters},
    },
    openapi::shapes::SellerName,
};

/// The most sellers of a run that names them.
const MAX_SELLERS: usize = 1_000;

body! {
    /// A run to freeze.
    pub(crate) struct NewRunBody as "NewPayoutRun" {
        /// The day of the run in Korea, such as `2026-12-01`; today by default.
        date: optional Date,
        /// The sellers, whatever their calendars say; by default those that are due on the day.
        seller_accounts: optional Sellers,
    }
}

body! {
    /// An approval.
    pub(crate) struct ApprovalBody as "PayoutRunApproval" with example example_of_approval {
        /// The digest of the run as it was read.
        digest: required Text,
        /// The reason, which is kept with the run.
        reason: optional Shown<MAX_REASON_CHARS>,
    }
}

fn example_of_approval() -> Value {
    json!({
        "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "reason": "the statements were checked",
    })
}

body! {
    /// Why somebody acts.
    pub(crate) struct ReasonBody as "OptionalReason" {
        /// The reason, which is kept.
        reason: optional Shown<MAX_REASON_CHARS>,
    }
}

parameters! {
    /// How a run is frozen.
    pub(crate) struct RunParameters {
        /// `true` computes the run and writes nothing.
        preview: TrueOrFalse,
    }
}

text_form! {
    /// A day.
    pub(crate) Date: DayText = |text| DayText::try_from(text.to_owned()),
    |text| text.pattern(Some("^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))
}

/// Sellers, by their accounts.
pub(crate) struct Sellers;

impl Form for Sellers {
    type Value = Vec<SellerAccount>;

    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new().items(<SellerName as Form>::schema()).min_items(Some(1)).max_items(Some(MAX_SELLERS)).into()
    }

    fn collect(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        <SellerName as Form>::collect(schemas);
    }
}

impl FieldForm for Sellers {
    fn read(value: &Value, path: String, errors: &mut FieldErrors) -> Option<Vec<SellerAccount>> {
        let Some(listed) = value.as_array().filter(|listed| (1..=MAX_SELLERS).contains(&listed.len())) else {
            errors.add(path, FieldCode::Invalid, format!("must be a list of 1 to {MAX_SELLERS} sellers"));
            return None;
        };
        let read = listed.iter().enumerate().map(|(index, seller)| {
            let name = seller.as_str().and_then(|text| SellerAccount::parse(text).ok());
            if name.is_none() {
                errors.add(format!("{path}[{index}]"), FieldCode::Invalid, "is no seller account");
            }
            name
        });
        let read: Vec<Option<SellerAccount>> = read.collect();
        read.into_iter().collect()
    }
}

pub(super) fn new_run(body: &Fields<'_>) -> Result<RunRequest, Problem> {
    let mut errors = FieldErrors::default();
    let NewRunBody { date, seller_accounts } = NewRunBody::read(body, &mut errors);
    errors.finish(Some(RunRequest { date, sellers: seller_accounts }))
}

pub(super) fn approval(body: &Fields<'_>) -> Result<(String, Option<String>), Problem> {
    let mut errors = FieldErrors::default();
    let ApprovalBody { digest, reason } = ApprovalBody::read(body, &mut errors);
    errors.finish(digest.map(|digest| (digest, reason)))
}

pub(super) fn reason(body: &Fields<'_>) -> Result<Option<String>, Problem> {
    let mut errors = FieldErrors::default();
    let ReasonBody { reason } = ReasonBody::read(body, &mut errors);
    errors.finish(Some(reason))
}
