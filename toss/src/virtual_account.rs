//! Virtual accounts issued without the payment window.

use chrono::{DateTime, FixedOffset};
use serde::{Serialize, Serializer};

use crate::client::{Client, call, written};
use crate::codes::Operation;
use crate::error::Error;
use crate::limits::{self, IdempotencyKey, LimitError, digits, holds, text};
use crate::payment::Payment;
use crate::private::{Private, exposed, exposed_option};
use crate::times;
use crate::words::CashReceiptType;

/// Hours for which a virtual account waits at most: 90 days. Source: Toss, core API reference.
pub const VALID_HOURS_LIMIT: u16 = 2160;

/// Issues an account number to which one order is paid. Amounts are won.
///
/// Source: docs.tosspayments.com/reference, "가상계좌 발급 요청".
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VirtualAccountRequest {
    /// What is to be paid, in won.
    pub amount: u64,
    /// The merchant's name for the order.
    pub order_id: String,
    /// What the buyer sees, at most 100 characters.
    pub order_name: String,
    /// The buyer, at most 100 characters.
    #[serde(serialize_with = "exposed")]
    pub customer_name: Private,
    /// Bank code (two characters), or the bank's Korean or English name.
    pub bank: String,
    /// Until when; `None` is a week.
    #[serde(flatten)]
    pub due: Option<Due>,
    /// Where Toss writes to the buyer.
    #[serde(serialize_with = "exposed_option", skip_serializing_if = "Option::is_none")]
    pub customer_email: Option<Private>,
    /// Where Toss sends a text, 8 to 15 digits.
    #[serde(serialize_with = "exposed_option", skip_serializing_if = "Option::is_none")]
    pub customer_mobile_phone: Option<Private>,
    /// The part without tax, in won.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_free_amount: Option<u64>,
    /// Whether the money is held until the goods arrive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_escrow: Option<bool>,
    /// The goods, which escrow needs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub escrow_products: Vec<EscrowProduct>,
    /// The cash receipt to issue when the money arrives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cash_receipt: Option<DepositReceipt>,
    /// The fixed account to reuse, for contracts that have them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_key: Option<String>,
}

/// Until when a virtual account waits. Toss takes one or the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Due {
    /// For 1 to [`VALID_HOURS_LIMIT`] hours.
    ValidHours(u16),
    /// Until a time, within 90 days. It is sent in Korean time, to the second.
    DueDate(#[serde(serialize_with = "korean")] DateTime<FixedOffset>),
}

/// The cash receipt of a deposit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DepositReceipt {
    /// What it is used for.
    #[serde(rename = "type")]
    pub receipt_type: CashReceiptType,
    /// The buyer's phone or business number, at most 30 characters.
    #[serde(serialize_with = "exposed_option", skip_serializing_if = "Option::is_none")]
    pub registration_number: Option<Private>,
}

/// Goods in escrow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EscrowProduct {
    /// The merchant's name for the line.
    pub id: String,
    /// What the buyer sees.
    pub name: String,
    /// The merchant's name for the goods.
    pub code: String,
    /// Won for one.
    pub unit_price: u64,
    /// How many.
    pub quantity: u32,
}

impl VirtualAccountRequest {
    fn check(&self) -> Result<(), LimitError> {
        limits::amount(self.amount)?;
        limits::order_id(&self.order_id)?;
        text(&self.order_name, 100, "orderName", "is 1 to 100 characters")?;
        text(self.customer_name.expose(), 100, "customerName", "is 1 to 100 characters")?;
        holds(!self.bank.is_empty(), "bank", "is not empty")?;
        holds(self.tax_free_amount <= Some(self.amount), "taxFreeAmount", "is a part of the amount")?;
        if let Some(Due::ValidHours(hours)) = self.due {
            holds((1..=VALID_HOURS_LIMIT).contains(&hours), "validHours", "is 1 to 2160 hours")?;
        }
        if let Some(phone) = &self.customer_mobile_phone {
            digits(phone.expose(), 8..=15, "customerMobilePhone", "is 8 to 15 digits")?;
        }
        match self.cash_receipt.as_ref().and_then(|receipt| receipt.registration_number.as_ref()) {
            Some(number) => text(number.expose(), 30, "registrationNumber", "is 1 to 30 characters"),
            None => Ok(()),
        }
    }
}

impl Client {
    /// Issues a virtual account: `POST /v1/virtual-accounts`. The Payment waits for its deposit.
    ///
    /// # Errors
    ///
    /// [`Error`], by how much is known.
    pub async fn issue_virtual_account(
        &self,
        request: &VirtualAccountRequest,
        key: &IdempotencyKey,
    ) -> Result<Payment, Error> {
        request.check()?;
        let call = call(Operation::VirtualAccount, &request.order_id);
        self.post(call, &["v1", "virtual-accounts"], key, written(request)?, Payment::parse).await
    }
}

fn korean<S: Serializer>(time: &DateTime<FixedOffset>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&times::without_offset(*time))
}
