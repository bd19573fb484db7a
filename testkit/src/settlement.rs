//! A settlement of the PSP that comes to our bank, as a bookkeeper would write it by hand.

use domain::{
    Money, Timestamp,
    ledger::{Account, Entry, EntryError, EntryFields, Posting, PostingFields, Reason},
};

/// The PSP paid `gross` of what it had captured, less its fee.
pub fn to_bank(settlement: &str, gross: Money, fee: Money, occurred_at: Timestamp) -> Result<Entry, EntryError> {
    let net = gross.minus(fee).map_err(|_| EntryError::NotEnough)?;
    let parts = [(Account::Bank, net), (Account::PspFees, fee)];
    let postings = parts.into_iter().filter(|(_, amount)| !amount.is_zero()).map(|(debit, amount)| {
        Posting::try_new(PostingFields { debit, credit: Account::PspReceivable, amount, order: None })
    });
    Entry::try_new(EntryFields {
        key: Reason::PspSettled.key(settlement),
        reason: Reason::PspSettled,
        checkout_id: None,
        reverses: None,
        occurred_at,
        postings: postings.collect::<Result<_, _>>()?,
    })
}
