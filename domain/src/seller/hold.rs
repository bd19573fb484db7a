//! Holds that principals place on sellers: an amount, or all payouts.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::{
    Money, Timestamp,
    id::{HoldId, SellerAccount},
    principal::Principal,
};

/// The most characters of a reason.
pub const MAX_HOLD_REASON_CHARS: usize = 200;

/// A hold to place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewHold {
    /// Its id, which is its key.
    pub hold_id: HoldId,
    /// Of whom.
    pub seller: SellerAccount,
    /// How much; all payouts where there is no amount.
    #[serde(default)]
    pub amount: Option<Money>,
    /// Why.
    pub reason: String,
    /// When it ends by itself.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// The author of the hold.
    pub placed_by: Principal,
}

/// A hold to lift.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiftedHold {
    /// The hold.
    pub hold_id: HoldId,
    /// Of whom.
    pub seller: SellerAccount,
    /// The principal that lifts it.
    pub lifted_by: Principal,
}

/// What the wallet said to a hold of an amount, or to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldAnswer {
    /// It is done.
    Done,
    /// It is refused; nothing moved.
    Refused {
        /// Why.
        reason: String,
    },
    /// The seller has no such hold.
    NoSuchHold,
}
