//! The life of one payment: a state machine with no clock, no randomness and no I/O of its own.
//!
//! Whatever a transition needs from outside ([`Fresh`] keys, the time) is an argument, so a table of
//! cases can drive it. A refused transition changes nothing.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::banks::RefundAccount;
use crate::cancel::Cancel;
use crate::cash_receipt::{self, CashReceipt, FreshReceipt, ReceiptAmount, ReceiptOrder};
use crate::codes::Code;
use crate::currency::{Currency, Money};
use crate::method::Method;
use crate::terms::Terms;
use crate::time::Instant;

/// From the opened window to the buyer's authentication.
const AUTHENTICATION_PATIENCE: TimeDelta = TimeDelta::minutes(30);
/// From the buyer's authentication to the merchant's confirm.
const CONFIRM_PATIENCE: TimeDelta = TimeDelta::minutes(10);
/// Status of a payment, as the Payment object spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Status {
    Ready,
    InProgress,
    WaitingForDeposit,
    Done,
    Canceled,
    PartialCanceled,
    Aborted,
    Expired,
}

impl Status {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ready => "READY",
            Self::InProgress => "IN_PROGRESS",
            Self::WaitingForDeposit => "WAITING_FOR_DEPOSIT",
            Self::Done => "DONE",
            Self::Canceled => "CANCELED",
            Self::PartialCanceled => "PARTIAL_CANCELED",
            Self::Aborted => "ABORTED",
            Self::Expired => "EXPIRED",
        }
    }

    /// Confirmed at some time: its orderId is used up.
    pub(crate) fn uses_up_the_order(self) -> bool {
        match self {
            Self::WaitingForDeposit | Self::Done | Self::Canceled | Self::PartialCanceled => true,
            Self::Ready | Self::InProgress | Self::Aborted | Self::Expired => false,
        }
    }
}

/// Random values of one transition, minted by the caller.
#[derive(Clone, Debug)]
pub(crate) struct Fresh {
    /// 32 upper-case hexadecimal characters, or `txrd_` and 27 lower-case letters and digits.
    pub(crate) transaction_key: String,
    /// `ps_…`, compared with the secret of a webhook.
    pub(crate) secret: String,
    /// Eight digits.
    pub(crate) approve_number: String,
    /// Begins with `X`, as every virtual account of the test environment does.
    pub(crate) account_number: String,
    pub(crate) receipt: FreshReceipt,
}

/// The virtual account a buyer is to pay into.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct VirtualAccount {
    pub(crate) number: String,
    pub(crate) bank_code: String,
    pub(crate) customer_name: String,
    pub(crate) due: Instant,
    /// Where the refund goes, once a cancel has named it.
    pub(crate) refund_account: Option<RefundAccount>,
}

/// How a confirm should go other than it would by itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Twist {
    /// The issuer declines with this code.
    pub(crate) decline: Option<Code>,
    /// Minor units charged on top of what was asked.
    pub(crate) overcharge: u64,
}

/// How a confirm went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Confirmed {
    /// The money is taken.
    Captured,
    /// A virtual account waits for the money.
    AccountIssued,
    /// The issuer said no; the payment is ABORTED.
    Declined(Code),
    /// Nothing happened.
    Refused(Code),
}

/// One attempt to pay an order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Payment {
    pub(crate) key: String,
    pub(crate) order_id: String,
    pub(crate) order_name: String,
    pub(crate) customer_key: Option<String>,
    pub(crate) customer_name: String,
    pub(crate) bank_code: String,
    pub(crate) method: Option<Method>,
    pub(crate) status: Status,
    /// Of every amount here, all in minor units.
    #[serde(default)]
    pub(crate) currency: Currency,
    pub(crate) total: u64,
    pub(crate) balance: u64,
    pub(crate) requested_at: Instant,
    pub(crate) authenticated_at: Option<Instant>,
    pub(crate) approved_at: Option<Instant>,
    pub(crate) last_transaction_key: Option<String>,
    pub(crate) approve_number: String,
    pub(crate) secret: Option<String>,
    pub(crate) virtual_account: Option<VirtualAccount>,
    pub(crate) cancels: Vec<Cancel>,
    pub(crate) failure: Option<Code>,
    pub(crate) decline_on_confirm: Option<Code>,
    /// The buyer's money is (or has been) with Toss: taken, and not taken back by the bank.
    pub(crate) captured: bool,
    #[serde(default)]
    pub(crate) terms: Terms,
    /// The cash receipts, and their cancellations.
    #[serde(default)]
    pub(crate) receipts: Vec<CashReceipt>,
}

impl Payment {
    /// A payment whose window has just opened.
    pub(crate) fn ready(key: String, order_id: String, order_name: String, amount: Money, now: Instant) -> Self {
        Self {
            key,
            order_id,
            order_name,
            customer_key: None,
            customer_name: "김토스".to_owned(),
            bank_code: crate::banks::DEFAULT_BANK.to_owned(),
            method: None,
            status: Status::Ready,
            currency: amount.currency,
            total: amount.minor,
            balance: amount.minor,
            requested_at: now,
            authenticated_at: None,
            approved_at: None,
            last_transaction_key: None,
            approve_number: String::new(),
            secret: None,
            virtual_account: None,
            cancels: Vec::new(),
            failure: None,
            decline_on_confirm: None,
            captured: false,
            terms: Terms::default(),
            receipts: Vec::new(),
        }
    }

    /// When this payment expires if nothing happens.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.status {
            Status::Ready => {
                let by_toss = self.requested_at + AUTHENTICATION_PATIENCE;
                Some(self.terms.time_to_pay.map_or(by_toss, |time| time.end(self.requested_at).min(by_toss)))
            }
            Status::InProgress => Some(self.authenticated_at.unwrap_or(self.requested_at) + CONFIRM_PATIENCE),
            Status::WaitingForDeposit
            | Status::Done
            | Status::Canceled
            | Status::PartialCanceled
            | Status::Aborted
            | Status::Expired => None,
        }
    }

    /// What is without tax and not cancelled.
    pub(crate) fn tax_free_left(&self) -> u64 {
        self.terms.tax_free.saturating_sub(self.cancels.iter().map(|cancel| cancel.tax_free).sum())
    }

    /// What is exempt from tax and not cancelled.
    pub(crate) fn tax_exemption_left(&self) -> u64 {
        self.terms.tax_exemption.saturating_sub(self.cancels.iter().map(|cancel| cancel.tax_exemption).sum())
    }

    /// Issues the cash receipt that was asked for, once the money is there.
    fn issue_receipt(&mut self, fresh: FreshReceipt, now: Instant) {
        let is_cash = self.method.is_some_and(Method::is_cash);
        let Some(wish) = self.terms.cash_receipt.clone().filter(|_| is_cash) else { return };
        let order = ReceiptOrder {
            order_id: &self.order_id,
            order_name: &self.order_name,
            amount: self.balance,
            tax_free: self.tax_free_left(),
        };
        self.receipts.push(CashReceipt::issued(wish, order, fresh, now));
    }

    /// Takes back a part of the cash receipt, if there is one; answers the key of the cancellation.
    pub(crate) fn take_receipt_back(
        &mut self,
        part: ReceiptAmount,
        fresh: FreshReceipt,
        now: Instant,
    ) -> Option<String> {
        let key = cash_receipt::standing(&self.receipts)?.key.clone();
        CashReceipt::take_back(&mut self.receipts, &key, part, fresh, now)
    }

    /// Whether the virtual account's due date has passed without a deposit.
    pub(crate) fn deposit_is_overdue(&self, now: Instant) -> bool {
        self.status == Status::WaitingForDeposit
            && self.virtual_account.as_ref().is_some_and(|account| account.due <= now)
    }

    /// Takes the payment to EXPIRED when its deadline has passed; says whether it did.
    pub(crate) fn expire(&mut self, now: Instant) -> bool {
        let is_over = self.deadline().is_some_and(|deadline| deadline <= now);
        if is_over {
            self.status = Status::Expired;
            self.failure = Some(Code::ExpiredPayment);
        }
        is_over
    }

    /// The buyer has finished the window: READY → IN_PROGRESS.
    ///
    /// # Errors
    /// `ALREADY_PROCESSED_PAYMENT`, or `NOT_FOUND_PAYMENT_SESSION` once expired.
    pub(crate) fn authenticate(&mut self, method: Method, decline: Option<Code>, now: Instant) -> Result<(), Code> {
        match self.status {
            Status::Ready => {}
            Status::Expired => return Err(Code::NotFoundPaymentSession),
            Status::InProgress
            | Status::WaitingForDeposit
            | Status::Done
            | Status::Canceled
            | Status::PartialCanceled
            | Status::Aborted => return Err(Code::AlreadyProcessedPayment),
        }
        self.status = Status::InProgress;
        self.method = Some(method);
        self.decline_on_confirm = decline;
        self.authenticated_at = Some(now);
        Ok(())
    }

    /// The merchant confirms. Only `Refused` leaves the payment as it was.
    pub(crate) fn confirm(
        &mut self,
        order_id: &str,
        amount: u64,
        twist: Twist,
        now: Instant,
        fresh: Fresh,
    ) -> Confirmed {
        if let Some(code) = self.refuses_confirm(order_id, amount) {
            return Confirmed::Refused(code);
        }
        if let Some(code) = twist.decline.or(self.decline_on_confirm) {
            self.status = Status::Aborted;
            self.failure = Some(code);
            return Confirmed::Declined(code);
        }
        // After this point it must succeed.
        self.total += twist.overcharge;
        self.balance = self.total;
        match self.method.unwrap_or(Method::Card) {
            Method::VirtualAccount => {
                self.issue_account(self.terms.deposit_due(now), fresh);
                Confirmed::AccountIssued
            }
            Method::Card
            | Method::Transfer
            | Method::EasyPay
            | Method::MobilePhone
            | Method::CultureGiftCertificate
            | Method::BookGiftCertificate
            | Method::GameGiftCertificate
            | Method::ForeignEasyPay => {
                self.status = Status::Done;
                self.approved_at = Some(now);
                self.secret = Some(fresh.secret);
                self.last_transaction_key = Some(fresh.transaction_key);
                self.approve_number = fresh.approve_number;
                self.captured = true;
                self.issue_receipt(fresh.receipt, now);
                Confirmed::Captured
            }
        }
    }

    fn refuses_confirm(&self, order_id: &str, amount: u64) -> Option<Code> {
        if self.order_id != order_id || self.total != amount {
            return Some(Code::ForbiddenRequest);
        }
        match self.status {
            Status::InProgress => {}
            // The buyer has not authenticated: "취소되었거나 진행되지 않았습니다" says it best; not measured.
            Status::Ready => return Some(Code::PayProcessAborted),
            Status::Expired => return Some(Code::NotFoundPaymentSession),
            // For ABORTED not measured either: a declined payment has been processed, and is not retried.
            Status::WaitingForDeposit | Status::Done | Status::Canceled | Status::PartialCanceled | Status::Aborted => {
                return Some(Code::AlreadyProcessedPayment);
            }
        }
        let minimum = self.method.unwrap_or(Method::Card).minimum(self.currency);
        (amount < minimum).then_some(Code::BelowMinimumAmount)
    }

    /// Gives the payment a virtual account that waits until `due`.
    pub(crate) fn issue_account(&mut self, due: Instant, fresh: Fresh) {
        self.method = Some(Method::VirtualAccount);
        self.status = Status::WaitingForDeposit;
        self.last_transaction_key = Some(fresh.transaction_key);
        self.secret = Some(fresh.secret);
        self.virtual_account = Some(VirtualAccount {
            number: fresh.account_number,
            bank_code: self.bank_code.clone(),
            customer_name: self.customer_name.clone(),
            due,
            refund_account: None,
        });
    }

    /// The buyer pays into the virtual account: WAITING_FOR_DEPOSIT → DONE.
    ///
    /// # Errors
    /// The sentence says why the bank does not take the money.
    pub(crate) fn deposit(&mut self, now: Instant, fresh: Fresh) -> Result<(), &'static str> {
        if self.status != Status::WaitingForDeposit {
            return Err("the payment is not WAITING_FOR_DEPOSIT");
        }
        if self.deposit_is_overdue(now) {
            return Err("the due date of the virtual account has passed");
        }
        self.status = Status::Done;
        self.approved_at = Some(now);
        self.last_transaction_key = Some(fresh.transaction_key);
        self.captured = true;
        self.issue_receipt(fresh.receipt, now);
        Ok(())
    }

    /// The bank takes the deposit back: DONE → WAITING_FOR_DEPOSIT.
    ///
    /// # Errors
    /// The sentence says why there is no deposit to take back.
    pub(crate) fn take_deposit_back(&mut self, now: Instant, fresh: Fresh) -> Result<(), &'static str> {
        if self.method != Some(Method::VirtualAccount) || self.status != Status::Done {
            return Err("the payment is not a virtual account that is DONE");
        }
        self.status = Status::WaitingForDeposit;
        self.approved_at = None;
        self.last_transaction_key = Some(fresh.transaction_key);
        self.captured = false;
        let whole = ReceiptAmount { whole: self.balance, tax_free: self.tax_free_left() };
        self.take_receipt_back(whole, fresh.receipt, now);
        Ok(())
    }

    /// What was given back to the buyer. A virtual account cancelled before its deposit gives nothing back.
    pub(crate) fn refunded(&self) -> u64 {
        if self.captured { self.total - self.balance } else { 0 }
    }
}

#[cfg(test)]
#[path = "payment_tests.rs"]
mod tests;
