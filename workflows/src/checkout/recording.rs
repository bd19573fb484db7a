//! Writing down where a checkout stands.

use domain::{
    Timestamp,
    charge::{Capture, UndoReason, VirtualAccount},
    checkout::{Event, State, Status},
    failure::Failure,
    id::{PaymentKey, WorkflowId},
    ledger::Entry,
};
use temporalio_workflow::{
    WorkflowTermination,
    common::{
        ActivityDefinition,
        data_converters::{TemporalDeserializable, TemporalSerializable},
        error::ApplicationFailure,
    },
};

use super::state::Context;
use crate::{
    attributes, dead_letter,
    facts::HasFacts,
    ports::{
        Advance, Change, DepositReturn, DepositSeen, NewCheckout, Payment, Post, Record, Recorded, SeeDeposit,
        SeenDuring, TakeBack, TakenBack, Withdraw, Withdrawn,
    },
    time::now,
    writing::{self, Alarm},
};

/// Records the checkout and shows it in the Temporal UI.
pub(super) async fn record(ctx: &Context) -> Result<Recorded, WorkflowTermination> {
    let input = ctx.state(|checkout| checkout.input.clone());
    let created_at = now(ctx);
    let workflow_id = WorkflowId::parse(ctx.workflow_id()).map_err(ApplicationFailure::non_retryable)?;
    let request = NewCheckout {
        workflow_id,
        api_key_id: input.api_key_id,
        fingerprint: input.fingerprint,
        plan: input.plan,
        created_at,
        expires_at: created_at.plus_ms(input.deadline_ms),
        saved_card: input.saved_card,
    };
    let expires_at = request.expires_at;
    let recorded = write(ctx, Record, request).await?;
    if let Recorded::Accepted { rates } = &recorded {
        ctx.state_mut(|checkout| {
            checkout.recorded = true;
            checkout.rates.clone_from(rates);
            checkout.expires_at = expires_at;
        });
    }
    Ok(recorded)
}

/// Writes the next status of the checkout.
pub(super) async fn advance(ctx: &Context, event: Event, failure: Option<Failure>) -> Result<(), WorkflowTermination> {
    let change = Change { failure, ..next_change(ctx, event)? };
    write_change(ctx, change, "what was found out").await
}

/// Writes that the attempt under way ended without money, and why; where another may follow, the checkout waits for it.
pub(super) async fn decline(
    ctx: &Context,
    payment_key: Option<PaymentKey>,
    failure: Failure,
) -> Result<(), WorkflowTermination> {
    let change = Change { payment_key, failure: Some(failure), ..next_change(ctx, Event::Declined)? };
    ctx.state_mut(|checkout| checkout.declining = true);
    write_change(ctx, change, "the attempt ended without money").await?;
    ctx.state_mut(|checkout| checkout.declining = false);
    Ok(())
}

/// Writes that the time to pay ran out, with what the PSP has of a payment that nobody confirmed. A checkout whose last
/// attempt failed stays what it is.
pub(super) async fn expire(ctx: &Context, found: Option<Failure>) -> Result<(), WorkflowTermination> {
    if ctx.state(|checkout| checkout.status) == Status::Failed {
        return Ok(());
    }
    end(ctx, Event::DeadlinePassed, found, "the time to pay is over").await
}

/// Writes that somebody gave the checkout up. One whose last attempt failed stays what it is, for good.
pub(super) async fn give_up(ctx: &Context) -> Result<(), WorkflowTermination> {
    let failed = ctx.state(|checkout| checkout.status) == Status::Failed;
    end(ctx, Event::Canceled, failed.then(|| UndoReason::Canceled.failure()), "given up").await
}

/// Writes an end that a confirmation, had it come a moment earlier, would have prevented.
async fn end(
    ctx: &Context,
    event: Event,
    failure: Option<Failure>,
    summary: &'static str,
) -> Result<(), WorkflowTermination> {
    let change = Change { failure, ..next_change(ctx, event)? };
    ctx.state_mut(|checkout| checkout.ending = true);
    write_change(ctx, change, summary).await
}

/// Writes that a captured payment is about to be given back because the checkout was given up meanwhile. Answers `Paid`
/// where it was booked before that was known, by a worker that died before it could say so.
pub(super) async fn withdraw(ctx: &Context, reason: UndoReason) -> Result<Withdrawn, WorkflowTermination> {
    let State { revision, status } = state(ctx);
    let unmoved = State { revision: revision + 1, status };
    let change = Change { failure: Some(reason.failure()), ..change_to(ctx, unmoved) };
    let withdrawn = write_decided(ctx, Withdraw, change.clone(), "given up while it was charged").await?;
    if withdrawn == Withdrawn::Done {
        ctx.state_mut(|checkout| checkout.revision = change.revision);
    }
    Ok(withdrawn)
}

/// Writes that a deposit is awaited, and where the buyer pays it.
pub(super) async fn await_deposit(
    ctx: &Context,
    virtual_account: Option<VirtualAccount>,
) -> Result<(), WorkflowTermination> {
    let change = Change { virtual_account, ..next_change(ctx, Event::DepositAwaited)? };
    write_change(ctx, change, "a deposit is awaited").await
}

/// Writes that the PSP says that it holds a deposit which is booked, and whether it is watched no more.
pub(super) async fn see_deposit(ctx: &Context, watch: SeenDuring) -> Result<(), WorkflowTermination> {
    let checkout_id = ctx.state(|checkout| checkout.input.plan.checkout_id().clone());
    write(ctx, SeeDeposit, DepositSeen { checkout_id, seen_at: now(ctx), watch }).await
}

/// Takes back what was booked of a deposit, and writes that it is awaited again and where; in one transaction.
pub(super) async fn take_back(
    ctx: &Context,
    virtual_account: Option<VirtualAccount>,
) -> Result<TakenBack, WorkflowTermination> {
    let change = Change { virtual_account, ..next_change(ctx, Event::DepositTakenBack)? };
    let key = ctx.state(|checkout| Entry::capture_key(checkout.input.plan.checkout_id(), checkout.captures));
    let taken_back = DepositReturn { change: change.clone(), key };
    ctx.state_mut(|checkout| checkout.taking_back = true);
    let answer = write_decided(ctx, TakeBack, taken_back, "the bank took the deposit back").await?;
    if answer == TakenBack::Done {
        written(ctx, &change).await;
    }
    ctx.state_mut(|checkout| checkout.taking_back = false);
    Ok(answer)
}

/// When a payment began, and under which key the PSP knows it.
#[derive(Debug, Clone)]
pub(super) struct Beginning {
    /// The PSP's key of the buyer's attempt; none of a saved card of which no answer came.
    pub(super) payment_key: Option<PaymentKey>,
    /// When the buyer confirmed.
    pub(super) began_at: Timestamp,
}

/// Writes the beginning of a payment. It is written locally: an event that comes meanwhile may make it the beginning of
/// another attempt only where nothing was sent to the PSP for this one.
pub(super) async fn begin(ctx: &Context, beginning: Beginning) -> Result<(), WorkflowTermination> {
    write_beginning(ctx, change_of_beginning(ctx, beginning)?).await
}

async fn write_beginning(ctx: &Context, change: Change) -> Result<(), WorkflowTermination> {
    write(ctx, Advance, change.clone()).await?;
    written(ctx, &change).await;
    Ok(())
}

fn change_of_beginning(ctx: &Context, beginning: Beginning) -> Result<Change, WorkflowTermination> {
    let Beginning { payment_key, began_at } = beginning;
    let change = next_change(ctx, Event::ConfirmRequested)?;
    Ok(Change { payment_key, occurred_at: began_at, ..change })
}

/// A captured payment to book.
pub(super) struct Settlement {
    /// The money.
    pub(super) capture: Capture,
    /// The PSP's key of the payment of a saved card, which the beginning may not have known.
    pub(super) paid_as: Option<PaymentKey>,
    /// The beginning of the payment, where that is not written yet.
    pub(super) beginning: Option<Beginning>,
    /// When the buyer confirmed; none for a deposit.
    pub(super) confirmed_at: Option<Timestamp>,
    /// Whether it is a deposit that is watched, and released only while the PSP says that it holds it.
    pub(super) is_watched: bool,
}

/// Books a captured payment and writes that the checkout is paid, in one transaction; and with it, where that is not
/// written yet, when the payment began and under which key.
pub(super) async fn settle(ctx: &Context, settlement: Settlement) -> Result<(), WorkflowTermination> {
    let Settlement { capture, paid_as, beginning, confirmed_at, is_watched } = settlement;
    let began = beginning.map(|beginning| change_of_beginning(ctx, beginning)).transpose()?;
    let before = began.as_ref().map_or_else(|| state(ctx), Change::state);
    let change = Change { payment_key: paid_as, ..change_after(ctx, before, Event::Paid)? };
    let entry = ctx
        .state(|checkout| {
            let capture_number = checkout.captures + 1;
            Entry::of_capture(&checkout.input.plan, capture_number, &checkout.rates, capture.captured_at)
        })
        .map_err(ApplicationFailure::non_retryable)?;
    let Capture { method, receipt_url, receipt_numbers, .. } = capture;
    let mut payment = Payment {
        began,
        change: change.clone(),
        entry,
        method,
        receipt_url,
        receipt_numbers,
        confirmed_at,
        is_watched,
    };
    if !writing::write_at_once(ctx, Post, payment.clone()).await {
        // Until it can be booked, the record says what is under way.
        if let Some(began) = payment.began.take() {
            write_beginning(ctx, began).await?;
        }
        write_decided(ctx, Post, payment, "the local write failed").await?;
    }
    written(ctx, &change).await;
    ctx.state_mut(|checkout| checkout.captures += 1);
    Ok(())
}

fn next_change(ctx: &Context, event: Event) -> Result<Change, WorkflowTermination> {
    change_after(ctx, state(ctx), event)
}

fn state(ctx: &Context) -> State {
    ctx.state(|checkout| State { revision: checkout.revision, status: checkout.status })
}

fn change_after(ctx: &Context, before: State, event: Event) -> Result<Change, WorkflowTermination> {
    Ok(change_to(ctx, before.after(event).map_err(ApplicationFailure::non_retryable)?))
}

fn change_to(ctx: &Context, state: State) -> Change {
    Change::new(ctx.state(|checkout| checkout.input.plan.checkout_id().clone()), state, now(ctx))
}

/// Writes a status that another event, had it come a moment earlier, might have made another one.
async fn write_change(ctx: &Context, change: Change, summary: &'static str) -> Result<(), WorkflowTermination> {
    write_decided(ctx, Advance, change.clone(), summary).await?;
    written(ctx, &change).await;
    Ok(())
}

async fn written(ctx: &Context, change: &Change) {
    show(ctx, change.status, format!("**{}**, change {}", change.status, change.revision));
    ctx.state_mut(|checkout| {
        checkout.status = change.status;
        checkout.revision = change.revision;
    });
    if change.status != Status::Stuck {
        dead_letter::close_answered(ctx).await;
    }
}

/// Asks a port of the store by a regular activity; see [`writing::write_decided`].
async fn write_decided<P>(
    ctx: &Context,
    port: P,
    input: P::Input,
    summary: &'static str,
) -> Result<P::Output, WorkflowTermination>
where
    P: ActivityDefinition + Copy + 'static,
    P::Input: Clone + TemporalSerializable + HasFacts,
    P::Output: TemporalDeserializable,
{
    writing::write_decided(ctx, port, input, summary, |alarm| tell(ctx, alarm)).await
}

/// Asks a port of the store, locally at first, and shows in the Temporal UI when that does not succeed.
pub(super) async fn write<P>(ctx: &Context, port: P, input: P::Input) -> Result<P::Output, WorkflowTermination>
where
    P: ActivityDefinition + Copy + 'static,
    P::Input: Clone + TemporalSerializable + HasFacts,
    P::Output: TemporalDeserializable,
{
    writing::write(ctx, port, input, |alarm| tell(ctx, alarm)).await
}

/// Tells a person of a write that does not succeed, and when it did.
fn tell(ctx: &Context, alarm: Alarm) {
    match alarm {
        Alarm::Raised => show(
            ctx,
            Status::Stuck,
            "**STUCK**: a write does not succeed; its activity says why. It is repeated.".to_owned(),
        ),
        Alarm::Over => {
            let status = ctx.state(|checkout| checkout.status);
            show(ctx, status, format!("**{status}**, the write that did not succeed is written"));
        }
    }
}

/// Shows in the Temporal UI where the checkout stands.
fn show(ctx: &Context, status: Status, details: String) {
    ctx.set_current_details(details);
    ctx.upsert_search_attributes([attributes::PAYMENT_STATUS.value_set(status.to_string())]);
}
