//! The calls to the PSP that give money back.
#![expect(missing_docs, reason = "`#[activities]` expands each method to a constant without a docstring")]

use std::sync::Arc;

use domain::{
    Money,
    inquiry::Doubt,
    refund::{Executed, RefundAnswer, RefundReport, is_marked, mark},
};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use toss::{Cancel, CancelDetails, CancelRequest, CancelStatus, Payment};
use workflows::ports::{LookUpRefund, Refund, RefundCharge, RefundQuestion};

use crate::{
    failure::{PspErrorClass, after_attempt, classify, doubtful, try_again},
    psp::{by_keys_of, idempotency_key, is_about, money, to_timestamp, to_toss_account, to_toss_currency, unreadable},
};

/// By how much the PSP's clock may be behind ours, in milliseconds, when we tell old cancellations from new ones.
const CLOCK_SKEW_MS: i64 = 60 * 1_000;

/// The activities by which the PSP gives money back.
#[derive(Debug, Clone)]
pub struct PspRefunds {
    /// The way to the PSP.
    pub toss: toss::Client,
}

#[activities]
impl PspRefunds {
    /// Gives money back. A refusal of the first attempt is a value; a doubt is an error.
    #[activity(definition = Refund)]
    pub async fn refund(
        self: Arc<Self>,
        ctx: ActivityContext,
        charge: RefundCharge,
    ) -> Result<RefundAnswer, ActivityError> {
        let key = idempotency_key(&charge.idempotency_key)?;
        let request = CancelRequest {
            reason: format!("{} {}", charge.reason, mark(&charge.refund_id)),
            amount: Some(charge.amount.minor()),
            currency: to_toss_currency(charge.amount.currency()),
            refundable_amount: Some(charge.held.minor()),
            refund_account: charge.account.map(to_toss_account),
        };
        let tax_free_amount = charge.tax_free.map(Money::minor);
        let details = CancelDetails { tax_free_amount, ..CancelDetails::default() };
        let toss = by_keys_of(&self.toss, Some(charge.amount.currency()))?;
        match toss.cancel_with(charge.payment_key.as_str(), &request, &details, &key).await {
            Ok(payment) => {
                is_about(&payment, &charge.payment_key, &charge.checkout_id).map_err(doubtful)?;
                let marked = marked(&payment, &mark(&charge.refund_id)).map_err(doubtful)?;
                let missing = || unreadable("the PSP's answer does not hold this refund");
                marked.ok_or_else(missing).map(RefundAnswer::Executed).map_err(doubtful)
            }
            Err(error) => match after_attempt(ctx.info().attempt, classify(&error)) {
                PspErrorClass::Refused(failure) | PspErrorClass::NotOurs(failure) => Ok(RefundAnswer::Refused(failure)),
                PspErrorClass::TryAgain => Err(try_again(error)),
                PspErrorClass::Ask(doubt) => Err(doubtful(doubt)),
            },
        }
    }

    /// Asks what became of a refund.
    #[activity(definition = LookUpRefund)]
    pub async fn look_up(
        self: Arc<Self>,
        _ctx: ActivityContext,
        question: RefundQuestion,
    ) -> Result<RefundReport, ActivityError> {
        let toss = by_keys_of(&self.toss, Some(question.amount.currency()))?;
        let payment = toss.payment(question.payment_key.as_str()).await.map_err(try_again)?;
        is_about(&payment, &question.payment_key, &question.checkout_id).map_err(doubtful)?;
        see(&payment, &question).map_err(doubtful)
    }
}

fn see(payment: &Payment, question: &RefundQuestion) -> Result<RefundReport, Doubt> {
    let ours = marked(payment, &mark(&question.refund_id))?;
    let since = question.first_sent_at.epoch_ms() - CLOCK_SKEW_MS;
    let is_lookalike = |cancel: &Cancel| {
        cancel.cancel_amount == question.amount.minor()
            && !cancel.cancel_reason.as_deref().is_some_and(is_marked)
            && cancel.canceled_at.is_none_or(|at| at.timestamp_millis() >= since)
    };
    let left = money(payment, payment.balance_amount)?;
    Ok(RefundReport { ours, left, lookalike: payment.cancels.iter().any(is_lookalike), complete: is_complete(payment) })
}

/// Whether the cancellations that are shown have all ended, each with a reason to know ours by, and make up all that is
/// not left. One that was aborted gave nothing back.
fn is_complete(payment: &Payment) -> bool {
    let given_back = payment.cancels.iter().try_fold(0_u64, |sum, cancel| match &cancel.cancel_status {
        None | Some(CancelStatus::Done) => {
            cancel.cancel_reason.as_ref().and_then(|_| sum.checked_add(cancel.cancel_amount))
        }
        Some(CancelStatus::Aborted) => Some(sum),
        Some(CancelStatus::InProgress | CancelStatus::Other(_)) => None,
    });
    given_back.and_then(|sum| sum.checked_add(payment.balance_amount)) == Some(payment.total_amount)
}

/// The cancellation that bears a mark.
fn marked(payment: &Payment, mark: &str) -> Result<Option<Executed>, Doubt> {
    let bears = |cancel: &&Cancel| cancel.cancel_reason.as_deref().is_some_and(|reason| reason.ends_with(mark));
    let Some(cancel) = payment.cancels.iter().find(bears) else { return Ok(None) };
    match &cancel.cancel_status {
        None | Some(CancelStatus::Done) => {}
        Some(CancelStatus::Aborted) => return Ok(None),
        Some(CancelStatus::InProgress | CancelStatus::Other(_)) => {
            return Err(unreadable("the PSP has not ended the cancellation"));
        }
    }
    let now = || to_timestamp(chrono::Utc::now().fixed_offset());
    Ok(Some(Executed {
        amount: money(payment, cancel.cancel_amount)?,
        executed_at: cancel.canceled_at.map_or_else(now, to_timestamp),
        transaction_key: cancel.transaction_key.clone(),
    }))
}
