//! Whether an attempt may be charged: asked before anything is sent to the PSP.

use domain::{
    Timestamp,
    calendar::KoreanTime,
    charge::{Charge, Knowledge, UndoReason},
    checkout::{Event, Status},
    dead_letter::{Awaits, DeclaredOutcome},
    failure::{Failure, OurCode},
    risk::{Assessment, REVIEW_MS, RiskVerdict},
};
use temporalio_workflow::{WorkflowTermination, common::ActivityDefinition as _};

use super::{
    inquiry::ChargeDriver,
    recording::{advance, write},
    state::{Context, Review, is_given_up},
    waiting,
};
use crate::{
    dead_letter::{self, FailedStep},
    facts::facts_of,
    inquiry::Driver as _,
    ports::{Assess, AssessRisk, Decided},
    time::now,
};

/// What the risk of an attempt lets happen.
pub(super) enum Cleared {
    /// It may be charged.
    Charge,
    /// It is not charged, and why.
    Decline(Failure),
    /// The PSP does not know this payment key, so there is nothing to review.
    Reject,
}

/// Assesses the attempt under way, and where a person has to decide waits for them.
pub(super) async fn clear(ctx: &Context, driver: &mut ChargeDriver<'_>) -> Result<Cleared, WorkflowTermination> {
    let assessment = write(ctx, Assess, request(ctx, driver.began_at, None)).await?;
    match assessment.verdict {
        RiskVerdict::Allow => Ok(Cleared::Charge),
        RiskVerdict::Deny => Ok(Cleared::Decline(denied())),
        RiskVerdict::Review => review(ctx, driver, &assessment).await,
    }
}

async fn review(
    ctx: &Context,
    driver: &mut ChargeDriver<'_>,
    assessment: &Assessment,
) -> Result<Cleared, WorkflowTermination> {
    // Of a saved card there is no payment before it is charged.
    if !driver.is_by_saved_card() && !is_known(ctx, driver).await {
        return Ok(Cleared::Reject);
    }
    driver.begin().await?;
    let question = Failure::new(OurCode::RiskReview, "The payment waits for a review.");
    ctx.state_mut(|checkout| checkout.review = None);
    let replies = ctx.state(|checkout| checkout.desk.replies());
    // Before it is written: who reads of the review may decide at once.
    ctx.state_mut(|checkout| checkout.attempts.in_review = true);
    // A workflow that was lost may have written it.
    if ctx.state(|checkout| checkout.status) != Status::Stuck {
        advance(ctx, Event::HelpNeeded, Some(question.clone())).await?;
    }
    let reasons = assessment.reasons.join("; ");
    let until = KoreanTime(now(ctx).plus_ms(REVIEW_MS));
    let input = facts_of([("until", &until), ("reasons", &reasons)]);
    let awaits = Awaits::Person { outcomes: vec![DeclaredOutcome::Approved, DeclaredOutcome::Denied] };
    dead_letter::call(ctx, FailedStep { step: Assess.name().to_owned(), failure: question, input, awaits }).await;
    ctx.set_current_details(format!("in review until {until}: {reasons}. Send the signal `review` to decide."));
    let said = waiting::for_review(ctx, REVIEW_MS, replies).await;
    ctx.state_mut(|checkout| checkout.attempts.in_review = false);
    conclude(ctx, said).await
}

/// Whether the PSP knows the payment.
async fn is_known(ctx: &Context, driver: &mut ChargeDriver<'_>) -> bool {
    let knowledge = driver.look_up().await;
    driver.inquiry.learn(&knowledge, now(ctx));
    match knowledge {
        Knowledge::Reported(
            Charge::Captured(_) | Charge::AwaitingDeposit { .. } | Charge::Returned | Charge::Refused(_) | Charge::Open,
        ) => true,
        Knowledge::Reported(Charge::Absent | Charge::NotOurs(_))
        | Knowledge::Answered(_)
        | Knowledge::Lost(_)
        | Knowledge::NoReport
        | Knowledge::UndoRefused(_) => false,
    }
}

async fn conclude(ctx: &Context, said: Option<Review>) -> Result<Cleared, WorkflowTermination> {
    let Some(Review { by, reason, approve }) = said else {
        return Ok(Cleared::Decline(if is_given_up(ctx) {
            UndoReason::Canceled.failure()
        } else {
            Failure::new(OurCode::ReviewExpired, "The payment was not reviewed in time.").and_retry()
        }));
    };
    let verdict = if approve { RiskVerdict::Allow } else { RiskVerdict::Deny };
    let assessment = Assessment { verdict, reasons: vec![reason] };
    let decided = Decided { by, assessment };
    write(ctx, Assess, request(ctx, now(ctx), Some(decided))).await?;
    if !approve {
        return Ok(Cleared::Decline(denied()));
    }
    advance(ctx, Event::ConfirmRequested, None).await?;
    Ok(if is_given_up(ctx) { Cleared::Decline(UndoReason::Canceled.failure()) } else { Cleared::Charge })
}

/// Why is for the marketplace to know, and not for the buyer.
fn denied() -> Failure {
    Failure::new(OurCode::RiskDenied, "The payment was not accepted.").and_retry()
}

fn request(ctx: &Context, at: Timestamp, decided: Option<Decided>) -> AssessRisk {
    ctx.state(|checkout| AssessRisk {
        plan: checkout.input.plan.clone(),
        attempt: checkout.attempts.number(),
        at,
        decided,
    })
}
