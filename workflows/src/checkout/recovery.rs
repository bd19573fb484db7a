//! Taking the place of a workflow that was lost.
//!
//! The record is the truth about what was written, the PSP about what was captured. Nothing else is known: an answer
//! may have been lost with the workflow, and a request may still be under way. So the PSP is asked before anything is
//! sent, and idempotency keys begin anew. A payment that no record names can have been sent by the lost workflow too:
//! until such a request can begin nothing any more, no other payment is taken.

use domain::{
    Timestamp,
    charge::{Charge, Knowledge, Watch},
    checkout::{Confirmation, Phase, Status},
    failure::{Failure, FailureCode, OurCode},
    id::{PaymentKey, SavedCardId, WorkflowId},
    inquiry as inquiries,
};
use temporalio_workflow::{WorkflowTermination, common::error::ApplicationFailure};

use super::{
    attempts::Attempts,
    charging::{self, Charged},
    deposits::{self, Reports},
    inquiry::ChargeDriver,
    recording::write,
    state::{Begun, Context, Recovery},
    waiting,
};
use crate::{
    inquiry,
    ports::{Find, FindCharge, FoundCharge, Recall, RecallCheckout, RecalledCheckout},
    time::now,
};

/// Longest pause between two questions about a payment that no record names, in milliseconds.
const LONGEST_PAUSE_MS: u64 = 30 * 1_000;

/// Goes on from the record.
pub(super) async fn resume(ctx: &Context, recovery: Recovery) -> Result<Begun, WorkflowTermination> {
    let Some(recalled) = recall(ctx).await? else { return Ok(Begun::Unrecorded) };
    adopt(ctx, &recalled);
    ctx.set_current_details("recovered; the payment provider is asked first");
    let charged = match recalled.status.phase() {
        Phase::Closed => return Ok(Begun::Over),
        Phase::Declined if !takes_retry(&recalled) => return Ok(Begun::Over),
        Phase::Open | Phase::Declined => unrecorded_payment(ctx, recovery).await?,
        Phase::Paid if recalled.by_deposit => Some(watch_on(ctx, &recalled).await?),
        Phase::Paid => return Ok(Begun::Over),
        Phase::Moving | Phase::Held | Phase::Deposit => Some(recorded_payment(ctx, &recalled).await?),
    };
    Ok(match charged {
        None | Some(Charged::Declined | Charged::Rejected) => Begun::Open,
        Some(Charged::Closed) => Begun::Over,
    })
}

async fn recall(ctx: &Context) -> Result<Option<RecalledCheckout>, WorkflowTermination> {
    let workflow_id = WorkflowId::parse(ctx.workflow_id()).map_err(ApplicationFailure::non_retryable)?;
    let checkout_id = ctx.state(|checkout| checkout.input.plan.checkout_id().clone());
    write(ctx, Recall, RecallCheckout { checkout_id, workflow_id, run_id: ctx.run_id().to_owned() }).await
}

/// Takes over what the record says.
fn adopt(ctx: &Context, recalled: &RecalledCheckout) {
    let retryable = takes_retry(recalled);
    let status = match recalled.status.phase() {
        // Refunds have workflows of their own: this one knows the checkout as paid.
        Phase::Paid => Status::Success,
        Phase::Open | Phase::Moving | Phase::Held | Phase::Deposit | Phase::Declined | Phase::Closed => recalled.status,
    };
    ctx.state_mut(|checkout| {
        let total = checkout.input.plan.total();
        let confirmation = |payment_key: PaymentKey| Confirmation {
            payment_key,
            checkout_id: checkout.input.plan.checkout_id().clone(),
            amount: total,
        };
        let is_declined = recalled.payment_key.as_ref().is_some_and(|key| recalled.declined.contains(key));
        let under_way = recalled.payment_key.clone().filter(|_| !is_declined).map(confirmation);
        checkout.attempts = Attempts::recall(under_way, recalled.declined.clone(), retryable);
        checkout.recorded = true;
        checkout.rates.clone_from(&recalled.rates);
        checkout.expires_at = recalled.expires_at;
        checkout.revision = recalled.revision;
        checkout.captures = recalled.captures;
        checkout.status = status;
        // Only where a captured payment was about to be given back does the record say that the checkout was given up.
        checkout.canceled |= recalled.status.phase().follows_psp() && is_because_of(recalled, OurCode::Canceled);
    });
}

fn takes_retry(recalled: &RecalledCheckout) -> bool {
    recalled.status == Status::Failed && recalled.failure.as_ref().is_some_and(|failure| failure.retryable)
}

fn is_because_of(recalled: &RecalledCheckout, code: OurCode) -> bool {
    recalled.failure.as_ref().is_some_and(|failure| failure.code == FailureCode::Ours(code))
}

/// Goes on with the payment that the record names.
async fn recorded_payment(ctx: &Context, recalled: &RecalledCheckout) -> Result<Charged, WorkflowTermination> {
    if let Some(id) = ctx.state(|checkout| checkout.input.saved_card.clone()) {
        return charge_of_card(ctx, id, recalled).await;
    }
    let Some(confirmation) = ctx.state(|checkout| checkout.attempts.next().cloned()) else {
        return Err(no_payment(recalled));
    };
    if recalled.is_booked {
        return taken_back(ctx, confirmation, recalled).await;
    }
    if is_because_of(recalled, OurCode::RiskReview) {
        return reviewed(ctx, confirmation).await;
    }
    let mut driver = ChargeDriver::resumed(ctx, confirmation);
    driver.by_deposit = recalled.by_deposit;
    let knowledge = driver.look_up().await;
    charging::pursue(ctx, &mut driver, knowledge).await
}

/// Goes on with the charge of a saved card that the record tells of.
async fn charge_of_card(
    ctx: &Context,
    id: SavedCardId,
    recalled: &RecalledCheckout,
) -> Result<Charged, WorkflowTermination> {
    if is_because_of(recalled, OurCode::RiskReview) {
        let (mut driver, request) = ChargeDriver::of_saved_card(ctx, id);
        return charging::charge_cleared(ctx, &mut driver, request).await;
    }
    let mut driver = ChargeDriver::of_saved_card_resumed(ctx, id);
    let knowledge = driver.look_up().await;
    charging::pursue(ctx, &mut driver, knowledge).await
}

/// A payment that waited for a review: nothing was sent for it, unless the PSP says otherwise.
async fn reviewed(ctx: &Context, confirmation: Confirmation) -> Result<Charged, WorkflowTermination> {
    let (mut driver, request) = ChargeDriver::new(ctx, confirmation);
    let knowledge = driver.look_up().await;
    if holds_money(&knowledge) {
        return charging::pursue(ctx, &mut driver, knowledge).await;
    }
    match charging::charge_cleared(ctx, &mut driver, request).await? {
        Charged::Rejected => {
            let failure = Failure::new(OurCode::ReviewExpired, "The payment was not reviewed in time.").and_retry();
            charging::decline(ctx, &mut driver, failure).await
        }
        charged @ (Charged::Closed | Charged::Declined) => Ok(charged),
    }
}

/// A booked deposit that a person was asked about, because the books could not take it back.
async fn taken_back(
    ctx: &Context,
    confirmation: Confirmation,
    recalled: &RecalledCheckout,
) -> Result<Charged, WorkflowTermination> {
    let mut driver = ChargeDriver::resumed(ctx, confirmation);
    driver.by_deposit = true;
    let told = deposits::go_on(ctx, &mut driver).await?;
    driver.inquiry.start_over(now(ctx));
    if ctx.state(|checkout| checkout.status) == Status::Success {
        return watch(ctx, &mut driver, recalled).await;
    }
    charging::pursue(ctx, &mut driver, told).await
}

/// Goes on watching a booked deposit.
async fn watch_on(ctx: &Context, recalled: &RecalledCheckout) -> Result<Charged, WorkflowTermination> {
    let Some(confirmation) = ctx.state(|checkout| checkout.attempts.next().cloned()) else {
        return Err(no_payment(recalled));
    };
    let mut driver = ChargeDriver::resumed(ctx, confirmation);
    driver.by_deposit = true;
    watch(ctx, &mut driver, recalled).await
}

async fn watch(
    ctx: &Context,
    driver: &mut ChargeDriver<'_>,
    recalled: &RecalledCheckout,
) -> Result<Charged, WorkflowTermination> {
    let watch = Watch::resumed(recalled.captured_at.unwrap_or_else(|| now(ctx)));
    let reports = if recalled.is_watched { Reports::Written } else { Reports::Unwritten };
    match charging::watch(ctx, driver, watch, reports).await? {
        None => Ok(Charged::Closed),
        Some(taken_back) => charging::pursue(ctx, driver, taken_back).await,
    }
}

/// Goes on with a payment that the PSP holds and no record names, if there is one. Without one the buyer may pay.
async fn unrecorded_payment(ctx: &Context, recovery: Recovery) -> Result<Option<Charged>, WorkflowTermination> {
    let quiet_until = recovery.quiet_until.unwrap_or_else(|| now(ctx));
    let Some(FoundCharge { payment_key, charge }) = find(ctx, quiet_until).await else { return Ok(None) };
    if let Some(id) = ctx.state(|checkout| checkout.input.saved_card.clone()) {
        let mut driver = ChargeDriver::of_saved_card_resumed(ctx, id);
        let knowledge = driver.look_up().await;
        return charging::pursue(ctx, &mut driver, knowledge).await.map(Some);
    }
    let confirmation = ctx.state(|checkout| Confirmation {
        payment_key,
        checkout_id: checkout.input.plan.checkout_id().clone(),
        amount: checkout.input.plan.total(),
    });
    // A buyer who came back meanwhile with another payment is told that it is none of this checkout.
    ctx.state_mut(|checkout| checkout.attempts.begin(confirmation.clone()));
    let mut driver = ChargeDriver::resumed(ctx, confirmation);
    charging::pursue(ctx, &mut driver, Knowledge::Reported(charge)).await.map(Some)
}

/// Asks the PSP for a payment until it has answered at a time when no request of the lost workflow can begin one any
/// more.
async fn find(ctx: &Context, quiet_until: Timestamp) -> Option<FoundCharge> {
    let request = ctx.state(|checkout| FindCharge::of(&checkout.input.plan));
    let mut pauses = 0;
    loop {
        let asked_at = now(ctx);
        match inquiry::look_up::<_, _, Charge>(ctx, Find, request.clone()).await {
            inquiries::Knowledge::Reported(Some(found)) if is_held(&found.charge) => return Some(found),
            inquiries::Knowledge::Reported(_) if asked_at >= quiet_until => return None,
            inquiries::Knowledge::Reported(_)
            | inquiries::Knowledge::Answered(_)
            | inquiries::Knowledge::Lost(_)
            | inquiries::Knowledge::NoReport
            | inquiries::Knowledge::UndoRefused(_) => {}
        }
        let left_ms = quiet_until.ms_since(now(ctx)).max(inquiries::FIRST_PAUSE_MS);
        let pause_ms = inquiries::pause_ms(pauses, LONGEST_PAUSE_MS).min(left_ms);
        waiting::let_pass(ctx, pause_ms, "before the PSP is asked for a payment that no record names").await;
        pauses += 1;
    }
}

fn holds_money(knowledge: &Knowledge) -> bool {
    match knowledge {
        Knowledge::Answered(charge) | Knowledge::Reported(charge) => is_held(charge),
        Knowledge::Lost(_) | Knowledge::NoReport | Knowledge::UndoRefused(_) => false,
    }
}

const fn is_held(charge: &Charge) -> bool {
    match charge {
        Charge::Captured(_) | Charge::AwaitingDeposit { .. } => true,
        Charge::Refused(_) | Charge::Returned | Charge::Open | Charge::Absent | Charge::NotOurs(_) => false,
    }
}

/// A record that contradicts itself: each status of a payment is written with its payment.
fn no_payment(recalled: &RecalledCheckout) -> WorkflowTermination {
    ApplicationFailure::non_retryable(format!("a checkout that is {} has no payment", recalled.status)).into()
}
