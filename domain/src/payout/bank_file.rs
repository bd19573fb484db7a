//! Paying by bank file: transfers that a person takes to our own bank, and what the bank made of them.
//!
//! Each attempt of a payout is in one file. Its reference stands in the text of the transfer, so a line of our bank
//! statement that has reference and amount shows that the payout is paid. Where no line shows it, two principals say
//! what the bank answered.

use alloc::{format, string::String, vec::Vec};
use core::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::status::{PayoutStatus, written};
use crate::{Money, csv::cell, principal::Principal};

/// The most transfers of one file: what a bank takes at once.
pub const MAX_TRANSFERS: usize = 1_000;
/// How many characters a reference has, with its beginning. Source: the text of a transfer has ten at Korean banks.
const REFERENCE_CHARS: usize = 10;
/// How each reference begins.
const REFERENCE_BEGINS: &str = "DG";
/// The digits of a reference: none is taken for another one.
const REFERENCE_DIGITS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// Before each file: programs that open it take it for UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';
const HEADER: &str = "bank_code,account_number,holder_name,amount,reference,ref_payout_id\r\n";

written! {
    /// What a bank made of a payout, where a person says so and no record of a bank or of the PSP shows it.
    BankAnswer {
        /// Our bank paid the transfer: the seller's bank has the money.
        Paid = "paid",
        /// Our bank did not pay the transfer: the money never left, or came back before it arrived.
        Failed = "failed",
        /// The seller's bank sent the money back after it had arrived.
        Returned = "returned",
        /// Our own money, which was swept, is in our bank account.
        Received = "received",
    }
}

impl BankAnswer {
    /// The status of a payout after the answer.
    pub const fn status(self) -> PayoutStatus {
        match self {
            Self::Paid | Self::Received => PayoutStatus::Paid,
            Self::Failed => PayoutStatus::Failed,
            Self::Returned => PayoutStatus::Returned,
        }
    }
}

/// What a principal's word on a payout does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Two principals say the same: it is carried out.
    Confirmed,
    /// It is noted, in the place of an earlier word, and another principal has to say the same.
    Noted,
    /// The same principal said the same before.
    Before,
}

/// What a principal's word on a payout does, after the word that is noted and that nobody confirmed.
pub fn hear(noted: Option<(BankAnswer, &Principal)>, answer: BankAnswer, by: &Principal) -> Heard {
    match noted {
        Some((before, author)) if before == answer && author == by => Heard::Before,
        Some((before, _)) if before == answer => Heard::Confirmed,
        Some(_) | None => Heard::Noted,
    }
}

/// The name of the seller's bank account in a run: the number of the account among those of the seller. Another
/// account has another number, and so the run another digest.
pub fn destination(account: u32) -> String {
    format!("bank_account.{account}")
}

/// The number of the account that [`destination`] names.
pub fn account_of(destination: &str) -> Option<u32> {
    destination.strip_prefix("bank_account.")?.parse().ok()
}

/// The reference of an attempt. `clash` counts the references that other attempts have already.
pub fn reference(ref_payout_id: &str, clash: u32) -> String {
    let hash = Sha256::digest(format!("daegeum-transfer 1\n{clash}\n{ref_payout_id}"));
    let digits = hash.iter().take(REFERENCE_CHARS - REFERENCE_BEGINS.len());
    let digit = |byte: &u8| REFERENCE_DIGITS.get(usize::from(byte % 32)).copied().map_or('A', char::from);
    REFERENCE_BEGINS.chars().chain(digits.map(digit)).collect()
}

/// What in the text of a bank line may be a reference.
pub fn references_in(label: &str) -> Vec<String> {
    let label = label.to_ascii_uppercase();
    let places = label.match_indices(REFERENCE_BEGINS).map(|(place, _)| place);
    let whole = places.filter_map(|place| label.get(place..place.checked_add(REFERENCE_CHARS)?));
    whole.filter(|text| text.bytes().all(|byte| REFERENCE_DIGITS.contains(&byte))).map(String::from).collect()
}

/// A transfer of a file.
#[derive(Debug, Clone, Copy)]
pub struct Transfer<'a> {
    /// The bank's code.
    pub bank_code: &'a str,
    /// The account.
    pub account_number: &'a str,
    /// The holder of the account.
    pub holder_name: &'a str,
    /// How much.
    pub amount: Money,
    /// What the bank line will have in its text.
    pub reference: &'a str,
    /// Our name of the attempt.
    pub ref_payout_id: &'a str,
}

/// The file: comma-separated values in UTF-8 with a byte order mark, one line for each transfer.
pub fn csv<'a>(transfers: impl IntoIterator<Item = Transfer<'a>>) -> String {
    let mut text = String::from(BYTE_ORDER_MARK);
    text += HEADER;
    for transfer in transfers {
        let Transfer { bank_code, account_number, holder_name, amount, reference, ref_payout_id } = transfer;
        let (bank_code, account_number, holder_name) = (cell(bank_code), cell(account_number), cell(holder_name));
        let amount = amount.to_decimal_string();
        text += &format!("{bank_code},{account_number},{holder_name},{amount},{reference},{ref_payout_id}\r\n");
    }
    text
}
