//! Rows as they come, and as they are booked.

use domain::{
    reconciliation::{Finding, repair::RepairLimits},
    settlement::{Counter, SettlementRow},
};

/// A row as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedRow {
    /// The row as it was read.
    pub row: SettlementRow,
    /// The row as it was received, as compact JSON without personal data.
    pub received: String,
}

/// What came of keeping rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptRows {
    /// How many were new.
    pub fresh: u64,
    /// Transaction keys of rows that are booked, and that the PSP writes differently now.
    pub changed: Vec<String>,
}

/// A row to book.
#[derive(Debug, Clone)]
pub struct RowBooking {
    pub row: SettlementRow,
    /// The account on the other side.
    pub counter: Counter,
    /// The break that holds what is booked to suspense: it is opened in the same transaction.
    pub finding: Option<Finding>,
    /// The run of the reconciliation.
    pub run_id: String,
}

/// Rows to book together.
#[derive(Debug, Clone)]
pub struct SettlementBookings {
    pub rows: Vec<RowBooking>,
    /// What rules may do on one day.
    pub limits: RepairLimits,
}

impl SettlementBookings {
    /// About how many postings they make: payout, fee and tax of each row that a break holds, twice as many of one
    /// that was exchanged, and for all others together as many in each direction.
    pub(crate) fn postings(&self) -> usize {
        let held = self.rows.iter().filter(|booking| booking.finding.is_some()).count();
        let exchanged = self.rows.iter().filter(|booking| booking.row.exchange.is_some()).count();
        3 * (2 + held + 2 * exchanged)
    }
}
