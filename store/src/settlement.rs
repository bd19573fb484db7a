//! The PSP's settlement rows: kept as they were received, and booked once each.

mod read;
mod rows;
mod write;

pub use read::{
    CanceledPayment, CapturedCheckout, RecordedPayment, RefundedPart, ReversedSettlement, RowPage, RowPlace,
    SettlementCalendar, SettlementDay, StandingCapture, StoredRow, UnsettledCapture,
};
pub use rows::{KeptRows, ReceivedRow, RowBooking, SettlementBookings};
pub(crate) use write::book;
