//! The registration and the deletion of a saved card.
//!
//! A registration exchanges the buyer's consent for a key of the card, once, under one idempotency key; a key that is
//! not kept is revoked. A deletion revokes the key at the PSP first: as long as the key is kept, the deletion can be
//! repeated. Both secrets stand in histories sealed.
#![expect(missing_docs, reason = "`#[workflow_methods]` expands each method to a constant without a docstring")]

use std::time::Duration;

use domain::{failure::Failure, id::SavedCardId, saved_card::DeletedBy};
use serde::{Deserialize, Serialize};
use temporalio_workflow::{
    ActivityCloseTimeouts, ActivityOptions, RetryPolicy, WorkflowCancellationToken, WorkflowContext,
    WorkflowContextView, WorkflowResult,
    common::{
        ActivityDefinition,
        data_converters::{TemporalDeserializable, TemporalSerializable},
    },
    workflow, workflow_methods,
};

use crate::{
    ports::{
        DeleteSavedCard, DeletedCard, Forgotten, Issuance, IssueSavedCard, KeepSavedCard, Kept, RegisteredCard,
        Registration, RevokeSavedCard, RevokedKey,
    },
    task::readable,
    time::now,
    write_options::{regular_write, until_it_succeeds},
};

/// The name of the workflow type of registrations; permanent.
pub const REGISTRATION_TYPE: &str = "saved_card_registration";
/// The name of the workflow type of deletions; permanent.
pub const DELETION_TYPE: &str = "saved_card_deletion";

/// How long one call to the PSP may take.
const CALL_TIME: Duration = Duration::from_secs(10);
/// How long the PSP is asked for the key of a card: the buyer's consent is worth no more after that.
const ISSUING_TIME: Duration = Duration::from_secs(10 * 60);
/// The first and the longest pause after a call that failed.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// The id of the workflow that registers a card by one consent of the buyer's. `consent` names the consent.
pub fn registration_id(saved_card: &SavedCardId, consent: &str) -> String {
    format!("saved_card.{saved_card}.register.{consent}")
}

/// The id of the workflow that deletes a card.
pub fn deletion_id(saved_card: &SavedCardId) -> String {
    format!("saved_card.{saved_card}.delete")
}

/// What starts a registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrationInput {
    /// The card.
    pub saved_card_id: SavedCardId,
    /// What the PSP exchanges for the key of the card; sealed.
    pub sealed_consent: String,
}

/// How a registration ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistrationEnded {
    /// The card can be charged.
    Active,
    /// The card waited for no registration any more.
    Superseded,
    /// The PSP issued no key.
    Refused(Failure),
}

/// The registration of one card.
#[workflow]
pub struct SavedCardRegistrationWorkflow {
    input: RegistrationInput,
}

#[workflow_methods]
impl SavedCardRegistrationWorkflow {
    #[init]
    fn new(_ctx: &WorkflowContextView, input: RegistrationInput) -> Self {
        Self { input }
    }

    /// Has a key issued, and keeps it or revokes it.
    #[run(name = "saved_card_registration")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<RegistrationEnded> {
        let RegistrationInput { saved_card_id, sealed_consent } = ctx.state(|card| card.input.clone());
        let idempotency_key = format!("{}.issue", ctx.workflow_id());
        let registration = Registration { saved_card_id: saved_card_id.clone(), sealed_consent, idempotency_key };
        let issued = match readable(ctx.execute_activity(IssueSavedCard, registration, issuing()).await)? {
            Issuance::Issued(issued) => issued,
            Issuance::Refused(failure) => return Ok(RegistrationEnded::Refused(failure)),
        };
        let sealed_key = Some(issued.sealed_key.clone());
        let registered = RegisteredCard { saved_card_id: saved_card_id.clone(), issued, at: now(ctx) };
        match write(ctx, KeepSavedCard, registered, "keep the key of the card").await? {
            Kept::Active => Ok(RegistrationEnded::Active),
            Kept::Superseded => {
                revoke(ctx, RevokedKey { saved_card_id, sealed_key }).await?;
                Ok(RegistrationEnded::Superseded)
            }
        }
    }
}

/// What starts a deletion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletionInput {
    /// The card.
    pub saved_card_id: SavedCardId,
    /// Where the deletion came from.
    pub by: DeletedBy,
}

/// The deletion of one card.
#[workflow]
pub struct SavedCardDeletionWorkflow {
    input: DeletionInput,
}

#[workflow_methods]
impl SavedCardDeletionWorkflow {
    #[init]
    fn new(_ctx: &WorkflowContextView, input: DeletionInput) -> Self {
        Self { input }
    }

    /// Revokes the key at the PSP, and then forgets it.
    #[run(name = "saved_card_deletion")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let DeletionInput { saved_card_id, by } = ctx.state(|card| card.input.clone());
        // A registration that was under way may keep a key between the two steps. It keeps one, and no other follows.
        loop {
            let revoked = revoke(ctx, RevokedKey { saved_card_id: saved_card_id.clone(), sealed_key: None }).await?;
            let deleted = DeletedCard { saved_card_id: saved_card_id.clone(), by, revoked, at: now(ctx) };
            match write(ctx, DeleteSavedCard, deleted, "forget the key of the card").await? {
                Forgotten::Done => return Ok(()),
                Forgotten::OtherKey => {}
            }
        }
    }
}

fn issuing() -> ActivityOptions {
    let [first, longest] = PAUSES;
    ActivityOptions::with_close_timeouts(ActivityCloseTimeouts::ScheduleAndStartToClose {
        schedule_to_close: ISSUING_TIME,
        start_to_close: CALL_TIME,
    })
    .retry_policy(RetryPolicy::builder().initial_interval(first).maximum_interval(longest).build())
    .summary("have the key of the card issued")
    .cancellation_token(WorkflowCancellationToken::new())
    .build()
}

/// Has the PSP revoke a key, for as long as it takes. It goes on when the workflow is canceled.
async fn revoke<W>(ctx: &WorkflowContext<W>, key: RevokedKey) -> WorkflowResult<Option<String>> {
    let options = ActivityOptions::with_start_to_close_timeout(CALL_TIME)
        .retry_policy(until_it_succeeds(PAUSES))
        .summary("revoke the key of the card")
        .cancellation_token(WorkflowCancellationToken::new())
        .build();
    Ok(readable(ctx.execute_activity(RevokeSavedCard, key, options).await)?)
}

/// Writes what happened, for as long as it takes.
async fn write<W, P>(
    ctx: &WorkflowContext<W>,
    port: P,
    input: P::Input,
    summary: &'static str,
) -> WorkflowResult<P::Output>
where
    P: ActivityDefinition + Copy + 'static,
    P::Input: TemporalSerializable,
    P::Output: TemporalDeserializable,
{
    Ok(readable(ctx.execute_activity(port, input, regular_write(until_it_succeeds(PAUSES), summary)).await)?)
}
