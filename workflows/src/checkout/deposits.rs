//! After a deposit: the bank may take it back.
//!
//! The PSP is asked by itself, often at first and then every hour, and at each nudge. What sellers have earned of the
//! deposit is released only while the last answer is fresh; so each answer is written down.

use domain::{
    calendar::KoreanTime,
    charge::{Charge, Knowledge, VirtualAccount, Watch, WatchStep, capture_of},
    checkout::Event,
    failure::{Failure, OurCode},
};
use temporalio_workflow::{WorkflowTermination, common::ActivityDefinition as _};

use super::{
    inquiry::{ChargeDriver, call_for_help},
    recording::{advance, see_deposit, take_back},
    state::Context,
};
use crate::{
    facts::facts_of,
    ports::{SeenDuring, TakeBack, TakenBack},
    time::now,
};

/// What happens to the PSP's reports about a watched deposit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reports {
    /// Each report that the PSP holds the deposit is written down.
    Written,
    /// None is written: the checkout began before reports were.
    Unwritten,
}

/// Watches a deposit that was booked, for as long as the PSP may still say that it was taken back. Answers what the PSP
/// says then, once the books agree with it; `None` where the deposit stayed.
pub(super) async fn watch(
    ctx: &Context,
    driver: &mut ChargeDriver<'_>,
    mut watch: Watch,
    reports: Reports,
) -> Result<Option<Knowledge>, WorkflowTermination> {
    driver.reset_nudge_budget();
    let meanwhile = format!("paid; the bank may take the deposit back until {}", KoreanTime(watch.until));
    let mut knowledge = None;
    loop {
        let told = match watch.next_step(knowledge.as_ref(), now(ctx)) {
            WatchStep::End => return Ok(None),
            WatchStep::Ask { pause_ms } => driver.ask_within(pause_ms, &meanwhile).await,
            WatchStep::TakeBack(account) => match take_booked_back(ctx, driver, account).await? {
                None => return Ok(knowledge),
                Some(came_back) => came_back,
            },
        };
        driver.inquiry.learn(&told, now(ctx));
        watch.learn(&told);
        if reports == Reports::Written && capture_of(&told).is_some() {
            let is_over = watch.until <= now(ctx);
            see_deposit(ctx, if is_over { SeenDuring::End } else { SeenDuring::Watch }).await?;
        }
        knowledge = Some(told);
    }
}

/// Goes on with a booked deposit that the bank took back, or that a person was asked about: the PSP is asked first.
/// Answers what it said once the books agree with it.
pub(super) async fn go_on(ctx: &Context, driver: &mut ChargeDriver<'_>) -> Result<Knowledge, WorkflowTermination> {
    let mut told = driver.look_up().await;
    loop {
        driver.inquiry.learn(&told, now(ctx));
        match &told {
            Knowledge::Reported(Charge::Captured(_)) => {
                advance(ctx, Event::Paid, None).await?;
                return Ok(told);
            }
            Knowledge::Reported(Charge::AwaitingDeposit { account, .. }) => {
                let came_back = take_booked_back(ctx, driver, account.clone()).await?;
                return Ok(came_back.unwrap_or(told));
            }
            Knowledge::Reported(_)
            | Knowledge::Answered(_)
            | Knowledge::Lost(_)
            | Knowledge::NoReport
            | Knowledge::UndoRefused(_) => {
                let message = "A deposit is booked, and the payment provider does not say whether it still holds it.";
                let input = facts_of([("checkout_id", &driver.checkout_id)]);
                call_for_help(ctx, TakeBack.name(), Failure::new(OurCode::DepositTakenBack, message), input).await?;
                told = driver.look_up().await;
            }
        }
    }
}

/// Answers what the PSP said where the deposit came back while a person was asked; otherwise it is awaited again.
async fn take_booked_back(
    ctx: &Context,
    driver: &mut ChargeDriver<'_>,
    account: Option<VirtualAccount>,
) -> Result<Option<Knowledge>, WorkflowTermination> {
    loop {
        let TakenBack::Refused { reason } = take_back(ctx, account.clone()).await? else { return Ok(None) };
        let message = format!("The bank took the deposit back, and the books cannot: {reason}.");
        let input = facts_of([("checkout_id", &driver.checkout_id)]);
        call_for_help(ctx, TakeBack.name(), Failure::new(OurCode::DepositTakenBack, message), input).await?;
        let told = driver.look_up().await;
        driver.inquiry.learn(&told, now(ctx));
        if let Knowledge::Reported(Charge::Captured(_)) = told {
            advance(ctx, Event::Paid, None).await?;
            return Ok(Some(told));
        }
    }
}
