//! Why a seller is in no run of a day, though nothing of the seller's money is carried over.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::status::written;
use crate::{Money, wallet::Wallet};

written! {
    /// Why a run does not look at a seller.
    IdleReason {
        /// The seller's calendar has no payout on the day.
        OtherDay = "not_due_on_this_day",
        /// Everything that the seller earned waits for its release.
        NotReleased = "not_released_yet",
        /// Everything that the seller has is held, or frozen in another run.
        Held = "held",
        /// Everything that the seller has is on its way.
        InTransit = "on_its_way",
        /// The seller has nothing.
        NothingEarned = "nothing_earned",
    }
}

impl IdleReason {
    /// The reason of a seller with this wallet, and the money of the reason; nothing where a run looks at the seller.
    pub fn of(wallet: &Wallet, is_due: bool) -> Option<(Self, Money)> {
        if !wallet.available.is_zero() {
            return (!is_due).then_some((Self::OtherDay, wallet.available));
        }
        let parts =
            [(Self::NotReleased, wallet.pending), (Self::Held, wallet.held), (Self::InTransit, wallet.in_transit)];
        let first = parts.into_iter().find(|(_, amount)| !amount.is_zero());
        Some(first.unwrap_or((Self::NothingEarned, wallet.available)))
    }
}
