//! What a cancel asks for, and what was carried out.

use serde::{Deserialize, Serialize};

use crate::banks::RefundAccount;
use crate::time::Instant;

/// One cancel that was carried out. Amounts are minor units of the payment's currency.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Cancel {
    pub(crate) amount: u64,
    pub(crate) reason: String,
    /// What is left to cancel after this one.
    pub(crate) refundable: u64,
    pub(crate) canceled_at: Instant,
    pub(crate) transaction_key: String,
    /// The part without tax.
    #[serde(default)]
    pub(crate) tax_free: u64,
    /// The part exempt from tax.
    #[serde(default)]
    pub(crate) tax_exemption: u64,
    /// The cash receipt that takes the amount back.
    #[serde(default)]
    pub(crate) receipt_key: Option<String>,
}

/// What a cancel asks for, already read and well-formed.
#[derive(Clone, Debug, Default)]
pub(crate) struct CancelRequest {
    pub(crate) reason: String,
    /// All that is left when absent.
    pub(crate) amount: Option<u64>,
    /// What the caller believes is left.
    pub(crate) refundable: Option<u64>,
    pub(crate) refund_account: Option<RefundAccount>,
    /// The part without tax; nothing when absent, and all that is left with the rest of the payment.
    pub(crate) tax_free: Option<u64>,
    /// The part exempt from tax, in the same way.
    pub(crate) tax_exemption: Option<u64>,
}
