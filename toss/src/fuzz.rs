//! One entry for every parser of bytes from outside, for a fuzzer to call. Nothing here may panic,
//! whatever the bytes; what they say is of no interest.

use crate::jwe::{self, ContentKey};
use crate::private::SecurityKey;
use crate::transport::Refusal;
use crate::webhook::{self, Webhook, signature};
use crate::{Balance, Billing, CashReceiptRecord, Payment, Payout, Seller, cash_receipt, settlement, transaction};
use crate::{pages, payout};

/// Any key: the tag, which is checked after all parsing, shows whether the key opens the text.
const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// The body of an answer, as every call would read it.
pub fn answer(bytes: &[u8]) {
    let _ = Payment::parse(bytes);
    let _ = Billing::parse(bytes);
    let _ = CashReceiptRecord::parse(bytes);
    let _ = Balance::parse(bytes);
    let _ = Seller::parse(bytes);
    let _ = Payout::parse(bytes);
    let _ = Refusal::parse(bytes);
    let _ = transaction::page(bytes, None);
    let _ = settlement::rows(bytes);
    let _ = pages::RowMark::page(bytes);
    let _ = cash_receipt::page(bytes, None);
    let _ = pages::entities(bytes, None, Seller::from_value);
    let _ = payout::requested(bytes, &[]);
}

/// The body of a webhook, and the entity in it.
pub fn webhook(bytes: &[u8]) {
    if let Ok(Webhook::PayoutChanged(entity) | Webhook::SellerChanged(entity)) = webhook::parse(bytes) {
        let _ = entity.payout();
        let _ = entity.seller();
    }
}

/// The two headers and the body of a signed webhook.
pub fn signature(body: &[u8], time: &str, signatures: &str) {
    let _ = signature::verify(body, time, signatures, &SecurityKey::from(KEY));
}

/// A sealed body.
pub fn sealed(bytes: &[u8]) {
    if let Some(key) = ContentKey::from_hex(KEY).filter(|_| jwe::is_compact(bytes)) {
        let _ = jwe::open(bytes, &key);
    }
}
