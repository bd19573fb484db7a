//! After a deposit: the bank may take it back.

use domain::{
    calendar::KoreanTime,
    charge::{Charge, DEPOSIT_WATCH_MS, Failure, Knowledge, LONGEST_DEPOSIT_PAUSE_MS, VirtualAccount, pause_ms},
    checkout::Event,
};
use temporalio_workflow::{WorkflowTermination, common::ActivityDefinition as _};

use super::{
    Context,
    charging::{Inquiry, account_of, call_for_help},
    now,
    recording::{advance, take_back},
};
use crate::{
    operator::facts_of,
    ports::{TakeBack, TakenBack},
};

/// Watches a deposit that was booked, for as long as the PSP may still say that it was taken back. Answers what the PSP
/// says then, once the books agree with it; `None` where the deposit stayed.
pub(super) async fn watch(ctx: &Context, inquiry: &mut Inquiry) -> Result<Option<Knowledge>, WorkflowTermination> {
    let until = now(ctx).plus_ms(DEPOSIT_WATCH_MS);
    inquiry.heed_anew();
    let meanwhile = format!("paid; the bank may take the deposit back until {}", KoreanTime(until));
    let mut untold = 0;
    loop {
        let left_ms = until.ms_since(now(ctx));
        if left_ms == 0 && untold == 0 {
            return Ok(None);
        }
        // A nudge comes once: whoever was not answered asks again.
        let pause_ms = if untold == 0 { left_ms } else { pause_ms(untold, LONGEST_DEPOSIT_PAUSE_MS) };
        let knowledge = inquiry.ask_within(ctx, pause_ms, &meanwhile).await;
        untold = if let Knowledge::NotTold = knowledge { untold + 1 } else { 0 };
        if is_awaited(&knowledge) && take_booked_back(ctx, inquiry, account_of(&knowledge)).await? {
            return Ok(Some(knowledge));
        }
    }
}

/// Answers whether the deposit is awaited again; otherwise it came back while a person was asked.
async fn take_booked_back(
    ctx: &Context,
    inquiry: &mut Inquiry,
    account: Option<VirtualAccount>,
) -> Result<bool, WorkflowTermination> {
    loop {
        let TakenBack::Refused { reason } = take_back(ctx, account.clone()).await? else { return Ok(true) };
        let message = format!("The bank took the deposit back, and the books cannot: {reason}.");
        let input = facts_of([("checkout_id", &inquiry.checkout_id)]);
        call_for_help(ctx, TakeBack.name(), Failure::new("deposit_taken_back", message), input).await?;
        if let Knowledge::Told(Charge::Captured(_)) = inquiry.look_up(ctx).await {
            advance(ctx, Event::Paid, None).await?;
            return Ok(false);
        }
    }
}

const fn is_awaited(knowledge: &Knowledge) -> bool {
    matches!(knowledge, Knowledge::Told(Charge::AwaitingDeposit { .. }))
}
