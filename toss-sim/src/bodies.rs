//! Request bodies of Toss's API, read into what the payment understands. Unknown fields are ignored, as
//! Toss ignores them.

use serde::Deserialize;

use crate::banks::{RefundAccount, bank_code};
use crate::cancel::CancelRequest;
use crate::codes::Code;
use crate::currency::{Amount, Currency, Money};
use crate::fields::{Won, is_order_id, is_order_name, optional_text, read, text};
use crate::terms::{CommonBody, Terms};
use crate::time::Instant;

const MAX_CANCEL_REASON: usize = 200;
const MAX_ACCOUNT_NUMBER: usize = 20;
const MAX_HOLDER_NAME: usize = 60;
const MAX_CUSTOMER_NAME: usize = 100;

/// Body of `POST /v1/payments/confirm`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConfirmBody {
    /// In the older form of the call the path has it.
    pub(crate) payment_key: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) order_id: String,
    pub(crate) amount: Amount,
}

/// The fields every body may carry that say whom it is about.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct About {
    pub(crate) payment_key: Option<String>,
    #[serde(deserialize_with = "optional_text")]
    pub(crate) order_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CancelBody {
    cancel_reason: String,
    cancel_amount: Option<Amount>,
    refundable_amount: Option<Amount>,
    currency: Option<String>,
    refund_receive_account: Option<RefundReceiveAccount>,
    tax_free_amount: Option<Amount>,
    tax_exemption_amount: Option<Amount>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RefundReceiveAccount {
    bank: String,
    account_number: String,
    holder_name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct VirtualAccountBody {
    amount: Won,
    #[serde(deserialize_with = "text")]
    order_id: String,
    order_name: String,
    customer_name: String,
    bank: String,
    /// The number of a fixed account, for which a contract is needed.
    account_key: Option<String>,
    #[serde(flatten)]
    common: CommonBody,
}

/// A well-formed request for a virtual account.
#[derive(Debug)]
pub(crate) struct AccountRequest {
    pub(crate) amount: u64,
    pub(crate) order_id: String,
    pub(crate) order_name: String,
    pub(crate) customer_name: String,
    pub(crate) bank_code: &'static str,
    pub(crate) terms: Terms,
}

/// Reads the body of a cancel of a payment in a currency.
///
/// # Errors
/// Toss's code for what is wrong with the body by itself.
pub(crate) fn cancel_request(body: &[u8], currency: Currency) -> Result<CancelRequest, Code> {
    let body: CancelBody = read(body)?;
    if body.cancel_reason.trim().is_empty() || body.cancel_reason.chars().count() > MAX_CANCEL_REASON {
        return Err(Code::InvalidRequest);
    }
    if body.currency.is_some_and(|named| named != currency.code()) {
        return Err(Code::InvalidCurrency);
    }
    let minor = |amount: Option<Amount>| amount.map(|amount| amount.minor(currency)).transpose();
    Ok(CancelRequest {
        reason: body.cancel_reason,
        amount: minor(body.cancel_amount)?,
        refundable: minor(body.refundable_amount)?,
        refund_account: body.refund_receive_account.map(refund_account).transpose()?,
        tax_free: minor(body.tax_free_amount)?,
        tax_exemption: minor(body.tax_exemption_amount)?,
    })
}

fn refund_account(account: RefundReceiveAccount) -> Result<RefundAccount, Code> {
    let bank_code = bank_code(&account.bank).ok_or(Code::InvalidBank)?;
    let is_number = (1..=MAX_ACCOUNT_NUMBER).contains(&account.account_number.len())
        && account.account_number.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number {
        return Err(Code::InvalidRefundAccountNumber);
    }
    if account.holder_name.trim().is_empty() || account.holder_name.chars().count() > MAX_HOLDER_NAME {
        return Err(Code::InvalidRefundAccountInfo);
    }
    Ok(RefundAccount { bank_code: bank_code.to_owned(), number: account.account_number, holder: account.holder_name })
}

/// Reads the body of `POST /v1/virtual-accounts`.
///
/// # Errors
/// Toss's code for what is wrong with the body by itself.
pub(crate) fn account_request(body: &[u8], now: Instant) -> Result<AccountRequest, Code> {
    let body: VirtualAccountBody = read(body)?;
    if !is_order_id(&body.order_id) {
        return Err(Code::InvalidOrderId);
    }
    if !is_order_name(&body.order_name) {
        return Err(Code::InvalidOrderName);
    }
    if !(1..=MAX_CUSTOMER_NAME).contains(&body.customer_name.chars().count()) {
        return Err(Code::InvalidRequest);
    }
    if body.amount.0 == 0 {
        return Err(Code::BelowZeroAmount);
    }
    if body.account_key.is_some() {
        return Err(Code::InvalidVirtualAccountType);
    }
    Ok(AccountRequest {
        amount: body.amount.0,
        bank_code: bank_code(&body.bank).ok_or(Code::InvalidBank)?,
        terms: body.common.terms(Money::won(body.amount.0), now)?,
        order_id: body.order_id,
        order_name: body.order_name,
        customer_name: body.customer_name,
    })
}

#[cfg(test)]
mod tests {
    use super::{account_request, cancel_request};
    use crate::codes::Code;
    use crate::currency::Currency;
    use chrono::DateTime;

    #[test]
    fn a_cancel_body_is_refused_for_what_is_wrong_with_it() {
        let cases = [
            (r#"{"cancelAmount":1}"#, Code::InvalidRequest),
            (r#"{"cancelReason":" "}"#, Code::InvalidRequest),
            (r#"{"cancelReason":"a","currency":"USD"}"#, Code::InvalidCurrency),
            (r#"{"cancelReason":"a","cancelAmount":10.05}"#, Code::InvalidRequest),
            (
                r#"{"cancelReason":"a","refundReceiveAccount":{"bank":"가짜","accountNumber":"1","holderName":"a"}}"#,
                Code::InvalidBank,
            ),
            (
                r#"{"cancelReason":"a","refundReceiveAccount":{"bank":"88","accountNumber":"1-2","holderName":"a"}}"#,
                Code::InvalidRefundAccountNumber,
            ),
        ];
        for (body, code) in cases {
            assert_eq!(cancel_request(body.as_bytes(), Currency::Krw).map(|_| ()), Err(code), "{body}");
        }
        assert!(cancel_request(r#"{"cancelReason":"변심","unknown":1}"#.as_bytes(), Currency::Krw).is_ok());
        let cents = r#"{"cancelReason":"a","cancelAmount":10.05,"currency":"USD"}"#;
        assert_eq!(cancel_request(cents.as_bytes(), Currency::Usd).map(|request| request.amount), Ok(Some(1_005)));
    }

    #[test]
    fn a_virtual_account_has_one_kind_of_due_date() {
        let body = |extra: &str| {
            let body = format!(
                r#"{{"amount":1000,"orderId":"order-1","orderName":"책","customerName":"김","bank":"20"{extra}}}"#
            );
            let now = DateTime::UNIX_EPOCH;
            account_request(body.as_bytes(), now).map(|request| request.terms.deposit_due(now).timestamp() / 3600)
        };
        assert_eq!(body(""), Ok(168));
        assert_eq!(body(r#","validHours":24"#), Ok(24));
        assert_eq!(body(r#","validHours":"24""#), Ok(24));
        assert_eq!(body(r#","validHours":null"#), Ok(168));
        assert_eq!(body(r#","validHours":"a day""#), Err(Code::InvalidRequest));
        assert_eq!(body(r#","dueDate":"1970-01-02T09:00:00""#), Ok(24));
        assert_eq!(body(r#","validHours":2161"#), Err(Code::ExceedMaxValidHours));
        assert_eq!(body(r#","dueDate":"1971-01-01T00:00:00""#), Err(Code::ExceedMaxDueDate));
        assert_eq!(body(r#","dueDate":"soon""#), Err(Code::InvalidDate));
        let both = body(r#","validHours":24,"dueDate":"1970-01-02T09:00:00""#);
        assert_eq!(both, Err(Code::InvalidValidHoursWithDueDateAndSingle));
    }
}
