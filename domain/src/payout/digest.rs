//! The digest of a run: what a second principal approves.
//!
//! It runs over every payout with the hash of its statement, so over every line. Whatever changes makes another digest.
//!
//! A run of sellers is frozen in parts. Each part has a hash over its payouts, and the digest of the run is over these
//! hashes ([`of_parts`]): a change of one payout reads one part again. The digest of a sweep, and of the runs that were
//! frozen before there were parts, is over all payouts at once ([`RunDigest`]).

use alloc::{format, string::String, string::ToString, vec::Vec};
use core::fmt::{Display, Write as _};

use sha2::{Digest as _, Sha256};

use crate::{
    Money,
    calendar::Day,
    id::{PayoutId, PayoutRunId, SellerAccount},
    payout::PaidBy,
};

/// The first line of a digest over all payouts; a change of the text changes its number.
const HEADER: &str = "daegeum-payout-run 1\n";
/// The first line of a digest over parts.
const PARTS_HEADER: &str = "daegeum-payout-run 2\n";
/// The first line of the hash of a part.
const PART_HEADER: &str = "daegeum-payout-run-part 1\n";

/// Stands in the place of a statement's hash where there is no statement.
pub const NO_STATEMENT: &str = "none";

/// A payout as the digest holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestLine {
    /// The payout.
    pub payout_id: PayoutId,
    /// The seller.
    pub seller: SellerAccount,
    /// How much.
    pub amount: Money,
    /// The seller at the PSP, or the seller's bank account by its number.
    pub destination: String,
    /// SHA-256 of the statement, in lower-case hex; [`NO_STATEMENT`] of a sweep.
    pub statement_sha256: String,
}

/// What the digest of a run is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestScheme {
    /// All payouts at once.
    Payouts,
    /// The hashes of the parts.
    Parts,
}

impl DigestScheme {
    /// The number that stands in the first line of the digest.
    pub const fn number(self) -> i32 {
        match self {
            Self::Payouts => 1,
            Self::Parts => 2,
        }
    }

    /// The scheme with a number.
    pub const fn of_number(number: i32) -> Option<Self> {
        match number {
            1 => Some(Self::Payouts),
            2 => Some(Self::Parts),
            _ => None,
        }
    }
}

/// A part of a run, as the digest of the run holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestPart {
    /// The number of the part in the run.
    pub number: u32,
    /// How many payouts it has.
    pub payouts: u32,
    /// The hash over them, in lower-case hex.
    pub sha256: String,
}

/// The hash of a part of a run, in lower-case hex. The order of the payouts does not matter.
pub fn of_part(run: &PayoutRunId, number: u32, payouts: &[DigestLine]) -> String {
    let mut text = String::from(PART_HEADER);
    line(&mut text, "run", run);
    line(&mut text, "part", &number);
    line(&mut text, "payouts", &payouts.len());
    let mut payouts: Vec<&DigestLine> = payouts.iter().collect();
    payouts.sort_by(|one, other| one.payout_id.cmp(&other.payout_id));
    for payout in payouts {
        payout.write(&mut text);
    }
    sha256(text.as_bytes())
}

/// The digest of a run that was frozen in parts, in lower-case hex. The order of the parts does not matter.
pub fn of_parts(run: &PayoutRunId, date: Day, parts: &[DigestPart]) -> String {
    of_parts_paid_by(run, date, PaidBy::Psp, parts)
}

/// The same, of a run that is paid on this way. A run through the PSP has the digest that it always had.
pub fn of_parts_paid_by(run: &PayoutRunId, date: Day, by: PaidBy, parts: &[DigestPart]) -> String {
    let mut text = String::from(PARTS_HEADER);
    line(&mut text, "run", run);
    line(&mut text, "date", &date);
    match by {
        PaidBy::Psp => {}
        PaidBy::BankFile => line(&mut text, "paid by", &by),
    }
    line(&mut text, "parts", &parts.len());
    let mut parts: Vec<&DigestPart> = parts.iter().collect();
    parts.sort_by_key(|part| part.number);
    for part in parts {
        line(&mut text, "part", &part.number);
        line(&mut text, "payouts", &part.payouts);
        line(&mut text, "sha256", &part.sha256);
    }
    sha256(text.as_bytes())
}

impl DigestLine {
    fn write(&self, text: &mut String) {
        line(text, "payout", &self.payout_id);
        line(text, "seller", &self.seller);
        line(text, "amount", &self.amount);
        line(text, "destination", &self.destination);
        line(text, "statement", &self.statement_sha256);
    }
}

/// The digest of a run over all its payouts, in lower-case hex. The order of the payouts does not matter.
pub fn of_run(run: &PayoutRunId, date: Day, payouts: &[DigestLine]) -> String {
    let mut payouts: Vec<&DigestLine> = payouts.iter().collect();
    payouts.sort_by(|one, other| one.payout_id.cmp(&other.payout_id));
    let mut digest = RunDigest::new(run, date, payouts.len());
    for payout in payouts {
        digest.add(payout);
    }
    digest.finish()
}

/// The digest of a run whose payouts come one after the other, in the order of their ids.
#[derive(Debug)]
pub struct RunDigest {
    hash: Sha256,
    last: Option<PayoutId>,
    left: usize,
    is_broken: bool,
}

impl RunDigest {
    /// Of a run of so many payouts.
    pub fn new(run: &PayoutRunId, date: Day, count: usize) -> Self {
        let mut text = String::from(HEADER);
        line(&mut text, "run", run);
        line(&mut text, "date", &date);
        line(&mut text, "payouts", &count);
        Self { hash: Sha256::new_with_prefix(text), last: None, left: count, is_broken: false }
    }

    /// Adds the next payout.
    pub fn add(&mut self, payout: &DigestLine) {
        let mut text = String::new();
        payout.write(&mut text);
        self.hash.update(text);
        self.is_broken |= self.left == 0 || self.last.as_ref().is_some_and(|last| *last >= payout.payout_id);
        self.left = self.left.saturating_sub(1);
        self.last = Some(payout.payout_id.clone());
    }

    /// Whether as many payouts were added as the digest is of, each once and in order.
    pub const fn is_whole(&self) -> bool {
        self.left == 0 && !self.is_broken
    }

    /// In lower-case hex.
    pub fn finish(self) -> String {
        hex(&self.hash.finalize())
    }
}

/// SHA-256 in lower-case hex.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The length stands before the value, so that no value pretends to be the next line.
fn line(text: &mut String, name: &str, value: &impl Display) {
    let value = value.to_string();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{name} {}:{value}", value.len());
}
