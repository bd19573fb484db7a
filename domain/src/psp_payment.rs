//! A payment as the PSP shows it, to be held beside ours.

use alloc::{string::String, vec::Vec};

use crate::{Money, Timestamp, charge::Charge, checkout::Phase, id::PaymentKey};

/// A payment as the PSP shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PspPayment {
    /// The PSP's name of it.
    pub payment_key: PaymentKey,
    /// Its status, in the PSP's word.
    pub status: String,
    /// What was asked for.
    pub total: Money,
    /// What it means for us.
    pub charge: Charge,
    /// What was given back, in the PSP's order.
    pub cancels: Vec<PspCancel>,
}

/// A part of a payment that the PSP gave back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PspCancel {
    /// The part.
    pub amount: Money,
    /// When it was given back.
    pub at: Option<Timestamp>,
}

impl PspPayment {
    /// The money that the PSP holds for us.
    pub const fn held(&self) -> Money {
        match &self.charge {
            Charge::Captured(capture) => capture.amount,
            Charge::AwaitingDeposit { .. }
            | Charge::Refused(_)
            | Charge::Returned
            | Charge::Open
            | Charge::Absent
            | Charge::NotOurs(_) => Money::zero(self.total.currency()),
        }
    }
}

/// The money of a checkout that we believe the PSP to hold: what was paid less what was refunded. Nothing while we do
/// not know.
pub fn believed_held(phase: Phase, total: Money, refunded: &[Money]) -> Option<Money> {
    match phase {
        Phase::Moving | Phase::Held => None,
        Phase::Open | Phase::Deposit | Phase::Declined | Phase::Closed => Some(Money::zero(total.currency())),
        Phase::Paid => refunded.iter().try_fold(total, |left, refunded| left.minus(*refunded).ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Currency;

    #[test]
    fn what_is_held_is_what_was_paid_less_what_was_refunded() {
        let won = |minor| Money::try_from_minor(minor, Currency::Krw).unwrap_or(Money::zero(Currency::Krw));
        let held = |phase| believed_held(phase, won(9), &[won(2), won(3)]);
        assert_eq!(held(Phase::Paid), Some(won(4)));
        assert_eq!(believed_held(Phase::Paid, won(9), &[won(10)]), None, "more than there was");
        for phase in [Phase::Open, Phase::Deposit, Phase::Declined, Phase::Closed] {
            assert_eq!(held(phase), Some(won(0)));
        }
        for phase in [Phase::Moving, Phase::Held] {
            assert_eq!(held(phase), None);
        }
    }
}
