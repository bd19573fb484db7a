//! Booking the money that moved.
#![expect(missing_docs, reason = "`#[activities]` expands each method to a constant without a docstring")]

use std::{sync::Arc, time::Duration};

use domain::calendar::ReleaseRule;
use store::{StoreError, Writer};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use workflows::ports::{DepositReturn, DepositSeen, Payment, Post, SeeDeposit, TakeBack, TakenBack};

use crate::{failure::store_failure, paid::PaidTimes};

/// The activities that write the books.
#[derive(Debug, Clone)]
pub struct Ledger {
    /// Where they are written.
    pub writer: Writer,
    /// When what a seller has earned may be paid out.
    pub release_rule: ReleaseRule,
    /// Where it is counted how long buyers waited.
    pub paid: PaidTimes,
}

#[activities]
impl Ledger {
    /// Books a captured payment and what it brings about, in one transaction. The revision is the key.
    #[activity(definition = Post)]
    pub async fn post(self: Arc<Self>, _ctx: ActivityContext, payment: Payment) -> Result<(), ActivityError> {
        let paid_at = payment.entry.fields().occurred_at;
        let releases_at = self.release_rule.releases_at(payment.method.as_deref(), paid_at);
        self.writer.post(&payment, releases_at).await.map_err(store_failure)?;
        if let Some(confirmed_at) = payment.confirmed_at {
            self.paid.count(Duration::from_millis(payment.change.occurred_at.ms_since(confirmed_at)));
        }
        Ok(())
    }

    /// Writes that the PSP holds a booked deposit. Only a later word changes anything.
    #[activity(definition = SeeDeposit)]
    pub async fn see_deposit(self: Arc<Self>, _ctx: ActivityContext, seen: DepositSeen) -> Result<(), ActivityError> {
        self.writer.see_deposit(&seen).await.map_err(store_failure)
    }

    /// Takes back what was booked of a deposit, in one transaction with the status. What the books refuse is for a
    /// person to mend; so is a checkout that was moved on meanwhile.
    #[activity(definition = TakeBack)]
    pub async fn take_back(
        self: Arc<Self>,
        _ctx: ActivityContext,
        returned: DepositReturn,
    ) -> Result<TakenBack, ActivityError> {
        match self.writer.take_deposit_back(&returned).await {
            Ok(()) => Ok(TakenBack::Done),
            Err(error @ (StoreError::Refused(_) | StoreError::OutOfStep { .. })) => {
                Ok(TakenBack::Refused { reason: error.to_string() })
            }
            Err(error) => Err(store_failure(error)),
        }
    }
}
