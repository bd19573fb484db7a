//! The body that asks for money back.

use domain::{
    Currency, Money,
    money::MoneyError,
    refund::{MAX_REASON_CHARS, RefundAccount},
};
use serde_json::Value;
use service::refund::CancelRequest;
use sha2::{Digest, Sha256};

use crate::{
    http::{
        body::JsonBody,
        card_numbers,
        fields::FieldErrors,
        forms::{Shown, text_form},
        problem::{Code, FieldCode, Problem},
        table::body,
    },
    openapi::{examples, shapes::Amount},
};

/// The most characters of a bank's code or name.
const MAX_BANK_CHARS: usize = 30;
/// The most digits of an account number. Source: Toss Payments, `refundReceiveAccount.accountNumber`.
const MAX_ACCOUNT_DIGITS: usize = 20;
/// The most characters of a holder's name. Source: Toss Payments, `refundReceiveAccount.holderName`.
const MAX_HOLDER_CHARS: usize = 60;
/// What the buyer's statement says when nobody gives a reason.
const NO_REASON: &str = "주문 취소";

body! {
    /// Money that is to go back.
    pub(crate) struct CancellationBody as "Cancellation" with example examples::cancellation {
        /// The amount, in the currency of the payment; all that is left by default.
        amount: optional Amount,
        /// What the buyer reads.
        reason: required Shown<MAX_REASON_CHARS>,
        refund_account: optional AccountBody,
    }
}

body! {
    /// An account of the buyer's. Needed where the buyer paid into a virtual account, and refused elsewhere. It is told
    /// to the payment provider and not kept.
    struct AccountBody as "RefundAccount" {
        /// The bank, by its code or its name.
        bank: required Shown<MAX_BANK_CHARS>,
        account_number: required AccountNumber,
        holder_name: required Shown<MAX_HOLDER_CHARS>,
    }
}

text_form! {
    /// The number of a bank account.
    AccountNumber: String = account_number, |text| text.pattern(Some(format!("^[0-9]{{1,{MAX_ACCOUNT_DIGITS}}}$")))
}

/// A request for all that is left of `target`, without a body.
pub(super) fn of_rest(target: &str) -> CancelRequest {
    let fingerprint = fingerprint(target, "rest");
    CancelRequest { amount: None, reason: NO_REASON.to_owned(), account: None, fingerprint }
}

/// Reads the body of a request about `target`.
pub(super) fn read(target: &str, body: &JsonBody) -> Result<CancelRequest, Problem> {
    if card_numbers::stands_in(&without_account_number(body.value())) {
        let detail = "The body holds what looks like a card number. A refund goes back to the card by itself.";
        return Err(Problem::new(Code::CardNumberRefused, detail));
    }
    let mut errors = FieldErrors::default();
    let CancellationBody { amount, reason, refund_account } = CancellationBody::read(&body.fields(), &mut errors);
    let amount = amount.inspect(|amount| check_amount(amount, &mut errors));
    let account = refund_account.map(AccountBody::whole);
    let request = reason.filter(|_| !matches!(account, Some(None))).map(|reason| CancelRequest {
        amount,
        reason,
        account: account.flatten(),
        fingerprint: fingerprint(target, &body.fingerprint()),
    });
    errors.finish(request)
}

impl AccountBody {
    fn whole(self) -> Option<RefundAccount> {
        let Self { bank, account_number, holder_name } = self;
        Some(RefundAccount { bank: bank?, account_number: account_number?, holder_name: holder_name? })
    }
}

/// Checks an amount as far as it can be without its currency, which is the payment's. Of the currencies the dollar has
/// the most decimals.
fn check_amount(text: &str, errors: &mut FieldErrors) {
    match Money::parse(text, Currency::Usd) {
        Ok(amount) if amount.is_zero() => errors.add("amount".to_owned(), FieldCode::Invalid, "must be above zero"),
        Ok(_) | Err(MoneyError::TooManyDecimals(_)) => {}
        Err(error) => errors.add("amount".to_owned(), FieldCode::Invalid, error),
    }
}

fn account_number(text: &str) -> Result<String, String> {
    if (1..=MAX_ACCOUNT_DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(text.to_owned());
    }
    Err(format!("must have 1 to {MAX_ACCOUNT_DIGITS} digits and nothing else"))
}

/// The body without the account number: in its own field, digits are an account's, though some pass for a card's.
fn without_account_number(body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(number) = body.pointer_mut("/refund_account/account_number") {
        let is_account = number.as_str().is_some_and(|number| {
            number.len() <= MAX_ACCOUNT_DIGITS && number.bytes().all(|byte| byte.is_ascii_digit())
        });
        if is_account {
            *number = Value::Null;
        }
    }
    body
}

/// The same body about another payment is another request.
fn fingerprint(target: &str, body: &str) -> String {
    hex::encode(Sha256::digest(format!("{target}\n{body}").as_bytes()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use service::refund::RefundError;

    use super::*;
    use crate::http::table::tests::assert_lengths;

    fn read_value(body: &Value) -> Result<CancelRequest, Problem> {
        read("checkout-1", &JsonBody::parse(body.to_string().as_bytes()).unwrap())
    }

    fn account(number: &str) -> Value {
        json!({ "reason": "환불", "refund_account": { "bank": "88", "account_number": number, "holder_name": "김토스" } })
    }

    #[test]
    fn the_lengths_of_the_document_are_those_of_the_reader() {
        assert_lengths::<CancellationBody>(1);
        assert_lengths::<AccountBody>(2);
    }

    #[test]
    fn a_full_body_is_a_wish() {
        let wish = read_value(&json!({ "amount": "5000", "reason": "단순 변심" })).unwrap();
        assert_eq!(wish.amount(Currency::Krw).unwrap().unwrap().to_string(), "5000 KRW");
        assert!(wish.is_partial() && wish.account.is_none());
        assert_eq!(read_value(&account("110123456789")).unwrap().account.unwrap().account_number, "110123456789");
    }

    #[test]
    fn a_bad_field_is_named() {
        let cases = [
            (json!({}), "reason"),
            (json!({ "reason": "" }), "reason"),
            (json!({ "reason": "x".repeat(121) }), "reason"),
            (json!({ "reason": "x", "amount": 5000 }), "amount"),
            (json!({ "reason": "x", "amount": null }), "amount"),
            (json!({ "reason": "x", "amount": "" }), "amount"),
            (json!({ "reason": "\u{200b}" }), "reason"),
            (json!({ "reason": "😀".repeat(61) }), "reason"),
            (json!({ "reason": "x", "refund_account": null }), "refund_account"),
            (json!({ "reason": "x", "refund_account": "110" }), "refund_account"),
            (
                json!({
                    "reason": "x",
                    "refund_account": { "bank": "88", "account_number": "110-1", "holder_name": "x" },
                }),
                "refund_account.account_number",
            ),
            (json!({ "reason": "x", "all": true }), "all"),
        ];
        for (body, field) in cases {
            let problem = read_value(&body).unwrap_err();
            assert_eq!(problem.fields().first().map(|error| error.field.as_str()), Some(field), "{body}");
        }
        for amount in ["0", "5000.5", "-1", "x"] {
            let body = json!({ "reason": "x", "amount": amount });
            let refused = read_value(&body)
                .and_then(|wish| wish.amount(Currency::Krw).map_err(|error| RefundError::from(error).into()))
                .unwrap_err();
            assert_eq!(refused.fields()[0].field, "amount", "{amount}");
        }
        let all = json!({ "reason": "", "amount": "x", "all": true, "refund_account": { "bank": "", "cvc": "1" } });
        assert_eq!(read_value(&all).unwrap_err().fields().len(), 7, "all that is wrong is told at once");
    }

    #[test]
    fn an_account_number_passes_and_a_card_number_does_not() {
        // All but the first and the last pass for card numbers.
        for number in ["1101234567", "30569309025904", "378282246310005", "4111111111111111", "12345678901234"] {
            assert!(read_value(&account(number)).is_ok(), "{number}");
        }
        let mut holder = account("1101234567");
        holder["refund_account"]["holder_name"] = "4111111111111111".into();
        for body in [account("4111 1111 1111 1111"), holder, json!({ "reason": "4111 1111 1111 1111" })] {
            assert_eq!(read_value(&body).unwrap_err().code(), Code::CardNumberRefused, "{body}");
        }
    }

    #[test]
    fn the_same_body_about_another_payment_is_another_request() {
        let body = JsonBody::parse(br#"{"reason": "x"}"#).unwrap();
        assert_eq!(read("a", &body).unwrap().fingerprint, read("a", &body).unwrap().fingerprint);
        assert_ne!(read("a", &body).unwrap().fingerprint, read("b", &body).unwrap().fingerprint);
    }
}
