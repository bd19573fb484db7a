//! The whole, from outside: real processes, real HTTP, a real Temporal server.
#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test, what cannot be done fails the test")]

mod absence;
mod audit;
mod browser;
mod command_line;
mod crash;
mod dead_letters;
mod dependencies;
mod doctor;
mod documents;
mod door_keys;
mod door_limits;
mod door_load;
mod door_metrics;
mod door_openapi;
mod door_rules;
mod door_schemathesis;
mod door_tls;
mod door_tokens;
mod faults;
mod first_contact;
mod grants;
mod history;
mod http;
mod ledger;
mod ledger_reads;
mod payment_ids;
mod privacy;
mod reconciliation;
mod refund_rules;
mod refunds;
mod replay;
mod retries;
mod risk;
mod roles;
mod secrecy;
mod stack;
mod stuck;
mod traces;
mod virtual_accounts;
mod waits;
mod walls;
mod watching;
mod webhooks;

use testkit::{database, on_both_databases};
