//! How the console asks Toss for its own view of a payment.

use std::sync::Arc;

use activities::psp_view::{PspReading, look_at};
use service::psp_view::{ANSWER_TIME, PspAnswer, PspProbe, PspQuestion};
use tokio::time::timeout;

/// Asks with a client, where the process has one.
pub(crate) fn probe(toss: Option<toss::Client>) -> Arc<PspProbe> {
    let toss = toss.map(|client| client.within(ANSWER_TIME));
    Arc::new(move |PspQuestion { checkout_id, currency, payment_key }| {
        let toss = toss.clone();
        Box::pin(async move {
            let Some(toss) = toss else { return PspAnswer::NotAsked };
            match timeout(ANSWER_TIME, look_at(&toss, &checkout_id, currency, payment_key.as_ref())).await {
                Ok(PspReading::Known(payment)) => PspAnswer::Known(payment),
                Ok(PspReading::Unknown) => PspAnswer::Unknown,
                Ok(PspReading::Unreadable(why)) => PspAnswer::Unreadable(why),
                Err(_) => PspAnswer::Unreadable(format!("Toss did not answer for {} s", ANSWER_TIME.as_secs())),
            }
        })
    })
}
