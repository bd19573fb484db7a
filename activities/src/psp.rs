//! Between our words and the PSP's: the only place outside `toss` that knows both.
#![expect(missing_docs, reason = "`#[activities]` expands each method to a constant without a docstring")]

use std::sync::Arc;

use chrono::{DateTime, FixedOffset, Utc};
use domain::{
    Currency, Money, Timestamp,
    charge::{Capture, Charge, ReceiptNumbers, VirtualAccount},
    failure::Failure,
    id::{CheckoutId, PaymentKey},
    inquiry::Doubt,
    refund::RefundAccount,
};
use store::{Keyring, seal_holder};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use toss::{CancelRequest, ConfirmRequest, IdempotencyKey, Meaning, Payment, PaymentStatus, webhook::Webhook};
use workflows::ports::{
    Cancel, CancelCharge, Confirm, ConfirmCharge, Find, FindCharge, FoundCharge, LookUp, LookUpCharge,
};

use crate::{
    failure::{self, PspErrorClass, after_attempt, classify, doubtful, refused, try_again},
    words::plain,
};

/// The most bytes of a webhook's header that are kept.
const MAX_HEADER_BYTES: usize = 100;
/// The most characters of a name on a virtual account. Source: Toss, core API reference, "가상계좌 발급 요청".
const MAX_HOLDER_CHARS: usize = 100;

/// The most characters of the number of a receipt: Toss documents 8 and 9.
const MAX_RECEIPT_NUMBER_CHARS: usize = 32;

/// The activities that call the PSP.
#[derive(Debug, Clone)]
pub struct Psp {
    /// The way to it.
    pub toss: toss::Client,
    /// The keys under which the name on a virtual account is sealed; without them it is not taken over.
    pub keyring: Option<Arc<Keyring>>,
}

impl Psp {
    /// Reads what the PSP says of a charge. An answer about another payment, or one that contradicts itself, is no
    /// answer.
    fn read(
        &self,
        payment: &Payment,
        payment_key: &PaymentKey,
        checkout_id: &CheckoutId,
    ) -> Result<Charge, ActivityError> {
        read_charge(payment, payment_key, checkout_id, self.keyring.as_deref()).map_err(doubtful)
    }
}

#[activities]
impl Psp {
    /// Captures what the buyer authorized. A refusal of the first attempt is a value; a doubt is an error.
    #[activity(definition = Confirm)]
    pub async fn confirm(
        self: Arc<Self>,
        ctx: ActivityContext,
        charge: ConfirmCharge,
    ) -> Result<Charge, ActivityError> {
        let key = idempotency_key(&charge.idempotency_key)?;
        let request = ConfirmRequest {
            payment_key: charge.payment_key.to_string(),
            order_id: charge.checkout_id.to_string(),
            amount: charge.amount.minor(),
            currency: to_toss_currency(charge.amount.currency()),
        };
        let toss = by_keys_of(&self.toss, Some(charge.amount.currency()))?;
        match toss.confirm(&request, &key).await {
            Ok(payment) => self.read(&payment, &charge.payment_key, &charge.checkout_id),
            Err(error) => match after_attempt(ctx.info().attempt, classify(&error)) {
                PspErrorClass::Refused(failure) => Ok(Charge::Refused(failure)),
                PspErrorClass::NotOurs(failure) => Ok(Charge::NotOurs(failure)),
                PspErrorClass::TryAgain => Err(try_again(error)),
                PspErrorClass::Ask(doubt) => Err(doubtful(doubt)),
            },
        }
    }

    /// Asks what became of a charge.
    #[activity(definition = LookUp)]
    pub async fn look_up(
        self: Arc<Self>,
        _ctx: ActivityContext,
        charge: LookUpCharge,
    ) -> Result<Charge, ActivityError> {
        match by_keys_of(&self.toss, charge.keys_of)?.payment(charge.payment_key.as_str()).await {
            Ok(payment) => self.read(&payment, &charge.payment_key, &charge.checkout_id),
            Err(error) if error.meaning() == Some(Meaning::UnknownPayment) => Ok(Charge::Absent),
            Err(error) => Err(try_again(error)),
        }
    }

    /// Asks for the payment of a checkout.
    #[activity(definition = Find)]
    pub async fn find(
        self: Arc<Self>,
        _ctx: ActivityContext,
        wanted: FindCharge,
    ) -> Result<Option<FoundCharge>, ActivityError> {
        let toss = by_keys_of(&self.toss, wanted.keys_of)?;
        let payment = match toss.payment_by_order(wanted.checkout_id.as_str()).await {
            Ok(payment) => payment,
            Err(error) if error.meaning() == Some(Meaning::UnknownPayment) => return Ok(None),
            Err(error) => return Err(try_again(error)),
        };
        let Ok(payment_key) = PaymentKey::parse(payment.payment_key.as_str()) else {
            return Err(doubtful(unreadable("the PSP named a payment by what is no key")));
        };
        let charge = self.read(&payment, &payment_key, &wanted.checkout_id)?;
        Ok(Some(FoundCharge { payment_key, charge }))
    }

    /// Gives back all that is still held. Anything but a payment without balance proves nothing.
    #[activity(definition = Cancel)]
    pub async fn cancel(self: Arc<Self>, _ctx: ActivityContext, charge: CancelCharge) -> Result<Charge, ActivityError> {
        let key = idempotency_key(&charge.idempotency_key)?;
        let request = CancelRequest {
            reason: charge.reason,
            amount: None,
            currency: to_toss_currency(charge.currency),
            refundable_amount: None,
            refund_account: charge.account.map(to_toss_account),
        };
        let toss = by_keys_of(&self.toss, charge.keys_of)?;
        match toss.cancel(charge.payment_key.as_str(), &request, &key).await {
            Ok(payment) => self.read(&payment, &charge.payment_key, &charge.checkout_id),
            Err(error) => match classify(&error) {
                PspErrorClass::TryAgain => Err(try_again(error)),
                PspErrorClass::Ask(doubt) => Err(doubtful(doubt)),
                PspErrorClass::Refused(failure) | PspErrorClass::NotOurs(failure) => Err(doubtful(refused(failure))),
            },
        }
    }
}

/// What a webhook tells. It is a hint and nothing more: anybody can send one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookHint {
    /// The checkout that it is about.
    pub checkout_id: CheckoutId,
    /// The kind of event.
    pub event: &'static str,
    /// The PSP's name of this sending.
    pub delivery_id: Option<String>,
    /// When the PSP says that it sent it, in its own format.
    pub sent_at: Option<String>,
    /// How often the PSP says that it was sent before.
    pub retries: Option<u32>,
}

/// Reads a webhook; `None` for what we do not understand. Nothing else of it is passed on. `header` answers a
/// header of the request by its name.
pub fn read_webhook<'h>(body: &[u8], header: impl Fn(&str) -> Option<&'h str>) -> Option<WebhookHint> {
    let webhook = toss::webhook::parse(body).ok()?;
    let event = match &webhook {
        Webhook::PaymentStatusChanged { .. } => "PAYMENT_STATUS_CHANGED",
        Webhook::DepositCallback { .. } => "DEPOSIT_CALLBACK",
        Webhook::CancelStatusChanged { .. } => "CANCEL_STATUS_CHANGED",
        Webhook::BillingDeleted { .. }
        | Webhook::PayoutChanged(_)
        | Webhook::SellerChanged(_)
        | Webhook::Other { .. } => return None,
    };
    let short = |name| header(name).filter(|value| value.len() <= MAX_HEADER_BYTES);
    Some(WebhookHint {
        checkout_id: CheckoutId::parse(webhook.order_id()?).ok()?,
        event,
        delivery_id: short(toss::webhook::ID_HEADER).map(str::to_owned),
        sent_at: short(toss::webhook::signature::TIME_HEADER).map(str::to_owned),
        retries: short(toss::webhook::RETRIED_COUNT_HEADER).and_then(|count| count.parse().ok()),
    })
}

/// What an answer means for us. It is about the payment that was asked for, or no answer.
pub(crate) fn read_charge(
    payment: &Payment,
    payment_key: &PaymentKey,
    checkout_id: &CheckoutId,
    keys: Option<&Keyring>,
) -> Result<Charge, Doubt> {
    is_about(payment, payment_key, checkout_id)?;
    match &payment.status {
        PaymentStatus::Done if payment.balance_amount != payment.total_amount => {
            Err(unreadable("the PSP's amounts contradict each other"))
        }
        PaymentStatus::Done => capture(payment, payment.total_amount),
        PaymentStatus::PartialCanceled if payment.balance_amount > 0 => capture(payment, payment.balance_amount),
        PaymentStatus::PartialCanceled | PaymentStatus::Canceled => Ok(Charge::Returned),
        PaymentStatus::WaitingForDeposit => {
            Ok(Charge::AwaitingDeposit { overdue: is_overdue(payment), account: account(payment, checkout_id, keys) })
        }
        PaymentStatus::Aborted => Ok(Charge::Refused(failure(payment, "ABORTED", "결제가 승인되지 않았습니다."))),
        PaymentStatus::Expired => Ok(Charge::Refused(failure(payment, "EXPIRED_PAYMENT", "결제가 만료되었습니다."))),
        PaymentStatus::Ready | PaymentStatus::InProgress => Ok(Charge::Open),
        PaymentStatus::Other(_) => Err(unreadable("the PSP named a status we do not know")),
    }
}

/// Refuses an answer about another payment.
pub(crate) fn is_about(payment: &Payment, payment_key: &PaymentKey, checkout_id: &CheckoutId) -> Result<(), Doubt> {
    if payment.payment_key != payment_key.as_str() || payment.order_id != checkout_id.as_str() {
        return Err(unreadable("the PSP answered about another payment"));
    }
    Ok(())
}

fn capture(payment: &Payment, minor: u64) -> Result<Charge, Doubt> {
    Ok(Charge::Captured(Capture {
        amount: money(payment, minor)?,
        captured_at: payment.approved_at.map_or_else(|| to_timestamp(Utc::now().fixed_offset()), to_timestamp),
        method: payment.method.as_ref().map(|method| plain(method.as_str())),
        receipt_url: payment.receipt.as_ref().and_then(|receipt| receipt.url.clone()).filter(|url| plain(url) == *url),
        receipt_numbers: receipt_numbers(payment),
    }))
}

/// What stands on the buyer's receipts. A number of another form than Toss documents is left out.
fn receipt_numbers(payment: &Payment) -> ReceiptNumbers {
    let of_card = payment.card.as_ref().and_then(|card| card.approve_no.clone());
    let of_voucher = || payment.gift_certificate.as_ref().and_then(|voucher| voucher.approve_no.clone());
    let of_tax_office = payment.cash_receipt.as_ref().and_then(|receipt| receipt.issue_number.clone());
    ReceiptNumbers {
        approval: of_card.or_else(of_voucher).filter(|number| is_receipt_number(number)),
        cash_receipt: of_tax_office.filter(|number| is_receipt_number(number)),
    }
}

/// Whether the number of a receipt has the form that Toss documents.
pub(crate) fn is_receipt_number(number: &str) -> bool {
    (1..=MAX_RECEIPT_NUMBER_CHARS).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// An amount of a payment as the books hold it.
pub(crate) fn money(payment: &Payment, minor: u64) -> Result<Money, Doubt> {
    let currency = payment.currency;
    let currency = to_currency(currency)
        .ok_or_else(|| unreadable(&format!("the PSP named an amount in {currency}, in which nothing is booked")))?;
    Money::try_from_minor(minor, currency).map_err(|_| unreadable("the PSP named an amount beyond all limits"))
}

fn failure(payment: &Payment, code: &str, message: &str) -> Failure {
    match &payment.failure {
        Some(told) => {
            failure::failure(told.code.as_deref().unwrap_or(code), told.message.as_deref().unwrap_or(message))
        }
        None => Failure::new(code, message),
    }
}

/// Where the buyer pays, if the PSP says both the bank and the number.
fn account(payment: &Payment, checkout_id: &CheckoutId, keys: Option<&Keyring>) -> Option<VirtualAccount> {
    let account = payment.virtual_account.as_ref()?;
    Some(VirtualAccount {
        bank: plain(account.bank_code.as_deref()?),
        account_number: plain(account.account_number.as_ref()?.expose()),
        due_date: account.due_date.map(to_timestamp),
        sealed_holder: holder(account, checkout_id, keys),
    })
}

/// The name on an account, sealed. A name that is missing or too long, or that cannot be sealed, holds up no payment.
fn holder(account: &toss::VirtualAccount, checkout_id: &CheckoutId, keys: Option<&Keyring>) -> Option<String> {
    let (keys, name) = (keys?, account.customer_name.as_ref()?.expose());
    if name.is_empty() || name.chars().count() > MAX_HOLDER_CHARS {
        return None;
    }
    match seal_holder(keys, checkout_id, name) {
        Ok(sealed) => Some(sealed),
        Err(error) => {
            tracing::error!(
                checkout.id = %checkout_id,
                error = &error as &dyn std::error::Error,
                "the name on the virtual account of {checkout_id} was not sealed, and is not kept"
            );
            None
        }
    }
}

fn is_overdue(payment: &Payment) -> bool {
    payment
        .virtual_account
        .as_ref()
        .is_some_and(|account| account.expired == Some(true) || account.due_date.is_some_and(|due| due < Utc::now()))
}

pub(crate) fn unreadable(evidence: &str) -> Doubt {
    Doubt::answered(evidence.to_owned())
}

pub(crate) fn idempotency_key(text: &str) -> Result<IdempotencyKey, ActivityError> {
    IdempotencyKey::parse(text).map_err(|error| doubtful(unreadable(&error.to_string())))
}

pub(crate) fn to_timestamp(time: DateTime<FixedOffset>) -> Timestamp {
    Timestamp::from_epoch_ms(time.timestamp_millis())
}

pub(crate) fn to_toss_account(account: RefundAccount) -> toss::RefundAccount {
    let RefundAccount { bank, account_number, holder_name } = account;
    toss::RefundAccount { bank, account_number, holder_name }
}

/// The PSP by the keys of a currency; by the first keys for a request of a version that knew no others.
pub(crate) fn by_keys_of(toss: &toss::Client, currency: Option<Currency>) -> Result<toss::Client, ActivityError> {
    let Some(currency) = currency else { return Ok(toss.clone()) };
    toss.of(to_toss_currency(currency)).ok_or_else(|| failure::no_keys(currency))
}

/// The currency as the PSP's client knows it.
pub const fn to_toss_currency(currency: Currency) -> toss::Currency {
    match currency {
        Currency::Krw => toss::Currency::Krw,
        Currency::Usd => toss::Currency::Usd,
        Currency::Jpy => toss::Currency::Jpy,
    }
}

/// The currency in the books; `None` for what is no currency of ISO 4217.
pub(crate) const fn to_currency(currency: toss::Currency) -> Option<Currency> {
    match currency {
        toss::Currency::Krw => Some(Currency::Krw),
        toss::Currency::Usd => Some(Currency::Usd),
        toss::Currency::Jpy => Some(Currency::Jpy),
        toss::Currency::MicroUsd => None,
    }
}
