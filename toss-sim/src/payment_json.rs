//! A payment as Toss writes it: every field of the Payment object, null where there is nothing to say.
//!
//! Shape: Toss Payments reference, Payment object, API version 2022-11-16.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::cancel::Cancel;
use crate::cash_receipt;
use crate::codes::Language;
use crate::currency::Currency;
use crate::method::Method;
use crate::payment::{Payment, Status, VirtualAccount};
use crate::time::{Instant, with_offset};
use crate::wallets::{DEFAULT_ISSUER, ForeignEasyPay, acquirer};

pub(crate) const API_VERSION: &str = "2022-11-16";
/// The phone of a buyer whose shop has not said it.
const UNSAID_PHONE: &str = "01012345678";
/// The card of a window.
const CARD_NUMBER: &str = "43301234****123*";
/// How long after the window opened an answer carries the buyer's refund account.
const REFUND_ACCOUNT_SHOWN: TimeDelta = TimeDelta::minutes(30);

/// Everything around a payment that its JSON needs.
#[derive(Clone, Copy)]
pub(crate) struct Setting<'a> {
    pub(crate) merchant_id: &'a str,
    pub(crate) public_url: &'a str,
    pub(crate) language: Language,
    pub(crate) now: Instant,
    /// `NORMAL` or `BILLING`.
    pub(crate) payment_type: &'static str,
}

impl Method {
    pub(crate) const ALL: [Self; 9] = [
        Self::Card,
        Self::EasyPay,
        Self::Transfer,
        Self::VirtualAccount,
        Self::MobilePhone,
        Self::CultureGiftCertificate,
        Self::BookGiftCertificate,
        Self::GameGiftCertificate,
        Self::ForeignEasyPay,
    ];

    /// The name in a Payment. The English names are inferred from the browser script's.
    pub(crate) fn name(self, language: Language) -> &'static str {
        let (korean, english) = match self {
            Self::Card => ("카드", "CARD"),
            Self::VirtualAccount => ("가상계좌", "VIRTUAL_ACCOUNT"),
            Self::Transfer => ("계좌이체", "TRANSFER"),
            Self::EasyPay => ("간편결제", "EASY_PAY"),
            Self::MobilePhone => ("휴대폰", "MOBILE_PHONE"),
            Self::CultureGiftCertificate => ("문화상품권", "CULTURE_GIFT_CERTIFICATE"),
            Self::BookGiftCertificate => ("도서문화상품권", "BOOK_GIFT_CERTIFICATE"),
            Self::GameGiftCertificate => ("게임문화상품권", "GAME_GIFT_CERTIFICATE"),
            Self::ForeignEasyPay => ("해외간편결제", "FOREIGN_EASY_PAY"),
        };
        match language {
            Language::Korean => korean,
            Language::English => english,
        }
    }

    /// The method of a Korean or English name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|method| name == method.name(Language::Korean) || name == method.name(Language::English))
    }

    /// Another method, for a row that is planted to be wrong.
    pub(crate) fn other(self) -> Self {
        if self == Self::Transfer { Self::Card } else { Self::Transfer }
    }

    fn is_gift_certificate(self) -> bool {
        match self {
            Self::CultureGiftCertificate | Self::BookGiftCertificate | Self::GameGiftCertificate => true,
            Self::Card
            | Self::EasyPay
            | Self::Transfer
            | Self::VirtualAccount
            | Self::MobilePhone
            | Self::ForeignEasyPay => false,
        }
    }
}

/// What is left of a payment, by tax, in minor units.
struct Taxed {
    supplied: u64,
    vat: u64,
}

impl Taxed {
    /// VAT is one eleventh of the taxed amount, rounded half up.
    fn of(payment: &Payment) -> Self {
        let untaxed = payment.tax_free_left() + payment.tax_exemption_left();
        let taxed = payment.balance.saturating_sub(untaxed);
        let vat = (taxed + 5) / 11;
        Self { supplied: taxed - vat, vat }
    }
}

/// The Payment object.
pub(crate) fn payment_json(payment: &Payment, setting: Setting<'_>) -> Value {
    let method = payment.method;
    let is_confirmed = payment.status.uses_up_the_order();
    let Taxed { supplied, vat } = Taxed::of(payment);
    let currency = payment.currency;
    let number = |minor| currency.number(minor);
    let shown = json!({
        "mId": setting.merchant_id,
        "version": API_VERSION,
        "paymentKey": payment.key,
        "status": payment.status.name(),
        "lastTransactionKey": payment.last_transaction_key,
        "transactionKey": null,
        "orderId": payment.order_id,
        "orderName": payment.order_name,
        "requestedAt": with_offset(payment.requested_at),
        "approvedAt": payment.approved_at.map(with_offset),
        "useEscrow": is_confirmed.then_some(payment.terms.use_escrow),
        "cultureExpense": payment.terms.is_cultural && method != Some(Method::Card),
        "cashReceipt": cash_receipt::of_payment(&payment.receipts, setting.public_url),
        "cashReceipts": cash_receipt::rows_of_payment(&payment.receipts, setting.public_url, setting.now),
        "discount": null,
        "cancels": (!payment.cancels.is_empty())
            .then(|| payment.cancels.iter().map(|cancel| cancel_json(cancel, currency)).collect::<Vec<_>>()),
        "secret": payment.secret,
        "type": setting.payment_type,
        "easyPayAmount": null,
        "easyPayDiscountAmount": null,
        "country": "KR",
        "failure": payment.failure
            .map(|code| json!({ "code": code.name(), "message": code.message(setting.language) })),
        "isPartialCancelable": !payment.terms.use_escrow && payment.terms.tax_exemption == 0,
        "receipt": is_confirmed.then(|| json!({ "url": receipt_url(payment, setting) })),
        "checkout": { "url": format!("{}/v1/payments/{}/checkout", setting.public_url, payment.key) },
        "currency": currency.code(),
        "totalAmount": number(payment.total),
        "balanceAmount": number(payment.balance),
        "suppliedAmount": number(supplied),
        "vat": number(vat),
        "taxFreeAmount": number(payment.tax_free_left()),
        "taxExemptionAmount": number(payment.tax_exemption_left()),
        "metadata": payment.terms.metadata,
        "method": method.map(|method| method.name(setting.language)),
    });
    with_methods(shown, payment, setting)
}

/// An object with what the payment was paid with: one object, and null for every other method.
pub(crate) fn with_methods(mut shown: Value, payment: &Payment, setting: Setting<'_>) -> Value {
    if let (Value::Object(fields), Value::Object(methods)) = (&mut shown, methods_json(payment, setting)) {
        fields.extend(methods);
    }
    shown
}

fn methods_json(payment: &Payment, setting: Setting<'_>) -> Value {
    let method = payment.method;
    let is_confirmed = payment.status.uses_up_the_order();
    json!({
        "card": (is_confirmed && method == Some(Method::Card)).then(|| card_json(payment, setting.language)),
        "virtualAccount": payment.virtual_account.as_ref().map(|account| account_json(account, payment, setting)),
        "transfer": (is_confirmed && method == Some(Method::Transfer))
            .then(|| json!({ "bankCode": payment.bank_code, "settlementStatus": "INCOMPLETED" })),
        "mobilePhone": (is_confirmed && method == Some(Method::MobilePhone)).then(|| json!({
            "customerMobilePhone": payment.terms.customer_mobile_phone.as_deref().unwrap_or(UNSAID_PHONE),
            "settlementStatus": "INCOMPLETED",
            "receiptUrl": receipt_url(payment, setting),
        })),
        "giftCertificate": (is_confirmed && method.is_some_and(Method::is_gift_certificate))
            .then(|| json!({ "approveNo": payment.approve_number, "settlementStatus": "INCOMPLETED" })),
        "easyPay": easy_pay_json(payment, setting.language),
    })
}

/// An object for an easy pay of Korea, and a plain text for one of another country.
fn easy_pay_json(payment: &Payment, language: Language) -> Value {
    let is_confirmed = payment.status.uses_up_the_order();
    match payment.method.filter(|_| is_confirmed) {
        Some(Method::EasyPay) => {
            let provider = payment.terms.easy_pay.name(language);
            json!({ "provider": provider, "amount": payment.currency.number(payment.total), "discountAmount": 0 })
        }
        Some(Method::ForeignEasyPay) => json!(payment.terms.foreign_easy_pay.map(ForeignEasyPay::name)),
        Some(
            Method::Card
            | Method::Transfer
            | Method::VirtualAccount
            | Method::MobilePhone
            | Method::CultureGiftCertificate
            | Method::BookGiftCertificate
            | Method::GameGiftCertificate,
        )
        | None => Value::Null,
    }
}

fn receipt_url(payment: &Payment, setting: Setting<'_>) -> String {
    format!("{}/_window/receipts/{}", setting.public_url, payment.key)
}

fn card_json(payment: &Payment, language: Language) -> Value {
    let (card_type, owner_type) = match language {
        Language::Korean => ("신용", "개인"),
        Language::English => ("CREDIT", "PERSONAL"),
    };
    let card = &payment.terms.card;
    let issuer = card.issuer.as_deref().unwrap_or(DEFAULT_ISSUER);
    let acquire_status = if payment.status == Status::Canceled { "CANCELED" } else { "READY" };
    json!({
        "amount": payment.currency.number(payment.total),
        "issuerCode": issuer,
        "acquirerCode": acquirer(issuer),
        "number": card.number.as_deref().unwrap_or(CARD_NUMBER),
        "installmentPlanMonths": card.installment_months,
        "approveNo": payment.approve_number,
        "useCardPoint": card.use_point,
        "cardType": card_type,
        "ownerType": owner_type,
        "acquireStatus": acquire_status,
        "isInterestFree": card.is_interest_free,
        "interestPayer": card.is_interest_free.then_some("MERCHANT"),
    })
}

fn account_json(account: &VirtualAccount, payment: &Payment, setting: Setting<'_>) -> Value {
    let shows_refund_account = setting.now < payment.requested_at + REFUND_ACCOUNT_SHOWN;
    let refund_account = account.refund_account.as_ref().or(payment.terms.refund_account.as_ref());
    json!({
        "accountType": match setting.language {
            Language::Korean => "일반",
            Language::English => "NORMAL",
        },
        "accountNumber": account.number,
        "bankCode": account.bank_code,
        "customerName": account.customer_name,
        "depositorName": if payment.captured { account.customer_name.as_str() } else { "" },
        "dueDate": with_offset(account.due),
        "refundStatus": if account.refund_account.is_some() { "PENDING" } else { "NONE" },
        "expired": payment.deposit_is_overdue(setting.now),
        "settlementStatus": "INCOMPLETED",
        "refundReceiveAccount": refund_account.filter(|_| shows_refund_account).map(|refund| json!({
            "bankCode": refund.bank_code,
            "accountNumber": refund.number,
            "holderName": refund.holder,
        })),
    })
}

/// The Cancel object.
pub(crate) fn cancel_json(cancel: &Cancel, currency: Currency) -> Value {
    let number = |minor| currency.number(minor);
    json!({
        "cancelAmount": number(cancel.amount),
        "cancelReason": cancel.reason,
        "taxFreeAmount": number(cancel.tax_free),
        "taxExemptionAmount": number(cancel.tax_exemption),
        "refundableAmount": number(cancel.refundable),
        "cardDiscountAmount": 0,
        "transferDiscountAmount": 0,
        "easyPayDiscountAmount": 0,
        "canceledAt": with_offset(cancel.canceled_at),
        "transactionKey": cancel.transaction_key,
        "receiptKey": cancel.receipt_key,
        "cancelStatus": "DONE",
        "cancelRequestId": null,
    })
}
