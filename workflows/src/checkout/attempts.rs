//! The attempts to pay: which one is under way, which were declined, and what each is answered.

use domain::{
    checkout::{
        ConfirmRefusal, Confirmable, Confirmation, MAX_DECLINES, MAX_REJECTED_KEYS, Payable, Phase, Plan, Status,
    },
    failure::Failure,
    id::PaymentKey,
};

/// The buyer's attempts to pay one checkout, one after the other.
#[derive(Debug, Default)]
pub struct Attempts {
    /// The one under way, or that came to rest with money held or awaited.
    under_way: Option<Confirmation>,
    /// Whether the PSP knows the payment under way as none of this checkout.
    rejected: bool,
    rejections: u32,
    /// Those that ended without money.
    declined: Vec<PaymentKey>,
    /// Whether another may follow the last one that was declined.
    retryable: bool,
    /// Whether a person is asked about the one under way, and the buyer need not wait for the answer.
    pub in_review: bool,
}

impl Attempts {
    /// Decides whether a confirmation is taken by a checkout that stands at `status`.
    pub fn check(
        &self,
        plan: &Plan,
        status: Status,
        confirmation: &Confirmation,
    ) -> Result<Confirmable, ConfirmRefusal> {
        let known = |key: &PaymentKey| *key == confirmation.payment_key;
        let declined = self.declined.iter().find(|key| known(key));
        let bound = declined.or(self.under_way.as_ref().map(|confirmation| &confirmation.payment_key));
        let takes_another = self.retryable && self.under_way.is_none();
        let (checkout_id, total) = (plan.checkout_id(), plan.total());
        Payable { checkout_id, total, status, bound_to: bound, retryable: takes_another }.check(confirmation)
    }

    /// The attempts that the record tells of: the one under way, those that were declined, and whether another may
    /// follow.
    pub fn recall(under_way: Option<Confirmation>, declined: Vec<PaymentKey>, retryable: bool) -> Self {
        Self { under_way, declined, retryable, ..Self::default() }
    }

    /// Takes a confirmation that [`Attempts::check`] let begin.
    pub fn begin(&mut self, confirmation: Confirmation) {
        self.under_way = Some(confirmation);
    }

    /// The attempt to charge next, if there is one.
    pub fn next(&self) -> Option<&Confirmation> {
        self.under_way.as_ref().filter(|_| !self.rejected)
    }

    /// Whether any payment is under way, or came to rest.
    pub fn is_any_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    /// Which attempt this is, from zero. An idempotency key is bound to its first answer whatever the body, so each
    /// attempt has its own.
    pub fn number(&self) -> u32 {
        self.rejections + u32::try_from(self.declined.len()).unwrap_or(u32::MAX)
    }

    /// Whether another attempt may follow one that is declined now.
    pub fn may_follow(&self) -> bool {
        u32::try_from(self.declined.len()).unwrap_or(u32::MAX) + 1 < MAX_DECLINES
    }

    /// The attempt under way ended without money.
    pub fn decline(&mut self, failure: &Failure) {
        self.retryable = failure.retryable;
        self.in_review = false;
        self.declined.extend(self.under_way.take().map(|confirmation| confirmation.payment_key));
    }

    /// The attempt under way is none of this checkout. Answers whether another one is ever taken.
    pub fn reject(&mut self) -> bool {
        self.rejected = true;
        self.rejections += 1;
        self.rejections < MAX_REJECTED_KEYS
    }

    /// Forgets an attempt that was rejected.
    pub fn forget(&mut self) {
        (self.rejected, self.under_way) = (false, None);
    }

    /// What came of a payment, in a checkout that stands at `status`; `None` while nothing has.
    pub fn answer(&self, payment_key: &PaymentKey, status: Status) -> Option<Status> {
        if self.declined.contains(payment_key) {
            return Some(status);
        }
        if self.next().is_none_or(|confirmation| confirmation.payment_key != *payment_key) {
            return Some(Status::NotStarted);
        }
        match status.phase() {
            // Of a checkout that failed, another attempt failed: this one has not begun.
            Phase::Open | Phase::Declined | Phase::Moving => None,
            Phase::Held => self.in_review.then_some(status),
            Phase::Deposit | Phase::Paid | Phase::Closed => Some(status),
        }
    }
}
