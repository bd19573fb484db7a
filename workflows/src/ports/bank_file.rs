//! What files of transfers hand through the port. None of it holds an account number.

use domain::{id::PayoutRunId, payout::RunStatus, principal::Principal};
use serde::{Deserialize, Serialize};
use temporalio_workflow::common::ActivityDefinition;

use crate::facts::{Facts, HasFacts, facts_of};

ports! {
    /// The name of every port of bank files.
    list OF_BANK_FILES:
    /// Makes the file of a number, with which the next payouts of an approved run leave. Safe to repeat: run and number
    /// are the key.
    TakeBankFile = "payout.take_file": BankFileAsked => BankFileTaken;
}

/// A file that a principal takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankFileAsked {
    /// The run.
    pub run_id: PayoutRunId,
    /// The number of the file among those of the run, from 1.
    pub number: u32,
    /// The digest that was approved.
    pub digest: String,
    /// The author.
    pub by: Principal,
    /// Why.
    pub reason: String,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BankFileTaken {
    /// The file is made, and its bytes have this hash.
    Done {
        /// SHA-256 in lower-case hex.
        sha256: String,
    },
    /// There is no such run.
    UnknownRun,
    /// The run is not approved.
    NotApproved(RunStatus),
    /// The digest is not that of the run as it was approved.
    DigestMismatch,
    /// Payouts are stopped.
    Stopped,
    /// There is no file of that number, and no payout waits for one.
    NoSuchFile,
    /// It is not given, for this reason.
    Refused {
        /// A sentence.
        detail: String,
    },
}

impl HasFacts for BankFileAsked {
    fn facts(&self) -> Facts {
        facts_of([("payout_run_id", &self.run_id)])
    }
}
