//! What is refused before it is sent, and the names of the limits.

use std::fmt;
use std::ops::RangeInclusive;

/// Characters of an idempotency key. Source: Toss, authorization page.
pub const IDEMPOTENCY_KEY_LIMIT: usize = 300;
/// Characters of a payment key. Source: Toss, core API reference.
pub const PAYMENT_KEY_LIMIT: usize = 200;
/// Fewest characters of an order id. Source: Toss, core API reference.
pub const ORDER_ID_MINIMUM: usize = 6;
/// Most characters of an order id. Source: Toss, core API reference.
pub const ORDER_ID_LIMIT: usize = 64;
/// Characters of the reason for a cancellation. Source: Toss, core API reference.
pub const REASON_LIMIT: usize = 200;
/// Minor units of an amount: fifteen digits, what a JSON number carries exactly everywhere.
pub const AMOUNT_LIMIT: u64 = 999_999_999_999_999;
/// Digits of a refund account. Source: Toss, core API reference.
pub(crate) const ACCOUNT_NUMBER_LIMIT: usize = 20;
/// Characters of a refund account's holder. Source: Toss, core API reference.
pub(crate) const HOLDER_NAME_LIMIT: usize = 60;

/// A value that Toss would refuse, refused here so that no idempotency key is spent on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// The idempotency key is not 1 to [`IDEMPOTENCY_KEY_LIMIT`] visible ASCII characters.
    #[error("an idempotency key is 1 to {IDEMPOTENCY_KEY_LIMIT} visible ASCII characters")]
    IdempotencyKey,
    /// The payment key is not 1 to [`PAYMENT_KEY_LIMIT`] visible ASCII characters.
    #[error("a payment key is 1 to {PAYMENT_KEY_LIMIT} visible ASCII characters")]
    PaymentKey,
    /// The order id is not [`ORDER_ID_MINIMUM`] to [`ORDER_ID_LIMIT`] of `A-Z a-z 0-9 - _ =`.
    #[error("an order id is {ORDER_ID_MINIMUM} to {ORDER_ID_LIMIT} letters, digits, '-', '_' or '='")]
    OrderId,
    /// The reason for a cancellation is empty or longer than [`REASON_LIMIT`] characters.
    #[error("a reason for cancelling is 1 to {REASON_LIMIT} characters")]
    Reason,
    /// The amount is zero or beyond [`AMOUNT_LIMIT`].
    #[error("an amount is 1 to {AMOUNT_LIMIT} minor units")]
    Amount,
    /// The refund account has no bank, no digits-only number of at most 20, or no holder of at
    /// most 60 characters.
    #[error(
        "a refund account is a bank, a number of 1 to {ACCOUNT_NUMBER_LIMIT} digits \
         and a holder of 1 to {HOLDER_NAME_LIMIT} characters"
    )]
    RefundAccount,
    /// The call is sealed and [`crate::Config::security_key`] is not set.
    #[error("the call has to be sealed and no security key is configured")]
    SecurityKey,
    /// Another field keeps not to its rule.
    #[error("{field} {rule}")]
    Field {
        /// Toss's name of the field.
        field: &'static str,
        /// What it has to be, as the rest of the sentence.
        rule: &'static str,
    },
}

/// The name under which Toss executes a POST at most once, for 15 days.
///
/// Toss compares key, secret key, address and method but **not the body**, and it binds refusals
/// as well as successes: a corrected request under the same key gets the old refusal again. So use
/// the same key after no answer, and a new one for a new decision.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Takes 1 to [`IDEMPOTENCY_KEY_LIMIT`] visible ASCII characters.
    ///
    /// # Errors
    ///
    /// [`LimitError::IdempotencyKey`] for anything else.
    pub fn parse(text: impl Into<String>) -> Result<Self, LimitError> {
        let text = text.into();
        if !is_visible(&text, IDEMPOTENCY_KEY_LIMIT) {
            return Err(LimitError::IdempotencyKey);
        }
        Ok(Self(text))
    }

    /// The key as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IdempotencyKey").field(&self.0).finish()
    }
}

pub(crate) fn payment_key(text: &str) -> Result<(), LimitError> {
    if !is_segment(text) {
        return Err(LimitError::PaymentKey);
    }
    Ok(())
}

pub(crate) fn order_id(text: &str) -> Result<(), LimitError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'=');
    if !(ORDER_ID_MINIMUM..=ORDER_ID_LIMIT).contains(&text.len()) || !text.bytes().all(allowed) {
        return Err(LimitError::OrderId);
    }
    Ok(())
}

pub(crate) fn reason(text: &str) -> Result<(), LimitError> {
    if text.trim().is_empty() || text.chars().count() > REASON_LIMIT {
        return Err(LimitError::Reason);
    }
    Ok(())
}

pub(crate) fn amount(minor: u64) -> Result<(), LimitError> {
    if !(1..=AMOUNT_LIMIT).contains(&minor) {
        return Err(LimitError::Amount);
    }
    Ok(())
}

/// A text of 1 to `limit` characters.
pub(crate) fn text(value: &str, limit: usize, field: &'static str, rule: &'static str) -> Result<(), LimitError> {
    holds(!value.trim().is_empty() && value.chars().count() <= limit, field, rule)
}

/// A text of decimal digits.
pub(crate) fn digits(
    value: &str,
    lengths: RangeInclusive<usize>,
    field: &'static str,
    rule: &'static str,
) -> Result<(), LimitError> {
    holds(lengths.contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit()), field, rule)
}

/// A name of Toss's that becomes a segment of an address.
pub(crate) fn segment(value: &str, field: &'static str) -> Result<(), LimitError> {
    holds(is_segment(value), field, "is 1 to 200 visible ASCII characters")
}

/// Any other rule.
pub(crate) fn holds(kept: bool, field: &'static str, rule: &'static str) -> Result<(), LimitError> {
    if kept { Ok(()) } else { Err(LimitError::Field { field, rule }) }
}

/// A dot segment would be folded away and the request would reach another address.
fn is_segment(text: &str) -> bool {
    is_visible(text, PAYMENT_KEY_LIMIT) && !matches!(text, "." | "..")
}

fn is_visible(text: &str, limit: usize) -> bool {
    (1..=limit).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_ids_keep_their_limits() {
        assert!(IdempotencyKey::parse("a".repeat(300)).is_ok());
        for broken in [String::new(), "a".repeat(301), "a b".into(), "한".into(), "a\n".into()] {
            assert_eq!(IdempotencyKey::parse(broken), Err(LimitError::IdempotencyKey));
        }
        for fine in ["abcdef", "a-_=09", &"a".repeat(64)] {
            assert_eq!(order_id(fine), Ok(()), "{fine}");
        }
        for broken in ["abcde", &"a".repeat(65), "abc/def", "abcdef ", "주문번호입니다"] {
            assert_eq!(order_id(broken), Err(LimitError::OrderId), "{broken}");
        }
        assert_eq!(payment_key(&"k".repeat(200)), Ok(()));
        for broken in ["", ".", "..", "a b", &"k".repeat(201)] {
            assert_eq!(payment_key(broken), Err(LimitError::PaymentKey), "{broken}");
        }
    }

    #[test]
    fn reasons_are_counted_in_characters() {
        assert_eq!(reason(&"가".repeat(200)), Ok(()));
        for broken in ["", "   ", &"가".repeat(201)] {
            assert_eq!(reason(broken), Err(LimitError::Reason));
        }
        assert_eq!(amount(0), Err(LimitError::Amount));
        assert_eq!(amount(AMOUNT_LIMIT), Ok(()));
        assert_eq!(amount(AMOUNT_LIMIT + 1), Err(LimitError::Amount));
    }
}
