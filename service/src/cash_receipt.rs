//! A cash receipt for a payment that has none, asked for after the payment.

use domain::{
    Currency,
    cash_receipt::{ReceiptEntry, ReceiptPurpose, ReceiptRefusal, ReceiptStatus, is_cash_like},
    checkout::Status,
    id::{CheckoutId, IdempotencyKey},
};
use store::{NewReceiptRequest, ReceiptRequested, StoreError, seal_receipt_number};

use crate::{Caller, Fault, Service};

/// A receipt that is wanted.
#[derive(Debug, Clone, Copy)]
pub struct WantedReceipt<'a> {
    /// The payment.
    pub checkout_id: &'a CheckoutId,
    /// What it is used for.
    pub purpose: ReceiptPurpose,
    /// Whom it is for: the telephone number of a person, or the number of a business; digits alone.
    pub number: &'a str,
    /// Makes the request safe to repeat.
    pub key: &'a IdempotencyKey,
}

/// Why no receipt is asked for.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// There is no such checkout.
    #[error("No checkout has this id.")]
    NoCheckout,
    /// Nothing was paid.
    #[error("The checkout is {0}, so there is nothing to receipt.")]
    NotPaid(Status),
    /// The payment takes no receipt.
    #[error("No cash receipt is asked for: {0}.")]
    Refused(ReceiptRefusal),
    /// The idempotency key came with another payment or purpose.
    #[error("This idempotency key came with another body before. Use a new key for a new receipt.")]
    KeyReused,
    /// The number would stand in the clear.
    #[error("The number is kept sealed until the receipt is issued. Set encryption_keys, on every process.")]
    NoEncryptionKeys,
    /// Something of ours failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for ReceiptError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

/// Asks for a receipt. A worker sends it to the PSP within a minute. Answers whether it was asked for before.
pub async fn request(service: &Service, caller: &Caller, wanted: WantedReceipt<'_>) -> Result<bool, ReceiptError> {
    let WantedReceipt { checkout_id, purpose, number, key } = wanted;
    let id = caller.principal.receipt(key);
    let record = service.reader.checkout(checkout_id).await?.ok_or(ReceiptError::NoCheckout)?;
    if !record.status.is_payment_done() {
        return Err(ReceiptError::NotPaid(record.status));
    }
    let requests = service.reader.receipt_requests(checkout_id).await?;
    let is_repeated = requests.iter().any(|request| request.id == id);
    let method = record.psp.as_ref().and_then(|psp| psp.method.as_deref());
    if record.total.currency() != Currency::Krw || !is_cash_like(method) {
        return Err(ReceiptError::Refused(ReceiptRefusal::NotLikeCash));
    }
    if record.status == Status::Refunded && !is_repeated {
        return Err(ReceiptError::Refused(ReceiptRefusal::NothingHeld));
    }
    let receipts = service.reader.cash_receipts(checkout_id).await?;
    let is_issued = receipts
        .receipts
        .iter()
        .any(|receipt| receipt.entry == ReceiptEntry::Issue && receipt.status != ReceiptStatus::Failed);
    if is_issued && !is_repeated {
        return Err(ReceiptError::Refused(ReceiptRefusal::Exists));
    }
    let keys = service.keyring.as_ref().ok_or(ReceiptError::NoEncryptionKeys)?;
    let new = NewReceiptRequest {
        sealed_number: seal_receipt_number(keys, &id, number).map_err(Fault::internal)?,
        id,
        checkout_id: checkout_id.clone(),
        purpose,
        currency: record.total.currency(),
        requested_by: caller.principal.clone(),
    };
    match service.journal.request_receipt(&new).await? {
        ReceiptRequested::Now => Ok(false),
        ReceiptRequested::Before => Ok(true),
        ReceiptRequested::Reused => Err(ReceiptError::KeyReused),
        ReceiptRequested::Exists => Err(ReceiptError::Refused(ReceiptRefusal::Exists)),
    }
}
