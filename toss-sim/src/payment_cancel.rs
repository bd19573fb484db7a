//! What a cancel takes away from a payment, and what stands in its way.

use chrono::TimeDelta;

use crate::cancel::{Cancel, CancelRequest};
use crate::cash_receipt::ReceiptAmount;
use crate::codes::Code;
use crate::method::Method;
use crate::payment::{Fresh, Payment, Status};
use crate::time::{Instant, next_month};

/// How long after approval a bank transfer can be refunded.
const TRANSFER_REFUND_PATIENCE: TimeDelta = TimeDelta::days(180);
/// How long after approval a payment by PayPal can be refunded.
const FOREIGN_REFUND_PATIENCE: TimeDelta = TimeDelta::days(180);
/// How long after the deposit a virtual account payment can be refunded.
const DEPOSIT_REFUND_PATIENCE: TimeDelta = TimeDelta::days(365);

/// What a cancel takes away, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cancelable {
    amount: u64,
    tax_free: u64,
    tax_exemption: u64,
}

impl Payment {
    /// Cancels part or all of what is left.
    ///
    /// After a partial cancel the status stays PARTIAL_CANCELED even when nothing is left, as measured on
    /// the real test server: fully cancelled means `balanceAmount == 0`, not a status.
    ///
    /// # Errors
    /// Toss's code; nothing has been cancelled.
    pub(crate) fn cancel(&mut self, request: &CancelRequest, now: Instant, fresh: Fresh) -> Result<(), Code> {
        let Cancelable { amount, tax_free, tax_exemption } = self.cancelable(request, now)?;
        // After this point it must succeed.
        let receipt_key = self.take_receipt_back(ReceiptAmount { whole: amount, tax_free }, fresh.receipt, now);
        let was_untouched = self.cancels.is_empty();
        self.balance -= amount;
        self.status = if was_untouched && self.balance == 0 { Status::Canceled } else { Status::PartialCanceled };
        if let Some(account) = &mut self.virtual_account {
            account.refund_account = request.refund_account.clone().filter(|_| self.captured);
        }
        self.last_transaction_key = Some(fresh.transaction_key.clone());
        self.cancels.push(Cancel {
            amount,
            reason: request.reason.clone(),
            refundable: self.balance,
            canceled_at: now,
            transaction_key: fresh.transaction_key,
            tax_free,
            tax_exemption,
            receipt_key,
        });
        Ok(())
    }

    fn cancelable(&self, request: &CancelRequest, now: Instant) -> Result<Cancelable, Code> {
        let is_waiting = match self.status {
            Status::Ready | Status::InProgress | Status::Aborted | Status::Expired => {
                return Err(Code::NotCancelablePayment);
            }
            Status::Canceled => return Err(Code::AlreadyCanceledPayment),
            Status::Done | Status::PartialCanceled => false,
            Status::WaitingForDeposit => true,
        };
        if request.refundable.is_some_and(|believed| believed != self.balance) {
            return Err(Code::NotMatchesRefundableAmount);
        }
        let amount = request.amount.unwrap_or(self.balance);
        if amount == 0 || amount > self.balance {
            return Err(Code::NotCancelableAmount);
        }
        let is_partial = amount != self.balance;
        if is_waiting && is_partial {
            return Err(Code::NotAllowedPartialRefundWaitingDeposit);
        }
        let is_whole_only = self.terms.use_escrow || self.terms.tax_exemption > 0;
        if is_whole_only && is_partial {
            return Err(Code::NotAllowedPartialRefund);
        }
        let cancelable = self.untaxed_part(request, amount)?;
        if is_waiting {
            return Ok(cancelable);
        }
        if self.virtual_account.is_some() && request.refund_account.is_none() {
            return Err(Code::InvalidRefundAccountInfo);
        }
        match self.refund_deadline() {
            Some(deadline) if deadline <= now => Err(Code::ExceedMaxRefundDue),
            Some(_) | None => Ok(cancelable),
        }
    }

    /// The untaxed parts of a cancel: the rest of the payment takes all that is left of them; of a part neither more
    /// than is left without tax, nor more than is left with tax.
    fn untaxed_part(&self, request: &CancelRequest, amount: u64) -> Result<Cancelable, Code> {
        let (free_left, exempt_left) = (self.tax_free_left(), self.tax_exemption_left());
        if amount == self.balance {
            return Ok(Cancelable { amount, tax_free: free_left, tax_exemption: exempt_left });
        }
        let (tax_free, tax_exemption) = (request.tax_free.unwrap_or(0), request.tax_exemption.unwrap_or(0));
        let taxed_left = self.balance.saturating_sub(free_left + exempt_left);
        let is_within = tax_free <= free_left
            && tax_exemption <= exempt_left
            && amount.checked_sub(tax_free + tax_exemption).is_some_and(|taxed| taxed <= taxed_left);
        if is_within { Ok(Cancelable { amount, tax_free, tax_exemption }) } else { Err(Code::InvalidRefundAmount) }
    }

    fn refund_deadline(&self) -> Option<Instant> {
        let approved_at = self.approved_at?;
        match self.method? {
            Method::Card
            | Method::EasyPay
            | Method::CultureGiftCertificate
            | Method::BookGiftCertificate
            | Method::GameGiftCertificate => None,
            // PayPal's; Toss names no limit of the others.
            Method::ForeignEasyPay => Some(approved_at + FOREIGN_REFUND_PATIENCE),
            Method::Transfer => Some(approved_at + TRANSFER_REFUND_PATIENCE),
            Method::VirtualAccount => Some(approved_at + DEPOSIT_REFUND_PATIENCE),
            Method::MobilePhone => next_month(approved_at),
        }
    }
}
