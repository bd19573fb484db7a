//! The body that confirms a payment, and who may send it.
//!
//! A browser proves by the confirmation token that it is the buyer's: a checkout's id is told to many, and proves
//! nothing. The marketplace confirms by its API key.

use domain::id::{CheckoutId, PaymentKey};
use service::checkout::{confirm::Claim, proves};
use store::ConfirmToken;

use crate::{
    Api,
    http::{
        body::JsonBody,
        caller::Confirmer,
        fields::FieldErrors,
        forms::{Text, text_form},
        problem::Problem,
        table::body,
    },
    openapi::{examples, shapes::Amount},
};

/// The most characters of a token.
const MAX_TOKEN_CHARS: usize = 100;

body! {
    /// What was agreed in the payment provider's window.
    pub(crate) struct ConfirmationBody as "Confirmation" with example examples::confirmation {
        /// The payment provider's key of this payment.
        payment_key: required KeyOfPayment,
        /// The checkout's id.
        order_id: required Text,
        amount: required Amount,
        /// The `confirm_token` of the checkout; unless an API key of scope `checkout` comes.
        token: optional Token,
    }
}

text_form! {
    /// The payment provider's key of a payment.
    KeyOfPayment: PaymentKey = PaymentKey::parse,
    |text| text.min_length(Some(1)).max_length(Some(PaymentKey::MAX_CHARS)).pattern(Some("^[!-~]+$"))
}
text_form! {
    /// A confirmation token as it was sent.
    Token: ConfirmToken = token, |text| text.max_length(Some(MAX_TOKEN_CHARS))
}

/// What a request to confirm holds.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) claim: Claim,
    /// What the buyer's browser proves.
    pub(super) token: Option<ConfirmToken>,
}

/// Reads the body.
pub(super) fn read(body: &JsonBody) -> Result<Sent, Problem> {
    let mut errors = FieldErrors::default();
    let ConfirmationBody { payment_key, order_id, amount, token } = ConfirmationBody::read(&body.fields(), &mut errors);
    let claim = payment_key.zip(order_id).zip(amount).map(|((payment_key, order_id), amount)| Claim {
        payment_key,
        order_id,
        amount,
    });
    errors.finish(claim.map(|claim| Sent { claim, token }))
}

fn token(text: &str) -> Result<ConfirmToken, String> {
    if text.len() <= MAX_TOKEN_CHARS {
        return Ok(ConfirmToken::sent(text));
    }
    Err(format!("must have at most {MAX_TOKEN_CHARS} characters"))
}

/// Lets the marketplace confirm, and a browser that proves to be the buyer's. A missing or wrong token is a failed
/// authentication and is counted as one; who has proved to be the buyer passes whatever came from the address before,
/// and has quotas of their own.
pub(super) async fn admit(
    api: &Api,
    confirmer: &Confirmer,
    id: &CheckoutId,
    token: Option<&ConfirmToken>,
) -> Result<(), Problem> {
    let Confirmer::Browser(visit) = confirmer else { return Ok(()) };
    let record = api.service.reader.checkout(id).await?.ok_or_else(Problem::no_checkout)?;
    if !proves(&record, token) {
        let refusal = Problem::confirm_token(token.is_some());
        return Err(visit.as_ref().map_or_else(|| refusal.clone(), |visit| visit.count_failure(refusal.clone())));
    }
    visit.as_ref().map_or(Ok(()), |visit| visit.count_confirmation(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{problem::Code, table::tests::assert_lengths};

    #[test]
    fn the_lengths_of_the_document_are_those_of_the_reader() {
        assert_lengths::<ConfirmationBody>(2);
    }

    #[test]
    fn a_claim_that_is_malformed_is_refused() {
        let read = |body: &str| read(&JsonBody::parse(body.as_bytes()).unwrap()).map_err(|problem| problem.code());
        for body in [
            r#"{"payment_key": "key", "order_id": "checkout-1", "amount": 15000}"#,
            r#"{"payment_key": "", "order_id": "checkout-1", "amount": "15000"}"#,
            r#"{"order_id": "checkout-1", "amount": "15000"}"#,
        ] {
            assert_eq!(read(body).unwrap_err(), Code::ValidationFailed, "{body}");
        }
        let sent = read(r#"{"payment_key": "key", "order_id": "?", "amount": "15000.5"}"#).unwrap();
        assert_eq!((sent.claim.order_id.as_str(), sent.claim.amount.as_str()), ("?", "15000.5"));
    }
}
