//! What is served: one file for each noun. `router.rs` registers the handlers.

pub(crate) mod ask_psp;
pub(crate) mod audit_log;
pub(crate) mod buyer;
pub(crate) mod buyer_page;
pub(crate) mod checkout;
pub(crate) mod codec;
pub(crate) mod dead_letter;
pub(crate) mod event;
pub(crate) mod health;
pub(crate) mod history;
pub(crate) mod ledger;
pub(crate) mod payment_order;
pub(crate) mod payments_list;
pub(crate) mod payout;
pub(crate) mod payout_run;
pub(crate) mod purchase;
pub(crate) mod refund;
pub(crate) mod seller;
pub(crate) mod shapes;
pub(crate) mod wallet;
pub(crate) mod webhook;
pub(crate) mod webhook_endpoint;
