//! The PSP's settlement rows: kept as they were received, and booked once each.

mod exchange;
mod read;
mod rows;
mod write;

pub(crate) use exchange::{TradingTotal, torn_exchanges, trading_totals};
pub use read::{
    CanceledPayment, CapturedCheckout, RecordedPayment, RefundedPart, ReversedSettlement, RowPage, RowPlace,
    SettlementCalendar, SettlementDay, StandingCapture, StoredRow, UnsettledCapture,
};
pub use rows::{KeptRows, ReceivedRow, RowBooking, SettlementBookings};
pub(crate) use write::book;
