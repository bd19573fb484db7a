//! The Payment object, every documented field of it.
//!
//! Required are the six fields without which nobody can say what happened to whose money. Every
//! other one is optional even where Toss promises it: a charge that succeeded must not become an
//! unreadable answer over a missing decoration.

use chrono::{DateTime, FixedOffset};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::amounts::{Currency, Sign};
use crate::private::Private;
use crate::shape::{self, ShapeError, Unknown, nullable_list};
use crate::times;
use crate::words::{
    AccountType, AcquireStatus, CancelStatus, CardType, CashReceiptType, InterestPayer, IssueStatus, Method, OwnerType,
    PaymentStatus, PaymentType, RefundStatus, SettlementStatus, TransactionType,
};

/// A payment as Toss knows it. Amounts are minor units of [`Payment::currency`].
///
/// Source: docs.tosspayments.com/reference, "Payment 객체".
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// Toss's name for the payment, at most 200 characters.
    pub payment_key: String,
    /// The merchant's name for the order, 6 to 64 characters.
    pub order_id: String,
    /// Where the payment stands.
    pub status: PaymentStatus,
    /// The currency of every amount here.
    pub currency: Currency,
    /// What was asked for; it never changes.
    pub total_amount: u64,
    /// What could still be cancelled.
    pub balance_amount: u64,
    /// API version that wrote the object, e.g. `2022-11-16`.
    pub version: Option<String>,
    /// How the payment was started.
    #[serde(rename = "type")]
    pub payment_type: Option<PaymentType>,
    /// What the buyer sees, at most 100 characters.
    pub order_name: Option<String>,
    /// Merchant id, at most 14 characters.
    pub m_id: Option<String>,
    /// What the buyer paid with; null until chosen.
    pub method: Option<Method>,
    /// When the payment was started.
    #[serde(default, deserialize_with = "times::nullable")]
    pub requested_at: Option<DateTime<FixedOffset>>,
    /// When the money was taken.
    #[serde(default, deserialize_with = "times::nullable")]
    pub approved_at: Option<DateTime<FixedOffset>>,
    /// Whether escrow was used.
    pub use_escrow: Option<bool>,
    /// Key of the last approval or cancellation.
    pub last_transaction_key: Option<String>,
    /// Key of the approval, in the versions that write it.
    pub transaction_key: Option<String>,
    /// The supply value; it falls with cancellations.
    pub supplied_amount: Option<u64>,
    /// Value added tax.
    pub vat: Option<u64>,
    /// Whether it counts as a cultural expense; always false for a card.
    pub culture_expense: Option<bool>,
    /// The part without tax.
    pub tax_free_amount: Option<u64>,
    /// The part exempt from tax.
    pub tax_exemption_amount: Option<u64>,
    /// Cancellations, empty when there are none.
    #[serde(default, deserialize_with = "nullable_list")]
    pub cancels: Vec<Cancel>,
    /// Whether a part may be cancelled.
    pub is_partial_cancelable: Option<bool>,
    /// Card details, also behind a wallet that charged a card.
    pub card: Option<Card>,
    /// Virtual account details.
    pub virtual_account: Option<VirtualAccount>,
    /// Compares with the `secret` of webhooks. Store it at confirm: a later look-up may lack it.
    pub secret: Option<Private>,
    /// Mobile phone details.
    pub mobile_phone: Option<MobilePhone>,
    /// Voucher details.
    pub gift_certificate: Option<GiftCertificate>,
    /// Bank transfer details.
    pub transfer: Option<Transfer>,
    /// The merchant's own pairs, at most five.
    pub metadata: Option<Private<Map<String, Value>>>,
    /// The receipt page.
    pub receipt: Option<Receipt>,
    /// The payment window page.
    pub checkout: Option<Checkout>,
    /// Wallet details.
    pub easy_pay: Option<EasyPay>,
    /// The part paid from the wallet itself, in the newest versions.
    pub easy_pay_amount: Option<u64>,
    /// The part the wallet forgave, in the newest versions.
    pub easy_pay_discount_amount: Option<u64>,
    /// ISO 3166 country of the payment, e.g. `KR`.
    pub country: Option<String>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// The cash receipt.
    pub cash_receipt: Option<CashReceipt>,
    /// Every issue and cancellation of cash receipts, in no promised order.
    #[serde(default, deserialize_with = "nullable_list")]
    pub cash_receipts: Vec<CashReceiptRecord>,
    /// Discount by a promotion.
    pub discount: Option<Discount>,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

impl Payment {
    /// Reads a Payment document.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] when it is not JSON, names a currency whose minor unit is unknown, holds an
    /// amount that is no whole number of minor units, or lacks a required field.
    pub fn parse(bytes: &[u8]) -> Result<Self, ShapeError> {
        Self::from_value(shape::json(bytes)?)
    }

    pub(crate) fn from_value(document: Value) -> Result<Self, ShapeError> {
        shape::in_its_currency(document, Sign::Refused)
    }

    /// Whether everything has been given back.
    ///
    /// The balance decides, not the status: a payment cancelled in pieces stays
    /// `PARTIAL_CANCELED` after the last piece.
    pub fn is_fully_canceled(&self) -> bool {
        let canceled = matches!(self.status, PaymentStatus::Canceled | PaymentStatus::PartialCanceled);
        canceled && self.balance_amount == 0
    }
}

/// One cancellation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cancel {
    /// How much was given back.
    pub cancel_amount: u64,
    /// Why, at most 200 characters.
    pub cancel_reason: Option<String>,
    /// Its part without tax.
    pub tax_free_amount: Option<u64>,
    /// Its part exempt from tax.
    pub tax_exemption_amount: Option<u64>,
    /// What could still be cancelled after it.
    pub refundable_amount: Option<u64>,
    /// Its part of a card promotion.
    pub card_discount_amount: Option<u64>,
    /// Its part of a bank transfer promotion.
    pub transfer_discount_amount: Option<u64>,
    /// Its part of a wallet promotion.
    pub easy_pay_discount_amount: Option<u64>,
    /// When.
    #[serde(default, deserialize_with = "times::nullable")]
    pub canceled_at: Option<DateTime<FixedOffset>>,
    /// Its own key, at most 64 characters.
    pub transaction_key: Option<String>,
    /// Key of the cash receipt it cancelled.
    pub receipt_key: Option<String>,
    /// How it stands; only foreign wallets know more than `DONE`.
    pub cancel_status: Option<CancelStatus>,
    /// The merchant's name for an asynchronous cancellation.
    pub cancel_request_id: Option<String>,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Card details.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Card {
    /// What the card was charged.
    pub amount: Option<u64>,
    /// Issuer's code (two characters).
    pub issuer_code: Option<String>,
    /// Acquirer's code (two characters).
    pub acquirer_code: Option<String>,
    /// Masked number, at most 20 characters.
    pub number: Option<String>,
    /// Months of the instalment plan; 0 is a single payment.
    pub installment_plan_months: Option<u32>,
    /// Approval number, at most 8 characters.
    pub approve_no: Option<String>,
    /// Whether card points were used.
    pub use_card_point: Option<bool>,
    /// What kind of card.
    pub card_type: Option<CardType>,
    /// Whose card.
    pub owner_type: Option<OwnerType>,
    /// How far collecting has come.
    pub acquire_status: Option<AcquireStatus>,
    /// Whether the plan is free of interest for the buyer.
    pub is_interest_free: Option<bool>,
    /// Who pays the interest of a free plan.
    pub interest_payer: Option<InterestPayer>,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Virtual account details.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VirtualAccount {
    /// For one order or fixed.
    pub account_type: Option<AccountType>,
    /// Number to deposit to, at most 20 characters.
    pub account_number: Option<Private>,
    /// Bank's code (two characters).
    pub bank_code: Option<String>,
    /// Who the account was issued to.
    pub customer_name: Option<Private>,
    /// Who deposited.
    pub depositor_name: Option<Private>,
    /// Until when; Toss writes it without an offset, in Korean time.
    #[serde(default, deserialize_with = "times::nullable")]
    pub due_date: Option<DateTime<FixedOffset>>,
    /// How a refund stands.
    pub refund_status: Option<RefundStatus>,
    /// Whether the due date has passed.
    pub expired: Option<bool>,
    /// Whether Toss has paid the merchant.
    pub settlement_status: Option<SettlementStatus>,
    /// The buyer's refund account, shown only for 30 minutes after the window opened.
    pub refund_receive_account: Option<RefundReceiveAccount>,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// The buyer's refund account, as typed into the window.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefundReceiveAccount {
    /// Bank's code (two characters).
    pub bank_code: Option<String>,
    /// Its number.
    pub account_number: Option<Private>,
    /// Its holder.
    pub holder_name: Option<Private>,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Mobile phone details.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MobilePhone {
    /// The phone that was billed; some versions mask it, some write an object.
    pub customer_mobile_phone: Option<Private<Value>>,
    /// Whether Toss has paid the merchant.
    pub settlement_status: Option<SettlementStatus>,
    /// The receipt page.
    pub receipt_url: Option<String>,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Voucher details.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GiftCertificate {
    /// Approval number, at most 8 characters.
    pub approve_no: Option<String>,
    /// Whether Toss has paid the merchant.
    pub settlement_status: Option<SettlementStatus>,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Bank transfer details.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transfer {
    /// Bank's code (two characters).
    pub bank_code: Option<String>,
    /// Whether Toss has paid the merchant.
    pub settlement_status: Option<SettlementStatus>,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// The receipt page.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Receipt {
    /// Its address.
    pub url: String,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// The payment window page.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Checkout {
    /// Its address.
    pub url: String,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Wallet details. `totalAmount = card.amount + easyPay.amount + easyPay.discountAmount`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EasyPay {
    /// The wallet's Korean name.
    pub provider: Option<String>,
    /// What came from the wallet's own money.
    pub amount: Option<u64>,
    /// What the wallet forgave.
    pub discount_amount: Option<u64>,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Why a payment, or the issue of a receipt, failed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Failure {
    /// An error code, as in [`crate::codes`].
    pub code: String,
    /// A sentence for people, at most 510 characters.
    pub message: Option<String>,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// The cash receipt of a payment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CashReceipt {
    /// What it is used for.
    #[serde(rename = "type")]
    pub receipt_type: Option<CashReceiptType>,
    /// Its key, at most 200 characters.
    pub receipt_key: Option<String>,
    /// Its number at the tax office, at most 9 characters.
    pub issue_number: Option<String>,
    /// The receipt page.
    pub receipt_url: Option<String>,
    /// Its amount.
    pub amount: Option<u64>,
    /// Its part without tax.
    pub tax_free_amount: Option<u64>,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// One issue or cancellation of a cash receipt.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CashReceiptRecord {
    /// Its key, at most 200 characters.
    pub receipt_key: Option<String>,
    /// The order it belongs to.
    pub order_id: Option<String>,
    /// What the buyer sees.
    pub order_name: Option<String>,
    /// What it is used for.
    #[serde(rename = "type")]
    pub receipt_type: Option<CashReceiptType>,
    /// Its number at the tax office, at most 9 characters.
    pub issue_number: Option<String>,
    /// The receipt page.
    pub receipt_url: Option<String>,
    /// The merchant's business number, 10 digits.
    pub business_number: Option<String>,
    /// A payment or its cancellation.
    pub transaction_type: Option<TransactionType>,
    /// Its amount.
    pub amount: Option<u64>,
    /// Its part without tax.
    pub tax_free_amount: Option<u64>,
    /// How its issue stands.
    pub issue_status: Option<IssueStatus>,
    /// Why its issue failed.
    pub failure: Option<Failure>,
    /// The buyer's identity number, at most 30 characters.
    pub customer_identity_number: Option<Private>,
    /// When it was asked for.
    #[serde(default, deserialize_with = "times::nullable")]
    pub requested_at: Option<DateTime<FixedOffset>>,
    /// Approval number; only the cash receipt API writes it.
    pub approval_number: Option<String>,
    /// When it was issued; only the cash receipt API writes it.
    #[serde(default, deserialize_with = "times::nullable")]
    pub approved_at: Option<DateTime<FixedOffset>>,
    /// When it was taken back; only the cash receipt API writes it.
    #[serde(default, deserialize_with = "times::nullable")]
    pub canceled_at: Option<DateTime<FixedOffset>>,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Discount by a promotion of a card company or bank.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Discount {
    /// How much.
    pub amount: u64,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}
