//! The calls about payments.

use crate::client::{Client, call};
use crate::codes::Operation;
use crate::error::Error;
use crate::limits::{self, IdempotencyKey};
use crate::payment::Payment;
use crate::requests::{CancelDetails, CancelRequest, ConfirmRequest};

impl Client {
    /// Takes the money: `POST /v1/payments/confirm`.
    ///
    /// A virtual account answers `WAITING_FOR_DEPOSIT` rather than `DONE`.
    ///
    /// # Errors
    ///
    /// [`Error`], by how much is known. After [`Error::NoAnswer`] and [`Error::Unreadable`] the
    /// money may have been taken.
    pub async fn confirm(&self, request: &ConfirmRequest, key: &IdempotencyKey) -> Result<Payment, Error> {
        request.check()?;
        let call = call(Operation::Confirm, &request.order_id);
        self.post(call, &["v1", "payments", "confirm"], key, request.body()?, Payment::parse).await
    }

    /// Looks a payment up by Toss's name for it: `GET /v1/payments/{paymentKey}`.
    ///
    /// # Errors
    ///
    /// [`Error`]; an unknown key is refused with `NOT_FOUND_PAYMENT`.
    pub async fn payment(&self, payment_key: &str) -> Result<Payment, Error> {
        limits::payment_key(payment_key)?;
        self.get(call(Operation::LookUp, payment_key), &["v1", "payments", payment_key], &[], Payment::parse).await
    }

    /// Looks a payment up by the merchant's name for it: `GET /v1/payments/orders/{orderId}`.
    ///
    /// # Errors
    ///
    /// [`Error`]; an unknown order is refused with `NOT_FOUND_PAYMENT`.
    pub async fn payment_by_order(&self, order_id: &str) -> Result<Payment, Error> {
        limits::order_id(order_id)?;
        let segments = ["v1", "payments", "orders", order_id];
        self.get(call(Operation::LookUp, order_id), &segments, &[], Payment::parse).await
    }

    /// Gives money back: `POST /v1/payments/{paymentKey}/cancel`.
    ///
    /// # Errors
    ///
    /// [`Error`], by how much is known. After [`Error::NoAnswer`] and [`Error::Unreadable`] the
    /// money may have been given back.
    pub async fn cancel(
        &self,
        payment_key: &str,
        request: &CancelRequest,
        key: &IdempotencyKey,
    ) -> Result<Payment, Error> {
        self.cancel_with(payment_key, request, &CancelDetails::default(), key).await
    }

    /// The same for goods that differ in tax, and for foreign wallets.
    ///
    /// # Errors
    ///
    /// As [`Client::cancel`].
    pub async fn cancel_with(
        &self,
        payment_key: &str,
        request: &CancelRequest,
        details: &CancelDetails,
        key: &IdempotencyKey,
    ) -> Result<Payment, Error> {
        limits::payment_key(payment_key)?;
        request.check(details)?;
        let segments = ["v1", "payments", payment_key, "cancel"];
        self.post(call(Operation::Cancel, payment_key), &segments, key, request.body(details)?, Payment::parse).await
    }
}
