//! The PSP's own view of a payment, read when a person asks for it. Nothing is written by it.

use std::{pin::Pin, time::Duration};

use domain::{
    Currency,
    id::{CheckoutId, PaymentKey},
    psp_payment::PspPayment,
};

/// How long the PSP may take to answer a page.
pub const ANSWER_TIME: Duration = Duration::from_secs(10);

/// What the PSP says of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PspAnswer {
    /// It knows the payment.
    Known(Box<PspPayment>),
    /// It knows no such payment.
    Unknown,
    /// It did not answer, or not as it is documented: why.
    Unreadable(String),
    /// This process has no key of the PSP.
    NotAsked,
}

/// The payment that is asked for: by the PSP's name of it, or, where none is known, by its checkout.
#[derive(Debug, Clone)]
pub struct PspQuestion {
    /// The checkout.
    pub checkout_id: CheckoutId,
    /// The checkout's currency, by whose keys the PSP is asked.
    pub currency: Currency,
    /// The PSP's name of the buyer's attempt.
    pub payment_key: Option<PaymentKey>,
}

/// Asks the PSP.
pub type PspProbe = dyn Fn(PspQuestion) -> Pin<Box<dyn Future<Output = PspAnswer> + Send>> + Send + Sync;
