//! What can be booked.

use domain::{
    Timestamp,
    checkout::{DepositReturn, Payment},
    hold::HoldEvent,
    id::{HoldId, PaymentOrderId},
    ledger::{Entry, Hold},
    refund::{RefundExecution, RefundFailure, RefundPromise},
};

use crate::{BreakActRequest, ConcludeRun, SettlementBookings};

/// Something to book.
#[derive(Debug, Clone)]
pub(crate) enum Booking {
    Payment { payment: Box<Payment>, releases_at: Option<Timestamp> },
    DepositReturn(Box<DepositReturn>),
    Entry(Entry),
    Reversal { key: String, at: Timestamp },
    Release { order: PaymentOrderId, at: Timestamp },
    RefundPromise(RefundPromise),
    RefundExecution(RefundExecution),
    RefundFailure(RefundFailure),
    Hold { hold: Hold, expires_at: Option<Timestamp>, at: Timestamp },
    HoldChange { hold: HoldId, event: HoldEvent, at: Timestamp },
    Settlements(SettlementBookings),
    BreakAct(Box<BreakActRequest>),
    Conclusion(Box<ConcludeRun>),
    Closing { before: Timestamp },
}

impl Booking {
    /// The entry, where it is known beforehand.
    pub(crate) fn entry(&self) -> Option<&Entry> {
        match self {
            Self::Payment { payment, .. } => Some(&payment.entry),
            Self::Entry(entry) => Some(entry),
            Self::DepositReturn(_)
            | Self::Reversal { .. }
            | Self::Release { .. }
            | Self::RefundPromise(_)
            | Self::RefundExecution(_)
            | Self::RefundFailure(_)
            | Self::Hold { .. }
            | Self::HoldChange { .. }
            | Self::Settlements(_)
            | Self::BreakAct(_)
            | Self::Conclusion(_)
            | Self::Closing { .. } => None,
        }
    }

    /// When something is due because of this booking. `now` stands for what was kept back and is free again.
    pub(crate) fn due_at(&self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Payment { releases_at, .. } => *releases_at,
            Self::Hold { expires_at, .. } => *expires_at,
            // An open refund keeps the earnings of its order back.
            Self::RefundExecution(_) | Self::RefundFailure(_) => Some(now),
            Self::DepositReturn(_)
            | Self::Entry(_)
            | Self::Reversal { .. }
            | Self::Release { .. }
            | Self::RefundPromise(_)
            | Self::HoldChange { .. }
            | Self::Settlements(_)
            | Self::BreakAct(_)
            | Self::Conclusion(_)
            | Self::Closing { .. } => None,
        }
    }

    /// About how many postings it makes.
    pub(crate) fn postings(&self) -> usize {
        match self {
            Self::Settlements(bookings) => bookings.postings(),
            Self::Payment { .. }
            | Self::DepositReturn(_)
            | Self::Entry(_)
            | Self::Reversal { .. }
            | Self::Release { .. }
            | Self::RefundPromise(_)
            | Self::RefundExecution(_)
            | Self::RefundFailure(_)
            | Self::Hold { .. }
            | Self::HoldChange { .. }
            | Self::BreakAct(_)
            | Self::Conclusion(_)
            | Self::Closing { .. } => self.entry().map_or(4, |entry| entry.fields().postings.len()),
        }
    }
}
