//! The digest of a run: what a second principal approves.
//!
//! It runs over every payout with the hash of its statement, so over every line. Whatever changes makes another digest.

use alloc::{format, string::String, string::ToString, vec::Vec};
use core::fmt::{Display, Write as _};

use sha2::{Digest as _, Sha256};

use crate::{
    Money,
    calendar::Day,
    id::{PayoutId, PayoutRunId, SellerAccount},
};

/// The first line; a change of the text changes its number.
const HEADER: &str = "daegeum-payout-run 1\n";

/// A payout as the digest holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestLine {
    /// The payout.
    pub payout_id: PayoutId,
    /// The seller.
    pub seller: SellerAccount,
    /// How much.
    pub amount: Money,
    /// The seller at the PSP.
    pub destination: String,
    /// SHA-256 of the statement, in lower-case hex.
    pub statement_sha256: String,
}

/// The digest of a run, in lower-case hex. The order of the payouts does not matter.
pub fn of_run(run: &PayoutRunId, date: Day, payouts: &[DigestLine]) -> String {
    let mut payouts: Vec<&DigestLine> = payouts.iter().collect();
    payouts.sort_by(|one, other| one.payout_id.cmp(&other.payout_id));
    let mut text = String::from(HEADER);
    line(&mut text, "run", run);
    line(&mut text, "date", &date);
    line(&mut text, "payouts", &payouts.len());
    for payout in payouts {
        line(&mut text, "payout", &payout.payout_id);
        line(&mut text, "seller", &payout.seller);
        line(&mut text, "amount", &payout.amount);
        line(&mut text, "destination", &payout.destination);
        line(&mut text, "statement", &payout.statement_sha256);
    }
    sha256(text.as_bytes())
}

/// SHA-256 in lower-case hex.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The length stands before the value, so that no value pretends to be the next line.
fn line(text: &mut String, name: &str, value: &impl Display) {
    let value = value.to_string();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{name} {}:{value}", value.len());
}
