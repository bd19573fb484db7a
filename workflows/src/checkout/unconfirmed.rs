//! A payment that nobody confirmed: a buyer who finished the payment window and lost the way back.
//!
//! The PSP knows such a payment by its order. It is shown and told, and never charged: only its buyer confirms it.

use domain::{
    charge::{Capture, Charge},
    checkout::Status,
    failure::{Failure, OurCode},
    inquiry::Knowledge,
};

use super::state::Context;
use crate::{
    inquiry, patches,
    ports::{Find, FindCharge, FoundCharge},
};

/// Asks the PSP once, before the checkout expires, for a payment that nobody confirmed. Without an answer the checkout
/// expires all the same.
pub(super) async fn ask(ctx: &Context) -> Option<Failure> {
    let waits = ctx.state(|checkout| checkout.status) == Status::NotStarted;
    if !waits || !ctx.patched(patches::ASKED_BEFORE_EXPIRY) {
        return None;
    }
    ctx.set_current_details("the time to pay is over; the payment provider is asked for a payment");
    let request = ctx.state(|checkout| FindCharge::of(&checkout.input.plan));
    match inquiry::look_up::<_, _, Charge>(ctx, Find, request).await {
        Knowledge::Reported(Some(FoundCharge { charge, .. })) => found(&charge),
        Knowledge::Reported(None)
        | Knowledge::Answered(_)
        | Knowledge::Lost(_)
        | Knowledge::NoReport
        | Knowledge::UndoRefused(_) => None,
    }
}

/// What the record says of it; nothing where it ended without money.
fn found(charge: &Charge) -> Option<Failure> {
    let message = match charge {
        Charge::Open => "The buyer finished the payment window, and nobody confirmed the payment. No money was taken.",
        Charge::Captured(Capture { .. }) => {
            "The payment provider holds money of this order, though nobody confirmed the payment here."
        }
        Charge::AwaitingDeposit { .. } => {
            "The payment provider waits for a deposit of this order, though nobody confirmed the payment here."
        }
        Charge::Refused(_) | Charge::Returned | Charge::Absent | Charge::NotOurs(_) => return None,
    };
    Some(Failure::new(OurCode::UnconfirmedPayment, message))
}
