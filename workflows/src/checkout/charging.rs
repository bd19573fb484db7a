//! Charging the buyer: send, find out, book; or make sure that nothing is held.
//!
//! The first request is sent while the record still says `NOT_STARTED`: anybody can claim a payment key, and
//! only the PSP's answer shows whether it is one of this checkout. The key stands in the workflow's history before the
//! request leaves, and the inquiry that sends it holds the undo, so no crash loses them. After an answer, or at the
//! latest when the time for sending is over, the record says `EXECUTING` or is final; otherwise nothing was charged.

use domain::{
    charge::{Capture, Conclusion, Knowledge, Watch},
    checkout::{Confirmation, Status},
    failure::Failure,
    id::SavedCardId,
    inquiry::Request,
};
use temporalio_workflow::WorkflowTermination;

use super::{
    deposits::{self, Reports},
    inquiry::{ChargeDriver, has_begun},
    recording::{self, Settlement, settle},
    risk::{self, Cleared},
    state::{Context, is_given_up},
};
use crate::{
    inquiry::{self, Driver as _},
    patches,
    time::now,
};

/// What came of a buyer's attempt to pay.
pub(super) enum Charged {
    /// The checkout is closed: booked, or no money is held.
    Closed,
    /// The payment was declined, and the buyer may try again.
    Declined,
    /// The payment was none of this checkout. Nothing happened; another may come.
    Rejected,
}

/// Charges the buyer and follows the charge until it is booked, or no money is held.
pub(super) async fn charge(ctx: &Context, confirmation: Confirmation) -> Result<Charged, WorkflowTermination> {
    let (mut driver, request) = ChargeDriver::new(ctx, confirmation);
    charge_cleared(ctx, &mut driver, request).await
}

/// Charges a saved card. Where no money is held in the end, the checkout is closed all the same: another charge is
/// another checkout.
pub(super) async fn charge_saved_card(ctx: &Context, id: SavedCardId) -> Result<(), WorkflowTermination> {
    let (mut driver, request) = ChargeDriver::of_saved_card(ctx, id);
    match charge_cleared(ctx, &mut driver, request).await? {
        Charged::Closed | Charged::Declined | Charged::Rejected => Ok(()),
    }
}

/// Charges the buyer once the risk of it is cleared.
pub(super) async fn charge_cleared(
    ctx: &Context,
    driver: &mut ChargeDriver<'_>,
    request: Request,
) -> Result<Charged, WorkflowTermination> {
    match risk::clear(ctx, driver).await? {
        Cleared::Charge => {}
        Cleared::Decline(failure) => return decline(ctx, driver, failure).await,
        Cleared::Reject => return Ok(Charged::Rejected),
    }
    let knowledge = driver.send(request).await;
    pursue(ctx, driver, knowledge).await
}

/// Follows a charge from what is known of it until it is booked, or no money is held.
pub(super) async fn pursue(
    ctx: &Context,
    driver: &mut ChargeDriver<'_>,
    mut knowledge: Knowledge,
) -> Result<Charged, WorkflowTermination> {
    loop {
        match inquiry::follow(driver, knowledge).await? {
            Conclusion::Settle(capture) => match settle_and_watch(ctx, driver, capture).await? {
                None => return Ok(Charged::Closed),
                Some(taken_back) => knowledge = taken_back,
            },
            Conclusion::Reject(failure) if has_begun(ctx) => {
                return decline(ctx, driver, failure.and_retry()).await;
            }
            Conclusion::Reject(_) => return Ok(Charged::Rejected),
            Conclusion::Fail(failure) => return decline(ctx, driver, failure).await,
        }
    }
}

/// Ends the attempt without money. Where another may follow, the checkout stays open for it.
pub(super) async fn decline(
    ctx: &Context,
    driver: &mut ChargeDriver<'_>,
    failure: Failure,
) -> Result<Charged, WorkflowTermination> {
    driver.begin().await?;
    let is_last =
        is_given_up(ctx) || driver.is_by_saved_card() || !ctx.state(|checkout| checkout.attempts.may_follow());
    let failure = Failure { retryable: failure.retryable && !is_last, ..failure };
    recording::decline(ctx, driver.payment_key().cloned(), failure.clone()).await?;
    ctx.state_mut(|checkout| checkout.attempts.decline(&failure));
    let stays_open = failure.retryable && ctx.state(|checkout| checkout.status) == Status::Failed;
    Ok(if stays_open { Charged::Declined } else { Charged::Closed })
}

/// Books the money. A deposit is watched after that: answers the PSP's report where the bank took the deposit back.
async fn settle_and_watch(
    ctx: &Context,
    driver: &mut ChargeDriver<'_>,
    capture: Capture,
) -> Result<Option<Knowledge>, WorkflowTermination> {
    // Where the answer was lost, the deposit may have come before anybody knew of the account.
    driver.by_deposit |= capture.is_deposit();
    let beginning = (!has_begun(ctx)).then(|| driver.beginning());
    let confirmed_at = (!driver.by_deposit).then_some(driver.began_at);
    let is_watched = driver.by_deposit && ctx.patched(patches::DEPOSIT_SEEN);
    let paid_as = driver.payment_key().filter(|_| driver.is_by_saved_card()).cloned();
    settle(ctx, Settlement { capture, paid_as, beginning, confirmed_at, is_watched }).await?;
    if !driver.by_deposit {
        return Ok(None);
    }
    let reports = if is_watched { Reports::Written } else { Reports::Unwritten };
    watch(ctx, driver, Watch::new(now(ctx)), reports).await
}

/// Watches a booked deposit. Answers the PSP's report where the bank took the deposit back.
pub(super) async fn watch(
    ctx: &Context,
    driver: &mut ChargeDriver<'_>,
    watch: Watch,
    reports: Reports,
) -> Result<Option<Knowledge>, WorkflowTermination> {
    let taken_back = deposits::watch(ctx, driver, watch, reports).await?;
    driver.reset_nudge_budget();
    driver.inquiry.start_over(now(ctx));
    Ok(taken_back)
}
