//! Receipts that the marketplace asks for after the payment, and what is done next about them.
//!
//! The PSP takes its own receipts back with a refund, and knows nothing of refunds of these: of each, it is we who take
//! back what was given back. What is to be taken back follows from what the PSP holds, and is written down before it is
//! sent, so that a lost answer is asked about and never added to.

use crate::{
    Money,
    cash_receipt::{ReceiptEntry, ReceiptPurpose},
    failure::Failure,
    id::{CheckoutId, ReceiptRequestId},
    time::Timestamp,
};
use alloc::string::String;

/// How far a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestStatus {
    /// The PSP has not answered it.
    Pending,
    /// The PSP has done it.
    Done,
    /// Nothing came of it.
    Failed,
}

words! { RequestStatus { Pending = "PENDING", Done = "DONE", Failed = "FAILED" } }

/// A receipt that is asked for, or the taking back of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptRequest {
    /// Its id, by which the PSP knows a repetition.
    pub id: ReceiptRequestId,
    /// The payment.
    pub checkout_id: CheckoutId,
    /// What it does.
    pub entry: ReceiptEntry,
    /// What the receipt is used for.
    pub purpose: Option<ReceiptPurpose>,
    /// The amount; nothing until it is about to be sent.
    pub amount: Option<Money>,
    /// The part of the amount without tax.
    pub tax_free: Option<Money>,
    /// How far it is.
    pub status: RequestStatus,
    /// What the PSP calls the receipt.
    pub receipt_key: Option<String>,
    /// How many of its keys were spent on an answer that told nothing.
    pub attempt: u32,
    /// When it was sent first. What was sent before is asked about before it is sent again.
    pub sent_at: Option<Timestamp>,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// Why nothing came of it.
    pub failure: Option<Failure>,
}

/// Why a receipt is not asked of the PSP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptRefusal {
    /// The payment has a receipt, or one is asked for.
    #[error("the payment has a cash receipt, or one was asked for")]
    Exists,
    /// All of the payment was given back.
    #[error("nothing of the payment is left")]
    NothingHeld,
    /// The payment was not paid like cash.
    #[error("only a payment in won by virtual account or bank transfer has a cash receipt of its own")]
    NotLikeCash,
    /// The number was erased, with what else is kept of the buyer.
    #[error("the number was erased before the receipt was issued")]
    NumberErased,
}

words! {
    ReceiptRefusal {
        Exists = "receipt_exists",
        NothingHeld = "nothing_held",
        NotLikeCash = "not_like_cash",
        NumberErased = "number_erased",
    }
}

/// What is known of the money of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MoneyHeld {
    /// What the PSP holds of it.
    pub at_psp: Money,
    /// What is left of it by the books.
    pub in_books: Money,
    /// The part of that without tax.
    pub tax_free: Money,
    /// Whether the PSP has a receipt of its own for it.
    pub has_receipt: bool,
}

/// What is done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptStep<'a> {
    /// Nothing.
    Nothing,
    /// It is looked at again soon: the PSP and the books hold different amounts, so money is moving.
    Wait,
    /// The request comes to nothing.
    Refuse(&'a ReceiptRequest, ReceiptRefusal),
    /// The amount of the request is written down: all that is left.
    Size(&'a ReceiptRequest),
    /// The request is sent.
    Send(&'a ReceiptRequest),
    /// A request is written down that takes back so much of a receipt.
    TakeBack(&'a ReceiptRequest, Money),
}

/// What is done next about the requests of a payment, the oldest first.
pub fn next_step<'a>(requests: &'a [ReceiptRequest], held: &MoneyHeld) -> ReceiptStep<'a> {
    if let Some(pending) = requests.iter().find(|request| request.status == RequestStatus::Pending) {
        return match (pending.entry, pending.amount) {
            (ReceiptEntry::Cancel, _) | (ReceiptEntry::Issue, Some(_)) => ReceiptStep::Send(pending),
            (ReceiptEntry::Issue, None) if held.has_receipt => ReceiptStep::Refuse(pending, ReceiptRefusal::Exists),
            (ReceiptEntry::Issue, None) if held.at_psp != held.in_books => ReceiptStep::Wait,
            (ReceiptEntry::Issue, None) if held.at_psp.is_zero() => {
                ReceiptStep::Refuse(pending, ReceiptRefusal::NothingHeld)
            }
            (ReceiptEntry::Issue, None) => ReceiptStep::Size(pending),
        };
    }
    let done = |entry: ReceiptEntry| {
        requests.iter().filter(move |request| request.status == RequestStatus::Done && request.entry == entry)
    };
    let Some(issued) = done(ReceiptEntry::Issue).next() else { return ReceiptStep::Nothing };
    let taken_back = done(ReceiptEntry::Cancel).filter_map(|request| request.amount);
    let recorded =
        issued.amount.and_then(|amount| taken_back.into_iter().try_fold(amount, |left, part| left.minus(part).ok()));
    let too_much = recorded.and_then(|recorded| recorded.minus(held.at_psp).ok());
    match too_much {
        Some(part) if !part.is_zero() => ReceiptStep::TakeBack(issued, part),
        Some(_) | None => ReceiptStep::Nothing,
    }
}
