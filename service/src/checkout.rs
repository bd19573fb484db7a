//! Checkouts: finding, creating and confirming one.

pub mod confirm;
pub mod create;

use domain::id::{CheckoutId, PaymentOrderId};
use store::{CheckoutRecord, ConfirmToken, StoreError};

use crate::Service;

/// What an id names: a whole checkout, or one of its payment orders.
#[derive(Debug, Clone)]
pub enum Named {
    /// A whole checkout.
    Checkout(CheckoutRecord),
    /// One payment order.
    Order {
        /// The checkout of the payment order.
        record: CheckoutRecord,
        /// The payment order.
        order: PaymentOrderId,
    },
}

/// What kind of thing a caller says that an id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole checkout.
    Checkout,
    /// One payment order.
    PaymentOrder,
}

/// Why an id names nothing.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// An id of older data.
    #[error("The id names a checkout and a payment order. Add the parameter `kind=checkout` or `kind=payment_order`.")]
    Ambiguous,
    /// Nothing has the id.
    #[error("Neither a checkout nor a payment order has this id.")]
    Unknown,
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Finds what an id names. New ids name one thing. An id of older data may name a checkout and a payment order of
/// another checkout; then the caller must say which `kind` is meant.
pub async fn find(service: &Service, id: &str, kind: Option<Kind>) -> Result<Named, FindError> {
    let reader = &service.reader;
    let checkout = match CheckoutId::parse(id) {
        Ok(id) if kind != Some(Kind::PaymentOrder) => reader.checkout(&id).await?,
        Ok(_) | Err(_) => None,
    };
    let order = match PaymentOrderId::parse(id) {
        Ok(order) if kind != Some(Kind::Checkout) => {
            reader.checkout_of_order(&order).await?.map(|checkout_id| (order, checkout_id))
        }
        Ok(_) | Err(_) => None,
    };
    match (checkout, order) {
        (Some(record), None) => Ok(Named::Checkout(record)),
        // The whole and its only part are the same money.
        (Some(record), Some((_, of))) if of == record.checkout_id && record.orders.len() == 1 => {
            Ok(Named::Checkout(record))
        }
        (Some(_), Some(_)) => Err(FindError::Ambiguous),
        (None, Some((order, checkout_id))) => {
            let record = reader.checkout(&checkout_id).await?.ok_or(FindError::Unknown)?;
            Ok(Named::Order { record, order })
        }
        (None, None) => Err(FindError::Unknown),
    }
}

/// Whether a token is that of a checkout. A checkout from before there were tokens has none: its buyer was given none.
pub fn proves(record: &CheckoutRecord, token: Option<&ConfirmToken>) -> bool {
    record.confirm_token_hash.as_ref().is_none_or(|hash| token.is_some_and(|token| token.has(hash)))
}

#[cfg(test)]
mod tests {
    use domain::checkout::Status;

    use super::{confirm::tests::record, *};

    #[test]
    fn only_the_token_of_the_checkout_proves_the_buyer() {
        let token = ConfirmToken::sent("ct_of-this-checkout");
        let record = CheckoutRecord { confirm_token_hash: Some(token.hash()), ..record(Status::NotStarted, None) };
        assert!(proves(&record, Some(&token)));
        for wrong in [None, Some(ConfirmToken::sent("")), Some(ConfirmToken::sent("ct_of-another"))] {
            assert!(!proves(&record, wrong.as_ref()));
        }
        let before_tokens = CheckoutRecord { confirm_token_hash: None, ..record };
        assert!(proves(&before_tokens, None) && proves(&before_tokens, Some(&token)));
    }
}
