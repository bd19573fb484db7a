//! What a caller can ask for, without HTTP: the use cases of the API, the pages and the command line.
//!
//! A use case starts, updates or signals a workflow, and reads what workflows have written.
//!
//! # What this crate does not do
//!
//! It knows no request, no answer and no status of HTTP. It decides nothing about money: `domain` decides whether
//! something is allowed, and a workflow does it. It has a [`Reader`] and a [`Journal`],
//! and no writer of the books; it never talks to the PSP.

#![cfg_attr(test, expect(clippy::unwrap_used, reason = "a test that meets what it does not expect has failed"))]

pub mod api_key;
pub mod ask_psp;
pub mod bank_statement;
pub mod buyer;
pub mod cash_receipt;
pub mod checkout;
pub mod console;
pub mod dead_letter;
mod fault;
pub mod fx_trading;
pub mod ledger_export;
pub mod payout;
pub mod psp_view;
pub mod purchase;
pub mod purchase_statement;
pub mod rate_file;
pub mod readiness;
pub mod reconciliation;
pub mod recovery;
pub mod refund;
pub mod return_hosts;
pub mod reversal;
pub mod saved_card;
pub mod schedule;
pub mod seller;
pub mod system;
pub mod table;
mod temporal;
mod waiting;
pub mod webhook;
pub mod webhook_endpoint;

use std::{fmt, sync::Arc, time::Duration};

use chrono::Utc;
use domain::{Limits, Money, Timestamp, calendar::ReleaseRule, principal::Principal, settlement::FeeContracts};
use store::{ConfirmTokens, Journal, Keyring, Reader, Scopes};

pub use fault::Fault;
pub use temporal::error_chain;

/// Everything that the use cases reach.
#[derive(Clone)]
pub struct Service {
    /// Starts, updates and signals workflows.
    pub temporal: temporalio_client::Client,
    /// Reads what workflows have written.
    pub reader: Reader,
    /// Writes down what came in.
    pub journal: Journal,
    /// Seals personal data. Without a keyring, no personal data is kept.
    pub keyring: Option<Arc<Keyring>>,
    /// Derives the token by which a buyer's browser may confirm.
    pub confirm_tokens: ConfirmTokens,
    /// Whether this process can do its work.
    pub readiness: readiness::Readiness,
    /// Names the schedules of the namespace.
    pub schedules: Arc<schedule::ScheduleProbe>,
    /// Asks the PSP for its own view of a payment.
    pub psp: Arc<psp_view::PspProbe>,
    /// Looks at everything that a payment needs.
    pub system: Arc<system::SystemProbe>,
    /// What an operator can set.
    pub settings: Settings,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What an operator can set of the use cases.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long a buyer may take to pay.
    pub checkout_deadline: Duration,
    /// How long a confirmation or a refund is waited for before the answer is "not known yet".
    pub confirm_wait: Duration,
    /// How long a new checkout is waited for before its sender is told to ask again.
    pub record_wait: Duration,
    /// Whether a worker shares this process and its Temporal client. Then a workflow may start eagerly.
    pub eager_start: bool,
    /// Whether histories are sealed. The summary of a workflow is never sealed, so a sealed history has a shorter
    /// summary.
    pub histories: Histories,
    /// The limits and approvals of refunds.
    pub refund_rules: refund::RefundRules,
    /// The rules of a payout plan.
    pub plan_rules: domain::payout::plan::PlanRules,
    /// When what a seller has earned may be paid out.
    pub release_rule: ReleaseRule,
    /// What reports are measured against.
    pub reports: ReportRules,
    /// The most money that one principal gives up by resolving a dead letter.
    pub letters_alone_up_to: Limits,
}

/// What reports are measured against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportRules {
    /// The part of what is owed to sellers that must stand apart, in hundredths.
    pub keep_apart_percent: u32,
    /// The fee of the contract with the PSP with its tax, where one is set.
    pub fee_contracts: FeeContracts,
}

/// The principal that asks for a change, and its rights.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The principal that acts.
    pub principal: Principal,
    /// Its rights.
    pub scopes: Scopes,
    /// The most that it refunds in a day, where it has a limit of its own.
    pub refund_limit: Option<Money>,
}

/// Whether the PSP means what it says under an error code for the buyer. What it says under the others is about
/// us: a wrong key, a missing contract.
pub type IsForBuyer = fn(&str) -> bool;

/// Whether the Temporal server sees what stands in workflow histories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Histories {
    /// Payloads are sealed before they are sent to the server.
    Sealed,
    /// Payloads are sent as they are.
    InTheClear,
}

/// This instant.
pub fn now() -> Timestamp {
    Timestamp::from_epoch_ms(Utc::now().timestamp_millis())
}
