//! What is asked of Toss, and the bodies that ask it.

use std::fmt;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::amounts::{Currency, json_number};
use crate::client::written;
use crate::limits::{self, ACCOUNT_NUMBER_LIMIT, AMOUNT_LIMIT, HOLDER_NAME_LIMIT, LimitError, holds};

/// Takes the money of a payment the buyer has authenticated, within 10 minutes of that.
///
/// Key, order and amount must be those of the window; Toss refuses any other with
/// `FORBIDDEN_REQUEST`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfirmRequest {
    /// Toss's name for the payment, from the success redirect.
    pub payment_key: String,
    /// The merchant's name for the order.
    pub order_id: String,
    /// Minor units of `currency`.
    pub amount: u64,
    /// The currency of the window. It is not sent; it says what a minor unit is.
    pub currency: Currency,
}

/// Gives back all or a part of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelRequest {
    /// Why, for the buyer and the dashboard. At most 200 characters.
    pub reason: String,
    /// Minor units of `currency`; `None` cancels all that remains.
    pub amount: Option<u64>,
    /// The currency in which the payment was approved.
    pub currency: Currency,
    /// What the caller believes remains, in minor units. If it does not, Toss does nothing and
    /// answers `NOT_MATCHES_REFUNDABLE_AMOUNT`.
    pub refundable_amount: Option<u64>,
    /// Where to pay, needed only for a virtual account into which money has come.
    pub refund_account: Option<RefundAccount>,
}

/// What a cancellation says besides, where goods differ in tax or the wallet is foreign. Minor units of
/// [`CancelRequest::currency`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CancelDetails {
    /// The part of the cancelled amount without tax.
    pub tax_free_amount: Option<u64>,
    /// The part of the cancelled amount exempt from tax. Toss cancels a card payment that has one only
    /// as a whole.
    pub tax_exemption_amount: Option<u64>,
    /// The merchant's name for an asynchronous cancellation by a foreign wallet, 6 to 64 characters.
    pub cancel_request_id: Option<String>,
}

/// The bank account that receives the refund of a deposit.
#[derive(Clone, PartialEq, Eq)]
pub struct RefundAccount {
    /// Bank code (two characters), or the bank's Korean or English name.
    pub bank: String,
    /// Digits only, at most 20.
    pub account_number: String,
    /// Holder's name, at most 60 characters; Toss compares it with the bank's.
    pub holder_name: String,
}

impl fmt::Debug for RefundAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefundAccount").field("bank", &self.bank).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConfirmBody<'a> {
    payment_key: &'a str,
    order_id: &'a str,
    amount: Box<RawValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CancelBody<'a> {
    cancel_reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel_amount: Option<Box<RawValue>>,
    currency: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refundable_amount: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_receive_account: Option<AccountBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tax_free_amount: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tax_exemption_amount: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel_request_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountBody<'a> {
    bank: &'a str,
    account_number: &'a str,
    holder_name: &'a str,
}

impl ConfirmRequest {
    pub(crate) fn check(&self) -> Result<(), LimitError> {
        limits::payment_key(&self.payment_key)?;
        limits::order_id(&self.order_id)?;
        limits::amount(self.amount)
    }

    pub(crate) fn body(&self) -> Result<Vec<u8>, LimitError> {
        written(&ConfirmBody {
            payment_key: &self.payment_key,
            order_id: &self.order_id,
            amount: json_number(self.amount, self.currency)?,
        })
    }
}

impl CancelRequest {
    pub(crate) fn check(&self, details: &CancelDetails) -> Result<(), LimitError> {
        limits::reason(&self.reason)?;
        self.amount.map_or(Ok(()), limits::amount)?;
        let most = Some(self.amount.unwrap_or(AMOUNT_LIMIT));
        holds(details.tax_free_amount <= most, "taxFreeAmount", "is a part of the amount")?;
        holds(details.tax_exemption_amount <= most, "taxExemptionAmount", "is a part of the amount")?;
        details.cancel_request_id.as_deref().map_or(Ok(()), |id| {
            holds((6..=64).contains(&id.chars().count()), "cancelRequestId", "is 6 to 64 characters")
        })?;
        self.refundable_amount.map_or(Ok(()), limits::amount)?;
        self.refund_account.as_ref().map_or(Ok(()), RefundAccount::check)
    }

    pub(crate) fn body(&self, details: &CancelDetails) -> Result<Vec<u8>, LimitError> {
        let number = |minor: Option<u64>| minor.map(|minor| json_number(minor, self.currency)).transpose();
        written(&CancelBody {
            cancel_reason: &self.reason,
            cancel_amount: number(self.amount)?,
            currency: self.currency.as_str(),
            refundable_amount: number(self.refundable_amount)?,
            refund_receive_account: self.refund_account.as_ref().map(|account| AccountBody {
                bank: &account.bank,
                account_number: &account.account_number,
                holder_name: &account.holder_name,
            }),
            tax_free_amount: number(details.tax_free_amount)?,
            tax_exemption_amount: number(details.tax_exemption_amount)?,
            cancel_request_id: details.cancel_request_id.as_deref(),
        })
    }
}

impl RefundAccount {
    fn check(&self) -> Result<(), LimitError> {
        let number = &self.account_number;
        let number_fits =
            (1..=ACCOUNT_NUMBER_LIMIT).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
        let holder_fits = (1..=HOLDER_NAME_LIMIT).contains(&self.holder_name.chars().count());
        if self.bank.is_empty() || !number_fits || !holder_fits {
            return Err(LimitError::RefundAccount);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cancel() -> CancelRequest {
        CancelRequest {
            reason: "단순 변심".into(),
            amount: None,
            currency: Currency::Krw,
            refundable_amount: None,
            refund_account: None,
        }
    }

    fn text(body: Result<Vec<u8>, LimitError>) -> String {
        String::from_utf8_lossy(&body.unwrap_or_default()).into_owned()
    }

    #[test]
    fn bodies_are_toss_words_with_exact_numbers() {
        let confirm = ConfirmRequest {
            payment_key: "key".into(),
            order_id: "order-1".into(),
            amount: 1_005,
            currency: Currency::Usd,
        };
        assert_eq!(text(confirm.body()), r#"{"paymentKey":"key","orderId":"order-1","amount":10.05}"#);
        assert_eq!(text(cancel().body(&CancelDetails::default())), r#"{"cancelReason":"단순 변심","currency":"KRW"}"#);
        let partial = CancelRequest {
            amount: Some(1_000),
            refundable_amount: Some(15_000),
            refund_account: Some(RefundAccount {
                bank: "88".into(),
                account_number: "110123456789".into(),
                holder_name: "김토스".into(),
            }),
            ..cancel()
        };
        assert_eq!(partial.check(&CancelDetails::default()), Ok(()));
        assert_eq!(
            text(partial.body(&CancelDetails::default())),
            concat!(
                r#"{"cancelReason":"단순 변심","cancelAmount":1000,"currency":"KRW","#,
                r#""refundableAmount":15000,"refundReceiveAccount":{"bank":"88","#,
                r#""accountNumber":"110123456789","holderName":"김토스"}}"#
            )
        );
    }

    #[test]
    fn the_details_of_a_cancellation_are_written_and_are_parts_of_it() {
        let request = CancelRequest { amount: Some(1_000), currency: Currency::Usd, ..cancel() };
        let details = CancelDetails {
            tax_free_amount: Some(205),
            tax_exemption_amount: Some(0),
            cancel_request_id: Some("cancel-1".into()),
        };
        assert_eq!(request.check(&details), Ok(()));
        assert_eq!(
            text(request.body(&details)),
            concat!(
                r#"{"cancelReason":"단순 변심","cancelAmount":10.00,"currency":"USD","#,
                r#""taxFreeAmount":2.05,"taxExemptionAmount":0.00,"cancelRequestId":"cancel-1"}"#
            )
        );
        for broken in [
            CancelDetails { tax_free_amount: Some(1_001), ..details.clone() },
            CancelDetails { tax_exemption_amount: Some(1_001), ..details.clone() },
            CancelDetails { cancel_request_id: Some("short".into()), ..details },
        ] {
            assert!(matches!(request.check(&broken), Err(LimitError::Field { .. })), "{broken:?}");
        }
    }

    #[test]
    fn a_refund_account_is_checked_and_not_printed() {
        let account = |bank: &str, number: &str, holder: &str| RefundAccount {
            bank: bank.into(),
            account_number: number.into(),
            holder_name: holder.into(),
        };
        let long = "가".repeat(61);
        for broken in [
            account("", "1", "a"),
            account("88", "", "a"),
            account("88", "110-12", "a"),
            account("88", "123456789012345678901", "a"),
            account("88", "1", ""),
            account("88", "1", &long),
        ] {
            let request = CancelRequest { refund_account: Some(broken), ..cancel() };
            assert_eq!(request.check(&CancelDetails::default()), Err(LimitError::RefundAccount));
        }
        let printed = format!("{:?}", account("88", "110123456789", "김토스"));
        assert!(!printed.contains("110123456789") && !printed.contains("김토스"), "{printed}");
    }
}
