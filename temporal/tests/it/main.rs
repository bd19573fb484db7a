//! The whole, from outside: real processes, real HTTP, a real Temporal server.
#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test, what cannot be done fails the test")]

mod absence;
mod audit;
mod browser;
mod command_line;
mod crash;
mod database;
mod dead_letters;
mod doctor;
mod door_keys;
mod door_limits;
mod door_metrics;
mod door_openapi;
mod door_schemathesis;
mod door_tls;
mod faults;
mod first_contact;
mod http;
mod ledger;
mod ledger_reads;
mod privacy;
mod reconciliation;
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
mod webhooks;
