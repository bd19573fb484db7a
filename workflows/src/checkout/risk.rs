//! Whether an attempt may be charged: asked before anything is sent to the PSP.

use domain::{
    Timestamp,
    calendar::KoreanTime,
    charge::{Charge, Failure, Knowledge, UndoReason},
    checkout::Event,
    dead_letter::{Awaits, Outcome},
    risk::{Assessment, REVIEW_MS, Verdict},
};
use temporalio_workflow::{WorkflowTermination, common::ActivityDefinition as _};

use super::{
    Context, Review,
    charging::{Inquiry, begin_once},
    is_given_up, now,
    recording::{advance, write},
    waiting,
};
use crate::{
    operator::{self, Trouble, facts_of},
    ports::{Assess, AssessRisk, Decided},
};

/// What the risk of an attempt lets happen.
pub(super) enum Cleared {
    /// It may be charged.
    Charge,
    /// It is not charged, and why.
    Decline(Failure),
    /// Only a payment that the PSP knows is put in front of a person: it is none of this checkout.
    Reject,
}

/// Assesses the attempt under way, and where a person has to decide waits for them.
pub(super) async fn clear(ctx: &Context, inquiry: &mut Inquiry) -> Result<Cleared, WorkflowTermination> {
    let assessment = write(ctx, Assess, request(ctx, inquiry.began_at, None)).await?;
    match assessment.verdict {
        Verdict::Allow => Ok(Cleared::Charge),
        Verdict::Deny => Ok(Cleared::Decline(denied())),
        Verdict::Review => review(ctx, inquiry, &assessment).await,
    }
}

async fn review(ctx: &Context, inquiry: &mut Inquiry, assessment: &Assessment) -> Result<Cleared, WorkflowTermination> {
    match inquiry.look_up(ctx).await {
        Knowledge::Told(
            Charge::Captured(_) | Charge::AwaitingDeposit { .. } | Charge::Returned | Charge::Refused(_) | Charge::Open,
        ) => {}
        Knowledge::Told(Charge::Absent | Charge::NotOurs(_))
        | Knowledge::Answered(_)
        | Knowledge::Lost(_)
        | Knowledge::NotTold
        | Knowledge::Kept(_) => return Ok(Cleared::Reject),
    }
    begin_once(ctx, inquiry).await?;
    let question = Failure::new("risk_review", "The payment waits for a review.");
    ctx.state_mut(|checkout| checkout.review = None);
    let heeded = ctx.state(|checkout| checkout.desk.heeded());
    // Before it is written: who reads of the review may decide at once.
    ctx.state_mut(|checkout| checkout.attempts.in_review = true);
    advance(ctx, Event::HelpNeeded, Some(question.clone())).await?;
    let reasons = assessment.reasons.join("; ");
    let until = KoreanTime(now(ctx).plus_ms(REVIEW_MS));
    let input = facts_of([("until", &until), ("reasons", &reasons)]);
    let awaits = Awaits::Person { outcomes: vec![Outcome::Approved, Outcome::Denied] };
    operator::call(ctx, Trouble { step: Assess.name().to_owned(), failure: question, input, awaits }).await;
    ctx.set_current_details(format!("in review until {until}: {reasons}. Send the signal `review` to decide."));
    let said = waiting::for_review(ctx, REVIEW_MS, heeded).await;
    ctx.state_mut(|checkout| checkout.attempts.in_review = false);
    conclude(ctx, said).await
}

async fn conclude(ctx: &Context, said: Option<Review>) -> Result<Cleared, WorkflowTermination> {
    let Some(Review { by, reason, approve }) = said else {
        return Ok(Cleared::Decline(if is_given_up(ctx) {
            UndoReason::Canceled.failure()
        } else {
            Failure::new("review_expired", "The payment was not reviewed in time.").and_retry()
        }));
    };
    let verdict = if approve { Verdict::Allow } else { Verdict::Deny };
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
    Failure::new("risk_denied", "The payment was not accepted.").and_retry()
}

fn request(ctx: &Context, at: Timestamp, decided: Option<Decided>) -> AssessRisk {
    ctx.state(|checkout| AssessRisk {
        plan: checkout.input.plan.clone(),
        attempt: checkout.attempts.number(),
        at,
        decided,
    })
}
