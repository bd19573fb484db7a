//! Checkouts, their payment orders and their status history.

pub(crate) mod confirm_token;
pub(crate) mod deposit;
pub(crate) mod deposit_return;
pub(crate) mod figures;
pub(crate) mod history;
pub(crate) mod list;
pub(crate) mod paid_times;
pub(crate) mod read;
pub(crate) mod recovery;
pub(crate) mod status;
pub(crate) mod write;

pub use confirm_token::{ConfirmToken, ConfirmTokens};
pub use deposit::FRESH_LOOK_MS;
pub use figures::{CheckoutFigure, Parts};
pub use history::{HistorySources, OperatorDecision, PaidBack};
pub use list::{CheckoutFilter, CheckoutPosition, KEY_END_CHARS};
pub use read::{CheckoutRecord, DeclineRecord, OrderRecord, PspRecord, RequestRecord, StatusChange};
pub use recovery::{LostCheckout, RecallRecord};
