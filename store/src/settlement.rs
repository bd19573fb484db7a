//! The PSP's settlement rows: kept as they were received, and booked once each.

mod read;
mod rows;
mod write;

pub use read::{CapturedCheckout, RefundedPart, SettlementCalendar, SettlementDay, StoredRow, UnsettledCapture};
pub use rows::{KeptRows, ReceivedRow, RowBooking};
pub(crate) use write::book;
