//! A hold: a part of a seller's money is reserved, and then captured as a payout, released, or expires.

use core::fmt;

use crate::{
    Money, Timestamp,
    ledger::{Entry, EntryError, Hold, HoldEnd, PayoutEnd},
};

/// Where a hold stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldStatus {
    /// The money is reserved.
    Reserved,
    /// The hold was released.
    Released,
    /// The hold's time ran out.
    Expired,
    /// The hold became a payout, which is on its way.
    InTransit,
    /// The payout arrived.
    PaidOut,
    /// The payout came back.
    PayoutFailed,
}

impl HoldStatus {
    /// Every status there is.
    pub const ALL: [Self; 6] =
        [Self::Reserved, Self::Released, Self::Expired, Self::InTransit, Self::PaidOut, Self::PayoutFailed];

    /// Reads what [`Self::as_str`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// The status as the database writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "RESERVED",
            Self::Released => "RELEASED",
            Self::Expired => "EXPIRED",
            Self::InTransit => "IN_TRANSIT",
            Self::PaidOut => "PAID_OUT",
            Self::PayoutFailed => "PAYOUT_FAILED",
        }
    }

    /// Whether the hold became a payout, whatever has become of the payout.
    const fn is_captured(self) -> bool {
        match self {
            Self::InTransit | Self::PaidOut | Self::PayoutFailed => true,
            Self::Reserved | Self::Released | Self::Expired => false,
        }
    }
}

impl fmt::Display for HoldStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What happens to a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldEvent {
    /// The hold ends, and its money is available again.
    Ended(HoldEnd),
    /// The hold, or a part of it, is sent to the seller as a payout; the rest is available again.
    Captured(Money),
    /// The payout ends.
    PayoutEnded(PayoutEnd),
}

/// An event that cannot happen to a hold, because of the status at which the hold stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the hold is {0} already")]
pub struct HoldEnded(pub HoldStatus);

/// A hold and what has become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldState {
    /// The hold.
    pub hold: Hold,
    /// How much of it became a payout.
    pub captured: Money,
    /// Where it stands.
    pub status: HoldStatus,
}

impl HoldState {
    /// The status after an event; none where the same event happened before. This is the whole state machine.
    pub fn after(&self, event: HoldEvent) -> Result<Option<HoldStatus>, HoldEnded> {
        let (begins, ends) = match event {
            HoldEvent::Ended(HoldEnd::Released) => (HoldStatus::Reserved, HoldStatus::Released),
            HoldEvent::Ended(HoldEnd::Expired) => (HoldStatus::Reserved, HoldStatus::Expired),
            HoldEvent::Captured(_) => (HoldStatus::Reserved, HoldStatus::InTransit),
            HoldEvent::PayoutEnded(PayoutEnd::Arrived | PayoutEnd::ArrivedFromPsp) => {
                (HoldStatus::InTransit, HoldStatus::PaidOut)
            }
            HoldEvent::PayoutEnded(PayoutEnd::CameBack) => (HoldStatus::InTransit, HoldStatus::PayoutFailed),
            HoldEvent::PayoutEnded(PayoutEnd::Returned | PayoutEnd::ReturnedToBank) => {
                (HoldStatus::PaidOut, HoldStatus::PayoutFailed)
            }
        };
        if self.status == begins {
            return Ok(Some(ends));
        }
        let has_happened = match event {
            HoldEvent::Captured(amount) => self.status.is_captured() && self.captured == amount,
            HoldEvent::Ended(_) | HoldEvent::PayoutEnded(_) => self.status == ends,
        };
        if has_happened { Ok(None) } else { Err(HoldEnded(self.status)) }
    }

    /// The entry that an event makes in the ledger.
    pub fn entry(&self, event: HoldEvent, at: Timestamp) -> Result<Entry, EntryError> {
        match event {
            HoldEvent::Ended(end) => Entry::of_hold_ended(&self.hold, end, at),
            HoldEvent::Captured(amount) => Entry::of_hold_captured(&self.hold, amount, at),
            HoldEvent::PayoutEnded(end) => {
                let payout = Hold { amount: self.captured, ..self.hold.clone() };
                Entry::of_payout_ended(&payout, end, at)
            }
        }
    }
}
