//! The PSP's own view of a payment, for a person. It is no activity: nothing waits for it and nothing is written.

use domain::{
    Currency,
    id::{CheckoutId, PaymentKey},
    inquiry::Doubt,
    psp_payment::{PspCancel, PspPayment},
};
use toss::{Meaning, Payment};

use crate::{
    psp::{money, read_charge, to_timestamp, to_toss_currency, unreadable},
    words::plain,
};

/// What came of looking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PspReading {
    /// The PSP knows the payment.
    Known(Box<PspPayment>),
    /// It knows no such payment.
    Unknown,
    /// It did not answer, or not as it is documented: why.
    Unreadable(String),
}

/// Looks a payment up once, by its key or, where none is known, by its checkout.
pub async fn look_at(
    toss: &toss::Client,
    checkout_id: &CheckoutId,
    currency: Currency,
    key: Option<&PaymentKey>,
) -> PspReading {
    let Some(toss) = toss.of(to_toss_currency(currency)) else {
        return PspReading::Unreadable(format!("no keys of the PSP for {currency} are set"));
    };
    let answer = match key {
        Some(key) => toss.payment(key.as_str()).await,
        None => toss.payment_by_order(checkout_id.as_str()).await,
    };
    match answer {
        Ok(payment) => match read(&payment, checkout_id) {
            Ok(payment) => PspReading::Known(Box::new(payment)),
            Err(doubt) => PspReading::Unreadable(doubt.evidence),
        },
        Err(error) if error.meaning() == Some(Meaning::UnknownPayment) => PspReading::Unknown,
        Err(error) => PspReading::Unreadable(error.to_string()),
    }
}

fn read(payment: &Payment, checkout_id: &CheckoutId) -> Result<PspPayment, Doubt> {
    let no_key = |_| unreadable("the PSP named a payment by what is no key");
    let payment_key = PaymentKey::parse(payment.payment_key.as_str()).map_err(no_key)?;
    let cancel = |cancel: &toss::Cancel| {
        Ok(PspCancel { amount: money(payment, cancel.cancel_amount)?, at: cancel.canceled_at.map(to_timestamp) })
    };
    Ok(PspPayment {
        status: plain(payment.status.as_str()),
        total: money(payment, payment.total_amount)?,
        charge: read_charge(payment, &payment_key, checkout_id, None)?,
        cancels: payment.cancels.iter().map(cancel).collect::<Result<_, Doubt>>()?,
        payment_key,
    })
}
