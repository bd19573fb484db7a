//! One module per table, as `migrations` made it.

#![expect(unreachable_pub, reason = "`DeriveEntityModel` makes public what it derives")]

pub(crate) mod api_keys;
pub(crate) mod audit_log;
pub(crate) mod buyer_details;
pub(crate) mod checkout_requests;
pub(crate) mod commission_rates;
pub(crate) mod dead_letter_actions;
pub(crate) mod dead_letters;
pub(crate) mod declined_payments;
pub(crate) mod event_cursors;
pub(crate) mod event_log;
pub(crate) mod events;
pub(crate) mod ledger_balances;
pub(crate) mod ledger_checkpoints;
pub(crate) mod ledger_entries;
pub(crate) mod ledger_head;
pub(crate) mod ledger_postings;
pub(crate) mod payment_events;
pub(crate) mod payment_ids;
pub(crate) mod payment_orders;
pub(crate) mod payment_status_history;
pub(crate) mod payout_attempts;
pub(crate) mod payout_runs;
pub(crate) mod payouts;
pub(crate) mod purchase_confirmations;
pub(crate) mod readiness_probe;
pub(crate) mod refund_approvals;
pub(crate) mod refund_days;
pub(crate) mod refund_orders;
pub(crate) mod refund_reservations;
pub(crate) mod refunds;
pub(crate) mod risk_decisions;
pub(crate) mod seller_holds;
pub(crate) mod seller_registrations;
pub(crate) mod sellers;
pub(crate) mod server_secrets;
pub(crate) mod statement_lines;
pub(crate) mod statements;
pub(crate) mod wallet_holds;
pub(crate) mod wallets;
pub(crate) mod webhook_deliveries;
pub(crate) mod webhook_endpoints;
pub(crate) mod webhook_inbox;
pub(crate) mod webhook_requests;
pub(crate) mod webhook_retries;
