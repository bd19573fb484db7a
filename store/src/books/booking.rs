//! What can be booked.

use domain::{
    Timestamp,
    checkout::{DepositReturn, Payment},
    hold::HoldEvent,
    id::{HoldId, PaymentOrderId},
    ledger::{Entry, Hold},
    refund::{RefundExecution, RefundFailure, RefundPromise},
};

use crate::{BreakActRequest, ConcludeRun, RowBooking};

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
    Settlement(Box<RowBooking>),
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
            | Self::Settlement(_)
            | Self::BreakAct(_)
            | Self::Conclusion(_)
            | Self::Closing { .. } => None,
        }
    }

    /// About how many postings it makes.
    pub(crate) fn postings(&self) -> usize {
        self.entry().map_or(4, |entry| entry.fields().postings.len())
    }
}
