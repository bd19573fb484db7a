//! The bodies of operators who act on dead letters, and the parameters that choose letters.

use domain::{
    dead_letter::{LetterAction, LetterStatus},
    principal::MAX_REASON_CHARS,
};
use service::dead_letter::{MAX_BULK, read_action};
use store::LetterFilter;

use crate::{
    http::{
        body::JsonBody,
        fields::FieldErrors,
        forms::{Border, Flag, Number, Shown, Text, none_of, text_form},
        problem::{FieldCode, Problem},
        table::{body, parameters},
    },
    openapi::{
        examples,
        shapes::{CheckoutName, LetterStatusName, OutcomeName},
    },
};

/// The actions of operators, by their names.
const ACTIONS: [&str; 3] = ["retry", "resolve", "discard"];

body! {
    /// Why an operator acts.
    pub(crate) struct ActBody as "Action" with example examples::action {
        /// The reason, for the audit log.
        reason: required Shown<MAX_REASON_CHARS>,
    }
}

body! {
    /// The outcome that an operator declares, and why.
    pub(crate) struct ResolveBody as "Resolution" with example examples::resolution {
        /// The reason, for the audit log.
        reason: required Shown<MAX_REASON_CHARS>,
        /// One of `outcomes` of the letter.
        outcome: required OutcomeName,
    }
}

body! {
    /// An action on many dead letters: first with `preview`, then the same once more with the `token` that the preview
    /// answered.
    pub(crate) struct BulkRequestBody as "BulkAction" with example examples::bulk_action {
        action: required ActionName,
        /// With `resolve`, and with nothing else.
        outcome: optional OutcomeName,
        filter: required LetterChoice,
        /// The reason, for the audit log.
        reason: required Shown<MAX_REASON_CHARS>,
        /// `true` changes nothing.
        preview: optional Flag,
        /// The most letters, those first that have waited longest; 100 by default.
        limit: optional Number<1, MAX_BULK>,
        /// From the preview; refused if other letters are chosen now than the preview showed.
        token: optional Text,
    }
}

parameters! {
    /// Which dead letters: those that wait for a person, unless a status is named.
    pub(crate) struct LetterChoice as "DeadLetterChoice" {
        status: LetterStatusName,
        /// The step that failed, such as `psp.confirm`.
        step: Text,
        /// Its error code.
        code: Text,
        checkout_id: CheckoutName,
        /// The first instant that counts, RFC 3339.
        created_from: Border,
        /// The first instant that does not, RFC 3339.
        created_to: Border,
    }
}

text_form! {
    /// The name of an action.
    ActionName: &'static str = |text| ACTIONS.into_iter().find(|name| *name == text).ok_or_else(|| none_of(ACTIONS)),
    |text| text.enum_values(Some(ACTIONS))
}

/// What is asked of many letters; a preview where there is no token.
pub(super) struct Bulk {
    pub(super) action: LetterAction,
    pub(super) reason: String,
    pub(super) filter: LetterFilter,
    pub(super) limit: u64,
    pub(super) token: Option<String>,
}

pub(super) fn reason(body: &JsonBody) -> Result<String, Problem> {
    let mut errors = FieldErrors::default();
    let ActBody { reason } = ActBody::read(&body.fields(), &mut errors);
    errors.finish(reason)
}

pub(super) fn resolution(body: &JsonBody) -> Result<(LetterAction, String), Problem> {
    let mut errors = FieldErrors::default();
    let ResolveBody { reason, outcome } = ResolveBody::read(&body.fields(), &mut errors);
    errors.finish(outcome.map(LetterAction::Resolve).zip(reason))
}

pub(super) fn bulk(body: &JsonBody) -> Result<Bulk, Problem> {
    let mut errors = FieldErrors::default();
    let BulkRequestBody { action, outcome, filter, reason, preview, limit, token } =
        BulkRequestBody::read(&body.fields(), &mut errors);
    let action = action.and_then(|action| {
        read_action(action, outcome)
            .map_err(|detail| errors.add("action".to_owned(), FieldCode::Invalid, format!("{action} {detail}")))
            .ok()
    });
    if preview.unwrap_or(false) == token.is_some() {
        let detail = "is what a preview answers: either ask for a `preview`, or repeat the `token` of one";
        errors.add("token".to_owned(), FieldCode::Invalid, detail);
    }
    let ((action, reason), choice) = errors.finish(action.zip(reason).zip(filter))?;
    let mut filter = choice.filter();
    filter.status.get_or_insert(LetterStatus::Open);
    Ok(Bulk { action, reason, filter, limit: limit.unwrap_or(MAX_BULK), token })
}

impl LetterChoice {
    pub(super) fn filter(self) -> LetterFilter {
        let Self { status, step, code, checkout_id, created_from, created_to } = self;
        LetterFilter { status, step, code, checkout_id, created_from, created_to }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::table::tests::assert_lengths;

    #[test]
    fn the_lengths_of_the_document_are_those_of_the_reader() {
        assert_lengths::<ActBody>(1);
        assert_lengths::<ResolveBody>(1);
        assert_lengths::<BulkRequestBody>(1);
    }

    #[test]
    fn a_body_has_the_fields_of_its_own_action() {
        let refused = |problem: Problem| problem.fields()[0].field.clone();
        let body = |text: &str| JsonBody::parse(text.as_bytes()).unwrap();
        let with_outcome = body(r#"{"reason": "x", "outcome": "not_paid"}"#);
        assert_eq!(reason(&with_outcome).map_err(refused), Err("outcome".to_owned()));
        assert_eq!(
            resolution(&with_outcome).unwrap().0,
            LetterAction::Resolve(domain::dead_letter::DeclaredOutcome::NotPaid)
        );
        assert_eq!(resolution(&body(r#"{"reason": "x"}"#)).map_err(refused), Err("outcome".to_owned()));
    }
}
