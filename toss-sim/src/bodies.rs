//! Request bodies of Toss's API, read into what the payment understands. Unknown fields are ignored, as
//! Toss ignores them.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Number;

use crate::banks::bank_code;
use crate::codes::Code;
use crate::payment::{CancelRequest, DEFAULT_DEPOSIT_PATIENCE, RefundAccount};
use crate::till::MAX_AMOUNT;
use crate::time::{Instant, parse};

/// Largest body read, in bytes; a larger one is `INVALID_REQUEST`.
pub(crate) const MAX_BODY: usize = 64 * 1_024;

const MAX_CANCEL_REASON: usize = 200;
const MAX_ACCOUNT_NUMBER: usize = 20;
const MAX_HOLDER_NAME: usize = 60;
const MAX_CUSTOMER_NAME: usize = 100;
const MAX_ORDER_NAME: usize = 100;
const MAX_VALID_HOURS: i64 = 2_160;
const MAX_METADATA: usize = 5;
const MAX_METADATA_KEY: usize = 40;
const MAX_METADATA_VALUE: usize = 2_000;
const MAX_DUE: TimeDelta = TimeDelta::days(90);

/// A whole number of won, also as a text, as Toss's own sample shop sends it; `15000.0` is read as 15000, a fraction is
/// not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Won(pub(crate) u64);

impl<'de> Deserialize<'de> for Won {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = text(deserializer)?;
        let whole = written.strip_suffix(".0").unwrap_or(&written);
        let amount: u64 = whole.parse().map_err(|_| D::Error::custom("an amount is a whole number of won"))?;
        if amount > MAX_AMOUNT {
            return Err(D::Error::custom(format_args!("an amount is at most {MAX_AMOUNT} won")));
        }
        Ok(Self(amount))
    }
}

/// A text, or a number where a text belongs: Toss takes the one for the other.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(String),
        Number(Number),
    }

    Ok(match Written::deserialize(deserializer)? {
        Written::Text(text) => text,
        Written::Number(number) => number.to_string(),
    })
}

/// The same, where it may be absent or null.
fn optional_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    struct Text(#[serde(deserialize_with = "text")] String);

    Ok(Option::<Text>::deserialize(deserializer)?.map(|Text(text)| text))
}

/// A whole number that may be absent, null or a text.
fn optional_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let written = optional_text(deserializer)?;
    written.map(|written| written.parse().map_err(|_| D::Error::custom("not a whole number"))).transpose()
}

/// What a merchant hangs on an object: at most five pairs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Metadata(Option<BTreeMap<String, String>>);

impl Metadata {
    /// Whether it is within Toss's limits.
    pub(crate) fn is_short(&self) -> bool {
        self.0.as_ref().is_none_or(|pairs| {
            pairs.len() <= MAX_METADATA
                && pairs.iter().all(|(key, value)| {
                    key.chars().count() <= MAX_METADATA_KEY
                        && !key.contains(['[', ']'])
                        && value.chars().count() <= MAX_METADATA_VALUE
                })
        })
    }
}

/// Body of `POST /v1/payments/confirm`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConfirmBody {
    pub(crate) payment_key: String,
    #[serde(deserialize_with = "text")]
    pub(crate) order_id: String,
    pub(crate) amount: Won,
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
    cancel_amount: Option<Won>,
    refundable_amount: Option<Won>,
    currency: Option<String>,
    refund_receive_account: Option<RefundReceiveAccount>,
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
    #[serde(default, deserialize_with = "optional_number")]
    valid_hours: Option<i64>,
    due_date: Option<String>,
}

/// A well-formed request for a virtual account.
#[derive(Debug)]
pub(crate) struct AccountRequest {
    pub(crate) amount: u64,
    pub(crate) order_id: String,
    pub(crate) order_name: String,
    pub(crate) customer_name: String,
    pub(crate) bank_code: &'static str,
    pub(crate) due: Instant,
}

/// Reads a body; whatever is wrong with it is `INVALID_REQUEST`.
pub(crate) fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Code> {
    serde_json::from_slice(body).map_err(|_| Code::InvalidRequest)
}

/// Whether this may name an order: 6 to 64 of `A-Z a-z 0-9 - _ =`.
pub(crate) fn is_order_id(text: &str) -> bool {
    (6..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'='))
}

/// Whether this may name what is bought: 1 to 100 characters.
pub(crate) fn is_order_name(text: &str) -> bool {
    (1..=MAX_ORDER_NAME).contains(&text.chars().count())
}

/// Reads the body of a cancel.
///
/// # Errors
/// Toss's code for what is wrong with the body by itself.
pub(crate) fn cancel_request(body: &[u8]) -> Result<CancelRequest, Code> {
    let body: CancelBody = read(body)?;
    if body.cancel_reason.trim().is_empty() || body.cancel_reason.chars().count() > MAX_CANCEL_REASON {
        return Err(Code::InvalidRequest);
    }
    if body.currency.is_some_and(|currency| currency != "KRW") {
        return Err(Code::InvalidCurrency);
    }
    Ok(CancelRequest {
        reason: body.cancel_reason,
        amount: body.cancel_amount.map(|Won(amount)| amount),
        refundable: body.refundable_amount.map(|Won(amount)| amount),
        refund_account: body.refund_receive_account.map(refund_account).transpose()?,
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
    Ok(AccountRequest {
        amount: body.amount.0,
        bank_code: bank_code(&body.bank).ok_or(Code::InvalidBank)?,
        due: due(body.valid_hours, body.due_date.as_deref(), now)?,
        order_id: body.order_id,
        order_name: body.order_name,
        customer_name: body.customer_name,
    })
}

fn due(valid_hours: Option<i64>, due_date: Option<&str>, now: Instant) -> Result<Instant, Code> {
    match (valid_hours, due_date) {
        (Some(_), Some(_)) => Err(Code::InvalidValidHoursWithDueDateAndSingle),
        (None, None) => Ok(now + DEFAULT_DEPOSIT_PATIENCE),
        (Some(hours), None) if hours < 1 => Err(Code::InvalidRequest),
        (Some(hours), None) if hours > MAX_VALID_HOURS => Err(Code::ExceedMaxValidHours),
        (Some(hours), None) => Ok(now + TimeDelta::hours(hours)),
        (None, Some(date)) => {
            let due = parse(date).filter(|due| *due > now).ok_or(Code::InvalidDate)?;
            if due > now + MAX_DUE { Err(Code::ExceedMaxDueDate) } else { Ok(due) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{account_request, cancel_request, is_order_id, read};
    use crate::bodies::Won;
    use crate::codes::Code;
    use chrono::DateTime;

    #[test]
    fn won_are_whole() {
        assert_eq!(read::<Won>(b"15000"), Ok(Won(15_000)));
        assert_eq!(read::<Won>(b"15000.0"), Ok(Won(15_000)));
        assert_eq!(read::<Won>(b"\"15000\""), Ok(Won(15_000)));
        for wrong in ["0.5", "-1", "\"won\"", "\"\"", "\"-1\"", "\" 1\"", "true", "null", "1e30", "1000000000001"] {
            assert_eq!(read::<Won>(wrong.as_bytes()), Err(Code::InvalidRequest), "{wrong}");
        }
    }

    #[test]
    fn order_ids_have_six_to_sixty_four_plain_characters() {
        assert!(is_order_id("order-1") && is_order_id(&"a".repeat(64)));
        for wrong in ["order", &"a".repeat(65), "주문번호-1", "order 1"] {
            assert!(!is_order_id(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_cancel_body_is_refused_for_what_is_wrong_with_it() {
        let cases = [
            (r#"{"cancelAmount":1}"#, Code::InvalidRequest),
            (r#"{"cancelReason":" "}"#, Code::InvalidRequest),
            (r#"{"cancelReason":"a","currency":"USD"}"#, Code::InvalidCurrency),
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
            assert_eq!(cancel_request(body.as_bytes()).map(|_| ()), Err(code), "{body}");
        }
        assert!(cancel_request(r#"{"cancelReason":"변심","unknown":1}"#.as_bytes()).is_ok());
    }

    #[test]
    fn a_virtual_account_has_one_kind_of_due_date() {
        let body = |extra: &str| {
            let body = format!(
                r#"{{"amount":1000,"orderId":"order-1","orderName":"책","customerName":"김","bank":"20"{extra}}}"#
            );
            account_request(body.as_bytes(), DateTime::UNIX_EPOCH).map(|request| request.due.timestamp() / 3600)
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
