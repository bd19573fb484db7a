//! Billing keys: a card or account that is charged again without the buyer.
//!
//! A billing key is worth money to whoever holds it beside the secret key, so it is [`Private`] and no
//! error names it. There is no way to look one up: store it when it is issued.

use chrono::{DateTime, FixedOffset};
use serde::Serialize;

use crate::client::{Client, call, written};
use crate::codes::Operation;
use crate::error::Error;
use crate::limits::{self, IdempotencyKey, LimitError, holds, segment, text};
use crate::object::{self, object};
use crate::payment::{Card, Payment};
use crate::private::{Private, exposed, exposed_option};
use crate::shape::{self, ShapeError};
use crate::words::Method;

/// Characters of a key for a buyer. Source: Toss, core API reference.
pub const CUSTOMER_KEY_LIMIT: usize = 300;
/// Characters of the one-time key of a registration. Source: Toss, core API reference.
pub const AUTH_KEY_LIMIT: usize = 300;

object! {
    /// A billing key and what it charges.
    ///
    /// Source: docs.tosspayments.com/reference, "Billing 객체".
    Billing {
        /// What to charge with, at most 200 characters.
        billing_key: Private = required "billingKey",
        /// The merchant's name for the buyer, which every charge must repeat.
        customer_key: Private = required "customerKey",
        /// Merchant id, at most 14 characters.
        m_id: Option<String> = loose "mId",
        /// When the buyer agreed.
        authenticated_at: Option<DateTime<FixedOffset>> = loose "authenticatedAt",
        /// Card or account.
        method: Option<Method> = loose "method",
        /// Card details.
        card: Option<Card> = loose "card",
        /// Account details.
        transfers: Vec<BillingAccount> = loose "transfers",
        /// Name of the card company, until version 2022-11-16.
        card_company: Option<String> = loose "cardCompany",
        /// Masked number, until version 2022-11-16.
        card_number: Option<String> = loose "cardNumber",
    }
}

object! {
    /// A bank account behind a billing key.
    BillingAccount {
        /// The bank's name.
        bank_name: Option<String> = loose "bankName",
        /// Its number, masked.
        bank_account_number: Option<Private> = loose "bankAccountNumber",
    }
}

impl Billing {
    /// Reads a Billing document.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] when it is not JSON or lacks one of the two keys.
    pub fn parse(bytes: &[u8]) -> Result<Self, ShapeError> {
        object::in_won(&shape::json(bytes)?)
    }
}

/// Turns the registration of the success redirect into a billing key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BillingIssueRequest {
    /// From the success redirect; it works once.
    #[serde(serialize_with = "exposed")]
    pub auth_key: Private,
    /// The merchant's name for the buyer, 2 to 300 of `A-Z a-z 0-9 - _ = . @`.
    #[serde(serialize_with = "exposed")]
    pub customer_key: Private,
}

/// Charges a billing key. Amounts are won.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BillingChargeRequest {
    /// The name the key was issued to; another is refused with `NOT_MATCHES_CUSTOMER_KEY`.
    #[serde(serialize_with = "exposed")]
    pub customer_key: Private,
    /// How much, in won.
    pub amount: u64,
    /// The merchant's name for the order.
    pub order_id: String,
    /// What the buyer sees, at most 100 characters.
    pub order_name: String,
    /// Where Toss writes to the buyer.
    #[serde(serialize_with = "exposed_option", skip_serializing_if = "Option::is_none")]
    pub customer_email: Option<Private>,
    /// The buyer, at most 100 characters.
    #[serde(serialize_with = "exposed_option", skip_serializing_if = "Option::is_none")]
    pub customer_name: Option<Private>,
    /// The buyer's address.
    #[serde(serialize_with = "exposed_option", skip_serializing_if = "Option::is_none")]
    pub customer_ip: Option<Private>,
    /// The part without tax, in won.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_free_amount: Option<u64>,
    /// The part exempt from tax, in won.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_exemption_amount: Option<u64>,
}

impl BillingIssueRequest {
    fn check(&self) -> Result<(), LimitError> {
        text(self.auth_key.expose(), AUTH_KEY_LIMIT, "authKey", "is 1 to 300 characters")?;
        customer_key(&self.customer_key)
    }
}

impl BillingChargeRequest {
    fn check(&self) -> Result<(), LimitError> {
        customer_key(&self.customer_key)?;
        limits::amount(self.amount)?;
        limits::order_id(&self.order_id)?;
        text(&self.order_name, 100, "orderName", "is 1 to 100 characters")?;
        holds(self.tax_free_amount <= Some(self.amount), "taxFreeAmount", "is a part of the amount")?;
        holds(self.tax_exemption_amount <= Some(self.amount), "taxExemptionAmount", "is a part of the amount")
    }
}

/// Toss's test server takes any characters and fails inside beyond 300, so the rule is kept here.
fn customer_key(key: &Private) -> Result<(), LimitError> {
    let key = key.expose();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'=' | b'.' | b'@');
    holds(
        (2..=CUSTOMER_KEY_LIMIT).contains(&key.len()) && key.bytes().all(allowed),
        "customerKey",
        "is 2 to 300 letters, digits, '-', '_', '=', '.' or '@'",
    )
}

impl Client {
    /// Issues a billing key from a registration: `POST /v1/billing/authorizations/issue`.
    ///
    /// # Errors
    ///
    /// [`Error`], by how much is known. After [`Error::NoAnswer`] repeat with the same key: the
    /// registration works once, and only a replay can still tell the billing key.
    pub async fn issue_billing_key(
        &self,
        request: &BillingIssueRequest,
        key: &IdempotencyKey,
    ) -> Result<Billing, Error> {
        request.check()?;
        let segments = ["v1", "billing", "authorizations", "issue"];
        self.post(call(Operation::BillingIssue, ""), &segments, key, written(request)?, Billing::parse).await
    }

    /// Charges a billing key: `POST /v1/billing/{billingKey}`. Toss sends no webhook for it.
    ///
    /// # Errors
    ///
    /// [`Error`], by how much is known. After [`Error::NoAnswer`] and [`Error::Unreadable`] the
    /// money may have been taken: look it up with [`Client::payment_by_order`].
    pub async fn charge_billing_key(
        &self,
        billing_key: &Private,
        request: &BillingChargeRequest,
        key: &IdempotencyKey,
    ) -> Result<Payment, Error> {
        segment(billing_key.expose(), "billingKey")?;
        request.check()?;
        let call = call(Operation::BillingCharge, &request.order_id);
        let segments = ["v1", "billing", billing_key.expose()];
        self.post(call, &segments, key, written(request)?, Payment::parse).await
    }

    /// Deletes a billing key: `DELETE /v1/billing/{billingKey}`. A later charge is refused with
    /// `ALREADY_REMOVED_BILLING_KEY`.
    ///
    /// # Errors
    ///
    /// [`Error`], by how much is known. It is safe to repeat.
    pub async fn delete_billing_key(&self, billing_key: &Private) -> Result<(), Error> {
        segment(billing_key.expose(), "billingKey")?;
        self.delete(call(Operation::BillingDelete, ""), &["v1", "billing", billing_key.expose()]).await
    }
}
